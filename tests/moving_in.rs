//! Can a live account move in without a cut-over? The system before hears everything too; cloud hosting pushes without a
//! signature, and only where it may.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;

use support::{
    bridge::{Bridge, Setup, free},
    core::{Core, Said},
    peer::{Shop, element, msg_id},
    until,
};

const LOOPBACK: &str = "[egress]\nallow = [\"127.0.0.0/8\"]\n";
const NOBODY: &str = "http://127.0.0.1:9";

/// A bridge whose core answers everything with these words.
async fn speaking(words: &'static str, lines: &str) -> (Bridge, Core) {
    let core = Core::start(move |_| Said::reply(words)).await;
    let mut setup = Setup::to_core(&core, lines);
    setup.more = LOOPBACK.into();
    (Bridge::start(setup).await, core)
}

fn passed_to(old: &str, mode: &str) -> String {
    format!("passthrough = {{ url = \"{old}\", mode = \"{mode}\" }}")
}

async fn compared(bridge: &Bridge, count: usize) -> Vec<Value> {
    until("both are compared", async || {
        let found = bridge.get("/admin/v1/passthrough?account=shop").await;
        let items = found["items"].as_array().unwrap().clone();
        (items.len() >= count).then_some(items)
    })
    .await
}

async fn doctor(bridge: &Bridge, id: &str) -> Value {
    let found = bridge.get("/admin/v1/doctor?account=shop&lang=en").await;
    let items = found["items"].as_array().unwrap();
    items.iter().find(|it| it["id"] == id).cloned().unwrap_or_default()
}

#[tokio::test]
async fn the_old_system_answers_until_it_is_gone_and_nothing_is_lost() {
    let (mut old, _old_core) = speaking("the old words", "").await;
    let (new, core) = speaking("the new words", "").await;
    let shop = Shop::new("shop");
    old.apply(&[&shop], NOBODY).await;
    let moving = shop.clone().with(&passed_to(&old.public("/callback/shop"), "answer"));
    new.apply(&[&moving], NOBODY).await;
    let (status, body) = new.text(&shop, "oAnna", "hello").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!(
        (status, element(&reply, "Content").as_deref()),
        (200, Some("the old words"))
    );
    core.hears_text("hello").await;
    assert_eq!(compared(&new, 1).await[0]["returned"], "old");
    assert_eq!(doctor(&new, "passthrough").await["level"], "green");

    old.kill();
    let asked = Instant::now();
    assert_eq!(
        new.text(&shop, "oAnna", "are you there?").await,
        (200, "success".into())
    );
    assert!(asked.elapsed() < Duration::from_secs(5));
    core.hears_text("are you there?").await;
    compared(&new, 2).await;
    assert_eq!(doctor(&new, "passthrough").await["level"], "yellow");

    // The account is ours: passthrough goes, and our core answers.
    new.apply(&[&shop], NOBODY).await;
    let (_, body) = new.text(&shop, "oBert", "and now?").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("the new words"));
    assert_eq!(doctor(&new, "passthrough").await, Value::Null);
}

#[tokio::test]
async fn what_is_compared_shows_both_answers_and_delays_nobody() {
    let (old, _old_core) = speaking("hi", "").await;
    let (new, _core) = speaking("hi", "").await;
    let shop = Shop::new("shop");
    old.apply(&[&shop], NOBODY).await;
    let moving = shop.clone().with(&passed_to(&old.public("/callback/shop"), "tee"));
    new.apply(&[&moving], NOBODY).await;
    let (_, body) = new.text(&shop, "oAnna", "hello").await;
    assert_eq!(
        element(&shop.open_reply(&body).unwrap(), "Content").as_deref(),
        Some("hi")
    );
    let both = &compared(&new, 1).await[0];
    assert_eq!(
        (&both["same"], &both["returned"]),
        (&true.into(), &"ours".into()),
        "{both}"
    );
    assert_eq!(
        (&both["ours"]["text"], &both["old"]["text"]),
        (&"hi".into(), &"hi".into())
    );
    assert!(
        new.metric("wxbridge_passthrough_total{mode=\"tee\",result=\"answered\"}")
            .await
            >= 1.0
    );
}

#[tokio::test]
async fn an_account_that_is_handed_to_itself_does_not_run_in_circles() {
    let (bridge, core) = speaking("once", "").await;
    let shop = Shop::new("shop");
    let circle = shop
        .clone()
        .with(&passed_to(&bridge.public("/callback/shop"), "answer"));
    bridge.apply(&[&circle], NOBODY).await;
    let (status, _) = bridge.text(&shop, "oAnna", "hello").await;
    assert_eq!(status, 200);
    core.hears_text("hello").await;
    compared(&bridge, 1).await;
    assert_eq!(core.heard().len(), 1);
    assert_eq!(bridge.metric("wxbridge_callback_seconds_count").await, 2.0);
}

#[tokio::test]
async fn cloud_hosting_pushes_by_its_own_listener_and_by_no_other() {
    let cloud = free();
    let core = Core::start(|_| Said::taken()).await;
    let mut setup = Setup::to_core(&core, "");
    setup.more = format!("[cloud]\nlisten = \"127.0.0.1:{cloud}\"\n");
    let bridge = Bridge::start(setup).await;
    let (shop, strict) = (Shop::new("shop").with("cloud_push = true"), Shop::new("strict"));
    bridge.apply(&[&shop, &strict], NOBODY).await;
    let post = async |url: String, body: String| {
        let answer = bridge
            .http
            .post(url)
            .header("content-type", "application/json")
            .body(body);
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let on_cloud = |path: &str| format!("http://127.0.0.1:{cloud}{path}");
    let said = |text: &str| {
        format!(
            "{{\"ToUserName\":\"{}\",\"FromUserName\":\"oAnna\",\"CreateTime\":{},\"MsgType\":\"text\",\"Content\":\"{text}\",\"MsgId\":{}}}",
            shop.original_id,
            support::now(),
            msg_id()
        )
    };
    let success = || (200, "success".to_owned());
    let probe = || r#"{"action":"CheckContainerPath"}"#.to_owned();
    assert_eq!(post(on_cloud("/callback/shop"), probe()).await, success());
    assert_eq!(post(on_cloud("/callback/shop"), said("hello")).await, success());
    core.hears_text("hello").await;

    let refused = (403, String::new());
    assert_eq!(post(on_cloud("/callback/strict"), said("no")).await, refused);
    assert_eq!(post(on_cloud("/callback/strict"), probe()).await, refused);
    assert_eq!(post(bridge.public("/callback/shop"), said("no")).await, refused);
    assert_eq!(post(bridge.public("/callback/shop"), probe()).await, refused);
    assert_eq!(post(on_cloud("/callback/none"), said("no")).await, (404, String::new()));
    assert_eq!(post(on_cloud("/v1/accounts"), said("no")).await.0, 404);
    assert_eq!(post(on_cloud("/callback/shop/x"), said("no")).await.0, 404);
    let asked = bridge
        .http
        .get(on_cloud("/callback/shop?echostr=1"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (asked.status().as_u16(), &asked.headers()["allow"]),
        (405, "POST".parse().as_ref().unwrap())
    );
    let large = bridge.http.post(on_cloud("/callback/shop")).body(vec![b' '; 1_100_000]);
    assert_eq!(large.send().await.unwrap().status(), 413);
    assert_eq!(core.texts(), ["hello"]);
    let refusals = bridge.get("/v1/accounts/strict").await["warnings"].to_string();
    assert!(refusals.contains("PLAINTEXT_REFUSED"), "{refusals}");
}

#[tokio::test]
async fn a_restart_knows_what_an_operator_knew() {
    let (mut bridge, _core) = speaking("hi", "").await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], NOBODY).await;
    bridge.text(&shop, "oAnna", "hello").await;
    let mut forged = shop.sealed(&shop.text("oAnna", msg_id(), "no"));
    forged.query = forged.query.replace("msg_signature=", "msg_signature=0");
    assert_eq!(bridge.pushed(&shop, &forged).await.0, 403);
    let before = bridge.get("/v1/accounts/shop").await;
    assert!(before["warnings"].to_string().contains("BAD_SIGNATURE"), "{before}");
    bridge.restart().await;
    let after = bridge.get("/v1/accounts/shop").await;
    assert_eq!(
        (&after["lastCallback"], &after["warnings"]),
        (&before["lastCallback"], &before["warnings"])
    );
    assert!(after["lastCallback"].is_string());
}

#[tokio::test]
async fn the_audit_log_is_kept_elsewhere_and_verified_there() {
    let (bridge, _core) = speaking("hi", "").await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], NOBODY).await;
    bridge.apply(&[&shop.clone().with("hold = \"three\"")], NOBODY).await;
    let file = bridge.dir.path().join("audit.ndjson");
    let name = file.to_str().unwrap();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wxbridge"));
        command
            .arg("-c")
            .arg(bridge.config())
            .args(args)
            .current_dir(bridge.dir.path())
            .env_clear();
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (exit, listed) = run(&["audit", "list"]);
    assert!(
        exit == Some(0) && listed.contains("account.update") && !listed.contains(&shop.secret),
        "{listed}"
    );
    assert_eq!(run(&["audit", "verify"]).0, Some(0));
    assert_eq!(run(&["audit", "export", name]).0, Some(0));
    let (exit, told) = run(&["audit", "verify", name]);
    assert!(exit == Some(0) && told.contains("whole: 2 records"), "{told}");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("account.create", "account.remove")).unwrap();
    let (exit, told) = run(&["audit", "verify", name]);
    assert!(
        exit == Some(1) && told.contains("record 1 is not what was written"),
        "{told}"
    );
    assert_eq!(run(&["audit", "export", name]).0, Some(64), "no file is written over");
}
