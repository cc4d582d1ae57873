//! What is left of an acknowledgement when the process dies? The real binary is killed under load, at random moments, on
//! the same store; the core's own record proves that nothing acknowledged was lost, reordered or left out.
//!
//! `WXBRIDGE_SEED` throws the same dice again, `WXBRIDGE_KILLS` asks for more than the usual number of kills.

#![allow(clippy::unwrap_used)]

#[path = "kill/answers.rs"]
mod answers;
#[path = "kill/gate.rs"]
mod gate;
#[path = "kill/kf.rs"]
mod kf;
#[path = "kill/pull_steps.rs"]
mod pull_steps;
#[path = "kill/pull_writes.rs"]
mod pull_writes;
#[path = "kill/pulls.rs"]
mod pulls;
#[path = "kill/repeats.rs"]
mod repeats;
#[path = "kill/runs.rs"]
mod runs;
#[path = "kill/sends.rs"]
mod sends;
mod support;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use support::{
    Dice,
    bridge::{Bridge, Setup},
    core::{Core, Heard, Said},
    peer::{Shop, msg_id},
    until_within,
};

const KILLS: u64 = 24;
/// Orderly ends under the same load, before the kills.
const STOPS: u64 = 3;
/// Customers of each account: one conversation each, one callback in flight each.
const CUSTOMERS: u64 = 24;
/// Without a kill that counts within this, the test could prove nothing.
const PATIENCE: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(60);

/// What the platform knows: which callbacks it was told were safe.
#[derive(Default)]
struct Platform {
    /// Message ids answered 200, by conversation, in the order they were said.
    acknowledged: Mutex<BTreeMap<String, Vec<u64>>>,
    /// Those of them that the core has not taken, as far as somebody looked.
    open: Mutex<HashSet<u64>>,
    count: AtomicU64,
    in_flight: AtomicU64,
    over: AtomicBool,
}

/// A customer who says one thing after the other. As the platform does, the callback is repeated until it is answered.
async fn customer(bridge: Arc<Doors>, platform: Arc<Platform>, shop: Shop, openid: String) {
    let key = shop.conversation(&openid);
    while !platform.over.load(Ordering::SeqCst) {
        let id = msg_id();
        let inner = shop.text(&openid, id, &format!("message {id}"));
        loop {
            platform.in_flight.fetch_add(1, Ordering::SeqCst);
            let acknowledged = bridge.acknowledges(&shop, &inner).await;
            platform.in_flight.fetch_sub(1, Ordering::SeqCst);
            if acknowledged {
                break;
            }
            // Nobody listens while the process is away.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        platform.open.lock().unwrap().insert(id);
        platform
            .acknowledged
            .lock()
            .unwrap()
            .entry(key.clone())
            .or_default()
            .push(id);
        platform.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// How the platform reaches the bridge; the address outlives every process.
struct Doors {
    base: String,
    http: reqwest::Client,
}

impl Doors {
    async fn acknowledges(&self, shop: &Shop, inner: &str) -> bool {
        let push = shop.sealed(inner);
        let url = format!("{}/{}?{}", self.base, shop.id, push.query);
        let Ok(answer) = self.http.post(url).body(push.body).send().await else {
            return false;
        };
        let status = answer.status().as_u16();
        let Ok(body) = answer.text().await else { return false };
        assert!(status == 200 || status == 503, "{status} {body}");
        status == 200 && (body == "success" || shop.open_reply(&body).is_ok())
    }
}

/// A core that is quick, slow, or not in the mood, and answers some of what waits for it.
fn moody(seed: u64) -> impl FnMut(&Heard) -> Said + Send + 'static {
    let mut dice = Dice::new(seed);
    move |heard| match dice.below(100) {
        0..3 => Said::status(503),
        3..5 => Said::status(500),
        5..15 => Said::taken().after(Duration::from_millis(dice.below(300))),
        15..45 if heard.event["conversation"]["account"]["id"] == "held" => {
            Said::reply(&format!("to {}", heard.text()))
        }
        _ => Said::taken(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_reaches_the_core_in_order_however_often_the_process_is_killed() {
    let mut dice = Dice::from_env();
    let kills = std::env::var("WXBRIDGE_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(KILLS);
    let records = tempfile::tempdir().unwrap();
    let core = Core::on(
        "127.0.0.1:0",
        Some(&records.path().join("core.jsonl")),
        moody(dice.roll()),
    );
    // One account's callbacks wait for the core, the other's are answered as soon as they are durable.
    let setup = Setup::new()
        .and_core(
            "held",
            &core.url(),
            "match = { accounts = [\"held\"] }\nreply_budget = \"1000ms\"",
        )
        .and_core("swift", &core.url(), "reply_budget = \"0ms\"");
    let mut bridge = Bridge::start(setup).await;
    let shops = [Shop::new("held"), Shop::new("swift")];
    bridge.apply(&[&shops[0], &shops[1]], "http://127.0.0.1:9").await;

    let platform = Arc::new(Platform::default());
    let doors = Arc::new(Doors {
        base: bridge.public("/callback"),
        http: support::client(),
    });
    let customers: Vec<_> = shops
        .iter()
        .flat_map(|shop| (0..CUSTOMERS).map(move |number| (shop.clone(), format!("o{number}"))))
        .map(|(shop, openid)| tokio::spawn(customer(doors.clone(), platform.clone(), shop, openid)))
        .collect();

    let (mut moments, mut delivered) = (Vec::new(), Delivered::default());
    for _ in 0..STOPS {
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        bridge.restart().await;
    }
    for _ in 0..kills {
        moments.push(kill_at_some_moment(&mut bridge, &platform, &core, &mut delivered, &mut dice).await);
        bridge.spawn();
        bridge.ready().await;
    }
    platform.over.store(true, Ordering::SeqCst);
    for customer in customers {
        customer.await.unwrap();
    }
    let acknowledged = platform.acknowledged.lock().unwrap().clone();
    assert!(
        moments.iter().any(|(_, undelivered)| *undelivered > 0),
        "no kill met an acknowledged, undelivered event"
    );
    println!(
        "{} callbacks acknowledged; at each kill in flight, undelivered: {moments:?}",
        platform.count.load(Ordering::SeqCst)
    );
    core.behaves(|_| Said::taken());
    until_within(DRAIN, "every acknowledged callback at the core", async || {
        (delivered.missing(&core, &platform) == 0).then_some(())
    })
    .await;
    prove(&core.heard(), &acknowledged);
}

/// What the core has taken, read on and on from its record.
#[derive(Default)]
struct Delivered {
    known: usize,
    ids: HashSet<u64>,
}

impl Delivered {
    /// How many acknowledged callbacks the core has not taken yet.
    fn missing(&mut self, core: &Core, platform: &Platform) -> u64 {
        let answered = core.answered_since(self.known);
        self.known += answered.len();
        let taken = answered.iter().filter(|one| one.status == 200);
        self.ids.extend(taken.filter_map(|one| one.msg_id.parse::<u64>().ok()));
        let mut open = platform.open.lock().unwrap();
        open.retain(|id| !self.ids.contains(id));
        open.len() as u64
    }
}

/// Lets the load run a moment, waits until there is something to lose, and kills. What was in flight and undelivered.
async fn kill_at_some_moment(
    bridge: &mut Bridge,
    platform: &Platform,
    core: &Core,
    delivered: &mut Delivered,
    dice: &mut Dice,
) -> (u64, u64) {
    let before = platform.count.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20 + dice.below(400))).await;
    let started = Instant::now();
    loop {
        let undelivered = delivered.missing(core, platform);
        let in_flight = platform.in_flight.load(Ordering::SeqCst);
        // Something was acknowledged since the last start, and something is at stake now.
        if in_flight + undelivered > 0 && platform.count.load(Ordering::SeqCst) > before {
            bridge.kill();
            return (in_flight, undelivered);
        }
        assert!(started.elapsed() < PATIENCE, "no kill would have counted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn prove(heard: &[Heard], acknowledged: &BTreeMap<String, Vec<u64>>) {
    let mut ids: HashMap<&str, (&str, u64, u64)> = HashMap::new();
    let mut last: HashMap<&str, (u64, u64)> = HashMap::new();
    let mut said: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for one in heard {
        let place = (one.key.as_str(), one.epoch, one.seq);
        let first = ids.insert(&one.id, place);
        assert!(
            first.is_none_or(|first| first == place),
            "{} came back at another place: {place:?}, {first:?}",
            one.id
        );
        let (epoch, seq) = last.get(place.0).copied().unwrap_or((one.epoch, 0));
        assert_eq!(epoch, one.epoch, "{}: a kill is no restore", one.key);
        if one.seq <= seq {
            assert!(
                first.is_some(),
                "{}: seq {} comes after {seq} and was never offered before",
                one.key,
                one.seq
            );
            // What was taken for good is not offered again once its successor was offered.
            assert_eq!(
                one.seq, seq,
                "{}: seq {} is offered again after {seq}",
                one.key, one.seq
            );
            continue;
        }
        assert_eq!(one.seq, seq + 1, "{}: a hole after {seq}", one.key);
        last.insert(&one.key, (epoch, one.seq));
        if let Ok(id) = one.msg_id().parse() {
            said.entry(&one.key).or_default().push(id);
        }
    }
    for (key, wanted) in acknowledged {
        let heard = said.get(key.as_str()).cloned().unwrap_or_default();
        assert_eq!(&heard, wanted, "{key}: said and heard are not the same");
    }
}
