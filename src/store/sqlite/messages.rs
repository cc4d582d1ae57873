//! What becomes of a message? Enqueued once per key, settled step by step, each step one commit with what the core is told.

use std::sync::Arc;

use prost::Message as _;
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};

use super::writer::{Publish, Writer};
use crate::{
    ports::store::{Arrival, ConversationId, Enqueued, LedgerEntry, Message, NewMessage, Settle},
    schema::v1::{self, event::Body, send_request::What, send_result::Status},
};

/// The columns that [`read_message`] reads, in its order.
pub const COLUMNS: &str = "message.row, message.id, account, client, conversation, key, request, answers, result, passive, pieces_done, \
     attempts, created, next_attempt, not_after";
pub const FROM: &str = "FROM message JOIN conversation ON conversation.id = message.conversation";

impl Writer {
    /// Puts a message into the outbox, once per account and client id.
    pub fn enqueue(&mut self, new: NewMessage) -> Result<Enqueued, rusqlite::Error> {
        if let Some(before) = self.message_by_client(&new.account, &new.client_message_id)? {
            let same = before.request == new.request;
            return Ok(if same {
                Enqueued::Same(Arc::new(before))
            } else {
                Enqueued::Conflict
            });
        }
        let address = &new.address;
        let conversation = self.conversation(&address.key, || {
            (address.account.clone(), address.customer.clone(), address.scope)
        })?;
        // A core that speaks first takes the conversation.
        let state = self.conversations.state(&self.db, conversation)?;
        if state.usual_core().is_empty()
            && let Some(core) = &address.core
        {
            self.give(conversation, core)?;
            self.conversations.changed(&self.db, conversation, true)?;
        }
        let message = self.insert_message(conversation, new.clone())?;
        self.note_status(&message);
        if !message.is_final() {
            self.publish.push(Publish::Outbox(message.conversation));
        }
        if new.tell {
            self.tell(&message)?;
        }
        Ok(Enqueued::New(Arc::new(message)))
    }

    fn insert_message(&mut self, conversation: i64, new: NewMessage) -> Result<Message, rusqlite::Error> {
        let now = self.clock.now();
        let mut result = new.result;
        result.message_id.clone_from(&new.id);
        result.client_message_id.clone_from(&new.client_message_id);
        result.allowances = self.conversations.state(&self.db, conversation)?.allowances(now);
        let mut message = Message {
            row: 0,
            id: new.id,
            account: new.account,
            client_message_id: new.client_message_id,
            conversation: ConversationId(conversation),
            key: new.address.key,
            request: new.request,
            answers: new.answers,
            result,
            passive: new.passive,
            pieces_done: new.pieces_done,
            attempts: 0,
            created: now,
            next_attempt: new.next_attempt,
            not_after: new.not_after,
        };
        self.db
            .prepare_cached(
                "INSERT INTO message (row, id, account, client, conversation, open, answers, request, result, passive, pieces_done, \
                 attempts, created, next_attempt, not_after) VALUES (1 + max(coalesce((SELECT max(row) FROM message), 0), \
                 coalesce((SELECT value FROM meta WHERE name = 'message_floor'), 0)), \
                 ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11, ?12, ?13)",
            )?
            .execute(params![
                message.id,
                message.account,
                message.client_message_id,
                conversation,
                !message.is_final(),
                message.answers,
                message.request.encode_to_vec(),
                message.result.encode_to_vec(),
                message.passive,
                message.pieces_done,
                message.created,
                message.next_attempt,
                message.not_after,
            ])?;
        message.row = self.db.last_insert_rowid();
        Ok(message)
    }

    /// One step of a message's life, with its mark on the ledger and what the core is told.
    pub fn settle(&mut self, settle: Settle) -> Result<Arc<Message>, rusqlite::Error> {
        let mut message = self.message_by_row(settle.message)?;
        let now = self.clock.now();
        let conversation = message.conversation.0;
        // What did not arrive stays so, even where a call for it comes to its end only now; what that one sent was sent.
        let failed = message.status() == Status::Failed;
        if !settle.ledger.is_empty() {
            let state = self.conversations.state(&self.db, conversation)?;
            if settle.ledger.iter().any(|entry| matches!(entry, LedgerEntry::Spent(_))) {
                state.assistant_spoke();
            }
            let act = state.last_act;
            let ledger = state.ledger_mut();
            for entry in &settle.ledger {
                match entry {
                    LedgerEntry::Spent(count) => ledger.spend(*count, now),
                    LedgerEntry::SpentCode(trigger, expires) => ledger.spend_code(trigger, *expires),
                    LedgerEntry::Exhausted(as_of) if as_of.stands(act) => ledger.exhausted(now),
                    LedgerEntry::Closed(as_of) if as_of.stands(act) => ledger.closed(now),
                    LedgerEntry::Unfollowed(as_of) if as_of.stands(act) => ledger.unfollow(),
                    LedgerEntry::Exhausted(_) | LedgerEntry::Closed(_) | LedgerEntry::Unfollowed(_) => {}
                }
            }
            self.conversations.changed(&self.db, conversation, true)?;
        }
        if failed {
            message.pieces_done = settle.pieces_done;
            self.update_message(&message)?;
            return Ok(Arc::new(message));
        }
        message.result = settle.result;
        message.result.message_id.clone_from(&message.id);
        message.result.client_message_id.clone_from(&message.client_message_id);
        message.result.allowances = self.conversations.state(&self.db, conversation)?.allowances(now);
        message.passive = settle.passive;
        message.pieces_done = settle.pieces_done;
        message.attempts = settle.attempts;
        message.next_attempt = settle.next_attempt;
        self.update_message(&message)?;
        self.note_status(&message);
        if settle.tell {
            self.tell(&message)?;
        }
        Ok(Arc::new(message))
    }

    fn update_message(&self, message: &Message) -> Result<(), rusqlite::Error> {
        self.db
            .prepare_cached(
                "UPDATE message SET open = ?2, result = ?3, passive = ?4, pieces_done = ?5, attempts = ?6, next_attempt = ?7 \
                 WHERE row = ?1",
            )?
            .execute(params![
                message.row,
                !message.is_final(),
                message.result.encode_to_vec(),
                message.passive,
                message.pieces_done,
                message.attempts,
                message.next_attempt,
            ])?;
        Ok(())
    }

    fn note_status(&mut self, message: &Message) {
        if message.status() == Status::Held {
            self.holding.insert(message.conversation.0);
        }
    }

    /// Appends the delivery event.
    fn tell(&mut self, message: &Message) -> Result<(), rusqlite::Error> {
        let state = self.conversations.state(&self.db, message.conversation.0)?;
        let view = state.view();
        let core = state.usual_core().to_owned();
        let core = self.core_name(&core);
        let update = v1::DeliveryUpdate {
            result: Some(message.result.clone()),
            attempt: message.attempts,
            sent: Some(asked(&message.request)),
        };
        self.append(&Arrival::of_ours(view, core, Body::Delivery(update)))
            .map(|_| ())
    }

    fn message_by_row(&self, row: i64) -> Result<Message, rusqlite::Error> {
        self.db
            .prepare_cached(&format!("SELECT {COLUMNS} {FROM} WHERE message.row = ?1"))?
            .query_row([row], read_message)
    }

    fn message_by_client(&self, account: &str, client: &str) -> Result<Option<Message>, rusqlite::Error> {
        self.db
            .prepare_cached(&format!("SELECT {COLUMNS} {FROM} WHERE account = ?1 AND client = ?2"))?
            .query_row([account, client], read_message)
            .optional()
    }
}

/// What the core asked for, as a message: both links of a card kept.
fn asked(request: &v1::SendRequest) -> v1::Message {
    match &request.what {
        Some(What::Text(text)) => v1::Message {
            parts: vec![v1::Part {
                content: Some(v1::part::Content::Text(v1::Text {
                    body: text.clone(),
                    ..Default::default()
                })),
                ..Default::default()
            }],
            summary: text.clone(),
            ..Default::default()
        },
        Some(What::Message(message)) => message.clone(),
        Some(What::Session(order)) => order.closing.clone().unwrap_or_default(),
        _ => v1::Message::default(),
    }
}

pub fn read_message(row: &SqlRow<'_>) -> Result<Message, rusqlite::Error> {
    let request: Vec<u8> = row.get(6)?;
    let result: Vec<u8> = row.get(8)?;
    Ok(Message {
        row: row.get(0)?,
        id: row.get(1)?,
        account: row.get(2)?,
        client_message_id: row.get(3)?,
        conversation: ConversationId(row.get(4)?),
        key: row.get(5)?,
        request: v1::SendRequest::decode(request.as_slice()).map_err(super::undecodable)?,
        answers: row.get(7)?,
        result: v1::SendResult::decode(result.as_slice()).map_err(super::undecodable)?,
        passive: row.get(9)?,
        pieces_done: row.get(10)?,
        attempts: row.get(11)?,
        created: row.get(12)?,
        next_attempt: row.get(13)?,
        not_after: row.get(14)?,
    })
}
