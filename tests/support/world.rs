//! What does a whole world look like? The simulated platform, the real binary and a core that records.

use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

use super::{
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    peer::Shop,
    until,
};

pub struct World {
    pub sim: Sim,
    pub bridge: Bridge,
    pub core: Core,
    pub shop: Shop,
}

impl World {
    /// One account at the platform and at the bridge; `lines` are the core's.
    pub async fn new(lines: &str, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        Self::with(Shop::new("shop"), json!({}), lines, behaviour).await
    }

    /// `at_platform` are further fields of the simulator's account.
    pub async fn with(
        shop: Shop,
        at_platform: Value,
        lines: &str,
        behaviour: impl FnMut(&Heard) -> Said + Send + 'static,
    ) -> Self {
        let core = Core::start(behaviour).await;
        let setup = Setup::to_core(&core, lines);
        Self::around(core, setup, shop, at_platform).await
    }

    /// The same, with a configuration of its own.
    pub async fn around(core: Core, setup: Setup, shop: Shop, at_platform: Value) -> Self {
        let sim = Sim::start(Options::default()).await.unwrap();
        let bridge = Bridge::start(setup).await;
        let world = Self {
            sim,
            bridge,
            core,
            shop,
        };
        world.bridge.apply(&[&world.shop], &world.sim.url()).await;
        world.register(&world.shop, at_platform).await;
        world
    }

    /// Enters an account at the platform, which checks the callback address by its GET.
    pub async fn register(&self, shop: &Shop, more: Value) {
        let mut body = json!({
            "channel": shop.channel, "app_id": shop.app_id, "secret": shop.secret, "token": shop.token, "encoding_aes_key": shop.key,
            "original_id": shop.original_id, "callback_url": self.bridge.public(&format!("/callback/{}", shop.id)),
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.sim_post("/sim/v1/accounts", &body).await;
    }

    pub async fn sim_post(&self, path: &str, body: &Value) -> Value {
        let answer = self
            .bridge
            .http
            .post(format!("{}{path}", self.sim.url()))
            .json(body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let told = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {told}");
        serde_json::from_str(&told).unwrap_or_default()
    }

    pub async fn sim_get(&self, path: &str) -> Value {
        let answer = self
            .bridge
            .http
            .get(format!("{}{path}", self.sim.url()))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    }

    /// A customer does something; what came of it.
    pub async fn does(&self, openid: &str, action: &str, body: Value) -> Value {
        let path = format!("/sim/v1/phones/{}/{openid}/{action}", self.shop.app_id);
        self.sim_post(&path, &body).await
    }

    pub async fn says(&self, openid: &str, text: &str) -> Value {
        self.does(openid, "text", json!({ "content": text })).await
    }

    /// What the customer sees of the account: road and text.
    pub async fn shown(&self, openid: &str) -> Vec<(String, String)> {
        let path = format!("/sim/v1/phones/{}/{openid}", self.shop.app_id);
        let phone = self.sim_get(&path).await;
        let items = phone["items"].as_array().cloned().unwrap_or_default();
        let ours = items.iter().filter(|item| item["from"] == "account");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ours.map(|item| (text(&item["road"]), text(&item["text"]))).collect()
    }

    /// What the customer sees, once it is this much.
    pub async fn sees(&self, openid: &str, count: usize) -> Vec<(String, String)> {
        until(&format!("{count} messages on {openid}'s phone"), async || {
            let shown = self.shown(openid).await;
            (shown.len() >= count).then_some(shown)
        })
        .await
    }

    /// Calls of one of the platform's APIs so far.
    pub async fn calls(&self, api: &str) -> Vec<Value> {
        let calls = self.sim_get(&format!("/sim/v1/calls?api={api}")).await;
        let list = calls["items"].as_array();
        list.cloned().unwrap_or_default()
    }

    pub fn key(&self, openid: &str) -> String {
        self.shop.conversation(openid)
    }

    /// One send of the operator's; status and result.
    pub async fn send(&self, query: &str, body: Value) -> (u16, Value) {
        self.bridge.post(&format!("/v1/messages{query}"), &body).await
    }
}
