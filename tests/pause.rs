//! Is an account's pause kept, under traffic and over a restart, and is nothing lost, doubled or overtaken by it? The real binary.

#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    peer::Shop,
    until,
};

const CUSTOMERS: [&str; 4] = ["oAnna", "oBert", "oCleo", "oDora"];
const EACH: usize = 30;

struct House {
    bridge: Bridge,
    core: Core,
    shop: Shop,
    other: Shop,
}

impl House {
    async fn new() -> Self {
        let core = Core::start(|_| Said::taken().after(Duration::from_millis(5))).await;
        let bridge = Bridge::start(Setup::to_core(&core, "reply_budget = \"2000ms\"")).await;
        let (shop, other) = (Shop::new("shop"), Shop::new("second"));
        // Nobody calls the platform here.
        bridge.apply(&[&shop, &other], "http://127.0.0.1:9").await;
        Self {
            bridge,
            core,
            shop,
            other,
        }
    }

    async fn switch(&self, id: &str, what: &str) -> Value {
        let path = format!("/admin/v1/accounts/{id}/{what}");
        let answer = self.bridge.operator(Method::POST, &path).send().await.unwrap();
        let status = answer.status();
        let told: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {told}");
        told
    }

    /// Every customer writes one after the other, the customers beside each other; each message is answered `success`.
    async fn write(&self, from: usize, to: usize) {
        let talk = CUSTOMERS.map(|who| async move {
            for number in from..to {
                let (status, body) = self.bridge.text(&self.shop, who, &format!("{who} {number}")).await;
                assert_eq!((status, body.as_str()), (200, "success"), "{who} {number}");
            }
        });
        futures_util::future::join_all(talk).await;
    }

    /// What the core heard of the shop.
    fn ours(&self) -> Vec<Heard> {
        let of_shop = |heard: &Heard| heard.event["conversation"]["account"]["id"] == "shop";
        self.core.heard().into_iter().filter(of_shop).collect()
    }

    /// Something that is not paused gets through: whatever was to be offered before it was.
    async fn fence(&self, text: &str) {
        assert_eq!(self.bridge.text(&self.other, "oElse", text).await.0, 200);
        until(text, async || {
            self.core.heard().iter().any(|heard| heard.text() == text).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_comes_while_an_account_is_paused_waits_over_a_restart_and_then_goes_to_its_core_in_order() {
    let mut house = House::new().await;
    let pausing = async {
        house.core.hears(20).await;
        let view = house.switch("shop", "pause").await;
        assert!(view["pausedSince"].is_string(), "{view}");
        house.ours().len()
    };
    let (heard, ()) = tokio::join!(pausing, house.write(0, EACH));
    house.fence("after the pause").await;
    let at_pause = house.ours().len();
    // One of each conversation may have been in the core's hand.
    assert!(at_pause <= heard + CUSTOMERS.len(), "{heard} heard, then {at_pause}");

    house.bridge.restart().await;
    house.write(EACH, EACH + 5).await;
    // A send for a conversation that waits gives nothing of it away.
    let send = json!({ "conversationKey": house.shop.conversation("oAnna"), "text": "稍等" });
    let (status, told) = house.bridge.post("/v1/messages", &send).await;
    assert_eq!(status, 202, "{told}");
    house.fence("after the restart").await;
    assert_eq!(
        house.ours().len(),
        at_pause,
        "nothing is handed over while the account is paused"
    );
    let finding = |doctor: &Value| {
        doctor["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["id"] == "paused")
            .cloned()
    };
    let waits = CUSTOMERS.len() * (EACH + 5) - texts(&house.ours()).values().map(Vec::len).sum::<usize>();
    let doctor = house.bridge.get("/admin/v1/doctor?account=shop").await;
    let paused = finding(&doctor).unwrap();
    assert!(
        paused["seen"]
            .as_str()
            .unwrap()
            .contains(&format!(", {waits} events wait")),
        "{paused}, not {waits}"
    );

    let resuming = async { house.switch("shop", "resume").await };
    let (view, ()) = tokio::join!(resuming, house.write(EACH + 5, EACH + 10));
    assert!(view["pausedSince"].is_null(), "{view}");
    let whole = CUSTOMERS.len() * (EACH + 10);
    until("everything at the core", async || {
        (texts(&house.ours()).values().map(Vec::len).sum::<usize>() >= whole).then_some(())
    })
    .await;
    for (who, told) in texts(&house.ours()) {
        let written: Vec<String> = (0..EACH + 10).map(|number| format!("{who} {number}")).collect();
        assert_eq!(told, written, "each once, in order");
    }
    assert!(finding(&house.bridge.get("/admin/v1/doctor?account=shop").await).is_none());
    let audit = house.bridge.get("/admin/v1/audit").await;
    let whats: Vec<&str> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["what"].as_str())
        .collect();
    assert_eq!(whats[..2], ["account.resume", "account.pause"]);
}

/// What each customer said, in the order the core heard it.
fn texts(heard: &[Heard]) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    for one in heard.iter().filter(|one| one.kind == "wxbridge.message.v1") {
        let who = one.event["conversation"]["customer"]["nativeId"].as_str().unwrap();
        all.entry(who.to_owned()).or_default().push(one.text().to_owned());
    }
    all
}

#[tokio::test]
async fn an_event_that_its_core_refuses_stays_when_the_account_is_paused_and_a_removed_account_is_no_longer() {
    let house = House::new().await;
    house.core.behaves(|_| Said::status(503));
    assert_eq!(house.bridge.text(&house.shop, "oAnna", "first").await.0, 200);
    house.core.hears(1).await;
    assert!(
        house
            .bridge
            .cli(&["account", "pause", "shop"])
            .starts_with("shop: paused")
    );
    // A second pause is the same pause.
    house.switch("shop", "pause").await;
    let listed = house.bridge.cli(&["account", "list"]);
    assert_eq!(listed.matches(", paused").count(), 1, "{listed}");
    house.core.behaves(|_| Said::taken());
    assert_eq!(house.bridge.text(&house.shop, "oAnna", "second").await.0, 200);
    house.fence("past it").await;
    let before = house.ours().len();
    house.fence("past it again").await;
    assert_eq!(house.ours().len(), before);
    assert!(
        house
            .bridge
            .cli(&["account", "resume", "shop"])
            .starts_with("shop: resumed")
    );
    assert_eq!(
        house.core.hears_text("second").await,
        ["first", "past it", "past it again", "second"]
    );

    house.switch("shop", "pause").await;
    assert_eq!(house.bridge.text(&house.shop, "oBert", "kept").await.0, 200);
    let gone = house
        .bridge
        .operator(Method::DELETE, "/admin/v1/accounts/shop")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
    // The pause ends with it, and what waited goes where it would have gone.
    house.core.hears_text("kept").await;
    house.bridge.apply(&[&house.shop], "http://127.0.0.1:9").await;
    assert_eq!(house.bridge.text(&house.shop, "oAnna", "third").await.0, 200);
    house.core.hears_text("third").await;
}
