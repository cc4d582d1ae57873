//! What happens before the first write? The folder is locked, the tables made, the states caught up with their events.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    sync::Arc,
};

use prost::Message as _;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, config::DbConfig, params};
use rustix::fs::{FlockOperation, flock};

use super::{checkpoint::Checkpoints, disk::Disk, feeds::Feeds, lines::Lines, paused, schema, whole, writer::Writer};
use crate::{
    ports::{
        chance::{Chance, SystemChance},
        clock::{Clock, ManualClock, Millis},
        store::{ConversationId, Listener, Row, StoreError, Stored},
    },
    schema::v1::{self, event::Body, send_result::Status},
};

/// The database in the state folder.
pub const FILE: &str = "wxbridge.db";
const LOCK: &str = "wxbridge.lock";

/// Where the store lives and who hears of its commits.
pub struct Options {
    /// An existing folder.
    pub dir: PathBuf,
    /// What in the folder shows that it has held a store: then one that is not there is missed, and none is made.
    pub trace: Option<String>,
    /// Bytes that must stay free on its disk.
    pub reserve: u64,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub listener: Arc<dyn Listener>,
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store in {0} is in use by another process")]
    Taken(String),
    #[error("the store cannot be opened: {0}")]
    Broken(String),
    /// It is not whole. What is in it and in its log is still there.
    #[error(
        "the store cannot be opened: {0}; this start took nothing away: if {FILE} or its -wal was copied only in part, copy both again, else restore a backup"
    )]
    Damaged(String),
    /// There was one. Nothing was changed.
    #[error(
        "{} is missing or empty, and {trace} beside it shows that there was one: bring it back together with its -wal, or restore \
         a backup into an empty folder; whoever means to begin anew takes an empty folder too", .file.display()
    )]
    Lost { file: PathBuf, trace: String },
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Taken(FILE.to_owned()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Damaged(error.to_string()),
            _ => OpenError::Broken(error.to_string()),
        }
    }
}

pub struct Opened {
    pub writer: Writer,
    pub file: PathBuf,
    pub lock: File,
}

pub fn open(options: Options) -> Result<Opened, OpenError> {
    let dir = options.dir.display().to_string();
    stand(options).map_err(|error| match error {
        OpenError::Taken(_) => OpenError::Taken(dir),
        error => error,
    })
}

fn stand(options: Options) -> Result<Opened, OpenError> {
    let lock = take(&options.dir)?;
    let file = options.dir.join(FILE);
    let trace = options.trace.as_deref();
    missed(&options.dir, trace)?;
    let db = connect(&file, trace)?;
    let epoch = epoch(&db, options.clock.now())?;
    let next_event = next_event(&db)?;
    let disk = Disk::new(options.dir, options.reserve);
    let mut writer = Writer::new(
        db,
        epoch,
        next_event,
        options.clock,
        options.chance,
        options.listener,
        disk,
    );
    writer.catch_up()?;
    writer.checkpoints = Checkpoints::beside(&file);
    writer.lines = Lines::load(&writer.db)?;
    writer.lines.carry_out(&writer.db)?;
    writer.feeds = Feeds::load(&writer.db, epoch)?;
    writer.holding = holding(&writer.db)?;
    writer.paused = paused::load(&writer.db)?;
    keep_log(&writer.db, false)?;
    Ok(Opened { writer, file, lock })
}

/// The lock dies with the process that holds it, however that ends.
fn take(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| OpenError::Broken(format!("{}: {error}", path.display())))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Taken(dir.display().to_string())),
        Err(error) => Err(OpenError::Broken(format!("{}: {error}", path.display()))),
    }
}

fn connect(file: &Path, trace: Option<&str>) -> Result<Connection, OpenError> {
    let db = Connection::open(file)?;
    keep_log(&db, true)?;
    schema::tune(&db)?;
    if let Some((here, all)) = whole::cut(&db, file)? {
        return Err(OpenError::Damaged(format!(
            "{FILE} ends after {here} of its {all} pages"
        )));
    }
    if let Some(trace) = trace
        && schema::version(&db)? == 0
    {
        return Err(lost(file, trace));
    }
    schema::prepare(&db)?;
    Ok(db)
}

/// A commit copies a long log into the database, and so does the last connection that closes, which then deletes it. Until the
/// store stands neither may: the database may be damaged or half a copy, and the log the only place where the newest messages
/// are.
fn keep_log(db: &Connection, keep: bool) -> Result<(), rusqlite::Error> {
    let pages = if keep { 0 } else { schema::CHECKPOINT_PAGES };
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    db.pragma_update(None, "wal_autocheckpoint", pages)
}

/// Whether a database that stood in this folder is gone, or empty. To be asked before SQLite is, which deletes the log of an
/// empty database.
pub fn missed(dir: &Path, trace: Option<&str>) -> Result<(), OpenError> {
    let size = |name: &str| dir.join(name).metadata().map_or(0, |found| found.len());
    if size(FILE) > 0 {
        return Ok(());
    }
    let (file, log) = (dir.join(FILE), format!("{FILE}-wal"));
    if size(&log) > 0 {
        return Err(lost(&file, &log));
    }
    trace.map_or(Ok(()), |trace| Err(lost(&file, trace)))
}

fn lost(file: &Path, trace: &str) -> OpenError {
    OpenError::Lost {
        file: file.to_owned(),
        trace: trace.to_owned(),
    }
}

fn meta(db: &Connection, name: &str) -> Result<Option<i64>, rusqlite::Error> {
    db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()
}

/// The generation of this store, chosen when it was made: no two stores ever share one.
fn epoch(db: &Connection, now: Millis) -> Result<u32, rusqlite::Error> {
    if let Some(epoch) = meta(db, "epoch")? {
        return Ok(u32::try_from(epoch).unwrap_or(u32::MAX));
    }
    let epoch = after(0, now);
    set_epoch(db, epoch)?;
    Ok(epoch)
}

fn set_epoch(db: &Connection, epoch: u32) -> Result<(), rusqlite::Error> {
    db.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES ('epoch', ?1)",
        [epoch],
    )
    .map(|_| ())
}

/// The epoch that follows `last`: the Unix time in seconds where that is larger.
fn after(last: u32, now: Millis) -> u32 {
    u32::try_from(now.max(0) / 1_000)
        .unwrap_or(u32::MAX)
        .max(last.saturating_add(1))
}

fn next_event(db: &Connection) -> Result<Row, rusqlite::Error> {
    let newest: Row = db.query_row("SELECT coalesce(max(row), 0) FROM event", [], |row| row.get(0))?;
    let known = [meta(db, "folded")?, meta(db, "numbered")?];
    Ok(known.into_iter().flatten().fold(newest, Row::max) + 1)
}

fn holding(db: &Connection) -> Result<std::collections::HashSet<i64>, rusqlite::Error> {
    let mut rows = db.prepare("SELECT conversation, result FROM message WHERE open = 1")?;
    let all = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let mut held = std::collections::HashSet::new();
    for found in all {
        let (conversation, result) = found?;
        if v1::SendResult::decode(result.as_slice()).is_ok_and(|result| result.status() == Status::Held) {
            held.insert(conversation);
        }
    }
    Ok(held)
}

impl Writer {
    /// After a rollback, states are read anew: from their rows, and from the events that those do not know yet.
    pub fn recover(&mut self) -> Result<(), rusqlite::Error> {
        if self.behind {
            self.conversations.forget();
            self.catch_up()?;
            self.paused = paused::load(&self.db)?;
            self.behind = false;
        }
        Ok(())
    }

    /// Brings states that were not written before the last end up to their events.
    fn catch_up(&mut self) -> Result<(), rusqlite::Error> {
        let folded = meta(&self.db, "folded")?.unwrap_or(0);
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut at = folded;
        loop {
            let batch: Vec<(Row, i64, u32, Vec<u8>)> = self
                .db
                .prepare_cached(
                    "SELECT row, conversation, seq, body FROM event WHERE row > ?1 ORDER BY row LIMIT 1000",
                )?
                .query_map([at], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<Result<_, _>>()?;
            let Some((last, ..)) = batch.last() else { break };
            at = *last;
            for (row, conversation, seq, body) in batch {
                let epoch = self.epoch;
                let state = self.conversations.state(&self.db, conversation)?;
                let moved = match read(row, &body) {
                    Some(event) => state.replay(&event),
                    None => state.passes(epoch, seq),
                };
                if moved {
                    self.conversations.changed(&self.db, conversation, false)?;
                }
            }
        }
        self.conversations.fold(&self.db, self.next_event - 1)?;
        self.db.execute_batch("COMMIT")?;
        // Whoever spoke last before the end need not be who speaks next.
        self.conversations.forget();
        Ok(())
    }

    /// Numbers everything undelivered anew, from 1 in each conversation, in the order it had.
    fn enter_epoch(&mut self, epoch: u32) -> Result<(), rusqlite::Error> {
        self.epoch = epoch;
        let before = Lines::load(&self.db)?;
        self.db.execute("DELETE FROM pending", [])?;
        self.db.execute("DELETE FROM taken", [])?;
        for line in before.lines() {
            for (_, row) in before.rows(line.conversation, 0) {
                self.renumber(line.conversation, row)?;
            }
        }
        set_epoch(&self.db, epoch)
    }

    fn renumber(&mut self, conversation: i64, row: Row) -> Result<(), rusqlite::Error> {
        let epoch = self.epoch;
        let state = self.conversations.state(&self.db, conversation)?;
        state.enter_epoch(epoch);
        state.seq += 1;
        let seq = state.seq;
        self.conversations.changed(&self.db, conversation, true)?;
        let body: Vec<u8> = self
            .db
            .query_row("SELECT body FROM event WHERE row = ?1", [row], |found| found.get(0))?;
        let body = match read(row, &body) {
            Some(event) => numbered(event, epoch, seq).encode_to_vec(),
            None => body,
        };
        self.db
            .prepare_cached("UPDATE event SET seq = ?2, body = ?3 WHERE row = ?1")?
            .execute(params![row, seq, body])?;
        self.lines.add(&self.db, conversation, seq, row)
    }
}

/// One event that cannot be read is no reason to have none of them: where it is to be handed out it is set aside.
fn read(row: Row, body: &[u8]) -> Option<v1::Event> {
    v1::Event::decode(body)
        .inspect_err(
            |error| tracing::error!(row, %error, "an event of the store cannot be read; only its number counts"),
        )
        .ok()
}

fn numbered(mut event: v1::Event, epoch: u32, seq: u32) -> v1::Event {
    (event.epoch, event.seq) = (epoch, seq);
    if let Some(conversation) = event.conversation.as_mut() {
        conversation.first_seq = 1;
    }
    if let Some(Body::Gap(gap)) = event.body.as_mut() {
        (gap.from_seq, gap.to_seq) = (seq, seq);
    }
    event
}

/// Gives a restored database a generation of its own, so that a core that has seen more than the copy holds starts anew.
/// Nobody else may have the file open.
pub fn raise_epoch(file: &Path, now: Millis) -> Result<u32, StoreError> {
    raise(file, now).map_err(|error| StoreError::Broken(error.to_string()))
}

fn raise(file: &Path, now: Millis) -> Result<u32, OpenError> {
    let db = connect(file, None)?;
    let last = epoch(&db, 0)?;
    let next = next_event(&db)?;
    let disk = Disk::new(PathBuf::from("."), 0);
    let clock = Arc::new(ManualClock::at(now));
    let mut writer = Writer::new(
        db,
        last,
        next,
        clock,
        Arc::new(SystemChance::default()),
        Arc::new(Nobody),
        disk,
    );
    writer.catch_up()?;
    let epoch = after(last, now);
    writer.db.execute_batch("BEGIN IMMEDIATE")?;
    writer.enter_epoch(epoch)?;
    writer.db.execute_batch("COMMIT")?;
    writer.db.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    keep_log(&writer.db, false)?;
    Ok(epoch)
}

struct Nobody;

impl Listener for Nobody {
    fn event(&self, _: &Arc<Stored>) {}
    fn message(&self, _: ConversationId) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_copied_by_nobody_until_the_store_stands() {
        let dir = tempfile::tempdir().expect("a folder");
        let db = connect(&dir.path().join(FILE), None).expect("made");
        let copied_after = || db.pragma_query_value(None, "wal_autocheckpoint", |row| row.get::<_, i64>(0));
        let kept = || db.db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE);
        assert_eq!((copied_after(), kept()), (Ok(0), Ok(true)));
        keep_log(&db, false).expect("done");
        assert_eq!((copied_after(), kept()), (Ok(schema::CHECKPOINT_PAGES), Ok(false)));
    }
}
