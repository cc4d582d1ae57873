//! What is forgotten, and when? Events and finished messages past their time, in small steps between other writes.
//!
//! Sequence state is never deleted. What no core took within the retention is replaced by a Gap that says so.

use prost::Message as _;
use rusqlite::{OptionalExtension as _, params};

use super::writer::Writer;
use crate::{
    ports::{
        clock::Millis,
        store::{ConversationId, Retention, Row, Swept},
    },
    schema::v1::{self, gap::Reason},
};

/// Rows looked at in one step, so that no callback waits long behind it.
const STEP: i64 = 500;

/// Where a sweep stands between its steps.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    event: Row,
    message: Row,
    /// The last identity looked at: order, account, rest.
    identity: Option<(i64, i64, String)>,
    pub swept: Swept,
    pub done: bool,
}

/// What is past its time: all of `before`.
#[derive(Clone, Copy)]
struct Past {
    before: Millis,
    now: Millis,
}

impl Past {
    fn of(now: Millis, keep: Millis) -> Self {
        Self {
            before: now - keep,
            now,
        }
    }
}

impl Writer {
    /// One step. Call again until `done`.
    pub fn sweep_step(&mut self, at: &mut Progress, now: Millis, keep: Retention) -> Result<(), rusqlite::Error> {
        let events = self.sweep_events(at, Past::of(now, keep.events))?;
        let messages = self.sweep_messages(at, Past::of(now, keep.idempotency))?;
        if events || messages {
            return Ok(());
        }
        // Where no event was forgotten, no identity is.
        at.done = at.event == 0 || !self.sweep_identities(at)?;
        if at.done && at.event > 0 {
            // Row numbers are never given out twice, even when no event is left to count from.
            self.conversations.fold(&self.db, self.next_event - 1)?;
        }
        Ok(())
    }

    /// `true`: there may be more.
    fn sweep_events(&mut self, at: &mut Progress, past: Past) -> Result<bool, rusqlite::Error> {
        // Rows grow with time: the first one that is young enough ends the walk, so that a sweep reads no more than it forgets.
        let rows: Vec<(Row, i64, u32, Millis)> = self
            .db
            .prepare_cached("SELECT row, conversation, seq, accepted FROM event WHERE row > ?1 ORDER BY row LIMIT ?2")?
            .query_map(params![at.event, STEP], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<Result<_, _>>()?;
        let next = "SELECT row, accepted FROM event WHERE row > ?1 AND accepted <= ?2 ORDER BY row LIMIT 1";
        let times = rows.iter().map(|(row, .., accepted)| (*row, *accepted));
        let (count, upto) = self.past(times, past, next)?;
        let old = &rows[..count];
        for (row, conversation, seq, _) in old {
            at.event = *row;
            if self
                .db
                .prepare_cached("SELECT 1 FROM parked WHERE event = ?1")?
                .exists([row])?
            {
                continue;
            }
            if self.lines.at(*conversation, *seq) == Some(*row) {
                self.expire_waiting(*conversation, past, upto, at)?;
            }
            self.feed_forgets(*conversation, *row)?;
            self.db
                .prepare_cached("DELETE FROM set_aside WHERE event = ?1")?
                .execute([row])?;
            at.swept.events += self
                .db
                .prepare_cached("DELETE FROM event WHERE row = ?1")?
                .execute([row])? as u64;
        }
        if !old.is_empty() {
            self.db
                .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('forgotten', ?1)")?
                .execute([at.event])?;
        }
        Ok(count as i64 == STEP)
    }

    /// How many of these rows, from the first on, are past their time, and the last row that is known to be. One that was
    /// written while our clock was ahead says nothing of its age: it is as old as the one behind it, which `next` finds beyond
    /// these.
    fn past(
        &self,
        rows: impl Iterator<Item = (Row, Millis)>,
        past: Past,
        next: &str,
    ) -> Result<(usize, Row), rusqlite::Error> {
        let (mut count, mut upto, mut ahead, mut last) = (0, 0, 0, 0);
        for (row, time) in rows {
            if time > past.now {
                ahead += 1;
            } else if time < past.before {
                count += 1 + std::mem::take(&mut ahead);
                upto = row;
            } else {
                return Ok((count, upto));
            }
            last = row;
        }
        if ahead > 0 {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let found = self.db.prepare_cached(next)?.query_row([last, past.now], read);
            let behind: Option<(Row, Millis)> = found.optional()?;
            if let Some((row, _)) = behind.filter(|(_, time)| *time < past.before) {
                (count, upto) = (count + ahead, row);
            }
        }
        Ok((count, upto))
    }

    /// Everything of this conversation that waited too long becomes one Gap.
    fn expire_waiting(
        &mut self,
        conversation: i64,
        past: Past,
        upto: Row,
        at: &mut Progress,
    ) -> Result<(), rusqlite::Error> {
        let old = self.through_the_last_old(conversation, past.before, upto)?;
        let (Some(first), Some(last)) = (old.first(), old.last()) else {
            return Ok(());
        };
        let body: Vec<u8> = self
            .db
            .prepare_cached("SELECT body FROM event WHERE row = ?1")?
            .query_row([first.1], |row| row.get(0))?;
        let from_seq = match v1::Event::decode(body.as_slice()).map(|event| event.body) {
            // A Gap that itself grew old still speaks for what it stood for.
            Ok(Some(v1::event::Body::Gap(gap))) => gap.from_seq,
            _ => first.0,
        };
        let gap = v1::Gap {
            from_seq,
            to_seq: last.0,
            reason: Reason::Retention as i32,
            detail: "not taken within the retention".to_owned(),
            parked_event_ids: Vec::new(),
        };
        let core = self.conversations.state(&self.db, conversation)?.core.clone();
        for (seq, row) in &old {
            self.lines.remove(&self.db, conversation, *seq, *row)?;
            // Its place says nothing of what is forgotten: it may stand behind others that wait, and the Gap tells of it.
            self.feed_drop(&core, *row)?;
        }
        let gap = self.put_gap(ConversationId(conversation), gap)?;
        self.publish.push(super::writer::Publish::Event(gap));
        at.swept.gaps += 1;
        Ok(())
    }

    /// The line up to the last one accepted `before`, or in a row up to this one, with whatever younger Gap stands between.
    fn through_the_last_old(
        &self,
        conversation: i64,
        before: Millis,
        upto: Row,
    ) -> Result<Vec<(u32, Row)>, rusqlite::Error> {
        let mut waiting: Vec<_> = self.lines.rows(conversation, 0).collect();
        let mut accepted = self.db.prepare_cached("SELECT accepted FROM event WHERE row = ?1")?;
        while let Some((_, row)) = waiting.last() {
            if *row <= upto || accepted.query_row([row], |found| found.get::<_, Millis>(0))? < before {
                break;
            }
            waiting.pop();
        }
        Ok(waiting)
    }

    fn sweep_messages(&mut self, at: &mut Progress, past: Past) -> Result<bool, rusqlite::Error> {
        let rows: Vec<(Row, bool, Millis)> = self
            .db
            .prepare_cached("SELECT row, open, created FROM message WHERE row > ?1 ORDER BY row LIMIT ?2")?
            .query_map(params![at.message, STEP], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        let next = "SELECT row, created FROM message WHERE row > ?1 AND created <= ?2 ORDER BY row LIMIT 1";
        let times = rows.iter().map(|(row, _, created)| (*row, *created));
        let (count, _) = self.past(times, past, next)?;
        let old = &rows[..count];
        if !old.is_empty() {
            // Row numbers are never given out twice, even when no message is left to count from.
            self.db
                .prepare_cached(
                    "INSERT OR REPLACE INTO meta (name, value) SELECT 'message_floor', max(max(row), \
                     coalesce((SELECT value FROM meta WHERE name = 'message_floor'), 0)) FROM message",
                )?
                .execute([])?;
        }
        for (row, open, _) in old {
            at.message = *row;
            if !open {
                at.swept.messages += self
                    .db
                    .prepare_cached("DELETE FROM message WHERE row = ?1")?
                    .execute([row])? as u64;
            }
        }
        Ok(count as i64 == STEP)
    }

    /// Identities are forgotten with their events: after the walk over those.
    fn sweep_identities(&mut self, at: &mut Progress) -> Result<bool, rusqlite::Error> {
        // An order is an unsigned number of the platform's, kept as a signed one.
        let last = at.identity.clone().unwrap_or((i64::MIN, 0, String::new()));
        let rows: Vec<(i64, i64, String, Row)> = self
            .db
            .prepare_cached(
                "SELECT account, ord, rest, event FROM dedupe WHERE (ord, account, rest) > (?1, ?2, ?3) \
                 ORDER BY ord, account, rest LIMIT ?4",
            )?
            .query_map(params![last.0, last.1, last.2, STEP], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<Result<_, _>>()?;
        for (account, order, rest, event) in &rows {
            at.identity = Some((*order, *account, rest.clone()));
            if *event <= at.event {
                self.db
                    .prepare_cached("DELETE FROM dedupe WHERE account = ?1 AND ord = ?2 AND rest = ?3")?
                    .execute(params![account, order, rest])?;
            }
        }
        Ok(rows.len() as i64 == STEP)
    }
}
