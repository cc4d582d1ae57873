//! What do sizes, encodings, paths, methods and bytes get that no platform sends?

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    House,
    support::{
        peer::{Push, Shop, msg_id},
        raw::{exchange, read, request, status},
    },
};

#[tokio::test]
async fn bodies_too_large_or_compressed_are_refused_before_they_are_read() {
    let house = House::open().await;
    let shop = &house.shop;
    let url = |push: &Push| house.bridge.public(&format!("/callback/shop?{}", push.query));
    let big = |size: usize| shop.sealed(&shop.text("oHostile", msg_id(), &"x".repeat(size)));
    assert_eq!(
        house.bridge.pushed(shop, &big(700_000)).await,
        (200, "success".into()),
        "below 1 MiB all is well"
    );
    house.refuses(shop, &big(1_200_000), 413, "BODY_TOO_LARGE").await;

    // Announced, but never sent: the answer does not wait for it.
    let query = big(1).query;
    let line = format!("POST /callback/shop?{query}");
    let told = house.raw(&line, &["content-length: 1048577"], b"<xml>").await;
    assert_eq!(status(&told), 413, "{told}");
    // Not announced: counted as it comes.
    let mut chunks = Vec::new();
    for _ in 0..300 {
        chunks.extend_from_slice(b"1000\r\n");
        chunks.extend_from_slice(&[b'x'; 4096]);
        chunks.extend_from_slice(b"\r\n");
    }
    let told = house.raw(&line, &["transfer-encoding: chunked"], &chunks).await;
    assert_eq!(status(&told), 413, "{told}");

    for encoding in ["gzip", "deflate", "br", "zstd", "x"] {
        let push = big(1);
        let request = house.bridge.http.post(url(&push)).header("content-encoding", encoding);
        let answer = request.body(push.body).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (415, ""),
            "{encoding}"
        );
    }
    house.still_serves().await;
}

#[tokio::test]
async fn strangers_find_nothing_but_callbacks_at_the_public_door() {
    let house = House::open().await;
    let push = house.shop.sealed(&house.shop.text("oHostile", msg_id(), "x"));
    let body = push.body.clone();
    for path in [
        "/",
        "/callback",
        "/callback/",
        "/callback/nobody",
        "/callback/SHOP",
        "/callback/shop/",
        "/callback/shop/x",
        "/callback/shop%00",
        "/callback/%73%68%6f%70%2f",
        "//callback/shop",
        "/callback//shop",
        "/callback/../admin/v1/accounts",
        "/callback/shop/../shop2",
        "/callback/%2e%2e/v1/messages",
        "/callback/shop;x=1",
        "/callback/%ff%fe",
        "/v1/messages",
        "/admin/v1/accounts",
        "/metrics",
        "/livez",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/suite/x",
        "/bot/x",
        "/wp-login.php",
        "/m/nothing",
    ] {
        let length = format!("content-length: {}", body.len());
        let told = house
            .raw(&format!("POST {path}?{}", push.query), &[&length], &body)
            .await;
        assert_eq!(
            status(&told),
            if path == "/m/nothing" { 405 } else { 404 },
            "{path}: {told}"
        );
        let told = house.raw(&format!("GET {path}?{}", push.query), &[], b"").await;
        assert!(matches!(status(&told), 404 | 403), "{path}: {told}");
    }
    let before = house.refused("", "ACCOUNT_UNKNOWN").await;
    let nobody = Shop {
        id: "nobody".into(),
        ..house.shop.clone()
    };
    assert_eq!(house.bridge.pushed(&nobody, &push).await, (404, String::new()));
    assert_eq!(
        house.refused("", "ACCOUNT_UNKNOWN").await,
        before + 1.0,
        "counted without the stranger's words"
    );
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let url = house.bridge.public(&format!("/callback/shop?{}", push.query));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = house.bridge.http.request(method.clone(), url).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method}");
    }
    assert!(house.core.heard().is_empty());
    house.still_serves().await;
}

#[tokio::test]
async fn bytes_that_are_no_lawful_request_end_with_a_4xx_or_a_closed_connection() {
    let house = House::open().await;
    let port = house.bridge.public_port();
    let long = "a".repeat(1 << 20);
    let push = house.shop.sealed(&house.shop.text("oHostile", msg_id(), "x"));
    let line = format!("POST /callback/shop?{}", push.query);
    let length = format!("content-length: {}", push.body.len());
    for (what, bytes) in [
        ("a header of a megabyte", request(&line, &[&format!("x: {long}")], b"")),
        ("ten thousand headers", request(&line, &vec!["x: y"; 10_000], b"")),
        (
            "a path of a megabyte",
            request(&format!("POST /callback/{long}"), &[], b""),
        ),
        (
            "no HTTP at all",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n".to_vec(),
        ),
        ("a bad version", b"POST /callback/shop HTTP/9.9\r\n\r\n".to_vec()),
        (
            "two lengths",
            request(&line, &[&length, "content-length: 3"], &push.body),
        ),
        (
            "length and chunks",
            request(&line, &[&length, "transfer-encoding: chunked"], &push.body),
        ),
        (
            "a length below none",
            request(&line, &["content-length: -1"], &push.body),
        ),
        (
            "a chunk that is none",
            request(&line, &["transfer-encoding: chunked"], b"zz\r\n<xml>\r\n0\r\n\r\n"),
        ),
        ("a header with a null", request(&line, &["x: a\0b"], b"")),
        ("a bare line feed in a header", request(&line, &["x: a\n\n b"], b"")),
        (
            "a bad escape in the query",
            request(
                "POST /callback/shop?signature=%zz&timestamp=%f&nonce=%",
                &["content-length: 5"],
                b"<xml>",
            ),
        ),
    ] {
        let told = exchange(port, &bytes).await;
        let status = status(&told);
        assert!(told.is_empty() || (400..500).contains(&status), "{what}: {told}");
    }
    assert!(house.core.heard().is_empty());
    house.still_serves().await;
}

#[tokio::test]
async fn who_speaks_slowly_holds_up_nobody_and_is_let_go() {
    let house = House::open().await;
    let port = house.bridge.public_port();
    let push = house.shop.sealed(&house.shop.text("oHostile", msg_id(), "x"));
    let starts = [
        b"POST /callback/shop?x=".to_vec(),
        request(
            &format!("POST /callback/shop?{}", push.query),
            &["content-length: 5000"],
            b"<xml><Encr",
        ),
    ];
    let mut slow = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(&starts[number % 2]).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..10 {
        house.still_serves().await;
    }
    // A body that stops coming is answered within the platform's five seconds; a head that stops is cut off.
    let ends = slow.iter_mut().map(|stream| async {
        let (told, ended) = read(stream, Duration::from_secs(20)).await;
        assert!(ended, "let go in the end");
        told.is_empty() || (400..500).contains(&status(&told)) || status(&told) == 503
    });
    assert!(join_all(ends).await.into_iter().all(|ended| ended));
    house.still_serves().await;
}

/// A machine under load may be slow; what grows with the square of a body takes minutes.
const HEAVY: Duration = Duration::from_secs(10);

#[tokio::test]
async fn bodies_that_are_made_to_be_heavy_are_answered_in_time() {
    let house = House::open().await;
    let shop = &house.shop;
    let many = |piece: &str| piece.repeat(700_000 / piece.len());
    let head = format!(
        "<ToUserName>{}</ToUserName><FromUserName>oHostile</FromUserName><CreateTime>1</CreateTime>\
         <MsgType>text</MsgType><MsgId>{}</MsgId>",
        shop.original_id,
        msg_id()
    );
    let documents = [
        ("open elements", format!("<xml>{head}{}", many("<a>"))),
        ("empty elements", format!("<xml>{head}{}</xml>", many("<a/>"))),
        (
            "names of their own",
            format!(
                "<xml>{head}{}</xml>",
                (0..50_000).map(|at| format!("<n{at}>1</n{at}>")).collect::<String>()
            ),
        ),
        (
            "attributes",
            format!(
                "<xml {}>{head}</xml>",
                (0..40_000).map(|at| format!("a{at}=\"1\" ")).collect::<String>()
            ),
        ),
        (
            "references",
            format!("<xml>{head}<Content>{}</Content></xml>", many("&amp;")),
        ),
        (
            "ends of sections",
            format!(
                "<xml>{head}<Content>{}</Content></xml>",
                many("<![CDATA[]]]]><![CDATA[>]]>")
            ),
        ),
        ("comments", format!("<xml>{head}{}</xml>", many("<!---->"))),
        (
            "a long name",
            format!("<xml>{head}<{name}>x</{name}></xml>", name = "n".repeat(400_000)),
        ),
        ("open lists", many("[")),
        ("open objects", many("{\"a\":")),
        (
            "a long number",
            format!("{{\"MsgType\":\"text\",\"MsgId\":{}}}", many("9")),
        ),
        (
            "escapes",
            format!("{{\"MsgType\":\"text\",\"Content\":\"{}\"}}", many("\\u4e2d")),
        ),
        (
            "a list of lists",
            format!("{{\"MsgType\":\"text\",\"a\":[{}[]]}}", many("[],")),
        ),
    ];
    for (what, document) in documents {
        for (how, push) in [
            ("sealed", shop.sealed(&document)),
            (
                "outside",
                Push {
                    body: document.clone().into_bytes(),
                    ..shop.sealed("")
                },
            ),
            ("plain", house.clear.plain(&document, crate::support::now())),
        ] {
            let shop = if how == "plain" { &house.clear } else { shop };
            let started = Instant::now();
            let (status, _) = house.bridge.pushed(shop, &push).await;
            assert!(matches!(status, 200 | 400 | 403 | 413), "{what}, {how}: {status}");
            assert!(started.elapsed() < HEAVY, "{what}, {how}: {:?}", started.elapsed());
        }
    }
    house.still_serves().await;
}
