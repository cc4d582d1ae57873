//! What becomes of each message and event the platform documents? THE TABLE: code dispatches on it, docs are made from it.
//!
//! Pages: Receiving_standard_messages, Receiving_event_pushes, Custom_Menu_Push_Events below
//! <https://developers.weixin.qq.com/doc/subscription/guide/product/>. A row says `OTHER` only where the schema has no name.

use crate::{
    channels::common::events::{self, Part, Row, account, act, job, message, named, notice, tap},
    schema::v1::{interaction::Kind, signal::Type},
};

const fn device(msg_type: &'static str) -> Row {
    Row {
        msg_type,
        ..act("", Type::Other, None)
    }
}

/// Every documented row.
pub const ROWS: &[Row] = &[
    message("text", Part::Text),
    message("image", Part::Image),
    message("voice", Part::Voice),
    message("video", Part::Video),
    message("shortvideo", Part::Video),
    message("location", Part::Location),
    message("link", Part::Link),
    message("file", Part::File),
    message("miniprogrampage", Part::MiniProgram),
    device("device_text"),
    device("device_event"),
    act("subscribe", Type::Followed, Some("follow")),
    notice("unsubscribe", Type::Unfollowed),
    act("SCAN", Type::Scanned, Some("scan")),
    notice("LOCATION", Type::LocationReported),
    tap("CLICK", Kind::MenuClick, Some("menu")),
    tap("VIEW", Kind::MenuView, None),
    tap("view_miniprogram", Kind::MenuView, None),
    tap("scancode_push", Kind::ScanCode, Some("menu")),
    tap("scancode_waitmsg", Kind::ScanCode, Some("menu")),
    tap("pic_sysphoto", Kind::PickPhoto, None),
    tap("pic_photo_or_album", Kind::PickPhoto, None),
    tap("pic_weixin", Kind::PickPhoto, None),
    tap("location_select", Kind::PickLocation, None),
    notice("kf_create_session", Type::SessionStateChanged),
    notice("kf_close_session", Type::SessionStateChanged),
    notice("kf_switch_session", Type::SessionStateChanged),
    job(notice("TEMPLATESENDJOBFINISH", Type::JobFinished), "MsgID"),
    notice("subscribe_msg_popup_event", Type::OptInChanged),
    notice("subscribe_msg_change_event", Type::OptInChanged),
    job(notice("subscribe_msg_sent_event", Type::JobFinished), "MsgID"),
    job(account("MASSSENDJOBFINISH", Type::JobFinished), "MsgID"),
    job(account("PUBLISHJOBFINISH", Type::JobFinished), "publish_id"),
    job(account("FREEPUBLISHJOBFINISH", Type::JobFinished), "publish_id"),
    named("user_info_modified"),
    named("user_authorization_revoke"),
    named("user_authorization_cancellation"),
    account("qualification_verify_success", Type::AccountStateChanged),
    account("qualification_verify_fail", Type::AccountStateChanged),
    account("naming_verify_success", Type::AccountStateChanged),
    account("naming_verify_fail", Type::AccountStateChanged),
    account("annual_renew", Type::AccountStateChanged),
    account("verify_expired", Type::AccountStateChanged),
    account("wxa_media_check", Type::ContentReviewed),
    account("weapp_audit_success", Type::ContentReviewed),
    account("weapp_audit_fail", Type::ContentReviewed),
    account("weapp_audit_delay", Type::ContentReviewed),
    account("card_pass_check", Type::ContentReviewed),
    account("card_not_pass_check", Type::ContentReviewed),
    account("poi_check_notify", Type::ContentReviewed),
    account("card_sku_remind", Type::Other),
    act("user_get_card", Type::Other, None),
    act("user_gifting_card", Type::Other, None),
    act("user_del_card", Type::Other, None),
    act("user_consume_card", Type::Other, None),
    act("user_pay_from_pay_cell", Type::Other, None),
    act("user_view_card", Type::Other, None),
    act("user_enter_session_from_card", Type::Other, None),
    act("submit_membercard_user_info", Type::Other, None),
    notice("update_member_card", Type::Other),
    account("card_pay_order", Type::Other),
    act("merchant_order", Type::Other, None),
    act("WifiConnected", Type::Other, None),
    act("ShakearoundUserShake", Type::Other, None),
    act("user_authorize_invoice", Type::Other, None),
    notice("update_invoice_status", Type::Other),
    act("submit_invoice_title", Type::Other, None),
    act("debug_demo", Type::Other, None),
];

/// The page `docs/official-account-events.md`.
pub fn table() -> String {
    events::table(HEAD, ROWS, TAIL)
}

const HEAD: &str = "\
# Official account: what every message and event becomes

Made from the table in `src/channels/official_account/events.rs`; a test keeps both equal.

Letter case of `MsgType` and `Event` is free. *Opens* names the allowance that the customer's act opens; *passive* says
whether an answer may ride in the request (XML accounts only). Every row has a body and the Event it becomes in
`fixtures/official_account/`.

";

const TAIL: &str = "
Beside the rows:

- A `text` with a non-empty `bizmsgmenuid` is a tap on a menu message: Interaction CHOICE, opens `menu`.
- A `location` without numbers, and every `MsgType` that no row names: a Message with an `unsupported` part and the raw body.
- An `Event` that no row names: Signal OTHER with all fields and the raw body.
- The scene of a code and the key of a menu item become `Event.entry`, repeated on every event until the session ends: pairs
  `a=1&b=2` are read, the dialect `sobot|nick|avatar|{json}` too, and JSON with `entry_json = true`.
- A body without `MsgType`: not understood, kept in quarantine.
- Identity (retries collapse on it): `appid:MsgId`; of an event `appid:FromUserName:CreateTime:Event:EventKey` where the
  push says no more than that (and the `Ticket` or `MenuId` that goes with the key), else with a fingerprint of all that it
  says behind (`EventKey` left out where there is none), because two of one sender may fall into one second; job results
  `appid:Event:MsgID` (`publish_id` of a publishing job) and the fingerprint.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_body_that_becomes_it() {
        events::check_rows(&super::super::CHANNEL, ROWS);
    }
}
