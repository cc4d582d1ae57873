//! The doors, asked over HTTP.

mod accounts;
mod callbacks;
mod console;
mod core_api;
mod document;
mod lending;
mod open;
mod operators;
mod views;

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
    ports::store::{ConversationId, Message, View},
    schema::v1,
};

pub struct Told {
    pub status: u16,
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
    let request = request.to_request();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let answer = told(&app, request).await;
    if answer.status != 405 {
        document::hold(&method, &path, &answer);
    }
    answer
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
    assert_eq!(ask(&house, op, get("/v1/accounts/%ff")).await.code(), "NOT_FOUND");
    let read = ask(&house, op, get("/v1/accounts/shop/access-token")).await;
    assert_eq!((read.status, read.header("allow")), (405, "POST"));
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

#[actix_web::test]
async fn a_probe_hears_within_two_seconds_of_a_disk_that_does_not_answer() {
    let house = House::new().await;
    let app = init_service(App::new().configure(health(house.state.clone()))).await;
    *house.store.stalled.lock().expect("lock") = true;
    let probe = told(&app, get("/readyz").to_request());
    let both = async {
        tokio::join!(probe, async {
            house.clock.advance(std::time::Duration::from_secs(2));
        })
    };
    let both = tokio::time::timeout(std::time::Duration::from_secs(30), both).await;
    let (unready, ()) = both.expect("an answer");
    assert_eq!((unready.status, unready.code().as_str()), (503, "OVERLOADED"));
    *house.store.stalled.lock().expect("lock") = false;
    house.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(told(&app, get("/readyz").to_request()).await.status, 200);
}
