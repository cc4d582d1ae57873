//! What does the customer see of the core's answers? Each once, by whichever road, although the request that it was to
//! ride in died with the process.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{self, Dice, LIMIT, core::Said, world::World};

const CUSTOMERS: u64 = 8;
const KILLS: u64 = 8;

/// What a customer wrote, and what became of the push.
type Chat = Vec<(String, String)>;

/// A customer at the simulated platform, which makes three attempts; `outcome` is how the last one ended.
async fn customer(phone: String, over: Arc<AtomicBool>) -> Chat {
    let http = support::client();
    let mut chat = Chat::new();
    while !over.load(Ordering::SeqCst) {
        let text = format!("number {}", chat.len());
        let push = json!({ "content": text, "push": { "timeout_ms": 2_000 } });
        let answer = http.post(format!("{phone}/text")).json(&push).send().await.unwrap();
        let done: Value = answer.json().await.unwrap();
        chat.push((text, done["outcome"].as_str().unwrap_or_default().to_owned()));
    }
    chat
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_seen_twice_and_none_is_missed_where_the_platform_was_answered() {
    let mut dice = Dice::from_env();
    let mut moods = Dice::new(dice.roll());
    // Some answers ride in the request, some miss it and go by the API.
    let shop = support::peer::Shop::new("shop").with("quotas = { message = { count = 10000, window = \"48h\" } }");
    let at_platform = json!({ "retry_after_ms": 700 });
    let mut world = World::with(shop, at_platform, "reply_budget = \"150ms\"", move |heard| {
        // It is told of its own answers too, and says nothing to that.
        let said = match heard.kind.as_str() {
            "wxbridge.message.v1" => Said::reply(&format!("to {}", heard.text())),
            _ => Said::taken(),
        };
        said.after(Duration::from_millis(moods.below(250)))
    })
    .await;
    let over = Arc::new(AtomicBool::new(false));
    let mut customers = Vec::new();
    for number in 0..CUSTOMERS {
        let openid = format!("o{number}");
        let phone = format!("{}/sim/v1/phones/{}/{openid}", world.sim.url(), world.shop.app_id);
        customers.push((openid, tokio::spawn(customer(phone, over.clone()))));
    }
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(150 + dice.below(600))).await;
        world.bridge.kill();
        world.bridge.spawn();
        world.bridge.ready().await;
    }
    over.store(true, Ordering::SeqCst);
    let mut roads = HashMap::new();
    for (openid, chat) in customers {
        let chat = chat.await.unwrap();
        let answered: Vec<String> = chat
            .iter()
            .filter(|(_, outcome)| outcome == "reply" || outcome == "success")
            .map(|(text, _)| format!("to {text}"))
            .collect();
        let shown = seen(&world, &openid, &answered).await;
        let doubtful = doubtful(&world);
        for text in answered {
            let times = shown.iter().filter(|(_, shown)| *shown == text).count();
            let certain = !doubtful.contains(&(world.key(&openid), text.clone()));
            assert!(
                times == 1 || times == 0 && !certain,
                "{openid}: {text:?} {times} times in {shown:?}"
            );
        }
        for (road, text) in &shown {
            *roads.entry(road.clone()).or_insert(0) += 1;
            let times = shown.iter().filter(|(_, shown)| shown == text).count();
            assert_eq!(times, 1, "{openid}: {text:?} twice");
        }
    }
    println!("{roads:?}");
    assert!(roads.len() == 2, "both roads were gone: {roads:?}");
}

/// Answers whose call was under way when the process died: the core was told that nobody knows.
fn doubtful(world: &World) -> HashSet<(String, String)> {
    let heard = world.core.heard();
    let texts: HashMap<&str, &str> = heard.iter().map(|heard| (heard.id.as_str(), heard.text())).collect();
    let unknown = heard
        .iter()
        .filter(|heard| heard.event["delivery"]["result"]["status"] == "UNKNOWN");
    let answers = unknown.filter_map(|heard| {
        let id = heard.event["delivery"]["result"]["clientMessageId"]
            .as_str()?
            .strip_suffix("/0")?;
        Some((heard.key.clone(), format!("to {}", texts.get(id)?)))
    });
    answers.collect()
}

/// The customer's screen once all of these are there, or doubtful, and nothing of the conversation is under way.
async fn seen(world: &World, openid: &str, wanted: &[String]) -> Vec<(String, String)> {
    let (path, key) = (format!("/v1/conversations/{}", world.key(openid)), world.key(openid));
    let mut missing = Vec::new();
    let started = Instant::now();
    loop {
        let view = world.bridge.get(&path).await;
        let waiting = view["waitingSends"].as_u64().unwrap_or_default();
        let behind = view["lastSeq"] != view["takenSeq"];
        let shown = world.shown(openid).await;
        let doubtful = doubtful(world);
        missing.clear();
        missing.extend(wanted.iter().filter(|wanted| {
            !shown.iter().any(|(_, text)| text == *wanted) && !doubtful.contains(&(key.clone(), wanted.to_string()))
        }));
        if missing.is_empty() && waiting == 0 && !behind {
            return shown;
        }
        assert!(
            started.elapsed() < LIMIT,
            "{openid} misses {missing:?} ({waiting} wait, behind: {behind})"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
