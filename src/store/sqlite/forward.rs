//! What is there to copy for other systems? Events, messages and the records that cores made, read by row as one list.
//!
//! Nothing is written for it when an event or a message is: whoever forwards keeps a place and walks. Records that a core
//! made are kept by name, under numbers that are never given out twice.

use std::collections::VecDeque;

use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    SqliteStore,
    messages::{COLUMNS, FROM, read_message},
    writer::Writer,
};
use crate::{
    ports::{
        clock::Millis,
        forward::{Archive, ArchivePage, Archived, Item, Made, Place, Streams},
        store::{Row, StoreError},
    },
    schema::v1,
};

/// Where records of cores lie.
const SPACE: &str = "forward_record";
/// The last number given to one of them.
const LAST: (&str, &str) = ("forward", "last");
/// Bytes of rows read into one page.
const PAGE_BYTES: usize = 4 << 20;
/// Records forgotten in one commit.
const FORGET_STEP: usize = 500;

/// Rows of one kind, oldest first.
struct Stream {
    rows: VecDeque<(Row, Millis, Item)>,
    /// There may be more behind them.
    cut: bool,
    tail: Row,
    /// What is missing up to here was forgotten. Beyond it nothing was: places in feeds take row numbers too.
    forgotten: Row,
}

impl Stream {
    fn none() -> Self {
        Self {
            rows: VecDeque::new(),
            cut: false,
            tail: 0,
            forgotten: Row::MAX,
        }
    }

    fn head(&self) -> Option<Millis> {
        self.rows.front().map(|(_, at, _)| *at)
    }
}

fn tail(db: &Connection) -> rusqlite::Result<Place> {
    let newest = |table: &str, floor: &str| {
        db.prepare_cached(&format!(
            "SELECT max(coalesce((SELECT max(row) FROM {table}), 0), \
             coalesce((SELECT value FROM meta WHERE name = '{floor}'), 0))"
        ))?
        .query_row([], |row| row.get(0))
    };
    Ok(Place {
        event: newest("event", "folded")?,
        message: newest("message", "message_floor")?,
        record: last_record(db)?,
    })
}

fn last_record(db: &Connection) -> rusqlite::Result<Row> {
    let found: Option<Vec<u8>> = db
        .prepare_cached("SELECT value FROM record WHERE space = ?1 AND key = ?2")?
        .query_row([LAST.0, LAST.1], |row| row.get(0))
        .optional()?;
    let number = found.and_then(|text| String::from_utf8(text).ok()?.parse().ok());
    Ok(number.unwrap_or(0))
}

/// The name of a number: names sort as numbers do.
fn name(row: Row) -> String {
    format!("{row:019}")
}

fn page(db: &Connection, from: Place, streams: Streams, rows: usize) -> rusqlite::Result<ArchivePage> {
    // One snapshot of all three: what was committed meanwhile must not overtake what was not seen.
    let db = &*db.unchecked_transaction()?;
    let tail = tail(db)?;
    let events = match streams.events {
        true => events(db, from.event, tail.event, rows)?,
        false => Stream::none(),
    };
    let messages = match streams.messages {
        true => messages(db, from.message, tail.message, rows)?,
        false => Stream::none(),
    };
    let made = made(db, from.record, tail.record, rows)?;
    Ok(merged(from, [events, messages, made], rows))
}

/// By time among the kinds; ends where one kind was cut short, since what follows there may be older than what the others hold.
fn merged(from: Place, mut streams: [Stream; 3], rows: usize) -> ArchivePage {
    let mut page = ArchivePage {
        place: from,
        ..ArchivePage::default()
    };
    while page.items.len() < rows && !streams.iter().any(|it| it.cut && it.rows.is_empty()) {
        let oldest = streams
            .iter()
            .enumerate()
            .filter_map(|(kind, it)| Some((it.head()?, kind)));
        let Some((_, kind)) = oldest.min() else { break };
        let Some((row, at, item)) = streams.get_mut(kind).and_then(|it| it.rows.pop_front()) else {
            break;
        };
        let forgotten = streams.get(kind).map_or(0, |it| it.forgotten);
        page.lost += reach(part(&mut page.place, kind), row, forgotten.min(row - 1));
        page.items.push(Archived {
            at,
            item,
            place: page.place,
        });
    }
    for (kind, stream) in streams.iter().enumerate() {
        // Read to its end: what is missing there was forgotten.
        if stream.rows.is_empty() && !stream.cut {
            page.lost += reach(part(&mut page.place, kind), stream.tail, stream.forgotten);
        }
    }
    page
}

fn part(place: &mut Place, kind: usize) -> &mut Row {
    match kind {
        0 => &mut place.event,
        1 => &mut place.message,
        _ => &mut place.record,
    }
}

/// Moves forward; over how many forgotten rows.
fn reach(place: &mut Row, row: Row, forgotten: Row) -> u64 {
    let lost = forgotten.min(row).saturating_sub(*place).max(0);
    *place = row.max(*place);
    lost.unsigned_abs()
}

/// A row as it was read, and its size; `None`: it cannot be read, and nobody else shall wait for it.
type Read = rusqlite::Result<Option<(Row, Millis, Item, usize)>>;

/// Collects rows until there are enough of them, in number or bytes.
fn collect(
    mut found: rusqlite::Rows<'_>,
    tail: Row,
    rows: usize,
    read: impl Fn(&rusqlite::Row<'_>) -> Read,
) -> rusqlite::Result<Stream> {
    let mut stream = Stream { tail, ..Stream::none() };
    let mut bytes = 0;
    while let Some(row) = found.next()? {
        let Some((row, at, item, size)) = read(row)? else {
            continue;
        };
        stream.rows.push_back((row, at, item));
        bytes += size;
        if stream.rows.len() >= rows || bytes >= PAGE_BYTES {
            stream.cut = true;
            break;
        }
    }
    Ok(stream)
}

fn events(db: &Connection, from: Row, tail: Row, rows: usize) -> rusqlite::Result<Stream> {
    let forgotten = db
        .prepare_cached("SELECT value FROM meta WHERE name = 'forgotten'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let mut statement = db.prepare_cached("SELECT row, accepted, body FROM event WHERE row > ?1 ORDER BY row")?;
    let stream = collect(statement.query([from])?, tail, rows, |row| {
        let body = row.get_ref(2)?.as_blob()?;
        let Ok(mut event) = v1::Event::decode(body) else {
            return Ok(None);
        };
        // The platform's own body is copied to nobody.
        event.raw = None;
        let read = (row.get(0)?, row.get(1)?, Item::Event(Box::new(event)), body.len());
        Ok(Some(read))
    })?;
    Ok(Stream {
        forgotten: forgotten.unwrap_or(0),
        ..stream
    })
}

fn messages(db: &Connection, from: Row, tail: Row, rows: usize) -> rusqlite::Result<Stream> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} {FROM} WHERE message.row > ?1 ORDER BY message.row"
    ))?;
    collect(statement.query([from])?, tail, rows, |row| {
        let mut message = read_message(row)?;
        message.passive = None;
        let size = row.get_ref(6)?.as_blob()?.len();
        Ok(Some((
            message.row,
            message.created,
            Item::Message(Box::new(message)),
            size,
        )))
    })
}

fn made(db: &Connection, from: Row, tail: Row, rows: usize) -> rusqlite::Result<Stream> {
    let mut statement =
        db.prepare_cached("SELECT key, value FROM record WHERE space = ?1 AND key > ?2 ORDER BY key")?;
    collect(statement.query(params![SPACE, name(from)])?, tail, rows, |row| {
        let value = row.get_ref(1)?.as_blob()?;
        let Ok(record) = serde_json::from_slice::<Made>(value) else {
            return Ok(None);
        };
        Ok(Some((number(row)?, record.at, Item::Made(record), value.len())))
    })
}

fn number(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let name: String = row.get(0)?;
    name.parse().map_err(unreadable)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

impl Writer {
    fn keep_made(&mut self, made: &Made) -> rusqlite::Result<Row> {
        let row = last_record(&self.db)? + 1;
        let value = serde_json::to_vec(made).map_err(unreadable)?;
        self.written += value.len();
        let mut put = self
            .db
            .prepare_cached("INSERT OR REPLACE INTO record (space, key, value) VALUES (?1, ?2, ?3)")?;
        put.execute(params![SPACE, name(row), value])?;
        put.execute(params![LAST.0, LAST.1, row.to_string().into_bytes()])?;
        Ok(row)
    }

    /// One step of forgetting; how many went.
    fn forget_made(&mut self, through: Row, before: Millis) -> rusqlite::Result<usize> {
        let oldest = made(&self.db, 0, 0, FORGET_STEP)?;
        let old = oldest
            .rows
            .into_iter()
            .take_while(|(row, at, _)| *row <= through || *at < before);
        let mut count = 0;
        for (row, ..) in old {
            count += self
                .db
                .prepare_cached("DELETE FROM record WHERE space = ?1 AND key = ?2")?
                .execute(params![SPACE, name(row)])?;
        }
        Ok(count)
    }
}

#[async_trait::async_trait]
impl Archive for SqliteStore {
    async fn tail(&self) -> Result<Place, StoreError> {
        self.reader.read(tail).await
    }

    async fn page(&self, from: Place, streams: Streams, rows: usize) -> Result<ArchivePage, StoreError> {
        self.reader.read(move |db| page(db, from, streams, rows)).await
    }

    async fn keep(&self, made: Made) -> Result<Row, StoreError> {
        self.write(move |writer| {
            writer.may_append()?;
            Ok(writer.keep_made(&made)?)
        })
        .await
    }

    async fn forget(&self, through: Row, before: Millis) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let gone = self
                .write(move |writer| Ok(writer.forget_made(through, before)?))
                .await?;
            all += gone as u64;
            if gone == 0 {
                return Ok(all);
            }
        }
    }
}
