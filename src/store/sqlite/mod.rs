//! How does SQLite keep it all? One writer thread that commits in groups, and a few connections that read.
//!
//! `journal_mode=WAL`, `synchronous=FULL`: a commit that returned is on disk. The folder is locked, so that a second daemon
//! on the same store is told so and touches nothing.

mod announce;
mod asked;
mod checkpoint;
mod conversations;
mod disk;
mod feed_aside;
mod feed_page;
mod feeds;
mod forward;
mod gather;
mod handover;
mod inbound;
mod lines;
mod messages;
mod notes;
mod open;
mod pages;
mod paused;
mod quarantine;
mod read;
mod reader;
mod records;
mod schema;
mod sweep;
mod takes;
#[cfg(test)]
mod tests;
mod whole;
mod writer;

pub use open::{FILE, OpenError, Options, missed, raise_epoch};

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::ports::{
    clock::Millis,
    feed::{Ask, FeedPage, FeedStore, FeedTaken, Gauge, Position},
    store::{
        Accepted, Arrival, Aside, ConversationId, Enqueued, EventQuery, Message, MessageRef, NewMessage, Offered, Page,
        Parked, Pending, Quarantined, Record, RecordWrite, Retention, Row, SetAside, Settle, Store, StoreError, Stored,
        Swept, Take, Told, Took, View, Waiting,
    },
};
use asked::Asked;
use reader::Reader;
use takes::Takes;
use writer::{Fault, Job, Ran, Writer};

/// The store on SQLite.
pub struct SqliteStore {
    epoch: u32,
    reader: Reader,
    asked: Asked,
    takes: Takes,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The lock on the folder; let go with the writer.
    lock: Mutex<Option<std::fs::File>>,
}

/// What to do when the queue before the writer is full.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenFull {
    /// Tell the caller, who tells the platform to come back.
    Refuse,
    Wait,
}

impl SqliteStore {
    /// Opens or creates the database in `options.dir`. Blocks while the states of the last run are caught up.
    pub fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let opened = open::open(options)?;
        let (jobs, queue) = mpsc::channel(writer::QUEUE);
        let writer = opened.writer;
        let epoch = writer.epoch;
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|error| OpenError::Broken(error.to_string()))?;
        let reader = Reader::new(opened.file);
        Ok(Arc::new(Self {
            epoch,
            asked: Asked::new(reader.clone()),
            reader,
            takes: Takes::new(takes::COMPANY),
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            lock: Mutex::new(Some(opened.lock)),
        }))
    }

    /// `PRAGMA synchronous` of the connection that writes: 2 is `FULL`.
    pub async fn synchronous(&self) -> Result<i64, StoreError> {
        self.write(|writer| writer.synchronous().map_err(Fault::from)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.submit(WhenFull::Wait, work).await
    }

    /// Runs `work` inside the writer's next transaction; returns once that is on disk.
    async fn submit<T: Send + 'static>(
        &self,
        full: WhenFull,
        work: impl FnOnce(&mut Writer) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |writer| {
            let done = writer.attempt(work);
            let broken = matches!(done, Err(Fault::Database(_)));
            let after = move |committed: Result<(), StoreError>| {
                let _ = tell.send(writer::outcome(done, &committed));
            };
            Ran {
                broken,
                after: Box::new(after),
            }
        });
        let jobs = self.jobs()?;
        match full {
            WhenFull::Wait => jobs.send(job).await.map_err(|_| closed())?,
            WhenFull::Refuse => jobs.try_send(job).map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => closed(),
            })?,
        }
        gather::gathered(told).await.map_err(|_| closed())?
    }

    fn jobs(&self) -> Result<mpsc::Sender<Job>, StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.clone().ok_or_else(closed)
    }
}

fn closed() -> StoreError {
    StoreError::CannotAppend("the store's writer did not do it: it has ended, or could not begin".to_owned())
}

/// A row that this program cannot read.
fn undecodable(error: prost::DecodeError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

#[async_trait]
impl Store for SqliteStore {
    fn epoch(&self) -> u32 {
        self.epoch
    }

    async fn accept(&self, arrival: Box<Arrival>) -> Result<Accepted, StoreError> {
        let (accepted, _arrival) = self
            .submit(WhenFull::Refuse, move |writer| {
                writer.may_append()?;
                // Brought back to where it was made: memory that another thread lets go of is dear to get again.
                Ok((writer.accept(&arrival)?, arrival))
            })
            .await?;
        Ok(accepted)
    }

    async fn accept_page(&self, page: Page) -> Result<Vec<Arc<Stored>>, StoreError> {
        let (new, _page) = self
            .submit(WhenFull::Refuse, move |writer| {
                writer.may_append()?;
                // Brought back, as one arrival is.
                Ok((writer.accept_page(&page)?, page))
            })
            .await?;
        Ok(new)
    }

    async fn quarantine(&self, body: Quarantined) -> Result<Row, StoreError> {
        self.submit(WhenFull::Refuse, move |writer| {
            writer.may_append()?;
            Ok(writer.quarantine(&body)?)
        })
        .await
    }

    async fn quarantined(&self, after: Option<Row>, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        self.reader.read(move |db| read::quarantined(db, after, limit)).await
    }

    async fn aside(&self) -> Result<Aside, StoreError> {
        self.reader.read(read::aside).await
    }

    async fn release_quarantined(&self, row: Row) -> Result<(), StoreError> {
        self.write(move |writer| Ok(writer.release_quarantined(row)?)).await
    }

    async fn take(&self, take: Take) -> Result<Took, StoreError> {
        let (tell, told) = oneshot::channel();
        self.take_aside(
            take,
            Box::new(move |took| {
                // Whoever asked may be gone; the event is offered again then.
                let _ = tell.send(took);
            }),
        );
        gather::gathered(told).await.map_err(|_| closed())?
    }

    fn take_aside(&self, take: Take, tell: Told) {
        match self.jobs() {
            Ok(jobs) => self.takes.add(take, tell, &jobs),
            Err(error) => tell(Err(error)),
        }
    }

    async fn park_with(
        &self,
        stored: &Stored,
        reason: String,
        replies: Vec<NewMessage>,
    ) -> Result<SetAside, StoreError> {
        let stored = stored.clone();
        let park = move |writer: &mut Writer| {
            let gap = writer.park(&stored, &reason)?;
            let replies = replies.into_iter().map(|reply| writer.enqueue(reply));
            Ok((gap, replies.collect::<Result<_, _>>()?))
        };
        self.write(park).await
    }

    async fn parked(&self, after: Option<Row>, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.reader.read(move |db| read::parked(db, after, limit)).await
    }

    async fn unpark(&self, row: Row) -> Result<Option<Arc<Stored>>, StoreError> {
        self.write(move |writer| {
            writer.may_append()?;
            Ok(writer.unpark(row)?)
        })
        .await
    }

    async fn discard(&self, row: Row) -> Result<bool, StoreError> {
        self.write(move |writer| Ok(writer.discard(row)?)).await
    }

    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        let lines = self
            .write(|writer| {
                let mut lines: Vec<_> = writer.lines.lines().collect();
                lines.sort_unstable_by_key(|line| line.first_row);
                Ok(lines)
            })
            .await?;
        self.reader.read(move |db| read::backlog(db, lines)).await
    }

    async fn pending(&self, conversation: ConversationId, from_seq: u32, limit: usize) -> Result<Pending, StoreError> {
        let told = self.asked.ask(conversation, from_seq, limit, &self.jobs()?);
        gather::gathered(told).await.map_err(|_| closed())?
    }

    async fn reassign(&self, conversations: Vec<ConversationId>, to: Arc<str>) -> Result<(), StoreError> {
        self.write(move |writer| Ok(writer.reassign(&conversations, &to)?))
            .await
    }

    async fn pause(&self, account: &str, since: Option<Millis>) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.write(move |writer| Ok(writer.pause(&account, since)?)).await
    }

    async fn event(&self, id: &str) -> Result<Option<Arc<Stored>>, StoreError> {
        let id = id.to_owned();
        self.reader.read(move |db| read::event(db, &id)).await
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<Arc<Stored>>, StoreError> {
        self.reader.read(move |db| read::events(db, &query)).await
    }

    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError> {
        self.reader.read(move |db| read::offered(db, &query)).await
    }

    async fn conversation(&self, key: &str) -> Result<Option<View>, StoreError> {
        // Asked of the writer: rows may be behind the states that it holds.
        let key = key.to_owned();
        self.write(move |writer| Ok(writer.view(&key)?)).await
    }

    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError> {
        self.write(move |writer| {
            writer.may_append()?;
            Ok(writer.enqueue(message)?)
        })
        .await
    }

    async fn settle(&self, settle: Settle) -> Result<Arc<Message>, StoreError> {
        self.write(move |writer| Ok(writer.settle(settle)?)).await
    }

    async fn message(&self, which: MessageRef<'_>) -> Result<Option<Arc<Message>>, StoreError> {
        let which = read::Which::from(which);
        self.reader.read(move |db| read::message(db, &which)).await
    }

    async fn outbox(&self, conversation: ConversationId) -> Result<Vec<Arc<Message>>, StoreError> {
        self.reader.read(move |db| read::outbox(db, conversation)).await
    }

    async fn open_outboxes(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.reader.read(read::open_outboxes).await
    }

    async fn passive_answer(&self, event: Row) -> Result<Option<Arc<Message>>, StoreError> {
        self.reader.read(move |db| read::passive_answer(db, event)).await
    }

    async fn recent_messages(&self, key: Option<&str>, limit: usize) -> Result<Vec<Arc<Message>>, StoreError> {
        let key = key.map(str::to_owned);
        self.reader
            .read(move |db| read::recent_messages(db, key.as_deref(), limit))
            .await
    }

    async fn write_records(&self, writes: Vec<RecordWrite>) -> Result<bool, StoreError> {
        self.write(move |writer| Ok(writer.write_records(&writes)?)).await
    }

    async fn record(&self, space: &'static str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.to_owned();
        self.reader.read(move |db| read::record(db, space, &key)).await
    }

    async fn records(&self, space: &'static str) -> Result<Vec<Record>, StoreError> {
        self.reader.read(move |db| read::records(db, space)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.write(|writer| {
            writer.may_append()?;
            writer.prove()
        })
        .await
    }

    async fn sweep(&self, now: Millis, keep: Retention) -> Result<Swept, StoreError> {
        let mut progress = sweep::Progress::default();
        while !progress.done {
            progress = self
                .write(move |writer| {
                    writer.sweep_step(&mut progress, now, keep)?;
                    Ok(progress)
                })
                .await?;
        }
        Ok(progress.swept)
    }

    async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let file = file.to_owned();
        self.reader.read(move |db| read::copy_to(db, &file)).await
    }

    async fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        // Others may still hold this store without using it: the folder is free all the same.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[async_trait]
impl FeedStore for SqliteStore {
    async fn open_feeds(&self, cores: Vec<Arc<str>>) -> Result<Vec<Arc<Gauge>>, StoreError> {
        self.write(move |writer| Ok(writer.open_feeds(&cores)?)).await
    }

    async fn feed_page(&self, ask: Ask) -> Result<FeedPage, StoreError> {
        let epoch = self.epoch;
        self.reader.read(move |db| feed_page::page(db, &ask, epoch)).await
    }

    async fn feed_take(&self, core: Arc<str>, through: Position) -> Result<FeedTaken, StoreError> {
        let mut entries = 0;
        loop {
            let core = core.clone();
            let (step, more) = self.write(move |writer| Ok(writer.feed_take(&core, through)?)).await?;
            entries += step.entries;
            if !more {
                return Ok(FeedTaken { entries, ..step });
            }
        }
    }

    async fn feed_park(&self, core: Arc<str>, position: Position, reason: String) -> Result<bool, StoreError> {
        self.write(move |writer| Ok(writer.feed_park(&core, position, &reason)?))
            .await
    }

    async fn feed_again(&self, core: Arc<str>, events: Vec<Row>, replay: String) -> Result<Position, StoreError> {
        self.write(move |writer| {
            writer.may_append()?;
            Ok(writer.feed_again(&core, &events, &replay)?)
        })
        .await
    }
}
