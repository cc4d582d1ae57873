//! How much memory does it hold, idle and with a long backlog, and does the backlog drain in order?

use std::{
    thread,
    time::{Duration, Instant},
};

use super::fill;
use crate::{
    Outcome, Plan,
    core::{Core, Place, SILENT},
    daemon::{CoreAt, Daemon, Way},
    process::Process,
    report::{Table, count, mib},
    sealing::{Platform, accounts},
};

const ACCOUNTS: u64 = 1_000;
/// Events of each customer in the backlog.
const EACH: u64 = 10;
/// What was freed goes back to the system, and background work ends.
const SETTLE: Duration = Duration::from_secs(3);
/// A core that came back is found by a probe, at most 72 s later.
const SILENCE: Duration = Duration::from_secs(100);

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    let mut rows = idle(plan)?;
    rows.extend(backlog(plan)?);
    Ok(vec![Table {
        title: "Resident memory".into(),
        columns: vec!["state", "MiB", "peak MiB", ""],
        rows,
        note: "The backlog was heard in order, without a hole.".into(),
    }])
}

fn idle(plan: &Plan) -> Outcome<Vec<Vec<String>>> {
    let mut daemon = Daemon::start(&plan.dir, None, &accounts(ACCOUNTS))?;
    thread::sleep(SETTLE);
    let entered = row(
        daemon.process(),
        format!("idle, {ACCOUNTS} accounts just entered"),
        String::new(),
    );
    daemon.kill_and_start()?;
    thread::sleep(SETTLE);
    let started = row(
        daemon.process(),
        format!("idle, {ACCOUNTS} accounts, started again"),
        String::new(),
    );
    Ok(vec![entered, started])
}

fn backlog(plan: &Plan) -> Outcome<Vec<Vec<String>>> {
    let place = Place::hold()?;
    let at = CoreAt {
        way: Way::Http,
        address: place.address,
        reply_budget: "0ms",
    };
    let accounts = accounts(1);
    let mut daemon = Daemon::start(&plan.dir, Some(at), &accounts)?;
    let mut platform = Platform::new((plan.events / EACH).max(1));
    let sent = fill(&daemon, &mut platform, &accounts, plan.events)?;
    daemon.wait_for(sent.acknowledged)?;
    thread::sleep(SETTLE);
    let events = count(sent.acknowledged as f64);
    let disk = daemon.stored()?.0 / sent.acknowledged;
    let waits = row(
        daemon.process(),
        format!(
            "{events} events of {} customers wait for a core that is down",
            plan.events / EACH
        ),
        format!("taken at {}/s, {disk} bytes of disk an event", count(sent.rate())),
    );
    daemon.kill_and_start()?;
    daemon.wait_for(sent.acknowledged)?;
    thread::sleep(SETTLE);
    let again = row(daemon.process(), "the same, started again".into(), String::new());
    let drained = drain(&daemon, place, sent.acknowledged)?;
    Ok(vec![waits, again, drained])
}

fn drain(daemon: &Daemon, place: Place, events: u64) -> Outcome<Vec<String>> {
    let core = Core::start(place, SILENT)?;
    core.heard(1, SILENCE)?;
    let began = Instant::now();
    core.heard(events, SILENCE)?;
    let rate = events as f64 / began.elapsed().as_secs_f64();
    daemon.wait_for(0)?;
    let what = format!("drained at {}/s, {} events heard twice", count(rate), core.repeated());
    Ok(row(daemon.process(), "after the core came back".into(), what))
}

fn row(process: &Process, state: String, what: String) -> Vec<String> {
    vec![state, mib(process.resident()), mib(process.peak()), what]
}
