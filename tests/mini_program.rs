//! Does a mini-program's customer reach a core, and the core the customer? The real binary, the simulated platform, a core.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{core::Said, peer::Shop, until, world::World};

async fn world(
    at_platform: Value,
    settings: &str,
    lines: &str,
    said: impl FnMut(&support::core::Heard) -> Said + Send + 'static,
) -> World {
    World::with(
        Shop::new("mini").mini_program().with(settings),
        at_platform,
        lines,
        said,
    )
    .await
}

fn api(text: &str) -> (String, String) {
    ("api".to_owned(), text.to_owned())
}

#[tokio::test]
async fn a_message_reaches_the_core_and_its_answer_goes_by_the_api_in_every_mode_and_format() {
    let world = world(json!({}), "plain_until = \"2099-01-01T00:00:00Z\"", "", |heard| {
        Said::reply(&format!("to {}", heard.text()))
    })
    .await;
    let mut expected = Vec::new();
    for (mode, format) in [
        ("safe", "json"),
        ("safe", "xml"),
        ("compatible", "json"),
        ("compatible", "xml"),
        ("plain", "json"),
        ("plain", "xml"),
    ] {
        world
            .register(&world.shop, json!({ "mode": mode, "format": format }))
            .await;
        let text = format!("{mode} {format}");
        let done = world.says("oAnna", &text).await;
        assert_eq!(done["outcome"], "success", "{text}: {done}");
        expected.push(api(&format!("to {text}")));
        assert_eq!(world.sees("oAnna", expected.len()).await, expected);
    }
    let heard = world.core.heard();
    let seqs: Vec<u64> = heard.iter().map(|heard| heard.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert!(
        heard.iter().all(|heard| heard.deadline.is_none()),
        "nothing rides in a request here"
    );
    let conversation = &heard[0].event["conversation"];
    assert_eq!(conversation["key"], world.key("oAnna"));
    assert_eq!(conversation["account"]["channelCode"], 10);
}

#[tokio::test]
async fn the_platform_is_not_kept_waiting_for_a_core_that_takes_its_time() {
    let world = world(json!({}), "", "", |_| {
        Said::reply("slowly").after(Duration::from_millis(1500))
    })
    .await;
    let done = world.says("oAnna", "hello?").await;
    assert_eq!(done["outcome"], "success", "{done}");
    let took = done["attempts"][0]["ms"].as_u64().unwrap();
    assert!(took < 1400, "answered before the core was done: {took} ms");
    assert_eq!(world.sees("oAnna", 1).await, [api("slowly")]);
}

#[tokio::test]
async fn who_enters_by_the_button_brings_what_it_was_marked_with_until_the_session_ends() {
    let world = world(json!({}), "", "", |_| Said::taken()).await;
    let from = r#"sobot|Li|https://shop.example/li.jpg|{"groupid":"g2","order":"88"}"#;
    world.does("oAnna", "enter", json!({ "session_from": from })).await;
    world.says("oAnna", "where is it?").await;
    let heard = world.core.hears(2).await;
    assert_eq!(heard[0].event["signal"]["type"], "SESSION_ENTERED");
    for event in heard.iter().map(|heard| &heard.event) {
        let entry = &event["entry"];
        assert_eq!(
            (entry["groupId"].as_str(), entry["origin"].as_str()),
            (Some("g2"), Some("SESSION_FROM")),
            "{entry}"
        );
        assert_eq!(
            (entry["displayName"].as_str(), entry["params"]["order"].as_str()),
            (Some("Li"), Some("88"))
        );
        assert_eq!(entry["opensMiniProgram"], true);
    }
    let end = json!({ "conversationKey": world.key("oAnna"), "session": { "verb": "END" } });
    let (status, result) = world.send("?wait=5s", end).await;
    assert!(status < 300, "{result}");
    world.says("oAnna", "hello again").await;
    let heard = world.core.hears(4).await;
    assert_eq!(heard[2].event["signal"]["session"]["after"], "ENDED");
    assert_eq!(heard[3].text(), "hello again");
    assert_eq!(heard[3].event.get("entry"), None, "the new session came by no button");
}

#[tokio::test]
async fn two_messages_greet_who_enters_and_a_third_fails_before_the_platform_is_asked() {
    let world = world(json!({}), "", "", |_| Said::taken()).await;
    world.does("oAnna", "enter", json!({ "session_from": "p" })).await;
    let heard = world.core.hears(1).await;
    assert_eq!(heard[0].event["allowances"][0]["trigger"], "enter");
    assert_eq!(heard[0].event["allowances"][0]["remaining"], 2);
    let mut codes = Vec::new();
    for text in ["one", "two", "three"] {
        let wish = json!({ "conversationKey": world.key("oAnna"), "text": text });
        let (_, result) = world.send("?wait=5s", wish).await;
        codes.push(result["error"]["code"].as_str().unwrap_or("sent").to_owned());
    }
    assert_eq!(codes, ["sent", "sent", "QUOTA_EXHAUSTED"]);
    assert_eq!(world.calls("custom/send").await.len(), 2);
    assert_eq!(world.shown("oAnna").await, [api("one"), api("two")]);
    // What the customer says opens more.
    world.says("oAnna", "hi").await;
    let wish = json!({ "conversationKey": world.key("oAnna"), "text": "three" });
    let (_, result) = world.send("?wait=5s", wish).await;
    assert_eq!(result["status"], "SENT", "{result}");
}

#[tokio::test]
async fn each_kind_that_the_platform_has_is_sent_as_itself_and_the_rest_says_what_it_lost() {
    let world = world(json!({}), "", "", |_| Said::taken()).await;
    world.says("oAnna", "show me").await;
    world.core.hears(1).await;
    let send = async |part: Value| {
        let wish = json!({ "conversationKey": world.key("oAnna"), "message": { "parts": [part] } });
        let (_, result) = world.send("?wait=5s", wish).await;
        assert_eq!(result["status"], "SENT", "{result}");
        let kind = world.calls("custom/send").await.last().unwrap()["request"]["msgtype"].clone();
        let lost = result["degradations"][0]["toType"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (kind.as_str().unwrap().to_owned(), lost)
    };
    let link =
        json!({ "link": { "url": "https://shop.example/a", "title": "A", "imageUrl": "https://shop.example/a.jpg" } });
    assert_eq!(send(link).await, ("link".to_owned(), String::new()));
    let menu = json!({ "menu": { "head": "How was it?", "actions": [{ "id": "1", "label": "Good" }] } });
    assert_eq!(send(menu).await, ("text".to_owned(), "text".to_owned()));
    let card = json!({ "card": { "title": "A", "webUrl": "https://shop.example/a", "miniProgram": { "appid": "wxother", "pagePath": "p" } } });
    assert_eq!(send(card).await, ("link".to_owned(), "link".to_owned()));
    let typing = json!({ "conversationKey": world.key("oAnna"), "typing": true });
    let (_, result) = world.send("?wait=5s", typing).await;
    assert_eq!(result["status"], "SENT", "{result}");
    assert_eq!(world.calls("typing").await.len(), 1);
}

#[tokio::test]
async fn a_transfer_rides_in_the_format_of_the_push_where_the_operator_allows_it() {
    for format in ["json", "xml"] {
        let world = world(
            json!({ "format": format }),
            "platform_agents = \"allow\"",
            "",
            |heard| match heard.text() {
                "agent" => Said {
                    body: json!({ "replies": [{ "message": { "parts": [{ "transfer": {} }] } }] }),
                    ..Said::taken()
                },
                other => Said::reply(&format!("to {other}")),
            },
        )
        .await;
        let done = world.says("oAnna", "agent").await;
        assert_eq!(done["outcome"], "transfer", "{format}: {done}");
        // What is no transfer does not ride, and is not lost for that.
        let done = world.says("oAnna", "robot").await;
        assert_eq!(done["outcome"], "success", "{format}: {done}");
        assert_eq!(world.sees("oAnna", 1).await, [api("to robot")]);
    }
}

#[tokio::test]
async fn a_push_without_sender_and_a_kind_that_nobody_knows_are_told_and_answered() {
    let world = world(json!({}), "", "", |_| Said::taken()).await;
    let done = world
        .does("oAnna", "raw", json!({ "body": r#"{"action":"CheckContainerPath"}"# }))
        .await;
    assert_eq!(done["outcome"], "success", "{done}");
    let done = world
        .does(
            "oAnna",
            "message",
            json!({ "type": "hologram", "fields": { "Depth": 3 } }),
        )
        .await;
    assert_eq!(done["outcome"], "success", "{done}");
    let heard = until("both", async || {
        let heard = world.core.heard();
        (heard.len() == 2).then_some(heard)
    })
    .await;
    let check = heard.iter().find(|it| it.event.get("signal").is_some()).unwrap();
    assert_eq!(
        check.event["conversation"]["key"],
        format!("mini_program:{}:a:-", world.shop.app_id)
    );
    assert_eq!(check.event["signal"]["platformType"], "CheckContainerPath");
    let odd = heard.iter().find(|it| it.event.get("message").is_some()).unwrap();
    assert_eq!(
        odd.event["message"]["parts"][0]["unsupported"]["platformType"],
        "hologram"
    );
    assert!(odd.event["raw"]["body"].is_string());
}

#[tokio::test]
async fn an_api_that_was_shut_is_tried_again_after_an_examination() {
    let world = world(json!({}), "", "", |_| Said::taken()).await;
    world.says("oAnna", "hello?").await;
    for code in [48001, 50002] {
        let refusal = json!({ "api": "custom/send", "kind": "errcode", "errcode": code, "times": 1 });
        world.sim_post("/sim/v1/faults", &refusal).await;
        let wish = || json!({ "conversationKey": world.key("oAnna"), "text": "there you are" });
        let (_, refused) = world.send("?wait=5s", wish()).await;
        assert_eq!(refused["status"], "FAILED", "{code}: {refused}");
        let (_, unasked) = world.send("?wait=5s", wish()).await;
        assert_eq!(unasked["status"], "FAILED", "{code}, without a call: {unasked}");
        world.bridge.get("/admin/v1/doctor?account=mini").await;
        let (_, sent) = world.send("?wait=5s", wish()).await;
        assert_eq!(sent["status"], "SENT", "{code}: {sent}");
    }
}
