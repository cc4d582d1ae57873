//! How do operators enter, change, pause and look at accounts?

use actix_web::{http::header, test::TestRequest};
use serde_json::json;

use super::{ask, get, post};
use crate::web::testing::{House, NOW};

#[actix_web::test]
async fn accounts_are_applied_as_toml_or_json_and_faults_come_all_at_once() {
    let house = House::new().await;
    let op = &house.operator;
    let toml = TestRequest::post()
        .uri("/admin/v1/accounts?prune=true")
        .set_payload("[[account]]\nid = \"shop\"\n");
    let done = ask(&house, op, toml).await;
    assert_eq!(
        done.json(),
        json!({"created": ["shop"], "updated": [], "unchanged": [], "removed": []})
    );
    assert_eq!(
        ask(&house, op, post("/admin/v1/accounts", &json!({"account": []})))
            .await
            .status,
        200
    );
    let bad = ask(
        &house,
        op,
        TestRequest::post().uri("/admin/v1/accounts").set_payload("bad"),
    )
    .await;
    assert_eq!(bad.code(), "INVALID_REQUEST");
    assert_eq!(bad.json()["detail"], "first fault\nsecond fault");
    assert_eq!(
        ask(&house, op, TestRequest::delete().uri("/admin/v1/accounts/none"))
            .await
            .code(),
        "NOT_FOUND"
    );
    let nothing = ask(&house, op, post("/admin/v1/accounts/shop/rotate", &json!({}))).await;
    assert_eq!(nothing.code(), "INVALID_REQUEST");
}

#[actix_web::test]
async fn a_change_says_what_changes_alone_and_stars_are_no_value() {
    let house = House::new().await;
    house.bind();
    let change = |id: &str, body: &'static str| {
        TestRequest::patch()
            .uri(&format!("/admin/v1/accounts/{id}"))
            .insert_header((header::CONTENT_TYPE, "application/merge-patch+json"))
            .set_payload(body)
    };
    let op = &house.operator;
    let done = ask(&house, op, change("shop", r#"{"app_id":"wx2"}"#)).await;
    assert_eq!((done.status, &done.json()["account"]["id"]), (200, &json!("shop")));
    let acts = ask(&house, op, get("/admin/v1/audit")).await.json();
    assert_eq!(acts["items"][0]["what"], "account.update", "{acts}");
    let null = ask(&house, op, change("shop", r#"{"app_id":null}"#)).await;
    assert_eq!(null.json()["detail"], "app_id: found nothing", "it takes out");
    for (body, name) in [
        (r#"{"app_secret":"****ef"}"#, "app_secret"),
        (r#"{"previous":{"token":"****23"}}"#, "token"),
        (r#"{"passthrough":{"url":"http://old.example/?t=****sh"}}"#, "url"),
    ] {
        let stars = ask(&house, op, change("shop", body)).await;
        let detail = stars.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(
            stars.status == 400 && detail.starts_with(&format!("{name}: found stars")),
            "{detail}"
        );
    }
    let twice = ask(&house, op, change("shop", r#"{"app_id":"a","app_id":"b"}"#)).await;
    assert_eq!(twice.code(), "INVALID_REQUEST");
    assert_eq!(ask(&house, op, change("none", "{}")).await.code(), "NOT_FOUND");
    assert_eq!(
        ask(&house, &house.viewer, change("shop", "{}")).await.code(),
        "FORBIDDEN"
    );
}

#[actix_web::test]
async fn what_an_account_was_bound_with_is_read_without_its_secrets() {
    let house = House::new().await;
    house.bind();
    let read = ask(&house, &house.viewer, get("/admin/v1/accounts/shop/settings")).await;
    let settings = read.json();
    assert_eq!(
        (&settings["app_id"], &settings["token"]),
        (&json!("wx0123456789abcdef"), &json!("****23"))
    );
    let text = String::from_utf8_lossy(&read.bytes);
    assert!(
        !text.contains("token123") && !text.contains("0123456789abcdef0123"),
        "{text}"
    );
    let none = ask(&house, &house.viewer, get("/admin/v1/accounts/none/settings")).await;
    assert_eq!(none.code(), "NOT_FOUND");
}

#[actix_web::test]
async fn the_old_system_s_password_is_not_told_in_the_refusal() {
    let house = House::new().await;
    house.bind();
    let wish = json!({ "mode": "tee", "url": "http://u:hush@old.example/" });
    let refused = ask(
        &house,
        &house.operator,
        post("/admin/v1/accounts/shop/passthrough", &wish),
    )
    .await;
    let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(
        detail.starts_with("url is \"http://***@old.example/\", expected"),
        "{detail}"
    );
}

#[actix_web::test]
async fn an_account_is_paused_by_operators_alone_and_its_view_and_the_audit_say_so() {
    let house = House::new().await;
    house.bind();
    let act = |id: &str, what: &str| TestRequest::post().uri(&format!("/admin/v1/accounts/{id}/{what}"));
    for what in ["pause", "resume"] {
        let refused = ask(&house, &house.viewer, act("shop", what)).await;
        assert_eq!(refused.code(), "FORBIDDEN");
        assert_eq!(
            ask(&house, &house.operator, act("none", what)).await.code(),
            "NOT_FOUND"
        );
    }
    house.state.registry.note_paused("shop", Some(NOW));
    let paused = ask(&house, &house.operator, act("shop", "pause")).await;
    assert_eq!(paused.status, 200);
    assert!(paused.json()["pausedSince"].is_string(), "{}", paused.json());
    let all = ask(&house, &house.operator, get("/admin/v1/accounts")).await.json();
    assert!(all["items"][0]["pausedSince"].is_string(), "{all}");
    // The second changes nothing, and stands nowhere.
    assert_eq!(ask(&house, &house.operator, act("shop", "resume")).await.status, 200);
    let audit = ask(&house, &house.operator, get("/admin/v1/audit")).await.json();
    let whats: Vec<&str> = audit["items"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it["what"].as_str())
        .collect();
    assert_eq!(whats, ["account.pause"]);
    assert_eq!(audit["items"][0]["after"], json!({ "paused": true }));
}
