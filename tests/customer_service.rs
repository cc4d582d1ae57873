//! Do the bridge and the simulated WeChat customer service, which share no line, agree? What a core hears and what a
//! customer sees, when all goes well and when bells, pages and answers go astray.

#![allow(clippy::unwrap_used)]

#[path = "customer_service/bells.rs"]
mod bells;
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    until,
};
use wxbridge::sim::{Options, Sim};

const CORP: &str = "ww0123456789abcdef";
const KF: &str = "wkTESTkf000001";
const WHO: &str = "wmTESTcustomer000001";
/// Quick enough for a test: what no bell told of is found by the sweep.
const SWEEP: &str = "[kf]\nsweep = \"1s\"";

struct World {
    sim: Sim,
    bridge: Bridge,
    core: Core,
    secret: String,
}

impl World {
    async fn new(behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        Self::with("", behaviour).await
    }

    async fn with(more: &str, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let core = Core::start(behaviour).await;
        let sim = Sim::start(Options::default()).await.unwrap();
        let mut setup = Setup::to_core(&core, "");
        setup.more = more.to_owned();
        let bridge = Bridge::start(setup).await;
        let mut world = Self {
            sim,
            bridge,
            core,
            secret: String::new(),
        };
        let made = world
            .post(
                "/sim/v1/accounts",
                json!({ "channel": "wechat_kf", "corp_id": CORP, "open_kfids": [KF] }),
            )
            .await;
        world.secret = made["secret"].as_str().unwrap().to_owned();
        let account = json!({ "account": [{
            "id": "kf", "channel": "wechat_kf", "corp_id": CORP, "secret": made["secret"], "token": made["token"],
            "encoding_aes_key": made["encoding_aes_key"], "open_kfids": [KF], "api_base": world.sim.url(),
        }] });
        let (status, told) = world.bridge.post("/admin/v1/accounts", &account).await;
        assert_eq!(status, 200, "{told}");
        let callback = world.bridge.public("/callback/kf");
        let url = json!({ "channel": "wechat_kf", "corp_id": CORP, "callback_url": callback });
        world.post("/sim/v1/accounts", url).await;
        world
            .post(
                "/sim/v1/desks",
                json!({ "open_kfid": KF, "ends_anywhere": true, "servicers": [{ "userid": "lisi" }] }),
            )
            .await;
        // The first pull, before anybody wrote: what comes now is no history.
        until("the first pull", async || {
            (!world.calls("kf/sync_msg").await.is_empty()).then_some(())
        })
        .await;
        world
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.sim.url());
        let answer = self.bridge.http.post(url).json(&body).send().await.unwrap();
        let status = answer.status();
        let told = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {told}");
        serde_json::from_str(&told).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.bridge.http.get(format!("{}{path}", self.sim.url())).send().await;
        answer.unwrap().json().await.unwrap()
    }

    async fn fault(&self, fault: Value) {
        self.post("/sim/v1/faults", fault).await;
    }

    async fn calls(&self, api: &str) -> Vec<Value> {
        let calls = self.get(&format!("/sim/v1/calls?api={api}")).await;
        calls["items"].as_array().cloned().unwrap_or_default()
    }

    async fn does(&self, action: &str, body: Value) -> Value {
        self.post(&format!("/sim/v1/phones/{KF}/{WHO}/{action}"), body).await
    }

    async fn says(&self, text: &str) {
        self.does("text", json!({ "content": text })).await;
    }

    /// What the customer sees of the account so far: road and text.
    async fn shown(&self) -> Vec<(String, String)> {
        let phone = self.get(&format!("/sim/v1/phones/{KF}/{WHO}")).await;
        let items = phone["items"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let ours = items.iter().filter(|item| item["from"] == "account");
        ours.map(|item| (text(&item["road"]), text(&item["text"]))).collect()
    }

    async fn sees(&self, count: usize) -> Vec<(String, String)> {
        until(&format!("{count} messages on the phone"), async || {
            let shown = self.shown().await;
            (shown.len() >= count).then_some(shown)
        })
        .await
    }

    async fn delivery(&self, status: &str) -> Value {
        until(&format!("a delivery {status}"), async || {
            let heard = self.core.heard().into_iter().map(|heard| heard.event);
            let mut heard = heard.filter(|event| event["delivery"]["result"]["status"] == status);
            heard.next()
        })
        .await
    }
}

fn echo(heard: &Heard) -> Said {
    let from_customer = heard.event["message"]["origin"] == "CUSTOMER_SENT";
    match heard.text() {
        "" => Said::taken(),
        text if from_customer => Said::reply(text),
        _ => Said::taken(),
    }
}

fn seen(road: &str, text: &str) -> (String, String) {
    (road.to_owned(), text.to_owned())
}

#[tokio::test]
async fn what_a_customer_says_is_pulled_and_answered() {
    let world = World::new(echo).await;
    world.says("在吗").await;
    assert_eq!(world.sees(1).await, [seen("api", "在吗")]);
    let heard = world.core.heard().remove(0);
    assert_eq!(heard.key, format!("wechat_kf:{CORP}:{KF}:u:{WHO}"));
    let pull = world.calls("kf/sync_msg").await.pop().unwrap();
    assert_eq!(pull["errcode"], 0, "{pull}");
}

#[tokio::test]
async fn lost_and_doubled_bells_and_empty_pages_lose_nothing_and_repeat_nothing() {
    let world = World::with(SWEEP, echo).await;
    world.fault(json!({ "api": "bell", "kind": "lost" })).await;
    world.says("1").await;
    world.fault(json!({ "api": "bell", "kind": "duplicate" })).await;
    world.fault(json!({ "api": "kf/sync_msg", "kind": "empty_page" })).await;
    world.says("2").await;
    world
        .fault(json!({ "api": "kf/sync_msg", "kind": "lost_answer" }))
        .await;
    world.says("3").await;
    world.fault(json!({ "api": "bell", "kind": "lost" })).await;
    world.says("4").await;
    assert_eq!(world.core.hears_text("4").await, ["1", "2", "3", "4"]);
    let texts: Vec<String> = world.sees(4).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn an_answer_whose_own_answer_is_lost_is_not_seen_twice() {
    let world = World::new(echo).await;
    world
        .fault(json!({ "api": "kf/send_msg", "kind": "lost_answer" }))
        .await;
    world.says("在吗").await;
    world.sees(1).await;
    let sent = until("the repeat", async || {
        let calls = world.calls("kf/send_msg").await;
        (calls.len() >= 2).then_some(calls)
    })
    .await;
    assert_eq!(sent[0]["request"]["msgid"], sent[1]["request"]["msgid"]);
    assert_eq!(sent[1]["errcode"], 95033, "the platform knows the id");
    world.says("还在吗").await;
    assert_eq!(world.sees(2).await, [seen("api", "在吗"), seen("api", "还在吗")]);
}

#[tokio::test]
async fn a_message_that_fails_later_is_told_of_that_very_message() {
    let world = World::new(echo).await;
    world
        .fault(json!({ "api": "kf/send_msg", "kind": "send_fail", "fail_type": 10 }))
        .await;
    world.says("在吗").await;
    let told = world.delivery("FAILED").await;
    let sent = world.calls("kf/send_msg").await.remove(0);
    let ids = &told["delivery"]["result"]["platformMessageIds"];
    assert_eq!(ids[0], sent["request"]["msgid"], "{told}");
}

#[tokio::test]
async fn the_answer_to_coming_in_uses_the_welcome_code() {
    let world = World::new(|heard| match heard.event["signal"]["type"].as_str() {
        Some("SESSION_ENTERED") => Said::reply("欢迎"),
        _ => Said::taken(),
    })
    .await;
    world
        .does("enter", json!({ "scene": "web_pay", "scene_param": "order%3D7" }))
        .await;
    assert_eq!(world.sees(1).await, [seen("event", "欢迎")]);
    assert!(
        world.calls("kf/send_msg").await.is_empty(),
        "no message of the window was used"
    );
}

#[tokio::test]
async fn a_colleague_in_the_client_is_no_customer_and_a_held_session_refuses() {
    let world = World::new(echo).await;
    world.says("人工").await;
    world.sees(1).await;
    let key = format!("wechat_kf:{CORP}:{KF}:u:{WHO}");
    let assign = json!({ "conversationKey": key, "session": { "verb": "ASSIGN", "servicer": "lisi" } });
    let (status, told) = world.bridge.post("/v1/messages?wait=10s", &assign).await;
    assert_eq!((status, &told["status"]), (200, &json!("SENT")), "{told}");
    world
        .does("servicer-text", json!({ "servicer": "lisi", "content": "我来处理" }))
        .await;
    world.core.hears_text("我来处理").await;
    let say = json!({ "conversationKey": key, "text": "我也来" });
    let (_, told) = world.bridge.post("/v1/messages?wait=10s", &say).await;
    assert_eq!(told["error"]["code"], "SESSION_WITH_HUMAN", "{told}");
    assert_eq!(world.shown().await, [seen("api", "人工"), seen("client", "我来处理")]);

    // Another system of the enterprise ends the session: nobody tells us, and the customer writes again.
    let token = format!("/cgi-bin/gettoken?corpid={CORP}&corpsecret={}", world.secret);
    let token = world.get(&token).await["access_token"].as_str().unwrap().to_owned();
    let end = json!({ "open_kfid": KF, "external_userid": WHO, "service_state": 4 });
    world
        .post(&format!("/cgi-bin/kf/service_state/trans?access_token={token}"), end)
        .await;
    world.says("还在吗").await;
    world.core.hears_text("还在吗").await;
    let (_, told) = world.bridge.post("/v1/messages?wait=10s", &say).await;
    assert_eq!(told["status"], "SENT", "{told}");
}

#[tokio::test]
async fn what_a_servicer_did_before_our_order_and_is_pulled_behind_it_does_not_undo_the_order() {
    let world = World::new(echo).await;
    // The platform's clock is not ours: what counts is what it says of both.
    world.post("/sim/v1/clock", json!({ "advance": "60s" })).await;
    let now = support::now() + 60;
    world.says("人工").await;
    world.sees(1).await;
    let key = format!("wechat_kf:{CORP}:{KF}:u:{WHO}");
    let assign = json!({ "conversationKey": key, "session": { "verb": "ASSIGN", "servicer": "lisi" } });
    let (_, told) = world.bridge.post("/v1/messages?wait=10s", &assign).await;
    assert_eq!(told["status"], "SENT", "{told}");
    let ended = |ago: i64| {
        json!({ "item": { "msgid": format!("ended{ago}"), "send_time": now - ago, "origin": 4, "msgtype": "event", "event": {
            "event_type": "session_status_change", "open_kfid": KF, "external_userid": WHO, "change_type": 3,
            "old_servicer_userid": "wangwu" } } })
    };
    let state = async |told: &str| {
        let view = until("the servicer's deed", async || {
            let heard = world.core.heard().into_iter().map(|heard| heard.event);
            let mut told_of = heard.filter(|event| event["dedupeKey"].as_str().unwrap_or_default().ends_with(told));
            told_of.next()
        })
        .await;
        view["conversation"]["sessionState"].clone()
    };
    world.does("item", ended(50)).await;
    assert_eq!(state("ended50").await, "HUMAN", "it was of the time before");
    world.does("item", ended(-30)).await;
    assert_eq!(state("ended-30").await, "ENDED");
}

#[tokio::test]
async fn who_a_customer_is_is_asked_beside_what_they_say() {
    let world = World::new(echo).await;
    world
        .fault(json!({ "api": "customer/batchget", "kind": "slow", "delay_ms": 1500 }))
        .await;
    world.says("在吗").await;
    assert_eq!(world.sees(1).await, [seen("api", "在吗")], "no message waits for it");
    let path = format!("/v1/conversations/wechat_kf:{CORP}:{KF}:u:{WHO}");
    let unionid = format!("oUnion-{WHO}");
    let known = |customer: &Value| customer["aliases"]["unionid"] == unionid.as_str();
    until("the alias in the conversation", async || {
        let view = world.bridge.get(&path).await;
        known(&view["conversation"]["customer"]).then_some(())
    })
    .await;
    world.says("还在吗").await;
    world.core.hears_text("还在吗").await;
    let last = world.core.heard().pop().unwrap().event;
    assert!(known(&last["conversation"]["customer"]), "{last}");
    assert_eq!(world.calls("customer/batchget").await.len(), 1);
}

#[tokio::test]
async fn the_end_is_said_by_the_code_that_comes_with_it() {
    let world = World::new(|heard| match heard.text() {
        "结束" => Said {
            body: json!({ "replies": [{ "session": {
                "verb": "END", "closing": { "parts": [{ "text": { "body": "再见" } }] },
            } }] }),
            ..Said::taken()
        },
        _ => Said::taken(),
    })
    .await;
    world.says("结束").await;
    assert_eq!(world.sees(1).await, [seen("event", "再见")]);
    let phone = world.get(&format!("/sim/v1/phones/{KF}/{WHO}")).await;
    assert_eq!(phone["quota"]["state"], 4);
}

#[tokio::test]
async fn a_picture_comes_and_another_goes() {
    let world = World::new(
        |heard| match heard.event["message"]["parts"][0]["image"]["handle"].as_str() {
            Some(handle) => Said {
                body: json!({ "replies": [{ "message": { "parts": [{ "image": { "handle": handle } }] } }] }),
                ..Said::taken()
            }
            .after(Duration::from_millis(700)),
            None => Said::taken(),
        },
    )
    .await;
    world.does("image", json!({})).await;
    let phone = until("a picture on the phone", async || {
        let phone = world.get(&format!("/sim/v1/phones/{KF}/{WHO}")).await;
        let items = phone["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().find(|item| item["from"] == "account")
    })
    .await;
    assert_eq!(phone["type"], "image", "{phone}");
}
