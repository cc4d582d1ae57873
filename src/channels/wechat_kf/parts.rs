//! Which part does a message become, and what does it say in one line?
//!
//! <https://developer.work.weixin.qq.com/document/path/94670>; where SDKs show other spellings, both are read.

use std::collections::BTreeMap;

use super::kinds;
use crate::{
    envelope::{Fields, Node, json},
    schema::{
        Timestamp,
        v1::{
            Action, ContactCard, ForwardedChat, Link, Location, Media, Menu, Message, MiniProgramCard, Part, Reference,
            Text, Unsupported, action, location::Datum, media::State, part::Content, text::Format,
        },
    },
};

/// Forwarded chats inside forwarded chats are read so deep, and so many items of them in all.
const FORWARDED_DEPTH: usize = 3;
const FORWARDED_ITEMS: usize = 200;

/// The message of an item: its part and its one line. A kind without a part is unsupported and says so.
pub fn message(fields: &Fields, msgtype: &str, kind: Option<&kinds::Message>) -> Message {
    let mut left = FORWARDED_ITEMS;
    read(fields, msgtype, kind, FORWARDED_DEPTH, &mut left)
}

fn read(fields: &Fields, msgtype: &str, kind: Option<&kinds::Message>, depth: usize, left: &mut usize) -> Message {
    let nothing = Fields::default();
    let own = fields.group(msgtype).unwrap_or(&nothing);
    let content = kind.and_then(|kind| match kind.part {
        kinds::Part::Forwarded => Some(Content::Forwarded(forwarded(own, depth, left))),
        part => content(own, part, msgtype),
    });
    let content = content.unwrap_or_else(|| {
        Content::Unsupported(Unsupported {
            platform_type: msgtype.to_owned(),
        })
    });
    Message {
        summary: summary(&content),
        parts: vec![Part {
            ext_json: extras(own, kind),
            content: Some(content),
        }],
        ..Message::default()
    }
}

pub fn unsupported(part: &Part) -> bool {
    matches!(part.content, Some(Content::Unsupported(_)) | None)
}

fn content(own: &Fields, part: kinds::Part, msgtype: &str) -> Option<Content> {
    let value = |name: &str| own.value(name).to_owned();
    Some(match part {
        kinds::Part::Text => Content::Text(Text {
            body: own.verbatim("content").to_owned(),
            format: Format::Plain as i32,
        }),
        kinds::Part::Image => Content::Image(media(own, "")),
        kinds::Part::Voice => Content::Voice(media(own, "audio/amr")),
        kinds::Part::Video => Content::Video(media(own, "")),
        kinds::Part::File => Content::File(media(own, "")),
        kinds::Part::Location => Content::Location(location(own)?),
        kinds::Part::Link => Content::Link(Link {
            url: value("url"),
            title: value("title"),
            description: value("desc"),
            image_url: value("pic_url"),
            ..Link::default()
        }),
        kinds::Part::Contact => Content::Contact(ContactCard {
            native_id: value("userid"),
            ..ContactCard::default()
        }),
        kinds::Part::MiniProgram => Content::MiniProgram(mini_program(own)),
        kinds::Part::Menu => Content::Menu(menu(own)),
        kinds::Part::Reference => Content::Reference(reference(own, msgtype)),
        kinds::Part::Forwarded => return None,
    })
}

fn media(own: &Fields, mime: &str) -> Media {
    let id = own.value("media_id");
    Media {
        platform_media_id: id.to_owned(),
        mime: mime.to_owned(),
        state: if id.is_empty() { State::Failed } else { State::Pending } as i32,
        ..Media::default()
    }
}

/// `None` where there are no numbers.
fn location(own: &Fields) -> Option<Location> {
    let number = |name: &str| own.value(name).parse::<f64>().ok().filter(|it| it.is_finite());
    Some(Location {
        latitude: number("latitude")?,
        longitude: number("longitude")?,
        datum: Datum::Gcj02 as i32,
        name: own.value("name").to_owned(),
        address: own.value("address").to_owned(),
        scale: 0.0,
    })
}

fn mini_program(own: &Fields) -> MiniProgramCard {
    MiniProgramCard {
        appid: own.value("appid").to_owned(),
        page_path: own.value("pagepath").to_owned(),
        title: own.value("title").to_owned(),
        ..MiniProgramCard::default()
    }
}

fn menu(own: &Fields) -> Menu {
    Menu {
        head: own.verbatim("head_content").to_owned(),
        actions: own.groups("list").map(action).collect(),
        tail: own.verbatim("tail_content").to_owned(),
    }
}

fn action(item: &Fields) -> Action {
    let nothing = Fields::default();
    let kind = item.value("type");
    let own = item.group(kind).unwrap_or(&nothing);
    let label = own.value("content").to_owned();
    let does = match kind {
        "view" => Some(action::Kind::Url(own.value("url").to_owned())),
        "miniprogram" => Some(action::Kind::MiniProgram(mini_program(own))),
        "click" => Some(action::Kind::ReplyText(label.clone())),
        _ => None,
    };
    Action {
        id: own.value("id").to_owned(),
        label,
        kind: does,
        ..Action::default()
    }
}

/// Products, orders, channels posts, meetings, schedules, notes: what they have in common, and all of it beside.
fn reference(own: &Fields, msgtype: &str) -> Reference {
    let first = |names: &[&str]| {
        let found = names.iter().map(|name| own.value(name)).find(|value| !value.is_empty());
        found.unwrap_or_default().to_owned()
    };
    Reference {
        kind: msgtype.to_owned(),
        id: first(&["product_id", "order_id", "meeting_id", "schedule_id", "id"]),
        title: first(&["title", "product_titles", "subject", "summary", "nickname"]),
        url: first(&["url"]),
        details_json: own.to_json(),
    }
}

/// A chat that the customer passed on. Its items say what they are in JSON inside their JSON.
fn forwarded(own: &Fields, depth: usize, left: &mut usize) -> ForwardedChat {
    let mut items = Vec::new();
    for item in own.groups("item") {
        if *left == 0 {
            break;
        }
        *left -= 1;
        items.push(forwarded_item(item, depth, left));
    }
    ForwardedChat {
        title: own.value("title").to_owned(),
        items,
    }
}

fn forwarded_item(item: &Fields, depth: usize, left: &mut usize) -> Message {
    let inner = match item.get("msg_content") {
        Some(Node::Text(text)) => json::parse(text.as_bytes()).ok(),
        Some(Node::Fields(fields, _)) => Some(fields.clone()),
        _ => None,
    };
    let nothing = Fields::default();
    let inner = inner.as_ref().unwrap_or(&nothing);
    let named = match item.value("msgtype") {
        // Its own word counts where the item gives a number or nothing.
        "" => inner.value("msgtype"),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => match inner.value("msgtype") {
            "" => number,
            word => word,
        },
        word => word,
    };
    let kind = kinds::message_of(named).filter(|kind| depth > 1 || kind.part != kinds::Part::Forwarded);
    let mut message = read(inner, named, kind, depth.saturating_sub(1), left);
    if inner.0.is_empty() {
        keep_words(&mut message, item.verbatim("msg_content"));
    }
    message.sender = Some(crate::schema::v1::Identity {
        display_name: item.value("sender_name").to_owned(),
        ..Default::default()
    });
    if let Ok(seconds) = item.value("send_time").parse::<i64>()
        && let Some(part) = message.parts.first_mut()
    {
        let at = Timestamp::from_millis(seconds.saturating_mul(1000));
        if let Ok(text) = serde_json::to_string(&at) {
            part.ext_json.insert("wechat_kf.send_time".to_owned(), text);
        }
    }
    message
}

/// What cannot be taken apart is said as it stands.
fn keep_words(message: &mut Message, said: &str) {
    if said.trim().is_empty() {
        return;
    }
    said.clone_into(&mut message.summary);
    let text = message.parts.iter_mut().find_map(|part| match &mut part.content {
        Some(Content::Text(text)) => Some(text),
        _ => None,
    });
    if let Some(text) = text {
        said.clone_into(&mut text.body);
    }
}

/// What a part has beside the schema's fields, as JSON text under our own names.
fn extras(own: &Fields, kind: Option<&kinds::Message>) -> BTreeMap<String, String> {
    let mut extras = BTreeMap::new();
    if kind.is_some_and(|kind| kind.part == kinds::Part::MiniProgram) {
        let thumb = own.value("thumb_media_id");
        if !thumb.is_empty() {
            extras.insert(
                "wechat_kf.thumb_media_id".to_owned(),
                serde_json::Value::from(thumb).to_string(),
            );
        }
    }
    extras
}

/// One line for cores that show text alone, in the words of the platform's own clients.
fn summary(content: &Content) -> String {
    let (name, said) = match content {
        Content::Text(text) if text.body.trim().is_empty() => ("文本", ""),
        Content::Text(text) => return text.body.clone(),
        Content::Image(_) => ("图片", ""),
        Content::Voice(_) => ("语音", ""),
        Content::Video(_) => ("视频", ""),
        Content::File(_) => ("文件", ""),
        Content::Location(place) if place.name.is_empty() => ("位置", place.address.as_str()),
        Content::Location(place) => ("位置", place.name.as_str()),
        Content::Link(link) if link.title.is_empty() => ("链接", link.url.as_str()),
        Content::Link(link) => ("链接", link.title.as_str()),
        Content::Contact(card) => ("名片", card.native_id.as_str()),
        Content::MiniProgram(card) => ("小程序", card.title.as_str()),
        Content::Menu(menu) => return menu_text(menu),
        Content::Forwarded(chat) => ("聊天记录", chat.title.as_str()),
        Content::Reference(it) => (reference_name(&it.kind), it.title.as_str()),
        Content::Unsupported(unknown) => ("不支持的消息", unknown.platform_type.as_str()),
        _ => ("消息", ""),
    };
    format!("[{name}] {said}").trim_end().to_owned()
}

fn reference_name(kind: &str) -> &'static str {
    kinds::message_of(kind).map_or("消息", |row| row.zh)
}

fn menu_text(menu: &Menu) -> String {
    let mut lines = vec![menu.head.clone()];
    let labels = menu.actions.iter().enumerate();
    lines.extend(labels.map(|(at, action)| format!("{}. {}", at + 1, action.label)));
    lines.push(menu.tail.clone());
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}
