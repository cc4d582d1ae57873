//! How does a core read what waits for it, page by page? The durable middle, seen from a feed.
//!
//! A feed is the line of everything that one core has to take. Each entry has a *position*; positions grow in commit
//! order, so that nothing ever appears behind one that was handed out.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use async_trait::async_trait;

use super::{
    clock::Millis,
    store::{Row, StoreError},
};
use crate::schema::Written;

/// A place in a feed. Never given out twice.
pub type Position = i64;

/// How much waits in one feed: told by the store with each commit, read by whoever wants to know.
#[derive(Debug, Default)]
pub struct Gauge {
    waiting: AtomicU64,
    /// Of no meaning while nothing waits.
    oldest: AtomicI64,
}

impl Gauge {
    pub fn set(&self, waiting: u64, oldest: Millis) {
        self.oldest.store(oldest, Ordering::Relaxed);
        self.waiting.store(waiting, Ordering::Release);
    }

    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }

    /// When the first of what waits was accepted.
    pub fn oldest(&self) -> Option<Millis> {
        (self.waiting() > 0).then(|| self.oldest.load(Ordering::Relaxed))
    }
}

/// Where a feed stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Everything up to here was taken.
    pub taken: Position,
    /// When that was said last.
    pub taken_at: Option<Millis>,
    /// Something up to here is forgotten: whoever stands before it does not learn any more what it was.
    pub oldest: Position,
}

/// One entry of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub position: Position,
    /// As stored: `offer` unset, `raw` where we have it.
    pub event: Written,
    /// Set where it was put there again.
    pub replay: Option<String>,
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Ask {
    pub core: Arc<str>,
    /// `None`: behind what was taken.
    pub after: Option<Position>,
    pub limit: usize,
    /// Encoded size after which no further event is added; the first one always fits.
    pub bytes: usize,
}

/// What was read, as of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeedPage {
    /// In order. Empty where `after` stands before [`Place::oldest`].
    pub items: Vec<Item>,
    /// Everything up to here is in this page or was before it.
    pub next: Position,
    /// There is more to read now; the page may be empty all the same.
    pub more: bool,
    pub place: Place,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedTaken {
    /// Entries that were waiting.
    pub entries: u64,
    pub place: Place,
}

/// The store, as a feed sees it. Whatever commits an event puts it into its core's feed in the same transaction.
#[async_trait]
pub trait FeedStore: Send + Sync + 'static {
    /// Says which cores have a feed. One that is new gets everything that waits for it; one that is not named any more is
    /// forgotten. What waits in each, in the order asked for.
    async fn open_feeds(&self, cores: Vec<Arc<str>>) -> Result<Vec<Arc<Gauge>>, StoreError>;
    async fn feed_page(&self, ask: Ask) -> Result<FeedPage, StoreError>;
    /// Everything up to there is taken; said again, nothing happens.
    async fn feed_take(&self, core: Arc<str>, through: Position) -> Result<FeedTaken, StoreError>;
    /// Sets aside what waits there; a Gap takes its place in its conversation. `false`: nothing waits there any more.
    async fn feed_park(&self, core: Arc<str>, position: Position, reason: String) -> Result<bool, StoreError>;
    /// Puts stored events into the feed once more, in this order, marked with the replay's id. Those that are gone
    /// meanwhile are left out; where the last one stands.
    async fn feed_again(&self, core: Arc<str>, events: Vec<Row>, replay: String) -> Result<Position, StoreError>;
}
