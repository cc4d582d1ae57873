//! What do the tables look like? Created whole in the newest version; an older one is brought there step by step.

use rusqlite::Connection;

/// Grows with every change of the tables.
pub const VERSION: i64 = 6;

/// Pages of the log after which a commit copies it into the database by itself, 256 MiB: it is done beside the writer
/// long before, see [`super::checkpoint`].
pub const CHECKPOINT_PAGES: i64 = 65_536;
/// Bytes of the log that stay when it begins anew.
const LOG_STAYS: i64 = 64 << 20;

/// Short rows, keys that grow with time: an append stays at the end of each tree.
const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- `state` may be behind the events after meta.folded; it is brought up to date from them at start.
CREATE TABLE conversation (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, state BLOB NOT NULL);
CREATE TABLE event (
  row INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, seq INTEGER NOT NULL, accepted INTEGER NOT NULL, body BLOB NOT NULL);
-- By what grows first: with the account before it, every account would have a place of its own to append to.
CREATE TABLE dedupe (
  account INTEGER NOT NULL, ord INTEGER NOT NULL, rest TEXT NOT NULL, event INTEGER NOT NULL,
  PRIMARY KEY (ord, account, rest)) WITHOUT ROWID;
-- What no core has taken yet: empty while the core keeps up. Its order is in the writer's memory.
CREATE TABLE pending (event INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE parked (event INTEGER PRIMARY KEY, at INTEGER NOT NULL, core TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE quarantine (
  row INTEGER PRIMARY KEY, account TEXT NOT NULL, received INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL,
  query TEXT NOT NULL, content_type TEXT NOT NULL, key_ids TEXT NOT NULL, body BLOB NOT NULL);

CREATE TABLE message (
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, client TEXT NOT NULL, conversation INTEGER NOT NULL,
  open INTEGER NOT NULL, answers INTEGER, request BLOB NOT NULL, result BLOB NOT NULL, passive BLOB, pieces_done INTEGER NOT NULL,
  attempts INTEGER NOT NULL, created INTEGER NOT NULL, next_attempt INTEGER NOT NULL, not_after INTEGER NOT NULL,
  UNIQUE (account, client));
CREATE INDEX message_open ON message (conversation, row) WHERE open = 1;
CREATE INDEX message_passive ON message (answers) WHERE passive IS NOT NULL;

CREATE TABLE record (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID;
";

/// What waits for each core that pulls, in the order it is handed out. Created with the rest, and in every older database.
const FEEDS: &str = "
CREATE TABLE feed (
  core TEXT NOT NULL, position INTEGER NOT NULL, event INTEGER NOT NULL, replay TEXT, PRIMARY KEY (core, position)) WITHOUT ROWID;
-- What does not stand at its own row's number.
CREATE INDEX feed_moved ON feed (event) WHERE event <> position;
CREATE TABLE feed_core (
  core TEXT PRIMARY KEY, epoch INTEGER NOT NULL, taken INTEGER NOT NULL, taken_at INTEGER, oldest INTEGER NOT NULL) WITHOUT ROWID;
";

/// What was taken of `pending` and is still in it. Since version 4.
const TAKEN: &str = "CREATE TABLE taken (row INTEGER PRIMARY KEY, event INTEGER NOT NULL);";

/// What a core has taken at another number than its row's: read again from an old cursor where it stood, while it is kept. Since
/// version 5.
const MOVED: &str = "
CREATE TABLE feed_taken (
  core TEXT NOT NULL, position INTEGER NOT NULL, event INTEGER NOT NULL, PRIMARY KEY (core, position)) WITHOUT ROWID;
CREATE INDEX feed_taken_event ON feed_taken (event);
";

/// Whose place a Gap took, for as long as they are stored: what became of them afterwards is told by others. Since version 6.
const SET_ASIDE: &str = "
CREATE TABLE set_aside (event INTEGER PRIMARY KEY, gap INTEGER NOT NULL);
CREATE INDEX set_aside_gap ON set_aside (gap);
-- Which Gap was not noted before.
INSERT INTO set_aside (event, gap) SELECT event, 0 FROM parked;
";

/// From version 1: what waits was keyed by conversation.
const TO_2: &str = "
ALTER TABLE pending RENAME TO pending_1;
CREATE TABLE pending (event INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, seq INTEGER NOT NULL);
INSERT INTO pending (event, conversation, seq) SELECT event, conversation, seq FROM pending_1 ORDER BY event;
DROP TABLE pending_1;
";

/// Which form the tables have; 0: there are none.
pub fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Creates the tables in an empty database, brings older ones up to date, refuses one of a later version.
pub fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    let steps: &[&str] = match version(connection)? {
        0 => &[TABLES, FEEDS, TAKEN, MOVED, SET_ASIDE],
        1 => &[TO_2, FEEDS, TAKEN, MOVED, SET_ASIDE],
        2 => &[FEEDS, TAKEN, MOVED, SET_ASIDE],
        3 => &[TAKEN, MOVED, SET_ASIDE],
        4 => &[MOVED, SET_ASIDE],
        5 => &[SET_ASIDE],
        VERSION => return Ok(()),
        later => {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH),
                Some(format!(
                    "the database has version {later}, this program knows {VERSION}: use the newer program"
                )),
            ));
        }
    };
    let steps = steps.concat();
    connection.execute_batch(&format!("BEGIN; {steps} PRAGMA user_version = {VERSION}; COMMIT;"))
}

/// How every connection is set up. `FULL`: a commit has reached the disk before it returns.
pub fn tune(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "journal_size_limit", LOG_STAYS)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", "OFF")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}
