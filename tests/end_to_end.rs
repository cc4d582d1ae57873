//! Does a customer's message reach the core, and the answer the customer? The real binary between the simulated platform
//! and a core that records.

#![allow(clippy::unwrap_used)]

#[path = "end_to_end/pictures.rs"]
mod pictures;
#[path = "end_to_end/sends.rs"]
mod sends;
mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    peer::{Shop, msg_id},
    until,
    world::World,
};

const FAST: &str = "reply_budget = \"300ms\"";

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn seen(road: &str, text: &str) -> (String, String) {
    (road.to_owned(), text.to_owned())
}

// ───────────── there and back ─────────────

#[tokio::test]
async fn a_text_reaches_the_core_once_and_the_reply_rides_back_in_the_open_request() {
    let world = World::new("", |heard| Said::reply(&format!("您说：{}", heard.text()))).await;
    let done = world.says("oAnna", "在吗 <&> 😀").await;
    assert_eq!(done["outcome"], "reply", "{done}");
    assert_eq!(done["attempts"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(world.shown("oAnna").await, [seen("passive", "您说：在吗 <&> 😀")]);

    let heard = world.core.heard();
    assert_eq!(heard.len(), 1);
    let event = &heard[0].event;
    assert_eq!(heard[0].key, world.key("oAnna"));
    assert_eq!(
        (heard[0].seq, heard[0].attempt, heard[0].kind.as_str()),
        (1, 1, "wxbridge.message.v1")
    );
    assert_eq!(heard[0].msg_id(), done["msg_id"]);
    assert_eq!(
        event["offer"]["passive"]["deadline"].as_str(),
        heard[0].deadline.as_deref()
    );
    assert!(heard[0].deadline.is_some(), "an open window has a deadline");
    assert_eq!(event["allowances"][0]["trigger"], "message", "{event}");
    assert_eq!(event["conversation"]["account"]["channelCode"], 1);
    assert!(world.calls("custom/send").await.is_empty(), "nothing went by the API");
}

#[tokio::test]
async fn a_customers_messages_arrive_in_order_and_without_holes() {
    let world = World::new("reply_budget = \"0ms\"", |_| {
        Said::taken().after(Duration::from_millis(15))
    })
    .await;
    let texts: Vec<String> = (1..=20).map(|number| format!("number {number}")).collect();
    for text in &texts {
        assert_eq!(world.says("oAnna", text).await["outcome"], "success");
    }
    assert_eq!(world.core.hears_text("number 20").await, texts);
    let seqs: Vec<u64> = world.core.heard().iter().map(|heard| heard.seq).collect();
    assert_eq!(seqs, (1..=20).collect::<Vec<u64>>());
}

#[tokio::test]
async fn an_answer_after_the_budget_goes_by_the_api_and_only_there() {
    let world = World::new(FAST, |_| Said::reply("late but here").after(Duration::from_millis(700))).await;
    let done = world.says("oAnna", "hello").await;
    assert_eq!(done["outcome"], "success", "{done}");
    assert_eq!(world.sees("oAnna", 1).await, [seen("api", "late but here")]);
    // Whatever came later would stand in the same ordered outbox before this one.
    let (status, result) = world
        .send(
            "?wait=5s",
            json!({ "conversationKey": world.key("oAnna"), "text": "end" }),
        )
        .await;
    assert_eq!((status, result["status"].as_str()), (200, Some("SENT")), "{result}");
    assert_eq!(
        world.shown("oAnna").await,
        [seen("api", "late but here"), seen("api", "end")]
    );
    assert_eq!(world.core.heard().len(), 1);
}

#[tokio::test]
async fn of_several_replies_one_rides_and_the_others_follow_by_the_api_in_order() {
    let replies = json!({ "replies": [{ "text": "one" }, { "text": "two" }, { "text": "three" }] });
    let world = World::new("", move |_| Said {
        body: replies.clone(),
        ..Said::taken()
    })
    .await;
    assert_eq!(world.says("oAnna", "hello").await["outcome"], "reply");
    let shown = world.sees("oAnna", 3).await;
    assert_eq!(
        shown,
        [seen("passive", "one"), seen("api", "two"), seen("api", "three")]
    );
}

#[tokio::test]
async fn a_bad_reply_fails_by_itself_and_the_core_hears_of_it() {
    let world = World::new("", |heard| match heard.seq {
        1 => Said {
            body: json!({ "replies": [{ "text": "" }, { "text": "good" }] }),
            ..Said::taken()
        },
        _ => Said::taken(),
    })
    .await;
    world.says("oAnna", "hello").await;
    assert!(world.sees("oAnna", 1).await.iter().any(|(_, text)| text == "good"));
    let update = until("the FAILED update", async || {
        let heard = world.core.heard();
        heard.into_iter().find(|heard| heard.kind == "wxbridge.delivery.v1")
    })
    .await;
    assert_eq!(
        update.event["delivery"]["result"]["status"], "FAILED",
        "{}",
        update.event
    );
    assert_eq!(update.key, world.key("oAnna"));
}

// ───────────── a core with troubles ─────────────

#[tokio::test]
async fn what_comes_while_the_core_is_down_waits_and_arrives_in_order() {
    let mut world = World::new(FAST, |_| Said::taken()).await;
    world.core.goes().await;
    for text in ["a", "b", "c", "d"] {
        assert_eq!(world.says("oAnna", text).await["outcome"], "success");
        assert_eq!(world.says("oBert", text).await["outcome"], "success");
    }
    assert!(world.core.heard().is_empty());
    assert_eq!(
        world.bridge.readyz().await,
        Some(200),
        "we can append, whatever the core does"
    );
    world.core.comes_back();
    // A fresh event with a window resets the back-off of its conversation.
    world.says("oAnna", "e").await;
    world.says("oBert", "e").await;
    for openid in ["oAnna", "oBert"] {
        let texts = until("the backlog", async || {
            let heard = world.core.heard();
            let own: Vec<String> = heard
                .iter()
                .filter(|heard| heard.key.ends_with(openid))
                .map(|heard| heard.text().to_owned())
                .collect();
            (own.len() >= 5).then_some(own)
        })
        .await;
        assert_eq!(texts, list(&["a", "b", "c", "d", "e"]), "{openid}");
    }
}

#[tokio::test]
async fn an_event_that_is_not_taken_is_offered_again_with_the_same_id() {
    let world = World::new(FAST, |heard| match heard.attempt {
        1 => Said::status(500),
        2 => Said::status(503),
        _ => Said::taken(),
    })
    .await;
    world.says("oAnna", "stubborn").await;
    let heard = world.core.hears(3).await;
    let place = |at: usize| (heard[at].id.clone(), heard[at].seq, heard[at].attempt);
    assert_eq!(place(0), (heard[0].id.clone(), 1, 1));
    assert_eq!(place(1), (heard[0].id.clone(), 1, 2));
    assert_eq!(place(2), (heard[0].id.clone(), 1, 3));
}

#[tokio::test]
async fn an_event_refused_three_times_is_parked_and_a_gap_takes_its_place() {
    let world = World::new(FAST, |heard| match heard.text() {
        "poison" => Said::status(422),
        _ => Said::taken(),
    })
    .await;
    world.says("oAnna", "poison").await;
    world.says("oAnna", "after").await;
    assert_eq!(world.core.hears_text("after").await, list(&["poison", "after"]));
    let heard = world.core.heard();
    assert_eq!(heard.iter().filter(|heard| heard.text() == "poison").count(), 3);
    let gap = heard
        .iter()
        .find(|heard| heard.kind == "wxbridge.gap.v1")
        .expect("a gap");
    assert_eq!((gap.seq, gap.event["gap"]["reason"].as_str()), (1, Some("PARKED")));

    let parked = world.bridge.get("/admin/v1/parked").await;
    assert_eq!(
        parked["items"][0]["eventId"], gap.event["gap"]["parkedEventIds"][0],
        "{parked}"
    );
    world.core.behaves(|_| Said::taken());
    let path = format!("/admin/v1/parked/{}/retry", parked["items"][0]["id"].as_str().unwrap());
    assert_eq!(world.bridge.post(&path, &Value::Null).await.0, 200);
    let back = until("the parked event", async || {
        world
            .core
            .heard()
            .into_iter()
            .find(|heard| heard.text() == "poison" && heard.seq == 3)
    })
    .await;
    assert_eq!(back.event["redeliveryOf"], parked["items"][0]["eventId"]);
    assert_eq!(back.event["late"], true);
}

#[tokio::test]
async fn a_customer_whose_event_hangs_at_the_core_holds_up_nobody_else() {
    let world = World::new("reply_budget = \"0ms\"", |heard| match heard.key.ends_with("oSlow") {
        true => Said::taken().after(Duration::from_secs(20)),
        false => Said::taken(),
    })
    .await;
    world.says("oSlow", "hangs").await;
    world.says("oSlow", "waits behind it").await;
    let started = Instant::now();
    for number in 0..10 {
        world.says(&format!("oQuick{number}"), "passes").await;
    }
    until("the quick ones", async || {
        let heard = world.core.heard();
        (heard.iter().filter(|heard| heard.text() == "passes").count() == 10).then_some(())
    })
    .await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(!world.core.texts().contains(&"waits behind it".to_owned()));
}

#[tokio::test]
async fn each_account_goes_to_the_first_core_that_fits() {
    let (first, second) = (
        Core::start(|_| Said::taken()).await,
        Core::start(|_| Said::taken()).await,
    );
    let setup = Setup::new()
        .and_core("vip", &first.url(), "match = { accounts = [\"vip-*\"] }")
        .and_core("rest", &second.url(), "");
    let bridge = Bridge::start(setup).await;
    let (vip, rest) = (Shop::new("vip-1"), Shop::new("other"));
    bridge.apply(&[&vip, &rest], "http://127.0.0.1:9").await;
    assert_eq!(bridge.text(&vip, "o1", "to vip").await, (200, "success".into()));
    assert_eq!(bridge.text(&rest, "o1", "to rest").await, (200, "success".into()));
    assert_eq!(first.hears_text("to vip").await, list(&["to vip"]));
    assert_eq!(second.hears_text("to rest").await, list(&["to rest"]));
}

// ───────────── the platform says it again ─────────────

#[tokio::test]
async fn a_repeated_callback_joins_the_one_in_flight_and_later_gets_the_same_answer() {
    let world = World::new("", |_| Said::reply("once").after(Duration::from_millis(400))).await;
    let shop = &world.shop;
    let inner = shop.text("oAnna", msg_id(), "again and again");
    let three = [shop.sealed(&inner), shop.sealed(&inner), shop.sealed(&inner)];
    let answers = join_all(three.iter().map(|push| world.bridge.pushed(shop, push))).await;
    let later = world.bridge.pushed(shop, &shop.sealed(&inner)).await;
    let opened: Vec<String> = answers
        .iter()
        .chain([&later])
        .map(|(_, body)| opened(shop, body))
        .collect();
    assert!(opened.iter().all(|reply| reply == "once"), "{opened:?} {answers:?}");
    assert_eq!(world.core.heard().len(), 1, "the core hears it once");
    assert!(world.calls("custom/send").await.is_empty(), "late never means twice");
}

fn opened(shop: &Shop, body: &str) -> String {
    let reply = shop.open_reply(body).unwrap_or_else(|error| panic!("{error}"));
    support::peer::element(&reply, "Content").unwrap()
}

#[tokio::test]
async fn with_hold_three_an_answer_after_the_first_attempt_still_rides() {
    // Accounts without the API: the platform's three attempts are one long window.
    let shop = Shop::new("shop").with("hold = \"three\"");
    let at_platform = json!({ "verified": false, "timeout_ms": 1500, "same_query": true });
    let world = World::with(shop, at_platform, "", |_| {
        Said::reply("at last").after(Duration::from_millis(2000))
    })
    .await;
    let done = world.says("oAnna", "hello").await;
    assert_eq!(done["outcome"], "reply", "{done}");
    assert!(done["attempts"].as_array().unwrap().len() > 1, "{done}");
    assert_eq!(world.shown("oAnna").await, [seen("passive", "at last")]);
    assert_eq!(world.core.heard().len(), 1);
}

// ───────────── a restart ─────────────

#[tokio::test]
async fn a_restart_keeps_accounts_sequence_allowances_and_what_waits() {
    let mut world = World::new(FAST, |_| Said::taken()).await;
    world.says("oAnna", "before").await;
    world.core.hears(1).await;
    let body = json!({ "conversationKey": world.key("oAnna"), "text": "first answer", "clientMessageId": "a-1" });
    let (_, sent) = world.send("?wait=10s", body.clone()).await;
    assert_eq!(sent["status"], "SENT", "{sent}");
    world.core.goes().await;
    world.says("oAnna", "while the core is away").await;
    world.bridge.restart().await;
    assert!(world.core.heard().len() == 1);
    world.core.comes_back();
    world.says("oAnna", "after").await;

    let texts = world.core.hears_text("after").await;
    assert_eq!(texts, list(&["before", "while the core is away", "after"]));
    let heard = world.core.heard();
    assert_eq!(heard.iter().map(|heard| heard.seq).max(), Some(3));
    assert!(
        heard.iter().all(|one| one.epoch == heard[0].epoch),
        "the same store, the same epoch"
    );
    let (status, again) = world.send("", body).await;
    assert_eq!((status, &again["messageId"]), (202, &sent["messageId"]), "{again}");
    let view = world
        .bridge
        .get(&format!("/v1/conversations/{}", world.key("oAnna")))
        .await;
    assert_eq!(view["lastSeq"], 3, "{view}");
    assert_eq!(
        world.calls("custom/send").await.len(),
        1,
        "what was sent is not sent again"
    );
}
