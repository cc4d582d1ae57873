//! What does somebody get who means no good? Every hostile row of the callbacks against the real binary: the status, what
//! the operator sees of it, and that a good message passes afterwards. Bodies are data in `fixtures/hostile`.

#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, path::PathBuf, time::Duration};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::Value;
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    now,
    peer::{Push, Sealing, Shop, element, msg_id, seal},
    raw::{exchange, read, request, status},
    until,
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

/// An encrypted and a plain account before a core that takes everything.
struct House {
    bridge: Bridge,
    core: Core,
    shop: Shop,
    clear: Shop,
}

impl House {
    async fn open() -> Self {
        let core = Core::start(|_| Said::taken()).await;
        let bridge = Bridge::start(Setup::to_core(&core, "raw = \"inline\"")).await;
        let (shop, clear) = (Shop::new("shop"), Shop::new("clear").with("security = \"plain\""));
        bridge.apply(&[&shop, &clear], "http://127.0.0.1:9").await;
        Self {
            bridge,
            core,
            shop,
            clear,
        }
    }

    async fn refused(&self, account: &str, code: &str) -> f64 {
        let line = format!("wxbridge_callbacks_refused_total{{account=\"{account}\",code=\"{code}\"}}");
        self.bridge.metric(&line).await
    }

    async fn quarantined(&self, account: &str, code: &str) -> f64 {
        let line = format!("wxbridge_quarantined_total{{account=\"{account}\",reason=\"{code}\"}}");
        self.bridge.metric(&line).await
    }

    /// Sends it, and checks status, an empty body where it is refused, and that it is counted with its code.
    async fn refuses(&self, shop: &Shop, push: &Push, status: u16, code: &str) {
        let before = self.refused(&shop.id, code).await;
        let answer = self.bridge.pushed(shop, push).await;
        assert_eq!(answer, (status, String::new()), "{code}: {}", push.query);
        assert_eq!(self.refused(&shop.id, code).await, before + 1.0, "{code} is counted");
    }

    /// A message of a customer whom nobody attacked reaches the core.
    async fn still_serves(&self) {
        let text = format!("good {}", msg_id());
        assert_eq!(
            self.bridge.text(&self.shop, "oGood", &text).await,
            (200, "success".into())
        );
        until("the good message", async || {
            self.core.heard().iter().any(|heard| heard.text() == text).then_some(())
        })
        .await;
    }

    async fn raw(&self, line: &str, headers: &[&str], body: &[u8]) -> String {
        exchange(self.bridge.public_port(), &request(line, headers, body)).await
    }
}

// ───────────── bodies ─────────────

struct Case {
    file: String,
    status: u16,
    becomes: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/hostile")
}

fn cases() -> Vec<Case> {
    let table = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    let cases = rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        Case {
            file: cells[0].trim_end_matches('`').to_owned(),
            status: cells[1].parse().unwrap(),
            becomes: cells[2].to_owned(),
        }
    });
    cases.collect()
}

/// The file with its gaps filled, sealed where it is to be sealed.
fn push(house: &House, case: &Case) -> Push {
    let (shop, clear) = (&house.shop, &house.clear);
    let bytes = fs::read(folder().join(&case.file)).unwrap();
    let receiver = if case.file.starts_with("plain") {
        &clear.original_id
    } else {
        &shop.original_id
    };
    let fill = |bytes: &[u8], gap: &str, with: &str| {
        // Byte by byte: not every file is text.
        let mut filled = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.windows(gap.len()).position(|found| found == gap.as_bytes()) {
            filled.extend_from_slice(&rest[..at]);
            filled.extend_from_slice(with.as_bytes());
            rest = &rest[at + gap.len()..];
        }
        filled.extend_from_slice(rest);
        filled
    };
    let bytes = fill(&bytes, "{{RECEIVER}}", receiver);
    let bytes = fill(&bytes, "{{NUMBER}}", &msg_id().to_string());
    let bytes = fill(&bytes, "{{NOW}}", &now().to_string());
    let with = Sealing::of(shop);
    if case.file.starts_with("inner") {
        let encrypt = seal(&shop.key, &shop.app_id, &bytes);
        let body = format!("<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>").into_bytes();
        return Push {
            query: with.query(&encrypt),
            body,
        };
    }
    if case.file.starts_with("plain") {
        return Push {
            body: bytes,
            ..clear.plain("", now())
        };
    }
    let good = shop.text("oHostile", msg_id(), "a good message");
    let body = fill(&bytes, "{{SEALED}}", &seal(&shop.key, &shop.app_id, good.as_bytes()));
    Push {
        query: with.query(&sealed_in(&body)),
        body,
    }
}

/// The sealed text of an outer body, as far as there is one.
fn sealed_in(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    element(&text, "Encrypt")
        .or_else(|| json["Encrypt"].as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[test]
fn every_fixture_has_its_line_and_every_line_its_fixture() {
    let mut files: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    let mut lines: Vec<String> = cases().into_iter().map(|case| case.file).collect();
    files.sort();
    lines.sort();
    assert_eq!(files, lines);
}

#[tokio::test]
async fn every_hostile_body_gets_its_status_and_is_refused_kept_or_told() {
    let house = House::open().await;
    let mut wrong = Vec::new();
    for case in cases() {
        let shop = if case.file.starts_with("plain") {
            &house.clear
        } else {
            &house.shop
        };
        let (what, rest) = case.becomes.split_once(' ').unwrap();
        let before = match what {
            "refused" => house.refused(&shop.id, rest).await,
            "quarantined" => house.quarantined(&shop.id, rest).await,
            _ => house.core.heard().len() as f64,
        };
        let answer = house.bridge.pushed(shop, &push(&house, &case)).await;
        let body = if case.status == 200 { "success" } else { "" };
        if answer != (case.status, body.to_owned()) {
            wrong.push(format!("{}: answered {answer:?}, not {}", case.file, case.status));
        }
        let after = match what {
            "refused" => house.refused(&shop.id, rest).await,
            "quarantined" => house.quarantined(&shop.id, rest).await,
            _ => {
                let heard = house.core.hears(before as usize + 1).await;
                let told = told(&heard[before as usize].event);
                let wanted: String = serde_json::from_str(&format!("\"{}\"", rest.replace('"', "\\\""))).unwrap();
                if told != wanted {
                    wrong.push(format!("{}: the core hears {told:?}, not {wanted:?}", case.file));
                }
                before + 1.0
            }
        };
        if after != before + 1.0 {
            wrong.push(format!("{}: not counted as {}", case.file, case.becomes));
        }
        house.still_serves().await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let kept = house.bridge.get("/admin/v1/quarantine?limit=200").await;
    let kept = kept["items"].as_array().unwrap();
    let wanted = cases()
        .iter()
        .filter(|case| case.becomes.starts_with("quarantined"))
        .count();
    assert_eq!(kept.len(), wanted);
    for one in kept {
        assert!(one["query"].as_str().unwrap().contains("nonce="), "{one}");
        assert!(one["account"] != "shop" || one["keyIds"] != "", "{one}");
    }
}

/// The text of a message, or what else it is.
fn told(event: &Value) -> String {
    let part = &event["message"]["parts"][0];
    if let Some(text) = part["text"]["body"].as_str() {
        text.to_owned()
    } else if part["unsupported"].is_object() {
        assert!(event["raw"]["body"].is_string(), "{event}");
        "unsupported".to_owned()
    } else {
        event["signal"]["type"].as_str().unwrap_or_default().to_owned()
    }
}

// ───────────── signatures, times, keys ─────────────

#[tokio::test]
async fn only_the_holder_of_token_and_key_is_heard() {
    let house = House::open().await;
    let shop = &house.shop;
    let inner = || shop.text("oHostile", msg_id(), "x");
    let good = || shop.sealed(&inner());
    let spoiled = |change: &dyn Fn(&str) -> String| {
        let push = good();
        Push {
            query: change(&push.query),
            ..push
        }
    };
    let other_token = Sealing {
        token: "anothertoken".into(),
        ..Sealing::of(shop)
    };
    for push in [
        shop.sealed_by(&other_token, &inner()),
        spoiled(&|query| query.split("&msg_signature=").next().unwrap().to_owned()),
        spoiled(&|query| {
            let (start, signature) = query.split_once("msg_signature=").unwrap();
            format!("{start}msg_signature={}", signature.to_uppercase())
        }),
        spoiled(&|query| query.replace("timestamp=", "timestamp=0")),
        spoiled(&|query| format!("{query}00")),
        // The plain signature is right: it says nothing about an encrypted body.
        spoiled(&|query| {
            let signature = &query["signature=".len()..][..40];
            format!(
                "{}&msg_signature={signature}",
                query.split("&msg_signature=").next().unwrap()
            )
        }),
        Push {
            body: good().body,
            ..good()
        },
    ] {
        house.refuses(shop, &push, 403, "BAD_SIGNATURE").await;
    }
    house
        .refuses(shop, &spoiled(&|_| String::new()), 403, "PLAINTEXT_REFUSED")
        .await;
    let numberless = Sealing {
        timestamp: "now".into(),
        ..Sealing::of(shop)
    };
    house
        .refuses(shop, &shop.sealed_by(&numberless, &inner()), 403, "BAD_SIGNATURE")
        .await;

    // Signed rightly, but not for us, or with a key we do not have: kept for the operator.
    let wrong_key = Sealing {
        key: Shop::new("another").key,
        ..Sealing::of(shop)
    };
    let wrong_receiver = Sealing {
        receiver: "wx0000000000000000".into(),
        ..Sealing::of(shop)
    };
    for (sealing, code) in [(wrong_key, "UNDECODABLE"), (wrong_receiver, "WRONG_RECEIVER")] {
        let before = house.quarantined("shop", code).await;
        assert_eq!(
            house.bridge.pushed(shop, &shop.sealed_by(&sealing, &inner())).await,
            (200, "success".into())
        );
        assert_eq!(house.quarantined("shop", code).await, before + 1.0, "{code}");
    }
    assert!(house.core.heard().is_empty());
    house.still_serves().await;
    let view = house.bridge.get("/v1/accounts/shop").await;
    assert!(view["warnings"].to_string().contains("BAD_SIGNATURE"), "{view}");
    assert!(!view.to_string().contains(&shop.token), "no secret is shown");
}

#[tokio::test]
async fn a_timestamp_far_away_is_stale_and_one_a_little_away_is_taken_with_a_warning() {
    let house = House::open().await;
    let shop = &house.shop;
    let at = |seconds: i64| Sealing {
        timestamp: (now() + seconds).to_string(),
        ..Sealing::of(shop)
    };
    for seconds in [-7 * 3600, 7 * 3600] {
        house
            .refuses(
                shop,
                &shop.sealed_by(&at(seconds), &shop.text("o1", msg_id(), "x")),
                403,
                "STALE",
            )
            .await;
    }
    for seconds in [-5 * 3600, 5 * 3600, -20 * 60] {
        let push = shop.sealed_by(&at(seconds), &shop.text("o1", msg_id(), "still good"));
        assert_eq!(house.bridge.pushed(shop, &push).await, (200, "success".into()));
    }
    house.core.hears(3).await;
    let view = house.bridge.get("/v1/accounts/shop").await;
    assert!(view["warnings"].to_string().contains("CLOCK_SKEW"), "{view}");
    let zeros = Sealing {
        timestamp: "99999999999999999999".into(),
        ..Sealing::of(shop)
    };
    assert_eq!(house.bridge.pushed(shop, &shop.sealed_by(&zeros, "x")).await.0, 403);
    house.still_serves().await;
}

#[tokio::test]
async fn a_plain_body_is_believed_only_where_it_is_allowed_and_only_once_and_soon() {
    let house = House::open().await;
    let (shop, clear) = (&house.shop, &house.clear);
    let inner = |shop: &Shop| shop.text("oHostile", msg_id(), "in the clear");
    house
        .refuses(shop, &shop.plain(&inner(shop), now()), 403, "PLAINTEXT_REFUSED")
        .await;
    house
        .refuses(clear, &clear.plain(&inner(clear), now() - 301), 403, "STALE")
        .await;

    let seen = clear.plain(&inner(clear), now());
    assert_eq!(house.bridge.pushed(clear, &seen).await, (200, "success".into()));
    assert_eq!(
        house.bridge.pushed(clear, &seen).await,
        (200, "success".into()),
        "a retry repeats the query"
    );
    let stolen = Push {
        body: inner(clear).into_bytes(),
        ..seen
    };
    let (status, body) = house.bridge.pushed(clear, &stolen).await;
    assert_eq!(
        (status, body.as_str()),
        (403, ""),
        "the first body seen binds timestamp and nonce"
    );
    house.core.hears(1).await;
    house.still_serves().await;
    assert_eq!(
        house
            .core
            .heard()
            .iter()
            .filter(|heard| heard.text() == "in the clear")
            .count(),
        1
    );
}

#[tokio::test]
async fn the_consoles_check_is_echoed_only_to_who_knows_the_token() {
    let house = House::open().await;
    let shop = &house.shop;
    let bridge = &house.bridge;
    let get = |query: String| {
        let url = bridge.public(&format!("/callback/shop?{query}"));
        async move {
            let answer = bridge.http.get(url).send().await.unwrap();
            let status = answer.status().as_u16();
            let kind = answer
                .headers()
                .get("content-type")
                .map(|kind| kind.to_str().unwrap().to_owned());
            (status, kind.unwrap_or_default(), answer.text().await.unwrap())
        }
    };
    let now_text = now().to_string();
    let (status, kind, body) = get(shop.handshake("4375120948345356249", &now_text)).await;
    assert_eq!((status, body.as_str()), (200, "4375120948345356249"));
    assert!(kind.starts_with("text/plain"), "{kind}");
    let stale = (now() - 7 * 3600).to_string();
    for query in [
        shop.handshake("x", &now_text).replacen("signature=", "signature=0", 1),
        shop.handshake("x", &stale),
        shop.handshake("x", "now"),
        Shop {
            token: "anothertoken".into(),
            ..shop.clone()
        }
        .handshake("x", &now_text),
        "echostr=x".to_owned(),
        String::new(),
    ] {
        let (status, _, body) = get(query.clone()).await;
        assert_eq!((status, body.as_str()), (403, ""), "{query}");
    }
    house.still_serves().await;
}

// ───────────── sizes, encodings, paths, methods ─────────────

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
