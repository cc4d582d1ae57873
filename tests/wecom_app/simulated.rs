//! Do the bridge and the simulated WeCom, which share no line, agree? What a member sees in the end.

use std::time::Duration;

use serde_json::{Value, json};
use wxbridge::sim::{Options, Sim};

use super::support::{
    bridge::{Bridge, Setup},
    company::Desk,
    core::{Core, Heard, Said},
    until,
};

struct World {
    sim: Sim,
    bridge: Bridge,
    core: Core,
    desk: Desk,
}

impl World {
    async fn new(lines: &str, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let core = Core::start(behaviour).await;
        let sim = Sim::start(Options::default()).await.unwrap();
        let bridge = Bridge::start(Setup::to_core(&core, lines)).await;
        let desk = Desk::new("desk");
        desk.apply(&bridge, &sim.url()).await;
        let world = Self {
            sim,
            bridge,
            core,
            desk,
        };
        // The platform checks the callback address by a sealed echostr before it takes it.
        let shop = &world.desk.shop;
        world
            .post(
                "/sim/v1/accounts",
                json!({
                    "channel": "wecom_app", "corp_id": shop.app_id, "agent_id": 1_000_012, "secret": shop.secret,
                    "token": shop.token, "encoding_aes_key": shop.key,
                    "callback_url": world.bridge.public(&format!("/callback/{}", shop.id)),
                }),
            )
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

    fn phone(&self, action: &str) -> String {
        format!(
            "/sim/v1/phones/{}-{}/li.si{action}",
            self.desk.shop.app_id, self.desk.agent
        )
    }

    async fn does(&self, action: &str, body: Value) -> Value {
        self.post(&self.phone(&format!("/{action}")), body).await
    }

    /// What the application showed the member, once it is so much.
    async fn sees(&self, count: usize) -> Vec<Value> {
        let url = format!("{}{}", self.sim.url(), self.phone(""));
        until(&format!("{count} messages on the phone"), async || {
            let phone: Value = self.bridge.http.get(&url).send().await.unwrap().json().await.unwrap();
            let items = phone["items"].as_array().cloned().unwrap_or_default();
            let ours: Vec<Value> = items.into_iter().filter(|item| item["from"] == "account").collect();
            (ours.len() >= count).then_some(ours)
        })
        .await
    }

    async fn send(&self, mut body: Value) -> Value {
        body["conversationKey"] = json!(self.desk.conversation("li.si"));
        let (status, result) = self.bridge.post("/v1/messages?wait=10s", &body).await;
        assert_eq!((status, result["status"].as_str()), (200, Some("SENT")), "{result}");
        result
    }
}

#[tokio::test]
async fn a_member_and_a_core_talk_passively_and_by_the_api() {
    let world = World::new("reply_budget = \"400ms\"", |heard| match heard.text() {
        "quick" => Said::reply("at once"),
        _ => Said::reply("later").after(Duration::from_millis(900)),
    })
    .await;
    let done = world.does("text", json!({ "content": "quick" })).await;
    assert_eq!(done["outcome"], "reply", "{done}");
    world.does("text", json!({ "content": "slow" })).await;
    let seen = world.sees(2).await;
    let shown: Vec<_> = seen
        .iter()
        .map(|item| (item["road"].as_str().unwrap(), item["text"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [("passive", "at once"), ("api", "later")]);
}

#[tokio::test]
async fn every_neutral_part_is_taken_by_the_platform_as_we_render_it() {
    let world = World::new("reply_budget = \"0ms\"", |_| Said::taken()).await;
    world.does("enter", json!({})).await;
    for part in [
        json!({ "text": { "body": "您好<br>再见", "format": "HTML" } }),
        json!({ "link": { "url": "https://example.com/a", "title": "A" } }),
        json!({ "articles": { "items": [{ "url": "https://example.com/1", "title": "1" }, { "url": "https://example.com/2", "title": "2" }] } }),
        json!({ "miniProgram": { "appid": "wx00000000000000aa", "pagePath": "pages/t", "title": "工单处理提醒" } }),
        json!({ "miniProgram": { "appid": "wx00000000000000aa", "pagePath": "pages/t", "title": "短" } }),
        json!({ "location": { "latitude": 23.1, "longitude": 113.3, "name": "店" } }),
        json!({ "card": { "title": "订单", "webUrl": "https://example.com/o", "imageUrl": "https://example.com/o.png" } }),
        json!({ "card": { "title": "订单", "description": "很长".repeat(40), "webUrl": "https://example.com/o" } }),
        json!({ "card": { "title": "订单", "actions": [{ "id": "a", "label": "好", "replyText": "好" }] } }),
        json!({ "menu": { "head": "请选择", "actions": [{ "label": "一" }, { "label": "二" }] } }),
        json!({ "templateCard": { "cardType": "vote_interaction", "taskId": "vote-1", "nativeJson":
            "{\"checkbox\":{\"question_key\":\"q\",\"option_list\":[{\"id\":\"1\",\"text\":\"一\"}]},\"submit_button\":{\"text\":\"提交\",\"key\":\"s\"}}" } }),
    ] {
        world.send(json!({ "message": { "parts": [part] } })).await;
    }
    world.sees(11).await;
}

#[tokio::test]
async fn a_file_goes_up_once_and_arrives() {
    let world = World::new("reply_budget = \"0ms\"", |_| Said::taken()).await;
    world.does("enter", json!({})).await;
    let upload = world
        .bridge
        .operator(reqwest::Method::POST, "/v1/media?name=a.pdf")
        .header("content-type", "application/pdf")
        .body("%PDF-1.4 some words")
        .send()
        .await
        .unwrap();
    let media: Value = upload.json().await.unwrap();
    for _ in 0..2 {
        let file = json!({ "message": { "parts": [{ "file": { "handle": media["handle"] } }] } });
        let sent = world.send(file).await;
        assert_eq!(sent.get("degradations"), None, "{sent}");
    }
    assert_eq!(world.sees(2).await.len(), 2);
    let calls = world
        .bridge
        .http
        .get(format!("{}/sim/v1/calls?api=media/upload", world.sim.url()));
    let calls: Value = calls.send().await.unwrap().json().await.unwrap();
    assert_eq!(calls["items"].as_array().map(Vec::len), Some(1), "{calls}");
}

#[tokio::test]
async fn a_tap_comes_back_with_its_message_and_the_card_changes_on_both_roads() {
    let world = World::new("", |heard| match heard.event["interaction"]["key"].as_str() {
        Some("take") => Said {
            body: json!({ "replies": [{ "message": { "parts": [{ "templateCard": {
                "taskId": heard.event["interaction"]["sourceMessageId"], "cardType": "text_notice",
                "nativeJson": "{\"main_title\":{\"title\":\"已接入\"},\"card_action\":{\"type\":1,\"url\":\"https://example.com\"}}",
            } }] } }] }),
            ..Said::taken()
        },
        _ => Said::taken(),
    })
    .await;
    world.does("enter", json!({})).await;
    let card = json!({ "message": { "parts": [{ "card": { "title": "人工", "actions": [{ "id": "take", "label": "接入" }] } }] } });
    let sent = world.send(card).await;
    let shown = world.sees(1).await.remove(0);
    let done = world.does("tap", json!({ "key": "take", "task": shown["task"] })).await;
    assert_eq!(done["outcome"], "reply", "{done}");
    let tap = until("the tap", async || {
        world
            .core
            .heard()
            .into_iter()
            .find(|heard| heard.kind == "wxbridge.interaction.v1")
    })
    .await;
    assert_eq!(tap.event["interaction"]["sourceMessageId"], sent["messageId"]);
    // The code that came with the sending is still unused.
    let change = json!({ "message": { "parts": [{ "templateCard": {
        "taskId": sent["messageId"], "nativeJson": "{\"button\":{\"replace_name\":\"已结束\"}}",
    } }] } });
    world.send(change).await;
    let seen = world.sees(3).await;
    assert_eq!(seen.last().unwrap()["replace_name"], "已结束", "{seen:?}");
}

#[tokio::test]
async fn a_message_is_taken_back_on_the_phone() {
    let world = World::new("reply_budget = \"0ms\"", |_| Said::taken()).await;
    world.does("enter", json!({})).await;
    let sent = world.send(json!({ "text": "wrong price" })).await;
    world.sees(1).await;
    world.send(json!({ "recallMessageId": sent["messageId"] })).await;
    until("the delivery event", async || {
        let heard = world.core.heard();
        heard
            .into_iter()
            .find(|heard| heard.event["delivery"]["result"]["status"] == "RECALLED")
    })
    .await;
}
