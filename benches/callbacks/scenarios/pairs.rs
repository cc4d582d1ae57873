//! What share of the rate of a handler that does nothing is left when every callback is verified, opened, read and durable?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{CUSTOMERS, enough, timed};
use crate::{
    Outcome, Plan,
    client::{self, Load},
    core::{self, SILENT},
    daemon::{CoreAt, Daemon, Way},
    noop::Noop,
    process::Bytes,
    report::{Table, count, median, mib, spread},
    sealing::{Account, Batch, Platform, accounts},
};

const LOADS: [usize; 2] = [64, 256];
/// A core that hears nothing for so long hears nothing any more.
const SILENCE: Duration = Duration::from_secs(60);

/// Who takes the events meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    None,
    /// One that says nothing, called this way.
    Silent(Way),
}

/// Everything of one pair.
struct Pair {
    noop_rate: f64,
    noop_cpu: f64,
    rate: f64,
    cpu: f64,
    peak: Option<Bytes>,
    /// Not heard by the core when the load stopped, and how long it then took.
    behind: u64,
    caught_up: Duration,
}

pub fn measure(plan: &Plan, core: Core) -> Outcome<Vec<Table>> {
    let noop = Noop::start()?;
    let accounts = accounts(1);
    let mut rows = Vec::new();
    for connections in LOADS {
        let mut pairs = Vec::new();
        for number in 0..plan.pairs {
            let pair = pair(plan, core, connections, &noop, &accounts)?;
            eprintln!(
                "  {connections} connections, pair {}: {:.2}",
                number + 1,
                pair.rate / pair.noop_rate
            );
            pairs.push(pair);
        }
        rows.push(row(core, connections, &pairs));
    }
    Ok(vec![table(plan, core, rows)])
}

fn pair(plan: &Plan, core: Core, connections: usize, noop: &Noop, accounts: &[Account]) -> Outcome<Pair> {
    let batch = enough(&mut Platform::new(CUSTOMERS), accounts, plan.load);
    let nothing = Load {
        connections,
        lasts: Some(plan.load),
        again: true,
    };
    let (idle, noop_cpu) = timed(&noop.process, || client::run(noop.address, &batch, &nothing))?;
    let mut pair = Pair {
        noop_rate: idle.rate(),
        noop_cpu,
        rate: 0.0,
        cpu: 0.0,
        peak: None,
        behind: 0,
        caught_up: Duration::ZERO,
    };
    let load = Load {
        again: false,
        ..nothing
    };
    match core {
        Core::None => without_core(plan, &batch, &load, accounts, &mut pair)?,
        Core::Silent(way) => with_core(plan, way, &batch, &load, accounts, &mut pair)?,
    }
    Ok(pair)
}

/// Nobody takes the events; what was acknowledged must wait in the store after a SIGKILL.
fn without_core(plan: &Plan, batch: &Arc<Batch>, load: &Load, accounts: &[Account], pair: &mut Pair) -> Outcome<()> {
    let mut daemon = Daemon::start(&plan.dir, None, accounts)?;
    let (sent, cpu) = timed(daemon.process(), || client::run(daemon.public(), batch, load))?;
    pair.rate = sent.rate();
    pair.cpu = cpu;
    pair.peak = daemon.process().peak();
    daemon.wait_for(sent.acknowledged)?;
    daemon.kill_and_start()?;
    daemon.wait_for(sent.acknowledged)
}

/// A core takes the events meanwhile; it must hear every acknowledged one, in order.
fn with_core(
    plan: &Plan,
    way: Way,
    batch: &Arc<Batch>,
    load: &Load,
    accounts: &[Account],
    pair: &mut Pair,
) -> Outcome<()> {
    let place = core::Place::hold()?;
    let heard = match way {
        Way::Grpc => core::Core::start_grpc(place)?,
        _ => core::Core::start(place, SILENT)?,
    };
    let at = CoreAt {
        way,
        address: heard.address,
        reply_budget: "0ms",
    };
    let daemon = Daemon::start(&plan.dir, Some(at), accounts)?;
    let (sent, cpu) = timed(daemon.process(), || client::run(daemon.public(), batch, load))?;
    let stopped = Instant::now();
    pair.behind = sent.acknowledged.saturating_sub(heard.taken());
    heard.heard(sent.acknowledged, SILENCE)?;
    pair.caught_up = stopped.elapsed();
    pair.rate = sent.rate();
    pair.cpu = cpu;
    pair.peak = daemon.process().peak();
    daemon.wait_for(0)?;
    if heard.taken() != sent.acknowledged {
        return Err(format!("the core heard {} events of {}", heard.taken(), sent.acknowledged).into());
    }
    Ok(())
}

fn row(core: Core, connections: usize, pairs: &[Pair]) -> Vec<String> {
    let all = |of: fn(&Pair) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
    let mut row = vec![
        connections.to_string(),
        spread(&all(|pair| pair.rate / pair.noop_rate), 2),
        count(median(&all(|pair| pair.rate))),
        count(median(&all(|pair| pair.noop_rate))),
        format!("{:.1}", median(&all(|pair| pair.cpu))),
        format!("{:.1}", median(&all(|pair| pair.noop_cpu))),
        mib(pairs.iter().filter_map(|pair| pair.peak).max()),
    ];
    if core != Core::None {
        // What waits, as seconds of the load.
        row.push(spread(&all(|pair| pair.behind as f64 / pair.rate), 2));
        row.push(spread(&all(|pair| pair.caught_up.as_secs_f64()), 2));
    }
    row
}

fn table(plan: &Plan, core: Core, rows: Vec<Vec<String>>) -> Table {
    let mut columns = vec![
        "connections",
        "share of the no-op's rate",
        "callbacks/s",
        "no-op/s",
        "CPU µs/callback",
        "no-op's",
        "peak MiB",
    ];
    let title = match core {
        Core::None => "Durable callbacks, no core",
        Core::Silent(Way::Grpc) => "Durable callbacks while a core takes every event over gRPC",
        Core::Silent(_) => "Durable callbacks while a core takes every event",
    };
    let mut note = format!(
        "Median (least-most) of {} interleaved pairs of {:?}, each on a fresh store; sealed text messages of {} customers. ",
        plan.pairs, plan.load, CUSTOMERS,
    );
    match core {
        Core::None => {
            note.push_str("Every answer was 200 success; after a SIGKILL the store held exactly what was acknowledged.")
        }
        Core::Silent(_) => {
            columns.extend(["undelivered at the end, s of load", "caught up in s"]);
            note.push_str("The core heard every acknowledged event, in order and without a hole.");
        }
    }
    Table {
        title: title.into(),
        columns,
        rows,
        note,
    }
}
