//! How is an event wrapped for a core? CloudEvents 1.0, structured mode, the Event as its `data`.

use serde::Serialize;

use crate::{
    ports::core::{Offer, always_raw},
    schema::{
        Timestamp,
        json::{self, JsonError},
        v1,
    },
};

/// Room for an ordinary event, so that its bytes are written where they stay.
const USUAL: usize = 2_048;

/// The body of one attempt.
pub fn body(offer: &Offer<'_>, raw_inline: bool) -> Result<Vec<u8>, JsonError> {
    let event = offer.event.event().map_err(JsonError::Stored)?;
    let this = offer.told();
    let conversation = event.conversation.as_ref();
    let key = conversation.map_or("", |conversation| &conversation.key);
    let account = conversation
        .and_then(|conversation| conversation.account.as_ref())
        .map_or("", |account| &account.id);
    let raw = raw_inline || always_raw(event);
    let mut bytes = Vec::with_capacity(USUAL);
    json::write(
        &mut bytes,
        &Envelope {
            specversion: "1.0",
            id: &event.id,
            kind: kind(event),
            source: format!("/accounts/{account}/conversations/{key}"),
            subject: key,
            partitionkey: key,
            sequence: format!("{:010}.{:010}", event.epoch, event.seq),
            time: event.platform_time.or(event.accepted_time),
            recordedtime: event.accepted_time,
            traceparent: &event.traceparent,
            datacontenttype: "application/json",
            data: Data::of(event, &this, raw),
        },
    )?;
    Ok(bytes)
}

/// The CloudEvents `type`.
pub fn kind(event: &v1::Event) -> &'static str {
    use v1::event::Body;
    match event.body {
        Some(Body::Message(_)) => "wxbridge.message.v1",
        Some(Body::Interaction(_)) => "wxbridge.interaction.v1",
        Some(Body::Delivery(_)) => "wxbridge.delivery.v1",
        Some(Body::Gap(_)) => "wxbridge.gap.v1",
        Some(Body::Signal(_)) | None => "wxbridge.signal.v1",
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
    subject: &'a str,
    partitionkey: &'a str,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recordedtime: Option<Timestamp>,
    #[serde(skip_serializing_if = "str::is_empty")]
    traceparent: &'a str,
    datacontenttype: &'static str,
    data: Data<'a>,
}

/// The stored event as this attempt sends it: canonical JSON of a `v1::Event` whose `offer` is another and whose `raw` may
/// stay at home, without a copy of the event.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a v1::Conversation>,
    #[serde(skip_serializing_if = "is_zero")]
    epoch: u32,
    #[serde(skip_serializing_if = "is_zero")]
    seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_false")]
    late: bool,
    #[serde(skip_serializing_if = "is_false")]
    history: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    dedupe_key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    redelivery_of: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a v1::Entry>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowances: &'a [v1::Allowance],
    #[serde(skip_serializing_if = "str::is_empty")]
    traceparent: &'a str,
    offer: &'a v1::Offer,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a v1::Raw>,
    #[serde(flatten)]
    body: Option<Body<'a>>,
}

/// The one field of an event that says what happened, under its own name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Body<'a> {
    Message(&'a v1::Message),
    Interaction(&'a v1::Interaction),
    Signal(&'a v1::Signal),
    Delivery(&'a v1::DeliveryUpdate),
    Gap(&'a v1::Gap),
}

impl<'a> Data<'a> {
    fn of(event: &'a v1::Event, offer: &'a v1::Offer, with_raw: bool) -> Self {
        // Every field by name: one that the schema gets later does not stay at home unnoticed.
        let v1::Event {
            id,
            conversation,
            epoch,
            seq,
            platform_time,
            accepted_time,
            late,
            history,
            dedupe_key,
            redelivery_of,
            entry,
            allowances,
            traceparent,
            offer: _,
            raw,
            body,
        } = event;
        use v1::event;
        Self {
            id,
            conversation: conversation.as_ref(),
            epoch: *epoch,
            seq: *seq,
            platform_time: *platform_time,
            accepted_time: *accepted_time,
            late: *late,
            history: *history,
            dedupe_key,
            redelivery_of,
            entry: entry.as_ref(),
            allowances,
            traceparent,
            offer,
            raw: raw.as_ref().filter(|_| with_raw),
            body: body.as_ref().map(|body| match body {
                event::Body::Message(message) => Body::Message(message),
                event::Body::Interaction(interaction) => Body::Interaction(interaction),
                event::Body::Signal(signal) => Body::Signal(signal),
                event::Body::Delivery(delivery) => Body::Delivery(delivery),
                event::Body::Gap(gap) => Body::Gap(gap),
            }),
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ports::core::shown;

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
        serde_json::from_slice(&body(&offer, raw_inline).expect("an event is JSON")).expect("JSON")
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

    /// An event with something in every field.
    fn full(body: Option<v1::event::Body>) -> v1::Event {
        v1::Event {
            late: true,
            history: true,
            dedupe_key: "d\"1\u{7}".into(),
            redelivery_of: "0197-e".into(),
            entry: Some(v1::Entry {
                scene: "qrscene_1".into(),
                ..Default::default()
            }),
            allowances: vec![v1::Allowance::default(); 2],
            body,
            ..event(text("您好"))
        }
    }

    #[test]
    fn the_data_is_the_canonical_json_of_the_event_with_this_offer() {
        use v1::event::Body;
        let bodies = [
            None,
            Some(text("\u{2028}</script>")),
            Some(Body::Interaction(v1::Interaction::default())),
            Some(Body::Signal(v1::Signal::default())),
            Some(Body::Delivery(v1::DeliveryUpdate::default())),
            Some(Body::Gap(v1::Gap::default())),
        ];
        let events = bodies.into_iter().map(full).chain([v1::Event::default()]);
        for (event, inline) in events.flat_map(|event| [(event.clone(), true), (event, false)]) {
            let offer = v1::Offer {
                attempt: 3,
                passive: Some(v1::PassiveWindow::default()),
                replay_id: "r-1".into(),
            };
            let found =
                json::to_vec(&Data::of(&event, &offer, inline || always_raw(&event))).expect("an event is JSON");
            let canonical = shown(event, offer, inline);
            let canonical = json::to_vec(&canonical).expect("an event is JSON");
            assert_eq!(String::from_utf8(found), String::from_utf8(canonical));
        }
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
