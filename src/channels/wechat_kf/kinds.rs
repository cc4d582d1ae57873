//! What becomes of each kind of item that WeChat customer service documents? The table that reads them, and the docs page
//! that comes from it.
//!
//! <https://developer.work.weixin.qq.com/document/path/94670> lists the types; what is not in the table is kept as
//! unsupported (messages) or OTHER (events), with its raw body.

use crate::schema::v1::signal::Type;

/// What a message type becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Text,
    Image,
    Voice,
    Video,
    File,
    Location,
    Link,
    Contact,
    MiniProgram,
    Menu,
    Forwarded,
    Reference,
}

/// One message type.
pub struct Message {
    pub msgtype: &'static str,
    pub part: Part,
    pub zh: &'static str,
    pub note: &'static str,
}

/// One event type.
pub struct Event {
    pub event_type: &'static str,
    pub signal: Type,
    pub zh: &'static str,
    pub note: &'static str,
}

const fn message(msgtype: &'static str, part: Part, zh: &'static str, note: &'static str) -> Message {
    Message {
        msgtype,
        part,
        zh,
        note,
    }
}

const fn event(event_type: &'static str, signal: Type, zh: &'static str, note: &'static str) -> Event {
    Event {
        event_type,
        signal,
        zh,
        note,
    }
}

/// A chat that was passed on.
pub const MERGED: &str = "merged_msg";

/// Every documented message type.
pub const MESSAGES: &[Message] = &[
    message(
        "text",
        Part::Text,
        "文本",
        "byte for byte; with `menu_id` it is a tap on a menu: Interaction CHOICE",
    ),
    message("image", Part::Image, "图片", "`media_id`, three days"),
    message("voice", Part::Voice, "语音", "AMR"),
    message("video", Part::Video, "视频", ""),
    message("file", Part::File, "文件", "the name comes with the download"),
    message(
        "location",
        Part::Location,
        "位置",
        "GCJ-02; without numbers unsupported",
    ),
    message("link", Part::Link, "链接", ""),
    message("business_card", Part::Contact, "名片", "a member's `userid`"),
    message(
        "miniprogram",
        Part::MiniProgram,
        "小程序",
        "the thumbnail's id stands in `ext_json`",
    ),
    message("msgmenu", Part::Menu, "菜单消息", "sent by a colleague in the client"),
    message(
        "channels_shop_product",
        Part::Reference,
        "视频号商品",
        "`head_image` and `head_img` are both read; the price is in fen",
    ),
    message(
        "channels_shop_order",
        Part::Reference,
        "视频号订单",
        "all values are display texts",
    ),
    message(
        MERGED,
        Part::Forwarded,
        "聊天记录",
        "three levels deep, 200 items; what is not shown is an `unsupported` part in it, and the raw body is there",
    ),
    message("channels", Part::Reference, "视频号", "post, live or profile card"),
    message(
        "meeting",
        Part::Reference,
        "会议",
        "not described by the platform: its fields as they came",
    ),
    message("schedule", Part::Reference, "日程", "as meeting"),
    message("note", Part::Reference, "笔记", "the platform gives no body"),
];

/// Every documented event type, of the pull and of the callback.
pub const EVENTS: &[Event] = &[
    event(
        "enter_session",
        Type::SessionEntered,
        "进入会话",
        "`code` is the welcome code where the platform gives one, for 20 s; `scene` and `scene_param` become the Entry",
    ),
    event(
        "msg_send_fail",
        Type::Other,
        "消息发送失败",
        "the delivery event FAILED of the very message; OTHER where the message is not ours",
    ),
    event(
        "servicer_status_change",
        Type::StaffStateChanged,
        "接待人员状态变更",
        "the account's conversation",
    ),
    event(
        "session_status_change",
        Type::SessionStateChanged,
        "会话状态变更",
        "`code` for 48 h (taken) or 20 s (ended); the actor is the servicer who did it",
    ),
    event(
        "user_recall_msg",
        Type::Recalled,
        "用户撤回消息",
        "the actor is the customer",
    ),
    event(
        "servicer_recall_msg",
        Type::Recalled,
        "接待人员撤回消息",
        "the actor is the colleague",
    ),
    event(
        "reject_customer_msg_switch_change",
        Type::OptInChanged,
        "拒收客户消息变更",
        "the actor is the colleague, the subject the customer",
    ),
    event(
        "kf_account_auth_change",
        Type::AccountStateChanged,
        "客服账号授权变更",
        "a callback, not an item: the account's conversation; all ids stand in `native_json`",
    ),
];

pub fn message_of(msgtype: &str) -> Option<&'static Message> {
    MESSAGES.iter().find(|row| row.msgtype == msgtype)
}

pub fn event_of(event_type: &str) -> Option<&'static Event> {
    EVENTS.iter().find(|row| row.event_type == event_type)
}

impl Part {
    /// The schema's name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Text => "text",
            Part::Image => "image",
            Part::Voice => "voice",
            Part::Video => "video",
            Part::File => "file",
            Part::Location => "location",
            Part::Link => "link",
            Part::Contact => "contact",
            Part::MiniProgram => "mini_program",
            Part::Menu => "menu",
            Part::Forwarded => "forwarded",
            Part::Reference => "reference",
        }
    }
}

/// The page `docs/wechat-kf-events.md`.
pub fn page() -> String {
    let mut out = String::from(
        "# WeChat customer service (微信客服): what becomes of each item\n\n\
         Generated from the table in the code; `UPDATE=1 cargo test` rewrites it. Items are pulled by `sync_msg`; the callback \
         is only a bell.\n\n## Messages\n\n| `msgtype` | | part | notes |\n|---|---|---|---|\n",
    );
    for row in MESSAGES {
        out.push_str(&format!(
            "| `{}` | {} | `{}` | {} |\n",
            row.msgtype,
            row.zh,
            row.part.name(),
            row.note
        ));
    }
    out.push_str("\n## Events\n\n| `event_type` | | Signal | notes |\n|---|---|---|---|\n");
    for row in EVENTS {
        out.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            row.event_type,
            row.zh,
            row.signal.as_str_name(),
            row.note
        ));
    }
    out.push_str(RULES);
    out
}

const RULES: &str = "
## Rules

- `origin` 3 is the customer; 5 a colleague in the WeCom client (`STAFF_SENT_ON_PLATFORM`, the sender is the servicer): it
  opens no allowance and is not the customer's word. Any other number is `SYSTEM_SENT`.
- A message type that no row names: an `unsupported` part and the raw body, inside a forwarded chat too. An event type that
  no row names: OTHER with all fields and the raw body. An item that is not readable at all: OTHER in the account's
  conversation, with the raw body. None holds up the items behind it.
- Identity: `corpid:open_kfid:msgid`; without `msgid` the SHA-256 of the item; without `send_time` as well, with the cursor
  of its page and its place among equal ones. What comes by the callback and is no bell: `corpid:CreateTime:Event` and a
  fingerprint of the whole body.
- `scene_param` is kept as it came and read after one decoding: pairs `a=1&b=2`, the dialect `sobot|nick|avatar|{json}`, and
  JSON with `entry_json = true`.
- An item older than 15 minutes at acceptance carries `history`.
- `session_status_change` that is older than the last move of the session, one by an order of the core's included, is told
  and carries `late`, but moves nothing: what a servicer did is pulled, perhaps behind an order that came later. Both times
  are the platform's own (`send_time`, and the `Date` of the answer to the order).
- `kf_account_auth_change`: the accounts are listed at once. One that is no longer listed is not asked any more before its
  bell rings; it keeps its cursor.
- Who a customer is, where the platform tells (`customer/batchget`), is asked beside the events and stands in the conversation
  from then on: `aliases.unionid`, name and picture. No event waits for it, so that the first one may be without;
  `aliases.external_userid` is on every one.
- Nothing is lost and nothing told twice: items, identities and the cursor behind them are one commit; a call that failed,
  or was answered with a `msg_list` that is no list, is made again from the same cursor. What the platform itself forgot
  after 72 h without a pull is a Gap (`PLATFORM_RETENTION`).
";
