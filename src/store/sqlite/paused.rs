//! Whose events wait although there is a core for them? Those of paused accounts: kept as records, known to the writer, so that
//! no event that is under way when an account is paused goes to a core behind the pause.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _};

use super::writer::{Publish, Writer};
use crate::ports::{
    clock::Millis,
    store::{ConversationId, PAUSED, RecordWrite, Waiting},
};

/// The accounts that are paused.
pub fn load(db: &Connection) -> Result<HashSet<String>, rusqlite::Error> {
    let mut keys = db.prepare("SELECT key FROM record WHERE space = ?1")?;
    keys.query_map([PAUSED], |row| row.get(0))?.collect()
}

impl Writer {
    /// From here on nothing of `account` is given to a core; `None`: it is again.
    pub fn pause(&mut self, account: &str, since: Option<Millis>) -> Result<(), rusqlite::Error> {
        let key = account.to_owned();
        let write = match since {
            Some(since) => RecordWrite::Put {
                space: PAUSED,
                key,
                value: since.to_string().into_bytes(),
            },
            None => RecordWrite::Delete { space: PAUSED, key },
        };
        self.write_records(&[write])?;
        match since {
            Some(_) => self.paused.insert(account.to_owned()),
            None => self.paused.remove(account),
        };
        Ok(())
    }

    /// The core that may have this conversation: none, while its account is paused.
    pub fn unless_paused<'a>(&mut self, conversation: i64, core: &'a str) -> Result<&'a str, rusqlite::Error> {
        Ok(if self.is_paused(conversation)? { "" } else { core })
    }

    /// Is the account of this conversation paused?
    pub fn is_paused(&mut self, conversation: i64) -> Result<bool, rusqlite::Error> {
        if self.paused.is_empty() {
            return Ok(false);
        }
        let state = self.conversations.state(&self.db, conversation)?;
        let account = state.conversation.as_ref().and_then(|it| it.account.as_ref());
        Ok(account.is_some_and(|account| self.paused.contains(&account.id)))
    }

    /// What waits of a conversation has another core now: whoever offers it must hear so before anything that comes later.
    pub fn tell_moved(&mut self, conversation: i64) -> Result<(), rusqlite::Error> {
        let Some((first_seq, row)) = self.lines.rows(conversation, 0).next() else {
            return Ok(());
        };
        let count = self.lines.rows(conversation, 0).count();
        let oldest = self
            .db
            .prepare_cached("SELECT accepted FROM event WHERE row = ?1")?
            .query_row([row], |found| found.get(0))
            .optional()?;
        let state = self.conversations.state(&self.db, conversation)?;
        let (key, core) = (state.key().to_owned(), state.core.clone());
        let moved = Waiting {
            conversation: ConversationId(conversation),
            key,
            core: self.core_name(&core),
            core_before_pause: None,
            first_seq,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            oldest: oldest.unwrap_or_default(),
        };
        self.publish.push(Publish::Moved(Box::new(moved)));
        Ok(())
    }
}
