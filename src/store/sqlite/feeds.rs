//! How does an event enter a core's feed, and leave it? In the transaction that commits or takes it.
//!
//! An event stands in its feed at the number of its own row, which grows in commit order. What must stand behind others
//! that came before it (events after a Gap that took the place of older ones, a conversation that was given to a core,
//! a replay) takes row numbers that no event will ever have.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{feed_page, writer::Writer};
use crate::ports::{
    clock::Millis,
    feed::{FeedTaken, Gauge, Position},
    store::{ConversationId, Row},
};

type Done<T = ()> = Result<T, rusqlite::Error>;
/// Its place, its event, whether that is why it stands there (a replay is not), and conversation and `seq` where it waits.
type Entry = (Position, Row, bool, Option<i64>, Option<u32>);

/// Entries taken in one step, so that no callback waits long behind an acknowledgement.
pub const STEP: usize = 1_000;

/// The feeds there are, and how much waits in each as the writer's open transaction has it.
#[derive(Default)]
pub struct Feeds(Vec<Feed>);

struct Feed {
    core: Arc<str>,
    gauge: Arc<Gauge>,
    waits: Waits,
    /// As the last commit left it, where the open transaction changed it.
    before: Option<Waits>,
}

#[derive(Clone, Copy, Default)]
struct Waits {
    count: u64,
    oldest: Millis,
}

impl Feeds {
    /// Those of the last run, of this epoch.
    pub fn load(db: &Connection, epoch: u32) -> Done<Self> {
        let mut cores = db.prepare("SELECT core FROM feed_core WHERE epoch = ?1")?;
        let cores = cores.query_map([epoch], |row| row.get::<_, String>(0))?;
        cores
            .map(|core| Feed::load(db, core?.into()))
            .collect::<Done<_>>()
            .map(Self)
    }

    fn of(&self, core: &str) -> Option<usize> {
        self.0.iter().position(|feed| &*feed.core == core)
    }

    fn change(&mut self, core: &str, change: impl FnOnce(&mut Waits)) {
        if let Some(feed) = self.0.iter_mut().find(|feed| &*feed.core == core) {
            feed.before.get_or_insert(feed.waits);
            change(&mut feed.waits);
        }
    }

    /// What the transaction changed is on disk.
    pub fn committed(&mut self) {
        for feed in &mut self.0 {
            if feed.before.take().is_some() {
                feed.gauge.set(feed.waits.count, feed.waits.oldest);
            }
        }
    }

    /// What the transaction changed never was.
    pub fn rolled_back(&mut self) {
        for feed in &mut self.0 {
            feed.waits = feed.before.take().unwrap_or(feed.waits);
        }
    }
}

impl Feed {
    fn load(db: &Connection, core: Arc<str>) -> Done<Self> {
        let count: i64 = db.query_row("SELECT count(*) FROM feed WHERE core = ?1", [&*core], |row| row.get(0))?;
        let waits = Waits {
            count: count.unsigned_abs(),
            oldest: oldest(db, &core)?,
        };
        let gauge = Arc::<Gauge>::default();
        gauge.set(waits.count, waits.oldest);
        Ok(Self {
            core,
            gauge,
            waits,
            before: None,
        })
    }
}

/// When the first of what waits was accepted.
fn oldest(db: &Connection, core: &str) -> Done<Millis> {
    let found = db
        .prepare_cached(
            "SELECT event.accepted FROM feed JOIN event ON event.row = feed.event \
             WHERE feed.core = ?1 ORDER BY feed.position LIMIT 1",
        )?
        .query_row([core], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_default())
}

impl Writer {
    /// See [`crate::ports::feed::FeedStore::open_feeds`].
    pub fn open_feeds(&mut self, cores: &[Arc<str>]) -> Done<Vec<Arc<Gauge>>> {
        let known: Vec<(String, u32)> = self
            .db
            .prepare("SELECT core, epoch FROM feed_core")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Done<_>>()?;
        for (core, epoch) in &known {
            // A feed of another life: its numbers mean nothing here.
            if *epoch != self.epoch || !cores.iter().any(|named| **named == **core) {
                self.db.execute("DELETE FROM feed WHERE core = ?1", [core])?;
                self.db.execute("DELETE FROM feed_taken WHERE core = ?1", [core])?;
                self.db.execute("DELETE FROM feed_core WHERE core = ?1", [core])?;
                self.feeds.0.retain(|feed| *feed.core != **core);
            }
        }
        let mut gauges = Vec::with_capacity(cores.len());
        for core in cores {
            if self.feeds.of(core).is_none() {
                self.begin_feed(core)?;
            }
            let feed = self.feeds.0.iter().find(|feed| feed.core == *core);
            gauges.extend(feed.map(|feed| feed.gauge.clone()));
        }
        Ok(gauges)
    }

    /// A feed that begins with everything that waits for its core. Cursors of an earlier feed of that name stand before it.
    fn begin_feed(&mut self, core: &Arc<str>) -> Done {
        let base = self.next_event - 1;
        self.db.execute(
            "INSERT INTO feed_core (core, epoch, taken, oldest) VALUES (?1, ?2, ?3, ?3)",
            params![core, self.epoch, base],
        )?;
        let mut waiting = Vec::new();
        let lines: Vec<i64> = self.lines.lines().map(|line| line.conversation).collect();
        for conversation in lines {
            if self.conversations.state(&self.db, conversation)?.core != **core {
                continue;
            }
            // In order of their rows, but never a later number of a conversation before an earlier one.
            let mut latest = 0;
            for (seq, row) in self.lines.rows(conversation, 0) {
                latest = latest.max(row);
                waiting.push((latest, seq, row));
            }
        }
        waiting.sort_unstable();
        for (.., row) in &waiting {
            self.put_behind(core, *row, None)?;
        }
        self.keep_numbers()?;
        let feed = Feed::load(&self.db, core.clone())?;
        self.feeds.0.push(feed);
        Ok(())
    }

    /// A new event of a conversation of this core, in the order of its row.
    pub fn feed_event(&mut self, core: &str, row: Row, now: Millis) -> Done {
        if self.feeds.of(core).is_none() {
            return Ok(());
        }
        self.db
            .prepare_cached("INSERT INTO feed (core, position, event) VALUES (?1, ?2, ?2)")?
            .execute(params![core, row])?;
        self.feeds.change(core, |waits| {
            if waits.count == 0 {
                waits.oldest = now;
            }
            waits.count += 1;
        });
        Ok(())
    }

    /// A Gap entered the line of a conversation: what has a later number stands behind it from now on.
    pub fn feed_gap(&mut self, conversation: ConversationId, core: &str, gap: Row, seq: u32, now: Millis) -> Done {
        if self.feeds.of(core).is_none() {
            return Ok(());
        }
        self.feed_event(core, gap, now)?;
        let later: Vec<Row> = self
            .lines
            .rows(conversation.0, seq.saturating_add(1))
            .map(|(_, row)| row)
            .collect();
        self.feed_move(core, core, &later)
    }

    /// A conversation goes to another core with whatever of it waits.
    pub fn feed_give(&mut self, conversation: i64, from: &str, to: &str) -> Done {
        if self.feeds.0.is_empty() || from == to {
            return Ok(());
        }
        let waiting: Vec<Row> = self.lines.rows(conversation, 0).map(|(_, row)| row).collect();
        self.feed_move(from, to, &waiting)
    }

    fn feed_move(&mut self, from: &str, to: &str, events: &[Row]) -> Done {
        for row in events {
            self.feed_drop(from, *row)?;
        }
        if self.feeds.of(to).is_none() || events.is_empty() {
            return Ok(());
        }
        for row in events {
            self.put_behind(to, *row, None)?;
        }
        let count = events.len() as u64;
        let first = oldest(&self.db, to)?;
        self.feeds.change(to, |waits| {
            waits.count += count;
            waits.oldest = first;
        });
        self.keep_numbers()
    }

    /// What waited does not any more; where it stood.
    pub fn feed_drop(&mut self, core: &str, row: Row) -> Done<Option<Position>> {
        if self.feeds.of(core).is_none() {
            return Ok(None);
        }
        let at_home = self
            .db
            .prepare_cached("DELETE FROM feed WHERE core = ?1 AND position = ?2 AND event = ?2")?
            .execute(params![core, row])?;
        let place = match at_home {
            1 => Some(row),
            _ => self
                .db
                .prepare_cached(
                    "DELETE FROM feed WHERE event = ?2 AND event <> position AND core = ?1 AND replay IS NULL RETURNING position",
                )?
                .query_row(params![core, row], |found| found.get(0))
                .optional()?,
        };
        if place.is_some() {
            self.fewer(core)?;
        }
        Ok(place)
    }

    /// One entry has left the feed: the first, maybe.
    fn fewer(&mut self, core: &str) -> Done {
        let first = oldest(&self.db, core)?;
        self.feeds.change(core, |waits| {
            waits.count = waits.count.saturating_sub(1);
            waits.oldest = first;
        });
        Ok(())
    }

    /// A row number that no event will have: the last place there is.
    fn put_behind(&mut self, core: &str, row: Row, replay: Option<&str>) -> Done<Position> {
        let position = self.next_event;
        self.next_event += 1;
        self.db
            .prepare_cached("INSERT INTO feed (core, position, event, replay) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![core, position, row, replay])?;
        Ok(position)
    }

    /// Row numbers without an event are remembered: the next start must not give them out again.
    fn keep_numbers(&mut self) -> Done {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES ('numbered', ?1)")?
            .execute([self.next_event - 1])
            .map(|_| ())
    }

    /// Takes the first entries up to `through`, at most [`STEP`]; `true`: there is more to take.
    pub fn feed_take(&mut self, core: &str, through: Position) -> Done<(FeedTaken, bool)> {
        let through = through.min(self.next_event - 1);
        let entries: Vec<Entry> = self
            .db
            .prepare_cached(
                "SELECT feed.position, feed.event, feed.replay IS NULL, pending.conversation, pending.seq \
                 FROM feed LEFT JOIN pending ON pending.event = feed.event \
                 WHERE feed.core = ?1 AND feed.position <= ?2 ORDER BY feed.position LIMIT ?3",
            )?
            .query_map(params![core, through, STEP as i64], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?
            .collect::<Done<_>>()?;
        for (position, row, waits, conversation, seq) in &entries {
            if let (true, Some(conversation), Some(seq)) = (waits, conversation, seq) {
                self.lines.remove(&self.db, *conversation, *seq, *row)?;
            }
            if *waits && position != row {
                self.db
                    .prepare_cached("INSERT INTO feed_taken (core, position, event) VALUES (?1, ?2, ?3)")?
                    .execute(params![core, position, row])?;
            }
        }
        let more = entries.len() == STEP;
        let last = entries.last().map(|entry| entry.0).filter(|_| more).unwrap_or(through);
        let now = self.clock.now();
        self.db
            .prepare_cached("UPDATE feed_core SET taken = max(taken, ?2), taken_at = ?3 WHERE core = ?1")?
            .execute(params![core, last, now])?;
        let count = entries.len() as u64;
        if count > 0 {
            self.db
                .prepare_cached("DELETE FROM feed WHERE core = ?1 AND position <= ?2")?
                .execute(params![core, last])?;
            let first = oldest(&self.db, core)?;
            self.feeds.change(core, |waits| {
                waits.count = waits.count.saturating_sub(count);
                waits.oldest = first;
            });
        }
        let taken = FeedTaken {
            entries: count,
            place: feed_page::place(&self.db, core)?,
        };
        Ok((taken, more))
    }

    /// See [`crate::ports::feed::FeedStore::feed_again`].
    pub fn feed_again(&mut self, core: &str, events: &[Row], replay: &str) -> Done<Position> {
        let mut last = self.next_event - 1;
        let mut count = 0;
        for row in events {
            let there = self
                .db
                .prepare_cached("SELECT 1 FROM event WHERE row = ?1")?
                .exists([row])?;
            if there {
                last = self.put_behind(core, *row, Some(replay))?;
                count += 1;
            }
        }
        let first = oldest(&self.db, core)?;
        self.feeds.change(core, |waits| {
            waits.count += count;
            waits.oldest = first;
        });
        self.keep_numbers()?;
        Ok(last)
    }

    /// An event is forgotten: whoever stands before it in its core's feed is told so, and a replay has nothing to show.
    pub fn feed_forgets(&mut self, conversation: i64, row: Row) -> Done {
        if self.feeds.0.is_empty() {
            return Ok(());
        }
        let cores: Vec<String> = self
            .db
            .prepare_cached("DELETE FROM feed WHERE event = ?1 AND event <> position RETURNING core")?
            .query_map([row], |found| found.get(0))?
            .collect::<Done<_>>()?;
        for core in cores {
            self.fewer(&core)?;
        }
        let taken: Vec<(String, Position)> = self
            .db
            .prepare_cached("DELETE FROM feed_taken WHERE event = ?1 RETURNING core, position")?
            .query_map([row], |found| Ok((found.get(0)?, found.get(1)?)))?
            .collect::<Done<_>>()?;
        for (core, position) in taken {
            self.feed_lost(&core, position)?;
        }
        let core = self
            .conversations
            .state(&self.db, conversation)?
            .usual_core()
            .to_owned();
        self.feed_lost(&core, row)
    }

    /// Something up to this place is gone for ever, and nothing waits at or before it: rows are forgotten in their order, and
    /// another place is one that was taken.
    fn feed_lost(&mut self, core: &str, place: Position) -> Done {
        if self.feeds.of(core).is_none() {
            return Ok(());
        }
        self.db
            .prepare_cached("UPDATE feed_core SET oldest = max(oldest, ?2) WHERE core = ?1")?
            .execute(params![core, place])
            .map(|_| ())
    }
}
