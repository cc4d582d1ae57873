//! Does a core that is slow make us large? A full store waits for it, by each way in, while it takes a little.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::{CUSTOMERS, fill, in_front_of};
use crate::{
    Outcome, Plan,
    core::{Core, Place},
    daemon::{CORE, Daemon, Way},
    http::Wire,
    process::Bytes,
    report::{Table, count, mib},
    sealing::{Account, Platform},
};

/// What the core takes its time for: each event, or each page.
const SLOW: Duration = Duration::from_secs(1);
const PAGE: usize = 500;
/// What is promised, however much waits.
const BOUND: Bytes = Bytes(150 << 20);

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    let mut rows = Vec::new();
    for (name, way) in [("HTTP push", Way::Http), ("gRPC push", Way::Grpc), ("pull", Way::Feed)] {
        eprintln!("  {name}");
        rows.push(row(plan, name, way)?);
    }
    Ok(vec![Table {
        title: "A full store waits for a slow core".into(),
        columns: vec!["way", "events waiting", "MiB", "peak MiB", "within 150 MiB"],
        rows,
        note: format!(
            "{} events of {CUSTOMERS} conversations; the core takes a second for each event that is pushed, or for each page of \
             {PAGE}. The peak is that of filling the store, of the waiting, and of a start on what waits.",
            count(plan.events as f64)
        ),
    }])
}

fn row(plan: &Plan, name: &str, way: Way) -> Outcome<Vec<String>> {
    let place = Place::hold()?;
    let address = place.address;
    let core = match way {
        Way::Http => Some(Core::start_slow(place, SLOW)?),
        Way::Grpc => Some(Core::start_slow_grpc(place, SLOW)?),
        Way::Feed => None,
    };
    let (mut daemon, accounts) = in_front_of(plan, way, address)?;
    let (internal, token) = daemon.internal()?;
    let ended = AtomicBool::new(false);
    let (waiting, resident, peak) = thread::scope(|scope| {
        if core.is_none() {
            scope.spawn(|| pull(internal, &token, &ended));
        }
        let held = held(plan, &mut daemon, &accounts);
        ended.store(true, Ordering::Relaxed);
        held
    })?;
    let within = peak.is_some_and(|peak| peak <= BOUND);
    Ok(vec![
        name.to_owned(),
        count(waiting as f64),
        mib(resident),
        mib(peak),
        if within { "yes" } else { "NO" }.to_owned(),
    ])
}

type Held = (u64, Option<Bytes>, Option<Bytes>);

/// What waits at the end, what it takes, and the most that it ever took.
fn held(plan: &Plan, daemon: &mut Daemon, accounts: &[Account]) -> Outcome<Held> {
    fill(daemon, &mut Platform::new(CUSTOMERS), accounts, plan.events)?;
    let rest = plan.load.max(Duration::from_secs(10));
    thread::sleep(rest);
    let filled = daemon.process().peak();
    daemon.kill_and_start()?;
    thread::sleep(rest);
    let process = daemon.process();
    Ok((daemon.waiting()?, process.resident(), filled.max(process.peak())))
}

/// A core that takes a page a second; whatever breaks (the daemon is started again once), it comes back.
fn pull(internal: SocketAddr, token: &str, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        // Who pulls is measured by nobody.
        let _ = page(internal, token);
        thread::sleep(SLOW);
    }
}

fn page(internal: SocketAddr, token: &str) -> Outcome<()> {
    let mut wire = Wire::connect(internal)?;
    let ask = |method: &str, path: &str, body: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {internal}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let fetch = ask("GET", &format!("/v1/events?core={CORE}&limit={PAGE}"), "");
    let (_, page) = wire.exchange(fetch.as_bytes())?;
    let page: serde_json::Value = serde_json::from_slice(page)?;
    let ack = serde_json::json!({ "core": CORE, "cursor": page["next"] }).to_string();
    wire.exchange(ask("POST", "/v1/events/ack", &ack).as_bytes())?;
    Ok(())
}
