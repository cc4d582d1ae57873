//! What operators look up: what was said, the last day, who did what.

use serde_json::json;

use super::{ask, get, message, post, view};
use crate::{ports::store::Message, schema::v1, web::testing::House};

#[actix_web::test]
async fn a_customer_or_an_id_leads_to_what_was_said() {
    let house = House::new().await;
    house.bind();
    let key = "official_account:wx0123456789abcdef:u:oCustomer";
    let mut talk = view("main", "shop");
    if let Some(conversation) = &mut talk.state.conversation {
        conversation.customer = Some(v1::Identity {
            display_name: "<b>Ann</b>".into(),
            ..Default::default()
        });
    }
    house.store.views.lock().expect("lock").insert(key.into(), talk);
    house.store.messages.lock().expect("lock").push(
        Message {
            key: key.into(),
            ..message("shop")
        }
        .into(),
    );
    let search = async |wanted: &str| {
        let query: String = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect();
        ask(&house, &house.viewer, get(&format!("/admin/v1/search?q={query}"))).await
    };
    for wanted in ["oCustomer", key] {
        let found = search(wanted).await.json();
        assert_eq!(found["items"][0]["kind"], "conversation", "{wanted}: {found}");
        assert_eq!(
            (&found["items"][0]["conversationKey"], &found["items"][0]["name"]),
            (&json!(key), &json!("<b>Ann</b>"))
        );
    }
    let found = search("m1").await.json();
    assert_eq!(
        (&found["items"][0]["kind"], &found["items"][0]["messageId"]),
        (&json!("message"), &json!("m1"))
    );
    assert_eq!(search("nobody").await.json()["items"], json!([]));
    for bad in ["", "  ", &"x".repeat(257)] {
        assert_eq!(search(bad).await.code(), "INVALID_REQUEST");
    }
}

#[actix_web::test]
async fn the_last_day_is_drawn_and_added_up() {
    let house = House::new().await;
    let observer = &house.state.observer;
    for (answer, millis) in [("success", 3.0), ("passive", 900.0), ("unavailable", 1.0)] {
        observer.callback_answered("shop", "official_account", answer, millis, None);
    }
    observer.send_settled("official_account", "CUSTOMER_SERVICE", "FAILED");
    let today = ask(&house, &house.viewer, get("/admin/v1/today")).await.json();
    let expected = json!({
        "callbacks": 3, "unanswered": 1, "failed": 1, "waiting": 3, "parked": 0, "quarantined": 0,
    });
    assert_eq!(today, expected);
    for name in ["callbacks", "answer-times", "sends", "backlog-age"] {
        let uri = format!("/admin/v1/charts/{name}?width=320&theme=dark&lang=zh&zone=480");
        let drawn = ask(&house, &house.viewer, get(&uri)).await;
        assert_eq!(
            (drawn.status, drawn.header("content-type")),
            (200, "image/svg+xml"),
            "{name}"
        );
        assert!(drawn.header("content-security-policy").contains("sandbox"));
        assert!(drawn.bytes.starts_with(b"<svg"), "{name}");
    }
    assert_eq!(
        ask(&house, &house.viewer, get("/admin/v1/charts/none")).await.code(),
        "NOT_FOUND"
    );
    for bad in ["width=9", "width=x", "theme=pink", "zone=9999"] {
        let uri = format!("/admin/v1/charts/sends?{bad}");
        assert_eq!(
            ask(&house, &house.viewer, get(&uri)).await.code(),
            "INVALID_REQUEST",
            "{bad}"
        );
    }
}

#[actix_web::test]
async fn the_audit_log_is_exported_whole_and_every_change_of_it_shows() {
    let house = House::new().await;
    for id in ["a", "b"] {
        ask(
            &house,
            &house.operator,
            post("/admin/v1/accounts", &json!({"account": [{"id": id}]})),
        )
        .await;
    }
    let verified = ask(&house, &house.viewer, get("/admin/v1/audit/verify")).await.json();
    assert_eq!(
        (&verified["whole"], &verified["last"]),
        (&json!(true), &json!(2)),
        "{verified}"
    );
    let export = ask(&house, &house.viewer, get("/admin/v1/audit/export")).await;
    assert_eq!(
        (export.status, export.header("content-type")),
        (200, "application/x-ndjson")
    );
    let lines: Vec<crate::audit::Act> = String::from_utf8_lossy(&export.bytes)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect();
    assert!(crate::audit::chain::verify(&lines, None).whole);
    assert_eq!(verified["lastHash"], lines[1].hash.as_str());
    let stolen = crate::ports::store::RecordWrite::Delete {
        space: "audit",
        key: format!("{:020}", 2),
    };
    crate::ports::store::Store::write_records(&*house.store, vec![stolen])
        .await
        .expect("written");
    let verified = ask(&house, &house.viewer, get("/admin/v1/audit/verify")).await.json();
    assert_eq!(
        (&verified["whole"], &verified["fault"]),
        (&json!(false), &json!("the log ends at record 1, not at 2"))
    );
}
