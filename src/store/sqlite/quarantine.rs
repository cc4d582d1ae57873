//! Where do bodies go that are the platform's and that we could not read? Aside, whole, until somebody looks.

use rusqlite::params;

use super::writer::Writer;
use crate::ports::store::{Quarantined, Row};

impl Writer {
    pub fn quarantine(&mut self, body: &Quarantined) -> Result<Row, rusqlite::Error> {
        self.db
            .prepare_cached(
                "INSERT INTO quarantine (account, received, code, detail, query, content_type, key_ids, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                body.account,
                body.received,
                body.code,
                body.detail,
                body.query,
                body.content_type,
                body.key_ids,
                body.body,
            ])?;
        Ok(self.db.last_insert_rowid())
    }

    pub fn release_quarantined(&mut self, row: Row) -> Result<(), rusqlite::Error> {
        self.db
            .prepare_cached("DELETE FROM quarantine WHERE row = ?1")?
            .execute([row])?;
        Ok(())
    }
}
