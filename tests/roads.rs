//! Which road does an answer take when things go otherwise than usual? Closed connections, spent allowances, other modes
//! and formats of the platform, cores with moods.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use support::{
    core::Said,
    peer::{Shop, element, msg_id},
    until,
    world::World,
};

fn seen(road: &str, text: &str) -> (String, String) {
    (road.to_owned(), text.to_owned())
}

// ───────────── a request that closes ─────────────

#[tokio::test]
async fn an_answer_whose_request_closed_before_it_rides_in_the_platforms_next_attempt() {
    let world = World::new("", |_| Said::reply("kept for you").after(Duration::from_millis(600))).await;
    let shop = &world.shop;
    let inner = shop.text("oAnna", msg_id(), "I hang up");
    // The platform gives up long before the core has answered.
    let impatient = shop.sealed(&inner);
    let first = tokio::time::timeout(Duration::from_millis(250), world.bridge.pushed(shop, &impatient)).await;
    assert!(first.is_err(), "it was still open: {first:?}");
    until("the core's answer", async || {
        (!world.core.answered_since(0).is_empty()).then_some(())
    })
    .await;
    let (status, body) = world.bridge.pushed(shop, &shop.sealed(&inner)).await;
    let reply = shop
        .open_reply(&body)
        .unwrap_or_else(|error| panic!("{status}: {error}"));
    assert_eq!(element(&reply, "Content").as_deref(), Some("kept for you"));
    assert_eq!(world.core.heard().len(), 1);
    assert!(world.calls("custom/send").await.is_empty(), "late never means twice");
}

#[tokio::test]
async fn an_answer_whose_request_closed_for_good_goes_by_the_api_once() {
    let world = World::new("", |_| {
        Said::reply("by the other road").after(Duration::from_millis(600))
    })
    .await;
    let shop = &world.shop;
    // One attempt, and nobody comes again.
    let push = json!({ "content": "hello?", "push": { "attempts": 1, "timeout_ms": 250 } });
    let done = world.does("oAnna", "text", push).await;
    assert_eq!(done["attempts"][0]["error"], "timeout", "{done}");
    assert_eq!(world.sees("oAnna", 1).await, [seen("api", "by the other road")]);
    // A very late repetition is not answered with what the customer has already.
    let inner = shop.text("oAnna", done["msg_id"].as_str().unwrap().parse().unwrap(), "hello?");
    assert_eq!(
        world.bridge.pushed(shop, &shop.sealed(&inner)).await,
        (200, "success".into())
    );
    assert_eq!(world.shown("oAnna").await.len(), 1);
    assert_eq!(world.core.heard().len(), 1);
}

#[tokio::test]
async fn a_core_that_keeps_the_window_may_still_answer_by_a_send() {
    let world = World::new("", |_| Said {
        body: json!({ "keepWindow": true }),
        ..Said::taken()
    })
    .await;
    let talk = async {
        let heard = world.core.hears(1).await;
        let wish =
            json!({ "conversationKey": world.key("oAnna"), "text": "thought about it", "inReplyTo": heard[0].id });
        world.send("?wait=5s", wish).await
    };
    let (done, (status, result)) = tokio::join!(world.says("oAnna", "think about it"), talk);
    assert_eq!(done["outcome"], "reply", "{done}");
    assert_eq!((status, result["road"].as_str()), (200, Some("PASSIVE")), "{result}");
    assert_eq!(result["status"], "HANDED_OVER", "{result}");
    assert_eq!(world.shown("oAnna").await, [seen("passive", "thought about it")]);
}

#[tokio::test]
async fn a_message_that_waits_behind_an_earlier_one_may_miss_its_window_and_is_answered_by_the_api() {
    let world = World::new("reply_budget = \"700ms\"", |heard| {
        let pause = if heard.seq == 1 { 1_500 } else { 0 };
        Said::reply(&format!("to {}", heard.text())).after(Duration::from_millis(pause))
    })
    .await;
    let (first, second) = tokio::join!(world.says("oAnna", "first"), async {
        world.core.hears(1).await;
        world.says("oAnna", "second").await
    });
    assert_eq!(
        (&first["outcome"], &second["outcome"]),
        (&json!("success"), &json!("success"))
    );
    let shown = world.sees("oAnna", 2).await;
    assert_eq!(shown, [seen("api", "to first"), seen("api", "to second")]);
    let heard = world.core.heard();
    assert!(heard[1].deadline.is_none(), "its window is over when it is offered");
    assert_eq!(heard.len(), 2);
}

#[tokio::test]
async fn messages_that_one_customer_sends_at_once_get_one_number_each() {
    let world = World::new("reply_budget = \"300ms\"", |_| Said::taken()).await;
    let shop = &world.shop;
    let texts: Vec<String> = (0..50).map(|number| format!("number {number}")).collect();
    let answers = join_all(texts.iter().map(|text| world.bridge.text(shop, "oAnna", text))).await;
    assert!(
        answers.iter().all(|answer| *answer == (200, "success".to_owned())),
        "{answers:?}"
    );
    let heard = world.core.hears(50).await;
    let seqs: Vec<u64> = heard.iter().map(|heard| heard.seq).collect();
    assert_eq!(seqs, (1..=50).collect::<Vec<_>>());
    let mut heard = world.core.texts();
    heard.sort();
    let mut said = texts.clone();
    said.sort();
    assert_eq!(heard, said);
}

#[tokio::test]
async fn with_hold_three_an_attempt_that_does_not_come_leaves_the_api_or_nothing() {
    let shop = Shop::new("shop").with("hold = \"three\"");
    let at_platform = json!({ "timeout_ms": 400 });
    let world = World::with(shop, at_platform, "", |_| {
        Said::reply("too late to ride").after(Duration::from_millis(900))
    })
    .await;
    // The platform comes once and never again.
    let done = world
        .does(
            "oAnna",
            "text",
            json!({ "content": "hello", "push": { "attempts": 1 } }),
        )
        .await;
    assert_eq!(done["attempts"][0]["error"], "timeout", "{done}");
    assert_eq!(world.sees("oAnna", 1).await, [seen("api", "too late to ride")]);
}

// ───────────── modes and formats of the platform ─────────────

#[tokio::test]
async fn the_compatible_mode_is_served_by_its_sealed_copy() {
    let world = World::with(Shop::new("shop"), json!({ "mode": "compatible" }), "", |heard| {
        Said::reply(&format!("heard {}", heard.text()))
    })
    .await;
    assert_eq!(world.says("oAnna", "both copies").await["outcome"], "reply");
    assert_eq!(world.shown("oAnna").await, [seen("passive", "heard both copies")]);
}

#[tokio::test]
async fn a_plain_account_is_answered_in_the_clear() {
    let shop = Shop::new("shop").with("security = \"plain\"");
    let world = World::with(shop, json!({ "mode": "plain" }), "", |_| {
        Said::reply("clear <&> ]]> 😀")
    })
    .await;
    assert_eq!(world.says("oAnna", "clear").await["outcome"], "reply");
    assert_eq!(world.shown("oAnna").await, [seen("passive", "clear <&> ]]> 😀")]);
}

#[tokio::test]
async fn an_account_that_speaks_json_is_answered_by_the_api() {
    let world = World::with(Shop::new("shop"), json!({ "format": "json" }), "", |heard| {
        assert!(heard.deadline.is_none(), "a JSON account has no passive road");
        Said::reply("by the API")
    })
    .await;
    assert_eq!(world.says("oAnna", "in JSON").await["outcome"], "success");
    assert_eq!(world.sees("oAnna", 1).await, [seen("api", "by the API")]);
    assert_eq!(world.core.texts(), ["in JSON"]);
}

#[tokio::test]
async fn a_long_answer_is_split_at_the_platforms_limit_and_loses_nothing() {
    let line = "包裹在路上，请稍候。";
    let long = vec![line; 200].join("\n");
    let answer = long.clone();
    let world = World::new("", move |_| Said::reply(&answer)).await;
    assert_eq!(world.says("oAnna", "tell me all").await["outcome"], "reply");
    let pieces = long.len().div_ceil(2048);
    let shown = world.sees("oAnna", pieces.min(6)).await;
    assert!(
        shown
            .iter()
            .all(|(_, text)| text.len() <= 2048 && text.starts_with("包裹") && text.ends_with('。'))
    );
    let failed = until("what became of it", async || {
        let shown = world.shown("oAnna").await;
        let lines: usize = shown.iter().map(|(_, text)| text.lines().count()).sum();
        let told = world
            .core
            .heard()
            .into_iter()
            .find(|heard| heard.kind == "wxbridge.delivery.v1");
        if lines == 200 {
            Some(None)
        } else {
            told.map(|told| Some(told.event))
        }
    })
    .await;
    assert!(failed.is_none(), "{failed:?}");
}

// ───────────── allowances ─────────────

#[tokio::test]
async fn a_message_that_may_wait_is_held_until_the_customer_acts() {
    let shop = Shop::new("shop").with("quotas = { message = { count = 1, window = \"48h\" } }");
    let world = World::with(shop, json!({}), "", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    let wish =
        |text: &str| json!({ "conversationKey": world.key("oAnna"), "text": text, "noAllowance": "HOLD_FOR_CUSTOMER" });
    assert_eq!(world.send("?wait=5s", wish("one")).await.1["status"], "SENT");
    let (_, held) = world.send("?wait=1s", wish("two")).await;
    let id = held["messageId"].as_str().unwrap().to_owned();
    let status = async || world.bridge.get(&format!("/v1/messages/{id}")).await["status"].clone();
    until("HELD", async || (status().await == "HELD").then_some(())).await;
    let told = until("the HELD update", async || {
        world
            .core
            .heard()
            .into_iter()
            .find(|heard| heard.event["delivery"]["result"]["status"] == "HELD")
    })
    .await;
    assert_eq!(told.event["delivery"]["result"]["messageId"], held["messageId"]);
    assert_eq!(world.shown("oAnna").await, [seen("api", "one")]);
    world.says("oAnna", "still there?").await;
    until("SENT", async || (status().await == "SENT").then_some(())).await;
    assert_eq!(world.shown("oAnna").await, [seen("api", "one"), seen("api", "two")]);
}

#[tokio::test]
async fn what_the_platform_says_of_an_allowance_is_learned() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    // Another sender has drawn from it.
    world
        .sim_post(
            &format!("/sim/v1/quota/{}/oAnna", world.shop.app_id),
            &json!({ "left": 0, "seconds": 3600 }),
        )
        .await;
    let wish = |text: &str| json!({ "conversationKey": world.key("oAnna"), "text": text });
    let (_, first) = world.send("?wait=5s", wish("one")).await;
    assert_eq!(
        (first["status"].as_str(), first["error"]["platformCode"].as_i64()),
        (Some("FAILED"), Some(45047)),
        "{first}"
    );
    assert_eq!(first["error"]["code"], "QUOTA_EXHAUSTED");
    let view = world
        .bridge
        .get(&format!("/v1/conversations/{}", world.key("oAnna")))
        .await;
    let left = &view["allowances"][0];
    assert_eq!(
        (left["remaining"].as_u64(), left["basis"].as_str()),
        (Some(0), Some("ESTIMATED")),
        "{view}"
    );
}

#[tokio::test]
async fn a_scanned_code_opens_its_own_allowance_and_names_the_way_in() {
    let world = World::new("", |_| Said::taken()).await;
    let done = world.does("oAnna", "follow", json!({ "scene": "store-17" })).await;
    assert_eq!(done["outcome"], "success", "{done}");
    let heard = world.core.hears(1).await;
    let event = &heard[0].event;
    assert_eq!(event["signal"]["type"], "FOLLOWED", "{event}");
    assert_eq!(event["entry"]["qrScene"], "store-17", "{event}");
    world.says("oAnna", "the way in stays").await;
    let heard = world.core.hears(2).await;
    assert_eq!(
        heard[1].event["entry"]["qrScene"], "store-17",
        "sticky until the session ends"
    );
}

// ───────────── cores with moods ─────────────

#[tokio::test]
async fn a_core_that_asks_for_time_gets_it() {
    let world = World::new("reply_budget = \"0ms\"", |heard| match heard.attempt {
        1 => Said {
            come_again_in: Some(2),
            ..Said::status(503)
        },
        _ => Said::taken(),
    })
    .await;
    world.says("oAnna", "not now").await;
    let heard = world.core.hears(2).await;
    let waited = heard[1].at - heard[0].at;
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert_eq!((&heard[1].id, heard[1].attempt), (&heard[0].id, 2));
}

#[tokio::test]
async fn a_conflict_counts_as_taken() {
    let world = World::new("reply_budget = \"0ms\"", |heard| match heard.text() {
        "had it" => Said::status(409),
        _ => Said::taken(),
    })
    .await;
    world.says("oAnna", "had it").await;
    world.says("oAnna", "next").await;
    assert_eq!(world.core.hears_text("next").await, ["had it", "next"]);
    assert_eq!(world.core.heard().len(), 2, "409 is not offered again");
}

#[tokio::test]
async fn a_core_that_moved_or_forbids_is_down_and_nothing_is_parked() {
    let world = World::new("reply_budget = \"300ms\"", |_| Said::status(404)).await;
    world.says("oAnna", "one").await;
    world.says("oBert", "two").await;
    world.core.hears(2).await;
    let parked = world.bridge.get("/admin/v1/parked").await;
    assert_eq!(parked["items"], json!([]), "{parked}");
    let cores = world.bridge.get("/admin/v1/cores").await;
    assert_eq!(cores["items"][0]["state"], "down", "{cores}");
    assert_eq!(world.bridge.metric("wxbridge_backlog_events{core=\"main\"}").await, 2.0);
    world.core.behaves(|_| Said::taken());
    world.says("oAnna", "three").await;
    world.core.hears_text("three").await;
    world.core.hears_text("two").await;
    until("the backlog empty", async || {
        (world.bridge.metric("wxbridge_backlog_events{core=\"main\"}").await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_or_strange_answer_takes_the_event() {
    let answers = [
        Value::from("just a string"),
        json!([1, 2]),
        json!({ "unknown": { "field": 1 } }),
        json!({ "replies": 7 }),
    ];
    let world = World::new("", move |heard| {
        let at = usize::try_from(heard.seq - 1).unwrap_or_default() % answers.len();
        Said {
            body: answers[at].clone(),
            ..Said::taken()
        }
    })
    .await;
    for number in 0..4 {
        let started = Instant::now();
        assert_eq!(
            world.says("oAnna", &format!("number {number}")).await["outcome"],
            "success"
        );
        assert!(started.elapsed() < Duration::from_secs(3), "taken at once");
    }
    assert_eq!(world.core.texts().len(), 4);
    assert!(
        world.core.heard().iter().all(|heard| heard.attempt == 1),
        "none is offered again"
    );
}

#[tokio::test]
async fn with_all_updates_the_core_hears_of_good_news_too() {
    let world = World::new("delivery_updates = \"all\"", |heard| match heard.kind.as_str() {
        "wxbridge.message.v1" => Said::reply("rides"),
        _ => Said::taken(),
    })
    .await;
    world.says("oAnna", "hello").await;
    let wish = json!({ "conversationKey": world.key("oAnna"), "text": "by the API" });
    assert_eq!(world.send("?wait=5s", wish).await.1["status"], "SENT");
    for status in ["HANDED_OVER", "SENT"] {
        until(status, async || {
            let heard = world.core.heard();
            heard
                .iter()
                .any(|heard| heard.event["delivery"]["result"]["status"] == status)
                .then_some(())
        })
        .await;
    }
}
