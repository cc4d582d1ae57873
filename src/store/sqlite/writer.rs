//! How does a write become durable? One thread, one connection: whatever has queued up is one transaction.
//!
//! A job runs inside the transaction and leaves behind what is to be said once the commit has reached the disk. If
//! anything in a batch fails, the whole batch is rolled back and every one of its callers hears so: nothing is ever
//! acknowledged that is not on disk.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::{
    announce::{Announcer, News},
    checkpoint::Checkpoints,
    conversations::Conversations,
    disk::Disk,
    feeds::Feeds,
    lines::Lines,
};
use crate::{
    observe::Throttle,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        store::{ConversationId, Listener, Message, Row, StoreError, Stored, Waiting},
    },
};

/// Jobs that may wait before callers are told to come back.
pub const QUEUE: usize = 8_192;
/// Jobs in one transaction.
const BATCH: usize = 1_024;
/// States are folded into their rows after so many events, and after so long anyway. A start after a crash replays as
/// many, at a few microseconds each; a busy conversation is written once for all its events in between.
const FOLD_EVENTS: Row = 100_000;
const FOLD_EVERY: Millis = 10_000;
/// States written with one batch while a fold is under way.
const FOLD_STEP: usize = 64;
/// `PRAGMA synchronous` when a commit is on disk before it returns.
const FULL: i64 = 2;

/// Runs inside the transaction.
pub type Job = Box<dyn FnOnce(&mut Writer) -> Ran + Send>;

/// Why a job did not do what it was asked.
#[derive(Debug)]
pub enum Fault {
    /// Nothing was changed: only its own caller hears of it.
    Here(StoreError),
    /// The transaction cannot be trusted any more.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Database(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Here(error)
    }
}

/// Called once, with what became of the batch.
pub type After = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a job left behind.
pub struct Ran {
    /// It met an error of the database: the batch cannot be committed.
    pub broken: bool,
    /// Told whether the commit succeeded.
    pub after: After,
}

impl Ran {
    /// A job that had nothing to do.
    pub fn nothing() -> Self {
        Self {
            broken: false,
            after: Box::new(|_| {}),
        }
    }
}

/// What a job's caller hears of it.
pub fn outcome<T>(done: Result<T, Fault>, committed: &Result<(), StoreError>) -> Result<T, StoreError> {
    match (done, committed) {
        (Ok(value), Ok(())) => Ok(value),
        (Err(Fault::Here(error)), _) => Err(error),
        (_, Err(error)) => Err(error.clone()),
        (Err(Fault::Database(error)), Ok(())) => Err(StoreError::Broken(error.to_string())),
    }
}

/// Said to the listener after the commit, in order.
pub enum Publish {
    Event(Arc<Stored>),
    /// In the place of what was set aside.
    Gap(Arc<Stored>),
    Outbox(ConversationId),
    /// What waits of a conversation has another core, or none.
    Moved(Box<Waiting>),
    /// What the platform had taken did not arrive.
    Undelivered(Arc<Message>),
}

pub struct Writer {
    pub db: Connection,
    pub conversations: Conversations,
    pub lines: Lines,
    pub feeds: Feeds,
    pub epoch: u32,
    pub clock: Arc<dyn Clock>,
    pub next_event: Row,
    pub publish: Vec<Publish>,
    /// Conversations with a HELD message: their customer's next act wakes it.
    pub holding: HashSet<i64>,
    /// Accounts whose events no core gets.
    pub paused: HashSet<String>,
    pub core_names: HashMap<String, Arc<str>>,
    accounts: HashMap<String, i64>,
    chance: Arc<dyn Chance>,
    entropy: Vec<u64>,
    announcer: Announcer,
    pub checkpoints: Checkpoints,
    /// Bytes of rows in the open transaction, for the checkpoints.
    pub written: usize,
    /// A rollback made memory forget: it is brought to where the disk is before the next transaction.
    pub behind: bool,
    /// When, and before which event.
    last_fold: (Millis, Row),
    disk: Disk,
    /// A full disk fails hundreds of batches a second.
    said: Throttle<&'static str>,
}

/// Not the disk's fault, and SQLite has not ended the transaction.
fn harmless(error: &rusqlite::Error) -> bool {
    !matches!(error, rusqlite::Error::SqliteFailure(failure, _) if failure.code != rusqlite::ErrorCode::ConstraintViolation)
}

impl Writer {
    pub fn new(
        db: Connection,
        epoch: u32,
        next_event: Row,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        listener: Arc<dyn Listener>,
        disk: Disk,
    ) -> Self {
        Self {
            db,
            conversations: Conversations::new(),
            lines: Lines::default(),
            feeds: Feeds::default(),
            epoch,
            last_fold: (clock.now(), next_event),
            clock,
            next_event,
            publish: Vec::new(),
            holding: HashSet::new(),
            paused: HashSet::new(),
            core_names: HashMap::new(),
            accounts: HashMap::new(),
            chance,
            entropy: Vec::new(),
            announcer: Announcer::new(listener),
            checkpoints: Checkpoints::inline(),
            written: 0,
            behind: false,
            disk,
            said: Throttle::default(),
        }
    }

    /// Works until every sender is gone, then folds what is left.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            self.batch(first, &mut jobs);
        }
        self.announcer.end();
        self.checkpoints.end();
        let through = self.next_event - 1;
        let folded = self
            .recover()
            .and_then(|()| self.begin())
            .and_then(|()| self.conversations.fold(&self.db, through))
            .and_then(|()| self.commit());
        if let Err(error) = folded {
            // Harmless: the next start replays the events instead.
            tracing::warn!(%error, "states were not folded at the end");
        }
        // The log is folded into the database, so that a copy of the folder is one file.
        let _ = self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE");
    }

    /// Runs `work`. A fault that left no trace is its caller's alone: one conversation that cannot be read must not fail
    /// everybody else's callbacks with it.
    pub fn attempt<T>(&mut self, work: impl FnOnce(&mut Writer) -> Result<T, Fault>) -> Result<T, Fault> {
        let before = (self.db.total_changes(), self.publish.len());
        let done = work(self);
        match done {
            Err(Fault::Database(error))
                if harmless(&error) && before == (self.db.total_changes(), self.publish.len()) =>
            {
                Err(Fault::Here(StoreError::Broken(error.to_string())))
            }
            done => done,
        }
    }

    /// `PRAGMA synchronous` as this connection has it.
    pub fn synchronous(&self) -> Result<i64, rusqlite::Error> {
        self.db.pragma_query_value(None, "synchronous", |row| row.get(0))
    }

    /// Writes something, so that the commit shows whether writing works.
    pub fn prove(&mut self) -> Result<(), Fault> {
        if self.synchronous()? != FULL {
            return Err(StoreError::CannotAppend("the connection is not at synchronous=FULL".to_owned()).into());
        }
        let now = self.clock.now();
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('proved', ?1)")?
            .execute([now])?;
        Ok(())
    }

    /// Room on disk, asked before anything is appended.
    pub fn may_append(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.disk.check(now)
    }

    /// Random bits for an id.
    pub fn entropy(&mut self) -> u64 {
        if self.entropy.is_empty() {
            let mut bytes = [0; 8 * 64];
            self.chance.fill(&mut bytes);
            self.entropy
                .extend(bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)));
        }
        self.entropy.pop().unwrap_or_default()
    }

    /// The short number of an account's name, for the dedupe key.
    pub fn account(&mut self, name: &str) -> Result<i64, rusqlite::Error> {
        if let Some(id) = self.accounts.get(name) {
            return Ok(*id);
        }
        self.db
            .prepare_cached("INSERT OR IGNORE INTO account (name) VALUES (?1)")?
            .execute([name])?;
        let id = self
            .db
            .prepare_cached("SELECT id FROM account WHERE name = ?1")?
            .query_row([name], |row| row.get(0))?;
        self.accounts.insert(name.to_owned(), id);
        Ok(id)
    }

    /// One shared copy of a core's name.
    pub fn core_name(&mut self, name: &str) -> Option<Arc<str>> {
        if name.is_empty() {
            return None;
        }
        if let Some(known) = self.core_names.get(name) {
            return Some(known.clone());
        }
        let shared: Arc<str> = name.into();
        self.core_names.insert(name.to_owned(), shared.clone());
        Some(shared)
    }

    fn batch(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        if let Err(error) = self.recover().and_then(|()| self.begin()) {
            return self.refuse(&error, first, jobs);
        }
        let mut broken = false;
        let next_event = self.next_event;
        let mut afters = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            let ran = job(self);
            broken |= ran.broken;
            afters.push(ran.after);
            next = if afters.len() < BATCH && !broken {
                jobs.try_recv().ok()
            } else {
                None
            };
        }
        let result = match broken {
            true => Err(rusqlite::Error::InvalidQuery),
            false => self.maybe_fold().and_then(|()| self.commit()),
        };
        let committed = self.settled(result, next_event, afters.len());
        let news = News {
            committed,
            published: std::mem::take(&mut self.publish),
            afters,
        };
        let busy = !jobs.is_empty();
        self.announcer.say(news, busy);
        let written = std::mem::take(&mut self.written);
        self.checkpoints.committed(&self.db, written, busy);
    }

    /// Without a transaction no job may run: each of its statements would be a commit of its own, which nothing takes back. Who
    /// waits for one that is dropped hears that it was not done; what came while we tried would hardly wait for another try.
    fn refuse(&self, error: &rusqlite::Error, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        // One that an earlier rollback could not end would be in the way for ever.
        let _ = self.db.execute_batch("ROLLBACK");
        // Not what comes from now on: whoever was refused may have a better day already.
        let waiting = jobs.len().min(BATCH - 1);
        drop(first);
        let refused = 1 + (0..waiting).map_while(|_| jobs.try_recv().ok()).count();
        if let Some(left_out) = self.said.permits("begin", self.clock.now()) {
            tracing::error!(%error, jobs = refused, left_out, "no transaction could be begun");
        }
    }

    /// Ends a batch, in memory as on disk.
    fn settled(&mut self, result: Result<(), rusqlite::Error>, next_event: Row, jobs: usize) -> Result<(), StoreError> {
        match result {
            Ok(()) => {
                self.lines.committed();
                self.feeds.committed();
                Ok(())
            }
            Err(error) => {
                if let Some(left_out) = self.said.permits("commit", self.clock.now()) {
                    tracing::error!(%error, jobs, left_out, "a batch was rolled back");
                }
                let _ = self.db.execute_batch("ROLLBACK");
                // Memory may be ahead of the disk now, and rows behind what was committed before.
                self.behind = true;
                self.lines.rolled_back();
                self.feeds.rolled_back();
                self.accounts.clear();
                self.next_event = next_event;
                self.publish.clear();
                Err(StoreError::CannotAppend(error.to_string()))
            }
        }
    }

    fn maybe_fold(&mut self) -> Result<(), rusqlite::Error> {
        let now = self.clock.now();
        let (at, row) = self.last_fold;
        let due = self.next_event - row >= FOLD_EVENTS || now.abs_diff(at) >= FOLD_EVERY.unsigned_abs();
        if due && self.conversations.dirty() > 0 {
            self.last_fold = (now, self.next_event);
            self.conversations.begin_fold(self.next_event - 1);
        }
        self.conversations.fold_some(&self.db, FOLD_STEP)
    }

    fn begin(&self) -> Result<(), rusqlite::Error> {
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(|_| ())
    }

    fn commit(&self) -> Result<(), rusqlite::Error> {
        self.db.prepare_cached("COMMIT")?.execute([]).map(|_| ())
    }
}
