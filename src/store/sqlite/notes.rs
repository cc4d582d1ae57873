//! How is it written down that an event was taken? Where `pending` grows anyway it is deleted; far behind that a note is made,
//! and notes are carried out thousands at a time.
//!
//! A backlog is taken conversation by conversation, which is not the order of the table: deleting the 64 events of a commit
//! would write nearly 64 pages, noting them writes one.

use rusqlite::Connection;

use crate::ports::store::Row;

/// Rows behind the newest: their pages are written with what arrives.
const NEAR: Row = 2_048;
/// Notes that are carried out together: for some milliseconds nothing else is written.
const MOST: u32 = 8_192;

/// The table `taken`, as the writer's open transaction has it.
#[derive(Debug, Default)]
pub struct Notes {
    count: u32,
    /// As the disk has it.
    committed: u32,
}

impl Notes {
    /// This one waits no more; `newest` is the last row there is.
    pub fn taken(&mut self, db: &Connection, newest: Row, row: Row) -> Result<(), rusqlite::Error> {
        if newest - row <= NEAR {
            return waits_no_more(db, row);
        }
        db.prepare_cached("INSERT INTO taken (event) VALUES (?1)")?
            .execute([row])?;
        self.count += 1;
        if self.count >= MOST {
            self.carry_out(db)?;
        }
        Ok(())
    }

    /// Deletes what is noted.
    pub fn carry_out(&mut self, db: &Connection) -> Result<(), rusqlite::Error> {
        db.prepare_cached("DELETE FROM pending WHERE event IN (SELECT event FROM taken)")?
            .execute([])?;
        db.prepare_cached("DELETE FROM taken")?.execute([])?;
        self.count = 0;
        Ok(())
    }

    pub fn committed(&mut self) {
        self.committed = self.count;
    }

    pub fn rolled_back(&mut self) {
        self.count = self.committed;
    }
}

pub fn waits_no_more(db: &Connection, row: Row) -> Result<(), rusqlite::Error> {
    db.prepare_cached("DELETE FROM pending WHERE event = ?1")?
        .execute([row])
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::lines::Lines;

    const BACKLOG: Row = Row::MAX / 2;

    fn count(db: &Connection, table: &str) -> u32 {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
            .expect("counted")
    }

    fn table(events: u32) -> (Connection, Lines) {
        let db = Connection::open_in_memory().expect("opens");
        crate::store::sqlite::schema::prepare(&db).expect("prepared");
        let mut lines = Lines::default();
        for seq in 1..=events {
            lines.add(&db, 7, seq, Row::from(seq)).expect("added");
        }
        lines.committed();
        (db, lines)
    }

    fn take(db: &Connection, lines: &mut Lines, newest: Row, seqs: std::ops::RangeInclusive<u32>) {
        for seq in seqs {
            assert!(lines.take(db, newest, (7, seq, Row::from(seq))).expect("taken"));
        }
    }

    fn first(db: &Connection) -> Option<u32> {
        Lines::load(db).expect("read").first_seq(7)
    }

    #[test]
    fn what_is_taken_far_behind_is_noted_and_waits_no_more() {
        let (db, mut lines) = table(10);
        take(&db, &mut lines, BACKLOG, 1..=4);
        assert_eq!((count(&db, "pending"), count(&db, "taken")), (10, 4));
        assert_eq!(first(&db), Some(5), "as the next start reads it");
        assert!(!lines.take(&db, BACKLOG, (7, 2, 2)).expect("asked"), "once");
        take(&db, &mut lines, 5 + NEAR, 5..=6);
        assert_eq!(
            (count(&db, "pending"), count(&db, "taken")),
            (8, 4),
            "what is near is deleted"
        );
        lines.carry_out(&db).expect("carried out");
        assert_eq!((count(&db, "pending"), count(&db, "taken")), (4, 0));
        assert_eq!(first(&db), Some(7));
    }

    #[test]
    fn notes_are_carried_out_before_they_are_too_many() {
        let (db, mut lines) = table(MOST + 2);
        take(&db, &mut lines, BACKLOG, 1..=MOST - 1);
        assert_eq!((count(&db, "pending"), count(&db, "taken")), (MOST + 2, MOST - 1));
        take(&db, &mut lines, BACKLOG, MOST..=MOST + 1);
        assert_eq!((count(&db, "pending"), count(&db, "taken")), (2, 1));
        assert_eq!(first(&db), Some(MOST + 2));
    }

    #[test]
    fn a_rollback_takes_back_what_was_noted_since_the_last_commit() {
        let (db, mut lines) = table(MOST + 2);
        take(&db, &mut lines, BACKLOG, 1..=10);
        lines.committed();
        db.execute_batch("BEGIN").expect("begun");
        take(&db, &mut lines, BACKLOG, 11..=MOST);
        assert_eq!(count(&db, "taken"), 0, "they were carried out");
        db.execute_batch("ROLLBACK").expect("rolled back");
        lines.rolled_back();
        assert_eq!((lines.first_seq(7), first(&db)), (Some(11), Some(11)));
        take(&db, &mut lines, BACKLOG, 11..=MOST);
        assert_eq!(
            (count(&db, "pending"), count(&db, "taken")),
            (2, 0),
            "and were counted right"
        );
    }
}
