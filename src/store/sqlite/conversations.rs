//! Which conversations does the writer hold in memory? A bounded set of states, written back in bulk.
//!
//! An ordinary message changes nothing in a state that its event does not tell, so its row is not rewritten for each
//! one: states are folded into their rows now and then, and a crash loses none because the events after
//! `meta.folded` are replayed at start.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc};

use lru::LruCache;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{conversation::State, ports::store::Row};

/// States kept in memory: about 1 KiB each.
const HELD: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");

pub struct Conversations {
    held: LruCache<i64, Held>,
    ids: HashMap<Arc<str>, i64>,
    /// How many states are ahead of their rows.
    dirty: usize,
    folding: Option<Folding>,
}

/// A fold under way, a few states with each batch: all at once would keep every callback waiting.
struct Folding {
    /// When it is done, the rows know every event up to here.
    through: Row,
    left: Vec<i64>,
}

struct Held {
    key: Arc<str>,
    state: State,
    dirty: bool,
}

impl Conversations {
    pub fn new() -> Self {
        Self {
            held: LruCache::new(HELD),
            ids: HashMap::new(),
            dirty: 0,
            folding: None,
        }
    }

    /// Forgets everything: after a rollback memory may be ahead of the disk.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    pub fn id(&mut self, db: &Connection, key: &str) -> Result<Option<i64>, rusqlite::Error> {
        if let Some(id) = self.ids.get(key) {
            return Ok(Some(*id));
        }
        let found: Option<(i64, Vec<u8>)> = db
            .prepare_cached("SELECT id, state FROM conversation WHERE key = ?1")?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, state)) = found else { return Ok(None) };
        self.hold(db, id, decode(&state)?, false)?;
        Ok(Some(id))
    }

    /// The state of a conversation that exists.
    pub fn state(&mut self, db: &Connection, id: i64) -> Result<&mut State, rusqlite::Error> {
        if !self.held.contains(&id) {
            let state: Vec<u8> = db
                .prepare_cached("SELECT state FROM conversation WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?;
            self.hold(db, id, decode(&state)?, false)?;
        }
        let held = self.held.get_mut(&id);
        held.map(|held| &mut held.state)
            .ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    pub fn create(&mut self, db: &Connection, state: State) -> Result<i64, rusqlite::Error> {
        db.prepare_cached("INSERT INTO conversation (key, state) VALUES (?1, ?2)")?
            .execute(params![state.key(), state.encode_to_vec()])?;
        let id = db.last_insert_rowid();
        self.hold(db, id, state, false)?;
        Ok(id)
    }

    /// The state changed: written now, or with the next fold where its events tell the change.
    pub fn changed(&mut self, db: &Connection, id: i64, write_now: bool) -> Result<(), rusqlite::Error> {
        let Some(held) = self.held.peek_mut(&id) else {
            return Ok(());
        };
        if write_now {
            write(db, id, &held.state)?;
            self.dirty -= usize::from(std::mem::replace(&mut held.dirty, false));
        } else {
            self.dirty += usize::from(!std::mem::replace(&mut held.dirty, true));
        }
        Ok(())
    }

    pub fn dirty(&self) -> usize {
        self.dirty
    }

    /// Begins to write every state that is ahead of its row; `through` is the newest event they know of.
    pub fn begin_fold(&mut self, through: Row) {
        if self.folding.is_none() {
            let ahead = self.held.iter().filter(|(_, held)| held.dirty);
            let left = ahead.map(|(id, _)| *id).collect();
            self.folding = Some(Folding { through, left });
        }
    }

    /// Writes at most `limit` states of a fold under way. A state that has moved on meanwhile is written as it is: replaying
    /// what it already knows does nothing.
    pub fn fold_some(&mut self, db: &Connection, limit: usize) -> Result<(), rusqlite::Error> {
        let Some(folding) = self.folding.as_mut() else {
            return Ok(());
        };
        let from = folding.left.len().saturating_sub(limit);
        for id in folding.left.split_off(from) {
            // One that left memory meanwhile was written then.
            if let Some(held) = self.held.peek_mut(&id).filter(|held| held.dirty) {
                write(db, id, &held.state)?;
                held.dirty = false;
                self.dirty -= 1;
            }
        }
        if folding.left.is_empty() {
            db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('folded', ?1)")?
                .execute([folding.through])?;
            self.folding = None;
        }
        Ok(())
    }

    /// Writes every state that is ahead of its row, at once.
    pub fn fold(&mut self, db: &Connection, through: Row) -> Result<(), rusqlite::Error> {
        self.folding = None;
        self.begin_fold(through);
        self.fold_some(db, usize::MAX)
    }

    fn hold(&mut self, db: &Connection, id: i64, state: State, dirty: bool) -> Result<(), rusqlite::Error> {
        let key: Arc<str> = state.key().into();
        self.ids.insert(key.clone(), id);
        if let Some((old_id, old)) = self.held.push(id, Held { key, state, dirty })
            && old_id != id
        {
            self.ids.remove(&old.key);
            if old.dirty {
                write(db, old_id, &old.state)?;
                self.dirty -= 1;
            }
        }
        Ok(())
    }
}

fn write(db: &Connection, id: i64, state: &State) -> Result<(), rusqlite::Error> {
    db.prepare_cached("UPDATE conversation SET state = ?2 WHERE id = ?1")?
        .execute(params![id, state.encode_to_vec()])?;
    Ok(())
}

fn decode(bytes: &[u8]) -> Result<State, rusqlite::Error> {
    State::decode(bytes).map_err(super::undecodable)
}
