//! What is a push made of? A deed in the making, and what it does to the customer's phone.

use serde_json::Value;

use super::Trigger;
use crate::sim::{ask::Upload, phone::Entry, wire::xml::Node};

/// A push in the making, and what it does to the customer's phone.
#[derive(Clone, Debug, Default)]
pub struct Deed {
    /// After `ToUserName`, `FromUserName`, `CreateTime`; without `MsgId`.
    pub fields: Vec<(String, Node)>,
    pub trigger: Option<Trigger>,
    pub entry: Option<Entry>,
    /// A message has a `MsgId`, an event has none.
    pub is_message: bool,
    pub follows: Option<bool>,
    /// Instead of `fields`: the document as it is.
    pub raw: Option<String>,
    /// Files the customer sends.
    pub upload: Vec<Upload>,
    /// Things only a follower can do.
    pub needs_follow: bool,
}

pub fn field(name: &str, node: Node) -> (String, Node) {
    (name.to_owned(), node)
}

/// Something said: it opens a window.
pub fn message(kind: &str, mut fields: Vec<(String, Node)>, shown: Value) -> Deed {
    fields.insert(0, field("MsgType", Node::text(kind)));
    Deed {
        fields,
        trigger: Some(Trigger::Message),
        entry: Some(Entry::customer(kind, shown)),
        is_message: true,
        needs_follow: true,
        ..Deed::default()
    }
}

/// Something done, shown small between the bubbles.
pub fn event(name: &str, mut fields: Vec<(String, Node)>, trigger: Option<Trigger>, shown: &str) -> Deed {
    fields.insert(0, field("Event", Node::text(name)));
    fields.insert(0, field("MsgType", Node::text("event")));
    Deed {
        fields,
        trigger,
        entry: Some(Entry::deed(name, shown)),
        needs_follow: true,
        ..Deed::default()
    }
}
