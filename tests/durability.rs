//! Is `success` said only of what is on the disk? The kernel's own record of the real binary: between what is written to
//! the log for a callback and the answer to it lies a completed `fdatasync` of the log.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
};

use futures_util::future::join_all;
use serde_json::json;
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
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
    /// The core's answer was read.
    CoreSaid,
}

/// What is asked and answered at the two doors: callbacks at the first, sends at the second. Reads a trace of `strace -f -yy`. A call that is interrupted by another thread's has two lines.
fn steps(trace: &str, doors: [u16; 2], core: u16) -> Vec<Step> {
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
        let log = head.contains("-wal>");
        let from_core = head.contains(&format!("->127.0.0.1:{core}]>"));
        let [public, internal] = doors.map(|port| head.contains(&format!("<TCP:[127.0.0.1:{port}->")));
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
            "write" | "writev" | "sendto" | "sendmsg"
                if begins && (public && head.contains("HTTP/1.1 200") || internal && head.contains("HTTP/1.1 202")) =>
            {
                steps.push(Step::Answered(connection()));
            }
            // What was read stands in the line that ends the call.
            "read" | "readv" | "recvfrom" | "recvmsg"
                if ends
                    && (public && call.contains("POST /callback/")
                        || internal && call.contains("POST /v1/messages")) =>
            {
                steps.push(Step::Asked(connection()));
            }
            "read" | "readv" | "recvfrom" | "recvmsg" if from_core && ends && call.contains("HTTP/1.1 200") => {
                steps.push(Step::CoreSaid);
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
        synced_between(steps, asked, at);
    }
    answers
}

/// Between two steps something is logged, and after it a whole sync.
fn synced_between(steps: &[Step], from: usize, to: usize) {
    let find = |from: usize, wanted: Step| {
        let found = steps[from..to].iter().position(|step| *step == wanted);
        found.map(|offset| from + offset)
    };
    let logged = find(from, Step::Logged);
    let logged = logged.unwrap_or_else(|| panic!("answered at step {to}, and nothing was logged since step {from}"));
    let begun = find(logged, Step::SyncBegins);
    let begun = begun.unwrap_or_else(|| panic!("answered at step {to}, no sync began since step {logged}"));
    let ended = find(begun, Step::SyncEnds).is_some();
    assert!(ended, "answered at step {to} before the sync of step {begun} was over");
}

/// The binary under the tracer, and where its calls are written.
async fn traced(setup: Setup, folder: &Path) -> (Bridge, PathBuf) {
    let there = Command::new("strace").arg("-V").output().is_ok();
    assert!(there, "strace is not installed; tests/run installs what the tests need");
    let trace = folder.join("trace");
    let words = format!(
        "strace -D -f -ttt -yy -s 64 -e {TRACED} -e signal=none -o {}",
        trace.display()
    );
    // -D: the tracer stands aside, so that our child is the binary itself.
    let words: Vec<&str> = words.split(' ').collect();
    (Bridge::start(setup.before(&words)).await, trace)
}

/// Ends the binary and reads what it did.
async fn steps_of(mut bridge: Bridge, trace: &Path, core: u16) -> Vec<Step> {
    let doors = [bridge.public_port(), bridge.internal_port()];
    assert_eq!(bridge.stop().await, 0, "{}", bridge.log());
    let trace = support::until("the end of the trace", async || {
        let text = std::fs::read_to_string(trace).unwrap_or_default();
        text.contains("+++ exited with 0 +++").then_some(text)
    })
    .await;
    steps(&trace, doors, core)
}

#[tokio::test]
async fn no_callback_is_answered_before_the_log_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    // No core: what is written is written for the callbacks.
    let (bridge, trace) = traced(Setup::new(), folder.path()).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    for number in 0..20 {
        let text = format!("one by one {number}");
        assert_eq!(bridge.text(&shop, "oOne", &text).await, (200, "success".into()));
    }
    for round in 0..10 {
        let many = (0..16).map(|number| {
            let (bridge, shop) = (&bridge, &shop);
            let (openid, text) = (format!("o{number}"), format!("together {round}"));
            async move { bridge.text(shop, &openid, &text).await }
        });
        for answer in join_all(many).await {
            assert_eq!(answer, (200, "success".into()));
        }
    }
    let steps = steps_of(bridge, &trace, 0).await;
    assert_eq!(prove(&steps), 180, "every answer was seen");
    let syncs = steps.iter().filter(|step| **step == Step::SyncEnds).count();
    println!("180 answers, {syncs} syncs of the log");
}

#[tokio::test]
async fn no_answer_of_the_core_leaves_and_no_send_is_accepted_before_the_log_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let core = Core::start(|_| Said::reply("kept first")).await;
    let (bridge, trace) = traced(Setup::to_core(&core, ""), folder.path()).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    for number in 0..10 {
        let (status, body) = bridge.text(&shop, "oOne", &format!("one by one {number}")).await;
        assert!(shop.open_reply(&body).is_ok(), "{status} {body}");
    }
    for number in 0..5 {
        let wish = json!({ "conversationKey": shop.conversation("oOne"), "text": format!("{number}") });
        assert_eq!(bridge.post("/v1/messages", &wish).await.0, 202);
    }
    let steps = steps_of(bridge, &trace, core.address.port()).await;
    assert_eq!(prove(&steps), 15, "every answer was seen");
    // The acceptance of the event and the reply to it are one commit, and the reply leaves after it.
    let mut passive = 0;
    for (at, step) in steps.iter().enumerate() {
        let said = steps[..at].iter().rposition(|step| *step == Step::CoreSaid);
        let asked = steps[..at].iter().rposition(|step| matches!(step, Step::Asked(_)));
        if let (Step::Answered(_), Some(said), Some(asked)) = (step, said, asked)
            && said > asked
        {
            synced_between(&steps, said, at);
            passive += 1;
        }
    }
    assert_eq!(passive, 10);
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
    let order = |parts: &[&String]| {
        steps(
            &parts.iter().map(|part| part.as_str()).collect::<String>(),
            [80, 81],
            82,
        )
    };
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
