//! Where do files lie that a core wants to send? Streamed to disk, found again by a handle that nobody can guess.

pub mod links;
mod sniff;

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWriteExt as _;

pub use sniff::sniff;

use crate::{
    error::{Code, Fault},
    ports::{
        chance::{Chance, hex},
        clock::{Clock, Millis},
        store::{RecordWrite, Store, StoreError},
    },
    schema::v1,
};

/// No file is larger (`POST /v1/media`).
pub const MAX_BYTES: u64 = 200 << 20;
/// Where the records lie in the store.
const SPACE: &str = "media";

/// What is known of a stored file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Meta {
    pub name: String,
    pub mime: String,
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
    pub created: Millis,
    /// The account it was given for; empty = any.
    #[serde(default)]
    pub account: String,
}

/// A file found by its handle.
#[derive(Clone, Debug)]
pub struct Found {
    pub handle: String,
    pub meta: Meta,
    pub path: PathBuf,
}

/// What whoever brings a file says about it.
#[derive(Clone, Debug, Default)]
pub struct Label {
    pub name: String,
    /// Believed only where the bytes themselves do not tell.
    pub mime: String,
    pub account: String,
}

/// The files below `dir/media`.
pub struct Library {
    dir: PathBuf,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
}

impl Library {
    /// Files of the state folder `state`.
    pub fn new(state: &Path, store: Arc<dyn Store>, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Arc<Self> {
        Arc::new(Self {
            dir: state.join("media"),
            store,
            clock,
            chance,
        })
    }

    /// Takes a file in. Durable, bytes first, when this returns.
    pub async fn put<S, B, E>(&self, label: Label, bytes: S) -> Result<v1::Media, Fault>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]>,
        E: Display,
    {
        let mut random = [0; 16];
        self.chance.fill(&mut random);
        let handle = hex(&random);
        let path = self.path(&handle);
        let folder = path.parent().unwrap_or(&self.dir).to_owned();
        tokio::fs::create_dir_all(&folder).await.map_err(disk)?;
        let written = match write(&path, bytes).await {
            Ok(written) => written,
            Err(fault) => {
                // What remains of a broken upload is in nobody's way but the disk's.
                let _ = tokio::fs::remove_file(&path).await;
                return Err(fault);
            }
        };
        let meta = Meta {
            mime: sniff(&written.head).map_or(label.mime, str::to_owned),
            name: label.name,
            size: written.size,
            sha256: written.sha256,
            created: self.clock.now(),
            account: label.account,
        };
        let put = RecordWrite::Put {
            space: SPACE,
            key: handle.clone(),
            value: serde_json::to_vec(&meta).unwrap_or_default(),
        };
        self.store.write_records(vec![put]).await.map_err(store_fault)?;
        Ok(describe(handle, meta))
    }

    /// The file behind a handle; `None` where there is none (any more).
    pub async fn get(&self, handle: &str) -> Result<Option<Found>, StoreError> {
        // Handles are ours: whatever else is asked for never touches the disk.
        if handle.len() != 32 || !handle.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Ok(None);
        }
        let Some(record) = self.store.record(SPACE, handle).await? else {
            return Ok(None);
        };
        let Ok(meta) = serde_json::from_slice::<Meta>(&record) else {
            return Ok(None);
        };
        Ok(Some(Found {
            handle: handle.to_owned(),
            path: self.path(handle),
            meta,
        }))
    }

    /// Removes what is older than `keep`; says how many files went.
    pub async fn sweep(&self, keep: Millis) -> Result<u64, StoreError> {
        let oldest = self.clock.now() - keep;
        let mut gone = 0;
        for record in self.store.records(SPACE).await? {
            let stale = serde_json::from_slice::<Meta>(&record.value).map_or(true, |meta| meta.created < oldest);
            if stale {
                let delete = RecordWrite::Delete {
                    space: SPACE,
                    key: record.key.clone(),
                };
                self.store.write_records(vec![delete]).await?;
                let _ = tokio::fs::remove_file(self.path(&record.key)).await;
                gone += 1;
            }
        }
        Ok(gone)
    }

    fn path(&self, handle: &str) -> PathBuf {
        self.dir.join(handle.get(..2).unwrap_or("__")).join(handle)
    }
}

/// A stored file as the schema shows it.
pub fn describe(handle: String, meta: Meta) -> v1::Media {
    v1::Media {
        handle,
        mime: meta.mime,
        size: meta.size,
        sha256: meta.sha256,
        name: meta.name,
        state: v1::media::State::Ready as i32,
        ..Default::default()
    }
}

struct Written {
    size: u64,
    sha256: String,
    head: Vec<u8>,
}

async fn write<S, B, E>(path: &Path, bytes: S) -> Result<Written, Fault>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    E: Display,
{
    let mut file = tokio::fs::File::create_new(path).await.map_err(disk)?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let (mut size, mut head) = (0_u64, Vec::new());
    let mut bytes = std::pin::pin!(bytes);
    while let Some(part) = bytes.next().await {
        let part = part.map_err(|error| Fault::new(Code::InvalidRequest, format!("the upload broke off: {error}")))?;
        let part = part.as_ref();
        size += part.len() as u64;
        if size > MAX_BYTES {
            return Err(Fault::new(
                Code::BodyTooLarge,
                format!("a file has at most {MAX_BYTES} bytes"),
            ));
        }
        if head.len() < sniff::HEAD {
            head.extend_from_slice(&part[..part.len().min(sniff::HEAD - head.len())]);
        }
        digest.update(part);
        file.write_all(part).await.map_err(disk)?;
    }
    if size == 0 {
        return Err(Fault::new(Code::InvalidRequest, "the file is empty"));
    }
    file.sync_all().await.map_err(disk)?;
    Ok(Written {
        size,
        sha256: hex(digest.finish().as_ref()),
        head,
    })
}

fn disk(error: std::io::Error) -> Fault {
    Fault::new(Code::Overloaded, format!("the file cannot be written: {error}"))
}

fn store_fault(error: StoreError) -> Fault {
    Fault::new(Code::Overloaded, error.to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::{
        outbound::testing::MemoryStore,
        ports::{chance::SystemChance, clock::ManualClock},
    };

    fn library(dir: &Path) -> (Arc<Library>, ManualClock) {
        let clock = ManualClock::at(1_000_000);
        let store = MemoryStore::new(Arc::new(clock.clone()));
        let chance = Arc::new(SystemChance::default());
        (Library::new(dir, store, Arc::new(clock.clone()), chance), clock)
    }

    fn parts(parts: &[&'static [u8]]) -> impl Stream<Item = Result<&'static [u8], std::io::Error>> {
        stream::iter(parts.iter().copied().map(Ok).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn a_file_is_found_again_by_its_handle_and_its_bytes_tell_what_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let (library, _) = library(dir.path());
        let label = Label {
            name: "a.png".into(),
            mime: "text/plain".into(),
            account: String::new(),
        };
        let media = library
            .put(label, parts(&[b"\x89PNG\r\n", b"\x1a\nrest"]))
            .await
            .expect("stored");
        assert_eq!((media.mime.as_str(), media.size), ("image/png", 12));
        let found = library.get(&media.handle).await.expect("readable").expect("found");
        assert_eq!(std::fs::read(found.path).expect("readable"), b"\x89PNG\r\n\x1a\nrest");
        assert!(library.get("../../etc/passwd").await.expect("readable").is_none());
        assert!(library.get(&"0".repeat(32)).await.expect("readable").is_none());
    }

    #[tokio::test]
    async fn an_upload_that_breaks_off_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        let (library, _) = library(dir.path());
        let broken = stream::iter(vec![Ok(&b"abc"[..]), Err(std::io::Error::other("cut"))]);
        let refused = library.put(Label::default(), broken).await;
        assert_eq!(refused.map_err(|fault| fault.code), Err(Code::InvalidRequest));
        let empty = library.put(Label::default(), parts(&[])).await;
        assert_eq!(empty.map_err(|fault| fault.code), Err(Code::InvalidRequest));
        let files = std::fs::read_dir(dir.path().join("media"))
            .expect("readable")
            .flatten()
            .flat_map(|folder| std::fs::read_dir(folder.path()).expect("readable"))
            .count();
        assert_eq!(files, 0);
    }

    #[tokio::test]
    async fn a_sweep_removes_what_is_too_old() {
        let dir = tempfile::tempdir().expect("a folder");
        let (library, clock) = library(dir.path());
        let old = library.put(Label::default(), parts(&[b"old"])).await.expect("stored");
        clock.advance(std::time::Duration::from_secs(100));
        let new = library.put(Label::default(), parts(&[b"new"])).await.expect("stored");
        assert_eq!(library.sweep(50_000).await.expect("swept"), 1);
        assert!(library.get(&old.handle).await.expect("readable").is_none());
        assert!(library.get(&new.handle).await.expect("readable").is_some());
    }
}
