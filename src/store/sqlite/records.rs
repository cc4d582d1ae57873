//! How are small things kept by name? All writes of one call commit together.

use rusqlite::params;

use super::writer::Writer;
use crate::ports::store::RecordWrite;

impl Writer {
    /// `false`: a `Create` met an existing key, and nothing of this call was written.
    pub fn write_records(&mut self, writes: &[RecordWrite]) -> Result<bool, rusqlite::Error> {
        for write in writes {
            if let RecordWrite::Create { space, key, .. } = write
                && self
                    .db
                    .prepare_cached("SELECT 1 FROM record WHERE space = ?1 AND key = ?2")?
                    .exists(params![space, key])?
            {
                return Ok(false);
            }
        }
        for write in writes {
            match write {
                RecordWrite::Put { space, key, value } | RecordWrite::Create { space, key, value } => self
                    .db
                    .prepare_cached("INSERT OR REPLACE INTO record (space, key, value) VALUES (?1, ?2, ?3)")?
                    .execute(params![space, key, value])?,
                RecordWrite::Delete { space, key } => self
                    .db
                    .prepare_cached("DELETE FROM record WHERE space = ?1 AND key = ?2")?
                    .execute(params![space, key])?,
            };
        }
        Ok(true)
    }
}
