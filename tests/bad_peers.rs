//! What do peers cost that mean no good, or know no better? Forged cursors, cores that answer garbage or read nothing, tokens that
//! ask too often, and ten thousand connections that say nothing: nothing is lost, nobody else waits, and no log is filled.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "bad_peers/cores.rs"]
mod cores;
#[path = "bad_peers/cursors.rs"]
mod cursors;
#[path = "bad_peers/idle.rs"]
mod idle;
#[path = "bad_peers/limits.rs"]
mod limits;
#[path = "bad_peers/strangers.rs"]
mod strangers;
mod support;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Every cause is logged once a second at most; what a core is called tells one cause from another.
fn assert_quiet(log: &str) {
    let mut last = BTreeMap::<(String, String), DateTime<Utc>>::new();
    for line in log.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if line["level"] == "INFO" {
            continue;
        }
        let fields = if line["fields"].is_object() {
            &line["fields"]
        } else {
            &line
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cause = (text(&fields["message"]), text(&fields["core"]));
        let at: DateTime<Utc> = text(&line["timestamp"]).parse().unwrap_or_else(|_| panic!("{line}"));
        if let Some(before) = last.insert(cause, at) {
            let apart = at - before;
            assert!(apart.num_milliseconds() > 900, "{apart} after the last one: {line}");
        }
    }
}

/// Resident memory of a process, in MiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
