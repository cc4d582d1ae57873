//! What becomes of each message and event a mini-program's platform pushes? THE TABLE: code dispatches on it, docs are made
//! from it.
//!
//! Pages: <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/receive.html> and those
//! of the single features. What is documented on a sister channel (voice, video, location …) is typed here too. A row says
//! `OTHER` only where the schema has no name.

use crate::{
    channels::common::events::{self, Part, Row, account, act, job, message, named, notice},
    schema::v1::signal::Type,
};

/// The customer opened the chat by the contact button.
const fn enter(event: &'static str) -> Row {
    Row {
        passive: false,
        ..act(event, Type::SessionEntered, Some("enter"))
    }
}

/// Something of the account that the schema has no name for.
const fn other(event: &'static str) -> Row {
    account(event, Type::Other)
}

/// Every documented row.
pub const ROWS: &[Row] = &[
    message("text", Part::Text),
    message("image", Part::Image),
    message("miniprogrampage", Part::MiniProgram),
    message("voice", Part::Voice),
    message("video", Part::Video),
    message("shortvideo", Part::Video),
    message("location", Part::Location),
    message("link", Part::Link),
    message("file", Part::File),
    enter("user_enter_tempsession"),
    notice("kf_create_session", Type::SessionStateChanged),
    notice("kf_close_session", Type::SessionStateChanged),
    notice("kf_switch_session", Type::SessionStateChanged),
    notice("subscribe_msg_popup_event", Type::OptInChanged),
    notice("subscribe_msg_change_event", Type::OptInChanged),
    job(notice("subscribe_msg_sent_event", Type::JobFinished), "MsgID"),
    named("user_info_modified"),
    named("user_authorization_revoke"),
    named("user_authorization_cancellation"),
    account("wxa_nickname_audit", Type::AccountStateChanged),
    account("wxa_category_audit", Type::ContentReviewed),
    account("wxa_media_check", Type::ContentReviewed),
    account("weapp_audit_success", Type::ContentReviewed),
    account("weapp_audit_fail", Type::ContentReviewed),
    account("weapp_audit_delay", Type::ContentReviewed),
    other("wxa_privacy_apply"),
    other("wxa_illegal_record"),
    other("wxa_appeal_record"),
    other("wxa_punish_event"),
    other("add_waybill"),
    other("cancel_waybill"),
    other("check_biz"),
    other("get_quota"),
    other("add_express_path"),
    other("update_waybill_status"),
    other("transport_*"),
    other("trade_manage_remind_access_api"),
    other("trade_manage_remind_shipping"),
    other("trade_manage_order_settlement"),
    other("wxa_comment_*"),
    other("xpay_*"),
    other("wxalive_*"),
    other("minigame_*"),
    other("CheckContainerPath"),
    act("debug_demo", Type::Other, None),
];

/// The page `docs/mini-program-events.md`.
pub fn table() -> String {
    events::table(HEAD, ROWS, TAIL)
}

const HEAD: &str = "\
# Mini-program: what every message and event becomes

Made from the table in `src/channels/mini_program/events.rs`; a test keeps both equal.

Letter case of `MsgType` and `Event` is free, XML and JSON say the same. *Opens* names the allowance that the customer's act
opens; *passive* says whether `transfer` may ride in the request (with `platform_agents = \"allow\"`; a mini-program shows no
other answer there). A `*` stands for every event whose name begins so. Every row has a body and the Event it becomes in
`fixtures/mini_program/`.

";

const TAIL: &str = "
Beside the rows:

- `xpay_*` is answered `{\"ErrCode\":0,\"ErrMsg\":\"Success\"}` in place of `success`, in the language of the push and sealed as
  the push was, once it is durable. It says that the push arrived, not that the goods were delivered. Every other push is
  answered `success`, those of logistics too: an object is what delivery companies owe, not merchants.
- `user_enter_tempsession` carries the button's `session-from`: it becomes `Event.entry`, repeated on every event until the
  session ends. The dialect `sobot|nick|avatar|{json}` is read, pairs `a=1&b=2` too, and JSON with `entry_json = true`. A
  `card_info` of the vendor's becomes `entry.card`, and stays in `params` as it came. Without a `session-from` the entry
  holds `opensMiniProgram` alone, and takes no other's place.
- A `text` with a non-empty `bizmsgmenuid` is a tap on a link of a menu: Interaction CHOICE, opens `message`.
- A `location` without numbers, and every `MsgType` that no row names: a Message with an `unsupported` part and the raw body.
- An `Event` that no row names: Signal OTHER with all fields and the raw body. Without a sender it is the account's.
- A body without `MsgType` but with an `action` (the container check) is an event of that name; without either it is not
  understood and kept in quarantine.
- Identity (retries collapse on it): `appid:MsgId`; of an event `appid:FromUserName:CreateTime:Event:SessionFrom` where the
  push says no more than that, else with a fingerprint of all that it says behind (`SessionFrom` left out where there is
  none), because two of one sender may fall into one second; job results `appid:Event:MsgID` and the fingerprint.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_body_that_becomes_it() {
        events::check_rows(&super::super::CHANNEL, ROWS);
    }
}
