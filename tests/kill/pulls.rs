//! What is left of a pull when the process dies in it? WeChat customer service only rings; its items are read a page after
//! the other, and a cursor that moved without them would lose them for ever.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

use crate::{
    DRAIN,
    support::{
        Dice,
        bridge::{Bridge, Setup},
        core::{Core, Heard, Said},
        until, until_within,
    },
};

const CORP: &str = "ww0123456789abcdef";
const PLACE: &str = "wkTESTkf000001";
const ITEMS: usize = 8_000;
const CUSTOMERS: usize = 40;
const PULL_KILLS: usize = 10;

struct Platform {
    sim: Sim,
    http: reqwest::Client,
}

impl Platform {
    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.sim.url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// How often it was asked for a page.
    async fn asked(&self) -> usize {
        let url = format!("{}/sim/v1/calls?api=kf/sync_msg", self.sim.url());
        let calls: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        calls["items"].as_array().map_or(0, Vec::len)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_platform_kept_for_us_is_told_once_and_in_order_however_often_a_pull_is_killed() {
    let mut dice = Dice::from_env();
    let core = Core::start(|_| Said::taken()).await;
    let platform = Platform {
        sim: Sim::start(Options::default()).await.unwrap(),
        http: crate::support::client(),
    };
    let made = platform
        .post(
            "/sim/v1/accounts",
            json!({ "channel": "wechat_kf", "corp_id": CORP, "open_kfids": [PLACE], "answer_ms": 20 }),
        )
        .await;
    let texts = json!({ "count": ITEMS, "customers": CUSTOMERS, "content": "message", "age": 60 });
    platform
        .post(&format!("/sim/v1/phones/{PLACE}/any/backlog"), texts)
        .await;
    let mut bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let account = json!({ "account": [{
        "id": "kf", "channel": "wechat_kf", "corp_id": CORP, "secret": made["secret"], "token": made["token"],
        "encoding_aes_key": made["encoding_aes_key"], "open_kfids": [PLACE], "start": "earliest",
        "api_base": platform.sim.url(),
    }] });
    let (status, answer) = bridge.post("/admin/v1/accounts", &account).await;
    assert_eq!(status, 200, "{answer}");

    let mut moments = Vec::new();
    let mut before = 0;
    for _ in 0..PULL_KILLS {
        until("a page is asked for", async || {
            (platform.asked().await > before).then_some(())
        })
        .await;
        // Before the answer, while it is read, while it is committed, or in the next one.
        tokio::time::sleep(Duration::from_millis(dice.below(120))).await;
        bridge.kill();
        // Every start asks once more, also when nothing is left.
        before = platform.asked().await;
        moments.push(core.heard().len());
        bridge.spawn();
        bridge.ready().await;
    }
    println!("heard by the core at each kill: {moments:?}");
    assert!(
        moments.iter().any(|heard| (1..ITEMS).contains(heard)),
        "no kill met a pull that was under way: {moments:?}"
    );
    until_within(DRAIN, "every item at the core", async || {
        (core.heard().len() >= ITEMS && told(&core.heard()).values().map(Vec::len).sum::<usize>() >= ITEMS)
            .then_some(())
    })
    .await;
    let heard = core.heard();
    for (key, texts) in told(&heard) {
        let first: usize = number(&texts[0]);
        let wanted: Vec<_> = (first..ITEMS)
            .step_by(CUSTOMERS)
            .map(|it| format!("message {it}"))
            .collect();
        assert_eq!(texts, wanted, "{key}");
    }
}

fn number(text: &str) -> usize {
    text.trim_start_matches("message ").parse().unwrap()
}

/// What the core was told in each conversation. An event may be offered again after a kill, but at its own place only; an
/// item must not become another event.
fn told(heard: &[Heard]) -> BTreeMap<&str, Vec<String>> {
    let mut places: HashMap<&str, (&str, u64)> = HashMap::new();
    let mut told: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in heard {
        let place = (one.key.as_str(), one.seq);
        if let Some(first) = places.insert(&one.id, place) {
            assert_eq!(first, place, "{} came back at another place", one.id);
            continue;
        }
        if !one.text().is_empty() {
            told.entry(&one.key).or_default().push(one.text().to_owned());
        }
    }
    told
}
