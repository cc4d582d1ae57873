//! What a core asks.

use actix_web::{
    http::{Method, header},
    test::TestRequest,
};
use serde_json::{Value, json};

use super::{KEY, ask, get, message, post, view};
use crate::web::testing::House;

#[actix_web::test]
async fn a_message_is_accepted_previewed_or_waited_for() {
    let house = House::new().await;
    let body = json!({"conversationKey": "a", "text": "您好"});
    let sent = ask(&house, &house.core, post("/v1/messages", &body)).await;
    assert_eq!((sent.status, sent.json()["status"].as_str()), (202, Some("ACCEPTED")));
    let seen = ask(&house, &house.core, post("/v1/messages?preview=true", &body)).await;
    assert_eq!((seen.status, seen.json()["status"].as_str()), (200, None));
    let waited = ask(&house, &house.core, post("/v1/messages?wait=5s", &body)).await;
    assert_eq!((waited.status, waited.json()["status"].as_str()), (200, Some("FAILED")));
    let too_short = ask(&house, &house.core, post("/v1/messages?wait=0s", &body)).await;
    assert_eq!(too_short.status, 202);
    assert_eq!(house.parts.sent.lock().expect("lock").len(), 3);
}

#[actix_web::test]
async fn the_idempotency_key_is_the_client_message_id() {
    let house = House::new().await;
    let with = |key: &str, body: Value| post("/v1/messages", &body).insert_header(("Idempotency-Key", key.to_owned()));
    let bare = json!({"conversationKey": "a", "text": "x"});
    let named = json!({"conversationKey": "a", "text": "x", "clientMessageId": "c1"});
    for request in [
        with("c1", bare.clone()),
        with("\"c1\"", bare),
        with("c1", named.clone()),
    ] {
        assert_eq!(ask(&house, &house.core, request).await.json()["clientMessageId"], "c1");
    }
    assert_eq!(
        ask(&house, &house.core, with("c2", named)).await.code(),
        "INVALID_REQUEST"
    );
}

#[actix_web::test]
async fn a_conversation_is_found_by_its_key_as_it_is_and_encoded_once_more() {
    let house = House::new().await;
    house
        .store
        .views
        .lock()
        .expect("lock")
        .insert(KEY.into(), view("main", "shop-1"));
    for path in [
        KEY,
        "official_account%3Awx1%3Au%3Aa%252Fb",
        "official_account:wx1:u:a%2fb",
    ] {
        let answer = ask(&house, &house.core, get(&format!("/v1/conversations/{path}"))).await;
        assert_eq!(answer.status, 200, "{path}");
        let body = answer.json();
        assert_eq!(
            (&body["lastSeq"], &body["takenSeq"], &body["waitingSends"]),
            (&json!(7), &json!(5), &json!(1))
        );
    }
    for path in ["", "x", "official_account:wx1:u:a/b", "official_account:wx1:u:other"] {
        let answer = ask(&house, &house.core, get(&format!("/v1/conversations/{path}"))).await;
        assert_eq!(answer.code(), "NOT_FOUND", "{path}");
    }
}

#[actix_web::test]
async fn a_core_sees_neither_other_accounts_nor_other_cores_conversations() {
    let house = House::new().await;
    let path = format!("/v1/conversations/{KEY}");
    for (core, account, status) in [("main", "other", 403), ("second", "shop-1", 403), ("", "shop-1", 200)] {
        house
            .store
            .views
            .lock()
            .expect("lock")
            .insert(KEY.into(), view(core, account));
        assert_eq!(
            ask(&house, &house.core, get(&path)).await.status,
            status,
            "{core} {account}"
        );
        assert_eq!(ask(&house, &house.operator, get(&path)).await.status, 200);
    }
    assert_eq!(
        ask(&house, &house.core, get("/v1/accounts/other")).await.code(),
        "FORBIDDEN"
    );
    assert_eq!(
        ask(&house, &house.core, get("/v1/accounts/shop-9")).await.code(),
        "NOT_FOUND"
    );
    let by_client = get("/v1/messages?clientMessageId=c1&account=other");
    assert_eq!(ask(&house, &house.core, by_client).await.code(), "FORBIDDEN");
}

#[actix_web::test]
async fn a_message_is_read_by_either_id() {
    let house = House::new().await;
    house
        .store
        .messages
        .lock()
        .expect("lock")
        .push(message("shop-1").into());
    for uri in ["/v1/messages/m1", "/v1/messages?clientMessageId=c%2F1&account=shop-1"] {
        assert_eq!(
            ask(&house, &house.core, get(uri)).await.json()["status"],
            "SENT",
            "{uri}"
        );
    }
    assert_eq!(
        ask(&house, &house.core, get("/v1/messages/m2")).await.code(),
        "NOT_FOUND"
    );
    assert_eq!(
        ask(&house, &house.core, get("/v1/messages?account=shop-1"))
            .await
            .code(),
        "INVALID_REQUEST"
    );
    house.store.messages.lock().expect("lock")[0] = message("other").into();
    assert_eq!(
        ask(&house, &house.core, get("/v1/messages/m1")).await.code(),
        "FORBIDDEN"
    );
}

/// Ten bytes, handed in as they are.
fn picture() -> TestRequest {
    TestRequest::post()
        .uri("/v1/media?name=a.png")
        .insert_header((header::CONTENT_TYPE, "image/png"))
        .set_payload("0123456789")
}

#[actix_web::test]
async fn a_file_goes_in_raw_or_as_a_form() {
    let house = House::new().await;
    let raw = ask(&house, &house.core, picture()).await;
    assert_eq!(
        (raw.status, raw.json()["name"].as_str(), raw.json()["size"].as_str()),
        (201, Some("a.png"), Some("10"))
    );
    let curl = TestRequest::post()
        .uri("/v1/media?name=a.bin")
        .insert_header((header::CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .set_payload("0123456789");
    let curl = ask(&house, &house.core, curl).await;
    assert_eq!(
        (curl.status, curl.json()["mime"].as_str()),
        (201, Some("application/octet-stream"))
    );
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    let post_form = |body: String| {
        TestRequest::post()
            .uri("/v1/media")
            .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=b"))
            .set_payload(body)
    };
    let sent = ask(&house, &house.core, post_form(form.into())).await;
    assert_eq!((sent.status, sent.json()["mime"].as_str()), (201, Some("text/plain")));
    for bad in [
        "--b--\r\n".to_owned(),
        form.replace("\"file\"", "\"fiel\""),
        // What stands behind the file would be lost.
        form.replace(
            "--b--",
            "--b\r\nContent-Disposition: form-data; name=\"account\"\r\n\r\nshop\r\n--b--",
        ),
        form[..90].to_owned(),
    ] {
        assert_eq!(ask(&house, &house.core, post_form(bad)).await.code(), "INVALID_REQUEST");
    }
}

#[actix_web::test]
async fn a_file_comes_out_whole_or_in_parts() {
    let house = House::new().await;
    let raw = ask(&house, &house.core, picture()).await;
    let handle = raw.json()["handle"].as_str().unwrap_or_default().to_owned();
    let uri = format!("/v1/media/{handle}");
    let whole = ask(&house, &house.core, get(&uri)).await;
    assert_eq!((whole.status, whole.bytes.as_slice()), (200, &b"0123456789"[..]));
    assert_eq!(
        (whole.header("x-content-type-options"), whole.header("etag")),
        ("nosniff", "\"ab\"")
    );
    let part = ask(
        &house,
        &house.core,
        get(&uri).insert_header((header::RANGE, "bytes=2-4")),
    )
    .await;
    assert_eq!(
        (part.status, part.bytes.as_slice(), part.header("content-range")),
        (206, &b"234"[..], "bytes 2-4/10")
    );
    let beyond = ask(
        &house,
        &house.core,
        get(&uri).insert_header((header::RANGE, "bytes=10-")),
    )
    .await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */10"));
    for (same, status) in [("\"ab\"", 206), ("W/\"ab\"", 200), ("\"old\"", 200), ("*", 200)] {
        let ranged = get(&uri)
            .insert_header((header::RANGE, "bytes=2-4"))
            .insert_header((header::IF_RANGE, same));
        assert_eq!(ask(&house, &house.core, ranged).await.status, status, "{same}");
    }
    let head = TestRequest::default().method(Method::HEAD).uri(&uri);
    let head = head.insert_header((header::RANGE, "bytes=2-4"));
    let head = ask(&house, &house.core, head).await;
    assert_eq!(
        (head.status, head.bytes.len(), head.header("content-length")),
        (200, 0, "10")
    );
    assert_eq!(head.header("content-disposition"), "attachment; filename*=UTF-8''a.png");
    let known = ask(
        &house,
        &house.core,
        get(&uri).insert_header((header::IF_NONE_MATCH, "\"ab\"")),
    )
    .await;
    assert_eq!(known.status, 304);
    assert_eq!(
        ask(&house, &house.core, get("/v1/media/none")).await.code(),
        "NOT_FOUND"
    );
    let large = TestRequest::post()
        .uri("/v1/media")
        .insert_header((header::CONTENT_LENGTH, "209715201"));
    assert_eq!(ask(&house, &house.core, large).await.code(), "BODY_TOO_LARGE");
}

#[actix_web::test]
async fn an_entry_gets_a_short_name_or_the_one_asked_for_once() {
    let house = House::new().await;
    let entry = json!({"scene": "spring", "params": {"a": "b"}});
    let made = ask(&house, &house.core, post("/v1/entries", &entry)).await;
    let token = made.json()["token"].as_str().unwrap_or_default().to_owned();
    assert_eq!((made.status, token.len()), (201, 10));
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let asked = || post("/v1/entries?token=spring1&expires=2030-01-01T00:00:00Z", &entry);
    assert_eq!(
        ask(&house, &house.core, asked()).await.json()["expires"],
        "2030-01-01T00:00:00Z"
    );
    assert_eq!(ask(&house, &house.core, asked()).await.status, 201);
    let other = ask(
        &house,
        &house.core,
        post("/v1/entries?token=spring1", &json!({"scene": "x"})),
    )
    .await;
    assert_eq!((other.status, other.code().as_str()), (409, "IDEMPOTENCY_CONFLICT"));
    for query in [
        "token=",
        "token=a+b",
        "token=aaaaaaaaaaaaaaaaaaaaaaaaa",
        "expires=2020-01-01T00:00:00Z",
        "expires=soon",
    ] {
        let answer = ask(&house, &house.core, post(&format!("/v1/entries?{query}"), &entry)).await;
        assert_eq!(answer.code(), "INVALID_REQUEST", "{query}");
    }
}

#[actix_web::test]
async fn an_entry_that_no_link_may_be_is_refused_and_its_field_named() {
    let house = House::new().await;
    for (field, value) in [
        ("receptionMode", json!(7)),
        ("companyName", json!("x".repeat(300))),
        ("extraJson", json!("{bad")),
        ("transferAction", json!([1, 2, 3, 4, 5])),
        ("transferAction", json!([{ "deciId": 12_345_678_901_234_567_u64 }])),
    ] {
        let answer = ask(&house, &house.core, post("/v1/entries", &json!({ field: value }))).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "INVALID_REQUEST"),
            "{field}"
        );
        assert!(
            answer.json().to_string().contains(&format!("{field} ")),
            "{}",
            answer.json()
        );
    }
    let steps = json!({"transferAction": [{ "z": 1, "a": { "d": 4, "b": 2, "c": 3 }, "optionId": 3 }]});
    for _ in 0..8 {
        let again = ask(&house, &house.core, post("/v1/entries?token=steps", &steps)).await;
        assert_eq!(again.status, 201, "the same entry again");
    }
}

#[actix_web::test]
async fn a_record_names_a_type_and_a_conversation_that_the_core_serves() {
    let house = House::new().await;
    let record = |kind: &str, key: &str| {
        post(
            "/v1/records",
            &json!({ "type": kind, "content": { "a": 1 }, "conversationKey": key }),
        )
    };
    let taken = ask(&house, &house.core, record("summary", "")).await;
    assert_eq!((taken.status, &taken.json()["forwarders"]), (202, &json!(["archive"])));
    assert_eq!(taken.json()["id"], " {\"a\":1}");
    let raw = |content: String| {
        let body = format!("{{\"type\":\"summary\",\"conversationKey\":null,\"content\":{content}}}");
        let request = TestRequest::post().uri("/v1/records");
        request
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body)
    };
    let odd = r#"{"n":12345678901234567890123,"p":1.10,"none":null,"z":[null],"a":"\u00e9"}"#;
    let taken = ask(&house, &house.core, raw(odd.to_owned())).await;
    assert_eq!(taken.json()["id"], format!(" {odd}"), "letter by letter");
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(ask(&house, &house.core, raw(deep(90))).await.status, 202);
    for bad in [
        deep(200),
        deep(100_000),
        "[]".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
    ] {
        assert_eq!(ask(&house, &house.core, raw(bad)).await.code(), "INVALID_REQUEST");
    }
    assert_eq!(
        ask(&house, &house.core, record("gossip", "")).await.code(),
        "INVALID_REQUEST"
    );
    assert_eq!(
        ask(&house, &house.core, record("summary", KEY)).await.code(),
        "NOT_FOUND"
    );
    assert_eq!(
        ask(&house, &house.core, record("summary", "odd")).await.code(),
        "NOT_FOUND"
    );
    assert_eq!(ask(&house, &house.viewer, record("summary", "")).await.status, 403);
    assert_eq!(ask(&house, &house.borrower, record("summary", "")).await.status, 403);
    house
        .store
        .views
        .lock()
        .expect("lock")
        .insert(KEY.into(), view("other", "shop-1"));
    assert_eq!(
        ask(&house, &house.core, record("summary", KEY)).await.code(),
        "FORBIDDEN"
    );
}
