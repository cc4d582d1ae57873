//! What becomes of each message and event that WeCom documents for a self-built application? THE TABLE: code dispatches on
//! it, docs are made from it.
//!
//! Pages: <https://developer.work.weixin.qq.com/document/path/90239> (messages),
//! <https://developer.work.weixin.qq.com/document/path/90240> (events), customer contact
//! <https://developer.work.weixin.qq.com/document/path/92130>. A row says `OTHER` only where the schema has no name.

pub use crate::channels::common::events::{Becomes, Part, Row, Whose};
use crate::{
    channels::common::events::{self, account, act, job, message, notice, tap},
    schema::v1::{interaction::Kind, signal::Type},
};

/// A member's act opens no window, because none is needed; it says that the member is (again) within reach.
pub const ALWAYS: &str = "none";

const fn opening(row: Row) -> Row {
    Row {
        opens: Some(ALWAYS),
        ..row
    }
}

/// An act that no passive answer may follow.
const fn mute(row: Row) -> Row {
    Row { passive: false, ..row }
}

/// Told about somebody, whom a field of its own names.
const fn about(event: &'static str, signal: Type) -> Row {
    Row {
        whose: Whose::Named,
        ..notice(event, signal)
    }
}

/// Every documented row.
pub const ROWS: &[Row] = &[
    opening(message("text", Part::Text)),
    opening(message("image", Part::Image)),
    opening(message("voice", Part::Voice)),
    opening(message("video", Part::Video)),
    opening(message("shortvideo", Part::Video)),
    opening(message("location", Part::Location)),
    opening(message("link", Part::Link)),
    opening(message("file", Part::File)),
    opening(message("miniprogrampage", Part::MiniProgram)),
    opening(act("subscribe", Type::Followed, None)),
    notice("unsubscribe", Type::Unfollowed),
    opening(act("enter_agent", Type::SessionEntered, None)),
    Row {
        passive: true,
        ..notice("LOCATION", Type::LocationReported)
    },
    opening(tap("click", Kind::MenuClick, None)),
    opening(tap("view", Kind::MenuView, None)),
    opening(tap("view_miniprogram", Kind::MenuView, None)),
    opening(mute(tap("scancode_push", Kind::ScanCode, None))),
    opening(tap("scancode_waitmsg", Kind::ScanCode, None)),
    opening(mute(tap("pic_sysphoto", Kind::PickPhoto, None))),
    opening(mute(tap("pic_photo_or_album", Kind::PickPhoto, None))),
    opening(mute(tap("pic_weixin", Kind::PickPhoto, None))),
    opening(mute(tap("location_select", Kind::PickLocation, None))),
    opening(job(tap("template_card_event", Kind::CardAction, None), "ResponseCode")),
    opening(job(
        tap("template_card_menu_event", Kind::CardAction, None),
        "ResponseCode",
    )),
    opening(mute(tap("taskcard_click", Kind::CardAction, None))),
    job(account("batch_job_result", Type::JobFinished), "JobId"),
    about("change_contact", Type::ContactChanged),
    about("change_external_contact", Type::ContactChanged),
    account("change_external_chat", Type::GroupChanged),
    account("change_external_tag", Type::Other),
    account("customer_acquisition", Type::Other),
    account("inactive_alert", Type::AccountStateChanged),
    account("close_inactive_agent", Type::AccountStateChanged),
    account("reopen_inactive_agent", Type::AccountStateChanged),
    account("low_active_alert", Type::AccountStateChanged),
    account("low_active", Type::AccountStateChanged),
    account("active_restored", Type::AccountStateChanged),
    account("kf_account_auth_change", Type::AccountStateChanged),
    account("kf_msg_or_event", Type::Other),
    account("open_approval_change", Type::Other),
    account("sys_approval_change", Type::Other),
    account("share_agent_change", Type::Other),
    account("share_chain_change", Type::Other),
    account("msgaudit_notify", Type::Other),
];

/// The row of a push; letter case varies between senders.
pub fn row(msg_type: &str, event: &str) -> Option<&'static Row> {
    events::row(ROWS, msg_type, event)
}

/// The page `docs/wecom-app-events.md`.
pub fn table() -> String {
    events::table(HEAD, ROWS, TAIL)
}

const HEAD: &str = "\
# WeCom application: what every message and event becomes

Made from the table in `src/channels/wecom_app/events.rs`; a test keeps both equal.

Letter case of `MsgType` and `Event` is free. *Opens* names the allowance that the member's act opens: `none`, because
WeCom sets neither window nor count. *Passive* says whether an answer may ride in the request. Every row has a body and
the Event it becomes in `fixtures/wecom_app/`.

";

const TAIL: &str = "
Beside the rows:

- A click on a template card (`template_card_event`, `template_card_menu_event`): `key` is the button's key,
  `sourceMessageId` the card's task id, or the message's id where the bridge made the card; `responseCode` and
  `selections` as the platform says. A tap on a button of a neutral `menu` is a CHOICE. Inside the request of
  `template_card_event` only a change of that very card may ride.
- `change_contact`: about a member (`create_user`, `update_user`, `delete_user`) it stands in that member's conversation,
  and `delete_user` closes it for sends; a changed userid (`NewUserID`) is IDENTITY_CHANGED in the conversation of the
  new id, whose `previousKeys` name the old one. About departments and tags it stands in `a:-`.
- `change_external_contact` stands in the conversation of the external contact; `code` is its `WelcomeCode`, which lives
  for 20 s and opens the allowance `welcome_code`: one answer to that event goes by `externalcontact/send_welcome_msg`. A
  second is QUOTA_EXHAUSTED and a late one WINDOW_CLOSED, without a call: no other road leads to a contact.
- `kf_…` events are taken by the WeChat-kf account that is bound `via` this application, where there is one.
- A `location` without numbers, and every `MsgType` that no row names: a Message with an `unsupported` part and the raw
  body.
- An `Event` that no row names: Signal OTHER with all fields and the raw body; from `sys`, in `a:-`.
- The key of a menu item becomes `Event.entry`, repeated on every event until the session ends: pairs `a=1&b=2` are read, the
  dialect `sobot|nick|avatar|{json}` too, and JSON with `entry_json = true`.
- A message or tap for another `AgentID`: WRONG_RECEIVER, kept in quarantine. A body without `MsgType`: the same,
  UNDECODABLE.
- Identity (retries collapse on it): `corpid:agentid:MsgId`; `…:Event:ResponseCode` of a card, `…:Event:JobId` of a job;
  every other event by sender, time, event and a fingerprint of the whole body, because two of one sender may fall into
  one second.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_body_that_becomes_it() {
        events::check_rows(&super::super::CHANNEL, ROWS);
    }
}
