//! One attempt through real sockets.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::{
    ports::core::Answer,
    schema::{Timestamp, v1},
    secret::Secret,
};

const KEYS: [&str; 2] = [
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];
const NOW: Millis = 1_752_000_000_456;

type Request = (Vec<(String, String)>, Vec<u8>);

/// An HTTP server that keeps what it got and answers as it is told.
async fn core_server(
    answer: impl Fn() -> HttpResponse + Send + Clone + 'static,
) -> (SocketAddr, Arc<Mutex<Vec<Request>>>) {
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let kept = seen.clone();
    let server = HttpServer::new(move || {
        let (kept, answer) = (kept.clone(), answer.clone());
        App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()));
            kept.lock().expect("lock").push((headers.collect(), body.to_vec()));
            let answer = answer();
            async move { answer }
        }))
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .expect("a free port");
    let at = server.addrs()[0];
    tokio::spawn(server.run());
    (at, seen)
}

fn core(url: String, timeout: Millis) -> Core {
    Core {
        url,
        secrets: KEYS.map(Secret::new).to_vec(),
        reply_budget: 0,
        timeout,
        ..Core::sample("main", Kind::Http)
    }
}

fn event() -> v1::Event {
    crate::core_link::testing::event(1, v1::Message::default())
}

async fn offer(core: &Core) -> Outcome {
    let link = HttpLink::new(&Cores([core.clone()].into())).expect("a lawful core");
    offer_by(&link, core).await
}

async fn offer_by(link: &HttpLink, core: &Core) -> Outcome {
    let event = event();
    let passive = Some(v1::PassiveWindow {
        deadline: Some(Timestamp::from_millis(NOW + 4_000)),
        ..Default::default()
    });
    let offer = Offer {
        event: &event.into(),
        attempt: 3,
        passive,
        replay: Some("r-1"),
        now: NOW,
    };
    link.offer(core, offer).await
}

#[tokio::test]
async fn a_request_is_what_the_contract_says_and_its_signature_holds() {
    let (at, seen) = core_server(|| HttpResponse::Ok().body(r#"{"replies":[{"text":"您好"}]}"#)).await;
    let outcome = offer(&core(format!("http://{at}/wxbridge?x=1"), 5_000)).await;
    let Outcome::Taken(Answer { replies, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(replies.len(), 1);

    let (headers, body) = seen.lock().expect("lock").remove(0);
    let header = |name: &str| headers.iter().find(|it| it.0 == name).map_or("", |it| it.1.as_str());
    assert_eq!(header("content-type"), "application/cloudevents+json");
    assert_eq!(header("webhook-id"), "0198-e");
    assert_eq!(header("webhook-timestamp"), "1752000000");
    assert_eq!(header("wxbridge-attempt"), "3");
    assert_eq!(header("wxbridge-reply-deadline"), "2025-07-08T18:40:04.456Z");
    assert_eq!(header("wxbridge-replay"), "r-1");
    assert_eq!(header("traceparent"), event().traceparent);

    // Computed the way a receiver would, from the key's text and the bytes received.
    let mut signed = format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&body);
    let expected = KEYS.map(|key| {
        let key = base64::engine::general_purpose::STANDARD
            .decode(&key[6..])
            .expect("base64");
        let tag = hmac_sha256(&key, &signed);
        format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(tag))
    });
    assert_eq!(header("webhook-signature"), expected.join(" "));
    let wrapped: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(wrapped["data"]["offer"]["attempt"], 3);
}

/// RFC 2104, written out: independent of the library that signs.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let sha = |parts: [&[u8]; 2]| {
        let digest = ring::digest::digest(&ring::digest::SHA256, &parts.concat());
        digest.as_ref().to_vec()
    };
    let pad = |with: u8| -> Vec<u8> {
        let padded = key.iter().copied().chain(std::iter::repeat(0));
        padded.take(64).map(|byte| byte ^ with).collect()
    };
    sha([&pad(0x5c), &sha([&pad(0x36), message])])
}

#[tokio::test]
async fn a_timeout_closes_the_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let closed = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut rest = Vec::new();
        // Ends only when the other side closes: nothing is ever answered.
        socket.read_to_end(&mut rest).await.map(|_| rest)
    });
    let outcome = offer(&core(format!("http://{at}/"), 200)).await;
    assert!(
        matches!(&outcome, Outcome::Failed { why, .. } if why.contains("200 ms")),
        "{outcome:?}"
    );
    let limit = tokio::time::timeout(Duration::from_secs(20), closed).await;
    let heard = limit
        .expect("the connection is closed")
        .expect("no panic")
        .expect("read");
    assert!(heard.starts_with(b"POST / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn nobody_there_means_down_and_a_broken_answer_does_not() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let free = listener.local_addr().expect("bound");
    drop(listener);
    let outcome = offer(&core(format!("http://{free}/"), 5_000)).await;
    assert!(matches!(outcome, Outcome::Down { .. }), "refused: {outcome:?}");
    let outcome = offer(&core("http://no-such-host.invalid/".into(), 5_000)).await;
    assert!(matches!(outcome, Outcome::Down { .. }), "DNS: {outcome:?}");

    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", "nonsense\r\n\r\n"] {
        let at = raw_server(answer).await;
        let outcome = offer(&core(format!("http://{at}/"), 5_000)).await;
        assert!(matches!(outcome, Outcome::Failed { .. }), "{answer:?}: {outcome:?}");
        let outcome = offer(&core(format!("https://{at}/"), 5_000)).await;
        assert!(matches!(outcome, Outcome::Down { .. }), "TLS to plain: {outcome:?}");
    }
}

/// Says `answer` to every connection and closes it.
async fn raw_server(answer: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut some = [0; 4_096];
            let _ = socket.read(&mut some).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    at
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_retry_after_is_read() {
    let (at, seen) = core_server(|| {
        HttpResponse::Found()
            .insert_header(("location", "/elsewhere"))
            .insert_header(("retry-after", "7"))
            .finish()
    })
    .await;
    let outcome = offer(&core(format!("http://{at}/"), 5_000)).await;
    assert!(
        matches!(outcome, Outcome::Down { after: Some(7_000), .. }),
        "{outcome:?}"
    );
    assert_eq!(seen.lock().expect("lock").len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_takes_the_event_and_is_not_read() {
    let long = "x".repeat(ANSWER_BYTES_MAX + 1);
    let (at, _) = core_server(move || HttpResponse::Ok().body(long.clone())).await;
    let outcome = offer(&core(format!("http://{at}/"), 20_000)).await;
    assert_eq!(outcome, Outcome::Taken(Answer::default()));
}

#[tokio::test]
async fn connections_are_used_again_also_after_a_refusal() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut some = [0; 8_192];
                // Requests here are small enough to arrive in one piece or two; the answer follows the body's end.
                while let Ok(count @ 1..) = socket.read(&mut some).await {
                    if some[..count].ends_with(b"}") {
                        let answer = b"HTTP/1.1 422 No\r\ncontent-length: 2\r\n\r\nno";
                        if socket.write_all(answer).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    let core = core(format!("http://{at}/"), 5_000);
    let link = HttpLink::new(&Cores([core.clone()].into())).expect("a lawful core");
    let limit = Instant::now() + Duration::from_secs(20);
    for _ in 0..5 {
        let outcome = offer_by(&link, &core).await;
        assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
        assert!(Instant::now() < limit);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// Answers each request with the next of `answers`; `true`: and closes the connection a moment later, unannounced.
async fn talker(answers: Vec<(&'static str, bool)>) -> (SocketAddr, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("[::1]:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let connections = Arc::new(AtomicUsize::new(0));
    let closed = Arc::new(AtomicUsize::new(0));
    let (counted, ended) = (connections.clone(), closed.clone());
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = Vec::new();
            while let Ok(1..) = socket.read_buf(&mut request).await {
                if !request.ends_with(b"}") {
                    continue;
                }
                request.clear();
                let Some((answer, closes)) = answers.next() else { return };
                let _ = socket.write_all(answer.as_bytes()).await;
                if closes {
                    break;
                }
            }
            drop(socket);
            ended.fetch_add(1, Ordering::SeqCst);
        }
    });
    (at, connections, closed)
}

#[tokio::test]
async fn answers_of_every_form_leave_the_connection_usable_over_ipv6_too() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                   b\r\n{\"replies\":\r\n10\r\n[{\"text\":\"hi\"}]}\r\n0\r\nx-trailer: y\r\n\r\n";
    let (at, connections, _) = talker(vec![
        ("HTTP/1.1 204 No Content\r\n\r\n", false),
        (chunked, false),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            false,
        ),
        (chunked, false),
    ])
    .await;
    let core = core(format!("http://{at}/"), 20_000);
    let link = HttpLink::new(&Cores([core.clone()].into())).expect("a lawful core");
    for replies in [0, 1, 0, 1] {
        let outcome = offer_by(&link, &core).await;
        let Outcome::Taken(answer) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(answer.replies.len(), replies);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_that_the_core_closed_meanwhile_costs_nothing() {
    let taken = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let closing = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let until_the_end = "HTTP/1.1 200 OK\r\n\r\n{}";
    let (at, connections, closed) = talker(vec![
        (taken, true),
        (closing, true),
        (until_the_end, true),
        (taken, false),
    ])
    .await;
    let core = core(format!("http://{at}/"), 20_000);
    let link = HttpLink::new(&Cores([core.clone()].into())).expect("a lawful core");
    for count in 1..=4 {
        let outcome = offer_by(&link, &core).await;
        assert_eq!(outcome, Outcome::Taken(Answer::default()));
        assert_eq!(connections.load(Ordering::SeqCst), count);
        // Our side hears of it when it next waits.
        while count < 4 && closed.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_the_url_says_of_a_user_reaches_the_core_and_no_fault() {
    let (at, seen) = core_server(|| HttpResponse::Ok().finish()).await;
    let outcome = offer(&core(format!("http://me:hunter2@{at}/?key=hunter2"), 5_000)).await;
    assert_eq!(outcome, Outcome::Taken(Answer::default()));
    let headers = seen.lock().expect("lock").remove(0).0;
    let authorization = headers.iter().find(|it| it.0 == "authorization");
    assert_eq!(authorization.map(|it| it.1.as_str()), Some("Basic bWU6aHVudGVyMg=="));
    for url in [
        "http://me:hunter2@127.0.0.1:1/?key=hunter2".to_owned(),
        "http://me:hunter2@no-such-host.invalid/?key=hunter2".to_owned(),
        format!("https://me:hunter2@{at}/?key=hunter2"),
        format!(
            "http://me:hunter2@{}/?key=hunter2",
            raw_server("nonsense\r\n\r\n").await
        ),
    ] {
        let outcome = offer(&core(url, 5_000)).await;
        assert!(
            !outcome.why().is_empty() && !outcome.why().contains("hunter2"),
            "{outcome:?}"
        );
    }
}

#[test]
fn what_cannot_be_reached_at_all_is_said_at_once() {
    for url in ["", "core.example", "ftp://core.example/", "http://"] {
        let core = core(url.into(), 1);
        let link = HttpLink::new(&Cores([core].into()));
        assert!(matches!(link, Err(LinkError::Url { .. })), "{url:?}");
    }
    let mut core = core("http://core.example/".into(), 1);
    core.secrets = vec![Secret::new("hunter2")];
    let Err(fault) = HttpLink::new(&Cores([core].into())) else {
        panic!("a bad key is a fault")
    };
    assert!(fault.to_string().contains("whsec_") && !fault.to_string().contains("hunter2"));
}
