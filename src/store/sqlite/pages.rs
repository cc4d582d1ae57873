//! How does one pull become durable? Its items, their identities, what they say of our messages, and the cursor behind them:
//! one transaction, so that a cursor never stands before what it has passed.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, params};

use super::{
    messages::{COLUMNS, FROM, read_message},
    writer::{Publish, Writer},
};
use crate::{
    ports::store::{Accepted, Arrival, AsOf, LedgerEntry, Message, Page, PageStep, Settle, Stored},
    schema::v1::{self, send_result::Status},
};

impl Writer {
    /// Appends what is new of the page, and writes its records.
    pub fn accept_page(&mut self, page: &Page) -> Result<Vec<Arc<Stored>>, rusqlite::Error> {
        let mut new = Vec::with_capacity(page.steps.len());
        for step in &page.steps {
            match step {
                PageStep::Event(arrival) => self.accept_new(arrival, &mut new)?,
                PageStep::NotDelivered {
                    account,
                    message_id,
                    error,
                    otherwise,
                } => match self.message_of(account, message_id)? {
                    Some(message) => self.not_delivered(&message, error.clone())?,
                    None => self.accept_new(otherwise, &mut new)?,
                },
                PageStep::Customer { key, known } => self.know(key, known)?,
            }
        }
        self.write_records(&page.writes)?;
        Ok(new)
    }

    fn accept_new(&mut self, arrival: &Arrival, new: &mut Vec<Arc<Stored>>) -> Result<(), rusqlite::Error> {
        if let Accepted::New(stored) = self.accept(arrival)? {
            new.push(stored);
        }
        Ok(())
    }

    fn know(&mut self, key: &str, known: &v1::Identity) -> Result<(), rusqlite::Error> {
        let Some(id) = self.conversations.id(&self.db, key)? else {
            return Ok(());
        };
        if self.conversations.state(&self.db, id)?.know(known) {
            self.conversations.changed(&self.db, id, true)?;
        }
        Ok(())
    }

    /// The platform took it and says now that it did not arrive. Said again, it changes nothing.
    fn not_delivered(&mut self, message: &Message, error: v1::Error) -> Result<(), rusqlite::Error> {
        if !matches!(message.status(), Status::Sent | Status::Unknown | Status::Sending) {
            return Ok(());
        }
        let mut result = message.result.clone();
        result.status = Status::Failed as i32;
        let ledger = match error.code.as_str() {
            "QUOTA_EXHAUSTED" => vec![LedgerEntry::Exhausted(AsOf::NOW)],
            "WINDOW_CLOSED" => vec![LedgerEntry::Closed(AsOf::NOW)],
            _ => Vec::new(),
        };
        result.error = Some(error);
        let failed = self.settle(Settle {
            message: message.row,
            result,
            passive: message.passive.clone(),
            pieces_done: message.pieces_done,
            attempts: message.attempts,
            next_attempt: message.next_attempt,
            ledger,
            tell: true,
        })?;
        self.publish.push(Publish::Undelivered(failed));
        Ok(())
    }

    fn message_of(&self, account: &str, id: &str) -> Result<Option<Message>, rusqlite::Error> {
        self.db
            .prepare_cached(&format!(
                "SELECT {COLUMNS} {FROM} WHERE message.id = ?1 AND account = ?2"
            ))?
            .query_row(params![id, account], read_message)
            .optional()
    }
}
