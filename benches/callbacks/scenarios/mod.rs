//! What is measured? One file for each question.

mod bells;
mod curves;
mod delivery;
mod latency;
mod memory;
mod pairs;
mod pull;
mod waiting;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    Outcome, Plan, What,
    client::{self, Load, Sent},
    daemon::{CoreAt, Daemon, Way},
    machine,
    process::Process,
    report::Table,
    sealing::{Account, Batch, Platform, accounts},
};

/// Customers of an ordinary load.
const CUSTOMERS: u64 = 10_000;
/// More callbacks a second than one core of today's machines takes durably: a batch of these outlasts its load.
const PER_CORE: f64 = 35_000.0;
/// Requests made at a time where many are needed: about 100 MB.
const CHUNK: u64 = 100_000;
/// Connections of a load whose subject is something else.
const CONNECTIONS: usize = 64;

pub fn run(what: What, plan: &Plan) -> Outcome<Vec<Table>> {
    match what {
        What::Rate => pairs::measure(plan, pairs::Core::None),
        What::Core => {
            let mut tables = pairs::measure(plan, pairs::Core::Silent(Way::Http))?;
            tables.extend(pairs::measure(plan, pairs::Core::Silent(Way::Grpc))?);
            Ok(tables)
        }
        What::Latency => latency::measure(plan),
        What::Memory => memory::measure(plan),
        What::Curves => curves::measure(plan),
        What::Delivery => delivery::measure(plan),
        What::Pull => pull::measure(plan),
        What::Bells => bells::measure(plan),
        What::Waiting => waiting::measure(plan),
    }
}

/// A fresh daemon with one account, whose core is at this address or will be; no callback waits for it.
fn in_front_of(plan: &Plan, way: Way, address: SocketAddr) -> Outcome<(Daemon, Vec<Account>)> {
    let at = CoreAt {
        way,
        address,
        reply_budget: "0ms",
    };
    let accounts = accounts(1);
    let daemon = Daemon::start(&plan.dir, Some(at), &accounts)?;
    Ok((daemon, accounts))
}

/// Enough callbacks for one load.
fn enough(platform: &mut Platform, accounts: &[Account], lasts: Duration) -> Arc<Batch> {
    let count = PER_CORE * machine::cores() as f64 * lasts.as_secs_f64();
    // A positive number far below what a usize holds.
    Arc::new(platform.seal(accounts, (count as usize).clamp(1_000, 1_000_000)))
}

/// Sends so many callbacks, as fast as they are taken.
fn fill(daemon: &Daemon, platform: &mut Platform, accounts: &[Account], events: u64) -> Outcome<Sent> {
    let mut all = Sent {
        acknowledged: 0,
        took: Duration::ZERO,
    };
    let load = Load {
        connections: CONNECTIONS,
        lasts: None,
        again: false,
    };
    while all.acknowledged < events {
        let count = CHUNK.min(events - all.acknowledged);
        // At most the size of a chunk.
        let batch = Arc::new(platform.seal(accounts, count as usize));
        let sent = client::run(daemon.public(), &batch, &load)?;
        all.acknowledged += sent.acknowledged;
        all.took += sent.took;
        eprintln!("  {} events stored", all.acknowledged);
    }
    Ok(all)
}

/// A load, and the processor time that the server spent on each request.
fn timed(process: &Process, load: impl FnOnce() -> Outcome<Sent>) -> Outcome<(Sent, f64)> {
    let before = process.cpu();
    let sent = load()?;
    let spent = process
        .cpu()
        .zip(before)
        .map_or(Duration::ZERO, |(after, before)| after - before);
    Ok((sent, spent.as_secs_f64() * 1e6 / sent.acknowledged.max(1) as f64))
}
