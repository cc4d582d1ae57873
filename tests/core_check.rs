//! Does `wxbridge core-check` say what is wrong with a core? The real binary against sound cores and broken ones, over HTTP
//! and gRPC: its exit code and its words.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use tonic::Code;
use wxbridge::schema::v1::{self, event::Body};

use support::{
    core::{Core, SECRET, Said},
    grpc::{self, GrpcCore, text_reply},
};

const BEARER: &str = "open sesame";

/// Exit code and words.
async fn looked(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxbridge"));
    command
        .arg("core-check")
        .args(args)
        .args(["--timeout", "2s"])
        .env_clear();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let words = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap_or(-1), words)
}

async fn over_http(core: &Core) -> (i32, String) {
    looked(&[&core.url(), "--secret", SECRET, "--lang", "en"]).await
}

async fn over_grpc(core: &GrpcCore) -> (i32, String) {
    let address = core.address.to_string();
    looked(&["--grpc", &address, "--bearer", BEARER, "--lang", "en"]).await
}

/// A program that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_example_over_http_holds() {
    let mut core = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/core.py"))
        .env("CORE_SECRET", SECRET)
        .env("PORT", "0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(core.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    let _ends = Ends(core);
    let url = said.split_whitespace().next_back().unwrap();
    let (exit, words) = looked(&[url, "--secret", SECRET, "--lang", "en"]).await;
    assert!(
        exit == 0 && words.ends_with("the core holds (0 to look at)\n"),
        "{words}"
    );
    let (exit, words) = looked(&[url, "--lang", "zh"]).await;
    assert_eq!(exit, 1, "{words}");
    assert!(
        words.contains("核心要求签名：请用 --secret whsec_… 提供密钥"),
        "{words}"
    );
}

#[tokio::test]
async fn what_is_wrong_over_http_is_said() {
    let echo = |heard: &support::core::Heard| match heard.text() {
        "" => Said::taken(),
        text => Said::reply(text),
    };
    let core = Core::start(echo).await;
    let (exit, words) = over_http(&core).await;
    let wanted = "FAULT signature: the core took events that nobody signed rightly (no signature, another key, another body, \
                  another webhook-id, another webhook-timestamp)";
    assert!(exit == 1 && words.contains(wanted), "{words}");
    assert!(
        words.ends_with("the core does not hold: 2 faults, 1 to look at\n"),
        "{words}"
    );

    core.behaves(move |heard| match heard.event["gap"].is_object() {
        true => Said::status(422),
        false => echo(heard),
    });
    let (exit, words) = over_http(&core).await;
    assert!(
        exit == 1 && words.contains("FAULT gap: a Gap: the core answered 422"),
        "{words}"
    );

    core.behaves(|_| Said {
        body: "garbage".into(),
        ..Said::taken()
    });
    let (_, words) = over_http(&core).await;
    assert!(words.contains("LOOK answers: an answer is no JSON object"), "{words}");

    core.behaves(|_| Said::status(500));
    let (exit, words) = over_http(&core).await;
    assert!(
        exit == 1 && words.contains("FAULT taken: a rightly made event was offered; the core answered 500"),
        "{words}"
    );
}

/// Knows the bridge, and says back what it hears.
fn sound(heard: &grpc::Heard) -> grpc::Said {
    match (heard.said("authorization") == format!("Bearer {BEARER}"), heard.text()) {
        (false, _) => grpc::Said::code(Code::Unauthenticated),
        (true, "") => grpc::Said::taken(),
        (true, text) => grpc::Said::reply(text),
    }
}

/// … and acknowledges each conversation by itself.
fn acknowledging(heard: &grpc::Heard) -> grpc::Said {
    match sound(heard) {
        grpc::Said::Taken(response) => grpc::Said::Taken(v1::DeliverResponse {
            results: vec![v1::Ack {
                conversation_key: heard.key().to_owned(),
                through_seq: heard.event.seq,
                replies: response.replies,
                ..Default::default()
            }],
            ..Default::default()
        }),
        other => other,
    }
}

#[tokio::test]
async fn a_sound_core_over_grpc_holds() {
    let core = GrpcCore::start(sound);
    let (exit, words) = over_grpc(&core).await;
    assert!(
        exit == 0 && words.ends_with("the core holds (0 to look at)\n"),
        "{words}"
    );
    assert!(
        words.contains("ok bearer: who does not know the secret is refused"),
        "{words}"
    );
    assert!(!words.contains("batch"), "nobody would send it several: {words}");

    core.behaves(acknowledging);
    let (exit, words) = over_grpc(&core).await;
    assert!(
        exit == 0 && words.ends_with("the core holds (0 to look at)\n"),
        "{words}"
    );
    assert!(
        words.contains("ok batch: three conversations in one request: each was acknowledged"),
        "{words}"
    );
}

#[tokio::test]
async fn what_is_wrong_over_grpc_is_said() {
    let known: fn(&grpc::Heard) -> bool = |heard| heard.event.body.is_some();
    type Broken = Box<dyn FnMut(&grpc::Heard) -> grpc::Said + Send>;
    let works = AtomicUsize::new(0);
    let refusing = |when: fn(&grpc::Heard) -> bool, code: Code| -> Broken {
        Box::new(move |heard| match (sound(heard), when(heard)) {
            (grpc::Said::Taken(_), true) => grpc::Said::code(code),
            (said, _) => said,
        })
    };
    let cases: Vec<(Broken, &str)> = vec![
        (
            Box::new(|heard| grpc::Said::reply(heard.text())),
            "FAULT bearer: the core took events of callers who do not know its secret (no bearer, another bearer)",
        ),
        (
            refusing(
                |heard| heard.event.offer.as_ref().is_some_and(|offer| offer.attempt > 1),
                Code::InvalidArgument,
            ),
            "FAULT twice: an event that the core had taken came again; it answered INVALID_ARGUMENT",
        ),
        (
            refusing(|heard| matches!(heard.event.body, Some(Body::Gap(_))), Code::Internal),
            "FAULT gap: a Gap: the core answered INTERNAL",
        ),
        (
            refusing(|heard| heard.event.body.is_none(), Code::Unknown),
            "FAULT unknown: a kind of event that nobody knows yet: it answered UNKNOWN",
        ),
        (
            Box::new(move |heard| match sound(heard) {
                grpc::Said::Taken(mut response) if known(heard) && !heard.text().is_empty() => {
                    let work = works.fetch_add(1, Ordering::Relaxed);
                    response.replies = vec![text_reply(&work.to_string())];
                    grpc::Said::Taken(response)
                }
                said => said,
            }),
            "FAULT twice: an event that came twice got two different replies: the core did its work twice",
        ),
        (
            Box::new(|heard| match heard.text().contains("in one request") {
                true => grpc::Said::code(Code::ResourceExhausted),
                false => acknowledging(heard),
            }),
            "FAULT batch: three conversations in one request; number 1: it answered RESOURCE_EXHAUSTED",
        ),
        (
            refusing(|_| true, Code::Unimplemented),
            "serve wxbridge.v1.Core at this address; `wxbridge proto` prints the schema",
        ),
        (
            Box::new(|heard| match heard.text() {
                "core-check: brought back" => grpc::Said::Never,
                _ => sound(heard),
            }),
            "FAULT deadline: 1 not answered within 2000 ms: each time the request was closed and the same event offered again \
             (attempt 2); the second offer was not answered in time either",
        ),
        (
            Box::new(|_| grpc::Said::Never),
            "FAULT taken: a rightly made event was offered; the core gave no answer (no answer within 2000 ms)",
        ),
    ];
    let core = GrpcCore::start(sound);
    for (broken, wanted) in cases {
        core.behaves(broken);
        let (exit, words) = over_grpc(&core).await;
        assert!(exit == 1 && words.contains(wanted), "{wanted}:\n{words}");
    }
}

#[tokio::test]
async fn a_secret_that_is_missing_and_a_core_that_is_away_are_said_over_grpc() {
    let mut core = GrpcCore::start(sound);
    let address = format!("http://{}", core.address);
    let (exit, words) = looked(&["--grpc", &address, "--lang", "en"]).await;
    assert!(exit == 1 && words.contains("give its secret with --bearer"), "{words}");
    core.behaves(|heard| grpc::Said::reply(heard.text()));
    let (_, words) = looked(&["--grpc", &address, "--lang", "zh"]).await;
    assert!(words.contains("注意 bearer: 核心接收了没有口令的调用"), "{words}");
    core.goes();
    let (exit, words) = looked(&["--grpc", &address, "--lang", "en"]).await;
    assert!(exit == 1 && words.contains("nobody could be reached there"), "{words}");
}

#[tokio::test]
async fn what_cannot_be_examined_is_a_matter_of_usage() {
    for args in [
        &["--grpc", "core.example:443", "http://127.0.0.1:9/"][..],
        &["--grpc", "ftp://core.example"],
        &["--grpc", "http://core.example:50051"],
        &["--grpc", "127.0.0.1:9", "--cert-file", "x.pem"],
        &["--grpc", "127.0.0.1:9", "--ca-file", "/no/such/file.pem"],
        &["--grpc", "127.0.0.1:9", "--bearer", "a\nb"],
        &["http://127.0.0.1:9/", "--ca-file", "x.pem"],
    ] {
        let (exit, words) = looked(args).await;
        assert_eq!(exit, 64, "{args:?}: {words}");
        assert!(!words.is_empty(), "{args:?}");
    }
}
