//! How is one arrival appended? Dedupe row, state, `seq`, event and the mark that it waits: one transaction.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, params};

use super::writer::{Publish, Writer};
use crate::{
    channels::contract::Dedupe,
    conversation::{Stamp, State},
    ports::store::{Accepted, Arrival, ConversationId, Row, Stored},
    schema::{Written, v1},
    store::ids,
};

impl Writer {
    /// Appends an arrival, unless the platform sent it before.
    pub fn accept(&mut self, arrival: &Arrival) -> Result<Accepted, rusqlite::Error> {
        let row = self.next_event;
        // Read before anything is written: a conversation that cannot be read fails alone.
        let known = self.conversations.id(&self.db, &arrival.key)?;
        if let Some(dedupe) = &arrival.dedupe
            && let Some(before) = self.seen(&arrival.account.id, dedupe, row)?
        {
            return Ok(Accepted::Again {
                event_id: self.event_id(before)?,
                row: before,
            });
        }
        self.append_to(known, arrival).map(Accepted::New)
    }

    /// Appends an arrival whose identity is settled.
    pub fn append(&mut self, arrival: &Arrival) -> Result<Arc<Stored>, rusqlite::Error> {
        let known = self.conversations.id(&self.db, &arrival.key)?;
        self.append_to(known, arrival)
    }

    /// As [`append`](Self::append), where its conversation was looked up.
    fn append_to(&mut self, known: Option<i64>, arrival: &Arrival) -> Result<Arc<Stored>, rusqlite::Error> {
        let row = self.next_event;
        let conversation = match known {
            Some(id) => self.entered(id)?,
            None => self.begun(&arrival.key, &arrival.account, arrival.customer.clone(), arrival.scope)?,
        };
        let moved = self.choose_core(conversation, arrival.core.as_deref())?;
        let stamp = self.stamp(row);
        let (state, same_account) = self.conversations.state_for(&self.db, conversation, &arrival.account)?;
        let appended = state.append(arrival, &stamp, same_account);
        let core = state.core.clone();
        self.conversations
            .changed(&self.db, conversation, appended.write_state || moved)?;
        let event = Written::unread(appended.event).map_err(super::undecodable)?;
        self.insert_event(row, conversation, &event, stamp.now)?;
        self.lines.add(&self.db, conversation, appended.seq, row)?;
        self.feed_event(&core, row, stamp.now)?;
        if arrival.customer_acted && self.holding.contains(&conversation) {
            self.publish.push(Publish::Outbox(ConversationId(conversation)));
        }
        Ok(self.published(row, conversation, &core, event))
    }

    /// Replaces nothing, appends nothing: an event in the row that comes next, without a new `seq`.
    pub fn insert_event(
        &mut self,
        row: Row,
        conversation: i64,
        event: &Written,
        now: i64,
    ) -> Result<(), rusqlite::Error> {
        let body: &[u8] = event.bytes();
        self.written += body.len();
        self.db
            .prepare_cached("INSERT INTO event (row, conversation, seq, accepted, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![row, conversation, event.number(), now, body])?;
        self.next_event = row + 1;
        Ok(())
    }

    /// Makes the event known to the listener after the commit.
    pub fn published(&mut self, row: Row, conversation: i64, core: &str, event: Written) -> Arc<Stored> {
        let core = self.core_name(core);
        let stored = Arc::new(Stored {
            row,
            conversation: ConversationId(conversation),
            core,
            event,
        });
        self.publish.push(Publish::Event(stored.clone()));
        stored
    }

    pub fn stamp(&mut self, row: Row) -> Stamp {
        let now = self.clock.now();
        Stamp {
            now,
            epoch: self.epoch,
            id: ids::event_id(now, row, self.entropy()),
        }
    }

    /// Registers the identity; the row of the first event that had it, if there was one.
    fn seen(&mut self, account: &str, dedupe: &Dedupe, row: Row) -> Result<Option<Row>, rusqlite::Error> {
        let account = self.account(account)?;
        // The order is kept as SQLite's signed integer; only equality and rough growth matter.
        let order = dedupe.order as i64;
        let added = self
            .db
            .prepare_cached("INSERT OR IGNORE INTO dedupe (account, ord, rest, event) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![account, order, dedupe.rest, row])?;
        if added == 1 {
            return Ok(None);
        }
        self.db
            .prepare_cached("SELECT event FROM dedupe WHERE account = ?1 AND ord = ?2 AND rest = ?3")?
            .query_row(params![account, order, dedupe.rest], |found| found.get(0))
            .optional()
    }

    fn event_id(&self, row: Row) -> Result<String, rusqlite::Error> {
        let body: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT body FROM event WHERE row = ?1")?
            .query_row([row], |found| found.get(0))
            .optional()?;
        // The event may be past its retention while its identity is still known.
        match body {
            Some(body) => {
                let event = Written::unread(body.into()).map_err(super::undecodable)?;
                Ok(event.id().to_owned())
            }
            None => Ok(String::new()),
        }
    }

    /// The conversation of that key, created where nobody spoke in it yet.
    pub fn conversation(
        &mut self,
        key: &str,
        who: impl FnOnce() -> (Arc<v1::Account>, v1::Identity, v1::conversation::Scope),
    ) -> Result<i64, rusqlite::Error> {
        match self.conversations.id(&self.db, key)? {
            Some(id) => self.entered(id),
            None => {
                let (account, customer, scope) = who();
                self.begun(key, &account, customer, scope)
            }
        }
    }

    fn begun(
        &mut self,
        key: &str,
        account: &v1::Account,
        customer: v1::Identity,
        scope: v1::conversation::Scope,
    ) -> Result<i64, rusqlite::Error> {
        let state = State::begin(account, key, customer, scope, self.epoch);
        self.conversations.create(&self.db, state)
    }

    /// A known conversation, in the epoch of this store.
    fn entered(&mut self, id: i64) -> Result<i64, rusqlite::Error> {
        let epoch = self.epoch;
        let state = self.conversations.state(&self.db, id)?;
        if state.epoch != epoch {
            state.enter_epoch(epoch);
            self.conversations.changed(&self.db, id, true)?;
        }
        Ok(id)
    }

    /// A conversation changes core only when nothing of it is undelivered, or its account is paused. `true`: it changed.
    pub fn choose_core(&mut self, conversation: i64, wanted: Option<&str>) -> Result<bool, rusqlite::Error> {
        let chosen = wanted.unwrap_or_default();
        let wanted = self.unless_paused(conversation, chosen)?;
        let state = self.conversations.state(&self.db, conversation)?;
        let current = &state.core;
        let (same, nobody) = (current == wanted, current.is_empty());
        // Begun in a pause: whose it would be is known from now on, also where its account is gone when the pause ends.
        let unknown = wanted != chosen && state.core_before_pause.is_empty();
        let stays = !nobody && self.lines.first_seq(conversation).is_some();
        if (same && !unknown) || (stays && wanted == chosen) {
            return Ok(false);
        }
        self.give(conversation, chosen)?;
        Ok(true)
    }

    /// Gives the conversation to a core, with whatever of it waits; to none while its account is paused.
    pub fn give(&mut self, conversation: i64, core: &str) -> Result<(), rusqlite::Error> {
        let paused = self.is_paused(conversation)?;
        let first_waiting = self.lines.first_seq(conversation);
        let state = self.conversations.state(&self.db, conversation)?;
        let before = state.core.clone();
        if paused {
            state.take_away(core, first_waiting);
        } else {
            state.give_to(core, first_waiting);
        }
        let core = if paused { "" } else { core };
        if before == core {
            return Ok(());
        }
        self.feed_give(conversation, &before, core)?;
        self.tell_moved(conversation)
    }
}
