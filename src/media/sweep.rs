//! Which files go? Those past their time, and those that no handle points at (any more).

use std::{
    collections::HashSet,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Library, Meta, SPACE, write::DRAFTS};
use crate::ports::{
    clock::Millis,
    store::{RecordWrite, StoreError},
};

/// Handles forgotten in one commit.
const BATCH: usize = 500;
/// Nothing is written for longer; what lies there was left by a crash.
const DRAFT_LIVES: Duration = Duration::from_secs(24 * 3_600);

impl Library {
    /// Forgets handles that are older than `keep`, save those in `pinned`, and removes the files that none points at; says
    /// how many handles went.
    pub async fn sweep(&self, keep: Millis, pinned: &HashSet<String>) -> Result<u64, StoreError> {
        let _alone = self.shelf.write().await;
        let oldest = self.clock.now() - keep;
        let (mut live, mut stale) = (HashSet::new(), Vec::new());
        for record in self.store.records(SPACE).await? {
            match serde_json::from_slice::<Meta>(&record.value) {
                Ok(meta) if meta.created >= oldest || pinned.contains(&record.key) => {
                    live.insert(meta.sha256);
                }
                _ => stale.push(RecordWrite::Delete {
                    space: SPACE,
                    key: record.key,
                }),
            }
        }
        let gone = stale.len() as u64;
        // The record first: a file without one is found by the next sweep, a record without its file would be a lie.
        while !stale.is_empty() {
            let batch = stale.split_off(stale.len().saturating_sub(BATCH));
            self.store.write_records(batch).await?;
        }
        let dir = self.dir.clone();
        let removed = tokio::task::spawn_blocking(move || remove_all_but(&dir, &live)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, "files past their time could not be removed");
        }
        Ok(gone)
    }
}

fn remove_all_but(dir: &Path, live: &HashSet<String>) -> io::Result<()> {
    for folder in inside(dir)? {
        let drafts = folder.file_name() == Some(OsStr::new(DRAFTS));
        if !folder.is_dir() {
            continue;
        }
        for file in inside(&folder)? {
            let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
            let goes = if drafts { is_old(&file) } else { !live.contains(name) };
            if goes {
                std::fs::remove_file(&file)?;
            }
        }
    }
    Ok(())
}

fn inside(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_old(file: &Path) -> bool {
    let changed = file.metadata().and_then(|about| about.modified());
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|age| age > DRAFT_LIVES)
    })
}
