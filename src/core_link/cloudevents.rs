//! How is an event wrapped for a core? CloudEvents 1.0, structured mode, the Event as its `data`.

use crate::{
    ports::core::Offer,
    schema::{
        Head, Says, Timestamp,
        json::{self, JsonError},
    },
};

/// Room for an ordinary event, so that its bytes are written where they stay.
const USUAL: usize = 2_048;
/// Digits of each half of `sequence`, so that its order as text is its order as numbers.
const SEQUENCE: usize = 10;

/// The body of one attempt; `event` is the head of the event on offer.
pub fn body(offer: &Offer<'_>, event: &Head<'_>, raw_inline: bool) -> Result<Vec<u8>, JsonError> {
    let mut bytes = Vec::with_capacity(USUAL);
    bytes.extend_from_slice(br#"{"specversion":"1.0""#);
    text(&mut bytes, "id", &[event.id]);
    text(&mut bytes, "type", &[said(event.says)]);
    text(
        &mut bytes,
        "source",
        &["/accounts/", event.account, "/conversations/", event.key],
    );
    text(&mut bytes, "subject", &[event.key]);
    text(&mut bytes, "partitionkey", &[event.key]);
    name(&mut bytes, "sequence");
    bytes.push(b'"');
    json::write_digits(&mut bytes, event.epoch, SEQUENCE);
    bytes.push(b'.');
    json::write_digits(&mut bytes, event.seq, SEQUENCE);
    bytes.push(b'"');
    time(&mut bytes, "time", event.platform.or(event.accepted))?;
    time(&mut bytes, "recordedtime", event.accepted)?;
    if !event.traceparent.is_empty() {
        text(&mut bytes, "traceparent", &[event.traceparent]);
    }
    text(&mut bytes, "datacontenttype", &["application/json"]);
    name(&mut bytes, "data");
    offer.event.write_shown(&mut bytes, &offer.told(), raw_inline)?;
    bytes.push(b'}');
    Ok(bytes)
}

/// Begins a member behind others.
fn name(bytes: &mut Vec<u8>, name: &str) {
    bytes.extend_from_slice(b",\"");
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(b"\":");
}

/// A text made of these pieces.
fn text(bytes: &mut Vec<u8>, called: &str, pieces: &[&str]) {
    name(bytes, called);
    bytes.push(b'"');
    for piece in pieces {
        json::write_escaped(bytes, piece);
    }
    bytes.push(b'"');
}

fn time(bytes: &mut Vec<u8>, called: &str, at: Option<Timestamp>) -> Result<(), JsonError> {
    let Some(at) = at else { return Ok(()) };
    name(bytes, called);
    json::write_time(bytes, at)
}

/// The CloudEvents `type`.
fn said(says: Says) -> &'static str {
    match says {
        Says::Message => "wxbridge.message.v1",
        Says::Interaction => "wxbridge.interaction.v1",
        Says::Delivery => "wxbridge.delivery.v1",
        Says::Gap => "wxbridge.gap.v1",
        Says::Signal | Says::Nothing => "wxbridge.signal.v1",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::schema::v1;

    fn event(body: v1::event::Body) -> v1::Event {
        v1::Event {
            id: "0198-e".into(),
            conversation: Some(v1::Conversation {
                key: "official_account:wx1:u:o%3A1".into(),
                account: Some(v1::Account {
                    id: "shop-1".into(),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            epoch: 1_760_000_000,
            seq: 7,
            platform_time: Some(Timestamp::from_millis(1_752_000_000_000)),
            accepted_time: Some(Timestamp::from_millis(1_752_000_000_120)),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
            body: Some(body),
            raw: Some(v1::Raw {
                media_type: "application/xml".into(),
                body: b"<xml/>".to_vec(),
                sha256: String::new(),
            }),
            ..Default::default()
        }
    }

    fn text(body: &str) -> v1::event::Body {
        v1::event::Body::Message(v1::Message {
            parts: vec![v1::Part {
                content: Some(v1::part::Content::Text(v1::Text {
                    body: body.into(),
                    format: 0,
                })),
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    fn wrapped(event: &v1::Event, replay: Option<&str>, raw_inline: bool) -> Value {
        let offer = Offer {
            event: &event.clone().into(),
            attempt: 2,
            passive: Some(v1::PassiveWindow {
                deadline: Some(Timestamp::from_millis(1_752_000_004_000)),
                part_types: vec!["text".into()],
                platform_attempt: 1,
            }),
            replay,
            now: 0,
        };
        let head = offer.event.head();
        serde_json::from_slice(&body(&offer, &head, raw_inline).expect("an event is JSON")).expect("JSON")
    }

    #[test]
    fn every_attribute_of_the_contract_is_there() {
        let mut found = wrapped(&event(text("hi")), None, false);
        let data = found["data"].take();
        assert_eq!(
            found,
            json!({
                "specversion": "1.0", "id": "0198-e", "type": "wxbridge.message.v1",
                "source": "/accounts/shop-1/conversations/official_account:wx1:u:o%3A1",
                "subject": "official_account:wx1:u:o%3A1", "partitionkey": "official_account:wx1:u:o%3A1",
                "sequence": "1760000000.0000000007",
                "time": "2025-07-08T18:40:00Z", "recordedtime": "2025-07-08T18:40:00.120Z",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "datacontenttype": "application/json", "data": null,
            })
        );
        assert_eq!(data["seq"], 7);
        assert_eq!(
            data["offer"],
            json!({"attempt": 2, "passive": {
                "deadline": "2025-07-08T18:40:04Z", "partTypes": ["text"], "platformAttempt": 1}})
        );
        assert_eq!(data.get("raw"), None);
    }

    #[test]
    fn a_replay_says_which() {
        let found = wrapped(&event(text("hi")), Some("r-1"), false);
        assert_eq!(found["data"]["offer"]["replayId"], "r-1");
    }

    #[test]
    fn raw_rides_where_asked_and_always_with_what_has_no_name() {
        use v1::{event::Body, part::Content};
        let unsupported = Body::Message(v1::Message {
            parts: vec![v1::Part {
                content: Some(Content::Unsupported(v1::Unsupported::default())),
                ..Default::default()
            }],
            ..Default::default()
        });
        let signal = |kind: v1::signal::Type| {
            Body::Signal(v1::Signal {
                r#type: kind as i32,
                ..Default::default()
            })
        };
        for (body, inline, rides) in [
            (text("hi"), true, true),
            (text("hi"), false, false),
            (unsupported, false, true),
            (signal(v1::signal::Type::Other), false, true),
            (signal(v1::signal::Type::Followed), false, false),
        ] {
            let found = wrapped(&event(body.clone()), None, inline);
            assert_eq!(found["data"].get("raw").is_some(), rides, "{body:?}");
        }
    }
}
