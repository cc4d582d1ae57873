//! What is left of a run when the process dies in it? A core of gRPC is offered several events of a conversation in one
//! request; those that it took and whose commit the kill prevented come again, and nothing is left out between them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tonic::Code;
use wxbridge::schema::v1::{self, DeliverResponse};

use crate::{
    CUSTOMERS, DRAIN, Doors, Platform, customer,
    support::{
        self, Dice,
        bridge::{Bridge, Setup},
        grpc::{GrpcCore, Heard, Said},
        peer::Shop,
        until_within,
    },
};

const KILLS: usize = 8;
/// Longer than the ten seconds for which a core gets single events that failed over several of them: it may have done so
/// before anybody looked.
const PATIENCE: Duration = Duration::from_secs(25);

/// One event of one request.
struct Offered {
    key: String,
    id: String,
    place: (u32, u32),
    msg_id: u64,
    together: usize,
    /// How many kills there had been.
    life: usize,
}

impl Offered {
    fn of(heard: &Heard, life: usize) -> Self {
        let msg_id = heard.text().trim_start_matches("message ").parse();
        Self {
            key: heard.key().to_owned(),
            id: heard.event.id.clone(),
            place: (heard.event.epoch, heard.event.seq),
            msg_id: msg_id.unwrap_or_default(),
            together: heard.together,
            life,
        }
    }
}

#[derive(Default)]
struct Record {
    offered: Mutex<Vec<Offered>>,
    kills: AtomicUsize,
}

impl Record {
    fn note(&self, heard: &Heard) {
        let one = Offered::of(heard, self.kills.load(Ordering::SeqCst));
        self.offered.lock().unwrap().push(one);
    }

    fn offered(&self) -> MutexGuard<'_, Vec<Offered>> {
        self.offered.lock().unwrap()
    }
}

/// How far it took the conversation: who says so is offered several events of it together.
fn taken(heard: &Heard) -> Said {
    let ack = v1::Ack {
        conversation_key: heard.key().to_owned(),
        through_seq: heard.event.seq,
        ..Default::default()
    };
    Said::Taken(DeliverResponse {
        results: vec![ack],
        ..Default::default()
    })
}

/// Slower than its customers, so that runs grow, and not always in the mood.
fn moody(record: Arc<Record>, seed: u64) -> impl FnMut(&Heard) -> Said + Send + 'static {
    let mut dice = Dice::new(seed);
    move |heard| {
        record.note(heard);
        match dice.below(100) {
            0..2 => Said::code(Code::Unavailable),
            2..4 => Said::code(Code::Internal),
            4..60 => Said::After(Duration::from_millis(dice.below(4)), Box::new(taken(heard))),
            _ => taken(heard),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_comes_again_from_where_it_was_committed() {
    let mut dice = Dice::from_env();
    let record = Arc::new(Record::default());
    let core = GrpcCore::start(moody(record.clone(), dice.roll()));
    let lines = "kind = \"grpc\"\nreply_budget = \"0s\"";
    let mut bridge = Bridge::start(Setup::new().and_core("main", &core.url(), lines)).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;

    let platform = Arc::new(Platform::default());
    let doors = Arc::new(Doors {
        base: bridge.public("/callback"),
        http: support::client(),
    });
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|number| {
            tokio::spawn(customer(
                doors.clone(),
                platform.clone(),
                shop.clone(),
                format!("o{number}"),
            ))
        })
        .collect();
    for _ in 0..KILLS {
        runs_again(&record).await;
        tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
        bridge.kill();
        record.kills.fetch_add(1, Ordering::SeqCst);
        bridge.spawn();
        bridge.ready().await;
    }
    platform.over.store(true, Ordering::SeqCst);
    for customer in customers {
        customer.await.unwrap();
    }
    let acknowledged = platform.acknowledged.lock().unwrap().clone();
    let wanted: HashSet<u64> = acknowledged.values().flatten().copied().collect();
    let further = record.clone();
    core.behaves(move |heard| {
        further.note(heard);
        taken(heard)
    });
    until_within(DRAIN, "every acknowledged callback at the core", async || {
        let offered: HashSet<u64> = record.offered().iter().map(|one| one.msg_id).collect();
        wanted.is_subset(&offered).then_some(())
    })
    .await;
    prove(&record.offered(), &acknowledged);
}

/// Waits for a request with several events that has just come.
async fn runs_again(record: &Record) {
    let (known, started) = (record.offered().len(), Instant::now());
    while !record.offered()[known..].iter().any(|one| one.together > 1) {
        assert!(
            started.elapsed() < PATIENCE,
            "no run came among {} events: no kill would prove anything",
            record.offered().len() - known
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Every event of a conversation follows the one before it, or is known: then it is where it was, and the next again
/// follows it.
fn prove(offered: &[Offered], acknowledged: &BTreeMap<String, Vec<u64>>) {
    let mut known: HashMap<&str, &Offered> = HashMap::new();
    let mut before: HashMap<&str, u32> = HashMap::new();
    let mut said: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut again = 0;
    for one in offered {
        let (epoch, seq) = one.place;
        let last = before.insert(&one.key, seq).unwrap_or(0);
        match known.get(one.id.as_str()) {
            Some(first) => {
                assert_eq!((&first.key, first.place), (&one.key, one.place), "{} moved", one.id);
                assert!(seq <= last + 1, "{}: seq {seq} after {last}", one.key);
                again += usize::from(first.together > 1 && first.life < one.life);
            }
            None => {
                assert_eq!(epoch, offered[0].place.0, "{}: a kill is no restore", one.key);
                assert_eq!(seq, last + 1, "{}: a hole after {last}", one.key);
                known.insert(&one.id, one);
                said.entry(&one.key).or_default().push(one.msg_id);
            }
        }
    }
    println!("{} events, {again} of a run came again after a kill", known.len());
    assert!(again > 0, "no kill met a run");
    for (key, wanted) in acknowledged {
        assert_eq!(
            said.get(key.as_str()),
            Some(wanted),
            "{key}: said and heard are not the same"
        );
    }
}
