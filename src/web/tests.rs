//! The doors, asked over HTTP.

use actix_web::{
    App,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    http::{Method, header},
    test::{TestRequest, init_service, read_body, try_call_service},
};
use serde_json::{Value, json};

use super::{
    health, internal,
    testing::{House, NOW},
};
use crate::{
    conversation::State as Talk,
    ports::store::{ConversationId, Message, Parked, Quarantined, View},
    schema::v1,
};

struct Told {
    status: u16,
    headers: header::HeaderMap,
    bytes: Vec<u8>,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
    /// Every refusal is a problem with a code.
    fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.status
        );
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert!(body["title"].is_string() && body["detail"].is_string());
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

async fn ask(house: &House, token: &str, request: TestRequest) -> Told {
    let app = init_service(App::new().configure(internal(house.state.clone()))).await;
    let request = request.insert_header((header::HOST, "localhost:8081"));
    let request = match token {
        "" => request,
        token => request.insert_header((header::AUTHORIZATION, format!("Bearer {token}"))),
    };
    told(&app, request.to_request()).await
}

async fn told<R, S, B>(app: &S, request: R) -> Told
where
    S: Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let answer = match try_call_service(app, request).await {
        Ok(answer) => answer,
        Err(error) => panic!("a handler's error was not made a response: {error}"),
    };
    Told {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        bytes: read_body(answer).await.to_vec(),
    }
}

fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

fn post(uri: &str, body: &Value) -> TestRequest {
    TestRequest::post().uri(uri).set_json(body)
}

#[actix_web::test]
async fn no_token_a_wrong_one_and_the_wrong_scope_are_refused() {
    let house = House::new().await;
    let none = ask(&house, "", get("/v1/accounts")).await;
    assert_eq!((none.status, none.code().as_str()), (401, "UNAUTHENTICATED"));
    assert!(none.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(ask(&house, "wxb_wrong", get("/v1/nothing")).await.status, 401);
    for (token, uri, status) in [
        (&house.core, "/v1/accounts", 200),
        (&house.operator, "/v1/accounts", 200),
        (&house.viewer, "/v1/accounts", 200),
        (&house.core, "/admin/v1/accounts", 403),
        (&house.viewer, "/admin/v1/accounts", 200),
        (&house.operator, "/admin/v1/audit", 200),
    ] {
        assert_eq!(ask(&house, token, get(uri)).await.status, status, "{uri}");
    }
    let send = post("/v1/messages", &json!({"conversationKey": "a", "text": "x"}));
    assert_eq!(ask(&house, &house.viewer, send).await.code(), "FORBIDDEN");
}

#[actix_web::test]
async fn a_strange_host_is_turned_away_before_the_token_is_looked_at() {
    let house = House::new().await;
    let app = init_service(App::new().configure(internal(house.state.clone()))).await;
    let request = get("/v1/accounts").insert_header((header::HOST, "evil.example"));
    let answer = told(
        &app,
        request
            .insert_header((header::AUTHORIZATION, format!("Bearer {}", house.operator)))
            .to_request(),
    )
    .await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "FORBIDDEN"));
}

#[actix_web::test]
async fn every_refusal_is_a_problem() {
    let house = House::new().await;
    let op = &house.operator;
    assert_eq!(ask(&house, op, get("/v1/nowhere")).await.code(), "NOT_FOUND");
    assert_eq!(ask(&house, op, get("/nowhere")).await.code(), "NOT_FOUND");
    let method = ask(&house, op, TestRequest::delete().uri("/v1/messages")).await;
    assert_eq!(
        (method.status, method.code().as_str(), method.header("allow")),
        (405, "INVALID_REQUEST", "GET, POST")
    );
    let form = TestRequest::post()
        .uri("/v1/messages")
        .insert_header((header::CONTENT_TYPE, "text/xml"));
    assert_eq!(ask(&house, op, form.set_payload("<x/>")).await.status, 415);
    let packed = post("/v1/messages", &json!({})).insert_header((header::CONTENT_ENCODING, "gzip"));
    assert_eq!(ask(&house, op, packed).await.status, 415);
    let large = TestRequest::post().uri("/v1/messages").set_payload(vec![b' '; 5 << 20]);
    assert_eq!(ask(&house, op, large).await.code(), "BODY_TOO_LARGE");
    for body in ["", "{", "[]", "{\"text\":1}", "{\"txet\":\"x\"}", "\u{0}"] {
        let request = TestRequest::post().uri("/v1/messages").set_payload(body.to_owned());
        let answer = ask(&house, op, request).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "INVALID_REQUEST"),
            "{body:?}"
        );
    }
    let misspelt = post(
        "/v1/messages?previw=true",
        &json!({"conversationKey": "a", "text": "x"}),
    );
    assert_eq!(ask(&house, op, misspelt).await.code(), "INVALID_REQUEST");
    assert!(house.parts.sent.lock().expect("lock").is_empty());
}

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

const KEY: &str = "official_account:wx1:u:a%2Fb";

fn view(core: &str, account: &str) -> View {
    let account = v1::Account {
        id: account.into(),
        ..Default::default()
    };
    View {
        id: ConversationId(1),
        state: Talk {
            conversation: Some(v1::Conversation {
                key: KEY.into(),
                account: Some(account),
                ..Default::default()
            }),
            core: core.into(),
            seq: 7,
            ..Default::default()
        },
        taken_seq: 5,
        waiting_sends: 1,
    }
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

fn message(account: &str) -> Message {
    Message {
        row: 1,
        id: "m1".into(),
        account: account.into(),
        client_message_id: "c/1".into(),
        conversation: ConversationId(1),
        key: KEY.into(),
        request: v1::SendRequest::default(),
        answers: None,
        result: v1::SendResult {
            message_id: "m1".into(),
            status: v1::send_result::Status::Sent as i32,
            ..Default::default()
        },
        passive: None,
        pieces_done: 0,
        attempts: 1,
        created: NOW,
        next_attempt: NOW,
        not_after: NOW,
    }
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

#[actix_web::test]
async fn a_file_goes_in_raw_or_as_a_form_and_comes_out_in_parts() {
    let house = House::new().await;
    let raw = TestRequest::post()
        .uri("/v1/media?name=a.png")
        .insert_header((header::CONTENT_TYPE, "image/png"))
        .set_payload("0123456789");
    let raw = ask(&house, &house.core, raw).await;
    assert_eq!(
        (raw.status, raw.json()["name"].as_str(), raw.json()["size"].as_str()),
        (201, Some("a.png"), Some("10"))
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
        form[..90].to_owned(),
    ] {
        assert_eq!(ask(&house, &house.core, post_form(bad)).await.code(), "INVALID_REQUEST");
    }
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
    assert_eq!(beyond.status, 416);
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
    assert_eq!(list.json()["items"].as_array().map(Vec::len), Some(4));
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
    assert_eq!(ask(&house, op, act("quarantine/2/retry")).await.code(), "UNDECODABLE");
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
    let nobody = ask(
        &house,
        &house.operator,
        post("/admin/v1/replay", &json!({"core": "none"})),
    )
    .await;
    assert_eq!(nobody.code(), "INVALID_REQUEST");
    let backup = || TestRequest::post().uri("/admin/v1/backup");
    assert_eq!(ask(&house, &house.operator, backup()).await.bytes, b"all of it");
    assert_eq!(ask(&house, &house.viewer, backup()).await.code(), "FORBIDDEN");
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
    let cores = ask(&house, op, get("/admin/v1/cores")).await.json();
    assert_eq!(
        (&cores["items"][0]["backlogEvents"], &cores["items"][0]["ageSeconds"]),
        (&json!(3), &json!(5))
    );
    let zh = ask(&house, op, get("/admin/v1/doctor?lang=zh")).await.json();
    assert!(
        zh["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item["seen"] == "存储可以持久写入"))
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
            },
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
async fn probes_need_no_token_and_tell_the_stores_state() {
    let house = House::new().await;
    let app = init_service(App::new().configure(health(house.state.clone()))).await;
    for uri in ["/livez", "/readyz"] {
        assert_eq!(told(&app, get(uri).to_request()).await.status, 200, "{uri}");
        assert_eq!(
            told(&app, get(uri).method(Method::HEAD).to_request()).await.status,
            200,
            "{uri}"
        );
    }
    let metrics = told(&app, get("/metrics").to_request()).await;
    let text = String::from_utf8_lossy(&metrics.bytes);
    assert!(text.contains("wxbridge_backlog_events{core=\"main\"} 3"), "{text}");
    assert!(text.contains("wxbridge_backlog_age_seconds{core=\"main\"} 5"));
    assert_eq!(
        told(&app, TestRequest::post().uri("/livez").to_request()).await.status,
        405
    );
    assert_eq!(told(&app, get("/v1/accounts").to_request()).await.status, 404);
    let other = House::new().await;
    *other.store.broken.lock().expect("lock") = true;
    let app = init_service(App::new().configure(health(other.state.clone()))).await;
    let unready = told(&app, get("/readyz").to_request()).await;
    assert_eq!((unready.status, unready.code().as_str()), (503, "OVERLOADED"));
    assert_eq!(told(&app, get("/livez").to_request()).await.status, 200);
}
