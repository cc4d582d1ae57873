//! How do files come that customers sent? Beside the event, never before it: fetched at once, again when it did not work, and
//! told when they are there.
//!
//! ```text
//! job      what is to be fetched, and when again?    durable before the first attempt
//! queue    whose turn is it?
//! attempt  one attempt: by the URL, by the platform's id
//! tell     the core hears what became of it
//! ```
//! An event that speaks of files is itself the mark that they are to be fetched. A cursor says up to which event that was
//! noted; it moves in one commit with what was noted. The bell only says earlier what the store would say too: one that
//! nobody heard costs a look, and no file.

mod attempt;
mod job;
mod queue;
mod tell;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc,
    task::{Id, JoinSet},
};

use self::{
    attempt::Outcome,
    job::{CURSOR, JOBS, Job},
    queue::Queue,
};
use super::{Library, inbound};
use crate::{
    accounts::Registry,
    conversation::Rules,
    cores::Cores,
    observe::Observer,
    ports::{
        clock::{Clock, Millis},
        fetch::Fetch,
        store::{EventQuery, RecordWrite, Row, Store, StoreError, Stored},
    },
    schema::v1,
    tokens::Keeper,
};

pub use job::awaited;

/// Events that wait to be noted; more are read back out of the store.
const BELL: usize = 512;
const PAGE: usize = 200;
/// Handles remembered between an event's commit and its files' being noted: an instant, unless files come faster than they
/// can be fetched.
const MOST_COMING: usize = 20_000;
/// How often the cursor follows events without files: a start after a crash reads what is behind it.
const NOTE_EVERY: Millis = 1_000;
/// After the store refused.
const PAUSE: Millis = 1_000;

/// How long and how many.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Until the head of an answer is there.
    pub head: Duration,
    /// Between two pieces.
    pub idle: Duration,
    /// For one file.
    pub whole: Duration,
    /// Downloads at the same time, over all accounts, and of one.
    pub at_once: usize,
    pub of_one: usize,
    /// Files noted at the same time; further events wait in the store.
    pub open: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(20),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(600),
            at_once: 16,
            of_one: 4,
            open: 20_000,
        }
    }
}

/// What the fetcher needs from the house.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub keeper: Arc<Keeper>,
    pub fetch: Arc<dyn Fetch>,
    pub library: Arc<Library>,
    pub cores: Cores,
    pub observer: Arc<Observer>,
    pub clock: Arc<dyn Clock>,
    pub rules: Rules,
    pub caps: Caps,
}

/// Told of every commit, by whom the store tells.
#[derive(Clone)]
pub struct Bell {
    ring: mpsc::Sender<Arc<Stored>>,
    heard: Arc<Heard>,
}

/// The other end of the [`Bell`].
pub struct Inbox {
    rung: mpsc::Receiver<Arc<Stored>>,
    heard: Arc<Heard>,
}

#[derive(Default)]
pub(super) struct Heard {
    /// The last event that was told, with or without files.
    last: AtomicI64,
    /// One with files found no room.
    missed: AtomicBool,
    /// Files that were told and are not noted yet: the account of each, by its handle.
    coming: Mutex<HashMap<String, String>>,
}

impl Heard {
    fn coming(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The account of a file that was told of in the last moments.
    pub(super) fn awaits(&self, handle: &str) -> Option<String> {
        self.coming().get(handle).cloned()
    }
}

/// A bell and its inbox; made before the store.
pub fn channel() -> (Bell, Inbox) {
    let (ring, rung) = mpsc::channel(BELL);
    let heard = Arc::<Heard>::default();
    let bell = Bell {
        ring,
        heard: heard.clone(),
    };
    (bell, Inbox { rung, heard })
}

impl Bell {
    /// Never blocks.
    pub fn event(&self, event: &Arc<Stored>) {
        if inbound::may_want(&event.event) {
            let mut coming = self.heard.coming();
            if coming.len() < MOST_COMING {
                let account = event.event.head().account;
                let wanted = inbound::wanted(&event.event).into_iter();
                coming.extend(wanted.map(|(handle, _)| (handle, account.to_owned())));
            }
            drop(coming);
            if self.ring.try_send(event.clone()).is_err() {
                self.heard.missed.store(true, Ordering::SeqCst);
            }
        }
        // Last: whoever reads it finds everything before it in the inbox, or missed.
        self.heard.last.fetch_max(event.row, Ordering::SeqCst);
    }
}

impl Inbox {
    pub(super) fn heard(&self) -> Arc<Heard> {
        self.heard.clone()
    }
}

/// Fetches what customers sent.
pub struct Fetcher {
    parts: Parts,
    inbox: Mutex<Option<Inbox>>,
}

impl Fetcher {
    /// Before the first event of this run: a store that was never looked at is looked at from here on.
    pub async fn new(parts: Parts, inbox: Inbox) -> Result<Arc<Self>, StoreError> {
        if parts.store.record(CURSOR, CURSOR).await?.is_none() {
            let newest = EventQuery {
                newest_first: true,
                limit: 1,
                ..EventQuery::default()
            };
            let row = parts.store.events(newest).await?.first().map_or(0, |event| event.row);
            parts.store.write_records(vec![job::cursor(row)]).await?;
        }
        Ok(Arc::new(Self {
            parts,
            inbox: Mutex::new(Some(inbox)),
        }))
    }

    /// Runs until it is dropped; what is under way then is begun anew by the next run.
    pub async fn run(self: Arc<Self>) {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(inbox) = inbox else { return };
        let mut desk = Desk::new(self, inbox);
        desk.recall().await;
        loop {
            desk.turn().await;
        }
    }
}

/// The running fetcher.
struct Desk {
    fetcher: Arc<Fetcher>,
    inbox: Inbox,
    cursor: Row,
    jobs: HashMap<String, Job>,
    queue: Queue,
    running: JoinSet<Outcome>,
    handles: HashMap<Id, String>,
    note: Millis,
}

impl Desk {
    fn new(fetcher: Arc<Fetcher>, inbox: Inbox) -> Self {
        let caps = fetcher.parts.caps;
        Self {
            note: fetcher.parts.clock.now() + NOTE_EVERY,
            queue: Queue::new(caps.at_once, caps.of_one),
            fetcher,
            inbox,
            cursor: 0,
            jobs: HashMap::new(),
            running: JoinSet::new(),
            handles: HashMap::new(),
        }
    }

    /// What an earlier run noted, and what it had no time to note.
    async fn recall(&mut self) {
        let store = self.fetcher.parts.store.clone();
        let (cursor, jobs) = loop {
            match job::all(&*store).await {
                Ok(found) => break found,
                Err(error) => self.paused("what is to be fetched cannot be read", &error).await,
            }
        };
        self.cursor = cursor;
        for (handle, job) in jobs {
            self.enter(handle, job);
        }
        self.catch_up().await;
    }

    async fn turn(&mut self) {
        self.start();
        let room = self.jobs.len() < self.fetcher.parts.caps.open;
        if room && self.inbox.heard.missed.load(Ordering::SeqCst) {
            self.catch_up().await;
            return;
        }
        let clock = self.fetcher.parts.clock.clone();
        let due = self.queue.next_due().unwrap_or(Millis::MAX).min(self.note);
        tokio::select! {
            Some(ended) = self.running.join_next_with_id() => {
                let (id, outcome) = match ended {
                    Ok((id, outcome)) => (id, outcome),
                    Err(error) => (error.id(), Outcome::again(format!("the attempt failed: {error}"))),
                };
                if let Some(handle) = self.handles.remove(&id) {
                    self.ended(handle, outcome).await;
                }
            }
            Some(event) = self.inbox.rung.recv(), if room => {
                let events = self.drain(event);
                self.take(events).await;
            }
            () = clock.sleep_until(due) => self.note().await,
        }
    }

    fn drain(&mut self, first: Arc<Stored>) -> Vec<Arc<Stored>> {
        let mut events = vec![first];
        while events.len() < PAGE
            && let Ok(event) = self.inbox.rung.try_recv()
        {
            events.push(event);
        }
        events
    }

    /// Notes the files of these events, durably, and the events as noted.
    async fn take(&mut self, events: Vec<Arc<Stored>>) {
        let (mut fresh, mut last) = (Vec::new(), self.cursor);
        for event in events.iter().filter(|event| event.row > self.cursor) {
            last = last.max(event.row);
            for (handle, wanted) in inbound::wanted(&event.event) {
                fresh.push((handle, Job::new(&event.event, wanted)));
            }
        }
        if last == self.cursor {
            return;
        }
        let mut writes: Vec<RecordWrite> = fresh.iter().map(|(handle, job)| job.put(handle)).collect();
        writes.push(job::cursor(last));
        match self.fetcher.parts.store.write_records(writes).await {
            Ok(_) => {
                self.cursor = last;
                for (handle, job) in fresh {
                    self.inbox.heard.coming().remove(&handle);
                    self.enter(handle, job);
                }
            }
            Err(error) => {
                self.inbox.heard.missed.store(true, Ordering::SeqCst);
                self.paused("files to fetch cannot be noted", &error).await;
            }
        }
    }

    /// Reads behind the cursor: what no bell told, or what it told while there was no room.
    async fn catch_up(&mut self) {
        self.inbox.heard.missed.store(false, Ordering::SeqCst);
        loop {
            let query = EventQuery {
                after: Some(self.cursor),
                limit: PAGE,
                ..EventQuery::default()
            };
            let before = self.cursor;
            match self.fetcher.parts.store.events(query).await {
                Ok(page) if page.is_empty() => return,
                Ok(page) => self.take(page).await,
                Err(error) => self.paused("events cannot be read back", &error).await,
            }
            // No room, or no luck: later.
            if self.jobs.len() >= self.fetcher.parts.caps.open || self.cursor == before {
                self.inbox.heard.missed.store(true, Ordering::SeqCst);
                return;
            }
        }
    }

    /// The cursor follows events without files, so that the next start has little to read.
    async fn note(&mut self) {
        if self.fetcher.parts.clock.now() < self.note {
            return;
        }
        self.note = self.fetcher.parts.clock.now() + NOTE_EVERY;
        let last = self.inbox.heard.last.load(Ordering::SeqCst);
        if self.jobs.len() >= self.fetcher.parts.caps.open {
            return;
        }
        while let Ok(event) = self.inbox.rung.try_recv() {
            let events = self.drain(event);
            self.take(events).await;
        }
        let all_noted = !self.inbox.heard.missed.load(Ordering::SeqCst);
        if all_noted
            && last > self.cursor
            && let Ok(true) = self.fetcher.parts.store.write_records(vec![job::cursor(last)]).await
        {
            self.cursor = last;
        }
    }

    fn enter(&mut self, handle: String, job: Job) {
        self.queue.later(job.next, handle.clone(), job.account.clone());
        self.jobs.insert(handle, job);
    }

    /// Begins what is due and has room.
    fn start(&mut self) {
        let now = self.fetcher.parts.clock.now();
        while let Some(handle) = self.queue.next(now) {
            let Some(job) = self.jobs.get(&handle).cloned() else {
                continue;
            };
            let (fetcher, of) = (self.fetcher.clone(), handle.clone());
            let task = self.running.spawn(async move { fetcher.settle(&of, &job).await });
            self.handles.insert(task.id(), handle);
        }
    }

    async fn ended(&mut self, handle: String, outcome: Outcome) {
        let Some(mut job) = self.jobs.remove(&handle) else {
            return;
        };
        self.queue.ended(&job.account);
        let Outcome::Again { why, slow } = outcome else {
            return;
        };
        job.failed(self.fetcher.parts.clock.now(), slow);
        tracing::info!(
            account = job.account,
            handle,
            attempts = job.attempts,
            why,
            "a file did not come yet"
        );
        // Lost, the count begins anew after a restart, and nothing else.
        if let Err(error) = self.fetcher.parts.store.write_records(vec![job.put(&handle)]).await {
            tracing::warn!(%error, "an attempt to fetch a file was not noted");
        }
        self.enter(handle, job);
    }

    async fn paused(&self, what: &str, error: &StoreError) {
        tracing::warn!(%error, "{what}");
        let clock = &self.fetcher.parts.clock;
        clock.sleep_until(clock.now() + PAUSE).await;
    }
}

impl Fetcher {
    /// One attempt, and what follows from it: told, and forgotten.
    async fn settle(&self, handle: &str, job: &Job) -> Outcome {
        let outcome = self.attempt(handle, job).await;
        let told = match &outcome {
            Outcome::Again { .. } => return outcome,
            Outcome::Ready(media) => self.tell(handle, job, v1::Media::clone(media), "").await,
            Outcome::Over { state, why } => {
                tracing::warn!(
                    account = job.account,
                    handle,
                    state = state.as_str_name(),
                    why,
                    "a file will not come"
                );
                let media = v1::Media {
                    state: *state as i32,
                    ..Default::default()
                };
                self.tell(handle, job, media, why).await
            }
        };
        let forget = vec![RecordWrite::Delete {
            space: JOBS,
            key: handle.to_owned(),
        }];
        let forgotten = match told {
            Ok(()) => self.parts.store.write_records(forget).await.map(|_| ()),
            Err(error) => Err(error),
        };
        match forgotten {
            Ok(()) => outcome,
            Err(error) => Outcome::again(format!("what became of it could not be told: {error}")),
        }
    }
}
