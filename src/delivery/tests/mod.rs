//! A rig for delivery: a store, a core, windows and replies in memory, and a clock set by hand.

mod failures;
mod order;
mod replay;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    cores::{Core, Kind, Match},
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        core::{Answer, Offer, Outcome},
        store::{Address, Enqueued, EventQuery, NewMessage, Row, StoreError, Take, Took, Waiting},
        turn::{Claim, Prepared},
    },
    schema::Timestamp,
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
    in_flight: Mutex<HashMap<String, usize>>,
    /// Most attempts in flight: of one conversation, of all.
    pub most: Mutex<(usize, usize)>,
}

#[async_trait]
impl CoreLink for FakeLink {
    async fn offer(&self, core: &Core, offer: Offer<'_>) -> Outcome {
        let conversation = offer.event.conversation.clone().unwrap_or_default().key;
        let seen = Seen {
            core: core.name.to_string(),
            conversation: conversation.clone(),
            seq: offer.event.seq,
            attempt: offer.attempt,
            passive: offer.passive.is_some(),
            replay: offer.replay.map(str::to_owned),
            gap: matches!(offer.event.body, Some(v1::event::Body::Gap(_))),
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
}

#[derive(Default)]
pub struct FakeLedger {
    data: Mutex<Data>,
}

#[derive(Default)]
struct Data {
    events: BTreeMap<Row, Arc<Stored>>,
    waiting: BTreeMap<ConversationId, BTreeMap<u32, Row>>,
    next_row: Row,
    seqs: HashMap<ConversationId, u32>,
    reads: usize,
    takes: Vec<(u32, Vec<String>)>,
    parked: Vec<(u32, String)>,
    enqueued: Vec<String>,
    fail_takes: usize,
    answered: HashSet<Row>,
    reassigned: Vec<(ConversationId, String)>,
}

impl FakeLedger {
    fn data(&self) -> std::sync::MutexGuard<'_, Data> {
        self.data.lock().expect("lock")
    }
    /// Commits an event without telling anybody.
    pub fn append(&self, conversation: i64, core: Option<&str>) -> Arc<Stored> {
        self.data().append(ConversationId(conversation), core)
    }
    /// Retention: a Gap stands for everything up to `to_seq`.
    pub fn sweep(&self, conversation: i64, to_seq: u32) -> Arc<Stored> {
        let id = ConversationId(conversation);
        let mut data = self.data();
        data.waiting.entry(id).or_default().retain(|seq, _| *seq > to_seq);
        data.write(id, to_seq, Some("main"), v1::event::Body::Gap(v1::Gap::default()))
    }
    pub fn reads(&self) -> usize {
        self.data().reads
    }
    pub fn takes(&self) -> Vec<(u32, Vec<String>)> {
        self.data().takes.clone()
    }
    pub fn parked(&self) -> Vec<(u32, String)> {
        self.data().parked.clone()
    }
    pub fn enqueued(&self) -> Vec<String> {
        self.data().enqueued.clone()
    }
    pub fn reassigned(&self) -> Vec<(ConversationId, String)> {
        self.data().reassigned.clone()
    }
    pub fn fail_takes(&self, count: usize) {
        self.data().fail_takes = count;
    }
    /// Another answer took this event already.
    pub fn answered_before(&self, stored: &Stored) {
        self.data().answered.insert(stored.row);
    }
    pub fn undelivered(&self) -> usize {
        self.data().waiting.values().map(BTreeMap::len).sum()
    }
}

impl Data {
    fn append(&mut self, id: ConversationId, core: Option<&str>) -> Arc<Stored> {
        let seq = self.seqs.entry(id).or_default();
        *seq += 1;
        let seq = *seq;
        self.write(id, seq, core, v1::event::Body::Message(v1::Message::default()))
    }
    fn write(&mut self, id: ConversationId, seq: u32, core: Option<&str>, body: v1::event::Body) -> Arc<Stored> {
        self.next_row += 1;
        let row = self.next_row;
        let stored = Arc::new(Stored {
            row,
            conversation: id,
            core: core.map(Arc::from),
            event: v1::Event {
                id: format!("e{row}"),
                conversation: Some(v1::Conversation {
                    key: format!("c{}", id.0),
                    ..Default::default()
                }),
                epoch: 1,
                seq,
                accepted_time: Some(Timestamp::from_millis(START + row)),
                body: Some(body),
                ..Default::default()
            },
        });
        self.events.insert(row, stored.clone());
        self.waiting.entry(id).or_default().insert(seq, row);
        stored
    }
}

#[async_trait]
impl Ledger for FakeLedger {
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        let data = self.data();
        let of = |(id, events): (&ConversationId, &BTreeMap<u32, Row>)| {
            let (first_seq, row) = events.first_key_value()?;
            Some(Waiting {
                conversation: *id,
                key: format!("c{}", id.0),
                core: data.events[row].core.clone(),
                first_seq: *first_seq,
                count: u32::try_from(events.len()).expect("few"),
                oldest: START,
            })
        };
        Ok(data.waiting.iter().filter_map(of).collect())
    }
    async fn pending(&self, conversation: ConversationId, limit: usize) -> Result<Vec<Arc<Stored>>, StoreError> {
        let mut data = self.data();
        data.reads += 1;
        let rows: Vec<Row> = data
            .waiting
            .get(&conversation)
            .map(|events| events.values().copied().take(limit).collect())
            .unwrap_or_default();
        Ok(rows.iter().map(|row| data.events[row].clone()).collect())
    }
    async fn take(&self, take: Take) -> Result<Took, StoreError> {
        let mut data = self.data();
        if data.fail_takes > 0 {
            data.fail_takes -= 1;
            return Err(StoreError::Overloaded);
        }
        if let Some(events) = data.waiting.get_mut(&take.conversation) {
            events.remove(&take.seq);
        }
        if !data.answered.insert(take.row) {
            return Ok(Took::Before);
        }
        let replies = take
            .replies
            .iter()
            .map(|reply| reply.client_message_id.clone())
            .collect();
        data.takes.push((take.seq, replies));
        Ok(Took::Now(Vec::new()))
    }
    async fn park(&self, stored: &Stored, reason: String) -> Result<Arc<Stored>, StoreError> {
        let mut data = self.data();
        data.parked.push((stored.event.seq, reason));
        let gap = v1::event::Body::Gap(v1::Gap::default());
        Ok(data.write(stored.conversation, stored.event.seq, stored.core.as_deref(), gap))
    }
    async fn reassign(&self, conversations: Vec<ConversationId>, to: Arc<str>) -> Result<(), StoreError> {
        let given = conversations.into_iter().map(|id| (id, to.to_string()));
        self.data().reassigned.extend(given);
        Ok(())
    }
    async fn events(&self, query: EventQuery) -> Result<Vec<Arc<Stored>>, StoreError> {
        let data = self.data();
        let after = query.after.unwrap_or(0);
        let fits = |it: &&Arc<Stored>| it.row > after && it.core.as_deref() == query.core.as_deref();
        Ok(data.events.values().filter(fits).take(query.limit).cloned().collect())
    }
    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError> {
        self.data().enqueued.push(message.client_message_id);
        Ok(Enqueued::Conflict)
    }
}

#[derive(Default)]
pub struct FakeTurn {
    pub open: Mutex<HashSet<String>>,
    pub closed: Mutex<Vec<String>>,
    /// `committed`, `before` or `abandoned`, with the number of replies.
    pub ended: Arc<Mutex<Vec<(&'static str, usize)>>>,
}

impl Windows for FakeTurn {
    fn look(&self, event_id: &str) -> Option<v1::PassiveWindow> {
        let open = self.open.lock().expect("lock").contains(event_id);
        open.then(v1::PassiveWindow::default)
    }
    fn claim(&self, _: &str) -> Option<Box<dyn Claim>> {
        None
    }
    fn close(&self, event_id: &str) {
        self.closed.lock().expect("lock").push(event_id.to_owned());
    }
}

struct FakePrepared {
    messages: Vec<NewMessage>,
    ended: Arc<Mutex<Vec<(&'static str, usize)>>>,
}

#[async_trait]
impl Replies for FakeTurn {
    async fn prepare(&self, event: &Stored, replies: Vec<Result<v1::SendRequest, String>>) -> Box<dyn Prepared> {
        let message = |(index, reply): (usize, Result<v1::SendRequest, String>)| {
            let request = reply.unwrap_or_default();
            let named = request.client_message_id.clone();
            NewMessage {
                id: String::new(),
                account: String::new(),
                client_message_id: if named.is_empty() {
                    format!("{}/{index}", event.event.id)
                } else {
                    named
                },
                address: Address {
                    account: Arc::default(),
                    key: String::new(),
                    customer: v1::Identity::default(),
                    scope: v1::conversation::Scope::Direct,
                    core: None,
                },
                request,
                answers: Some(event.row),
                result: v1::SendResult::default(),
                passive: None,
                pieces_done: 0,
                next_attempt: 0,
                not_after: 0,
                tell: false,
            }
        };
        Box::new(FakePrepared {
            messages: replies.into_iter().enumerate().map(message).collect(),
            ended: self.ended.clone(),
        })
    }
}

impl Prepared for FakePrepared {
    fn messages(&self) -> Vec<NewMessage> {
        self.messages.clone()
    }
    fn committed(self: Box<Self>, took: &Took) {
        let how = if matches!(took, Took::Now(_)) {
            "committed"
        } else {
            "before"
        };
        self.ended.lock().expect("lock").push((how, self.messages.len()));
    }
    fn abandoned(self: Box<Self>) {
        self.ended
            .lock()
            .expect("lock")
            .push(("abandoned", self.messages.len()));
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

    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.link.seen.lock().expect("lock").clone();
        seen.into_iter().filter(|seen| seen.core == "main").collect()
    }

    /// Proves that the deliverer has looked at everything there was: attempts have ended, another core's event has passed.
    pub async fn fence(&self) {
        let held = self.link.hold.lock().expect("lock").is_some();
        let idle = || self.handle.core_state("main").is_some_and(|state| state.in_flight == 0);
        eventually(|| held || idle()).await;
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
        name: name.into(),
        kind,
        credentials: Default::default(),
        url: "http://127.0.0.1:9/".into(),
        secrets: Vec::new(),
        matches: Match::default(),
        reply_budget: 4_000,
        timeout: 30_000,
        all_delivery_updates: false,
        raw_inline: false,
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
    Outcome::Refused { why: "no".into() }
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
