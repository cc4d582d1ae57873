//! Does the core learn who somebody is, without one event waiting for it?

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::testing::{self, CORP, CUSTOMER, House, KF, settings, text};
use crate::{ports::store::Store as _, schema::v1};

const BATCH: &str = "/cgi-bin/kf/customer/batchget";

async fn house(waiting: Vec<Value>) -> (House, tempfile::TempDir) {
    testing::house(settings(), waiting).await
}

fn recognising(house: &House) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(house.pull.clone().recognise(stopped));
    stop
}

/// The customers of each call.
fn asked(house: &House) -> Vec<Vec<String>> {
    house.platform.with(|kept| {
        let calls = kept.sent.iter().filter(|(path, _)| path == BATCH);
        let ids = |body: &Value| serde_json::from_value(body["external_userid_list"].clone()).expect("ids");
        calls.map(|(_, body)| ids(body)).collect()
    })
}

async fn until(what: &str, mut found: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if found().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{what}");
}

async fn customer(house: &House) -> v1::Identity {
    let key = format!("wechat_kf:{CORP}:{KF}:u:{CUSTOMER}");
    let view = house.store.conversation(&key).await.expect("readable").expect("one");
    view.state.view().customer.unwrap_or_default()
}

fn told() -> Value {
    json!({ "errcode": 0, "errmsg": "ok", "customer_list": [
        { "external_userid": CUSTOMER, "nickname": "张三", "avatar": "https://example.invalid/1", "gender": 1, "unionid": "oUnion1" },
    ], "invalid_external_userid": [] })
}

#[tokio::test]
async fn who_a_customer_is_stands_in_the_conversation_once_the_platform_tells_and_no_event_waits_for_it() {
    let (house, dir) = house(vec![text("m1", "in a hurry", 1_000)]).await;
    house
        .platform
        .with(|kept| kept.answers.insert(BATCH, vec![json!({ "errcode": -1 }), told()]));
    house.settle().await;
    assert_eq!(house.words().await, ["in a hurry"], "told while nobody knows who it is");
    let first = customer(&house).await;
    assert_eq!(first.aliases["external_userid"], CUSTOMER);
    assert!(!first.aliases.contains_key("unionid"));
    let stop = recognising(&house);
    until("the first call", async || asked(&house).len() == 1).await;
    // The platform was busy: once more, and later.
    until("the second call", async || {
        house.clock.advance(Duration::from_secs(1));
        asked(&house).len() == 2
    })
    .await;
    until("the alias", async || {
        customer(&house).await.aliases.contains_key("unionid")
    })
    .await;
    house.platform.with(|kept| {
        let more = text("m2", "again", -70_000);
        kept.waiting.entry(KF.into()).or_default().push(more);
    });
    house.clock.advance(Duration::from_secs(400));
    house.settle().await;
    let events = house.events().await;
    let conversation = events.last().and_then(|it| it.event.conversation.clone()).expect("one");
    let known = conversation.customer.expect("somebody");
    assert_eq!(
        (known.aliases["unionid"].as_str(), known.display_name.as_str()),
        ("oUnion1", "张三")
    );
    assert_eq!(known.aliases["external_userid"], CUSTOMER);
    assert_eq!(asked(&house).len(), 2, "not asked about again so soon");
    stop.send_replace(true);
    let (platform, clock) = (house.platform.clone(), house.clock.clone());
    house.close().await;
    let house = House::on(dir.path(), settings(), platform, clock).await;
    assert_eq!(
        customer(&house).await.avatar_url,
        "https://example.invalid/1",
        "durable"
    );
}

#[tokio::test]
async fn many_are_asked_about_a_hundred_at_a_time_and_each_once() {
    let waiting = (0..500).map(|at| {
        let mut item = text(&format!("m{at}"), "hello", 1_000);
        item["external_userid"] = format!("wm{:03}", at % 250).into();
        item
    });
    let mut waiting: Vec<_> = waiting.collect();
    // Too long ago for the platform to know who it was.
    let mut old = text("old", "years ago", 60 * 3_600_000);
    old["external_userid"] = "wmOld".into();
    waiting.insert(0, old);
    let (house, _dir) = house(waiting).await;
    house.settle().await;
    let _stop = recognising(&house);
    until("three calls", async || asked(&house).len() == 3).await;
    let asked = asked(&house);
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    let mut all = asked.concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 250);
}

#[tokio::test]
async fn where_the_platform_does_not_tell_it_is_let_be_and_everything_else_goes_on() {
    let (house, _dir) = house(vec![text("m1", "one", 1_000)]).await;
    house.platform.with(|kept| {
        kept.answers
            .insert(BATCH, vec![json!({ "errcode": 48002, "errmsg": "no" })])
    });
    house.settle().await;
    let _stop = recognising(&house);
    until("the call", async || asked(&house).len() == 1).await;
    for seconds in [400, 400] {
        let mut item = text(&format!("m{}", asked(&house).len()), "more", -300_000);
        item["external_userid"] = "wmAnother".into();
        house
            .platform
            .with(|kept| kept.waiting.entry(KF.into()).or_default().push(item));
        house.clock.advance(Duration::from_secs(seconds));
        house.settle().await;
    }
    assert_eq!(asked(&house).len(), 1);
    assert!(house.words().await.contains(&"more".to_owned()));
    house.clock.advance(Duration::from_secs(3_600));
    let mut item = text("m9", "later", -4_000_000);
    item["external_userid"] = "wmAnother".into();
    house
        .platform
        .with(|kept| kept.waiting.entry(KF.into()).or_default().push(item));
    house.clock.advance(Duration::from_secs(400));
    house.settle().await;
    until("another try", async || asked(&house).len() == 2).await;
}
