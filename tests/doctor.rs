//! Does the doctor name each cause by itself, and turn green when it is mended? Each thing is broken at the simulated platform,
//! at the core, or in the accounts file, and mended there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    peer::Shop,
    until, until_within,
    world::World,
};

/// What is not green, as `(finding, level, code)`.
async fn troubles(bridge: &Bridge) -> Vec<(String, String, String)> {
    let found = bridge.get("/admin/v1/doctor?lang=en").await;
    let items = found["items"].as_array().unwrap();
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    for item in items.iter().filter(|it| it["level"] != "green") {
        for field in ["seen", "do", "where"] {
            assert!(!text(item, field).is_empty(), "{field} of {item}");
        }
    }
    items
        .iter()
        .filter(|item| item["level"] != "green")
        .map(|item| (text(item, "id"), text(item, "level"), text(item, "code")))
        .collect()
}

async fn named(bridge: &Bridge, id: &str, level: &str, code: &str) -> String {
    let expected = (id.to_owned(), level.to_owned(), code.to_owned());
    let found = troubles(bridge).await;
    assert!(found.contains(&expected), "{expected:?} in {found:?}");
    let zh = bridge.get("/admin/v1/doctor?lang=zh").await;
    let item = zh["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == id && it["level"] == level);
    let item = item.unwrap_or_else(|| panic!("{id} in {zh}"));
    let chinese = |field: &str| {
        item[field]
            .as_str()
            .unwrap_or_default()
            .chars()
            .any(|c| ('\u{4e00}'..'\u{9fff}').contains(&c))
    };
    assert!(chinese("seen") && chinese("do"), "{item}");
    let en = bridge.get("/admin/v1/doctor?lang=en").await;
    let item = en["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["id"] == id && it["level"] == level);
    item.unwrap().to_string()
}

async fn green(bridge: &Bridge) {
    assert_eq!(troubles(bridge).await, []);
}

struct Clinic(World);

impl Clinic {
    async fn open() -> Self {
        let clinic = Self(World::new("", |_| Said::reply("hi")).await);
        clinic.0.says("oAnna", "hello").await;
        green(&clinic.0.bridge).await;
        clinic
    }

    /// Changes the account at the platform.
    async fn at_platform(&self, change: Value) {
        let mut body = json!({ "app_id": self.0.shop.app_id });
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        self.0.sim_post("/sim/v1/accounts", &body).await;
    }

    /// Changes the account at the bridge.
    async fn at_bridge(&self, shop: &Shop) {
        self.0.bridge.apply(&[shop], &self.0.sim.url()).await;
    }

    async fn discard_quarantined(&self) {
        let kept = self.0.bridge.get("/admin/v1/quarantine").await;
        for body in kept["items"].as_array().unwrap() {
            let id = body["id"].as_str().unwrap();
            let (status, _) = self
                .0
                .bridge
                .post(&format!("/admin/v1/quarantine/{id}/discard"), &json!({}))
                .await;
            assert_eq!(status, 204);
        }
    }
}

#[tokio::test]
async fn what_stops_the_api_is_named_until_it_is_mended() {
    let clinic = Clinic::open().await;
    let (bridge, shop) = (&clinic.0.bridge, &clinic.0.shop);

    let mut wrong = shop.clone();
    wrong.secret = "f".repeat(32);
    clinic.at_bridge(&wrong).await;
    named(bridge, "token", "red", "BAD_SECRET").await;
    clinic.at_bridge(shop).await;
    green(bridge).await;

    // Our token dies, and the next one is refused because of our address.
    clinic.at_platform(json!({ "allowed_ips": ["203.0.113.9"] })).await;
    let taken = format!("/sim/v1/accounts/{}/take-token", shop.app_id);
    clinic.at_bridge(&wrong).await;
    clinic.at_bridge(shop).await;
    clinic.0.sim_post(&taken, &json!({ "kind": "stable" })).await;
    let said = named(bridge, "allow-list", "red", "IP_NOT_ALLOWED").await;
    assert!(said.contains("127.0.0.1"), "{said}");
    clinic.at_platform(json!({ "allowed_ips": [] })).await;
    green(bridge).await;

    clinic.at_platform(json!({ "verified": false })).await;
    named(bridge, "api", "yellow", "NOT_ENTITLED").await;
    let view = bridge.get("/v1/accounts/shop").await;
    assert_eq!(view["capabilities"]["apiReason"], "NOT_ENTITLED", "{view}");
    clinic.at_platform(json!({ "verified": true })).await;
    green(bridge).await;
    let view = bridge.get("/v1/accounts/shop").await;
    assert_eq!(view["capabilities"]["api"], true, "{view}");

    clinic
        .at_platform(json!({ "agents": ["agent1@shop"], "online_agents": ["agent1@shop"] }))
        .await;
    named(bridge, "agents", "yellow", "PLATFORM_AGENTS_ONLINE").await;
    clinic.at_platform(json!({ "online_agents": [] })).await;
    green(bridge).await;
}

#[tokio::test]
async fn what_keeps_callbacks_away_is_named_until_it_is_mended() {
    let clinic = Clinic::open().await;
    let (bridge, shop) = (&clinic.0.bridge, &clinic.0.shop);

    clinic.at_platform(json!({ "token": "another1" })).await;
    clinic.0.says("oAnna", "who?").await;
    let said = named(bridge, "refused", "red", "BAD_SIGNATURE").await;
    let end = &shop.token[shop.token.len() - 2..];
    assert!(said.contains(&format!("****{end}")), "{said}");
    assert!(!said.contains(&shop.token), "{said}");
    clinic.at_platform(json!({ "token": shop.token })).await;
    clinic.0.says("oAnna", "me").await;
    green(bridge).await;

    clinic.at_platform(json!({ "mode": "plain" })).await;
    clinic.0.says("oAnna", "in the clear").await;
    named(bridge, "refused", "red", "PLAINTEXT_REFUSED").await;
    clinic.at_platform(json!({ "mode": "safe" })).await;
    clinic.0.says("oAnna", "sealed").await;
    green(bridge).await;

    clinic
        .at_platform(json!({ "encoding_aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C" }))
        .await;
    clinic.0.says("oAnna", "with another key").await;
    named(bridge, "quarantine", "red", "UNDECODABLE").await;
    clinic.at_platform(json!({ "encoding_aes_key": shop.key })).await;
    clinic.0.says("oAnna", "with ours").await;
    clinic.discard_quarantined().await;
    green(bridge).await;

    clinic
        .0
        .does(
            "oAnna",
            "text",
            json!({ "content": "x", "push": { "tamper": "receiver" } }),
        )
        .await;
    named(bridge, "quarantine", "red", "WRONG_RECEIVER").await;
    clinic.0.says("oAnna", "for us").await;
    clinic.discard_quarantined().await;
    green(bridge).await;
}

#[tokio::test]
async fn a_rotation_that_is_not_finished_and_settings_that_do_nothing_are_named() {
    let clinic = Clinic::open().await;
    let (bridge, shop) = (&clinic.0.bridge, &clinic.0.shop);
    let (status, told) = bridge
        .post("/admin/v1/accounts/shop/rotate", &json!({ "token": "rotated1" }))
        .await;
    assert_eq!(status, 200, "{told}");
    clinic.0.says("oAnna", "as ever").await;
    named(bridge, "old-key", "yellow", "OLD_KEY_STILL_USED").await;
    clinic.at_platform(json!({ "token": "rotated1" })).await;
    clinic.0.says("oAnna", "with the new one").await;
    green(bridge).await;

    let mut rotated = shop.clone();
    rotated.token = "rotated1".into();
    for (settings, id, level) in [
        ("cloud_push = true", "cloud", "red"),
        ("welcome = \"hi\"", "settings", "yellow"),
    ] {
        clinic.at_bridge(&rotated.clone().with(settings)).await;
        named(bridge, id, level, "").await;
        clinic.at_bridge(&rotated).await;
        green(bridge).await;
    }
}

#[tokio::test]
async fn a_core_that_is_gone_or_late_is_named_until_it_is_back() {
    let mut clinic = Clinic::open().await;
    clinic.0.core.goes().await;
    clinic.0.says("oAnna", "is anybody there?").await;
    until("the core is missed", async || {
        let found = troubles(&clinic.0.bridge).await;
        found
            .iter()
            .any(|(id, level, _)| id == "core" && level == "red")
            .then_some(())
    })
    .await;
    clinic.0.core.comes_back();
    until_within(Duration::from_secs(60), "the core is back", async || {
        troubles(&clinic.0.bridge).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_core_that_answers_after_its_budget_is_named() {
    let world = World::new("reply_budget = \"100ms\"", |_| {
        Said::reply("hi").after(Duration::from_millis(400))
    })
    .await;
    world.says("oAnna", "hello").await;
    until("the slow answer", async || {
        let found = troubles(&world.bridge).await;
        found
            .iter()
            .any(|(id, level, _)| id == "core" && level == "yellow")
            .then_some(())
    })
    .await;
    let said = named(&world.bridge, "core", "yellow", "").await;
    assert!(said.contains("it took 1 of 1 offers"), "{said}");
}

#[tokio::test]
async fn somebody_who_takes_our_token_or_sends_beside_us_is_named() {
    let clinic = Clinic::open().await;
    let (bridge, shop) = (&clinic.0.bridge, &clinic.0.shop);
    clinic
        .0
        .sim_post(
            &format!("/sim/v1/accounts/{}/take-token", shop.app_id),
            &json!({ "kind": "stable" }),
        )
        .await;
    troubles(bridge).await;
    let said = named(bridge, "token-taken", "yellow", "TOKEN_TAKEN_ELSEWHERE").await;
    assert!(
        said.contains("force_refresh") && said.contains("was refused at 20"),
        "{said}"
    );

    clinic
        .0
        .sim_post(
            &format!("/sim/v1/quota/{}/oAnna", shop.app_id),
            &json!({ "left": 0, "seconds": 3600 }),
        )
        .await;
    let text = json!({ "conversationKey": clinic.0.key("oAnna"), "clientMessageId": "one", "text": "hi", "route": "API_ONLY" });
    let (_, sent) = clinic.0.send("?wait=10s", text).await;
    assert_eq!(sent["error"]["platformCode"], 45047, "{sent}");
    named(bridge, "other-receiver", "yellow", "OTHER_RECEIVER_SUSPECTED").await;
}

#[tokio::test]
async fn a_disk_below_its_reserve_and_callbacks_of_no_account_are_named() {
    let mut clinic = Clinic::open().await;
    let bridge = &mut clinic.0.bridge;
    bridge.configure(Setup::to_core(&clinic.0.core, "").store("reserve = \"4000TiB\""));
    bridge.stop().await;
    bridge.spawn();
    until("it says that it cannot append", async || {
        (bridge.readyz().await == Some(503)).then_some(())
    })
    .await;
    named(bridge, "disk", "red", "").await;
    named(bridge, "store", "red", "OVERLOADED").await;
    bridge.configure(Setup::to_core(&clinic.0.core, ""));
    bridge.restart().await;
    green(bridge).await;

    let mistyped = bridge.public("/callback/shpo?signature=x&timestamp=1&nonce=n");
    assert_eq!(bridge.http.post(mistyped).send().await.unwrap().status(), 404);
    let said = named(bridge, "strangers", "yellow", "ACCOUNT_UNKNOWN").await;
    assert!(said.contains("shpo"), "{said}");
}

#[tokio::test]
async fn an_address_that_does_not_lead_to_us_is_named() {
    let words = ["env", "WXBRIDGE__PUBLIC__URLS=[\"http://127.0.0.1:9\"]"];
    let core = Core::start(|_| Said::taken()).await;
    let mut bridge = Bridge::start(Setup::to_core(&core, "").before(&words)).await;
    let sim = Sim::start(Options::default()).await.unwrap();
    let shop = Shop::new("shop");
    let at_platform = json!({ "app_id": shop.app_id, "secret": shop.secret });
    bridge
        .http
        .post(format!("{}/sim/v1/accounts", sim.url()))
        .json(&at_platform)
        .send()
        .await
        .unwrap();
    bridge.apply(&[&shop], &sim.url()).await;
    named(&bridge, "address", "red", "").await;
    named(&bridge, "callback", "yellow", "").await;
    // Messages come all the same: it is we who cannot reach ourselves by that name.
    bridge.text(&shop, "oAnna", "hello").await;
    named(&bridge, "address", "yellow", "").await;
    bridge.configure(Setup::to_core(&core, ""));
    bridge.restart().await;
    green(&bridge).await;
}

#[tokio::test]
async fn the_wrong_home_of_customer_service_and_an_untrusted_address_are_named() {
    let core = Core::start(|_| Said::taken()).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let sim = Sim::start(Options::default()).await.unwrap();
    let post = async |path: &str, body: Value| -> Value {
        let asked = bridge.http.post(format!("{}{path}", sim.url())).json(&body);
        asked.send().await.unwrap().json().await.unwrap_or_default()
    };
    let corp = "ww0123456789abcdef";
    let made = post(
        "/sim/v1/accounts",
        json!({ "channel": "wechat_kf", "corp_id": corp, "open_kfids": ["wkTEST1"] }),
    )
    .await;
    let account = json!({ "account": [{
        "id": "kf", "channel": "wechat_kf", "corp_id": corp, "secret": made["secret"], "token": made["token"],
        "encoding_aes_key": made["encoding_aes_key"], "open_kfids": ["wkTEST1"], "api_base": sim.url(),
    }] });
    assert_eq!(bridge.post("/admin/v1/accounts", &account).await.0, 200);
    let ids = async || -> Vec<String> {
        let found = troubles(&bridge).await.into_iter();
        found.map(|(id, ..)| id).filter(|id| id != "callback").collect()
    };
    assert_eq!(ids().await, [] as [&str; 0]);
    for code in [95011, 95012] {
        let fault = json!({ "api": "account/list", "kind": "errcode", "errcode": code, "times": -1 });
        post("/sim/v1/faults", fault).await;
        let said = named(&bridge, "token", "red", "BAD_SECRET").await;
        assert!(said.contains(&code.to_string()), "{said}");
        bridge
            .http
            .delete(format!("{}/sim/v1/faults", sim.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(ids().await, [] as [&str; 0]);
    }
    post(
        "/sim/v1/accounts",
        json!({ "channel": "wechat_kf", "corp_id": corp, "trusted_ips": ["203.0.113.9"] }),
    )
    .await;
    let said = named(&bridge, "allow-list", "red", "IP_NOT_ALLOWED").await;
    assert!(said.contains("60020"), "{said}");
    post(
        "/sim/v1/accounts",
        json!({ "channel": "wechat_kf", "corp_id": corp, "trusted_ips": [] }),
    )
    .await;
    assert_eq!(ids().await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_core_is_unknown_until_it_is_called_and_up_once_it_has_taken_something() {
    let core = Core::start(|_| Said::taken()).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    let state = async || {
        let cores = bridge.get("/admin/v1/cores").await;
        cores["items"][0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "unknown");
    bridge.text(&shop, "oAnna", "hello").await;
    core.hears_text("hello").await;
    until("the core is up", async || (state().await == "up").then_some(())).await;
}
