use std::{fs, path::Path};

use super::*;
use crate::{
    ports::core,
    schema::v1::{event::Body, part::Content},
};

/// What every body of the fixtures became, and whether its channel says that the raw body goes with it always.
fn events() -> Vec<(v1::Event, bool)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut events = Vec::new();
    for folder in fs::read_dir(fixtures).expect("fixtures") {
        let folder = folder.expect("an entry").path();
        for file in fs::read_dir(folder).into_iter().flatten() {
            let file = file.expect("an entry").path();
            if !file.to_string_lossy().ends_with(".expect.json") {
                continue;
            }
            let text = fs::read_to_string(&file).expect("text");
            let expect: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let told = expect.as_array().cloned().unwrap_or_else(|| vec![expect]);
            events.extend(told.iter().filter(|it| it["event"].is_object()).map(complete));
        }
    }
    assert!(events.len() > 100, "{} events", events.len());
    events
}

/// With what the store adds.
fn complete(told: &serde_json::Value) -> (v1::Event, bool) {
    let mut event: v1::Event = serde_json::from_value(told["event"].clone()).expect("an event");
    event.id = "0190a1b2-0000-7000-8000-000000000001".to_owned();
    event.epoch = 1_752_000_017;
    event.seq = 300;
    event.accepted_time = Some(Timestamp::from_millis(1_752_000_017_123));
    event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    event.conversation.get_or_insert_default().key = "official_account:wx0:u:o1".to_owned();
    event.raw = Some(v1::Raw {
        body: "<xml/>".into(),
        ..Default::default()
    });
    (event, told["rawAlways"] == true)
}

#[test]
fn what_is_skimmed_is_what_is_read() {
    for (event, _) in events() {
        let written = Written::unread(event.encode_to_vec().into()).expect("a head");
        let skimmed = written.head();
        assert!(written.read.get().is_none(), "the head is not worth reading it all");
        assert_eq!(skimmed, Head::of(&event));
        assert_eq!(*written, event);
        assert_eq!(written.head(), Head::of(&event), "and once it is read");
    }
}

#[test]
fn what_brings_something_back_is_known_without_reading_it() {
    let event = v1::Event {
        dedupe_key: "wx1:1".to_owned(),
        redelivery_of: "before".to_owned(),
        ..message(Vec::new())
    };
    for event in [event.clone(), message(Vec::new())] {
        let written = Written::unread(event.encode_to_vec().into()).expect("a head");
        assert_eq!(written.head(), Head::of(&event));
        assert_eq!(written.head().is_redelivery, !event.redelivery_of.is_empty());
    }
}

#[test]
fn what_is_told_of_a_body_without_reading_it_is_what_it_says() {
    let (mut rich, mut codes) = (0, 0);
    for (event, _) in events() {
        let written = Written::unread(event.encode_to_vec().into()).expect("a head");
        let is_rich = match &event.body {
            Some(Body::Message(message)) => message.parts.iter().any(|part| {
                !matches!(
                    part.content,
                    None | Some(Content::Text(_) | Content::Location(_) | Content::Unsupported(_))
                )
            }),
            _ => false,
        };
        let has_code = matches!(&event.body, Some(Body::Signal(signal)) if signal.code_expires.is_some());
        assert_eq!(written.is_more_than_words(), is_rich, "{:?}", event.body);
        assert_eq!(written.has_code(), has_code, "{:?}", event.body);
        assert_eq!(written.conversation(), event.conversation);
        assert!(!written.is_read());
        rich += usize::from(is_rich);
        codes += usize::from(has_code);
    }
    assert!(rich > 10 && codes > 0, "{rich} and {codes}");
}

#[test]
fn bytes_that_are_shown_say_what_the_event_says_that_is_shown() {
    let offer = v1::Offer {
        attempt: 3,
        passive: None,
        replay_id: "again".to_owned(),
    };
    let (mut with, mut without) = (0, 0);
    for (event, always) in events() {
        let written = Written::unread(event.encode_to_vec().into()).expect("a head");
        for raw_inline in [false, true] {
            let bytes = written.shown(&offer, raw_inline).expect("shown");
            let shown = v1::Event::decode(bytes).expect("an event");
            assert_eq!(shown, core::shown(event.clone(), offer.clone(), raw_inline));
            assert_eq!(shown.raw.is_some(), raw_inline || always, "{:?}", event.body);
        }
        if always {
            with += 1
        } else {
            without += 1
        }
        assert!(written.read.get().is_none());
    }
    assert!(with > 5 && without > 50, "{with} and {without}");
}

/// Both as text, so that a difference can be read.
fn same_json(event: &v1::Event, offer: &v1::Offer, raw_inline: bool) -> bool {
    let written = Written::unread(event.encode_to_vec().into()).expect("a head");
    let mut found = b"before".to_vec();
    written.write_shown(&mut found, offer, raw_inline).expect("JSON");
    let wanted = json::to_vec(&core::shown(event.clone(), offer.clone(), raw_inline)).expect("JSON");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    assert_eq!(text(&found), format!("before{}", text(&wanted)));
    written.read.get().is_none()
}

#[test]
fn json_that_is_written_from_bytes_is_the_canonical_one() {
    let offers = [
        v1::Offer {
            attempt: 3,
            passive: None,
            replay_id: "again".to_owned(),
        },
        v1::Offer {
            attempt: 1,
            passive: Some(v1::PassiveWindow {
                deadline: Some(Timestamp::from_millis(1_752_000_004_000)),
                part_types: vec!["text".to_owned(), "image".to_owned()],
                platform_attempt: 2,
            }),
            ..Default::default()
        },
        v1::Offer::default(),
    ];
    let (mut skimmed, mut read) = (0, 0);
    for (event, _) in events() {
        for offer in &offers {
            for raw_inline in [false, true] {
                match same_json(&event, offer, raw_inline) {
                    true => skimmed += 1,
                    false => read += 1,
                }
            }
        }
    }
    assert!(skimmed > 50 * read, "{read} had to be read, {skimmed} not");
}

fn part(content: Content) -> v1::Part {
    v1::Part {
        content: Some(content),
        ..Default::default()
    }
}

fn text(body: &str) -> v1::Part {
    part(Content::Text(v1::Text {
        body: body.to_owned(),
        ..Default::default()
    }))
}

fn message(parts: Vec<v1::Part>) -> v1::Event {
    v1::Event {
        body: Some(Body::Message(v1::Message {
            parts,
            ..Default::default()
        })),
        ..Default::default()
    }
}

fn signal(signal: v1::Signal) -> v1::Event {
    v1::Event {
        body: Some(Body::Signal(signal)),
        ..Default::default()
    }
}

#[test]
fn parts_that_are_seldom_said_are_written_without_reading_them() {
    let mut odd = text("\u{0}\u{1f}\u{7f}\"\\/\n\t\u{2028}您好😀");
    odd.ext_json.insert("b.x".to_owned(), "{\"a\":1}".to_owned());
    odd.ext_json.insert("a.x".to_owned(), String::new());
    let large = v1::Media {
        size: u64::MAX,
        ..Default::default()
    };
    let place = v1::Location {
        latitude: 43.106_021_881_103_516,
        longitude: -0.0,
        scale: 1e-7,
        ..Default::default()
    };
    let parts = vec![
        odd,
        part(Content::Video(large)),
        part(Content::Location(place)),
        part(Content::Text(v1::Text::default())),
        text("a bell\u{7}"),
        v1::Part::default(),
    ];
    assert!(same_json(&message(parts), &v1::Offer::default(), false));
}

#[test]
fn what_is_zero_and_said_all_the_same_is_written_without_reading_it() {
    let event = v1::Event {
        epoch: u32::MAX,
        late: true,
        history: true,
        platform_time: Some(Timestamp::default()),
        allowances: vec![
            v1::Allowance {
                remaining: Some(0),
                ..Default::default()
            },
            v1::Allowance::default(),
        ],
        entry: Some(v1::Entry {
            declared_source: Some(0),
            agent_exclusive: Some(false),
            ..Default::default()
        }),
        raw: Some(v1::Raw {
            body: (0..=255).collect(),
            ..Default::default()
        }),
        ..message(Vec::new())
    };
    for raw_inline in [false, true] {
        assert!(same_json(&event, &v1::Offer::default(), raw_inline));
    }
    let fields = [("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())].into();
    let signal = signal(v1::Signal {
        fields,
        ..Default::default()
    });
    assert!(same_json(&signal, &v1::Offer::default(), false));
}

#[test]
fn what_has_a_form_of_its_own_is_read_and_what_has_no_name_is_a_fault() {
    let lasting = v1::Media {
        duration: Some(pbjson_types::Duration {
            seconds: 3,
            nanos: 250_000_000,
        }),
        ..Default::default()
    };
    let lasting = message(vec![part(Content::Video(lasting))]);
    assert!(!same_json(&lasting, &v1::Offer::default(), false), "how long is read");
    let strange = signal(v1::Signal {
        r#type: 9_999,
        ..Default::default()
    });
    let strange = Written::unread(strange.encode_to_vec().into()).expect("a head");
    let said = strange.write_shown(&mut Vec::new(), &v1::Offer::default(), false);
    assert!(matches!(said, Err(JsonError::Shape(_))), "{said:?}");
}

#[test]
fn a_part_without_content_is_shown_raw() {
    let event = v1::Event {
        body: Some(v1::event::Body::Message(v1::Message {
            parts: vec![v1::Part::default()],
            ..Default::default()
        })),
        raw: Some(v1::Raw::default()),
        ..Default::default()
    };
    let shown = Written::from(event).shown(&v1::Offer::default(), false).expect("shown");
    assert!(v1::Event::decode(shown).expect("an event").raw.is_some());
}

#[test]
fn what_has_no_name_inside_a_chat_is_shown_raw() {
    let chat = |parts: Vec<v1::Part>| {
        let item = |part| v1::Message {
            parts: vec![part],
            ..Default::default()
        };
        part(Content::Forwarded(v1::ForwardedChat {
            title: "a chat".to_owned(),
            items: parts.into_iter().map(item).collect(),
        }))
    };
    let nameless = || part(Content::Unsupported(v1::Unsupported::default()));
    for (parts, always) in [
        (vec![chat(vec![text("a"), text("b")])], false),
        (vec![chat(Vec::new())], false),
        (vec![chat(vec![text("a"), nameless()])], true),
        (vec![chat(vec![v1::Part::default()])], true),
        (vec![text("a"), chat(vec![text("a"), chat(vec![nameless()])])], true),
    ] {
        let event = v1::Event {
            raw: Some(v1::Raw::default()),
            ..message(parts)
        };
        let offer = v1::Offer::default();
        let wanted = core::shown(event.clone(), offer.clone(), false);
        assert_eq!(wanted.raw.is_some(), always, "{event:?}");
        let written = Written::unread(event.encode_to_vec().into()).expect("a head");
        let shown = written.shown(&offer, false).expect("shown");
        assert_eq!(v1::Event::decode(shown).expect("an event"), wanted);
        same_json(&event, &offer, false);
    }
}

#[test]
fn an_offer_of_before_is_not_shown_again() {
    let event = v1::Event {
        offer: Some(v1::Offer {
            attempt: 7,
            replay_id: "old".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let offer = v1::Offer {
        attempt: 1,
        ..Default::default()
    };
    let shown = Written::from(event).shown(&offer, false).expect("shown");
    assert_eq!(v1::Event::decode(shown).expect("an event").offer, Some(offer));
}

#[test]
fn bytes_that_are_cut_off_or_nonsense_are_an_error_and_no_panic() {
    let (event, _) = events().swap_remove(0);
    let bytes: Bytes = event.encode_to_vec().into();
    let mut unreadable = 0;
    for length in 0..bytes.len() {
        // Whatever comes of it, nothing of it panics.
        let cut = Written::unread(bytes.slice(..length));
        unreadable += usize::from(cut.and_then(|cut| cut.event().cloned()).is_err());
    }
    assert!(unreadable > bytes.len() / 2);
    assert!(Written::unread(Bytes::from_static(&[0xff; 40])).is_err());
    // Its head is sound and its parts are not: it says nothing, and whoever asks is told so.
    let mut broken = event.encode_to_vec();
    broken.extend_from_slice(&[0xa2, 0x01, 0x02, 0x22, 0x7f]);
    let broken = Written::unread(broken.into()).expect("a head");
    assert!(broken.event().is_err());
    assert!(broken.shown(&v1::Offer::default(), false).is_err());
    assert_eq!(broken.seq, 0);
    assert_eq!(*broken, v1::Event::default());
    // Where it stands is known all the same, so that it can be set aside there.
    let (head, whole) = (broken.head(), Head::of(&event));
    assert_eq!((head.id, head.key, head.seq), (whole.id, whole.key, whole.seq));
    assert_eq!((broken.id(), broken.number()), (event.id.as_str(), event.seq));
    assert!(broken.event().is_err(), "and that it cannot be read stays known");
}

#[test]
fn the_numbers_are_the_schemas() {
    let set = prost_types::FileDescriptorSet::decode(crate::schema::DESCRIPTORS).expect("descriptors");
    let file = set
        .file
        .iter()
        .find(|file| file.package() == "wxbridge.v1")
        .expect("ours");
    let number = |message: &str, field: &str| {
        let message = file
            .message_type
            .iter()
            .find(|it| it.name() == message)
            .expect("a message");
        message
            .field
            .iter()
            .find(|it| it.name() == field)
            .expect("a field")
            .number() as u32
    };
    for (message, field, tag) in [
        ("Event", "id", tag::ID),
        ("Event", "conversation", tag::CONVERSATION),
        ("Event", "epoch", tag::EPOCH),
        ("Event", "seq", tag::SEQ),
        ("Event", "platform_time", tag::PLATFORM_TIME),
        ("Event", "accepted_time", tag::ACCEPTED_TIME),
        ("Event", "late", tag::LATE),
        ("Event", "history", tag::HISTORY),
        ("Event", "dedupe_key", tag::DEDUPE_KEY),
        ("Event", "redelivery_of", tag::REDELIVERY_OF),
        ("Event", "entry", tag::ENTRY),
        ("Event", "allowances", tag::ALLOWANCES),
        ("Event", "traceparent", tag::TRACEPARENT),
        ("Event", "message", tag::MESSAGE),
        ("Event", "interaction", tag::INTERACTION),
        ("Event", "signal", tag::SIGNAL),
        ("Event", "delivery", tag::DELIVERY),
        ("Event", "gap", tag::GAP),
        ("Event", "offer", tag::OFFER),
        ("Event", "raw", tag::RAW),
        ("Conversation", "key", tag::conversation::KEY),
        ("Conversation", "account", tag::conversation::ACCOUNT),
        ("Conversation", "customer", tag::conversation::CUSTOMER),
        ("Conversation", "scope", tag::conversation::SCOPE),
        ("Conversation", "session_id", tag::conversation::SESSION_ID),
        ("Conversation", "session_state", tag::conversation::SESSION_STATE),
        ("Conversation", "servicer", tag::conversation::SERVICER),
        (
            "Conversation",
            "last_customer_message_time",
            tag::conversation::LAST_CUSTOMER_MESSAGE_TIME,
        ),
        ("Conversation", "first_seq", tag::conversation::FIRST_SEQ),
        ("Conversation", "previous_keys", tag::conversation::PREVIOUS_KEYS),
        ("Account", "id", tag::account::ID),
        ("Message", "parts", tag::message::PARTS),
        ("Signal", "type", tag::signal::TYPE),
        ("Signal", "code_expires", tag::signal::CODE_EXPIRES),
        ("Part", "text", tag::part::TEXT),
        ("Part", "location", tag::part::LOCATION),
        ("Part", "forwarded", tag::part::FORWARDED),
        ("Part", "ext_json", tag::part::EXT_JSON),
        ("ForwardedChat", "items", tag::forwarded_chat::ITEMS),
        ("Part", "unsupported", tag::part::UNSUPPORTED),
    ] {
        assert_eq!(number(message, field), tag, "{message}.{field}");
    }
}
