//! What becomes of what a core sends by itself? Allowances, tokens, idempotency, order, lost answers.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    seen,
    support::{core::Said, peer::Shop, until, world::World},
};

// ───────────── allowances and tokens ─────────────

#[tokio::test]
async fn the_sixth_message_of_a_window_fails_before_the_platform_is_asked() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    world.core.hears(1).await;
    for number in 1..=5 {
        let body = json!({ "conversationKey": world.key("oAnna"), "text": format!("answer {number}") });
        let (status, result) = world.send("?wait=10s", body).await;
        assert_eq!((status, result["status"].as_str()), (200, Some("SENT")), "{result}");
        assert_eq!(result["allowances"][0]["remaining"], 5 - number, "{result}");
    }
    let body = json!({ "conversationKey": world.key("oAnna"), "text": "one too many" });
    let (status, result) = world.send("?wait=10s", body).await;
    assert_eq!((status, result["status"].as_str()), (200, Some("FAILED")), "{result}");
    assert_eq!(result["error"]["code"], "QUOTA_EXHAUSTED");
    assert_eq!(world.calls("custom/send").await.len(), 5);
    // The customer says something: five more.
    world.says("oAnna", "again").await;
    let body = json!({ "conversationKey": world.key("oAnna"), "text": "welcome back" });
    assert_eq!(world.send("?wait=10s", body).await.1["status"], "SENT");
}

#[tokio::test]
async fn a_token_that_another_system_took_is_renewed_once_for_everybody() {
    let world = World::new("reply_budget = \"0ms\"", |_| Said::taken()).await;
    for number in 0..8 {
        world.says(&format!("o{number}"), "hello").await;
    }
    world.core.hears(8).await;
    let first = json!({ "conversationKey": world.key("o0"), "text": "warm" });
    assert_eq!(world.send("?wait=10s", first).await.1["status"], "SENT");
    let before = world.calls("token").await.len();
    world
        .sim_post(
            &format!("/sim/v1/accounts/{}/take-token", world.shop.app_id),
            &json!({ "kind": "stable", "overlap": false }),
        )
        .await;
    let sends = (0..8).map(|number| {
        let body = json!({ "conversationKey": world.key(&format!("o{number}")), "text": "all at once" });
        world.send("?wait=15s", body)
    });
    for (status, result) in join_all(sends).await {
        assert_eq!((status, result["status"].as_str()), (200, Some("SENT")), "{result}");
    }
    assert_eq!(world.calls("token").await.len(), before + 1, "one refresh for all");
}

// ───────────── the core sends by itself ─────────────

#[tokio::test]
async fn a_send_is_done_once_however_often_it_is_asked_for() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    let wish = json!({ "conversationKey": world.key("oAnna"), "text": "您好", "clientMessageId": "order-7" });
    let (status, first) = world.send("?wait=10s", wish.clone()).await;
    assert_eq!((status, first["status"].as_str()), (200, Some("SENT")), "{first}");
    assert_eq!(first["road"], "CUSTOMER_SERVICE");
    let (_, again) = world.send("?wait=10s", wish.clone()).await;
    assert_eq!(again["messageId"], first["messageId"]);
    // The same wish, written otherwise, is still the same.
    let other_order = json!({ "text": "您好", "clientMessageId": "order-7", "conversationKey": world.key("oAnna") });
    assert_eq!(world.send("", other_order).await.1["messageId"], first["messageId"]);

    let other = json!({ "conversationKey": world.key("oAnna"), "text": "别的", "clientMessageId": "order-7" });
    let (status, problem) = world.send("", other).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("IDEMPOTENCY_CONFLICT")),
        "{problem}"
    );

    let header = |key: &'static str, body: Value| {
        let request = world
            .bridge
            .operator(Method::POST, "/v1/messages")
            .header("idempotency-key", key)
            .json(&body);
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        }
    };
    let (status, problem) = header("order-8", wish.clone()).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (400, Some("INVALID_REQUEST")),
        "{problem}"
    );
    let (status, same) = header(
        "order-7",
        json!({ "conversationKey": world.key("oAnna"), "text": "您好" }),
    )
    .await;
    assert_eq!((status, &same["messageId"]), (202, &first["messageId"]), "{same}");

    let id = first["messageId"].as_str().unwrap();
    assert_eq!(world.bridge.get(&format!("/v1/messages/{id}")).await["status"], "SENT");
    let by_key = world
        .bridge
        .get("/v1/messages?clientMessageId=order-7&account=shop")
        .await;
    assert_eq!(by_key["messageId"], first["messageId"]);
    assert_eq!(world.shown("oAnna").await, [seen("api", "您好")]);
}

#[tokio::test]
async fn a_preview_names_the_road_and_sends_nothing() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    let wish = json!({ "conversationKey": world.key("oAnna"), "text": "would this go?" });
    let (status, preview) = world.send("?preview=true", wish).await;
    assert_eq!(status, 200, "{preview}");
    assert_eq!(preview["road"], "CUSTOMER_SERVICE", "{preview}");
    assert!(
        preview.get("status").is_none() && preview.get("error").is_none(),
        "{preview}"
    );
    assert_eq!(preview["allowances"][0]["remaining"], 5);
    let stranger = json!({ "conversationKey": world.key("oNobody"), "native_json": "" });
    assert_eq!(world.send("?preview=true", stranger).await.0, 400);
    assert!(world.calls("custom/send").await.is_empty());
    assert!(world.shown("oAnna").await.is_empty());
}

#[tokio::test]
async fn sends_of_one_conversation_keep_their_order() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    world
        .sim_post(
            "/sim/v1/faults",
            &json!({ "api": "custom/send", "kind": "slow", "delay_ms": 600, "times": 1 }),
        )
        .await;
    for text in ["one", "two", "three"] {
        let (status, result) = world
            .send("", json!({ "conversationKey": world.key("oAnna"), "text": text }))
            .await;
        assert_eq!((status, result["status"].as_str()), (202, Some("ACCEPTED")), "{result}");
    }
    let shown = world.sees("oAnna", 3).await;
    assert_eq!(shown, [seen("api", "one"), seen("api", "two"), seen("api", "three")]);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_never_sent_twice_and_the_core_hears_of_it() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    world
        .sim_post(
            "/sim/v1/faults",
            &json!({ "api": "custom/send", "kind": "lost_answer" }),
        )
        .await;
    let wish = json!({ "conversationKey": world.key("oAnna"), "text": "did it arrive?" });
    let (_, result) = world.send("?wait=10s", wish).await;
    assert_eq!(result["status"], "UNKNOWN", "{result}");
    assert_eq!(result["error"]["code"], "AMBIGUOUS");
    let next = json!({ "conversationKey": world.key("oAnna"), "text": "next" });
    assert_eq!(
        world.send("?wait=10s", next).await.1["status"],
        "SENT",
        "UNKNOWN never blocks later sends"
    );
    assert_eq!(world.calls("custom/send").await.len(), 2);
    until("the UNKNOWN update", async || {
        let heard = world.core.heard();
        heard
            .into_iter()
            .find(|heard| heard.event["delivery"]["result"]["status"] == "UNKNOWN")
    })
    .await;
}

#[tokio::test]
async fn a_core_token_sees_its_own_accounts_only() {
    let world = World::new("", |_| Said::taken()).await;
    let other = Shop::new("elsewhere");
    world.bridge.apply(&[&other], &world.sim.url()).await;
    world.says("oAnna", "hello").await;
    let wish = json!({ "name": "core", "scope": "core", "core": "main", "accounts": ["shop"] });
    let (status, made) = world.bridge.post("/admin/v1/tokens", &wish).await;
    assert!((200..300).contains(&status), "{made}");
    let token = made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let ask = |method: Method, path: String, body: Value| {
        let request = world
            .bridge
            .http
            .request(method, world.bridge.internal(&path))
            .bearer_auth(&token)
            .json(&body);
        async move {
            let answer = request.send().await.unwrap();
            (
                answer.status().as_u16(),
                answer.json::<Value>().await.unwrap_or_default(),
            )
        }
    };
    let own = json!({ "conversationKey": world.key("oAnna"), "text": "mine" });
    assert_eq!(ask(Method::POST, "/v1/messages?wait=10s".into(), own).await.0, 200);
    let foreign = json!({ "conversationKey": other.conversation("oAnna"), "text": "not mine" });
    let (status, problem) = ask(Method::POST, "/v1/messages".into(), foreign).await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (403, Some("FORBIDDEN")),
        "{problem}"
    );
    assert_eq!(ask(Method::GET, "/admin/v1/parked".into(), Value::Null).await.0, 403);
    let nobody = world
        .bridge
        .http
        .get(world.bridge.internal("/v1/accounts"))
        .send()
        .await
        .unwrap();
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn a_customer_whom_the_platforms_agent_has_is_taken_back() {
    let mut shop = Shop::new("shop");
    shop.settings = "platform_agents = \"allow\"".to_owned();
    let at_platform = json!({ "agents": ["anna@shop"], "online_agents": ["anna@shop"] });
    let world = World::with(shop, at_platform, "", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    let agent = json!({ "agent": "anna@shop" });
    world.does("oAnna", "agent-accept", agent).await;
    let state = async |wanted: &str| {
        let path = format!("/v1/conversations/{}", world.key("oAnna"));
        until(wanted, async || {
            let view = world.bridge.get(&path).await;
            (view["conversation"]["sessionState"] == wanted).then_some(())
        })
        .await;
    };
    state("HUMAN").await;
    assert_eq!(world.says("oAnna", "is anybody there").await["outcome"], "with_agent");
    // Busy once: the order is tried again.
    let busy = json!({ "api": "kfsession/close", "kind": "errcode", "errcode": -1, "times": 1 });
    world.sim_post("/sim/v1/faults", &busy).await;
    let take = json!({ "conversationKey": world.key("oAnna"), "session": { "verb": "TAKE" } });
    let (status, result) = world.send("?wait=5s", take).await;
    assert_eq!((status, &result["status"]), (200, &json!("SENT")), "{result}");
    state("ASSISTANT").await;
    assert_eq!(world.says("oAnna", "and now").await["outcome"], "success");
    world.core.hears_text("and now").await;
}
