//! Where do files lie, and how do they come and go? Streamed to disk, found again by a handle that nobody can guess.
//!
//! ```text
//! write    how do bytes reach the disk?
//! sniff    what kind of file is it?
//! sweep    which files go?
//! links    who may read one without a token?
//! inbound  which files belong to a message, and by which handles?
//! fetch    how do files come that customers sent?
//! ```
//! A file is named by the SHA-256 of its bytes, so that what comes twice lies there once; a handle is a record that points
//! at it.

pub mod fetch;
pub mod inbound;
pub mod links;
mod sniff;
mod sweep;
mod write;

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::Stream;
use tokio::sync::RwLock;

pub use sniff::{ending, kind, sniff};
pub use write::Unkept;

use crate::{
    error::Fault,
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
    /// When it came, or was last needed.
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
    /// What a file without a name is called, before its ending; empty = it stays without.
    pub stem: String,
}

/// The files below `dir/media`.
pub struct Library {
    dir: PathBuf,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    /// Free bytes that files leave on the disk.
    reserve: AtomicU64,
    /// Held to read while a file gets its name and its record, to write while files are removed: nothing is removed between
    /// the two.
    shelf: RwLock<()>,
    heard: OnceLock<Arc<fetch::Heard>>,
}

/// Where a file is.
#[derive(Debug)]
pub enum Whereabouts {
    Here(Found),
    /// A customer of this account sent it, and it is not here yet.
    Coming(String),
    /// There is none, or none any more.
    Unknown,
}

impl Library {
    /// Files of the state folder `state`.
    pub fn new(state: &Path, store: Arc<dyn Store>, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Arc<Self> {
        Arc::new(Self {
            dir: state.join("media"),
            store,
            clock,
            chance,
            reserve: AtomicU64::new(0),
            shelf: RwLock::default(),
            heard: OnceLock::new(),
        })
    }

    /// No file is taken that would leave less than this free on the disk: events need it more.
    pub fn leave_free(&self, bytes: u64) {
        self.reserve.store(bytes, Ordering::Relaxed);
    }

    /// Takes a file in, under a new handle. Durable, bytes first, when this returns.
    pub async fn put<S, B, E>(&self, label: Label, bytes: S) -> Result<v1::Media, Fault>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]>,
        E: Display,
    {
        let handle = handle(&*self.chance);
        Ok(self.put_as(handle, label, bytes).await?)
    }

    /// The same, under a handle that was given before.
    pub async fn put_as<S, B, E>(&self, handle: String, label: Label, bytes: S) -> Result<v1::Media, Unkept>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]>,
        E: Display,
    {
        let draft = write::Draft::new(&self.dir, &*self.chance);
        let written = draft.write(bytes, self.reserve.load(Ordering::Relaxed)).await?;
        let mime = kind(&written.head, &label.name, &label.mime);
        let meta = Meta {
            name: called(label.name, &label.stem, &mime),
            mime,
            size: written.size,
            sha256: written.sha256,
            created: self.clock.now(),
            account: label.account,
        };
        let _shelved = self.shelf.read().await;
        draft.name(&self.content(&meta.sha256)).await?;
        self.record(&handle, &meta).await?;
        Ok(describe(handle, meta))
    }

    /// The file behind a handle; `None` where there is none (any more).
    pub async fn get(&self, handle: &str) -> Result<Option<Found>, StoreError> {
        // Handles are ours: whatever else is asked for never touches the disk.
        if !is_handle(handle) {
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
            path: self.content(&meta.sha256),
            meta,
        }))
    }

    /// A file that is needed now lives as long from here as one that came now.
    pub async fn renew(&self, handle: &str) -> Result<(), StoreError> {
        let _shelved = self.shelf.read().await;
        if let Some(mut found) = self.get(handle).await? {
            found.meta.created = self.clock.now();
            self.record(handle, &found.meta).await?;
        }
        Ok(())
    }

    /// The account whose customer sent the file behind a handle, while it is still on its way to us.
    async fn awaits(&self, handle: &str) -> Result<Option<String>, StoreError> {
        if !is_handle(handle) {
            return Ok(None);
        }
        match self.heard.get().and_then(|heard| heard.awaits(handle)) {
            Some(account) => Ok(Some(account)),
            None => fetch::awaited(&*self.store, handle).await,
        }
    }

    /// Where the file behind a handle is.
    pub async fn whereabouts(&self, handle: &str) -> Result<Whereabouts, StoreError> {
        // In this order: a file that comes in between is found.
        let awaited = self.awaits(handle).await?;
        Ok(match (self.get(handle).await?, awaited) {
            (Some(found), _) => Whereabouts::Here(found),
            (None, Some(account)) => Whereabouts::Coming(account),
            (None, None) => Whereabouts::Unknown,
        })
    }

    /// Files that a bell told of are known before they are noted.
    pub fn listen(&self, inbox: &fetch::Inbox) {
        // Whoever came first is heard.
        let _ = self.heard.set(inbox.heard());
    }

    async fn record(&self, handle: &str, meta: &Meta) -> Result<(), StoreError> {
        let put = RecordWrite::Put {
            space: SPACE,
            key: handle.to_owned(),
            value: serde_json::to_vec(meta).unwrap_or_default(),
        };
        self.store.write_records(vec![put]).await.map(|_| ())
    }

    fn content(&self, sha256: &str) -> PathBuf {
        self.dir.join(sha256.get(..2).unwrap_or("__")).join(sha256)
    }
}

/// A handle that nobody had before and nobody can guess.
pub fn handle(chance: &dyn Chance) -> String {
    let mut random = [0; 16];
    chance.fill(&mut random);
    hex(&random)
}

fn called(name: String, stem: &str, mime: &str) -> String {
    match (name.is_empty() && !stem.is_empty(), ending(mime)) {
        (true, Some(ending)) => format!("{stem}.{ending}"),
        (true, None) => stem.to_owned(),
        (false, _) => name,
    }
}

fn is_handle(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
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

#[cfg(test)]
mod tests;
