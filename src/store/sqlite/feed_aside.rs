//! How is an event set aside that its core cannot be shown? By its place in the feed, which is all that a page tells.

use rusqlite::{OptionalExtension as _, params};

use super::{read::unread_event, writer::Writer};
use crate::ports::{
    feed::Position,
    store::{ConversationId, Stored},
};

impl Writer {
    /// See [`crate::ports::feed::FeedStore::feed_park`].
    pub fn feed_park(&mut self, core: &str, position: Position, reason: &str) -> Result<bool, rusqlite::Error> {
        let found = self
            .db
            .prepare_cached(
                "SELECT event.row, event.conversation, event.body FROM feed JOIN event ON event.row = feed.event \
                 WHERE feed.core = ?1 AND feed.position = ?2 AND feed.replay IS NULL",
            )?
            .query_row(params![core, position], |row| {
                Ok(Stored {
                    row: row.get(0)?,
                    conversation: ConversationId(row.get(1)?),
                    core: Some(core.into()),
                    event: unread_event(row, 2)?,
                })
            })
            .optional()?;
        let Some(stored) = found else { return Ok(false) };
        self.park(&stored, reason)?;
        Ok(true)
    }
}
