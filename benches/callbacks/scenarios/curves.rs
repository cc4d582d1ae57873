//! Does a callback cost more when there are more accounts, or more stored events?

use std::time::Duration;

use super::{CHUNK, CONNECTIONS, CUSTOMERS, enough, fill, timed};
use crate::{
    Outcome, Plan,
    client::{self, Load, Sent},
    core::{Core, Place, SILENT},
    daemon::{CoreAt, Daemon, Way},
    report::{Table, count, median, spread},
    sealing::{Account, Platform, accounts},
};

const ACCOUNTS: [u64; 3] = [1, 1_000, 10_000];
/// Interleaved, so that a noisy moment meets all alike.
const ROUNDS: usize = 3;
/// A core that hears nothing for so long hears nothing any more.
const SILENCE: Duration = Duration::from_secs(60);

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    Ok(vec![by_accounts(plan)?, growing(plan)?])
}

fn by_accounts(plan: &Plan) -> Outcome<Table> {
    let mut subjects = Vec::new();
    for number in ACCOUNTS {
        let accounts = accounts(number);
        let daemon = Daemon::start(&plan.dir, None, &accounts)?;
        eprintln!("  {number} accounts entered");
        subjects.push((daemon, accounts, Platform::new(CUSTOMERS), Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (daemon, accounts, platform, found) in &mut subjects {
            let (sent, cpu) = one(plan, daemon, accounts, platform)?;
            found.push((sent.rate(), cpu));
        }
    }
    let named = ACCOUNTS.iter().zip(&subjects);
    Ok(Table {
        title: "A callback's cost by the number of accounts".into(),
        columns: vec!["accounts", "callbacks/s", "CPU µs/callback"],
        rows: named
            .map(|(accounts, (.., found))| row(count(*accounts as f64), found))
            .collect(),
        note: note(plan, "Callbacks are spread over all accounts."),
    })
}

fn growing(plan: &Plan) -> Outcome<Table> {
    let accounts = accounts(1);
    let mut full = Subject::start(plan, &accounts)?;
    let mut rows = Vec::new();
    while full.stored < plan.events {
        let (before, chunk) = (full.stored, CHUNK.min(plan.events - full.stored));
        let (sent, cpu) = timed(full.daemon.process(), || {
            fill(&full.daemon, &mut full.platform, &accounts, chunk)
        })?;
        full.delivered(sent.acknowledged)?;
        let span = format!("{} to {}", count(before as f64), count(full.stored as f64));
        rows.push(row(span, &[(sent.rate(), cpu)]));
    }
    let stored = count(full.stored as f64);
    let (mut on_empty, mut on_full) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        on_empty.push(Subject::start(plan, &accounts)?.load(plan, &accounts)?);
        on_full.push(full.load(plan, &accounts)?);
    }
    rows.push(row("interleaved: a fresh store".into(), &on_empty));
    rows.push(row(format!("interleaved: on top of {stored}"), &on_full));
    Ok(Table {
        title: "A callback's cost by the number of stored events".into(),
        columns: vec!["events stored", "callbacks/s", "CPU µs/callback"],
        rows,
        note: note(
            plan,
            "A core takes every event, which is part of the cost. The first rows are one store as it grows.",
        ),
    })
}

/// A daemon with a core that takes everything.
struct Subject {
    daemon: Daemon,
    core: Core,
    platform: Platform,
    stored: u64,
}

impl Subject {
    fn start(plan: &Plan, accounts: &[Account]) -> Outcome<Self> {
        let core = Core::start(Place::hold()?, SILENT)?;
        let at = CoreAt {
            way: Way::Http,
            address: core.address,
            reply_budget: "0ms",
        };
        Ok(Self {
            daemon: Daemon::start(&plan.dir, Some(at), accounts)?,
            core,
            platform: Platform::new(CUSTOMERS),
            stored: 0,
        })
    }

    fn load(&mut self, plan: &Plan, accounts: &[Account]) -> Outcome<(f64, f64)> {
        let (sent, cpu) = one(plan, &self.daemon, accounts, &mut self.platform)?;
        self.delivered(sent.acknowledged)?;
        Ok((sent.rate(), cpu))
    }

    /// So many more are stored; the next load begins when the core has heard them.
    fn delivered(&mut self, more: u64) -> Outcome<()> {
        self.stored += more;
        self.core.heard(self.stored, SILENCE)
    }
}

/// The rate of one load, and its cost.
fn one(plan: &Plan, daemon: &Daemon, accounts: &[Account], platform: &mut Platform) -> Outcome<(Sent, f64)> {
    let batch = enough(platform, accounts, plan.load);
    let load = Load {
        connections: CONNECTIONS,
        lasts: Some(plan.load),
        again: false,
    };
    timed(daemon.process(), || client::run(daemon.public(), &batch, &load))
}

fn row(what: String, found: &[(f64, f64)]) -> Vec<String> {
    let rates: Vec<f64> = found.iter().map(|(rate, _)| *rate).collect();
    let costs: Vec<f64> = found.iter().map(|(_, cost)| *cost).collect();
    vec![what, count(median(&rates)), spread(&costs, 1)]
}

fn note(plan: &Plan, what: &str) -> String {
    format!(
        "{CONNECTIONS} connections, median of {ROUNDS} interleaved rounds of {:?}. {what}",
        plan.load
    )
}
