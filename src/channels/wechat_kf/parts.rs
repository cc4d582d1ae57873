//! Which part does a message become, and what does it say in one line?
//!
//! <https://developer.work.weixin.qq.com/document/path/94670>; where SDKs show other spellings, both are read.

use std::collections::BTreeMap;

use super::{
    forwarded::{self, Room},
    kinds,
};
use crate::{
    envelope::Fields,
    schema::v1::{
        Action, ContactCard, Link, Location, Media, Menu, Message, MiniProgramCard, Part, Reference, Text, Unsupported,
        action, location::Datum, media::State, part::Content, text::Format,
    },
};

/// The message of an item: its part and its one line. A kind without a part is unsupported and says so.
pub fn message(fields: &Fields, msgtype: &str, kind: Option<&kinds::Message>) -> Message {
    read(fields, msgtype, kind, &mut Room::whole())
}

/// As [`message`], of what may stand inside a chat.
pub fn read(fields: &Fields, msgtype: &str, kind: Option<&kinds::Message>, room: &mut Room) -> Message {
    let nothing = Fields::default();
    let own = fields.group(msgtype).unwrap_or(&nothing);
    let content = kind.and_then(|kind| match kind.part {
        kinds::Part::Forwarded => forwarded::chat(fields.get(msgtype), room).map(Content::Forwarded),
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
pub fn summary(content: &Content) -> String {
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
