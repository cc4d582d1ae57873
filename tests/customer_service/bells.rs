//! Many accounts ring in the same moment: does the platform see no more pulls at a time than it was promised, and does
//! one with a long history keep the others waiting?

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{CORP, World, until};
use crate::support::core::Said;

const PLACES: usize = 50;
const PULLS: u64 = 3;
/// Pages of the one that has a long history, and the items of each.
const PAGES: usize = 12;
const PAGE: usize = 10;

fn name(place: usize) -> String {
    format!("wkTESTring{place:04}")
}

/// A world with many accounts of one company, each of them pulled once already.
async fn world() -> World {
    let world = World::with(&format!("[kf]\npulls = {PULLS}"), |_| Said::taken()).await;
    let names: Vec<_> = (0..PLACES).map(name).collect();
    let many = json!({ "channel": "wechat_kf", "corp_id": CORP, "open_kfids": names, "answer_ms": 30 });
    let made = world.post("/sim/v1/accounts", many).await;
    let account = json!({ "account": [{
        "id": "kf", "channel": "wechat_kf", "corp_id": CORP, "secret": made["secret"], "token": made["token"],
        "encoding_aes_key": made["encoding_aes_key"], "open_kfids": names, "api_base": world.sim.url(),
    }] });
    let (status, told) = world.bridge.post("/admin/v1/accounts", &account).await;
    assert_eq!(status, 200, "{told}");
    until("every account's first pull", async || {
        let calls = world.calls("kf/sync_msg").await;
        (0..PLACES)
            .all(|at| calls.iter().any(|it| place(it) == name(at)))
            .then_some(())
    })
    .await;
    let calls = format!("{}/sim/v1/calls", world.sim.url());
    world.bridge.http.delete(calls).send().await.unwrap();
    world
}

fn place(call: &Value) -> &str {
    call["request"]["open_kfid"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn many_that_ring_at_once_are_all_served_a_few_at_a_time_and_none_behind_a_long_history() {
    let world = world().await;
    let small = json!({ "open_kfid": name(0), "page": PAGE });
    world.post("/sim/v1/desks", small).await;
    let texts = json!({ "count": PAGES * PAGE, "customers": 1, "content": "old" });
    world
        .post(&format!("/sim/v1/phones/{}/wmTESTlong/backlog", name(0)), texts)
        .await;
    let rings = (0..PLACES).map(|at| {
        let (world, path) = (&world, format!("/sim/v1/phones/{}/wmTESTring{at}/text", name(at)));
        async move { world.post(&path, json!({ "content": format!("here is {at}") })).await }
    });
    for told in join_all(rings).await {
        assert_eq!(told["attempts"][0]["status"], 200, "{told}");
    }
    until("what each of them said", async || {
        let texts = world.core.texts();
        (0..PLACES)
            .all(|at| texts.contains(&format!("here is {at}")))
            .then_some(())
    })
    .await;

    let calls = world.calls("kf/sync_msg").await;
    let at_once = calls.iter().filter_map(|call| call["at_once"].as_u64()).max();
    assert_eq!(at_once, Some(PULLS), "as many as allowed, and no more");
    let long: Vec<usize> = (calls.iter().enumerate())
        .filter_map(|(at, call)| (place(call) == name(0)).then_some(at))
        .collect();
    assert!(long.len() >= PAGES, "{long:?}");
    for other in (1..PLACES).map(name) {
        let first = calls.iter().position(|call| place(call) == other);
        assert!(
            first < Some(long[3]),
            "{other} waited behind the long one: {first:?} of {long:?}"
        );
    }
}
