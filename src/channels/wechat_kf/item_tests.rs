//! Bodies and expectations are data in `fixtures/wechat_kf/items`: a new case is a new file. `UPDATE=1` rewrites the expectations.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::{
    channels::wechat_kf::kinds,
    schema::{json as canonical, v1::part::Content},
};

const NOW: Millis = 1_766_200_000_000;

fn settings() -> AccountSettings {
    AccountSettings {
        corp_id: "ww0123456789abcdef".into(),
        ..AccountSettings::default()
    }
}

fn at() -> At<'static> {
    At {
        sub_id: "wkTESTkf000001",
        cursor: "4gw7",
        token: None,
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/wechat_kf/items")
}

fn bodies() -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder())
        .expect("the fixtures are there")
        .map(|it| it.expect("readable").path());
    let items = entries.filter(|path| !path.to_string_lossy().ends_with(".expect.json"));
    items
        .filter_map(|path| {
            let name = path.file_stem()?.to_string_lossy().into_owned();
            Some((name, fs::read_to_string(&path).expect("text")))
        })
        .collect()
}

fn shown(item: &Item) -> Value {
    let inbound = &item.inbound;
    let event = v1::Event {
        body: Some(inbound.body.clone()),
        entry: inbound.entry.clone(),
        platform_time: inbound.platform_time.map(crate::schema::Timestamp::from_millis),
        dedupe_key: inbound.dedupe.text.clone(),
        ..v1::Event::default()
    };
    let effects = &inbound.effects;
    json!({
        "event": serde_json::from_slice::<Value>(&canonical::to_vec(&event).expect("canonical")).expect("JSON"),
        "place": item.sub_id,
        "who": match &inbound.who { Who::Customer(id) => id.as_str(), Who::Account => "a:-" },
        "order": inbound.dedupe.order,
        "opens": effects.opens,
        "acted": effects.customer_acted,
        "spoke": effects.customer_spoke,
        "session": effects.session.as_ref().map(|it| format!("{it:?}")),
        "failed": item.failed.as_ref().map(|it| json!({ "message": it.message_id, "code": it.error.code })),
        "rawAlways": inbound.raw_always,
    })
}

#[test]
fn every_kind_becomes_what_its_expectation_says() {
    let updating = std::env::var_os("UPDATE").is_some();
    for (name, body) in bodies() {
        let item = read(&settings(), &at(), body.trim(), 0, NOW);
        assert_eq!(item.raw, body.trim().as_bytes(), "{name}");
        let shown = format!("{:#}\n", shown(&item));
        let file = folder().join(format!("{name}.expect.json"));
        if updating {
            fs::write(&file, &shown).expect("writable");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(shown == expected, "{name}: {shown}");
    }
}

#[test]
fn every_documented_kind_has_a_body_and_becomes_its_part() {
    let bodies = bodies();
    for row in kinds::MESSAGES.iter().filter(|row| row.msgtype != "text") {
        let body = bodies
            .get(row.msgtype)
            .unwrap_or_else(|| panic!("no fixture for {}", row.msgtype));
        let item = read(&settings(), &at(), body.trim(), 0, NOW);
        let Body::Message(message) = &item.inbound.body else {
            panic!("{}", row.msgtype)
        };
        assert!(!message.parts.iter().any(unsupported), "{}", row.msgtype);
        assert!(!message.summary.is_empty());
    }
    for row in kinds::EVENTS
        .iter()
        .filter(|row| row.event_type.starts_with("kf_").eq(&false))
    {
        let body = bodies.get(&format!("event_{}", row.event_type)).expect("a fixture");
        let item = read(&settings(), &at(), body.trim(), 0, NOW);
        let Body::Signal(signal) = &item.inbound.body else {
            panic!("{}", row.event_type)
        };
        assert_eq!(signal.r#type(), row.signal, "{}", row.event_type);
    }
}

#[test]
fn items_without_an_id_are_told_apart_by_content_page_and_place() {
    let twice = r#"{"msgtype":"event","event":{"event_type":"enter_session"}}"#;
    let rest = |twin, cursor| {
        let at = At { cursor, ..at() };
        read(&settings(), &at, twice, twin, NOW).inbound.dedupe.rest
    };
    assert_eq!(rest(0, "a"), rest(0, "a"), "read again");
    assert_ne!(rest(0, "a"), rest(1, "a"));
    assert_ne!(rest(0, "a"), rest(0, "b"));
}

#[test]
fn whatever_an_item_holds_it_becomes_something() {
    let deep = format!(r#"{{"msgtype":"text","text":{}1{}}}"#, "[".repeat(50), "]".repeat(50));
    for raw in [
        "",
        "null",
        "7",
        "[]",
        "{}",
        r#"{"msgtype":7}"#,
        r#"{"msgtype":"text"}"#,
        r#"{"event":{}}"#,
        &deep,
    ] {
        let item = read(&settings(), &at(), raw, 0, NOW);
        assert_eq!(item.sub_id, "wkTESTkf000001");
        assert!(!item.inbound.dedupe.rest.is_empty());
    }
}

fn unsupported(part: &v1::Part) -> bool {
    matches!(part.content, Some(Content::Unsupported(_)))
}

/// The parts of a message, those inside its chats too.
fn parts_within(message: &v1::Message) -> Vec<v1::Part> {
    let within = |part: &v1::Part| match &part.content {
        Some(Content::Forwarded(chat)) => chat.items.iter().flat_map(parts_within).collect(),
        _ => Vec::new(),
    };
    let inside: Vec<v1::Part> = message.parts.iter().flat_map(within).collect();
    message.parts.iter().cloned().chain(inside).collect()
}

fn chat(body: &Value) -> (Item, v1::Message) {
    let raw = json!({ "msgid": "m1", "origin": 3, "msgtype": "merged_msg", "merged_msg": body }).to_string();
    let item = read(&settings(), &at(), &raw, 0, NOW);
    let Body::Message(message) = item.inbound.body.clone() else {
        panic!("{body}")
    };
    (item, message)
}

fn said(kind: &str, content: &Value) -> Value {
    json!({ "send_time": 1_766_012_345, "msgtype": kind, "sender_name": "a", "msg_content": content.to_string() })
}

#[test]
fn a_chat_that_is_shown_in_whole_brings_no_body() {
    let text = json!({ "text": { "content": "hi" } });
    let as_object = json!({ "msgtype": "text", "sender_name": "a", "msg_content": text });
    let beside = json!({ "msgtype": "text", "sender_name": "a", "text": { "content": "hi" } });
    let inner = json!({ "merged_msg": { "title": "t", "item": [said("text", &text)] } });
    for (body, hi) in [
        (json!({ "title": "t", "item": [said("text", &text)] }), 1),
        (json!({ "title": "t", "item": said("text", &text) }), 1),
        (json!({ "title": "t", "item": [as_object] }), 1),
        (json!({ "title": "t", "item": [beside] }), 1),
        (json!({ "title": "t", "item": [said("text", &text).to_string()] }), 1),
        (json!({ "title": "t", "item": [said("merged_msg", &inner)] }), 1),
        (json!({ "title": "t", "item": vec![said("text", &text); 200] }), 200),
        (json!({ "title": "t", "item": [said("note", &json!({}))] }), 0),
        (
            json!(json!({ "title": "t", "item": [said("text", &text)] }).to_string()),
            1,
        ),
    ] {
        let (item, message) = chat(&body);
        let found = parts_within(&message);
        let texts = found
            .iter()
            .filter(|it| matches!(&it.content, Some(Content::Text(it)) if it.body == "hi"));
        assert_eq!(texts.count(), hi, "{body}");
        assert!(!item.inbound.raw_always && !found.iter().any(unsupported), "{body}");
    }
}

#[test]
fn what_of_a_chat_is_not_shown_says_so_and_brings_the_body() {
    let text = json!({ "text": { "content": "hi" } });
    let odd = json!({ "hologram": { "body": "words" } });
    let nested = |depth: usize| {
        (0..depth).fold(text.clone(), |inner, at| {
            let kind = if at == 0 { "text" } else { "merged_msg" };
            json!({ "merged_msg": { "title": at, "item": [said(kind, &inner)] } })
        })["merged_msg"]
            .clone()
    };
    for body in [
        json!({ "title": "t", "item": [said("hologram", &odd)] }),
        json!({ "title": "t", "item": [said("text", &json!({ "words": "elsewhere" }))] }),
        json!({ "title": "t", "item": [said("text", &json!({ "text": "bare" }))] }),
        json!({ "title": "t", "item": [{ "msgtype": "image", "msg_content": "no JSON" }] }),
        json!({ "title": "t", "item": [{ "msgtype": "text", "msg_content": [1, 2] }] }),
        json!({ "title": "t", "item": "words" }),
        json!({ "title": "t", "item": ["words", 7, ["words"]] }),
        json!({ "title": "t", "item": vec![said("text", &text); 201] }),
        json!({ "title": "t", "items": [said("text", &text)] }),
        nested(4),
        json!("words"),
        json!(["words"]),
        json!(null),
    ] {
        let (item, message) = chat(&body);
        assert!(item.inbound.raw_always, "{body}");
        assert!(parts_within(&message).iter().any(unsupported), "{body}");
    }
    let (_, message) = chat(&json!({ "title": "t", "item": vec![said("text", &text); 207] }));
    let Some(Content::Forwarded(chat)) = &message.parts[0].content else {
        panic!("{message:?}")
    };
    let last = chat.items.last().expect("items");
    assert_eq!((chat.items.len(), unsupported(&last.parts[0])), (201, true));
    assert!(last.summary.contains('7'), "{}", last.summary);
    let words = self::chat(&json!({ "title": "t", "item": ["words"] })).1;
    assert!(format!("{words:?}").contains("words"), "what can be said is said");
}

#[test]
fn the_actor_of_a_session_that_is_opened_again_is_who_opens_it() {
    for (change, actor) in [(1, "new"), (2, "old"), (3, "old"), (4, "new")] {
        let old = if change == 1 { "" } else { "old" };
        let new = if change == 3 { "" } else { "new" };
        let raw = json!({ "msgid": "m1", "msgtype": "event", "event": {
            "event_type": "session_status_change", "external_userid": "wm1", "change_type": change,
            "old_servicer_userid": old, "new_servicer_userid": new,
        } });
        let item = read(&settings(), &at(), &raw.to_string(), 0, NOW);
        let Body::Signal(signal) = &item.inbound.body else {
            panic!("{raw}")
        };
        let found = signal.actor.as_ref().map(|it| it.native_id.as_str());
        assert_eq!(found, Some(actor), "change_type {change}");
    }
}
