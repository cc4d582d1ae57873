//! What do operators ask of an open platform?

use serde_json::json;

use super::{ask, get, post};
use crate::web::testing::House;

#[actix_web::test]
async fn a_bind_link_is_given_once_and_noted_without_its_secret() {
    let house = House::new().await;
    let path = "/admin/v1/open/platform/bind-links";
    let wish = json!({ "account": "shop", "expires": "2026-01-31T08:00:00Z" });
    let made = ask(&house, &house.operator, post(path, &wish)).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["expires"], "2026-01-31T08:00:00Z");
    let url = made.json()["url"].as_str().unwrap_or_default().to_owned();
    assert!(
        url.starts_with("https://bridge.example.com/open/platform/bind?link="),
        "{url}"
    );
    let audit = ask(&house, &house.viewer, get("/admin/v1/audit?limit=1")).await.json();
    assert_eq!(audit["items"][0]["what"], "bind-link.create");
    assert!(!audit.to_string().contains("link="), "{audit}");
    for (who, path, wish, status) in [
        (&house.viewer, path, json!({ "account": "shop" }), 403),
        (&house.operator, path, json!({}), 400),
        (
            &house.operator,
            path,
            json!({ "account": "shop", "expires": "soon" }),
            400,
        ),
        (&house.operator, path, json!({ "account": "shop", "colour": 1 }), 400),
        (
            &house.operator,
            "/admin/v1/open/nobody/bind-links",
            json!({ "account": "shop" }),
            404,
        ),
    ] {
        assert_eq!(
            ask(&house, who, post(path, &wish)).await.status,
            status,
            "{path} {wish}"
        );
    }
}

#[actix_web::test]
async fn who_authorised_is_listed_page_by_page() {
    let house = House::new().await;
    let page = async |query: &str| {
        let path = format!("/admin/v1/open/platform/authorizers{query}");
        ask(&house, &house.viewer, get(&path)).await.json()
    };
    let first = page("?limit=1").await;
    assert_eq!(
        (&first["items"][0]["appId"], &first["next"]),
        (&json!("wx1"), &json!("wx1"))
    );
    let second = page("?limit=1&after=wx1").await;
    assert_eq!(
        (&second["items"][0]["appId"], &second["next"]),
        (&json!("wx2"), &json!(""))
    );
    let nobody = ask(&house, &house.viewer, get("/admin/v1/open/nobody/authorizers")).await;
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "NOT_FOUND"));
}
