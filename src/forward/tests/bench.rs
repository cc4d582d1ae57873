//! What do the tests of the lanes stand on? The real store, a clock that is set by hand, and a receiver that a test plays.

use std::{collections::VecDeque, time::Duration};

use tempfile::TempDir;

use super::super::*;
use crate::{
    conversation::Rules,
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        forward::{Post, Posted},
        store::{Accepted, Arrival, ConversationId, Listener, Stored},
    },
    schema::v1::{self, conversation::Scope, event::Body, message::Origin},
    secret::Secret,
    store::sqlite::{Options, SqliteStore},
};
use settings::Mode;

pub(super) const START: Millis = 1_760_000_000_000;
pub(super) const DAY: Millis = 86_400_000;

pub(super) struct Nobody;

impl Listener for Nobody {
    fn event(&self, _: &Arc<Stored>) {}
    fn message(&self, _: ConversationId) {}
}

/// Writes down what comes, answers as told, 200 when told nothing.
#[derive(Default)]
pub(super) struct Receiver {
    pub(super) heard: Mutex<Vec<Post>>,
    pub(super) answers: Mutex<VecDeque<Posted>>,
}

#[async_trait::async_trait]
impl Receivers for Receiver {
    async fn post(&self, post: Post, _: Duration) -> Posted {
        self.heard.lock().expect("lock").push(post);
        self.answers.lock().expect("lock").pop_front().unwrap_or(Posted::Taken)
    }
}

impl Receiver {
    pub(super) fn answers(&self, answers: impl IntoIterator<Item = Posted>) {
        self.answers.lock().expect("lock").extend(answers);
    }

    /// The texts of each batch of a type.
    pub(super) fn batches(&self, kind: &str) -> Vec<Vec<String>> {
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

    pub(super) fn sizes(&self, kind: &str) -> Vec<usize> {
        self.batches(kind).iter().map(Vec::len).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.heard.lock().expect("lock").len()
    }
}

pub(super) fn summary(record: &Value) -> &str {
    record["message"]["summary"]
        .as_str()
        .or(record["text"].as_str())
        .unwrap_or_default()
}

/// A store, a clock and a receiver; forwarders come and go.
pub(super) struct Bench {
    pub(super) dir: TempDir,
    pub(super) clock: ManualClock,
    pub(super) store: Arc<SqliteStore>,
    pub(super) receiver: Arc<Receiver>,
    pub(super) observer: Arc<Observer>,
    pub(super) said: std::sync::atomic::AtomicU64,
}

pub(super) struct Running {
    pub(super) forward: Arc<Forward>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(super) async fn stop(self) {
        let _ = self.stop.send(true);
        self.task.await.expect("ended");
    }
}

pub(super) fn open(dir: &std::path::Path, clock: &ManualClock) -> Arc<SqliteStore> {
    SqliteStore::open(Options {
        dir: dir.to_owned(),
        trace: None,
        reserve: 0,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: Arc::new(Nobody),
    })
    .expect("a store")
}

pub(super) fn clear() -> Vault {
    Vault {
        seal: Arc::new(|_, plain| Some(plain.to_vec())),
        open: Arc::new(|_, sealed| Some(sealed.to_vec())),
        is_stale: Arc::new(|_| false),
    }
}

pub(super) fn to(name: &str, types: &[Kind]) -> Forwarder {
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
    pub(super) fn new() -> Self {
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

    pub(super) async fn prepare(&self, configured: &[Forwarder]) -> (Arc<Forward>, Vec<Change>) {
        self.prepare_with(clear(), configured).await
    }

    pub(super) async fn prepare_with(&self, vault: Vault, configured: &[Forwarder]) -> (Arc<Forward>, Vec<Change>) {
        let parts = Parts {
            archive: self.store.clone(),
            store: self.store.clone(),
            receivers: self.receiver.clone(),
            vault,
            clock: Arc::new(self.clock.clone()),
            chance: Arc::new(SystemChance::default()),
            observer: self.observer.clone(),
            kf_code: 17,
            keep: 7 * DAY,
        };
        Forward::prepare(parts, configured).await.expect("prepared")
    }

    pub(super) async fn run(&self, configured: &[Forwarder]) -> Running {
        let (forward, _) = self.prepare(configured).await;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(forward.clone().run(stopped));
        Running { forward, stop, task }
    }

    pub(super) async fn say(&self, who: &str, text: &str) -> Arc<Stored> {
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
            })
            .into(),
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

    pub(super) async fn say_many(&self, count: u64) {
        for _ in 0..count {
            let number = self.said.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.say(&format!("u{}", number % 3), &number.to_string()).await;
        }
    }

    /// Time goes by in small steps until it is so; whoever sleeps is woken. How much time went by.
    pub(super) async fn until(&self, what: &str, step: Millis, so: impl Fn() -> bool) -> Millis {
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
    pub(super) async fn settle(&self) {
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
