//! Do the demo's core and page do what they promise, against a bridge that only looks like one?

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::{Value, json};

use super::{Core, PageOptions, Running, client, core::first, start_core, start_page};
use crate::secret::Secret;

const KEY: &[u8] = b"the demo's webhook key, 32 bytes";

type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// A stand-in that takes uploads and remembers what it was asked, with which token.
fn fake_bridge(asked: &Asked) -> Running {
    let data = web::Data::from(asked.clone());
    let server = HttpServer::new(move || {
        App::new().app_data(data.clone()).default_service(web::to(
            |request: HttpRequest, asked: web::Data<Mutex<Vec<_>>>| async move {
                let token = request.headers().get("authorization").map(|it| format!("{it:?}"));
                let told = (request.uri().to_string(), token.unwrap_or_default());
                asked.lock().expect("unpoisoned").push(told);
                HttpResponse::Created().json(json!({ "handle": "h-1" }))
            },
        ))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .expect("a free port");
    let address = first(server.addrs()).expect("an address");
    Running::spawn(address, server.run())
}

async fn core() -> Core {
    let secret = Secret::new(format!("whsec_{}", STANDARD.encode(KEY)));
    start_core("127.0.0.1:0", &secret).await.expect("it starts")
}

async fn offer(core: &Core, seq: u32, body: Value, key: &[u8]) -> (u16, String) {
    let mut data = json!({ "epoch": 1, "seq": seq, "conversation": { "key": "k" } });
    data.as_object_mut()
        .expect("an object")
        .extend(body.as_object().expect("an object").clone());
    let body = json!({ "specversion": "1.0", "data": data }).to_string();
    let now = chrono::Utc::now().timestamp().to_string();
    let signed = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, key),
        format!("e-1.{now}.{body}").as_bytes(),
    );
    let request = client()
        .expect("a client")
        .post(core.url())
        .header("webhook-id", "e-1")
        .header("webhook-timestamp", now)
        .header(
            "webhook-signature",
            format!("v1,bm9uZQ== v1,{}", STANDARD.encode(signed)),
        )
        .body(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

fn text(body: &str) -> Value {
    json!({ "message": { "parts": [{ "text": { "body": body } }] } })
}

#[tokio::test]
async fn the_core_echoes_once_and_ignores_what_it_had() {
    let core = core().await;
    assert_eq!(offer(&core, 1, text("在吗"), b"another key").await.0, 401);
    let echo = (200, r#"{"replies":[{"text":"在吗"}]}"#.to_owned());
    assert_eq!(offer(&core, 1, text("在吗"), KEY).await, echo);
    assert_eq!(
        offer(&core, 1, text("在吗"), KEY).await,
        echo,
        "the same event, the same answer"
    );
    assert_eq!(
        offer(&core, 2, json!({ "signal": { "type": "OTHER" } }), KEY).await,
        (200, String::new())
    );
    assert_eq!(
        offer(&core, 1, text("在吗"), KEY).await,
        (200, String::new()),
        "an old one is taken in silence"
    );
}

#[tokio::test]
async fn the_picture_is_uploaded_once() {
    let (core, asked) = (core().await, Asked::default());
    assert!(
        offer(&core, 1, text("图片"), KEY).await.1.contains("发不出来"),
        "no bridge yet"
    );
    let bridge = fake_bridge(&asked);
    core.connect(&bridge.url(), &Secret::new("core-token"));
    for seq in 2..4 {
        let (_, answer) = offer(&core, seq, text("图片"), KEY).await;
        assert_eq!(
            answer,
            r#"{"replies":[{"message":{"parts":[{"image":{"handle":"h-1"}}]}}]}"#
        );
    }
    let asked = asked.lock().expect("unpoisoned");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].0.starts_with("/v1/media") && asked[0].1.contains("core-token"));
}

#[test]
fn an_address_that_others_reach_is_warned_of() {
    for (address, quiet) in [
        ("127.0.0.1:80", true),
        ("[::1]:80", true),
        ("0.0.0.0:80", false),
        ("192.0.2.7:80", false),
        ("[::]:80", false),
    ] {
        assert_eq!(
            super::warning(address.parse().expect("an address")).is_empty(),
            quiet,
            "{address}"
        );
    }
}

#[tokio::test]
async fn the_page_forwards_with_its_own_token_and_to_its_own_host_only() {
    let asked = Asked::default();
    let bridge = fake_bridge(&asked);
    let page = start_page(PageOptions {
        listen: "127.0.0.1:0".to_owned(),
        bridge_url: bridge.url(),
        viewer_token: Secret::new("viewer-token"),
        sim_url: bridge.url(),
        phones: super::phones::phones(),
    })
    .await
    .expect("it starts");
    let http = client().expect("a client");
    let get = |path: &str, host: Option<&str>| {
        let request = http.get(format!("{}{path}", page.url()));
        let request = match host {
            Some(host) => request.header("host", host),
            None => request,
        };
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    assert_eq!(get("/", None).await, 200);
    assert_eq!(get("/demo.js", None).await, 200);
    assert_eq!(get("/config.json", None).await, 200);
    assert_eq!(get("/bridge/admin/v1/timeline?limit=5", None).await, 201);
    assert_eq!(get("/bridge/admin/v1/timeline", Some("evil.example")).await, 403);
    assert_eq!(get("/config.json", Some("evil.example")).await, 403);
    let post = http.post(format!("{}/bridge/v1/messages", page.url())).send();
    assert_eq!(post.await.expect("an answer").status(), 404);
    let crossed = http
        .post(format!("{}/sim/v1/clock", page.url()))
        .header("origin", "https://evil.example");
    assert_eq!(crossed.send().await.expect("an answer").status(), 403);
    let asked = asked.lock().expect("unpoisoned");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].0, "/admin/v1/timeline?limit=5");
    assert!(asked[0].1.contains("Bearer viewer-token"));
}
