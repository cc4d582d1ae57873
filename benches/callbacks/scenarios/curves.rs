//! Does a callback cost more when there are more accounts, or more stored events?

use super::{CHUNK, CONNECTIONS, CUSTOMERS, enough, fill, timed};
use crate::{
    Outcome, Plan,
    client::{self, Load},
    daemon::Daemon,
    report::{Table, count, median, spread},
    sealing::{Account, Platform, accounts},
};

const ACCOUNTS: [u64; 3] = [1, 1_000, 10_000];
/// Interleaved, so that a noisy moment meets all alike.
const ROUNDS: usize = 3;

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
            found.push(one(plan, daemon, accounts, platform)?);
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
    let full = Daemon::start(&plan.dir, None, &accounts)?;
    let mut platform = Platform::new(CUSTOMERS);
    let mut rows = Vec::new();
    let mut stored = 0;
    while stored < plan.events {
        let chunk = CHUNK.min(plan.events - stored);
        let (sent, cpu) = timed(full.process(), || fill(&full, &mut platform, &accounts, chunk))?;
        let span = format!("{} to {}", count(stored as f64), count((stored + chunk) as f64));
        stored += sent.acknowledged;
        rows.push(row(span, &[(sent.rate(), cpu)]));
    }
    let (mut on_empty, mut on_full) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let empty = Daemon::start(&plan.dir, None, &accounts)?;
        on_empty.push(one(plan, &empty, &accounts, &mut Platform::new(CUSTOMERS))?);
        on_full.push(one(plan, &full, &accounts, &mut platform)?);
    }
    rows.push(row("interleaved: a fresh store".into(), &on_empty));
    rows.push(row(
        format!("interleaved: on top of {}", count(stored as f64)),
        &on_full,
    ));
    Ok(Table {
        title: "A callback's cost by the number of stored events".into(),
        columns: vec!["events stored", "callbacks/s", "CPU µs/callback"],
        rows,
        note: note(plan, "The first rows are one store as it grows."),
    })
}

/// The rate of one load, and its cost.
fn one(plan: &Plan, daemon: &Daemon, accounts: &[Account], platform: &mut Platform) -> Outcome<(f64, f64)> {
    let batch = enough(platform, accounts, plan.load);
    let load = Load {
        connections: CONNECTIONS,
        lasts: Some(plan.load),
        again: false,
    };
    let (sent, cpu) = timed(daemon.process(), || client::run(daemon.public(), &batch, &load))?;
    Ok((sent.rate(), cpu))
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
