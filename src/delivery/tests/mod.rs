//! A rig for delivery: a store, a core, windows and replies in memory, and a clock set by hand.

mod commits;
mod failures;
mod ledger;
mod moved;
mod order;
mod replay;
mod runs;
mod turn;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Semaphore;

pub use ledger::FakeLedger;
pub use turn::FakeTurn;

use super::*;
use crate::{
    cores::{Core, Kind},
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        core::{Answer, Offer, Outcome},
    },
    schema::{Says, v1},
};

pub const START: Millis = 1_752_000_000_000;

/// What a core saw.
#[derive(Clone, Debug)]
pub struct Seen {
    pub core: String,
    pub conversation: String,
    pub seq: u32,
    pub attempt: u32,
    pub passive: bool,
    pub replay: Option<String>,
    pub gap: bool,
    pub at: Millis,
}

type Script = Box<dyn FnMut(&Seen) -> Outcome + Send>;

pub struct FakeLink {
    pub seen: Mutex<Vec<Seen>>,
    script: Mutex<Script>,
    /// Attempts wait for a permit where one is set.
    pub hold: Mutex<Option<Arc<Semaphore>>>,
    /// The way knows runs; how long they were.
    pub runs: Mutex<Option<Vec<usize>>>,
    in_flight: Mutex<HashMap<String, usize>>,
    /// Most attempts in flight: of one conversation, of all.
    pub most: Mutex<(usize, usize)>,
}

#[async_trait]
impl CoreLink for FakeLink {
    async fn offer(&self, core: &Core, offer: Offer<'_>) -> Outcome {
        // Its head: there are events that have nothing else.
        let head = offer.event.head();
        let conversation = head.key.to_owned();
        let seen = Seen {
            core: core.name.to_string(),
            conversation: conversation.clone(),
            seq: head.seq,
            attempt: offer.attempt,
            passive: offer.passive.is_some(),
            replay: offer.replay.map(str::to_owned),
            gap: head.says == Says::Gap,
            at: offer.now,
        };
        self.seen.lock().expect("lock").push(seen.clone());
        if seen.core == "main" {
            let mut flying = self.in_flight.lock().expect("lock");
            let one = flying.entry(conversation.clone()).or_default();
            *one += 1;
            let (one, all) = (*one, flying.values().sum());
            let mut most = self.most.lock().expect("lock");
            *most = (most.0.max(one), most.1.max(all));
        }
        let hold = self.hold.lock().expect("lock").clone();
        if let Some(hold) = hold.filter(|_| seen.core == "main") {
            hold.acquire().await.expect("open").forget();
        } else {
            tokio::task::yield_now().await;
        }
        if seen.core == "other" {
            return taken();
        }
        if let Some(one) = self.in_flight.lock().expect("lock").get_mut(&conversation) {
            *one -= 1;
        }
        // A script may panic on purpose.
        (self.script.lock().unwrap_or_else(PoisonError::into_inner))(&seen)
    }

    async fn offer_run(&self, core: &Core, run: Vec<Offer<'_>>) -> Vec<Outcome> {
        let most = match self.runs.lock().expect("lock").as_mut() {
            Some(runs) => {
                runs.push(run.len());
                run.len()
            }
            None => 1,
        };
        let mut said = Vec::new();
        for offer in run.into_iter().take(most) {
            let outcome = self.offer(core, offer).await;
            let taken = matches!(outcome, Outcome::Taken(_));
            said.push(outcome);
            if !taken {
                break;
            }
        }
        said
    }
}

pub struct Rig {
    pub handle: Handle,
    pub ledger: Arc<FakeLedger>,
    pub link: Arc<FakeLink>,
    pub turn: Arc<FakeTurn>,
    pub clock: ManualClock,
    parts: Option<(Parts, Inbox)>,
    pub replay: Option<Replay>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    running: Option<tokio::task::JoinHandle<()>>,
}

impl Rig {
    /// Everything but a running deliverer.
    pub fn new(script: impl FnMut(&Seen) -> Outcome + Send + 'static) -> Self {
        let (handle, inbox) = channel();
        let ledger = Arc::new(FakeLedger::default());
        let turn = Arc::new(FakeTurn::default());
        let clock = ManualClock::at(START);
        let link = Arc::new(FakeLink {
            seen: Mutex::default(),
            script: Mutex::new(Box::new(script)),
            hold: Mutex::default(),
            runs: Mutex::default(),
            in_flight: Mutex::default(),
            most: Mutex::default(),
        });
        let parts = Parts {
            ledger: ledger.clone(),
            windows: turn.clone(),
            replies: turn.clone(),
            cores: Cores(
                [
                    core("main", Kind::Http),
                    core("other", Kind::Http),
                    core("pulls", Kind::Feed),
                ]
                .into(),
            ),
            link: link.clone(),
            clock: Arc::new(clock.clone()),
            chance: Arc::new(SystemChance::default()),
            observer: Arc::new(Observer::new()),
        };
        Self {
            handle,
            ledger,
            link,
            turn,
            clock,
            parts: Some((parts, inbox)),
            replay: None,
            stop: None,
            running: None,
        }
    }

    /// Core `main` is called over gRPC, and its way knows runs.
    pub fn with_runs(mut self) -> Self {
        *self.link.runs.lock().expect("lock") = Some(Vec::new());
        let (parts, _) = self.parts.as_mut().expect("not running");
        parts.cores = Cores([core("main", Kind::Grpc), core("other", Kind::Http)].into());
        self
    }

    pub fn run(mut self) -> Self {
        let (parts, inbox) = self.parts.take().expect("runs once");
        let deliverer = Deliverer::new(parts, inbox);
        self.replay = Some(deliverer.replay());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        self.stop = Some(stop);
        self.running = Some(tokio::spawn(deliverer.run(async {
            let _ = stopped.await;
        })));
        self
    }

    pub async fn running(script: impl FnMut(&Seen) -> Outcome + Send + 'static) -> Self {
        let rig = Self::new(script).run();
        rig.fence().await;
        rig
    }

    /// Another process over the same store, so long after this one.
    pub async fn restarted(self, after: Duration, script: impl FnMut(&Seen) -> Outcome + Send + 'static) -> Self {
        let mut next = Self::new(script);
        let (ledger, clock) = (self.ledger.clone(), self.clock.clone());
        self.stopped().await;
        clock.advance(after);
        if let Some((parts, _)) = &mut next.parts {
            (parts.ledger, parts.clock) = (ledger.clone(), Arc::new(clock.clone()));
        }
        (next.ledger, next.clock) = (ledger, clock);
        let next = next.run();
        next.fence().await;
        next
    }

    pub async fn stopped(mut self) {
        let _ = self.stop.take().expect("running").send(());
        self.running.take().expect("running").await.expect("no panic");
    }

    /// Commits an event for core `main` and tells delivery, as the store's writer does.
    pub fn event(&self, conversation: i64) -> Arc<Stored> {
        // As the store does it: nobody takes an event before everybody has been told of it.
        let mut data = self.ledger.data();
        let stored = data.append(ConversationId(conversation), Some("main"));
        self.handle.event(stored.clone());
        stored
    }

    /// The same with an event whose head alone can be read.
    pub fn spoilt(&self, conversation: i64) -> Arc<Stored> {
        let mut data = self.ledger.data();
        let whole = data.append(ConversationId(conversation), Some("main"));
        let spoilt = data.spoil(&whole);
        self.handle.event(spoilt.clone());
        spoilt
    }

    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.link.seen.lock().expect("lock").clone();
        seen.into_iter().filter(|seen| seen.core == "main").collect()
    }

    /// Proves that the deliverer has looked at everything there was: attempts have ended, another core's event has passed.
    pub async fn fence(&self) {
        let held = self.link.hold.lock().expect("lock").is_some();
        let idle = || self.handle.core_state("main").is_some_and(|state| state.in_flight == 0);
        eventually(|| held || idle()).await;
        self.passes().await;
    }

    /// Another core's events go their way.
    pub async fn passes(&self) {
        for _ in 0..2 {
            let stored = self.ledger.append(-1, Some("other"));
            self.handle.event(stored.clone());
            eventually(|| self.ledger.data().answered.contains(&stored.row)).await;
        }
    }

    pub async fn advance(&self, millis: Millis) {
        self.clock.advance(Duration::from_millis(millis.unsigned_abs()));
        self.fence().await;
    }

    /// Waits until core `main` has seen `count` attempts, and no more for now.
    pub async fn sees(&self, count: usize) {
        eventually(|| self.seen().len() >= count).await;
        self.fence().await;
        assert_eq!(self.seen().len(), count, "{:?}", self.seen());
    }

    pub async fn drained(&self) {
        eventually(|| self.ledger.undelivered() == 0).await;
    }
}

pub fn core(name: &str, kind: Kind) -> Core {
    Core {
        url: "http://127.0.0.1:9/".into(),
        ..Core::sample(name, kind)
    }
}

pub fn taken() -> Outcome {
    Outcome::Taken(Answer::default())
}
pub fn says(text: &str) -> Outcome {
    Outcome::Taken(Answer {
        replies: vec![Ok(v1::SendRequest {
            what: Some(v1::send_request::What::Text(text.into())),
            ..Default::default()
        })],
        keep_window: false,
    })
}
pub fn failed() -> Outcome {
    Outcome::Failed {
        after: None,
        why: "the core answered 500".into(),
    }
}
pub fn refused() -> Outcome {
    Outcome::Refused {
        after: None,
        why: "no".into(),
    }
}
pub fn down() -> Outcome {
    Outcome::Down {
        after: None,
        why: "cannot connect".into(),
    }
}

pub async fn eventually(condition: impl Fn() -> bool) {
    let limit = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(std::time::Instant::now() < limit, "never came true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
