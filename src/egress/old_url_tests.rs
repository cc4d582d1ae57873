//! Does the system before us hear what the platform said, and nobody else?

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::Mutex,
};

use super::*;
use crate::egress::Limits;

/// Answers every request with `answer` (nothing at all if it is empty); what it heard.
async fn server(answer: &'static [u8]) -> (String, Arc<Mutex<Vec<u8>>>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (heard, calls) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let (hears, counts) = (heard.clone(), calls.clone());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            counts.fetch_add(1, Ordering::Relaxed);
            let mut part = vec![0; 4096];
            let read = socket.read(&mut part).await.unwrap_or(0);
            hears.lock().await.extend_from_slice(&part[..read]);
            let _ = socket.write_all(answer).await;
            open.push(socket);
        }
    });
    (base, heard, calls)
}

fn egress(allow: &[&str]) -> Arc<Egress> {
    let allow = allow.iter().map(|net| net.parse().expect("a network")).collect();
    Egress::new(allow, Limits::default()).expect("a client")
}

fn push(url: String) -> Push {
    Push {
        url,
        query: "signature=ab&timestamp=1&nonce=%2B2".into(),
        content_type: "text/xml".into(),
        body: b"<xml/>".to_vec(),
    }
}

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn it_hears_the_push_as_the_platform_made_it() {
    let (base, heard, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsuccess").await;
    let answered = egress(&["127.0.0.0/8"])
        .hand(&push(format!("{base}/wx?tenant=3")), LIMIT)
        .await;
    let answered = answered.expect("an answer");
    assert_eq!((answered.status, answered.body.as_slice()), (200, &b"success"[..]));
    let heard = String::from_utf8(heard.lock().await.clone())
        .expect("text")
        .to_ascii_lowercase();
    assert!(
        heard.starts_with("post /wx?tenant=3&signature=ab&timestamp=1&nonce=%2b2 http/1.1\r\n"),
        "{heard}"
    );
    for part in [
        "content-type: text/xml\r\n",
        "content-length: 6\r\n",
        "wxbridge-passthrough: 1\r\n",
        "\r\n\r\n<xml/>",
    ] {
        assert!(heard.contains(part), "{part} in {heard}");
    }
}

#[tokio::test]
async fn private_places_are_not_called_unless_they_are_allowed() {
    let (base, _, calls) = server(b"").await;
    let refused = egress(&[]).hand(&push(base.clone()), LIMIT).await;
    assert!(refused.is_err_and(|why| why.contains("[egress] allow")));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn redirects_are_answers_and_floods_and_silence_are_none() {
    let egress = egress(&["127.0.0.0/8"]);
    let (base, _, calls) = server(b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n").await;
    let moved = egress.hand(&push(base), LIMIT).await.expect("an answer");
    assert_eq!((moved.status, calls.load(Ordering::Relaxed)), (302, 1));

    let flood: &'static [u8] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n".as_slice(),
        &[b'x'; 70_000],
    ]
    .concat()
    .leak();
    let (base, ..) = server(flood).await;
    let flood = egress.hand(&push(base), LIMIT).await;
    assert!(flood.is_err_and(|why| why.contains("over 65536 bytes")));

    let (base, ..) = server(b"").await;
    let silent = egress.hand(&push(base), Duration::from_millis(50)).await;
    assert!(silent.is_err_and(|why| why.contains("within 50 ms")));
}
