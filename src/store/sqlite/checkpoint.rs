//! When does the log go into the database? While others write: a thread copies most of it, and the writer only the rest.
//!
//! Done by the writer alone it would stop every callback for tens of milliseconds, some times a second under load. But
//! only when nothing is left to copy does the log begin anew, and while somebody writes there is always something left:
//! so the last few pages are the writer's.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, OpenFlags};

/// Bytes of the log after which it is copied, where nobody waits for the writer.
const EVERY: usize = 16 << 20;
/// And where somebody does: copying keeps the disk busy, and each commit waits for the disk.
const AT_MOST: usize = 64 << 20;
/// What a commit writes beside its rows: the pages above them, and those that fill up.
const PER_COMMIT: usize = 4 * 4_096;
/// Times the copying begins again because much was written meanwhile.
const ROUNDS: usize = 4;
/// Pages that the writer may copy by itself.
const REST: i64 = 256;

/// The writer's end.
pub struct Checkpoints {
    /// Bytes written since the last copying began, as far as we can tell.
    written: usize,
    /// `None`: the writer does it all, when SQLite thinks it is time.
    helper: Option<Helper>,
}

struct Helper {
    begin: mpsc::SyncSender<()>,
    /// Only the rest is left.
    nearly: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Checkpoints {
    /// Everything by the writer.
    pub fn inline() -> Self {
        Self {
            written: 0,
            helper: None,
        }
    }

    /// With a thread beside the writer of this file.
    pub fn beside(file: &Path) -> Self {
        Self {
            written: 0,
            // Without it SQLite copies inside a commit, later than we would have.
            helper: Helper::start(file.to_owned()).ok(),
        }
    }

    /// So many bytes of rows were committed; `busy`: others wait already. Called outside of a transaction.
    pub fn committed(&mut self, db: &Connection, bytes: usize, busy: bool) {
        let Some(helper) = &self.helper else { return };
        self.written += bytes + PER_COMMIT;
        if due(self.written, busy) && helper.begin.try_send(()).is_ok() {
            self.written = 0;
        }
        if helper.nearly.swap(false, Ordering::AcqRel)
            && let Err(error) = passive(db)
        {
            tracing::warn!(%error, "the log could not be copied into the database; it is tried again");
        }
    }

    /// Returns when the thread has ended.
    pub fn end(&mut self) {
        if let Some(Helper { begin, thread, .. }) = self.helper.take() {
            drop(begin);
            let _ = thread.join();
        }
    }
}

impl Helper {
    fn start(file: PathBuf) -> std::io::Result<Self> {
        // One that waits is enough: it copies whatever there is by then.
        let (begin, begun) = mpsc::sync_channel(1);
        let nearly = Arc::new(AtomicBool::new(false));
        let tell = nearly.clone();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || {
                for () in begun {
                    match copy(&file) {
                        Ok(()) => tell.store(true, Ordering::Release),
                        Err(error) => tracing::warn!(%error, "the log could not be copied beside the writer"),
                    }
                }
            })?;
        Ok(Self { begin, nearly, thread })
    }
}

fn due(written: usize, busy: bool) -> bool {
    written >= if busy { AT_MOST } else { EVERY }
}

/// Copies until little was written meanwhile.
fn copy(file: &Path) -> Result<(), rusqlite::Error> {
    // Where there is none any more, none is made.
    let db = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    super::schema::tune(&db)?;
    let mut copied = 0;
    for _ in 0..ROUNDS {
        let (in_log, done) = passive(&db)?;
        if in_log - copied <= REST || done < in_log {
            break;
        }
        copied = done;
    }
    Ok(())
}

/// Copies what it can without waiting for anybody: pages in the log, and how many of them are copied now.
fn passive(db: &Connection) -> Result<(i64, i64), rusqlite::Error> {
    db.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |row| Ok((row.get(1)?, row.get(2)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copying_waits_for_a_quiet_moment_but_not_for_ever() {
        for (written, busy, expected) in [
            (EVERY - 1, false, false),
            (EVERY, false, true),
            (EVERY, true, false),
            (AT_MOST - 1, true, false),
            (AT_MOST, true, true),
        ] {
            assert_eq!(due(written, busy), expected, "{written} {busy}");
        }
    }
}
