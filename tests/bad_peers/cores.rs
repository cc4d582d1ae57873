//! Cores that answer garbage, and cores that take a connection and read nothing.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tonic::{
    body::Body,
    server::NamedService,
    transport::{Server, server::TcpIncoming},
};

use crate::{
    assert_quiet, resident,
    support::{
        bridge::{Bridge, Setup},
        core::{Core, Said},
        grpc::{self, GrpcCore},
        papers::Papers,
        peer::Shop,
        raw, until,
    },
};

const CUSTOMERS: usize = 20;

/// Each customer says something; the platform is answered whatever the core does.
async fn all_say(bridge: &Bridge, shop: &Shop, round: usize) {
    for customer in 0..CUSTOMERS {
        let who = format!("o{customer}");
        assert_eq!(bridge.text(shop, &who, &format!("{who} {round}")).await.0, 200);
    }
}

/// What each customer said, in order.
fn assert_all(texts: &[String], rounds: std::ops::Range<usize>) {
    for customer in 0..CUSTOMERS {
        let who = format!("o{customer} ");
        let said: Vec<_> = texts.iter().filter(|text| text.starts_with(&who)).cloned().collect();
        let wanted: Vec<_> = rounds.clone().map(|round| format!("{who}{round}")).collect();
        assert_eq!(said, wanted);
    }
}

async fn house(kind: &str, address: SocketAddr) -> (Bridge, Shop) {
    let lines = format!("kind = \"{kind}\"\nreply_budget = \"0s\"\ntimeout = \"1s\"");
    let path = if kind == "http" { "/wxbridge" } else { "" };
    let setup = Setup::new().and_core("main", &format!("http://{address}{path}"), &lines);
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    (bridge, shop)
}

/// So many lines say that an attempt failed.
async fn fails(bridge: &Bridge, times: usize) {
    until("attempts that failed", async || {
        let log = bridge.log();
        let lines = log.lines().filter(|line| line.contains("\"WARN\""));
        (lines.count() >= times).then_some(())
    })
    .await;
}

/// The right core comes to the address of the wrong one, and hears everything that none had taken.
async fn mended(kind: &str, address: SocketAddr, count: usize) -> Vec<String> {
    let listener = until("the core's port", async || std::net::TcpListener::bind(address).ok()).await;
    drop(listener);
    if kind == "http" {
        let core = Core::on(&address.to_string(), None, |_| Said::taken());
        return until("everything", async || {
            let texts = core.texts();
            (texts.len() >= count).then_some(texts)
        })
        .await;
    }
    let core = GrpcCore::at(address, |_| grpc::Said::taken());
    until("everything", async || {
        let texts = core.texts();
        (texts.len() >= count).then_some(texts)
    })
    .await
}

/// A server that answers every request with these bytes and closes.
async fn says(bytes: Vec<u8>) -> (SocketAddr, JoinHandle<()>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    let served = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream, bytes.clone()));
        }
    });
    (address, served, asked)
}

async fn answer(mut stream: TcpStream, bytes: Vec<u8>) {
    // All of it: who answers sooner may break the connection.
    let mut heard = Vec::new();
    while !raw::is_whole(&heard) && stream.read_buf(&mut heard).await.is_ok_and(|count| count > 0) {}
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
}

fn http(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_2xx_takes_the_event_whatever_is_in_it() {
    let deep = b"[".repeat(200_000);
    let long = vec![b'x'; 3 << 20];
    // Each bad reply is told as one event, and what is bad in the answer to that is not told again.
    for (name, bad, body) in [
        ("bytes", 0, &b"\x00\xff\xfe{{{"[..]),
        ("a page", 0, b"<html><body>It works!</body></html>"),
        ("depth", 0, &deep),
        ("length", 0, &long),
        ("types", 1, br#"{"replies":{"text":7},"results":"x","keepWindow":"y"}"#),
        ("replies", 3, br#"{"replies":[{"text":7},null,{"route":"FLY"}]}"#),
    ] {
        let (address, served, asked) = says(http(body)).await;
        let (bridge, shop) = house("http", address).await;
        all_say(&bridge, &shop, 0).await;
        until(&format!("{name}: each is taken once"), async || {
            (bridge.metric("wxbridge_backlog_events{core=\"main\"}").await < 0.5
                && asked.load(Ordering::SeqCst) >= CUSTOMERS * (1 + bad))
                .then_some(())
        })
        .await;
        assert_eq!(asked.load(Ordering::SeqCst), CUSTOMERS * (1 + bad), "{name}");
        assert_quiet(&bridge.log());
        served.abort();
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_no_http_takes_nothing() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"replies\":[".to_vec(),
        b"\x15\x03\x01\x00\x02\x02\x50".to_vec(),
        Vec::new(),
    ] {
        let (address, served, _) = says(bytes).await;
        let (bridge, shop) = house("http", address).await;
        all_say(&bridge, &shop, 0).await;
        fails(&bridge, 3).await;
        served.abort();
        let _ = served.await;
        all_say(&bridge, &shop, 1).await;
        assert_all(&mended("http", address, 2 * CUSTOMERS).await, 0..2);
        assert_quiet(&bridge.log());
    }
}

/// A gRPC server whose every answer is these bytes.
#[derive(Clone)]
struct Garbage(&'static [u8]);

impl NamedService for Garbage {
    const NAME: &'static str = "wxbridge.v1.Core";
}

impl tower_service::Service<http::Request<Body>> for Garbage {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        let body = grpc::whole(self.0.to_vec());
        let answer = http::Response::builder()
            .header("content-type", "application/grpc")
            .body(body);
        ready(Ok(answer.unwrap()))
    }
}

/// Such a server, in a runtime of its own: its connections end with it.
fn garbled(garbage: &'static [u8]) -> (SocketAddr, Runtime) {
    let runtime = grpc::runtime();
    let within = runtime.enter();
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = incoming.local_addr().unwrap();
    drop(within);
    runtime.spawn(async move {
        let served = Server::builder().serve_with_incoming(Garbage(garbage), incoming);
        served.await.unwrap();
    });
    (address, runtime)
}

#[tokio::test]
async fn a_grpc_core_that_answers_garbage_takes_nothing() {
    for garbage in [
        // No frame, a frame that is longer than it says, a message that is none, a compressed one.
        &b"It works!"[..],
        b"\x00\x00\x00\xff\xff\x0a",
        b"\x00\x00\x00\x00\x03\xff\xff\xff",
        b"\x01\x00\x00\x00\x02\x1f\x8b",
        b"",
    ] {
        let (address, server) = garbled(garbage);
        let (bridge, shop) = house("grpc", address).await;
        all_say(&bridge, &shop, 0).await;
        fails(&bridge, 2).await;
        let cores = bridge.get("/admin/v1/cores").await;
        let error = cores["items"][0]["lastError"].as_str().unwrap();
        assert!(error.starts_with("the answer cannot be read: "), "{garbage:?}: {error}");
        server.shutdown_background();
        let texts = mended("grpc", address, CUSTOMERS).await;
        assert_all(&texts, 0..1);
        assert_quiet(&bridge.log());
    }
}

#[tokio::test]
async fn a_core_that_takes_the_connection_and_reads_nothing_loses_nothing_and_costs_little() {
    for kind in ["http", "grpc"] {
        let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = deaf.local_addr().unwrap();
        let (bridge, shop) = house(kind, address).await;
        all_say(&bridge, &shop, 0).await;
        let before = resident(bridge.pid());
        for round in 1..20 {
            all_say(&bridge, &shop, round).await;
        }
        fails(&bridge, 2).await;
        let grown = resident(bridge.pid()).saturating_sub(before);
        assert!(grown < 32, "{kind}: {grown} MiB");
        drop(deaf);
        assert_all(&mended(kind, address, 20 * CUSTOMERS).await, 0..20);
        assert_quiet(&bridge.log());
    }
}

#[tokio::test]
async fn a_core_behind_tls_that_wants_a_certificate_of_ours_over_http_is_down() {
    let papers = Papers::new();
    let mut tls = ServerConfig::clone(&papers.server());
    tls.alpn_protocols = Vec::new();
    let (tls, listener) = (
        TlsAcceptor::from(Arc::new(tls)),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let url = format!("https://localhost:{}/wxbridge", listener.local_addr().unwrap().port());
    let refuses = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            assert!(tls.accept(stream).await.is_err());
        }
    });
    let trusting = format!("SSL_CERT_FILE={}", papers.file("ca.pem"));
    let setup = Setup::new().before(&["env", &trusting]);
    let bridge = Bridge::start(setup.and_core("main", &url, "reply_budget = \"0s\"")).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    assert_eq!(bridge.text(&shop, "o1", "x").await.0, 200);
    until("the core down", async || {
        let cores = bridge.get("/admin/v1/cores").await;
        let core = &cores["items"][0];
        println!("{core}");
        (core["state"] == "down").then_some(())
    })
    .await;
    refuses.abort();
}
