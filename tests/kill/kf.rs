//! How do the tests that kill a pull meet the simulated WeChat customer service, and what must a core have heard after all?

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

use crate::support::{bridge::Bridge, core::Heard};

pub const CORP: &str = "ww0123456789abcdef";
pub const PLACE: &str = "wkTESTkf000001";

/// The platform, and one account of it.
pub struct Platform {
    pub sim: Sim,
    http: reqwest::Client,
    account: Value,
}

impl Platform {
    /// An account that answers each call after so long.
    pub async fn start(answer_ms: u64) -> Self {
        let mut platform = Self {
            sim: Sim::start(Options::default()).await.unwrap(),
            http: crate::support::client(),
            account: Value::Null,
        };
        let wish = json!({ "channel": "wechat_kf", "corp_id": CORP, "open_kfids": [PLACE], "answer_ms": answer_ms });
        platform.account = platform.post("/sim/v1/accounts", wish).await;
        platform
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.sim.url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// So many texts more, without a bell.
    pub async fn backlog(&self, content: &str, count: usize, customers: usize) {
        let texts = json!({ "count": count, "customers": customers, "content": content, "age": 60 });
        self.post(&format!("/sim/v1/phones/{PLACE}/any/backlog"), texts).await;
    }

    /// Tells the bridge of the account, whose API it finds at `api_base`.
    pub async fn bind(&self, bridge: &Bridge, api_base: &str) {
        let Self { account: made, .. } = self;
        let account = json!({ "account": [{
            "id": "kf", "channel": "wechat_kf", "corp_id": CORP, "secret": made["secret"], "token": made["token"],
            "encoding_aes_key": made["encoding_aes_key"], "open_kfids": [PLACE], "start": "earliest",
            "api_base": api_base,
        }] });
        let (status, answer) = bridge.post("/admin/v1/accounts", &account).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The same, with pages of so many items; its bells ring at the bridge.
    pub async fn open(&self, bridge: &Bridge, api_base: &str, items: usize) {
        let page = json!({ "open_kfid": PLACE, "page": items });
        self.post("/sim/v1/desks", page).await;
        self.bind(bridge, api_base).await;
        let url = bridge.public("/callback/kf");
        let callback = json!({ "channel": "wechat_kf", "corp_id": CORP, "callback_url": url });
        self.post("/sim/v1/accounts", callback).await;
    }

    /// More waits, and the platform says so once: the status that the bell was answered with, if it was.
    pub async fn rings(&self, content: &str, count: usize, customers: usize) -> Value {
        self.backlog(content, count, customers).await;
        let bell = format!("/sim/v1/phones/{PLACE}/any/bell");
        let told = self.post(&bell, json!({ "push": { "attempts": 1 } })).await;
        told["attempts"][0]["status"].clone()
    }

    /// Every page that was asked for.
    pub async fn pulls(&self) -> Vec<Value> {
        let url = format!("{}/sim/v1/calls?api=kf/sync_msg", self.sim.url());
        let calls: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        calls["items"].as_array().cloned().unwrap_or_default()
    }
}

/// What the core was told in each conversation. An event may be offered again after a kill, but at its own place only; an
/// item must not become another event, and no place is left out.
pub fn told(heard: &[Heard]) -> BTreeMap<&str, Vec<String>> {
    let mut places: HashMap<&str, (&str, u64)> = HashMap::new();
    let mut last: HashMap<&str, u64> = HashMap::new();
    let mut told: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in heard {
        let place = (one.key.as_str(), one.seq);
        if let Some(first) = places.insert(&one.id, place) {
            assert_eq!(first, place, "{} came back at another place", one.id);
            continue;
        }
        let before = last.insert(&one.key, one.seq).unwrap_or_default();
        assert_eq!(one.seq, before + 1, "{}: a hole after {before}", one.key);
        if !one.text().is_empty() {
            told.entry(&one.key).or_default().push(one.text().to_owned());
        }
    }
    told
}

/// How many texts the core was told, each once.
pub fn count(heard: &[Heard]) -> usize {
    told(heard).values().map(Vec::len).sum()
}
