//! What is in the store? Questions that change nothing.

use std::{collections::HashMap, path::Path, sync::Arc};

use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params, params_from_iter, types::Value};

use super::{
    lines::Line,
    messages::{COLUMNS, FROM, read_message},
    undecodable,
};
use crate::{
    conversation::{self, State},
    ports::store::{
        Aside, ConversationId, EventQuery, Message, MessageRef, Offered, Parked, Pending, Quarantined, Record, Row,
        Stored, Unread, Waiting,
    },
    schema::Written,
    store::ids,
};

type Found<T> = Result<T, rusqlite::Error>;

/// Which core each conversation has, looked up once per question.
#[derive(Default)]
pub(super) struct CoreNames(HashMap<i64, Names>, HashMap<String, Arc<str>>);

#[derive(Clone)]
pub(super) struct Names {
    core: Option<Arc<str>>,
    /// Also while its account is paused.
    pub(super) usual: Option<Arc<str>>,
}

impl CoreNames {
    pub(super) fn of(&mut self, db: &Connection, conversation: i64) -> Found<Names> {
        if let Some(known) = self.0.get(&conversation) {
            return Ok(known.clone());
        }
        // Which core a conversation has is always written at once: its row is never behind in that.
        let cores = cores(db, conversation)?;
        let core = self.shared(cores.core);
        let usual = core.clone().or_else(|| self.shared(cores.core_before_pause));
        let names = Names { core, usual };
        self.0.insert(conversation, names.clone());
        Ok(names)
    }

    fn shared(&mut self, name: String) -> Option<Arc<str>> {
        (!name.is_empty()).then(|| {
            self.1
                .entry(name)
                .or_insert_with_key(|name| name.as_str().into())
                .clone()
        })
    }
}

fn cores(db: &Connection, conversation: i64) -> Found<conversation::Cores> {
    db.prepare_cached("SELECT state FROM conversation WHERE id = ?1")?
        .query_row([conversation], |row| {
            conversation::Cores::decode(row.get_ref(0)?.as_blob()?).map_err(undecodable)
        })
}

// ───────────── events ─────────────

/// `row, conversation, body` of the table `event`.
pub(super) fn read_event(row: &SqlRow<'_>) -> Found<(Row, i64, Written)> {
    let event = unread_event(row, 2)?;
    event.event().map_err(undecodable)?;
    Ok((row.get(0)?, row.get(1)?, event))
}

/// The column `body`, of which only the head is looked at.
pub(super) fn unread_event(row: &SqlRow<'_>, column: usize) -> Found<Written> {
    let body: Vec<u8> = row.get(column)?;
    Written::unread(body.into()).map_err(undecodable)
}

fn stored(
    db: &Connection,
    cores: &mut CoreNames,
    (row, conversation, event): (Row, i64, Written),
) -> Found<Arc<Stored>> {
    let core = cores.of(db, conversation)?.core;
    Ok(Arc::new(Stored {
        row,
        conversation: ConversationId(conversation),
        core,
        event,
    }))
}

fn by_row(db: &Connection, row: Row) -> Found<Option<(Row, i64, Written)>> {
    db.prepare_cached("SELECT row, conversation, body FROM event WHERE row = ?1")?
        .query_row([row], read_event)
        .optional()
}

pub fn event(db: &Connection, id: &str) -> Found<Option<Arc<Stored>>> {
    let Some(row) = ids::row_of(id) else { return Ok(None) };
    let found = by_row(db, row)?.filter(|(_, _, event)| event.id == id);
    found
        .map(|found| stored(db, &mut CoreNames::default(), found))
        .transpose()
}

pub fn events(db: &Connection, query: &EventQuery) -> Found<Vec<Arc<Stored>>> {
    Ok(walk(db, query, AS_STORED)?.events)
}

/// The same, with Gaps in the places of what they stand for.
pub fn offered(db: &Connection, query: &EventQuery) -> Found<Offered> {
    walk(db, query, AS_OFFERED)
}

const AS_STORED: &str = "SELECT row, conversation, body, NULL FROM event WHERE 1";
/// Beside each event that was set aside the row of its Gap, which does not come a second time at its own.
const AS_OFFERED: &str = "SELECT row, conversation, body, (SELECT gap FROM set_aside WHERE set_aside.event = row) FROM event \
    WHERE NOT EXISTS (SELECT 1 FROM set_aside WHERE set_aside.gap = row)";

fn walk(db: &Connection, query: &EventQuery, select: &str) -> Found<Offered> {
    let mut sql = select.to_owned();
    let mut values: Vec<Value> = Vec::new();
    let mut also = |clause: &str, value: Value| {
        values.push(value);
        sql.push_str(&format!(" AND {clause} ?{}", values.len()));
    };
    if let Some(key) = &query.key {
        let id = db
            .query_row("SELECT id FROM conversation WHERE key = ?1", [key], |row| {
                row.get::<_, i64>(0)
            })
            .optional()?;
        let Some(id) = id else { return Ok(Offered::default()) };
        also("conversation =", id.into());
    }
    if let Some(from) = query.from {
        also("accepted >=", from.into());
    }
    if let Some(to) = query.to {
        also("accepted <", to.into());
    }
    if let Some(after) = query.after {
        also(if query.newest_first { "row <" } else { "row >" }, after.into());
    }
    sql.push_str(if query.newest_first {
        " ORDER BY row DESC"
    } else {
        " ORDER BY row"
    });
    let mut cores = CoreNames::default();
    let mut found = Offered::default();
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        if found.events.len() >= query.limit {
            break;
        }
        let conversation: i64 = row.get(1)?;
        let usual = cores.of(db, conversation)?.usual;
        if query.core.is_some() && query.core.as_deref() != usual.as_deref() {
            continue;
        }
        let shown = match row.get(3)? {
            None => Some(read_event(row)?),
            Some(gap) => by_row(db, gap)?,
        };
        if let Some(shown) = shown {
            found.next = Some(row.get(0)?);
            found.events.push(stored(db, &mut cores, shown)?);
        }
    }
    Ok(found)
}

/// Rows that wait in a conversation, and whether they are all.
pub type Listed = (i64, Vec<Row>, bool);

/// The events of these rows of each conversation, in the order asked for; one that is gone meanwhile is left out. They are
/// read where they are needed: what is made on one thread and freed on another costs twice.
pub fn of_lines(db: &Connection, lines: &[Listed]) -> Found<Vec<Pending>> {
    // One transaction: each statement alone would take and give back its locks.
    let db = &*db.unchecked_transaction()?;
    let mut statement = db.prepare_cached("SELECT body FROM event WHERE row = ?1")?;
    let mut cores = CoreNames::default();
    let mut all = Vec::with_capacity(lines.len());
    for (conversation, rows, all_of_it) in lines {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let event = statement.query_row([row], |found| unread_event(found, 0)).optional()?;
            if let Some(event) = event {
                events.push(stored(db, &mut cores, (*row, *conversation, event))?);
            }
        }
        let all_of_it = *all_of_it;
        all.push(Pending { events, all: all_of_it });
    }
    Ok(all)
}

/// The lines with what the tables know of them; one that is gone meanwhile is left out.
pub fn backlog(db: &Connection, lines: Vec<Line>) -> Found<Vec<Waiting>> {
    let mut cores = CoreNames::default();
    let mut accepted = db.prepare_cached("SELECT accepted FROM event WHERE row = ?1")?;
    let mut conversation = db.prepare_cached("SELECT key, state FROM conversation WHERE id = ?1")?;
    let mut waiting = Vec::with_capacity(lines.len());
    for line in lines {
        let oldest = accepted.query_row([line.first_row], |row| row.get(0)).optional()?;
        let Some(oldest) = oldest else { continue };
        let (key, state): (_, Vec<u8>) =
            conversation.query_row([line.conversation], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let state = State::decode(state.as_slice()).map_err(undecodable)?;
        waiting.push(Waiting {
            conversation: ConversationId(line.conversation),
            key,
            core: cores.shared(state.core),
            core_before_pause: cores.shared(state.core_before_pause),
            first_seq: line.first_seq,
            count: line.count,
            oldest,
        });
    }
    Ok(waiting)
}

pub fn parked(db: &Connection, after: Option<Row>, limit: usize) -> Found<Vec<Parked>> {
    db.prepare_cached(
        "SELECT event.row, event.conversation, event.body, parked.core, parked.at, parked.reason \
         FROM parked JOIN event ON event.row = parked.event WHERE parked.event > ?1 ORDER BY parked.event LIMIT ?2",
    )?
    .query_map(params![after.unwrap_or(0), limit as i64], |row| {
        let event = unread_event(row, 2)?;
        let head = event.head();
        Ok(Parked {
            row: row.get(0)?,
            event_id: head.id.to_owned(),
            key: head.key.to_owned(),
            seq: head.seq,
            core: row.get(3)?,
            parked_at: row.get(4)?,
            reason: row.get(5)?,
            // One that cannot be read must not hide the others.
            event: event.event().cloned().unwrap_or_default(),
        })
    })?
    .collect()
}

pub fn quarantined(db: &Connection, after: Option<Row>, limit: usize) -> Found<Vec<Quarantined>> {
    db.prepare_cached(
        "SELECT row, account, received, code, detail, query, content_type, key_ids, body \
         FROM quarantine WHERE row > ?1 ORDER BY row LIMIT ?2",
    )?
    .query_map(params![after.unwrap_or(0), limit as i64], |row| {
        Ok(Quarantined {
            row: row.get(0)?,
            account: row.get(1)?,
            received: row.get(2)?,
            code: row.get(3)?,
            detail: row.get(4)?,
            query: row.get(5)?,
            content_type: row.get(6)?,
            key_ids: row.get(7)?,
            body: row.get(8)?,
        })
    })?
    .collect()
}

/// Without the bodies: they may be many.
pub fn aside(db: &Connection) -> Found<Aside> {
    // Beside max(), SQLite gives the other columns of the row that has it.
    let unread = db
        .prepare_cached("SELECT account, code, count(*), max(received), detail FROM quarantine GROUP BY account, code")?
        .query_map([], |row| {
            Ok(Unread {
                account: row.get(0)?,
                code: row.get(1)?,
                count: row.get::<_, i64>(2)?.unsigned_abs(),
                last: row.get(3)?,
                detail: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let parked: i64 = db.query_row("SELECT count(*) FROM parked", [], |row| row.get(0))?;
    let newest = "SELECT core, reason FROM parked ORDER BY event DESC LIMIT 1";
    let newest_parked = db
        .query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(Aside {
        unread,
        parked: parked.unsigned_abs(),
        newest_parked,
    })
}

// ───────────── messages ─────────────

/// [`MessageRef`], owned.
pub enum Which {
    Id(String),
    Client(String, String),
    Row(Row),
}

impl From<MessageRef<'_>> for Which {
    fn from(which: MessageRef<'_>) -> Self {
        match which {
            MessageRef::Id(id) => Which::Id(id.to_owned()),
            MessageRef::Client {
                account,
                client_message_id,
            } => Which::Client(account.to_owned(), client_message_id.to_owned()),
            MessageRef::Row(row) => Which::Row(row),
        }
    }
}

pub fn message(db: &Connection, which: &Which) -> Found<Option<Arc<Message>>> {
    let found = match which {
        Which::Id(id) => messages(db, "message.id = ?1", params![id]),
        Which::Client(account, client) => messages(db, "account = ?1 AND client = ?2", params![account, client]),
        Which::Row(row) => messages(db, "message.row = ?1", params![row]),
    }?;
    Ok(found.into_iter().next())
}

pub fn outbox(db: &Connection, conversation: ConversationId) -> Found<Vec<Arc<Message>>> {
    messages(
        db,
        "conversation = ?1 AND open = 1 ORDER BY message.row",
        params![conversation.0],
    )
}

pub fn open_outboxes(db: &Connection) -> Found<Vec<ConversationId>> {
    db.prepare_cached("SELECT DISTINCT conversation FROM message WHERE open = 1")?
        .query_map([], |row| row.get(0).map(ConversationId))?
        .collect()
}

pub fn passive_answer(db: &Connection, event: Row) -> Found<Option<Arc<Message>>> {
    let found = messages(
        db,
        "answers = ?1 AND passive IS NOT NULL ORDER BY message.row LIMIT 1",
        params![event],
    )?;
    Ok(found.into_iter().next())
}

pub fn recent_messages(db: &Connection, key: Option<&str>, limit: usize) -> Found<Vec<Arc<Message>>> {
    let limit = limit as i64;
    match key {
        Some(key) => messages(
            db,
            "conversation = (SELECT id FROM conversation WHERE key = ?1) ORDER BY message.row DESC LIMIT ?2",
            params![key, limit],
        ),
        None => messages(db, "1 ORDER BY message.row DESC LIMIT ?1", params![limit]),
    }
}

fn messages(db: &Connection, matching: &str, values: &[&dyn rusqlite::ToSql]) -> Found<Vec<Arc<Message>>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} {FROM} WHERE {matching}"))?
        .query_map(values, |row| read_message(row).map(Arc::new))?
        .collect()
}

// ───────────── the rest ─────────────

pub fn record(db: &Connection, space: &str, key: &str) -> Found<Option<Vec<u8>>> {
    db.prepare_cached("SELECT value FROM record WHERE space = ?1 AND key = ?2")?
        .query_row([space, key], |row| row.get(0))
        .optional()
}

pub fn records(db: &Connection, space: &str) -> Found<Vec<Record>> {
    db.prepare_cached("SELECT key, value FROM record WHERE space = ?1 ORDER BY key")?
        .query_map([space], |row| {
            Ok(Record {
                key: row.get(0)?,
                value: row.get(1)?,
            })
        })?
        .collect()
}

/// One consistent copy; what is committed meanwhile is not in it.
pub fn copy_to(db: &Connection, file: &Path) -> Found<()> {
    let mut copy = Connection::open(file)?;
    let backup = rusqlite::backup::Backup::new(db, &mut copy)?;
    // All pages in one step: a copy in parts would start over with every commit between them.
    match backup.step(-1)? {
        rusqlite::backup::StepResult::Done => Ok(()),
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            Some("the copy could not be finished".to_owned()),
        )),
    }
}
