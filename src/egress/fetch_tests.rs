//! Does nothing that a stranger writes into a URL, a name server or an answer lead where it should not?

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::egress::Limits;

/// A server that answers every request with `answer`.
async fn server(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut part = [0; 4096];
            let _ = socket.read(&mut part).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    base
}

const LIMIT: Duration = Duration::from_secs(5);

fn egress(allow: &[&str]) -> std::sync::Arc<Egress> {
    let allow = allow.iter().map(|net| net.parse().expect("a network")).collect();
    Egress::new(allow, Limits::default()).expect("a client")
}

#[tokio::test]
async fn private_places_are_refused_unless_allowed_or_trusted() {
    let base = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi".into()).await;
    let url = format!("{base}/a/%E5%9B%BE.png?x=1");
    let refused = egress(&[]).fetch(&url, 10, LIMIT).await;
    assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{refused:?}");
    let named = url.replace("127.0.0.1", "localhost");
    let refused = egress(&[]).fetch(&named, 10, LIMIT).await;
    assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{refused:?}");

    let fetched = egress(&["127.0.0.0/8"]).fetch(&url, 10, LIMIT).await.expect("allowed");
    assert_eq!((fetched.bytes, fetched.name.as_str()), (b"hi".to_vec(), "图.png"));

    let trusting = egress(&[]);
    trusting.trust([base.as_str()]);
    trusting.fetch(&url, 10, LIMIT).await.expect("the operator's own host");
}

#[tokio::test]
async fn redirects_and_large_files_are_not_followed() {
    let base = server(
        "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
    )
    .await;
    let allowed = egress(&["127.0.0.0/8"]);
    assert_eq!(allowed.fetch(&base, 10, LIMIT).await, Err(FetchFault::Refused(302)));
    // No length is announced: the count of what came decides.
    let base = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789ABC".into()).await;
    assert_eq!(allowed.fetch(&base, 10, LIMIT).await, Err(FetchFault::TooLarge(10)));
}

#[tokio::test]
async fn a_file_that_comes_compressed_is_not_the_file() {
    let allowed = egress(&["::ffff:127.0.0.0/104"]);
    for (said, refused) in [("gzip", true), ("identity, BR", true), ("identity", false), ("", false)] {
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/pdf";
        let base = server(format!(
            "{head}\r\ncontent-encoding: {said}\r\ncontent-length: 2\r\n\r\nhi"
        ))
        .await;
        let fetched = allowed.fetch(&base, 10, LIMIT).await;
        assert_eq!(
            matches!(fetched, Err(FetchFault::Encoded(_))),
            refused,
            "{said}: {fetched:?}"
        );
        assert_eq!(fetched.is_ok(), !refused, "{said}: {fetched:?}");
    }
}

#[tokio::test]
async fn only_web_addresses_without_credentials_are_urls_to_fetch() {
    for url in [
        "file:///etc/passwd",
        "ftp://1.1.1.1/",
        "https://a:b@1.1.1.1/",
        "nonsense",
    ] {
        let refused = egress(&[]).fetch(url, 10, LIMIT).await;
        assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{url}: {refused:?}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_public() {
    let base = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi".into()).await;
    let port = base.rsplit(':').next().expect("a port");
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "localhost",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
    ] {
        let refused = egress(&[]).fetch(&format!("http://{host}:{port}/"), 10, LIMIT).await;
        assert!(
            matches!(refused, Err(FetchFault::Forbidden(_) | FetchFault::Unreachable(_))),
            "{host}: {refused:?}"
        );
    }
    let mapped = format!("http://[::ffff:127.0.0.1]:{port}/");
    let fetched = egress(&["127.0.0.0/8"])
        .fetch(&mapped, 10, LIMIT)
        .await
        .expect("allowed by its inner address");
    assert_eq!(fetched.bytes, b"hi");
}

/// The addresses that a name has when it is asked for the first time, the second time, and so on.
fn names(answers: Vec<Vec<SocketAddr>>) -> (super::super::Names, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let names = Box::new(move |_: String, _: u16| -> super::super::Resolving {
        let turn = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let answer = answers[turn].clone();
        Box::pin(async move { Ok(answer) })
    });
    (names, asked)
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_asked_once_and_held_to_its_word() {
    let base = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi".into()).await;
    let good: SocketAddr = base.trim_start_matches("http://").parse().expect("an address");
    let metadata: SocketAddr = "169.254.169.254:80".parse().expect("an address");
    let (names, asked) = names(vec![vec![good], vec![metadata]]);
    let allow = vec!["127.0.0.1/32".parse().expect("a network")];
    let egress = Egress::with_names(allow, Limits::default(), names).expect("a client");
    let url = format!("http://rebinding.example:{}/", good.port());
    assert_eq!(egress.fetch(&url, 10, LIMIT).await.expect("as vetted").bytes, b"hi");
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "nobody asked again between look and connection"
    );
    let refused = egress.fetch(&url, 10, LIMIT).await;
    assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn one_private_address_among_public_ones_spoils_them_all() {
    let mixed = ["1.1.1.1:80", "10.0.0.1:80"].map(|text| text.parse().expect("an address"));
    let (names, _) = names(vec![mixed.to_vec(), Vec::new()]);
    let egress = Egress::with_names(Vec::new(), Limits::default(), names).expect("a client");
    let refused = egress.fetch("http://mixed.example/", 10, LIMIT).await;
    assert!(matches!(refused, Err(FetchFault::Forbidden(_))), "{refused:?}");
    let nowhere = egress.fetch("http://mixed.example/", 10, LIMIT).await;
    assert!(matches!(nowhere, Err(FetchFault::Unreachable(_))), "{nowhere:?}");
}

#[tokio::test]
async fn a_redirect_inside_is_not_followed() {
    let inside = server("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nsecret".into()).await;
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let base = server(format!(
            "HTTP/1.1 {status}\r\nlocation: {inside}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let refused = egress(&["127.0.0.0/8"]).fetch(&base, 10, LIMIT).await;
        assert!(
            matches!(refused, Err(FetchFault::Refused(301..=308))),
            "{status}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_is_announced_is_neither_believed_nor_waited_for() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    let allowed = egress(&["127.0.0.0/8"]);
    let more = server(format!("{head}content-length: 2\r\n\r\nhi, and what was not announced")).await;
    assert_eq!(
        allowed.fetch(&more, 10, LIMIT).await.expect("what was announced").bytes,
        b"hi"
    );
    let less = server(format!("{head}content-length: 9\r\n\r\nhi")).await;
    let cut = allowed.fetch(&less, 10, LIMIT).await;
    assert!(matches!(cut, Err(FetchFault::Unreachable(_))), "{cut:?}");
    let huge = server(format!("{head}content-length: 10737418240\r\n\r\nhi")).await;
    assert_eq!(allowed.fetch(&huge, 10, LIMIT).await, Err(FetchFault::TooLarge(10)));
    let nonsense = server("not HTTP at all\r\n\r\n".into()).await;
    let refused = allowed.fetch(&nonsense, 10, LIMIT).await;
    assert!(matches!(refused, Err(FetchFault::Unreachable(_))), "{refused:?}");
}

/// Says `head`, then goes on for ever with `block`, or says nothing more where that is empty.
async fn endless(head: &'static str, block: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut part = [0; 4096];
            let _ = socket.read(&mut part).await;
            let _ = socket.write_all(head.as_bytes()).await;
            while !block.is_empty() && socket.write_all(block).await.is_ok() {}
            open.push(socket);
        }
    });
    base
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit_and_a_silent_peer_in_time() {
    let allowed = egress(&["127.0.0.0/8"]);
    let chunked = endless(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"4\r\nwxyz\r\n",
    )
    .await;
    assert_eq!(
        allowed.fetch(&chunked, 1_000_000, LIMIT).await,
        Err(FetchFault::TooLarge(1_000_000))
    );
    let short = Duration::from_millis(200);
    for head in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi",
    ] {
        let silent = endless(head, b"").await;
        let late = allowed.fetch(&silent, 10, short).await;
        assert!(matches!(late, Err(FetchFault::Unreachable(_))), "{head:?}: {late:?}");
    }
    let headers = endless("HTTP/1.1 200 OK\r\n", b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n").await;
    let refused = allowed.fetch(&headers, 10, LIMIT).await;
    assert!(matches!(refused, Err(FetchFault::Unreachable(_))), "{refused:?}");
}

#[tokio::test]
async fn the_end_of_a_file_is_its_end_however_often_it_is_asked_for() {
    for (body, length) in [("{}", 2), ("", 0)] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        let base = server(head + body).await;
        let mut file = egress(&["127.0.0.0/8"]).open(&base, 10, LIMIT).await.expect("it opens");
        let mut read = Vec::new();
        while let Some(piece) = file.bytes.next().await {
            read.extend_from_slice(&piece.expect("whole"));
        }
        assert_eq!(read, body.as_bytes());
        assert!(file.bytes.next().await.is_none());
    }
}
