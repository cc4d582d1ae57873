//! What does a customer see? Their chat with an account, and what the platform remembers about them.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    weixin::Allowance,
    world::{Millis, rfc3339},
};

/// A customer of one account.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    pub name: String,
    pub follows: bool,
    /// 接收消息 switched off: 48002.
    pub refuses: bool,
    /// On the account's blacklist: 43019.
    pub blocked: bool,
    pub allowance: Option<Allowance>,
    /// The last thing the customer did, for the typing rule.
    pub acted: Millis,
    pub typing_until: Millis,
    /// Waits for an agent of the platform's own console, or is with one until then.
    pub agent_until: Option<Millis>,
    /// Who took them last, and when.
    pub agent: String,
    pub agent_since: Millis,
    pub chat: Vec<Item>,
}

/// Who is to the left, who to the right, and what stands between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    Customer,
    Account,
    System,
}

/// One line of the chat.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    pub seq: u64,
    pub from: From,
    #[serde(rename = "type")]
    pub kind: String,
    pub time: String,
    /// `passive` or `api` for what the account said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub road: Option<&'static str>,
    #[serde(flatten)]
    pub content: Map<String, Value>,
}

impl Customer {
    /// The agent of the platform's own console who has them.
    pub fn agent(&self, now: Millis) -> Option<&str> {
        let held = self.agent_until.is_some_and(|until| until > now);
        held.then_some(self.agent.as_str())
    }

    /// Appends to the chat what was just said or shown.
    pub fn show(&mut self, seq: u64, now: Millis, entry: Entry) -> Item {
        if entry.from == From::Account {
            self.typing_until = 0;
        }
        let item = Item {
            seq,
            from: entry.from,
            kind: entry.kind,
            time: rfc3339(now),
            road: entry.road,
            content: match entry.content {
                Value::Object(map) => map,
                _ => Map::new(),
            },
        };
        self.chat.push(item.clone());
        item
    }

    /// Marks a line as recalled.
    pub fn take_back(&mut self, seq: u64) {
        if let Some(item) = self.chat.iter_mut().find(|item| item.seq == seq) {
            item.content.insert("recalled".to_owned(), true.into());
        }
    }
}

/// A line that is not in a chat yet.
#[derive(Clone, Debug)]
pub struct Entry {
    pub from: From,
    pub kind: String,
    pub road: Option<&'static str>,
    pub content: Value,
}

impl Entry {
    pub fn customer(kind: &str, content: Value) -> Self {
        Self::new(From::Customer, kind, None, content)
    }

    pub fn account(kind: &str, road: &'static str, content: Value) -> Self {
        Self::new(From::Account, kind, Some(road), content)
    }

    pub fn notice(text: &str) -> Self {
        Self::new(From::System, "notice", None, json!({ "text": text }))
    }

    /// What a customer did without saying something, shown small between the bubbles.
    pub fn deed(event: &str, text: &str) -> Self {
        Self::new(From::System, "event", None, json!({ "event": event, "text": text }))
    }

    fn new(from: From, kind: &str, road: Option<&'static str>, content: Value) -> Self {
        Self {
            from,
            kind: kind.to_owned(),
            road,
            content,
        }
    }
}
