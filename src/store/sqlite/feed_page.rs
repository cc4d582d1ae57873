//! What does a core read of its feed? A page as of one moment: what waits, or what was taken before and is still there.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    read::{CoreNames, unread_event},
    undecodable,
};
use crate::{
    ports::{
        feed::{Ask, FeedPage, Item, Place, Position},
        store::Row,
    },
    schema::Written,
};

type Found<T> = Result<T, rusqlite::Error>;

/// Rows looked at for one page of what was taken: most may belong to other cores.
const SCAN: usize = 2_000;

/// Where the feed of this core stands.
pub fn place(db: &Connection, core: &str) -> Found<Place> {
    let found = db
        .prepare_cached("SELECT taken, taken_at, oldest FROM feed_core WHERE core = ?1")?
        .query_row([core], |row| {
            Ok(Place {
                taken: row.get(0)?,
                taken_at: row.get(1)?,
                oldest: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Reads one page. What a later commit brings stands behind everything that is read here.
pub fn page(db: &Connection, ask: &Ask, epoch: u32) -> Found<FeedPage> {
    // One look at one moment: what is taken meanwhile shows in both parts or in neither.
    let db = &*db.unchecked_transaction()?;
    let place = place(db, &ask.core)?;
    let mut reading = Reading {
        items: Vec::new(),
        room: ask.bytes,
        limit: ask.limit.max(1),
    };
    let mut next = ask.after.unwrap_or(place.taken);
    let mut more = false;
    let known = ask.after.is_none() || next >= place.oldest;
    if known && next < place.taken {
        (next, more) = reading.taken_before(db, ask, next, place.taken, epoch)?;
    }
    if known && !more {
        (next, more) = reading.waiting(db, ask, next)?;
    }
    Ok(FeedPage {
        items: reading.items,
        next,
        more,
        place,
    })
}

struct Reading {
    items: Vec<Item>,
    room: usize,
    limit: usize,
}

impl Reading {
    /// `false`: it does not fit, and the page has something already.
    fn add(&mut self, bytes: usize, item: impl FnOnce() -> Found<Item>) -> Found<bool> {
        if self.items.len() >= self.limit || (bytes > self.room && !self.items.is_empty()) {
            return Ok(false);
        }
        self.room = self.room.saturating_sub(bytes);
        self.items.push(item()?);
        Ok(true)
    }

    /// What waits behind `after`; where the page ends, and whether more waits behind it.
    fn waiting(&mut self, db: &Connection, ask: &Ask, after: Position) -> Found<(Position, bool)> {
        let mut statement = db.prepare_cached(
            "SELECT feed.position, feed.replay, event.body FROM feed JOIN event ON event.row = feed.event \
             WHERE feed.core = ?1 AND feed.position > ?2 ORDER BY feed.position",
        )?;
        let mut rows = statement.query(params![ask.core, after])?;
        let mut next = after;
        while let Some(row) = rows.next()? {
            let position = row.get(0)?;
            let body = row.get_ref(2)?.as_blob()?;
            let item = || {
                Ok(Item {
                    position,
                    event: Written::unread(Bytes::copy_from_slice(body)).map_err(undecodable)?,
                    replay: row.get(1)?,
                })
            };
            if !self.add(body.len(), item)? {
                return Ok((next, true));
            }
            next = position;
        }
        Ok((next, false))
    }

    /// What was taken behind `after`, as far as it is still there: a core that lost its place reads it again.
    fn taken_before(
        &mut self,
        db: &Connection,
        ask: &Ask,
        after: Position,
        taken: Position,
        epoch: u32,
    ) -> Found<(Position, bool)> {
        // Both tables have their rows in this order already.
        let mut statement = db.prepare_cached(
            "SELECT row AS place, conversation, body FROM event WHERE row > ?1 AND row <= ?2 \
             AND NOT EXISTS (SELECT 1 FROM pending WHERE pending.event = row) \
             AND NOT EXISTS (SELECT 1 FROM set_aside WHERE set_aside.event = row) \
             AND NOT EXISTS (SELECT 1 FROM feed_taken WHERE feed_taken.event = row AND feed_taken.core = ?3) \
             UNION ALL \
             SELECT feed_taken.position AS place, conversation, body FROM feed_taken JOIN event ON event.row = feed_taken.event \
             WHERE feed_taken.core = ?3 AND feed_taken.position > ?1 AND feed_taken.position <= ?2 ORDER BY place",
        )?;
        let mut rows = statement.query(params![after, taken, ask.core])?;
        let mut cores = CoreNames::default();
        let mut next = after;
        let mut looked = 0;
        while let Some(row) = rows.next()? {
            if looked == SCAN {
                return Ok((next, true));
            }
            looked += 1;
            let position: Row = row.get(0)?;
            let conversation: i64 = row.get(1)?;
            if cores.of(db, conversation)?.usual.as_deref() == Some(&*ask.core) {
                let item = Item {
                    position,
                    event: unread_event(row, 2)?,
                    replay: None,
                };
                // Of an earlier life nothing is told twice: its numbers say nothing any more.
                let bytes = item.event.bytes().len();
                if item.event.head().epoch == epoch && !self.add(bytes, || Ok(item))? {
                    return Ok((next, true));
                }
            }
            next = position;
        }
        Ok((taken, false))
    }
}
