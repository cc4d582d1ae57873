//! The lanes over the real store, with a clock that is set by hand and a receiver that a test plays.

use std::{collections::VecDeque, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{
    conversation::Rules,
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        forward::{Post, Posted},
        store::{Accepted, Arrival, ConversationId, Listener, Retention, Stored},
    },
    schema::v1::{self, conversation::Scope, event::Body, message::Origin},
    secret::Secret,
    store::sqlite::{Options, SqliteStore},
};
use settings::Mode;

const START: Millis = 1_760_000_000_000;
const DAY: Millis = 86_400_000;

struct Nobody;

impl Listener for Nobody {
    fn event(&self, _: &Arc<Stored>) {}
    fn message(&self, _: ConversationId) {}
}

/// Writes down what comes, answers as told, 200 when told nothing.
#[derive(Default)]
struct Receiver {
    heard: Mutex<Vec<Post>>,
    answers: Mutex<VecDeque<Posted>>,
}

#[async_trait::async_trait]
impl Receivers for Receiver {
    async fn post(&self, post: Post, _: Duration) -> Posted {
        self.heard.lock().expect("lock").push(post);
        self.answers.lock().expect("lock").pop_front().unwrap_or(Posted::Taken)
    }
}

impl Receiver {
    fn answers(&self, answers: impl IntoIterator<Item = Posted>) {
        self.answers.lock().expect("lock").extend(answers);
    }

    /// The texts of each batch of a type.
    fn batches(&self, kind: &str) -> Vec<Vec<String>> {
        let heard = self.heard.lock().expect("lock");
        let read = heard
            .iter()
            .map(|post| serde_json::from_slice::<Value>(&post.body).expect("JSON"));
        read.filter(|body| body["type"] == kind)
            .map(|body| {
                let records = body["content"].as_array().expect("a list").iter();
                records.map(|record| summary(record).to_owned()).collect()
            })
            .collect()
    }

    fn sizes(&self, kind: &str) -> Vec<usize> {
        self.batches(kind).iter().map(Vec::len).collect()
    }

    fn count(&self) -> usize {
        self.heard.lock().expect("lock").len()
    }
}

fn summary(record: &Value) -> &str {
    record["message"]["summary"]
        .as_str()
        .or(record["text"].as_str())
        .unwrap_or_default()
}

/// A store, a clock and a receiver; forwarders come and go.
struct Bench {
    dir: TempDir,
    clock: ManualClock,
    store: Arc<SqliteStore>,
    receiver: Arc<Receiver>,
    observer: Arc<Observer>,
    said: std::sync::atomic::AtomicU64,
}

struct Running {
    forward: Arc<Forward>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(true);
        self.task.await.expect("ended");
    }
}

fn open(dir: &std::path::Path, clock: &ManualClock) -> Arc<SqliteStore> {
    SqliteStore::open(Options {
        dir: dir.to_owned(),
        reserve: 0,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: Arc::new(Nobody),
    })
    .expect("a store")
}

fn clear() -> Vault {
    Vault {
        seal: Arc::new(|_, plain| Some(plain.to_vec())),
        open: Arc::new(|_, sealed| Some(sealed.to_vec())),
    }
}

fn to(name: &str, types: &[Kind]) -> Forwarder {
    Forwarder {
        name: name.into(),
        url: "https://archive.example/".into(),
        types: types.to_vec(),
        key: Secret::new("0123456789ab"),
        mode: Mode::HmacSha256,
        company_id: "C1".into(),
        encrypt: false,
        legacy_plain: false,
    }
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::at(START);
        Self {
            store: open(dir.path(), &clock),
            dir,
            clock,
            receiver: Arc::default(),
            observer: Arc::new(Observer::new()),
            said: 0.into(),
        }
    }

    async fn prepare(&self, configured: &[Forwarder]) -> (Arc<Forward>, Vec<Change>) {
        let parts = Parts {
            archive: self.store.clone(),
            store: self.store.clone(),
            receivers: self.receiver.clone(),
            vault: clear(),
            clock: Arc::new(self.clock.clone()),
            chance: Arc::new(SystemChance::default()),
            observer: self.observer.clone(),
            kf_code: 17,
            keep: 7 * DAY,
        };
        Forward::prepare(parts, configured).await.expect("prepared")
    }

    async fn run(&self, configured: &[Forwarder]) -> Running {
        let (forward, _) = self.prepare(configured).await;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(forward.clone().run(stopped));
        Running { forward, stop, task }
    }

    async fn say(&self, who: &str, text: &str) -> Arc<Stored> {
        let arrival = Arrival {
            account: Arc::new(v1::Account {
                id: "shop".into(),
                ..Default::default()
            }),
            key: format!("official_account:wx1:u:{who}"),
            customer: v1::Identity::default(),
            scope: Scope::Direct,
            dedupe: None,
            platform_time: None,
            history: false,
            traceparent: String::new(),
            body: Body::Message(v1::Message {
                origin: Origin::CustomerSent as i32,
                summary: text.to_owned(),
                ..Default::default()
            }),
            raw: None,
            entry: None,
            grant: None,
            unfollowed: false,
            customer_acted: true,
            customer_spoke: true,
            session: None,
            ordered: None,
            redelivery_of: String::new(),
            core: None,
            rules: Rules::default(),
        };
        match self.store.accept(arrival.into()).await.expect("accepted") {
            Accepted::New(stored) => stored,
            Accepted::Again { .. } => panic!("new"),
        }
    }

    async fn say_many(&self, count: u64) {
        for _ in 0..count {
            let number = self.said.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.say(&format!("u{}", number % 3), &number.to_string()).await;
        }
    }

    /// Time goes by in small steps until it is so; whoever sleeps is woken. How much time went by.
    async fn until(&self, what: &str, step: Millis, so: impl Fn() -> bool) -> Millis {
        let began = self.clock.now();
        let started = std::time::Instant::now();
        while !so() {
            assert!(started.elapsed() < Duration::from_secs(20), "still waiting: {what}");
            self.clock.advance(Duration::from_millis(step.unsigned_abs()));
            // Time enough for whoever was woken, before it is later again.
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                if so() {
                    break;
                }
            }
        }
        self.clock.now() - began
    }

    /// Nothing but real time goes by: long enough for everybody to see what there is.
    async fn settle(&self) {
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn forty_five_at_once_are_three_batches_and_the_last_one_waits_its_second() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    bench.say_many(45).await;
    let waited = bench
        .until("two full batches", 50, || bench.receiver.count() >= 2)
        .await;
    assert!(waited <= 400, "{waited} ms for full batches");
    assert_eq!(bench.receiver.sizes("user"), [20, 20], "five wait for others");
    let waited = waited + bench.until("the rest", 50, || bench.receiver.count() >= 3).await;
    assert_eq!(bench.receiver.sizes("user"), [20, 20, 5]);
    assert!((900..=1_200).contains(&waited), "{waited} ms for the rest");
    let texts: Vec<String> = bench.receiver.batches("user").concat();
    assert_eq!(
        texts,
        (0..45).map(|number| number.to_string()).collect::<Vec<_>>(),
        "in order"
    );
    running.stop().await;
}

#[tokio::test]
async fn three_are_one_batch_after_a_second() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::Msg])]).await;
    bench.say_many(3).await;
    let waited = bench.until("a batch", 50, || bench.receiver.count() >= 1).await;
    assert_eq!(bench.receiver.sizes("msg"), [3]);
    assert!((900..=1_200).contains(&waited), "{waited} ms");
    running.stop().await;
}

#[tokio::test]
async fn types_travel_apart_and_long_records_do_not_pile_up() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User, Kind::Msg])]).await;
    let long = "长".repeat(lane::BATCH_BYTES / 7);
    for _ in 0..5 {
        bench.say("u", &long).await;
    }
    bench
        .until("all", 100, || {
            bench.receiver.sizes("user").iter().sum::<usize>() == 5
                && bench.receiver.sizes("msg").iter().sum::<usize>() == 5
        })
        .await;
    assert_eq!(bench.receiver.sizes("user"), [2, 2, 1]);
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_ever_more_slowly_and_nothing_overtakes_it() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    let refused = |status, after| Posted::Refused { status, after };
    bench.receiver.answers([
        refused(500, None),
        Posted::Unreachable("refused".into()),
        refused(302, None),
        refused(429, Some(7_000)),
    ]);
    bench.say_many(25).await;
    bench.until("four refusals", 100, || bench.receiver.count() >= 4).await;
    let lane = running.forward.shared.status("a", Kind::User);
    bench
        .until("noted", 10, || lane.lock().expect("lock").failures == 4)
        .await;
    let seen = lane.lock().expect("lock").clone();
    assert_eq!(seen.last_error, "answered 429");
    let wait = seen.next_attempt.expect("a time") - bench.clock.now();
    assert!((6_000..=7_000).contains(&wait), "as the receiver asks: {wait}");
    let waited = bench
        .until("all", 100, || bench.receiver.sizes("user").len() >= 6)
        .await;
    assert!(waited >= 5_900, "{waited}");
    assert_eq!(bench.receiver.sizes("user"), [20, 20, 20, 20, 20, 5]);
    let batches = bench.receiver.batches("user");
    assert!(
        batches.iter().take(5).all(|batch| *batch == batches[0]),
        "the same ones until they are taken"
    );
    assert_eq!(batches[5][0], "20");
    bench
        .until("all is well", 10, || lane.lock().expect("lock").sent == 25)
        .await;
    assert_eq!(lane.lock().expect("lock").failures, 0);
    running.stop().await;
    let metrics = bench.observer.metrics.render();
    assert!(
        metrics.contains("wxbridge_forwarded_total{forwarder=\"a\",result=\"sent\",type=\"user\"} 25"),
        "{metrics}"
    );
    assert!(
        metrics.contains("wxbridge_forward_posts_total{forwarder=\"a\",result=\"refused\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn each_attempt_is_signed_anew_and_the_switch_decides_when_it_is_sent() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    bench.receiver.answers([Posted::Unreachable("down".into())]);
    bench.say_many(1).await;
    bench
        .until("a first attempt", 100, || bench.receiver.count() >= 1)
        .await;
    running.forward.switch(false).await.expect("written").expect("a change");
    bench
        .until("a second attempt", 100, || bench.receiver.count() >= 2)
        .await;
    let heard = bench.receiver.heard.lock().expect("lock").clone();
    assert_eq!((heard[0].headers.len(), heard[1].headers.len()), (3, 0));
    running.stop().await;
    // Also after a restart.
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    assert!(!running.forward.is_on());
    running.stop().await;
}

#[tokio::test]
async fn a_restart_goes_on_where_the_last_batch_was_taken() {
    let bench = Bench::new();
    bench.say_many(3).await;
    let configured = [to("a", &[Kind::User])];
    let running = bench.run(&configured).await;
    bench.say_many(20).await;
    bench.until("a batch", 50, || bench.receiver.count() >= 1).await;
    assert_eq!(
        bench.receiver.batches("user")[0][0],
        "3",
        "what was there before is not copied"
    );
    bench.receiver.answers(vec![Posted::Unreachable("down".into()); 100]);
    bench.say_many(5).await;
    bench
        .until("an attempt that fails", 50, || bench.receiver.count() >= 2)
        .await;
    running.stop().await;
    // While nobody runs.
    bench.say_many(2).await;
    bench.receiver.answers.lock().expect("lock").clear();
    let known = bench.receiver.count();
    bench.store.close().await;
    let again = Bench {
        store: open(bench.dir.path(), &bench.clock),
        ..bench
    };
    let running = again.run(&configured).await;
    again
        .until("what was left", 50, || again.receiver.count() > known)
        .await;
    let last = again.receiver.batches("user").last().cloned().expect("a batch");
    assert_eq!(last, ["23", "24", "25", "26", "27", "28", "29"].map(str::to_owned)[..]);
    running.stop().await;
}

#[tokio::test]
async fn what_the_retention_forgot_is_counted_and_what_is_too_old_is_given_up() {
    let bench = Bench::new();
    let configured = [to("a", &[Kind::User])];
    bench.run(&configured).await.stop().await;
    bench.say_many(30).await;
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench.say_many(2).await;
    let keep = Retention {
        events: 7 * DAY,
        idempotency: 3 * DAY,
    };
    bench.store.sweep(bench.clock.now(), keep).await.expect("swept");
    let running = bench.run(&configured).await;
    bench.until("the young ones", 100, || bench.receiver.count() >= 1).await;
    assert_eq!(
        bench.receiver.batches("user"),
        [["30", "31"].map(str::to_owned).to_vec()]
    );
    let lane = running.forward.shared.status("a", Kind::User);
    // Each of three conversations has a Gap for what no core took.
    assert_eq!(lane.lock().expect("lock").lost, 30);
    // One batch that is never taken.
    bench
        .receiver
        .answers(vec![Posted::Unreachable("down".into()); 100_000]);
    bench.say_many(1).await;
    let known = bench.receiver.count();
    bench.until("an attempt", 100, || bench.receiver.count() > known).await;
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench
        .until("given up", 100, || lane.lock().expect("lock").expired == 1)
        .await;
    assert!(
        bench
            .observer
            .metrics
            .render()
            .contains("result=\"expired\",type=\"user\"} 1")
    );
    running.stop().await;
}

#[tokio::test]
async fn cores_records_reach_who_wants_their_type_and_are_forgotten_when_everybody_has_them() {
    let bench = Bench::new();
    let running = bench
        .run(&[to("a", &[Kind::Summary]), to("b", &[Kind::Summary, Kind::Msg])])
        .await;
    let new = |kind, text: &str| NewRecord {
        kind,
        conversation_key: "k".into(),
        content: json!({ "text": text }),
    };
    let publish = async |kind, text| running.forward.publish(new(kind, text)).await.expect("kept");
    assert_eq!(publish(Kind::Summary, "one").await.forwarders, ["a", "b"]);
    assert_eq!(publish(Kind::Msg, "two").await.forwarders, ["b"]);
    assert_eq!(
        publish(Kind::Evaluation, "three").await.forwarders,
        Vec::<String>::new()
    );
    bench.until("all", 50, || bench.receiver.count() >= 3).await;
    assert_eq!(bench.receiver.sizes("summary"), [1, 1]);
    assert_eq!(bench.receiver.batches("msg"), [["two".to_owned()]]);
    bench.settle().await;
    running.stop().await;
    assert_eq!(
        bench.store.records("forward_record").await.expect("read").len(),
        2,
        "nobody wanted the third"
    );
    let through = running_places(&bench).await;
    assert_eq!(bench.store.forget(through, 0).await.expect("forgotten"), 2);
    // Numbers go on.
    let tail = bench.store.tail().await.expect("read");
    assert_eq!(tail.record, 2);
}

async fn running_places(bench: &Bench) -> Row {
    let (forward, _) = bench
        .prepare(&[to("a", &[Kind::Summary]), to("b", &[Kind::Summary, Kind::Msg])])
        .await;
    forward.places.values().map(|place| place.record).min().expect("places")
}

#[tokio::test]
async fn a_name_that_changes_keeps_its_place_and_one_that_goes_loses_it() {
    let bench = Bench::new();
    let running = bench.run(&[to("a", &[Kind::User])]).await;
    running.stop().await;
    bench.say_many(1).await;
    let (renamed, changes) = bench.prepare(&[to("b", &[Kind::User])]).await;
    assert_eq!(
        changes.iter().map(|it| it.what).collect::<Vec<_>>(),
        ["forwarder.rename"]
    );
    assert_eq!(
        renamed.places[&("b".to_owned(), Kind::User)].event,
        0,
        "the event is still to come"
    );
    bench.prepare(&[]).await;
    let (back, changes) = bench.prepare(&[to("b", &[Kind::User])]).await;
    assert_eq!(changes[0].what, "forwarder.create");
    assert_eq!(back.places[&("b".to_owned(), Kind::User)].event, 1, "begins at the end");
    let shown = back.shown();
    assert!(!format!("{shown:?}").contains("0123456789ab"));
    assert_eq!(shown[0].1["types"][0]["protected"], true);
}
