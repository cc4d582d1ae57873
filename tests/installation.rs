//! Does an operator get what the command line promises of a running daemon? Rotation, replay, backup and restore, parked
//! events, tokens: the real binary on both sides.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    path::Path,
    process::{Command, Output},
};

use reqwest::Method;
use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    peer::{Sealing, Shop, element, msg_id},
    until,
    world::World,
};

/// `wxbridge …` beside this daemon.
async fn wxbridge(bridge: &Bridge, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxbridge"));
    command
        .args(words)
        .arg("-c")
        .arg(bridge.config())
        .env_clear()
        .current_dir(bridge.dir.path());
    // Aside: what the command asks for is partly served by this thread.
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// Its words, where it succeeds.
async fn says(bridge: &Bridge, words: &[&str]) -> String {
    let output = wxbridge(bridge, words).await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{words:?}: {told} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    told
}

#[tokio::test]
async fn one_wrong_setting_is_corrected_without_saying_the_others_again() {
    let core = Core::start(|_| Said::reply("您好")).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let shop = Shop::new("shop");
    let mistyped = Shop {
        app_id: "wx0000000000000000".into(),
        ..shop
            .clone()
            .with("quotas = { message = { count = 3, window = \"1h\" } }")
    };
    bridge.apply(&[&mistyped], "http://127.0.0.1:9").await;
    let (_, refused) = bridge.text(&shop, "oAnna", "is anybody there?").await;
    assert!(shop.open_reply(&refused).is_err(), "another receiver: {refused}");
    let change = async |patch: Value| {
        let request = bridge.operator(Method::PATCH, "/admin/v1/accounts/shop");
        let answer = request.json(&patch).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, told) = change(json!({ "app_id": "", "hold": "four" })).await;
    let detail = told["detail"].to_string();
    assert!(
        status == 400 && detail.contains("account shop: app_id") && detail.contains("account shop: hold"),
        "{told}"
    );
    let (status, view) = change(json!({ "app_id": shop.app_id })).await;
    assert_eq!((status, &view["account"]["platformId"]), (200, &json!(shop.app_id)));
    let (_, body) = bridge.text(&shop, "oAnna", "and now?").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("您好"));
    let settings = bridge.get("/admin/v1/accounts/shop/settings").await;
    assert_eq!(
        (&settings["app_id"], &settings["quotas"]["message"]["count"]),
        (&json!(shop.app_id), &json!(3))
    );
    assert!(!settings.to_string().contains(&shop.token), "{settings}");
}

#[tokio::test]
async fn after_a_rotation_both_keys_are_honoured_and_each_is_answered_in_kind() {
    let core = Core::start(|_| Said::reply("您好")).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let old = Shop::new("shop");
    bridge.apply(&[&old], "http://127.0.0.1:9").await;
    let new = Shop {
        token: "freshtoken1".into(),
        key: format!("{}Q", &Shop::new("fresh").key[..42]),
        ..old.clone()
    };
    let told = says(
        &bridge,
        &[
            "account",
            "rotate",
            "shop",
            "--token",
            &new.token,
            "--encoding-aes-key",
            &new.key,
        ],
    )
    .await;
    assert!(told.contains("shop"), "{told}");
    // In between the platform mixes them: the token is new already, the key is not.
    let mixed = Shop {
        key: old.key.clone(),
        ..new.clone()
    };
    for shop in [&old, &mixed, &new, &old] {
        let (status, body) = bridge.text(shop, "oAnna", "during the rotation").await;
        let reply = shop
            .open_reply(&body)
            .unwrap_or_else(|error| panic!("{status}: {error}"));
        assert_eq!(element(&reply, "Content").as_deref(), Some("您好"));
    }
    let view: Value = serde_json::from_str(&says(&bridge, &["--json", "account", "show", "shop"]).await).unwrap();
    assert!(view["warnings"].to_string().contains("OLD_KEY_STILL_USED"), "{view}");
    let stranger = Sealing {
        token: "neverours1".into(),
        ..Sealing::of(&old)
    };
    let push = old.sealed_by(&stranger, &old.text("oAnna", msg_id(), "x"));
    assert_eq!(bridge.pushed(&old, &push).await.0, 403);
}

#[tokio::test]
async fn a_body_that_could_not_be_opened_is_read_again_once_the_key_is_right() {
    let core = Core::start(|_| Said::taken()).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let right = Shop::new("shop");
    let mistyped = Shop {
        key: Shop::new("another").key,
        ..right.clone()
    };
    bridge.apply(&[&mistyped], "http://127.0.0.1:9").await;
    assert_eq!(
        bridge.text(&right, "oAnna", "can you read me?").await,
        (200, "success".into())
    );
    let kept: Value =
        serde_json::from_str(&says(&bridge, &["--json", "parked", "list", "--quarantined"]).await).unwrap();
    let id = kept["items"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{kept}"))
        .to_owned();
    let still = wxbridge(&bridge, &["parked", "retry", &id, "--quarantined"]).await;
    assert_eq!(still.status.code(), Some(1), "still unreadable");
    let refused = wxbridge(&bridge, &["--json", "account", "show", "nobody"]).await;
    let problem: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(
        (refused.status.code(), &problem["code"]),
        (Some(1), &json!("NOT_FOUND")),
        "{problem}"
    );
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("NOT_FOUND") && !told.contains('{'), "{told}");
    bridge.apply(&[&right], "http://127.0.0.1:9").await;
    says(&bridge, &["parked", "show", &id]).await;
    says(&bridge, &["parked", "retry", &id]).await;
    assert_eq!(core.hears_text("can you read me?").await, ["can you read me?"]);
    let kept: Value =
        serde_json::from_str(&says(&bridge, &["--json", "parked", "list", "--quarantined"]).await).unwrap();
    assert_eq!(kept["items"], json!([]));
}

#[tokio::test]
async fn a_replay_hands_stored_events_over_again_and_takes_no_replies() {
    let world = World::new("", |heard| Said::reply(&format!("to {}", heard.text()))).await;
    for text in ["one", "two", "three"] {
        assert_eq!(world.says("oAnna", text).await["outcome"], "reply");
    }
    let first = world.core.heard();
    let told = says(
        &world.bridge,
        &["replay", "--core", "main", "--conversation", &world.key("oAnna")],
    )
    .await;
    assert!(told.contains("3 taken") && told.contains("3 replies refused"), "{told}");
    let heard = world.core.heard();
    let again = &heard[first.len()..];
    assert_eq!(again.len(), 3);
    for (first, again) in first.iter().zip(again) {
        assert_eq!((&first.id, first.epoch, first.seq), (&again.id, again.epoch, again.seq));
        assert!(again.event["offer"]["replayId"].is_string(), "{}", again.event);
    }
    assert_eq!(world.shown("oAnna").await.len(), 3, "nobody is answered twice");
}

#[tokio::test]
async fn a_restored_installation_goes_on_in_a_higher_epoch() {
    let core = Core::start(|_| Said::taken()).await;
    let mut bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    bridge.text(&shop, "oAnna", "before the backup").await;
    core.hears_text("before the backup").await;
    let file = bridge.dir.path().join("saved");
    says(&bridge, &["backup", path(&file)]).await;
    bridge.text(&shop, "oAnna", "lost with the machine").await;
    core.hears_text("lost with the machine").await;

    let refused = async |bridge: &Bridge| wxbridge(bridge, &["restore", path(&file)]).await.status.code();
    assert_eq!(refused(&bridge).await, Some(75), "another process holds the store");
    bridge.kill();
    assert_eq!(
        refused(&bridge).await,
        Some(1),
        "nobody holds it, and it is not overwritten"
    );
    std::fs::remove_dir_all(bridge.state()).unwrap();
    says(&bridge, &["restore", path(&file)]).await;
    bridge.spawn();
    bridge.ready().await;
    assert_eq!(
        bridge.text(&shop, "oAnna", "after the restore").await,
        (200, "success".into())
    );
    core.hears_text("after the restore").await;
    let heard = core.heard();
    let place = |text: &str| heard.iter().find(|heard| heard.text() == text).unwrap();
    let (before, after) = (place("before the backup"), place("after the restore"));
    assert!(after.epoch > before.epoch, "{} {}", after.epoch, before.epoch);
    let first = after.event["conversation"]["firstSeq"].as_u64().unwrap_or_default();
    assert!(first <= after.seq && first > 0, "{}", after.event);
    let in_epoch: Vec<u64> = heard
        .iter()
        .filter(|heard| heard.epoch == after.epoch)
        .map(|heard| heard.seq)
        .collect();
    assert_eq!(
        in_epoch.first().copied(),
        Some(first),
        "a core starts at firstSeq when the epoch rises"
    );
}

#[tokio::test]
async fn one_message_can_be_sent_from_the_shell() {
    let world = World::new("", |_| Said::taken()).await;
    world.says("oAnna", "hello").await;
    says(
        &world.bridge,
        &["send", "--to", &world.key("oAnna"), "--text", "from the shell"],
    )
    .await;
    assert_eq!(
        world.sees("oAnna", 1).await,
        [("api".to_owned(), "from the shell".to_owned())]
    );
    let stranger = Shop::new("stranger").conversation("oNobody");
    let failed = wxbridge(&world.bridge, &["send", "--to", &stranger, "--text", "x"]).await;
    assert_eq!(failed.status.code(), Some(1));
}

#[tokio::test]
async fn a_token_that_was_revoked_opens_nothing_any_more() {
    let bridge = Bridge::start(Setup::new().and_core("main", "http://127.0.0.1:9/", "")).await;
    let token = says(
        &bridge,
        &["token", "create", "--name", "till tomorrow", "--scope", "viewer"],
    )
    .await;
    let look = async |token: &str| {
        let request = bridge
            .http
            .get(bridge.internal("/v1/accounts"))
            .bearer_auth(token.trim());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(look(&token).await, 200);
    assert_eq!(token.trim().lines().count(), 1, "the token alone is printed");
    says(&bridge, &["token", "revoke", "till tomorrow"]).await;
    assert_eq!(look(&token).await, 401);
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(&bridge.state().join("operator.token")), 0o600);
}

#[tokio::test]
async fn nothing_that_probes_can_read_tells_about_a_customer_and_no_log_tells_a_secret() {
    let world = World::new("", |_| Said::reply("secretive")).await;
    world.says("oVeryPrivatePerson", "my parcel number is 4711").await;
    world
        .send(
            "?wait=5s",
            json!({ "conversationKey": world.key("oVeryPrivatePerson"), "text": "noted" }),
        )
        .await;
    let mut seen = String::new();
    for path in ["/metrics", "/livez", "/readyz", "/nothing"] {
        let answer = world.bridge.http.get(world.bridge.health(path)).send().await.unwrap();
        seen += &answer.text().await.unwrap();
    }
    for metric in [
        "wxbridge_callbacks_total{answer=\"passive\",channel=\"official_account\"} 1",
        "wxbridge_callback_seconds_count",
        "wxbridge_backlog_events{core=\"main\"} 0",
        "wxbridge_backlog_age_seconds{core=\"main\"} 0",
        "wxbridge_deliveries_total{core=\"main\",result=\"taken\"} 1",
        "wxbridge_token_refreshes_total",
    ] {
        assert!(seen.contains(metric), "{metric} in {seen}");
    }
    assert!(!seen.contains("oVeryPrivatePerson"), "{seen}");
    let log = until("a log", async || Some(world.bridge.log())).await;
    for secret in [
        &world.shop.secret,
        &world.shop.token,
        &world.shop.key,
        &world.bridge.operator_token(),
    ] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn copies_that_fail_are_seen_and_the_switch_is_turned_by_command() {
    let core = Core::start(|_| Said::taken()).await;
    let mut setup = Setup::to_core(&core, "");
    setup.more =
        "[[forwarder]]\nname = \"archive\"\nurl = \"http://127.0.0.1:9/in\"\ntypes = [\"user\", \"summary\"]\n\
                  key = \"0123456789ab\"\nlegacy_plain = true\n"
            .into();
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    assert_eq!(bridge.text(&shop, "oAnna", "copy this").await.0, 200);
    let told = until("posts that fail", async || {
        let told = says(&bridge, &["forwarder", "list", "--lang", "en"]).await;
        told.contains("efused").then_some(told)
    })
    .await;
    let user = told.lines().find(|line| line.contains(" user ")).unwrap();
    assert!(
        user.starts_with("archive") && user.contains("hmac-sha256") && user.contains("yes"),
        "{told}"
    );
    let summary = told.lines().find(|line| line.contains(" summary ")).unwrap();
    assert!(
        summary.contains("no") && !summary.contains("efused"),
        "plain as before: {told}"
    );
    assert!(told.ends_with("switch: on, copies are protected\n"), "{told}");

    let doctor = wxbridge(&bridge, &["doctor", "--lang", "en"]).await;
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        doctor.contains("forwarder archive:") && doctor.contains("failed in a row"),
        "{doctor}"
    );
    assert!(!doctor.contains("switch is off"), "{doctor}");

    let off = says(&bridge, &["forwarder", "switch", "off", "--lang", "en"]).await;
    assert!(off.starts_with("switch: off, copies are not protected\n"), "{off}");
    let doctor = wxbridge(&bridge, &["doctor", "--lang", "zh"]).await;
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("转发开关已关闭"));
    let again = says(&bridge, &["forwarder", "switch", "off", "--lang", "zh"]).await;
    assert!(again.contains("此前已是如此"), "{again}");
    let on = says(&bridge, &["forwarder", "switch", "on", "--lang", "en"]).await;
    assert!(on.contains("no longer exempt: archive"), "{on}");
    let json: Value = serde_json::from_str(&says(&bridge, &["--json", "forwarder", "list"]).await).unwrap();
    assert_eq!(json["switch"]["on"], true, "{json}");
    let wrong = wxbridge(&bridge, &["forwarder", "switch", "sideways"]).await;
    assert_eq!(wrong.status.code(), Some(64));
}
