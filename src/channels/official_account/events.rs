//! What becomes of each message and event the platform documents? THE TABLE: code dispatches on it, docs are made from it.
//!
//! Pages: Receiving_standard_messages, Receiving_event_pushes, Custom_Menu_Push_Events below
//! <https://developers.weixin.qq.com/doc/subscription/guide/product/>. A row says `OTHER` only where the schema has no name.

use std::fmt::Write as _;

use crate::schema::v1::{interaction::Kind, signal::Type};

/// One documented message or event.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `MsgType`; `event` for events.
    pub msg_type: &'static str,
    /// `Event`; empty for messages.
    pub event: &'static str,
    pub becomes: Becomes,
    pub whose: Whose,
    /// The allowance it opens.
    pub opens: Option<&'static str>,
    /// Whether an answer inside the request reaches the customer.
    pub passive: bool,
    /// Whether the customer did something just now.
    pub acted: bool,
    /// The field whose values tell two of them apart beside sender and time; empty = `EventKey`.
    pub job: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    Part(Part),
    Interaction(Kind),
    Signal(Type),
}

/// The part a message becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Text,
    Image,
    Voice,
    Video,
    Location,
    Link,
    File,
    MiniProgram,
}

/// In whose conversation it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Customer,
    /// The customer is named by `OpenID`, because the push service is the sender.
    Named,
    Account,
}

const fn message(msg_type: &'static str, part: Part) -> Row {
    Row {
        msg_type,
        event: "",
        becomes: Becomes::Part(part),
        whose: Whose::Customer,
        opens: Some("message"),
        passive: true,
        acted: true,
        job: "",
    }
}

const fn tap(event: &'static str, kind: Kind, opens: Option<&'static str>) -> Row {
    Row {
        msg_type: "event",
        event,
        becomes: Becomes::Interaction(kind),
        whose: Whose::Customer,
        opens,
        passive: true,
        acted: true,
        job: "",
    }
}

/// Something the customer did that the schema calls a signal.
const fn act(event: &'static str, signal: Type, opens: Option<&'static str>) -> Row {
    Row {
        becomes: Becomes::Signal(signal),
        ..tap(event, Kind::Unspecified, opens)
    }
}

/// Something the customer is told of or that is told about them: no answer is expected.
const fn notice(event: &'static str, signal: Type) -> Row {
    Row {
        passive: false,
        acted: false,
        ..act(event, signal, None)
    }
}

/// Something about the account itself.
const fn account(event: &'static str, signal: Type) -> Row {
    Row {
        whose: Whose::Account,
        ..notice(event, signal)
    }
}

/// The result of something we asked for.
const fn job(row: Row, id: &'static str) -> Row {
    Row { job: id, ..row }
}

const fn device(msg_type: &'static str) -> Row {
    Row {
        msg_type,
        ..act("", Type::Other, None)
    }
}

const fn named(event: &'static str) -> Row {
    Row {
        whose: Whose::Named,
        ..notice(event, Type::OptInChanged)
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

/// An event nobody documented: kept, whatever it is.
pub const UNKNOWN_EVENT: Row = Row {
    acted: false,
    ..act("", Type::Other, None)
};

/// The row of a push; letter case varies between senders.
pub fn row(msg_type: &str, event: &str) -> Option<&'static Row> {
    ROWS.iter()
        .find(|row| row.msg_type.eq_ignore_ascii_case(msg_type) && (row.event.eq_ignore_ascii_case(event)))
}

impl Row {
    /// The fixture that shows it.
    pub fn fixture(&self) -> String {
        if self.event.is_empty() {
            self.msg_type.to_owned()
        } else {
            format!("event_{}", self.event.to_ascii_lowercase())
        }
    }

    fn described(&self) -> String {
        match self.becomes {
            Becomes::Part(part) => format!("Message, part `{}`", part.name()),
            Becomes::Interaction(kind) => format!("Interaction {}", kind.as_str_name()),
            Becomes::Signal(signal) => format!("Signal {}", signal.as_str_name()),
        }
    }
}

impl Part {
    /// Its name in the schema.
    pub fn name(self) -> &'static str {
        match self {
            Part::Text => "text",
            Part::Image => "image",
            Part::Voice => "voice",
            Part::Video => "video",
            Part::Location => "location",
            Part::Link => "link",
            Part::File => "file",
            Part::MiniProgram => "mini_program",
        }
    }
}

/// The page `docs/official-account-events.md`.
pub fn table() -> String {
    let mut page = String::from(HEAD);
    for row in ROWS {
        let event = if row.event.is_empty() {
            "–".to_owned()
        } else {
            format!("`{}`", row.event)
        };
        let whose = match row.whose {
            Whose::Customer | Whose::Named => "customer",
            Whose::Account => "account (`a:-`)",
        };
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {event} | {} | {whose} | {} | {} | `{}` |",
            row.msg_type,
            row.described(),
            row.opens.unwrap_or("–"),
            if row.passive { "yes" } else { "–" },
            row.fixture(),
        );
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "\
# Official account: what every message and event becomes

Made from the table in `src/channels/official_account/events.rs`; a test keeps both equal.

Letter case of `MsgType` and `Event` is free. *Opens* names the allowance that the customer's act opens; *passive* says
whether an answer may ride in the request (XML accounts only). Every row has a body and the Event it becomes in
`fixtures/official_account/`.

| MsgType | Event | becomes | conversation | opens | passive | fixture |
|---|---|---|---|---|---|---|
";

const TAIL: &str = "
Beside the rows:

- A `text` with a non-empty `bizmsgmenuid` is a tap on a menu message: Interaction CHOICE, opens `menu`.
- A `location` without numbers, and every `MsgType` that no row names: a Message with an `unsupported` part and the raw body.
- An `Event` that no row names: Signal OTHER with all fields and the raw body.
- A body without `MsgType`: not understood, kept in quarantine.
- Identity (retries collapse on it): `appid:MsgId`; without `MsgId` `appid:FromUserName:CreateTime:Event:EventKey`; job
  results `appid:Event:MsgID` (`publish_id` of a publishing job).
";
