//! What may an event of a later version look like? In JSON and in protobuf: a field, a kind, a part or a name more.

use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint},
};
use serde_json::{Value, json};

use crate::schema::v1::{self, event::Body};

/// What the later version added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Fields everywhere.
    Fields,
    /// A kind of event.
    Kind,
    /// A kind of part.
    Part,
    /// Names of enums.
    Name,
}

/// A number that no field of any message has, and a name that no enum has.
const FIELD: u32 = 15_000;
const NAME: i32 = 99;

impl Change {
    /// Changes the CloudEvent.
    pub fn in_json(self, event: &mut Value) {
        match self {
            Self::Fields => fields_in_json(event),
            Self::Kind => {
                event["type"] = "wxbridge.future.v1".into();
                if let Some(data) = event.get_mut("data").and_then(Value::as_object_mut) {
                    data.remove("message");
                    data.insert("coreCheckFuture".into(), json!({ "kind": "FUTURE" }));
                }
            }
            Self::Part => {
                if let Some(parts) = event.pointer_mut("/data/message/parts") {
                    *parts = json!([{ "coreCheckFuture": { "body": "x" } }]);
                }
            }
            Self::Name => {
                if let Some(talk) = event.pointer_mut("/data/conversation") {
                    talk["sessionState"] = "CORE_CHECK_FUTURE".into();
                }
                if let Some(message) = event.pointer_mut("/data/message") {
                    message["origin"] = "CORE_CHECK_FUTURE".into();
                }
            }
        }
    }

    /// The event's bytes, changed.
    pub fn in_protobuf(self, mut event: v1::Event) -> Vec<u8> {
        match self {
            Self::Fields => fields_in_protobuf(event),
            Self::Kind => {
                event.body = None;
                let mut bytes = event.encode_to_vec();
                put(&mut bytes, tag::EVENT_KIND, b"");
                bytes
            }
            Self::Part => {
                let Some(Body::Message(mut message)) = event.body.take() else {
                    return event.encode_to_vec();
                };
                message.parts.clear();
                let mut part = Vec::new();
                put(&mut part, tag::PART_KIND, b"");
                let mut inner = message.encode_to_vec();
                put(&mut inner, tag::MESSAGE_PARTS, &part);
                let mut bytes = event.encode_to_vec();
                put(&mut bytes, tag::EVENT_MESSAGE, &inner);
                bytes
            }
            Self::Name => {
                if let Some(talk) = &mut event.conversation {
                    talk.session_state = NAME;
                }
                if let Some(Body::Message(message)) = &mut event.body {
                    message.origin = NAME;
                }
                event.encode_to_vec()
            }
        }
    }
}

/// Where in the schema; the kinds have numbers that stand free among those of their oneof.
mod tag {
    pub const EVENT_CONVERSATION: u32 = 2;
    pub const EVENT_MESSAGE: u32 = 20;
    pub const EVENT_KIND: u32 = 29;
    pub const CONVERSATION_ACCOUNT: u32 = 2;
    pub const MESSAGE_PARTS: u32 = 4;
    pub const PART_KIND: u32 = 60;
}

fn fields_in_json(event: &mut Value) {
    event["futureattribute"] = "core-check".into();
    let new = json!({ "nested": [1, { "deep": null }] });
    for place in [
        "/data",
        "/data/conversation",
        "/data/conversation/account",
        "/data/message",
        "/data/message/parts/0",
    ] {
        if let Some(object) = event.pointer_mut(place) {
            object["coreCheckFuture"] = new.clone();
        }
    }
}

/// The same places as in JSON.
fn fields_in_protobuf(mut event: v1::Event) -> Vec<u8> {
    let (talk, body) = (event.conversation.take(), event.body.take());
    let message = match body {
        Some(Body::Message(message)) => Some(message),
        other => {
            event.body = other;
            None
        }
    };
    let mut bytes = with_a_field(event.encode_to_vec());
    if let Some(mut talk) = talk {
        let account = talk.account.take().map(|account| account.encode_to_vec());
        let mut inner = with_a_field(talk.encode_to_vec());
        if let Some(account) = account {
            put(&mut inner, tag::CONVERSATION_ACCOUNT, &with_a_field(account));
        }
        put(&mut bytes, tag::EVENT_CONVERSATION, &inner);
    }
    if let Some(mut message) = message {
        let parts = std::mem::take(&mut message.parts);
        let mut inner = with_a_field(message.encode_to_vec());
        for part in parts {
            put(&mut inner, tag::MESSAGE_PARTS, &with_a_field(part.encode_to_vec()));
        }
        put(&mut bytes, tag::EVENT_MESSAGE, &inner);
    }
    bytes
}

fn with_a_field(mut bytes: Vec<u8>) -> Vec<u8> {
    put(&mut bytes, FIELD, b"core-check");
    bytes
}

/// One field of length and bytes.
fn put(bytes: &mut Vec<u8>, tag: u32, value: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, bytes);
    encode_varint(value.len() as u64, bytes);
    bytes.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core_check::made_up::{self, Talk};

    fn event() -> v1::Event {
        let mut talk = Talk {
            native_id: "o1".into(),
            epoch: 7,
            seq: 0,
            first_seq: 1,
        };
        let id = "0198f3a2-0000-7000-8000-000000000001";
        talk.next(id.into(), 1_752_000_000_000, made_up::text("x"))
    }

    #[test]
    fn who_does_not_know_what_was_added_reads_what_it_knows() {
        let read = |change: Change| v1::Event::decode(change.in_protobuf(event()).as_slice()).expect("an event");
        assert_eq!(read(Change::Fields), event());
        let kind = read(Change::Kind);
        assert_eq!((kind.body.clone(), kind.id), (None, event().id));
        let Some(Body::Message(message)) = read(Change::Part).body else {
            panic!("no message");
        };
        assert_eq!(message.parts, [v1::Part::default()]);
        let name = read(Change::Name);
        assert_eq!(name.conversation.map(|talk| talk.session_state), Some(NAME));
    }

    #[test]
    fn what_was_added_is_there() {
        for change in [Change::Fields, Change::Kind, Change::Part] {
            let bytes = change.in_protobuf(event());
            let known = v1::Event::decode(bytes.as_slice()).expect("an event");
            assert!(bytes.len() > known.encode_to_vec().len(), "{change:?}");
        }
    }
}
