//! Does every captured body become what its expectation says?
//!
//! `fixtures/{channel}/` holds bodies as the platform sends them, opened: `name.xml` or `name.json`, and where the platform
//! is pulled `name.page.json`, an answer with a page of items. Beside each stands `name.expect.json`; `UPDATE=1` writes what
//! is missing or meant to change.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{
    each,
    samples::{NOW, account, plain},
};
use crate::{
    channels::contract::{Account, At, Effects, Inbound, SessionEffect, Who},
    ports::platform::Answer,
    schema::{self, json as canonical, v1},
};

fn folder(channel: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(channel)
}

/// Every body of the folder, by name.
fn bodies(channel: &str) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(folder(channel)).unwrap_or_else(|_| panic!("no folder fixtures/{channel}"));
    entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with(".expect.json"))
        .filter(|path| path.extension().is_some_and(|kind| kind == "xml" || kind == "json"))
        .filter_map(|path| Some((path.file_stem()?.to_string_lossy().into_owned(), path)))
        .collect()
}

fn shown(inbound: &Inbound) -> Value {
    let event = v1::Event {
        body: Some(inbound.body.clone()),
        entry: inbound.entry.clone(),
        platform_time: inbound.platform_time.map(schema::Timestamp::from_millis),
        dedupe_key: inbound.dedupe.text.clone(),
        ..v1::Event::default()
    };
    let event: Value = serde_json::from_slice(&canonical::to_vec(&event).expect("canonical")).expect("JSON");
    json!({
        "who": match &inbound.who { Who::Customer(id) => id.as_str(), Who::Account => "a:-" },
        "event": event,
        "order": inbound.dedupe.order,
        "rest": inbound.dedupe.rest,
        "effects": effects(&inbound.effects),
        "passive": inbound.passive.as_ref().map(|to| json!({
            "to": to.to, "from": to.from, "partTypes": to.part_types, "toMessage": to.to_message,
        })),
        "rawAlways": inbound.raw_always,
    })
}

fn effects(effects: &Effects) -> Value {
    json!({
        "opens": effects.opens,
        "unfollowed": effects.unfollowed,
        "acted": effects.customer_acted,
        "spoke": effects.customer_spoke,
        "session": effects.session.as_ref().map(|session| match session {
            SessionEffect::Captured { servicer } => format!("captured by {servicer}"),
            SessionEffect::Released => "released".to_owned(),
            SessionEffect::Ended => "ended".to_owned(),
            other => format!("{other:?}"),
        }),
    })
}

/// What a body says: one thing, or a page of them.
fn said(account: &dyn Account, name: &str, body: &[u8]) -> Vec<Inbound> {
    if !name.ends_with(".page") {
        return vec![
            account
                .read(&plain(body), NOW)
                .unwrap_or_else(|refusal| panic!("{name}: {refusal:?}")),
        ];
    }
    let answer = Answer::json(200, body);
    let at = At {
        sub_id: "wk1",
        cursor: "",
        token: None,
    };
    let page = account.pulls().expect("pulled").read_page(&at, &answer, NOW);
    let page = page.unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    page.items.into_iter().map(|item| item.inbound).collect()
}

#[test]
fn every_body_becomes_what_its_expectation_says() {
    let updating = std::env::var_os("UPDATE").is_some();
    each(|channel, it| {
        let account = account(it);
        let bodies = bodies(channel);
        assert!(!bodies.is_empty(), "fixtures/{channel} is empty");
        for (name, path) in bodies {
            let body = fs::read(&path).expect("readable");
            let mut found: Vec<Value> = said(&*account, &name, &body).iter().map(shown).collect();
            if let (Some(thanks), [one]) = (account.thanks(&plain(&body)), &mut found[..]) {
                one["thanks"] = String::from_utf8_lossy(&thanks).into();
            }
            let found = match found.as_slice() {
                [one] if !name.ends_with(".page") => serde_json::to_string_pretty(one),
                _ => serde_json::to_string_pretty(&found),
            };
            let found = format!("{}\n", found.expect("JSON"));
            let expect = folder(channel).join(format!("{name}.expect.json"));
            if updating {
                fs::write(&expect, &found).expect("writable");
            }
            let expected = fs::read_to_string(&expect).unwrap_or_default();
            assert!(
                found == expected,
                "{channel}/{name} became\n{found}\nUPDATE=1 rewrites what is meant"
            );
        }
    });
}

#[test]
fn what_comes_again_is_the_same_and_what_is_inbound_has_words() {
    each(|channel, it| {
        let account = account(it);
        for (name, path) in bodies(channel) {
            let body = fs::read(&path).expect("readable");
            let (once, again) = (said(&*account, &name, &body), said(&*account, &name, &body));
            for (one, two) in once.iter().zip(&again) {
                assert_eq!(one.dedupe, two.dedupe, "{channel}/{name}");
                assert!(one.dedupe.text.len() > 3, "{channel}/{name}");
                if let v1::event::Body::Message(message) = &one.body {
                    assert!(!message.summary.is_empty(), "{channel}/{name}");
                }
                let other = matches!(&one.body, v1::event::Body::Signal(it) if it.r#type() == v1::signal::Type::Other);
                assert!(
                    !other || one.raw_always,
                    "{channel}/{name}: an event without name brings its body"
                );
            }
        }
    });
}
