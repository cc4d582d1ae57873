//! Is the whole database there? SQLite takes what lies behind a file's end for zeros where its log says how long the database
//! is, and so a file that was copied only in part opens, with holes.
//!
//! The log's form: <https://www.sqlite.org/fileformat.html#the_write_ahead_log>.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read as _},
    path::Path,
};

use rusqlite::Connection;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The pages that are neither in `file` nor in its log, as `(here, of all)`; `None`: all are there.
pub fn cut(db: &Connection, file: &Path) -> Result<Option<(u64, u64)>, rusqlite::Error> {
    let pragma = |name| {
        db.pragma_query_value(None, name, |row| row.get::<_, u32>(0))
            .map(u64::from)
    };
    let (size, all) = (pragma("page_size")?, pragma("page_count")?);
    let here = file.metadata().map_or(0, |found| found.len()) / size.max(1);
    if here >= all {
        return Ok(None);
    }
    let log = file.with_file_name(format!("{}-wal", super::open::FILE));
    let logged = logged(&log, size).unwrap_or_default();
    let whole = (here + 1..=all).all(|page| logged.contains(&page));
    Ok((!whole).then_some((here, all)))
}

/// The pages of the log's frames, up to the first that an earlier log left.
fn logged(log: &Path, size: u64) -> io::Result<HashSet<u64>> {
    let mut file = BufReader::new(File::open(log)?);
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    let salts = &header[16..24];
    let mut pages = HashSet::new();
    let mut frame = [0; FRAME_HEADER];
    while file.read_exact(&mut frame).is_ok() && &frame[8..16] == salts {
        let number = frame[..4].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        pages.insert(number);
        file.seek_relative(i64::try_from(size).unwrap_or(i64::MAX))?;
    }
    Ok(pages)
}
