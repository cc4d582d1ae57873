//! Is `success` said only of what is on the disk? The kernel's own record of the real binary: between what is written to
//! the log for a callback and the answer to it lies a completed `fdatasync` of the log.

#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::HashMap, path::Path, process::Command};

use futures_util::future::join_all;
use support::{
    bridge::{Bridge, Setup},
    peer::Shop,
};

const TRACED: &str = "trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg,read,readv,recvfrom,recvmsg";

/// One step of the process, as the kernel saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A callback's head was read from this connection.
    Asked(usize),
    /// Something was written to the write-ahead log.
    Logged,
    SyncBegins,
    SyncEnds,
    /// A 200 begins to leave on this connection.
    Answered(usize),
}

/// Reads a trace of `strace -f -yy`. A call that is interrupted by another thread's has two lines.
fn steps(trace: &str, port: u16) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut open: HashMap<&str, &str> = HashMap::new();
    let mut connections = HashMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ').map(|(thread, rest)| (thread, rest.trim_start())) else {
            continue;
        };
        // The clock stands between thread and call.
        let call = call.split_once(' ').map_or(call, |(_, call)| call);
        let (head, begins, ends) = if let Some(rest) = call.strip_suffix("<unfinished ...>") {
            open.insert(thread, rest);
            (rest, true, false)
        } else if call.starts_with("<...") {
            let Some(head) = open.remove(thread) else { continue };
            (head, false, true)
        } else {
            (call, true, true)
        };
        let log = head.contains("wxbridge") && head.contains("-wal>") || head.contains("-wal>");
        let ours = head.contains(&format!("<TCP:[127.0.0.1:{port}->"));
        let mut connection = || {
            let name = head
                .split_once('<')
                .and_then(|(_, rest)| rest.split_once(']'))
                .map(|(name, _)| name.to_owned());
            let next = connections.len();
            *connections.entry(name.unwrap_or_default()).or_insert(next)
        };
        match head.split_once('(').map_or("", |(name, _)| name) {
            "fdatasync" | "fsync" if log => {
                steps.extend(begins.then_some(Step::SyncBegins));
                steps.extend((ends && succeeded(call)).then_some(Step::SyncEnds));
            }
            "write" | "writev" | "pwrite64" | "pwritev" if log && begins => steps.push(Step::Logged),
            "write" | "writev" | "sendto" | "sendmsg" if ours && begins && head.contains("HTTP/1.1 200") => {
                steps.push(Step::Answered(connection()));
            }
            // What was read stands in the line that ends the call.
            "read" | "readv" | "recvfrom" | "recvmsg" if ours && ends && call.contains("POST /callback/") => {
                steps.push(Step::Asked(connection()));
            }
            _ => {}
        }
    }
    steps
}

fn succeeded(call: &str) -> bool {
    call.trim_end().ends_with("= 0")
}

/// Every answer comes after a sync that began after something was logged after the request was read.
fn prove(steps: &[Step]) -> usize {
    let mut answers = 0;
    for (at, step) in steps.iter().enumerate() {
        let Step::Answered(connection) = step else { continue };
        answers += 1;
        let asked = steps[..at].iter().rposition(|step| *step == Step::Asked(*connection));
        let asked = asked.unwrap_or_else(|| panic!("an answer without its request at step {at}"));
        let logged = steps[asked..at]
            .iter()
            .position(|step| *step == Step::Logged)
            .map(|offset| asked + offset);
        let logged =
            logged.unwrap_or_else(|| panic!("answered at step {at}, and nothing was logged since step {asked}"));
        let begun = steps[logged..at]
            .iter()
            .position(|step| *step == Step::SyncBegins)
            .map(|offset| logged + offset);
        let begun = begun.unwrap_or_else(|| panic!("answered at step {at}, no sync began since step {logged}"));
        let ended = steps[begun..at].contains(&Step::SyncEnds);
        assert!(ended, "answered at step {at} before the sync of step {begun} was over");
    }
    answers
}

#[tokio::test]
async fn no_callback_is_answered_before_the_log_is_synced() {
    let there = Command::new("strace").arg("-V").output().is_ok();
    assert!(there, "strace is not installed; tests/run installs what the tests need");
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    // -D: the tracer stands aside, so that our child is the binary itself.
    let before = [
        "strace",
        "-D",
        "-f",
        "-ttt",
        "-yy",
        "-s",
        "64",
        "-e",
        TRACED,
        "-e",
        "signal=none",
        "-o",
        path(&trace),
    ];
    // No core: what is written is written for the callbacks.
    let mut bridge = Bridge::start(Setup::new().before(&before)).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;

    for number in 0..20 {
        assert_eq!(
            bridge.text(&shop, "oOne", &format!("one by one {number}")).await,
            (200, "success".into())
        );
    }
    for round in 0..10 {
        let many = (0..16).map(|number| {
            let (bridge, shop) = (&bridge, &shop);
            async move {
                bridge
                    .text(shop, &format!("o{number}"), &format!("together {round}"))
                    .await
            }
        });
        for answer in join_all(many).await {
            assert_eq!(answer, (200, "success".into()));
        }
    }
    let port = bridge.public_port();
    assert_eq!(bridge.stop().await, 0, "{}", bridge.log());

    let trace = support::until("the end of the trace", async || {
        let text = std::fs::read_to_string(&trace).unwrap_or_default();
        text.contains("+++ exited with 0 +++").then_some(text)
    })
    .await;
    let steps = steps(&trace, port);
    assert_eq!(prove(&steps), 180, "every answer was seen");
    let syncs = steps.iter().filter(|step| **step == Step::SyncEnds).count();
    println!("180 answers, {syncs} syncs of the log");
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn an_answer_before_its_sync_would_be_noticed() {
    let line = |thread: u32, call: &str| format!("{thread} 1700000000.000001 {call}\n");
    let asked = line(
        1,
        "recvfrom(9<TCP:[127.0.0.1:80->127.0.0.1:5]>, \"POST /callback/shop\", 64, 0) = 64",
    );
    let logged = line(2, "pwrite64(5</d/wxbridge.db-wal>, \"..\", 24, 0) = 24");
    let begun = line(2, "fdatasync(5</d/wxbridge.db-wal> <unfinished ...>");
    let ended = line(2, "<... fdatasync resumed>) = 0");
    let answered = line(
        1,
        "sendto(9<TCP:[127.0.0.1:80->127.0.0.1:5]>, \"HTTP/1.1 200 OK\", 15, 0) = 15",
    );
    let order = |parts: &[&String]| steps(&parts.iter().map(|part| part.as_str()).collect::<String>(), 80);
    assert_eq!(prove(&order(&[&asked, &logged, &begun, &ended, &answered])), 1);
    for early in [
        order(&[&asked, &logged, &begun, &answered, &ended]),
        order(&[&asked, &logged, &answered, &begun, &ended]),
        order(&[&asked, &begun, &ended, &logged, &answered]),
        order(&[&logged, &begun, &ended, &asked, &answered]),
    ] {
        assert!(std::panic::catch_unwind(|| prove(&early)).is_err(), "{early:?}");
    }
}
