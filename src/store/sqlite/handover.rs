//! How does an event leave the waiting line? Taken, parked with a Gap in its place, brought back, or discarded.

use std::sync::Arc;

use prost::Message as _;
use rusqlite::{OptionalExtension as _, params};

use super::writer::{Publish, Writer};
use crate::{
    ports::store::{Arrival, ConversationId, Row, Stored, Take, Took, View},
    schema::{
        Timestamp, Written,
        composed::Encoded,
        v1::{self, event::Body, gap::Reason},
    },
};

impl Writer {
    /// The core took it and what stood before it: gone from the line, its replies in the outbox.
    pub fn take(&mut self, take: Take) -> Result<Took, rusqlite::Error> {
        let (conversation, newest) = (take.conversation.0, self.next_event - 1);
        for (row, seq) in take.before {
            self.lines.take(&self.db, newest, (conversation, seq, row))?;
        }
        if !self.lines.take(&self.db, newest, (conversation, take.seq, take.row))? {
            return Ok(Took::Before);
        }
        let replies = take
            .replies
            .into_iter()
            .map(|reply| self.enqueue(reply))
            .collect::<Result<_, _>>()?;
        Ok(Took::Now(replies))
    }

    /// Sets an event aside; a Gap with its `seq` takes its place in the line.
    pub fn park(&mut self, stored: &Stored, reason: &str) -> Result<Arc<Stored>, rusqlite::Error> {
        let now = self.clock.now();
        let core = stored.core.as_deref().unwrap_or_default();
        self.db
            .prepare_cached("INSERT OR REPLACE INTO parked (event, at, core, reason) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![stored.row, now, core, reason])?;
        // Its head alone: what is set aside may be what cannot be read.
        let head = stored.event.head();
        let gap = v1::Gap {
            from_seq: head.seq,
            to_seq: head.seq,
            reason: Reason::Parked as i32,
            detail: reason.to_owned(),
            parked_event_ids: vec![head.id.to_owned()],
        };
        let gap = self.put_gap(stored.conversation, gap)?;
        self.db
            .prepare_cached("INSERT OR REPLACE INTO set_aside (event, gap) VALUES (?1, ?2)")?
            .execute([stored.row, gap.row])?;
        self.publish.push(Publish::Gap(gap.clone()));
        Ok(gap)
    }

    /// Puts a Gap into the line where its last `seq` stands.
    pub fn put_gap(&mut self, conversation: ConversationId, gap: v1::Gap) -> Result<Arc<Stored>, rusqlite::Error> {
        let (row, seq) = (self.next_event, gap.to_seq);
        let stamp = self.stamp(row);
        let state = self.conversations.state(&self.db, conversation.0)?;
        let event = v1::Event {
            traceparent: stamp.trace(),
            id: stamp.id,
            conversation: state.conversation.clone(),
            epoch: stamp.epoch,
            seq,
            accepted_time: Some(Timestamp::from_millis(stamp.now)),
            body: Some(Body::Gap(gap)),
            ..Default::default()
        };
        let core = state.core.clone();
        if let Some(before) = self.lines.at(conversation.0, seq) {
            self.feed_drop(&core, before)?;
        }
        let event = Written::from(event);
        self.insert_event(row, conversation.0, &event, stamp.now)?;
        self.lines.add(&self.db, conversation.0, seq, row)?;
        self.feed_gap(conversation, &core, row, seq, stamp.now)?;
        let core = self.core_name(&core);
        Ok(Arc::new(Stored {
            row,
            conversation,
            core,
            event,
        }))
    }

    /// Brings a parked event back as a new one.
    pub fn unpark(&mut self, row: Row) -> Result<Option<Arc<Stored>>, rusqlite::Error> {
        let found: Option<Vec<u8>> = self
            .db
            .prepare_cached(
                "SELECT event.body FROM parked JOIN event ON event.row = parked.event WHERE parked.event = ?1",
            )?
            .query_row([row], |found| found.get(0))
            .optional()?;
        let Some(body) = found else {
            return Ok(None);
        };
        // Before anything is changed: what cannot be read is this event's alone, and not the commit's that others share.
        let event = v1::Event::decode(body.as_slice()).map_err(super::undecodable)?;
        let Some(again) = self.arrival_again(event)? else {
            return Ok(None);
        };
        self.db
            .prepare_cached("DELETE FROM parked WHERE event = ?1")?
            .execute([row])?;
        self.append(&again).map(Some)
    }

    pub fn discard(&mut self, row: Row) -> Result<bool, rusqlite::Error> {
        let gone = self
            .db
            .prepare_cached("DELETE FROM parked WHERE event = ?1")?
            .execute([row])?;
        Ok(gone == 1)
    }

    /// Gives conversations that wait to a core.
    pub fn reassign(&mut self, conversations: &[ConversationId], to: &str) -> Result<(), rusqlite::Error> {
        for conversation in conversations {
            self.give(conversation.0, to)?;
            self.conversations.changed(&self.db, conversation.0, true)?;
        }
        Ok(())
    }

    /// A conversation as it stands.
    pub fn view(&mut self, key: &str) -> Result<Option<View>, rusqlite::Error> {
        let Some(id) = self.conversations.id(&self.db, key)? else {
            return Ok(None);
        };
        let first_waiting = self.lines.first_seq(id);
        let waiting_sends = self
            .db
            .prepare_cached("SELECT count(*) FROM message WHERE conversation = ?1 AND open = 1")?
            .query_row([id], |row| row.get(0))?;
        let state = self.conversations.state(&self.db, id)?.clone();
        let taken_seq = first_waiting.map_or(state.seq, |first| first.saturating_sub(1));
        Ok(Some(View {
            id: ConversationId(id),
            state,
            taken_seq,
            waiting_sends,
        }))
    }

    /// The same thing said once more: it opens nothing and is no new act of the customer.
    fn arrival_again(&mut self, event: v1::Event) -> Result<Option<Arrival>, rusqlite::Error> {
        let (Some(conversation), Some(body)) = (event.conversation, event.body) else {
            return Ok(None);
        };
        let Some(id) = self.conversations.id(&self.db, &conversation.key)? else {
            return Ok(None);
        };
        let core = self.conversations.state(&self.db, id)?.usual_core().to_owned();
        let core = self.core_name(&core);
        Ok(Some(Arrival {
            platform_time: event.platform_time.map(|at| at.millis()),
            history: event.history,
            traceparent: event.traceparent,
            raw: event.raw.map(Encoded::from),
            redelivery_of: event.id,
            ..Arrival::of_ours(conversation, core, body)
        }))
    }
}
