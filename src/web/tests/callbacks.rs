//! The public listener, over real sockets.

use std::{sync::Arc, time::Duration};

use actix_web::{App, HttpServer, dev::ServerHandle, web::Data};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    inbound::testing::{House, Push, core, opened_xml, plain, sealed, settings, text, until},
    ports::turn::Windows as _,
    web::callback,
};

struct Door {
    house: Arc<House>,
    port: u16,
    server: ServerHandle,
}

impl Door {
    async fn open(budget: i64) -> Self {
        let house = House::new(settings(), vec![core(budget)]).await;
        let inbound = Data::from(house.inbound.clone());
        let server = HttpServer::new(move || App::new().configure(callback(inbound.clone())))
            .workers(1)
            .h1_allow_half_closed(false)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .expect("a free port");
        let port = server.addrs()[0].port();
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            house,
            port,
            server: handle,
        }
    }

    async fn connect(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected");
        // A refusal may come before everything is written.
        let _ = stream.write_all(request).await;
        stream
    }

    /// Status, headers in lower case, and body.
    async fn ask(&self, request: &[u8]) -> (u16, String, String) {
        read(self.connect(request).await).await
    }

    async fn get(&self, target: &str) -> (u16, String, String) {
        self.ask(format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes())
            .await
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // Stops when it is next polled; the test does not wait for it.
        drop(self.server.stop(false));
    }
}

async fn read(mut stream: TcpStream) -> (u16, String, String) {
    let mut bytes = Vec::new();
    let all = stream.read_to_end(&mut bytes);
    // An answer before the end of a body may be followed by a reset.
    let _ = tokio::time::timeout(Duration::from_secs(10), all)
        .await
        .expect("an answer in time");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn request(push: &Push, extra: &str) -> Vec<u8> {
    format!(
        "POST /callback/shop?{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{extra}content-length: {}\r\n\r\n{}",
        push.query,
        push.body.len(),
        push.body
    )
    .into_bytes()
}

#[actix_web::test]
async fn callbacks_are_there_and_nothing_else() {
    let door = Door::open(0).await;
    let (status, head, body) = door.ask(&request(&sealed(&text(1, "hi"), "n1"), "")).await;
    assert_eq!((status, body.as_str()), (200, "success"), "{head}");
    let (status, head, body) = door
        .get(&format!("/callback/shop?{}&echostr=4242", plain("", "n2").query))
        .await;
    assert_eq!((status, body.as_str()), (200, "4242"));
    assert!(head.contains("content-type: text/plain"), "{head}");
    for target in [
        "/",
        "/callback",
        "/callback/",
        "/callback/shop/",
        "/callback/shop/x",
        "/livez",
        "/v1/accounts",
        "/callback/nobody",
    ] {
        let (status, _, body) = door.get(target).await;
        assert_eq!((status, body.as_str()), (404, ""), "{target}");
    }
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"] {
        let asked = format!("{method} /callback/shop HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let (status, head, body) = door.ask(asked.as_bytes()).await;
        assert_eq!((status, body.as_str()), (405, ""), "{method}");
        assert!(head.contains("allow: get, post"), "{head}");
    }
    let strangers = door.house.observer.refusals.of("");
    let told: Vec<_> = strangers.iter().map(|refusal| refusal.detail.as_str()).collect();
    assert_eq!(told, ["no account \"nobody\" is bound (from 127.0.0.1)"]);
}

#[actix_web::test]
async fn the_operator_hears_from_where_a_refused_callback_came() {
    let door = Door::open(0).await;
    let forged = Push {
        query: sealed(&text(1, "hi"), "n1")
            .query
            .replace("msg_signature=", "msg_signature=0"),
        ..sealed(&text(1, "hi"), "n1")
    };
    let (status, _, _) = door
        .ask(&request(&forged, "x-forwarded-for: 6.6.6.6, 203.0.113.9\r\n"))
        .await;
    assert_eq!(status, 403);
    let refused = door.house.observer.refusals.of("shop");
    assert!(
        refused[0].detail.ends_with("(from 203.0.113.9)"),
        "{}",
        refused[0].detail
    );
}

#[actix_web::test]
async fn what_is_not_fit_is_refused_before_it_is_parsed() {
    let door = Door::open(0).await;
    let push = |body: &str| Push {
        body: body.to_owned(),
        ..sealed(&text(1, "hi"), "n1")
    };
    let large = "<".repeat(1024 * 1024 + 1);
    for (status, push, extra) in [
        (413, push(&large), ""),
        (415, push("<xml/>"), "content-encoding: gzip\r\n"),
        (415, push("<xml/>"), "content-encoding: identity\r\n"),
        (400, push(""), ""),
        (400, push("  hello"), ""),
        (403, push("<xml><a>1</a></xml>"), ""),
        (
            400,
            push("<!DOCTYPE x [<!ENTITY e \"e\">]><xml><Encrypt>x</Encrypt></xml>"),
            "",
        ),
    ] {
        let (found, _, body) = door.ask(&request(&push, extra)).await;
        assert_eq!((found, body.as_str()), (status, ""), "{:.40} {extra}", push.body);
    }
    let chunked = format!(
        "POST /callback/shop HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{0:x}\r\n{large}\r\n0\r\n\r\n",
        large.len()
    );
    assert_eq!(door.ask(chunked.as_bytes()).await.0, 413);
    let codes: Vec<&str> = door
        .house
        .observer
        .refusals
        .of("shop")
        .iter()
        .map(|it| it.code.name())
        .collect();
    assert_eq!(
        codes,
        ["PLAINTEXT_REFUSED", "UNDECODABLE", "BODY_TOO_LARGE", "FORBIDDEN_XML"]
    );
    assert!(door.house.heard().is_empty());
}

#[actix_web::test]
async fn a_body_in_pieces_is_one_body() {
    let door = Door::open(0).await;
    let push = sealed(&text(1, &"long ".repeat(20_000)), "n1");
    let bytes = request(&push, "");
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let mut stream = door.connect(head).await;
    tokio::task::yield_now().await;
    stream.write_all(tail).await.expect("written");
    assert_eq!(read(stream).await.2, "success");
    assert_eq!(door.house.heard().len(), 1);
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let door = Door::open(0).await;
    let push = sealed(&text(1, "hi"), "n1");
    let bytes = request(&push, "");
    let stream = door.connect(&bytes[..bytes.len() - 10]).await;
    let answer = tokio::spawn(read(stream));
    // The clock stands still until the request is there.
    let advance = async {
        while !answer.is_finished() {
            door.house.advance(4_500);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), advance)
        .await
        .expect("answered");
    assert_eq!(answer.await.expect("answered").0, 503);
}

#[actix_web::test]
async fn a_platform_that_hangs_up_ends_its_attempt_and_gets_the_kept_answer_next_time() {
    let door = Door::open(4_000).await;
    let house = &door.house;
    let stream = door.connect(&request(&sealed(&text(1, "hi"), "n1"), "")).await;
    let stored = house.event(1).await;
    assert!(house.windows.look(&stored.event.id).is_some());
    drop(stream);
    until("the attempt ends", || house.windows.look(&stored.event.id).is_none()).await;
    let text_of_metrics = house.observer.metrics.render();
    assert!(
        text_of_metrics.contains(r#"wxbridge_callbacks_total{answer="closed",channel="official_account"} 1"#),
        "{text_of_metrics}"
    );
    house.core_says(&stored, &["hello"]).await;
    let (status, head, body) = door.ask(&request(&sealed(&text(1, "hi"), "n2"), "")).await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/xml"));
    assert!(opened_xml(body.as_bytes()).1.contains("hello"));
}

#[actix_web::test]
async fn an_open_request_gets_the_answer_over_the_wire() {
    let door = Door::open(4_000).await;
    let stream = door
        .connect(&request(
            &sealed(&text(1, "hi"), "n1"),
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        ))
        .await;
    let stored = door.house.event(1).await;
    let ours = stored.event.traceparent.clone();
    assert!(ours.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && ours.ends_with("-01"));
    assert!(!ours.contains("b7ad6b7169203331"), "a span of our own");
    door.house.core_says(&stored, &["hello"]).await;
    let (status, _, body) = read(stream).await;
    assert_eq!(status, 200);
    assert!(opened_xml(body.as_bytes()).1.contains("hello"));
}
