//! May we append? The reserve leaves room, and our files are still those that their names lead to.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::open::FILE;
use crate::ports::{clock::Millis, store::StoreError};

const CHECK_EVERY: Millis = 1_000;

/// What the disk says: the reserve, and whether our files are still those that their names lead to.
pub struct Disk {
    pub dir: PathBuf,
    pub reserve: u64,
    checked: Millis,
    /// The database and its log, by what cannot be given to another file while we hold them open.
    files: [(PathBuf, Option<(u64, u64)>); 2],
    short: Option<String>,
}

impl Disk {
    pub fn new(dir: PathBuf, reserve: u64) -> Self {
        let file = |name: String| {
            let path = dir.join(name);
            let known = identity(&path);
            (path, known)
        };
        Self {
            files: [file(FILE.to_owned()), file(format!("{FILE}-wal"))],
            dir,
            reserve,
            checked: 0,
            short: None,
        }
    }

    /// Looked at once a second at most.
    pub fn check(&mut self, now: Millis) -> Result<(), StoreError> {
        if now.abs_diff(self.checked) >= CHECK_EVERY.unsigned_abs() {
            self.checked = now;
            self.short = self.replaced().or_else(|| self.full());
        }
        self.short
            .clone()
            .map_or(Ok(()), |why| Err(StoreError::CannotAppend(why)))
    }

    fn full(&self) -> Option<String> {
        match rustix::fs::statvfs(&self.dir) {
            Ok(found) => {
                let free = found.f_bavail.saturating_mul(found.f_frsize);
                (free < self.reserve).then(|| format!("{free} bytes free, the reserve is {}", self.reserve))
            }
            Err(error) => Some(format!("cannot look at the disk: {error}")),
        }
    }

    /// Somebody removed or replaced a file that we write to: what is committed there is gone with the process.
    fn replaced(&mut self) -> Option<String> {
        for (path, known) in &mut self.files {
            let found = identity(path);
            if known.is_none() {
                // The log is made with the first commit.
                *known = found;
            }
            if *known != found {
                let path = path.display();
                return Some(format!(
                    "{path} was removed or replaced under the running daemon, which writes into a file without a name: bring it back or restart"
                ));
            }
        }
        None
    }
}

/// Device and number of the file that a path leads to.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}
