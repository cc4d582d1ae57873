//! What waits in each conversation, and in which order? Known in memory, so that the table needs no order of its own.
//!
//! The table `pending` is keyed by event: it grows at one end and shrinks near the other, and a batch dirties a page or
//! two of it. Keyed by conversation it would dirty a page for nearly every event. About 15 bytes for each that waits.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;
use rusqlite::{Connection, params};

use super::notes::{self, Notes};
use crate::ports::store::Row;

/// Twelve bytes: there may be millions. The row stands in two halves, high before low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waits {
    seq: u32,
    row: [u32; 2],
}

impl Waits {
    fn new(seq: u32, row: Row) -> Self {
        let row = [(row >> 32) as u32, row as u32];
        Self { seq, row }
    }

    fn row(self) -> Row {
        let [high, low] = self.row.map(Row::from);
        high << 32 | low
    }
}

#[derive(Clone, Copy)]
enum Change {
    Added(i64, Waits),
    Removed(i64, Waits),
}

/// Everything undelivered, as the writer's open transaction has it.
#[derive(Default)]
pub struct Lines {
    /// Never an empty one.
    lines: HashMap<i64, VecDeque<Waits>, RandomState>,
    /// What the open transaction changed, so that a rollback can take it back.
    changes: Vec<Change>,
    notes: Notes,
}

/// One conversation's line.
pub struct Line {
    pub conversation: i64,
    pub first_seq: u32,
    pub first_row: Row,
    pub count: u32,
}

impl Lines {
    pub fn load(db: &Connection) -> Result<Self, rusqlite::Error> {
        let mut all = Self::default();
        let mut statement = db.prepare(
            "SELECT conversation, seq, event FROM pending WHERE event NOT IN (SELECT event FROM taken) ORDER BY event",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (seq, event) = (row.get(1)?, row.get(2)?);
            all.put(row.get(0)?, Waits::new(seq, event));
        }
        Ok(all)
    }

    /// The last in line, or in the place of what has its `seq` already.
    pub fn add(&mut self, db: &Connection, conversation: i64, seq: u32, row: Row) -> Result<(), rusqlite::Error> {
        if let Some(before) = self.at(conversation, seq) {
            self.remove(db, conversation, seq, before)?;
        }
        db.prepare_cached("INSERT INTO pending (event, conversation, seq) VALUES (?1, ?2, ?3)")?
            .execute(params![row, conversation, seq])?;
        let waits = Waits::new(seq, row);
        self.put(conversation, waits);
        self.changes.push(Change::Added(conversation, waits));
        Ok(())
    }

    /// `false`: it does not wait.
    pub fn remove(&mut self, db: &Connection, conversation: i64, seq: u32, row: Row) -> Result<bool, rusqlite::Error> {
        let waits = self.at(conversation, seq) == Some(row);
        if waits {
            notes::waits_no_more(db, row)?;
            self.removed(conversation, Waits::new(seq, row));
        }
        Ok(waits)
    }

    /// The same, for one of many that are taken in an order of their own: conversation, number and row of the event, and the
    /// newest row there is.
    pub fn take(
        &mut self,
        db: &Connection,
        newest: Row,
        (conversation, seq, row): (i64, u32, Row),
    ) -> Result<bool, rusqlite::Error> {
        let waits = self.at(conversation, seq) == Some(row);
        if waits {
            self.notes.taken(db, newest, row)?;
            self.removed(conversation, Waits::new(seq, row));
        }
        Ok(waits)
    }

    fn removed(&mut self, conversation: i64, waits: Waits) {
        self.drop(conversation, waits);
        self.changes.push(Change::Removed(conversation, waits));
    }

    /// The table has what memory has.
    pub fn carry_out(&mut self, db: &Connection) -> Result<(), rusqlite::Error> {
        self.notes.carry_out(db)
    }

    /// The event that waits under this number.
    pub fn at(&self, conversation: i64, seq: u32) -> Option<Row> {
        let line = self.lines.get(&conversation)?;
        // What is new stands behind everything, and what is taken is the first.
        if line.back()?.seq < seq {
            return None;
        }
        let first = line.front().filter(|first| first.seq == seq);
        let place = || line.binary_search_by_key(&seq, |waits| waits.seq).ok();
        first.or_else(|| line.get(place()?)).map(|waits| waits.row())
    }

    pub fn first_seq(&self, conversation: i64) -> Option<u32> {
        self.lines.get(&conversation)?.front().map(|waits| waits.seq)
    }

    /// The rows of what waits, from `seq` on, in order.
    pub fn rows(&self, conversation: i64, from_seq: u32) -> impl Iterator<Item = (u32, Row)> {
        let line = self.lines.get(&conversation);
        let from = line.map_or(0, |line| line.partition_point(|waits| waits.seq < from_seq));
        line.into_iter()
            .flat_map(move |line| line.range(from..))
            .map(|waits| (waits.seq, waits.row()))
    }

    pub fn lines(&self) -> impl Iterator<Item = Line> {
        self.lines.iter().filter_map(|(conversation, line)| {
            let first = line.front()?;
            Some(Line {
                conversation: *conversation,
                first_seq: first.seq,
                first_row: first.row(),
                count: u32::try_from(line.len()).unwrap_or(u32::MAX),
            })
        })
    }

    /// What the transaction changed is on disk.
    pub fn committed(&mut self) {
        self.changes.clear();
        self.notes.committed();
    }

    /// What the transaction changed never was.
    pub fn rolled_back(&mut self) {
        self.notes.rolled_back();
        while let Some(change) = self.changes.pop() {
            match change {
                Change::Added(conversation, waits) => self.drop(conversation, waits),
                Change::Removed(conversation, waits) => self.put(conversation, waits),
            }
        }
    }

    fn put(&mut self, conversation: i64, waits: Waits) {
        let line = self.lines.entry(conversation).or_default();
        // Nearly always the end: a number in the middle is a Gap's, or one that a rollback brings back.
        let place = match line.back() {
            Some(last) if last.seq >= waits.seq => line.partition_point(|it| it.seq < waits.seq),
            _ => line.len(),
        };
        if line.len() == line.capacity() {
            // Doubling would leave half of a long backlog's memory empty.
            line.reserve_exact((line.len() / 4).max(4));
        }
        line.insert(place, waits);
    }

    fn drop(&mut self, conversation: i64, waits: Waits) {
        let Some(line) = self.lines.get_mut(&conversation) else {
            return;
        };
        if let Ok(place) = line.binary_search_by_key(&waits.seq, |it| it.seq) {
            line.remove(place);
        }
        if line.is_empty() {
            self.lines.remove(&conversation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Connection {
        let db = Connection::open_in_memory().expect("opens");
        crate::store::sqlite::schema::prepare(&db).expect("prepared");
        db
    }

    fn seen(lines: &Lines, conversation: i64) -> Vec<(u32, Row)> {
        lines.rows(conversation, 0).collect()
    }

    #[test]
    fn what_waits_is_told_in_order_whatever_came_first() {
        let (db, mut lines) = (table(), Lines::default());
        for (seq, row) in [(1, 10), (2, 11), (4, 13), (3, 14)] {
            lines.add(&db, 7, seq, row).expect("added");
        }
        assert_eq!(seen(&lines, 7), [(1, 10), (2, 11), (3, 14), (4, 13)]);
        assert_eq!(lines.rows(7, 3).collect::<Vec<_>>(), [(3, 14), (4, 13)]);
        assert_eq!(seen(&Lines::load(&db).expect("read"), 7), seen(&lines, 7));
    }

    #[test]
    fn a_row_of_any_size_comes_back_as_it_was() {
        for row in [0, 1, 1 << 31, 1 << 32, (1 << 40) - 1, Row::MAX] {
            assert_eq!(Waits::new(1, row).row(), row);
        }
        assert_eq!(size_of::<Waits>(), 12);
    }

    #[test]
    fn a_gap_stands_in_the_place_of_what_had_its_number() {
        let (db, mut lines) = (table(), Lines::default());
        lines.add(&db, 7, 1, 10).expect("added");
        lines.add(&db, 7, 2, 11).expect("added");
        lines.add(&db, 7, 1, 12).expect("added");
        assert_eq!(seen(&lines, 7), [(1, 12), (2, 11)]);
        assert_eq!(seen(&Lines::load(&db).expect("read"), 7), [(1, 12), (2, 11)]);
        assert!(!lines.remove(&db, 7, 1, 10).expect("asked"), "it gave its place away");
    }

    #[test]
    fn a_rollback_takes_everything_back_since_the_last_commit() {
        let (db, mut lines) = (table(), Lines::default());
        lines.add(&db, 7, 1, 10).expect("added");
        lines.add(&db, 8, 1, 11).expect("added");
        lines.committed();
        lines.add(&db, 7, 2, 12).expect("added");
        lines.add(&db, 7, 1, 13).expect("replaced");
        assert!(lines.remove(&db, 8, 1, 11).expect("removed"));
        lines.add(&db, 9, 1, 14).expect("added");
        lines.rolled_back();
        assert_eq!(seen(&lines, 7), [(1, 10)]);
        assert_eq!(seen(&lines, 8), [(1, 11)]);
        assert_eq!(lines.first_seq(9), None);
        assert_eq!(lines.lines().count(), 2, "no empty line is left behind");
    }
}
