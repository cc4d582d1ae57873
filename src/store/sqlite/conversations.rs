//! Which conversations does the writer hold in memory? A bounded set of states, written back in bulk.
//!
//! An ordinary message changes nothing in a state that its event does not tell, so its row is not rewritten for each
//! one: states are folded into their rows now and then, and a crash loses none because the events after
//! `meta.folded` are replayed at start.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::{conversation::State, ports::store::Row, schema::v1};

/// States kept in memory: about 1 KiB each.
const HELD: usize = 20_000;

pub struct Conversations {
    slots: Vec<Held>,
    by_id: HashMap<i64, usize, RandomState>,
    by_key: HashMap<Arc<str>, usize, RandomState>,
    /// Where the last one asked for is: one arrival asks for its conversation several times.
    last: usize,
    /// Goes round the slots and clears their marks; the first one found without gives its place away.
    hand: usize,
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
    id: i64,
    key: Arc<str>,
    state: State,
    /// The account that the last arrival brought, which the state holds since; `None` where it may be another.
    account: Option<Arc<v1::Account>>,
    dirty: bool,
    /// Asked for since the hand last came by.
    used: bool,
}

impl Conversations {
    pub fn new() -> Self {
        Self {
            slots: Vec::new(),
            by_id: HashMap::default(),
            by_key: HashMap::default(),
            last: 0,
            hand: 0,
            dirty: 0,
            folding: None,
        }
    }

    /// Forgets everything: after a rollback memory may be ahead of the disk.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    pub fn id(&mut self, db: &Connection, key: &str) -> Result<Option<i64>, rusqlite::Error> {
        if let Some(slot) = self.by_key.get(key) {
            self.last = *slot;
            return Ok(self.slots.get(*slot).map(|held| held.id));
        }
        let found: Option<(i64, Vec<u8>)> = db
            .prepare_cached("SELECT id, state FROM conversation WHERE key = ?1")?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, state)) = found else { return Ok(None) };
        self.hold(db, id, decode(&state)?)?;
        Ok(Some(id))
    }

    /// The state of a conversation that exists.
    pub fn state(&mut self, db: &Connection, id: i64) -> Result<&mut State, rusqlite::Error> {
        let slot = match self.slot(id) {
            Some(slot) => slot,
            None => {
                let state: Vec<u8> = db
                    .prepare_cached("SELECT state FROM conversation WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))?;
                self.hold(db, id, decode(&state)?)?
            }
        };
        let held = self.slots.get_mut(slot).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        held.used = true;
        Ok(&mut held.state)
    }

    /// The state of a conversation that something of this account is to be appended to, and whether it is known to hold the
    /// account: it came with the very one before.
    pub fn state_for(
        &mut self,
        db: &Connection,
        id: i64,
        account: &Arc<v1::Account>,
    ) -> Result<(&mut State, bool), rusqlite::Error> {
        self.state(db, id)?;
        let held = self.held(id).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let same = held.account.as_ref().is_some_and(|known| Arc::ptr_eq(known, account));
        if !same {
            // One that only this arrival holds does not come again.
            held.account = (Arc::strong_count(account) > 1).then(|| account.clone());
        }
        Ok((&mut held.state, same))
    }

    fn slot(&mut self, id: i64) -> Option<usize> {
        if self.slots.get(self.last).is_none_or(|held| held.id != id) {
            self.last = *self.by_id.get(&id)?;
        }
        Some(self.last)
    }

    fn held(&mut self, id: i64) -> Option<&mut Held> {
        let slot = self.slot(id)?;
        self.slots.get_mut(slot)
    }

    pub fn create(&mut self, db: &Connection, state: State) -> Result<i64, rusqlite::Error> {
        db.prepare_cached("INSERT INTO conversation (key, state) VALUES (?1, ?2)")?
            .execute(params![state.key(), state.encode_to_vec()])?;
        let id = db.last_insert_rowid();
        self.hold(db, id, state)?;
        Ok(id)
    }

    /// The state changed: written now, or with the next fold where its events tell the change.
    pub fn changed(&mut self, db: &Connection, id: i64, write_now: bool) -> Result<(), rusqlite::Error> {
        let Some(held) = self.held(id) else {
            return Ok(());
        };
        let was_dirty = std::mem::replace(&mut held.dirty, !write_now);
        if write_now {
            write(db, id, &held.state)?;
        }
        self.dirty = self.dirty + usize::from(!write_now) - usize::from(was_dirty);
        Ok(())
    }

    pub fn dirty(&self) -> usize {
        self.dirty
    }

    /// Begins to write every state that is ahead of its row; `through` is the newest event they know of.
    pub fn begin_fold(&mut self, through: Row) {
        if self.folding.is_none() {
            let ahead = self.slots.iter().filter(|held| held.dirty);
            let left = ahead.map(|held| held.id).collect();
            self.folding = Some(Folding { through, left });
        }
    }

    /// Writes at most `limit` states of a fold under way. A state that has moved on meanwhile is written as it is: replaying
    /// what it already knows does nothing.
    pub fn fold_some(&mut self, db: &Connection, limit: usize) -> Result<(), rusqlite::Error> {
        let Some(mut folding) = self.folding.take() else {
            return Ok(());
        };
        let from = folding.left.len().saturating_sub(limit);
        for id in folding.left.split_off(from) {
            // One that left memory meanwhile was written then.
            if self.held(id).is_some_and(|held| held.dirty) {
                self.changed(db, id, true)?;
            }
        }
        if folding.left.is_empty() {
            db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('folded', ?1)")?
                .execute([folding.through])?;
        } else {
            self.folding = Some(folding);
        }
        Ok(())
    }

    /// Writes every state that is ahead of its row, at once.
    pub fn fold(&mut self, db: &Connection, through: Row) -> Result<(), rusqlite::Error> {
        self.folding = None;
        self.begin_fold(through);
        self.fold_some(db, usize::MAX)
    }

    /// Takes a state into memory; its slot.
    fn hold(&mut self, db: &Connection, id: i64, state: State) -> Result<usize, rusqlite::Error> {
        let key: Arc<str> = state.key().into();
        let held = Held {
            id,
            key: key.clone(),
            state,
            account: None,
            dirty: false,
            used: true,
        };
        let slot = match self.slots.len() < HELD {
            true => self.slots.len(),
            false => self.vacate(db)?,
        };
        match self.slots.get_mut(slot) {
            Some(place) => *place = held,
            None => self.slots.push(held),
        }
        self.by_id.insert(id, slot);
        self.by_key.insert(key, slot);
        self.last = slot;
        Ok(slot)
    }

    /// Writes and forgets one that was not asked for lately; the slot is to be filled at once.
    fn vacate(&mut self, db: &Connection) -> Result<usize, rusqlite::Error> {
        loop {
            let slot = self.hand;
            self.hand = (slot + 1) % self.slots.len();
            let Some(held) = self.slots.get_mut(slot) else { continue };
            if std::mem::replace(&mut held.used, false) {
                continue;
            }
            if held.dirty {
                write(db, held.id, &held.state)?;
                held.dirty = false;
                self.dirty -= 1;
            }
            self.by_id.remove(&held.id);
            self.by_key.remove(&held.key);
            return Ok(slot);
        }
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
