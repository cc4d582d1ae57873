//! How long does a customer's message take through the bridge? One at a time: callback, core, passive reply.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use wxbridge::envelope::{cipher, outer};

use super::CUSTOMERS;
use crate::{
    Outcome, Plan,
    core::{Core, Place, REPLYING},
    daemon::{CoreAt, Daemon, Way},
    http::Wire,
    noop::Noop,
    report::{Table, millis},
    sealing::{Account, Batch, Platform, accounts},
};

const TURNS: usize = 500;
/// The first ones open connections and files.
const WARM: usize = 20;
/// Between two turns everybody goes to sleep, as in a quiet hour.
const PAUSE: Duration = Duration::from_millis(5);

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    let accounts = accounts(1);
    let batch = Platform::new(CUSTOMERS).seal(&accounts, WARM + TURNS);
    let noop = Noop::start()?;
    let direct = turns(noop.address, &batch, |answer| answer == b"success")?;
    let core = Core::start(Place::hold()?, REPLYING)?;
    let at = CoreAt {
        way: Way::Http,
        address: core.address,
        reply_budget: "4000ms",
    };
    let daemon = Daemon::start(&plan.dir, Some(at), &accounts)?;
    let whole = turns(daemon.public(), &batch, |answer| answered(&accounts[0], answer))?;
    let spent = core.spent();
    if core.repeated() > 0 || spent.len() != WARM + TURNS {
        return Err(format!("the core answered {} times, not {}", spent.len(), WARM + TURNS).into());
    }
    let trip = middle(&direct);
    let added = whole.iter().zip(&spent[WARM..]);
    let added: Vec<Duration> = added.map(|(whole, core)| whole.saturating_sub(*core + trip)).collect();
    let row = |name: &str, mut times: Vec<Duration>| {
        times.sort_unstable();
        let at = |share: usize| millis(times[times.len() * share / 100]);
        vec![name.to_owned(), at(50), at(99)]
    };
    let rows = vec![
        row("whole turn", whole),
        row("the core alone", spent[WARM..].to_vec()),
        row("a round trip to the no-op handler", direct),
        row("what the bridge adds", added),
    ];
    Ok(vec![Table {
        title: "One message, from its callback to the core and back as the passive reply".into(),
        columns: vec!["", "p50 ms", "p99 ms"],
        rows,
        note: format!(
            "{TURNS} turns, one at a time, {PAUSE:?} apart; every reply was opened and held the core's text."
        ),
    }])
}

/// The times of all turns but the first ones.
fn turns(address: SocketAddr, batch: &Batch, right: impl Fn(&[u8]) -> bool) -> Outcome<Vec<Duration>> {
    let mut wire = Wire::connect(address)?;
    let mut times = Vec::new();
    for turn in 0..batch.len() {
        thread::sleep(PAUSE);
        let began = Instant::now();
        let (status, answer) = wire.exchange(batch.request(turn))?;
        times.push(began.elapsed());
        if status != 200 || !right(answer) {
            return Err(format!("turn {turn}: {status} {}", String::from_utf8_lossy(answer)).into());
        }
    }
    Ok(times.split_off(WARM))
}

/// A sealed reply that holds the core's text.
fn answered(account: &Account, answer: &[u8]) -> bool {
    let Ok(Some(sealed)) = outer::parse(answer) else {
        return false;
    };
    let opened = cipher::decode(&sealed.encrypt).and_then(|bytes| cipher::open(&account.key, bytes));
    opened.is_ok_and(|it| String::from_utf8_lossy(&it.message).contains("您好，已收到。"))
}

fn middle(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
