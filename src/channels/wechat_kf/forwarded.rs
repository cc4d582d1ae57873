//! What does a chat say that a customer passed on? Its items say what they are in JSON inside their JSON.
//!
//! <https://developer.work.weixin.qq.com/document/path/94670>; where senders put things elsewhere, both are read. What is not
//! shown stands as an unsupported part in its place, which brings the raw body of the whole.

use std::borrow::Cow;

use super::{kinds, parts};
use crate::{
    envelope::{Fields, Node, json},
    schema::{
        Timestamp,
        v1::{ForwardedChat, Identity, Message, Part, Text, Unsupported, part::Content},
    },
};

/// How much of a chat is read.
pub struct Room {
    /// Levels of chats inside chats.
    depth: usize,
    /// Items of all of them.
    left: usize,
}

impl Room {
    /// A message that is no chat's item.
    pub fn whole() -> Self {
        Self { depth: 3, left: 200 }
    }
}

/// `None` where the body is no object.
pub fn chat(body: Option<&Node>, room: &mut Room) -> Option<ForwardedChat> {
    let own = object(body?)?;
    let said: Vec<&Node> = own.all("item").filter(|node| !is_null(node)).collect();
    let mut items = Vec::new();
    for (at, node) in said.iter().enumerate() {
        if room.left == 0 {
            let rest = format!("[聊天记录] 还有{}条未显示", said.len() - at);
            items.push(instead(kinds::MERGED, &rest));
            break;
        }
        room.left -= 1;
        items.push(item(node, room));
    }
    items.extend(strays(&own, &["item"]).map(|name| instead(name, "")));
    Some(ForwardedChat {
        title: own.value("title").to_owned(),
        items,
    })
}

fn item(node: &Node, room: &mut Room) -> Message {
    let Some(item) = object(node) else {
        return instead("", node.text());
    };
    let mut message = read(&item, room);
    message.sender = Some(Identity {
        display_name: item.value("sender_name").to_owned(),
        ..Identity::default()
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

fn read(item: &Fields, room: &mut Room) -> Message {
    let content = item.get("msg_content").filter(|node| !is_null(node));
    let inner = content.and_then(object);
    let named = name(item, inner.as_deref());
    let kind = kinds::message_of(named).filter(|kind| room.depth > 1 || kind.part != kinds::Part::Forwarded);
    let known = ["msg_content", named];
    let nothing = Fields::default();
    let own = match inner.as_deref() {
        Some(inner) if tells(inner, named) => inner,
        _ if tells(item, named) => item,
        // Some kinds say nothing but what they are.
        Some(inner) if inner.0.iter().all(|(name, _)| name == "msgtype") => &nothing,
        None if content.is_none() => &nothing,
        _ => return in_words(named, kind, content),
    };
    room.depth -= 1;
    let mut message = parts::read(own, named, kind, room);
    room.depth += 1;
    let beside = inner.iter().flat_map(|inner| strays(inner, &known));
    let beside = beside.chain(strays(item, &known));
    message.parts.extend(beside.map(unsupported));
    message
}

/// Its own word counts where the item gives a number or nothing.
fn name<'a>(item: &'a Fields, inner: Option<&'a Fields>) -> &'a str {
    let given = item.value("msgtype");
    let word = inner.map_or("", |inner| inner.value("msgtype"));
    if word.is_empty() || !given.bytes().all(|byte| byte.is_ascii_digit()) {
        given
    } else {
        word
    }
}

fn tells(fields: &Fields, named: &str) -> bool {
    matches!(fields.get(named), Some(Node::Fields(..)))
        || (named == kinds::MERGED && fields.get(named).and_then(object).is_some())
}

/// What cannot be taken apart is said as it stands.
fn in_words(named: &str, kind: Option<&kinds::Message>, content: Option<&Node>) -> Message {
    let words = content.map_or("", Node::text);
    let is_text = kind.is_some_and(|kind| kind.part == kinds::Part::Text);
    // What is JSON says more than its characters.
    let plain = matches!(content, Some(node @ Node::Text(_)) if object(node).is_none());
    if !(is_text && plain) {
        return instead(named, words);
    }
    message(Content::Text(Text {
        body: words.to_owned(),
        ..Text::default()
    }))
}

/// An object, also where it is JSON in a text.
fn object(node: &Node) -> Option<Cow<'_, Fields>> {
    match node {
        Node::Fields(fields, _) => Some(Cow::Borrowed(fields)),
        Node::Text(text) => json::parse(text.as_bytes()).ok().map(Cow::Owned),
        Node::Literal(_) | Node::List(_) => None,
    }
}

fn is_null(node: &Node) -> bool {
    match node {
        Node::Literal(word) => word == "null",
        Node::Text(text) => text.trim().is_empty(),
        Node::Fields(..) | Node::List(_) => false,
    }
}

/// Groups and lists that nobody reads.
fn strays<'a>(fields: &'a Fields, known: &'a [&str]) -> impl Iterator<Item = &'a str> {
    let groups = fields
        .0
        .iter()
        .filter(|(_, node)| matches!(node, Node::Fields(..) | Node::List(_)));
    let names = groups.map(|(name, _)| name.as_str());
    names.filter(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Stands for what is not shown.
fn instead(named: &str, words: &str) -> Message {
    let mut message = message(Content::Unsupported(Unsupported {
        platform_type: named.to_owned(),
    }));
    if !words.trim().is_empty() {
        words.clone_into(&mut message.summary);
    }
    message
}

fn unsupported(named: &str) -> Part {
    Part {
        content: Some(Content::Unsupported(Unsupported {
            platform_type: named.to_owned(),
        })),
        ..Part::default()
    }
}

fn message(content: Content) -> Message {
    Message {
        summary: parts::summary(&content),
        parts: vec![Part {
            content: Some(content),
            ..Part::default()
        }],
        ..Message::default()
    }
}
