//! What operators do, and what they see of it.

use actix_web::{http::header, test::TestRequest};
use serde_json::json;

use super::{KEY, ask, get, message, post, view};
use crate::{
    error::{Code, pages},
    ports::store::{ConversationId, Message, Parked, Quarantined},
    schema::v1,
    web::testing::{House, NOW},
};

#[actix_web::test]
async fn a_token_is_shown_once_works_and_ends() {
    let house = House::new().await;
    let op = &house.operator;
    let made = ask(
        &house,
        op,
        post(
            "/admin/v1/tokens",
            &json!({"name": "n", "scope": "core", "accounts": ["a-*"]}),
        ),
    )
    .await;
    assert_eq!((made.status, made.json()["core"].as_str()), (201, Some("main")));
    let text = made.json()["token"].as_str().unwrap_or_default().to_owned();
    assert_eq!(ask(&house, &text, get("/v1/accounts")).await.status, 200);
    let list = ask(&house, op, get("/admin/v1/tokens")).await;
    assert!(!String::from_utf8_lossy(&list.bytes).contains(&text));
    assert_eq!(list.json()["items"].as_array().map(Vec::len), Some(5));
    for bad in [
        json!({"name": "n", "scope": "operator"}),
        json!({"name": "m", "scope": "core", "core": "none"}),
        json!({"name": "", "scope": "viewer"}),
        json!({"name": "m", "scope": "god"}),
        json!({"name": "m", "scope": "viewer", "colour": 1}),
    ] {
        assert!(
            (400..500).contains(&ask(&house, op, post("/admin/v1/tokens", &bad)).await.status),
            "{bad}"
        );
    }
    let again = ask(
        &house,
        op,
        post("/admin/v1/tokens", &json!({"name": "n", "scope": "viewer"})),
    );
    let again = again.await.json();
    assert!(
        again["remedy"].as_str().is_some_and(|it| it.contains("another name")),
        "{again}"
    );
    let delete = |name: &str| TestRequest::delete().uri(&format!("/admin/v1/tokens/{name}"));
    assert_eq!(ask(&house, op, delete("n")).await.status, 204);
    assert_eq!(ask(&house, op, delete("n")).await.code(), "NOT_FOUND");
    assert_eq!(ask(&house, op, delete("op")).await.code(), "INVALID_REQUEST");
    assert_eq!(ask(&house, &text, get("/v1/accounts")).await.status, 401);
    let audit = ask(&house, &house.viewer, get("/admin/v1/audit?limit=1")).await.json();
    assert_eq!(
        (&audit["items"][0]["what"], &audit["items"][0]["who"]),
        (&json!("token.revoke"), &json!("op"))
    );
    let next = audit["next"].as_str().unwrap_or_default();
    let older = ask(&house, &house.viewer, get(&format!("/admin/v1/audit?after={next}")))
        .await
        .json();
    assert_eq!(
        (&older["items"][0]["what"], &older["next"]),
        (&json!("token.create"), &json!(""))
    );
}

#[actix_web::test]
async fn the_values_of_a_call_in_their_order_or_twice_do_nothing() {
    let house = House::new().await;
    house.bind();
    let send = |path: &str, body: &'static str| {
        let json = (header::CONTENT_TYPE, "application/json");
        TestRequest::post().uri(path).insert_header(json).set_payload(body)
    };
    for (path, body) in [
        ("/admin/v1/accounts/shop/rotate", r#"["newtoken1"]"#),
        (
            "/admin/v1/accounts/shop/rotate",
            r#"{"token":"newtoken2","token":"newtoken3"}"#,
        ),
        ("/admin/v1/tokens", r#"["arr","viewer"]"#),
        ("/admin/v1/forwarders/switch", "[true]"),
        ("/admin/v1/accounts/shop/passthrough", r#"["off"]"#),
        ("/admin/v1/replay", r#"["main"]"#),
        ("/admin/v1/backup", r#"["pp"]"#),
        ("/v1/records", r#" ["summary",{}]"#),
        ("/v1/accounts/shop/access-token", r#"["x"]"#),
    ] {
        // Whom the scope alone would refuse proves nothing.
        let allowed = [&house.operator, &house.core, &house.borrower];
        let mut refused = false;
        for token in allowed {
            let answer = ask(&house, token, send(path, body)).await;
            assert!((400..500).contains(&answer.status), "{path} {body}: {}", answer.status);
            refused |= answer.code() == "INVALID_REQUEST";
        }
        assert!(refused, "{path} {body}");
    }
}

#[actix_web::test]
async fn parked_and_quarantined_things_are_retried_or_discarded() {
    let house = House::new().await;
    let op = &house.operator;
    let parked = |row| Parked {
        row,
        event_id: format!("e{row}"),
        key: KEY.into(),
        seq: 1,
        core: "main".into(),
        parked_at: NOW,
        reason: "refused".into(),
        event: v1::Event::default(),
    };
    house
        .store
        .parked
        .lock()
        .expect("lock")
        .extend([parked(1), parked(2), parked(3)]);
    let first = ask(&house, op, get("/admin/v1/parked?limit=2")).await.json();
    assert_eq!(
        (first["items"].as_array().map(Vec::len), &first["next"]),
        (Some(2), &json!("2"))
    );
    let act = |uri: &str| TestRequest::post().uri(&format!("/admin/v1/{uri}"));
    assert_eq!(ask(&house, op, act("parked/e1/retry")).await.json()["eventId"], "back");
    assert_eq!(ask(&house, op, act("parked/2/discard")).await.status, 204);
    assert_eq!(ask(&house, op, act("parked/2/discard")).await.code(), "NOT_FOUND");
    assert_eq!(ask(&house, op, act("parked/e9/retry")).await.code(), "NOT_FOUND");
    let body = |row, code: &str| Quarantined {
        row,
        account: "shop".into(),
        received: NOW,
        code: code.into(),
        detail: String::new(),
        query: String::new(),
        body: b"<x/>".to_vec(),
        content_type: String::new(),
        key_ids: String::new(),
    };
    house
        .store
        .quarantined
        .lock()
        .expect("lock")
        .extend([body(1, "UNDECODABLE"), body(2, "WRONG_RECEIVER")]);
    assert_eq!(ask(&house, op, act("quarantine/1/retry")).await.json()["eventId"], "e1");
    let still = ask(&house, op, act("quarantine/2/retry")).await;
    assert_eq!((still.status, still.code().as_str()), (409, "UNDECODABLE"));
    let left = ask(&house, op, get("/admin/v1/quarantine")).await.json();
    assert_eq!(
        (left["items"].as_array().map(Vec::len), &left["items"][0]["id"]),
        (Some(1), &json!("2"))
    );
}

#[actix_web::test]
async fn a_replay_and_a_backup_are_begun_by_operators_alone() {
    let house = House::new().await;
    let wish = json!({"core": "main", "from": "2026-01-01T00:00:00Z"});
    let begun = ask(&house, &house.operator, post("/admin/v1/replay", &wish)).await;
    assert_eq!(begun.status, 202);
    let id = begun.json()["replayId"].as_str().unwrap_or_default().to_owned();
    let seen = ask(&house, &house.viewer, get(&format!("/admin/v1/replay/{id}")))
        .await
        .json();
    assert_eq!(seen["count"]["taken"], 2);
    let backwards = json!({"core": "main", "from": "2025-07-08T18:40:01Z", "to": "2025-07-08T18:40:00Z"});
    for wish in [json!({"core": "none"}), backwards] {
        let refused = ask(&house, &house.operator, post("/admin/v1/replay", &wish)).await;
        assert_eq!(refused.code(), "INVALID_REQUEST", "{wish}");
    }
    let endless = || post("/admin/v1/replay", &json!({"core": "main", "conversation": KEY}));
    // The one above may not have ended yet.
    for _ in 0..4 {
        ask(&house, &house.operator, endless()).await;
    }
    let busy = ask(&house, &house.operator, endless()).await;
    assert_eq!(
        (busy.status, busy.code().as_str(), busy.header("retry-after")),
        (503, "OVERLOADED", "10"),
        "the whole bridge's limit and not this token's"
    );
    let backup = || TestRequest::post().uri("/admin/v1/backup");
    assert_eq!(ask(&house, &house.operator, backup()).await.bytes, b"all of it");
    assert_eq!(ask(&house, &house.viewer, backup()).await.code(), "FORBIDDEN");
    let open = post("/admin/v1/backup", &json!({ "passphrase": "" }));
    assert_eq!(ask(&house, &house.operator, open).await.code(), "INVALID_REQUEST");
}

#[actix_web::test]
async fn what_operators_look_at_is_there() {
    let house = House::new().await;
    let op = &house.operator;
    house
        .state
        .observer
        .callback_answered("shop", "official_account", "success", 3.0, None);
    let ledger = ask(&house, op, get("/admin/v1/ledger")).await.json();
    assert_eq!(
        (
            &ledger["items"][0]["received"],
            &ledger["items"][0]["answers"]["success"]
        ),
        (&json!(1), &json!(1))
    );
    for odd in ["zzz", "1", "x/shop"] {
        let refused = ask(&house, op, get(&format!("/admin/v1/ledger?after={odd}"))).await;
        assert_eq!(refused.code(), "INVALID_REQUEST", "{odd}");
    }
    let cores = ask(&house, op, get("/admin/v1/cores")).await.json();
    assert_eq!(
        (&cores["items"][0]["backlogEvents"], &cores["items"][0]["ageSeconds"]),
        (&json!(3), &json!(5))
    );
    assert_eq!(cores["items"][0]["url"], "http://127.0.0.1:9/?key=****");
    let zh = ask(&house, op, get("/admin/v1/doctor?lang=zh")).await.json();
    assert!(
        zh["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item["seen"] == "存储可以持久写入"))
    );
    let all = zh["items"].as_array().map_or(0, Vec::len);
    let first = ask(&house, op, get("/admin/v1/doctor?lang=zh&limit=1")).await.json();
    let path = format!(
        "/admin/v1/doctor?lang=zh&after={}",
        first["next"].as_str().unwrap_or_default()
    );
    let rest = ask(&house, op, get(&path)).await.json();
    assert_eq!(first["items"][0], zh["items"][0]);
    assert_eq!(
        (rest["items"].as_array().map(Vec::len), &rest["next"]),
        (Some(all - 1), &json!(""))
    );
    assert_eq!(
        ask(&house, op, get("/admin/v1/doctor?lang=fr")).await.code(),
        "INVALID_REQUEST"
    );
}

#[actix_web::test]
async fn the_timeline_begins_with_the_store_and_goes_on_live() {
    let house = House::new().await;
    let stored = |row| {
        std::sync::Arc::new(crate::ports::store::Stored {
            row,
            conversation: ConversationId(1),
            core: None,
            event: v1::Event {
                id: format!("e{row}"),
                accepted_time: Some(crate::schema::Timestamp::from_millis(NOW + row)),
                conversation: view("", "shop").state.conversation,
                ..Default::default()
            }
            .into(),
        })
    };
    house.store.events.lock().expect("lock").extend([stored(1), stored(2)]);
    house.state.observer.committed(&stored(2));
    house.store.messages.lock().expect("lock").push(
        Message {
            answers: Some(1),
            ..message("shop")
        }
        .into(),
    );
    let first = ask(&house, &house.viewer, get("/admin/v1/timeline")).await.json();
    let rows: Vec<&str> = first["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["row"].as_str())
        .collect();
    assert_eq!(rows, ["1", "2"]);
    assert_eq!(first["items"][0]["messages"][0]["status"], "SENT");
    let next = first["next"].as_str().unwrap_or_default();
    let quiet = ask(
        &house,
        &house.viewer,
        get(&format!("/admin/v1/timeline?after={next}&wait=1ms")),
    )
    .await
    .json();
    assert_eq!(quiet["items"], json!([]));
    house
        .state
        .observer
        .callback_answered("shop", "official_account", "success", 3.0, Some("e2"));
    let changed = ask(
        &house,
        &house.viewer,
        get(&format!("/admin/v1/timeline?after={next}&wait=20s")),
    )
    .await
    .json();
    assert_eq!(
        (&changed["items"][0]["row"], &changed["items"][0]["answerMs"]),
        (&json!("2"), &json!(3.0))
    );
    assert_eq!(
        ask(&house, &house.viewer, get("/admin/v1/timeline?after=x"))
            .await
            .code(),
        "INVALID_REQUEST"
    );
}

#[actix_web::test]
async fn refusals_and_findings_come_in_the_callers_language() {
    let house = House::new().await;
    let asked = |path: &str, lang: &'static str| get(path).insert_header((header::ACCEPT_LANGUAGE, lang));
    for (token, path) in [
        ("", "/v1/accounts"),
        (&house.viewer, "/admin/v1/accounts?no=1"),
        (&house.viewer, "/none"),
    ] {
        let english = ask(&house, token, asked(path, "en")).await;
        let chinese = ask(&house, token, asked(path, "zh-CN,zh;q=0.9,en;q=0.8")).await;
        let page = pages::page(Code::parse(&english.code()).expect("a code"));
        assert_eq!(
            (english.json()["remedy"].as_str(), english.header("content-language")),
            (Some(page.remedy_en), "")
        );
        assert_eq!(
            (chinese.json()["remedy"].as_str(), chinese.header("content-language")),
            (Some(page.remedy_zh), "zh")
        );
        assert_eq!(english.json()["detail"], chinese.json()["detail"]);
    }
    let findings = ask(&house, &house.viewer, asked("/admin/v1/doctor", "zh")).await;
    assert!(
        findings.json()["items"].to_string().contains('核'),
        "{}",
        findings.json()
    );
}

#[actix_web::test]
async fn forwarders_are_listed_in_pages_with_their_switch_and_turning_it_is_written_down() {
    let house = House::new().await;
    let first = ask(&house, &house.viewer, get("/admin/v1/forwarders?limit=1"))
        .await
        .json();
    assert_eq!(
        (&first["items"][0]["name"], &first["next"]),
        (&json!("archive"), &json!("archive"))
    );
    assert_eq!(first["switch"]["on"], true);
    let second = ask(&house, &house.viewer, get("/admin/v1/forwarders?after=archive"))
        .await
        .json();
    assert_eq!(
        (&second["items"][0]["name"], &second["next"]),
        (&json!("crm"), &json!(""))
    );
    let turn = |on: bool| post("/admin/v1/forwarders/switch", &json!({ "on": on }));
    assert_eq!(ask(&house, &house.viewer, turn(false)).await.status, 403);
    assert_eq!(ask(&house, &house.core, turn(false)).await.status, 403);
    assert_eq!(ask(&house, &house.operator, turn(true)).await.json()["changed"], false);
    assert_eq!(ask(&house, &house.operator, turn(false)).await.json()["changed"], true);
    let audit = ask(&house, &house.viewer, get("/admin/v1/audit")).await.json();
    assert_eq!(audit["items"].as_array().map(Vec::len), Some(1), "{audit}");
    let act = &audit["items"][0];
    assert_eq!((&act["what"], &act["who"]), (&json!("forwarder.switch"), &json!("op")));
    assert_eq!(
        (&act["before"]["on"], &act["after"]["on"]),
        (&json!(true), &json!(false))
    );
}
