//! How fast does a backlog reach a core that answers at once: pushed over HTTP, over gRPC, or pulled?
//!
//! Beside it, what HTTP could do at best: the same bodies, signed and posted by an HTTP client that does nothing else, and by
//! sockets without one; and a core that refuses one conversation, which must not keep the others waiting.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, de::IgnoredAny};

use super::{CUSTOMERS, fill, in_front_of};
use crate::{
    Outcome, Plan,
    bare::{self, By},
    core::{Core, Place, SILENT},
    daemon::{CORE, Daemon, Way},
    http::Wire,
    process::Bytes,
    report::{Table, count, median, mib, spread},
    sealing::Platform,
};

/// A tenth of what a full store holds: by default a hundred thousand.
const SHARE: u64 = 10;
const SILENCE: Duration = Duration::from_secs(100);
const PAGE: usize = 1_000;
/// Pages that have come and are not looked at.
const AHEAD: usize = 2;
const IN_FLIGHT: usize = 64;

/// One way, and what it came to.
struct Run {
    rate: f64,
    /// Microseconds of processor time an event.
    cpu: f64,
    peak: Option<Bytes>,
}

/// Every way once, one right after the other: what is said of one to another is said inside a round, because a machine that is
/// shared changes its speed from minute to minute.
struct Round {
    pushed: Run,
    /// By a client, and by sockets alone.
    bare: f64,
    sockets: f64,
    refusing: Run,
    grpc: Run,
    pulled: Run,
}

pub fn measure(plan: &Plan) -> Outcome<Vec<Table>> {
    let events = (plan.events / SHARE).max(CUSTOMERS);
    let mut rounds = Vec::new();
    for number in 0..plan.pairs {
        let round = round(plan, events)?;
        let push = round.pushed.rate;
        eprintln!(
            "  round {}: HTTP {push:.0}/s, {:.2} of bare, {:.2} of sockets, refused {:.2}, gRPC {:.2}, pull {:.2}",
            number + 1,
            push / round.bare,
            push / round.sockets,
            round.refusing.rate / push,
            round.grpc.rate / push,
            round.pulled.rate / push,
        );
        rounds.push(round);
    }
    Ok(vec![table(events, &rounds)])
}

fn round(plan: &Plan, events: u64) -> Outcome<Round> {
    let mut bodies = Vec::new();
    let pushed = backlog(plan, Way::Http, events, |daemon, place| {
        let core = Core::start(place, SILENT)?;
        let run = heard(daemon, &core, events)?;
        bodies = core.kept();
        Ok(run)
    })?;
    Ok(Round {
        pushed,
        bare: bare::posts(&bodies, By::Client, IN_FLIGHT, plan.load)?,
        sockets: bare::posts(&bodies, By::Sockets, IN_FLIGHT, plan.load)?,
        refusing: refused(plan, events, &bodies)?,
        grpc: backlog(plan, Way::Grpc, events, |daemon, place| {
            heard(daemon, &Core::start_grpc(place)?, events)
        })?,
        pulled: backlog(plan, Way::Feed, events, |daemon, _| pull(daemon, events))?,
    })
}

fn table(events: u64, rounds: &[Round]) -> Table {
    let all = |of: &dyn Fn(&Round) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let line = |what: &str, run: fn(&Round) -> &Run| {
        vec![
            what.to_owned(),
            count(median(&all(&|round| run(round).rate))),
            spread(&all(&|round| run(round).rate / round.pushed.rate), 2),
            spread(&all(&|round| run(round).rate / round.bare), 2),
            spread(&all(&|round| run(round).cpu), 1),
            mib(rounds.iter().filter_map(|round| run(round).peak).max()),
        ]
    };
    let best = |what: &str, rate: fn(&Round) -> f64| {
        vec![
            what.to_owned(),
            count(median(&all(&rate))),
            spread(&all(&|round| rate(round) / round.pushed.rate), 2),
            spread(&all(&|round| rate(round) / round.bare), 2),
            "-".into(),
            "-".into(),
        ]
    };
    Table {
        title: "A backlog reaches its core".into(),
        columns: vec![
            "way",
            "events/s",
            "to the HTTP push",
            "to bare POSTs",
            "CPU µs/event",
            "peak MiB",
        ],
        rows: vec![
            line("HTTP push", |round| &round.pushed),
            best("bare signed POSTs", |round| round.bare),
            best("the same by sockets alone", |round| round.sockets),
            line("HTTP push, one conversation refused", |round| &round.refusing),
            line("gRPC push", |round| &round.grpc),
            line("pull over HTTP", |round| &round.pulled),
        ],
        note: format!(
            "Median (least-most) of {} rounds of all ways in turn; {} events of {CUSTOMERS} conversations each, heard in order without \
             a hole by a core that answers at once and shares the machine; bare: the same bodies, {IN_FLIGHT} in flight, signed for \
             each request, to the same core, by hyper; sockets alone write what was written before and read no HTTP.",
            rounds.len(),
            count(events as f64)
        ),
    }
}

/// Makes a backlog for a core that is not there, starts again so that nobody waits for a probe, and lets it come.
fn backlog(plan: &Plan, way: Way, events: u64, drain: impl FnOnce(&mut Daemon, Place) -> Outcome<Run>) -> Outcome<Run> {
    let place = Place::hold()?;
    let (mut daemon, accounts) = in_front_of(plan, way, place.address)?;
    let sent = fill(&daemon, &mut Platform::new(CUSTOMERS), &accounts, events)?;
    daemon.wait_for(sent.acknowledged)?;
    drain(&mut daemon, place)
}

/// Starts the daemon again and waits until its core has heard everything.
fn heard(daemon: &mut Daemon, core: &Core, events: u64) -> Outcome<Run> {
    daemon.kill_and_start()?;
    core.heard(1, SILENCE)?;
    let (began, idle, before) = (Instant::now(), daemon.process().cpu(), core.taken());
    core.heard(events, SILENCE)?;
    Ok(run(daemon, began, idle, events - before.min(events)))
}

fn run(daemon: &Daemon, began: Instant, idle: Option<Duration>, events: u64) -> Run {
    let took = began.elapsed();
    let process = daemon.process();
    let spent = process.cpu().zip(idle).map_or(Duration::ZERO, |(now, idle)| now - idle);
    Run {
        rate: events as f64 / took.as_secs_f64(),
        cpu: spent.as_secs_f64() * 1e6 / events.max(1) as f64,
        peak: process.peak(),
    }
}

/// The same push, with a core that takes everything but what one customer said.
fn refused(plan: &Plan, events: u64, bodies: &[Vec<u8>]) -> Outcome<Run> {
    let first = bodies.first().ok_or("the core kept no body")?;
    let (key, _) = crate::core::position(first).ok_or("a body without its place")?;
    // One for the whole program.
    let key: &'static [u8] = Box::leak(key.into());
    backlog(plan, Way::Http, events, |daemon, place| {
        let core = Core::start_refusing(place, key)?;
        // All but what that customer may have said.
        heard(daemon, &core, events - events.div_ceil(CUSTOMERS) * 4)
    })
}

/// As much of a page as is needed to ask for the next.
#[derive(Deserialize)]
struct Unread<'a> {
    #[serde(default)]
    events: Vec<IgnoredAny>,
    next: &'a str,
}

/// What is read of a page.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default, borrow)]
    events: Vec<Event<'a>>,
    next: &'a str,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    conversation: Conversation<'a>,
    seq: u32,
}

#[derive(Deserialize)]
struct Conversation<'a> {
    #[serde(borrow)]
    key: std::borrow::Cow<'a, str>,
}

/// A core that asks for page after page on one connection, and on another one takes each once it has looked at all of it.
fn pull(daemon: &mut Daemon, events: u64) -> Outcome<Run> {
    let (internal, token) = daemon.internal()?;
    let (began, idle) = (Instant::now(), daemon.process().cpu());
    let (pages, come) = mpsc::sync_channel(AHEAD);
    let taker = {
        let token = token.clone();
        thread::spawn(move || take(internal, &token, come))
    };
    let asked = ask(internal, &token, events, &pages);
    drop(pages);
    let taken = taker.join().map_err(|_| "the core panicked")??;
    asked?;
    Ok(run(daemon, began, idle, taken))
}

/// Page after page, until that many events have come.
fn ask(internal: SocketAddr, token: &str, events: u64, pages: &mpsc::SyncSender<Vec<u8>>) -> Outcome<()> {
    let mut wire = Wire::connect(internal)?;
    let (mut come, mut cursor) = (0, String::new());
    while come < events {
        let after = if cursor.is_empty() {
            String::new()
        } else {
            format!("&after={cursor}")
        };
        let path = format!("/v1/events?core={CORE}&limit={PAGE}&wait=5s{after}");
        let (status, body) = wire.exchange(&request(internal, "GET", &path, token, ""))?;
        if status != 200 {
            return Err(format!("a page was answered {status}: {}", String::from_utf8_lossy(body)).into());
        }
        let page: Unread<'_> = serde_json::from_slice(body)?;
        if page.events.is_empty() {
            return Err(format!("{come} of {events} events came").into());
        }
        come += page.events.len() as u64;
        page.next.clone_into(&mut cursor);
        if pages.send(body.to_vec()).is_err() {
            // It has said why.
            break;
        }
    }
    Ok(())
}

/// Looks at every event of the pages that come, checks the order, and takes each page; how many events those were.
fn take(internal: SocketAddr, token: &str, pages: mpsc::Receiver<Vec<u8>>) -> Outcome<u64> {
    let mut wire = Wire::connect(internal)?;
    let mut last = HashMap::<String, u32>::new();
    let mut taken = 0;
    for body in pages {
        let page: Page<'_> = serde_json::from_slice(&body)?;
        for event in &page.events {
            let known = last.entry(event.conversation.key.to_string()).or_default();
            *known += 1;
            if event.seq != *known {
                return Err(format!("event {} came where {known} was due", event.seq).into());
            }
        }
        taken += page.events.len() as u64;
        let ack = format!("{{\"cursor\":\"{}\"}}", page.next);
        let (status, _) = wire.exchange(&request(internal, "POST", "/v1/events/ack", token, &ack))?;
        if status != 200 {
            return Err(format!("an acknowledgement was answered {status}").into());
        }
    }
    Ok(taken)
}

fn request(host: SocketAddr, method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
