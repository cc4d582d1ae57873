//! Does a core know what each account can do? The record as it is asked for, the news of its changes, and what a preview
//! says on every channel.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use serde_json::{Value, json};
use wxbridge::schema::{
    json::{Unknown, from_value},
    v1,
};

use support::{
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    grpc,
    peer::Shop,
    until,
    world::World,
};

async fn record(bridge: &Bridge) -> Value {
    bridge.get("/v1/accounts/shop").await["capabilities"].clone()
}

/// Signals of the account itself.
fn news(core: &Core) -> Vec<Value> {
    let heard = core.heard().into_iter();
    let of_account = heard.filter(|heard: &Heard| heard.key.ends_with(":a:-"));
    of_account.map(|heard| heard.event["signal"].clone()).collect()
}

async fn hears_news(core: &Core, count: usize) -> Vec<Value> {
    until(&format!("{count} news of the account"), async || {
        let news = news(core);
        (news.len() >= count).then_some(news)
    })
    .await
}

async fn refused_send(world: &World, code: &str) {
    let wish = json!({ "conversationKey": world.key("oAnna"), "text": "x" });
    let (_, result) = world.send("?wait=10s", wish).await;
    assert_eq!(result["error"]["code"], code, "{result}");
}

#[tokio::test]
async fn a_core_hears_what_an_account_can_no_longer_do_and_can_do_again() {
    let shop = Shop::new("shop");
    let mut world = World::with(shop, json!({ "verified": false }), "", |_| Said::taken()).await;
    let fresh = record(&world.bridge).await;
    assert_eq!(
        (&fresh["api"], &fresh["readReceipts"]),
        (&json!(true), &json!("unsupported"))
    );
    assert!(fresh["revision"].as_str().is_some_and(|it| !it.is_empty()), "{fresh}");
    world.says("oAnna", "hello").await;
    refused_send(&world, "NOT_ENTITLED").await;

    let told = hears_news(&world.core, 1).await.remove(0);
    assert_eq!(told["type"], "CAPABILITIES_CHANGED", "{told}");
    let shut = told["capabilities"].clone();
    assert_eq!(
        (shut.get("api"), &shut["apiReason"]),
        (None, &json!("NOT_ENTITLED")),
        "{shut}"
    );
    assert_ne!(shut["revision"], fresh["revision"]);
    assert_eq!(record(&world.bridge).await, shut);

    // What the platform refused is known after a restart too, and told once.
    world.bridge.restart().await;
    assert_eq!(record(&world.bridge).await, shut);
    world.says("oAnna", "anybody there?").await;
    world.core.hears_text("anybody there?").await;
    assert_eq!(news(&world.core).len(), 1);

    // A new secret is believed until it is refused.
    world.shop.secret = "0".repeat(32);
    world.bridge.apply(&[&world.shop], &world.sim.url()).await;
    let told = hears_news(&world.core, 2).await.remove(1);
    assert_eq!(told["capabilities"], fresh, "{told}");

    // What an operator lowers is told, and what changes nothing is not.
    world.shop.settings = "limits = { image_bytes = 1000 }".into();
    world.bridge.apply(&[&world.shop], &world.sim.url()).await;
    world.bridge.apply(&[&world.shop], &world.sim.url()).await;
    let told = hears_news(&world.core, 3).await.remove(2);
    let parts = told["capabilities"]["outbound"].as_array().unwrap().clone();
    let image = parts.iter().find(|part| part["type"] == "image").unwrap();
    assert_eq!(image["maxBytes"], "1000", "{image}");
    world.shop.settings += "\nwelcome = \"hello\"";
    world.bridge.apply(&[&world.shop], &world.sim.url()).await;
    world.says("oAnna", "bye").await;
    world.core.hears_text("bye").await;
    assert_eq!(news(&world.core).len(), 3);
}

const CORP: &str = "ww0123456789abcdef";

/// One account of each channel, none of whose platforms is there.
async fn house() -> Bridge {
    let bridge = Bridge::start(Setup::new()).await;
    let nobody = "http://127.0.0.1:9";
    let shops = [Shop::new("oa"), Shop::new("mini").mini_program()];
    bridge.apply(&[&shops[0], &shops[1]], nobody).await;
    let account = |id: &str, more: Value| {
        let mut account = json!({
            "id": id, "corp_id": CORP, "secret": "s".repeat(32), "token": "tok123", "encoding_aes_key": "a".repeat(43),
            "api_base": nobody,
        });
        account
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        account
    };
    let company = json!({ "account": [
        account("app", json!({ "channel": "wecom_app", "agent_id": "1000002" })),
        account("kf", json!({ "channel": "wechat_kf", "open_kfids": ["wkTEST"] })),
    ] });
    let (status, told) = bridge.post("/admin/v1/accounts", &company).await;
    assert_eq!(status, 200, "{told}");
    bridge
}

/// A preview over HTTP and over gRPC: the same.
async fn previewed(bridge: &Bridge, wish: &Value) -> Value {
    let (status, over_http) = bridge.post("/v1/messages?preview=true", wish).await;
    assert_eq!(status, 200, "{over_http}");
    let mut client = grpc::client(bridge, &bridge.operator_token());
    let request: v1::SendRequest = from_value(wish.clone(), Unknown::Refuse).unwrap();
    let over_grpc = client.ask(request, "preview").await.unwrap();
    assert_eq!(serde_json::to_value(&over_grpc).unwrap(), over_http, "{wish}");
    assert!(
        over_http.get("status").is_none() && over_http.get("messageId").is_none(),
        "{over_http}"
    );
    over_http
}

#[tokio::test]
async fn a_preview_says_on_every_channel_what_would_become_of_it_and_does_nothing() {
    let bridge = house().await;
    let (oa, mini) = (Shop::new("oa"), Shop::new("mini").mini_program());
    let app = format!("wecom_app:{CORP}:1000002:u:zhangsan");
    let kf = format!("wechat_kf:{CORP}:wkTEST:u:wmTEST");
    let keys = [oa.conversation("oAnna"), mini.conversation("oAnna"), app, kf];
    let roads = ["CUSTOMER_SERVICE", "CUSTOMER_SERVICE", "APP", "KF"];
    for (key, road) in keys.iter().zip(roads) {
        let text = previewed(&bridge, &json!({ "conversationKey": key, "text": "x" })).await;
        assert_eq!(text["road"], road, "{key}: {text}");
        assert!(text.get("error").is_none(), "{key}: {text}");

        let account = ["oa", "mini", "app", "kf"][keys.iter().position(|it| it == key).unwrap()];
        let able = bridge.get(&format!("/v1/accounts/{account}")).await["capabilities"].clone();
        let parts = able["outbound"].as_array().unwrap();
        let support = &parts.iter().find(|part| part["type"] == "contact").unwrap()["support"];
        let contact = json!({ "parts": [{ "contact": { "nativeId": "lisi", "displayName": "李四" } }] });
        let with = |degrade: &str| json!({ "conversationKey": key, "degrade": degrade, "message": contact });
        let allowed = previewed(&bridge, &with("ALLOW")).await;
        let refused = previewed(&bridge, &with("REFUSE")).await;
        assert_eq!(refused.get("error").is_none(), support == "NATIVE", "{key}: {refused}");
        assert_eq!(allowed.get("error").is_some(), support.is_null(), "{key}: {allowed}");
        assert_eq!(
            allowed.get("degradations").is_some(),
            support == "DEGRADED",
            "{key}: {allowed}"
        );

        let queue = json!({ "conversationKey": key, "session": { "verb": "QUEUE" } });
        let queued = previewed(&bridge, &queue).await;
        let has_a_queue = key.starts_with("wechat_kf:");
        assert_eq!(queued.get("error").is_none(), has_a_queue, "{key}: {queued}");

        let typing = previewed(&bridge, &json!({ "conversationKey": key, "typing": true })).await;
        assert_eq!(typing.get("error").is_none(), able["typing"] == true, "{key}: {typing}");
        let recall = previewed(
            &bridge,
            &json!({ "conversationKey": key, "recallMessageId": "no-such" }),
        )
        .await;
        assert_eq!(recall.get("error").is_none(), able["recall"] == true, "{key}: {recall}");
        assert_ne!(able["revision"], "", "{key}");
    }
    for key in &keys {
        let answer = bridge
            .operator(reqwest::Method::GET, &format!("/v1/conversations/{key}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404, "{key}: a preview leaves nothing behind");
    }
}
