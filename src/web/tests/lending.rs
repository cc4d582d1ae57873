//! What other systems of the company ask: the access token, so that nobody fetches one of its own.

use serde_json::json;

use super::{ask, get, post};
use crate::{error::Code, schema::v1, tokens::sha256_hex, web::testing::House};

const PATH: &str = "/v1/accounts/shop/access-token";

#[actix_web::test]
async fn the_token_is_lent_and_one_that_failed_is_replaced() {
    let house = House::new().await;
    house.bind();
    let lent = ask(&house, &house.borrower, post(PATH, &json!({}))).await;
    assert_eq!((lent.status, lent.header("cache-control")), (200, "no-store"));
    assert_eq!(
        lent.json(),
        json!({"accessToken": "AT1", "expiresAt": "2025-07-08T20:40:00Z"})
    );
    let failed = json!({"rejected": sha256_hex("AT1")});
    let next = ask(&house, &house.borrower, post(PATH, &failed)).await;
    assert_eq!(next.json()["accessToken"], "AT2");
    let bare = actix_web::test::TestRequest::post().uri(PATH);
    assert_eq!(ask(&house, &house.operator, bare).await.json()["accessToken"], "AT1");
    for bad in [
        json!({"rejected": "AT1"}),
        json!({"rejected": 1}),
        json!({"colour": "red"}),
    ] {
        let answer = ask(&house, &house.borrower, post(PATH, &bad)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "INVALID_REQUEST"),
            "{bad}"
        );
    }
}

#[actix_web::test]
async fn only_the_scope_token_and_operators_borrow_and_only_accounts_they_see() {
    let house = House::new().await;
    house.bind();
    for (token, path, status) in [
        ("", PATH, 401),
        (&house.core, PATH, 403),
        (&house.viewer, PATH, 403),
        (&house.borrower, "/v1/accounts/shop-9/access-token", 404),
        (&house.borrower, "/v1/accounts/other/access-token", 403),
        (&house.operator, "/v1/accounts/other/access-token", 404),
    ] {
        let answer = ask(&house, token, post(path, &json!({}))).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.code());
    }
    for path in ["/v1/accounts", "/v1/accounts/shop", "/admin/v1/accounts"] {
        assert_eq!(ask(&house, &house.borrower, get(path)).await.status, 403, "{path}");
    }
}

#[actix_web::test]
async fn the_audit_names_each_client_once_for_each_token_and_never_the_token() {
    let house = House::new().await;
    house.bind();
    for _ in 0..3 {
        ask(&house, &house.borrower, post(PATH, &json!({}))).await;
    }
    ask(&house, &house.operator, post(PATH, &json!({}))).await;
    let failed = json!({"rejected": sha256_hex("AT1")});
    ask(&house, &house.borrower, post(PATH, &failed)).await;
    let audit = ask(&house, &house.viewer, get("/admin/v1/audit")).await.json();
    let acts = audit["items"].as_array().cloned().unwrap_or_default();
    let who: Vec<_> = acts
        .iter()
        .filter(|act| act["what"] == "access-token.lend" && act["target"] == "shop")
        .map(|act| act["who"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(who, ["crm", "op", "crm"]);
    assert!(!audit.to_string().contains("AT1"));
}

#[actix_web::test]
async fn what_the_platform_refuses_is_said_with_its_code() {
    let house = House::new().await;
    house.bind();
    for (code, status) in [
        (Code::PlatformDown, 502),
        (Code::BadSecret, 409),
        (Code::IpNotAllowed, 409),
    ] {
        *house.parts.token.lock().expect("lock") = Some(v1::Error {
            code: code.name().into(),
            platform_code: 40125,
            platform_message: "invalid appsecret".into(),
            ..Default::default()
        });
        let answer = ask(&house, &house.borrower, post(PATH, &json!({}))).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code.name()));
        assert!(answer.json()["detail"].as_str().is_some_and(|it| it.contains("40125")));
    }
}

#[actix_web::test]
async fn a_client_that_asks_too_often_waits_and_the_others_do_not() {
    let house = House::new().await;
    house.bind();
    for _ in 0..600 {
        assert_eq!(ask(&house, &house.borrower, post(PATH, &json!({}))).await.status, 200);
    }
    let over = ask(&house, &house.borrower, post(PATH, &json!({}))).await;
    assert_eq!((over.status, over.code().as_str()), (429, "OVERLOADED"));
    let wait: u64 = over.header("retry-after").parse().expect("seconds");
    assert_eq!(ask(&house, &house.operator, post(PATH, &json!({}))).await.status, 200);
    house.clock.advance(std::time::Duration::from_secs(wait));
    assert_eq!(ask(&house, &house.borrower, post(PATH, &json!({}))).await.status, 200);
}
