//! How do bytes reach the disk? Piece by piece, counted, digested, synced, and under no name before they are all there.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWriteExt as _;

use super::{MAX_BYTES, sniff};
use crate::{
    error::{Code, Fault},
    ports::{
        chance::{Chance, hex},
        store::StoreError,
    },
};

/// After this many bytes it is looked again whether the disk has room.
const LOOK_EVERY: u64 = 8 << 20;
/// Where files lie that are not whole yet.
pub(super) const DRAFTS: &str = "drafts";

/// Why a file was not kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unkept {
    #[error("a file has at most {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the upload broke off: {0}")]
    Broken(String),
    #[error("the file is empty")]
    Empty,
    #[error("the file cannot be written: {0}")]
    Disk(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unkept> for Fault {
    fn from(why: Unkept) -> Self {
        let code = match why {
            Unkept::TooLarge => Code::BodyTooLarge,
            Unkept::Broken(_) | Unkept::Empty => Code::InvalidRequest,
            Unkept::Disk(_) | Unkept::Store(_) => Code::Overloaded,
        };
        Fault::new(code, why.to_string())
    }
}

/// A file that is being written; gone when it is dropped without a name.
pub(super) struct Draft {
    path: PathBuf,
}

pub(super) struct Written {
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    /// Its first bytes.
    pub head: Vec<u8>,
}

impl Draft {
    pub fn new(dir: &Path, chance: &dyn Chance) -> Self {
        Self {
            path: dir.join(DRAFTS).join(super::handle(chance)),
        }
    }

    /// On disk, when this returns, with `reserve` bytes still free.
    pub async fn write<S, B, E>(&self, bytes: S, reserve: u64) -> Result<Written, Unkept>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]>,
        E: Display,
    {
        let mut file = self.create().await.map_err(disk)?;
        let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
        let (mut size, mut look, mut head) = (0_u64, 0, Vec::new());
        let mut bytes = std::pin::pin!(bytes);
        while let Some(part) = bytes.next().await {
            let part = part.map_err(|error| Unkept::Broken(error.to_string()))?;
            let part = part.as_ref();
            size += part.len() as u64;
            if size > MAX_BYTES {
                return Err(Unkept::TooLarge);
            }
            if size > look {
                self.room(reserve)?;
                look = size + LOOK_EVERY;
            }
            let missing = sniff::HEAD.saturating_sub(head.len());
            head.extend_from_slice(&part[..part.len().min(missing)]);
            digest.update(part);
            file.write_all(part).await.map_err(disk)?;
        }
        if size == 0 {
            return Err(Unkept::Empty);
        }
        settled(&mut file).await.map_err(disk)?;
        Ok(Written {
            size,
            sha256: hex(digest.finish().as_ref()),
            head,
        })
    }

    /// The file gets its name; one that lies there has the same bytes. The name is on disk when this returns.
    pub async fn name(&self, content: &Path) -> Result<(), Unkept> {
        let folder = content.parent().unwrap_or(content);
        tokio::fs::create_dir_all(folder).await.map_err(disk)?;
        tokio::fs::rename(&self.path, content).await.map_err(disk)?;
        let folder = tokio::fs::File::open(folder).await.map_err(disk)?;
        folder.sync_all().await.map_err(disk)
    }

    async fn create(&self) -> io::Result<tokio::fs::File> {
        if let Some(folder) = self.path.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        tokio::fs::File::create_new(&self.path).await
    }

    fn room(&self, reserve: u64) -> Result<(), Unkept> {
        let Ok(disk) = rustix::fs::statvfs(&self.path) else {
            return Ok(());
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        match free < reserve {
            true => Err(Unkept::Disk(format!("{free} bytes are free, the reserve is {reserve}"))),
            false => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // With its name it lies elsewhere already, and what stays behind is removed by the sweep.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// All that was written is on disk. A write that failed behind our back is told by the flush alone.
async fn settled(file: &mut tokio::fs::File) -> io::Result<()> {
    file.flush().await?;
    file.sync_all().await
}

fn disk(error: io::Error) -> Unkept {
    Unkept::Disk(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_that_failed_behind_our_back_is_told() {
        let mut file = tokio::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .await
            .expect("opened");
        file.write_all(b"the last piece").await.expect("taken in hand");
        let told = settled(&mut file).await.expect_err("the disk is full");
        assert_eq!(told.kind(), io::ErrorKind::StorageFull);
    }
}
