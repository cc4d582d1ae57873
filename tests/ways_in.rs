//! Does a core hear the same, whichever way it chose? One story through HTTP push, gRPC push and pull: replies, a slow core,
//! one that goes, a restart, what was parked and its Gap, an epoch that rises, and a replay.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "ways_in/ears.rs"]
mod ears;
mod support;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use serde_json::{Value, json};
use wxbridge::store::sqlite;

use ears::{Ear, WAYS, Way};
use support::{
    bridge::Bridge,
    peer::{Shop, element, msg_id},
    until,
};

type Told = BTreeMap<String, Vec<(u64, String)>>;

/// What customers said and what a Gap stood for, in order, by conversation.
fn told(heard: &[Value]) -> Told {
    let mut told = Told::new();
    for event in heard {
        let key = event["conversation"]["key"].as_str().unwrap().to_owned();
        let text = match &event["gap"]["reason"] {
            Value::String(reason) => format!("Gap {reason}"),
            _ => event["message"]["summary"].as_str().unwrap_or_default().to_owned(),
        };
        told.entry(key)
            .or_default()
            .push((event["seq"].as_u64().unwrap(), text));
    }
    told
}

const PARKED: &str = "Gap PARKED";

/// What a replay tells of it: where a Gap stands for an event, the Gap alone.
fn offered_again(told: &Told) -> Told {
    let mut again = told.clone();
    for events in again.values_mut() {
        let gaps: Vec<u64> = events.iter().filter(|it| it.1 == PARKED).map(|it| it.0).collect();
        events.retain(|(seq, text)| text == PARKED || !gaps.contains(seq));
    }
    again
}

/// Whether the core can set an event aside; one that pulls takes it, whatever it makes of it.
fn parks(way: Way) -> bool {
    !matches!(way, Way::Pull)
}

/// Why each of what is set aside was.
async fn set_aside(bridge: &Bridge) -> Vec<String> {
    let aside = bridge.get("/admin/v1/parked").await;
    let items = aside["items"].as_array().unwrap().iter();
    items.map(|item| item["reason"].as_str().unwrap().to_owned()).collect()
}

/// Stored events are handed over again, and every one of them was heard.
async fn replay(bridge: &Bridge) {
    let (status, begun) = bridge.post("/admin/v1/replay", &json!({ "core": "main" })).await;
    assert_eq!(status, 202, "{begun}");
    let path = format!("/admin/v1/replay/{}", begun["replayId"].as_str().unwrap());
    until("the replay's end", async || {
        let state = bridge.get(&path).await;
        assert_ne!(state["state"], "failed", "{state}");
        (state["state"] == "done").then_some(())
    })
    .await;
}

/// The store is one that was restored: it stands in a new epoch, and counts anew.
async fn restored(bridge: &mut Bridge) -> u32 {
    assert_eq!(bridge.stop().await, 0, "{}", bridge.log());
    let file = bridge.state().join(sqlite::FILE);
    let epoch = sqlite::raise_epoch(&file, support::now() * 1000).unwrap();
    bridge.spawn();
    bridge.ready().await;
    epoch
}

/// A reply in the open request, a platform's retry, a core that is slow, what it sets aside, one that goes, a restart in the middle, all that
/// waited, a replay, and a restore. What was told before it and after it, and what the first customer read.
async fn story(way: Way) -> (Told, Told, String) {
    let mut ear = Ear::open(way).await;
    let mut bridge = Bridge::start(ear.setup()).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    ear.comes(&bridge).await;

    let first = shop.sealed(&shop.text("o1", msg_id(), "1"));
    let (status, body) = bridge.pushed(&shop, &first).await;
    assert_eq!(status, 200, "{way:?}");
    let shown = shop
        .open_reply(&body)
        .unwrap_or_else(|error| panic!("{way:?}: {error}"));
    let again = bridge.pushed(&shop, &first).await.1;
    let again = shop
        .open_reply(&again)
        .unwrap_or_else(|error| panic!("{way:?}: {error}"));
    assert_eq!(element(&again, "Content"), element(&shown, "Content"), "{way:?}");

    ear.is_slow_once("2");
    for (who, text) in [("o1", "2"), ("o1", "3")] {
        assert_eq!(bridge.text(&shop, who, text).await.0, 200, "{way:?}");
    }
    ear.hears(3).await;
    let tries = ear
        .attempts()
        .into_iter()
        .filter(|event| event["message"]["summary"] == "2");
    assert!(tries.count() > 1, "{way:?}: it asked for time");

    ear.sets_aside("spoilt");
    assert_eq!(bridge.text(&shop, "o1", "spoilt").await.0, 200, "{way:?}");
    let gaps = usize::from(parks(way));
    ear.hears(4 + gaps).await;
    let why = set_aside(&bridge).await;
    assert_eq!(why.len(), gaps, "{way:?}: {why:?}");
    assert!(why.iter().all(|why| why.ends_with(ears::WHY)), "{way:?}: {why:?}");

    ear.goes().await;
    for (who, text) in [("o1", "4"), ("o2", "5"), ("o1", "6")] {
        assert_eq!(bridge.text(&shop, who, text).await.0, 200, "{way:?}");
    }
    bridge.restart().await;
    assert_eq!(bridge.text(&shop, "o2", "7").await.0, 200, "{way:?}");
    ear.comes(&bridge).await;
    let heard = ear.hears(8 + gaps).await;
    assert_eq!(heard.len(), 8 + gaps, "{way:?}: {heard:?}");

    replay(&bridge).await;
    let told = told(&heard);
    assert_eq!(
        self::told(&ear.replayed()),
        offered_again(&told),
        "{way:?}: each conversation in its order"
    );
    assert_eq!(ear.heard(), heard, "{way:?}: and nothing else came");

    ear.goes().await;
    let epoch = restored(&mut bridge).await;
    for (who, text) in [("o1", "8"), ("o2", "9"), ("o1", "10")] {
        assert_eq!(bridge.text(&shop, who, text).await.0, 200, "{way:?}");
    }
    ear.comes(&bridge).await;
    let all = ear.hears(heard.len() + 3).await;
    let (before, after) = all.split_at(heard.len());
    assert_eq!(before, heard, "{way:?}");
    let epochs = |events: &[Value]| {
        events
            .iter()
            .map(|event| event["epoch"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert!(
        epochs(&heard).iter().all(|before| *before < u64::from(epoch)),
        "{way:?}"
    );
    assert_eq!(epochs(after), [u64::from(epoch); 3], "{way:?}");
    (told, self::told(after), element(&shown, "Content").unwrap())
}

#[tokio::test]
async fn one_story_is_the_same_by_every_way() {
    let shop = Shop::new("shop");
    let said = |pairs: &[(u64, &str)]| pairs.iter().map(|(seq, text)| (*seq, (*text).to_owned())).collect();
    let wanted = BTreeMap::from([
        (
            shop.conversation("o1"),
            said(&[
                (1, "1"),
                (2, "2"),
                (3, "3"),
                (4, "spoilt"),
                (4, PARKED),
                (5, "4"),
                (6, "6"),
            ]),
        ),
        (shop.conversation("o2"), said(&[(1, "5"), (2, "7")])),
    ]);
    let restored = BTreeMap::from([
        (shop.conversation("o1"), said(&[(1, "8"), (2, "10")])),
        (shop.conversation("o2"), said(&[(1, "9")])),
    ]);
    for way in WAYS {
        let mut wanted: Told = wanted.clone();
        let heard = |(_, text): &(u64, String)| text != PARKED || parks(way);
        wanted.values_mut().for_each(|told| told.retain(heard));
        let wanted = (wanted, restored.clone(), "1!".to_owned());
        assert_eq!(story(way).await, wanted, "{way:?}");
    }
}

/// A folder and what is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), &target).unwrap()),
        }
    }
}

/// A core set the first event aside, and went before it took the Gap; the event was brought back.
async fn parked(bridge: &Bridge, core: &mut Ear, shop: &Shop) {
    assert_eq!(bridge.text(shop, "o1", "poison").await.0, 200);
    until("the Gap at the core", async || {
        core.attempts()
            .iter()
            .any(|event| event["gap"].is_object())
            .then_some(())
    })
    .await;
    core.goes().await;
    let aside = bridge.get("/admin/v1/parked").await;
    let id = aside["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{aside}"));
    let (status, back) = bridge.post(&format!("/admin/v1/parked/{id}/retry"), &Value::Null).await;
    assert_eq!(status, 200, "{back}");
}

/// What waits in a store that was stopped: a Gap and what it stood for, texts of several, a click, and something that
/// nobody knows; then all of it once more after a restore.
async fn backlog(core: Ear) -> (Bridge, u32) {
    let mut core = core;
    let mut setup = core.setup();
    setup.inline_raw();
    let mut bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    parked(&bridge, &mut core, &shop).await;
    told_by_customers(&bridge, &shop, "o1").await;
    let epoch = restored(&mut bridge).await;
    // Of another customer: what has no id and comes twice in a second is the same.
    told_by_customers(&bridge, &shop, "o2").await;
    assert_eq!(bridge.stop().await, 0, "{}", bridge.log());
    (bridge, epoch)
}

async fn told_by_customers(bridge: &Bridge, shop: &Shop, one: &str) {
    for round in 0..4 {
        for who in ["o1", "o2", "o3"] {
            bridge.text(shop, who, &format!("{who} <&> 😀 {round}")).await;
        }
    }
    let more = [
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[HELP]]></EventKey>"
            .to_owned(),
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[teleport]]></Event><Where>9007199254740993</Where>"
            .to_owned(),
        format!("<MsgType><![CDATA[hologram]]></MsgType><MsgId>{}</MsgId>", msg_id()),
        format!(
            "<MsgType><![CDATA[location]]></MsgType><Location_X>23.134521</Location_X><Location_Y>113.358803</Location_Y>\
             <Scale>20</Scale><Label><![CDATA[x]]></Label><MsgId>{}</MsgId>",
            msg_id()
        ),
    ];
    for rest in more {
        let document = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{one}]]></FromUserName>\
             <CreateTime>{}</CreateTime>{rest}</xml>",
            shop.original_id,
            support::now()
        );
        assert_eq!(bridge.pushed(shop, &shop.sealed(&document)).await.0, 200);
    }
}

/// Each conversation counts 1, 2, 3 … in each epoch, and the epochs come one after the other.
fn assert_order(way: Way, heard: &[Value]) {
    let mut last = HashMap::<String, (u64, u64)>::new();
    for event in heard {
        let (epoch, seq) = (event["epoch"].as_u64().unwrap(), event["seq"].as_u64().unwrap());
        let place = last.entry(event["conversation"]["key"].to_string()).or_default();
        let wanted = if epoch > place.0 { 1 } else { place.1 + 1 };
        assert!(epoch >= place.0 && seq == wanted, "{way:?}: {event} behind {place:?}");
        *place = (epoch, seq);
    }
}

/// A Gap, the event that it stood for, and 16 of customers in each of two epochs.
const EVENTS: usize = 2 + 2 * 16;

/// What one way tells of a copy of the store, and once more by a replay.
async fn heard_by(way: Way, kept: &Bridge) -> BTreeMap<String, Value> {
    let mut ear = Ear::open(way).await;
    let mut setup = ear.setup();
    setup.inline_raw();
    let mut bridge = Bridge::prepare(setup);
    copy(&kept.state(), &bridge.state());
    bridge.spawn();
    bridge.ready().await;
    ear.comes(&bridge).await;
    let heard = ear.hears(EVENTS).await;
    assert_order(way, &heard);
    replay(&bridge).await;
    let replayed = ear.replayed();
    assert_eq!(ear.heard(), heard, "{way:?}: a replay moves nothing");
    let by_id = |events: Vec<Value>| -> BTreeMap<String, Value> {
        let named = |event: Value| (event["id"].as_str().unwrap().to_owned(), event);
        events.into_iter().map(named).collect()
    };
    let heard = by_id(heard);
    for (id, event) in by_id(replayed) {
        match heard.get(&id) {
            Some(known) => assert_eq!(&event, known, "{way:?}: the same once more"),
            // Nobody had taken it: a Gap stood in its place.
            None => assert_eq!(event["message"]["summary"], "poison", "{way:?}: {event}"),
        }
    }
    heard
}

#[tokio::test]
async fn one_store_gives_equal_events_by_every_way() {
    for core in [Ear::refusing().await, Ear::parking()] {
        equal_events(core).await;
    }
}

/// Whoever set its first event aside, and however.
async fn equal_events(core: Ear) {
    let (kept, epoch) = backlog(core).await;
    let first = heard_by(WAYS[0], &kept).await;
    let of_restore = |event: &Value| event["epoch"] == epoch;
    assert!(first.values().all(of_restore), "what waited goes with the restore");
    let gap = first.values().find(|event| event["gap"].is_object()).unwrap();
    assert_eq!((&gap["gap"]["reason"], &gap["seq"]), (&json!("PARKED"), &json!(1)));
    let back = first.values().find(|event| event["redeliveryOf"].is_string()).unwrap();
    assert_eq!(
        (&back["message"]["summary"], &back["late"]),
        (&json!("poison"), &json!(true))
    );
    for way in &WAYS[1..] {
        let events = heard_by(*way, &kept).await;
        assert_eq!(events.len(), EVENTS, "{way:?}");
        for (id, event) in events {
            assert_eq!(event.to_string(), first[&id].to_string(), "{way:?}");
        }
    }
}
