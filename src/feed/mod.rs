//! How does a core pull its events? Page by page, from a cursor it holds, and it says up to where it has taken them.
//!
//! One machine behind `GET /v1/events`, `FetchEvents`, `POST /v1/events/ack` and `AckEvents`; it knows no transport. What
//! waits is in the store alone ([`crate::ports::feed`]); here are the cursors ([`cursor`]), the bell that ends a long
//! poll ([`bell`]), the bound on polls ([`seats`]), what is in the core's hand ([`handed`]), how a page comes about
//! ([`pulled`]), what the core gets ([`page`]), and which replays take no answer ([`quiet`]).

mod bell;
pub mod cursor;
mod handed;
mod page;
mod pulled;
mod quiet;
mod seats;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
};

use tokio::sync::Notify;

use bell::Bell;
pub use bell::Bells;
use cursor::{Bad, Cursors};
use handed::Handed;
pub use pulled::PAGE;
use quiet::Quiet;
pub use seats::SEATS;
use seats::Seats;

use crate::{
    api_tokens::{ApiToken, Scope},
    cores::{Core, Cores, Kind, glob},
    error::Code,
    observe::Observer,
    ports::{
        clock::{Clock, Millis},
        feed::{Ask, FeedStore, Gauge, Place, Position},
        store::{Row, StoreError},
        turn::Windows,
    },
    schema::v1::{AckEventsRequest, AckEventsResponse},
};

/// The longest wait for an event.
pub const WAIT_MOST: Millis = 30_000;
/// Who has not asked for so long is not there.
const SILENT: Millis = 60_000;

/// Why a core gets no page, or its acknowledgement is not taken. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// `INVALID_REQUEST`
    #[error("{0}")]
    Invalid(String),
    /// `FORBIDDEN`
    #[error("{0}")]
    Forbidden(String),
    /// `NOT_FOUND`
    #[error("{0}")]
    NotFound(String),
    /// `CURSOR_TOO_OLD`
    #[error("the cursor is older than what is kept, or of another life of the store; go on from oldestAvailable")]
    TooOld { oldest_available: String },
    /// `OVERLOADED` by this token alone: `RESOURCE_EXHAUSTED`, 429.
    #[error("{SEATS} requests for events are open with this token, which is as many as it may have")]
    TooMany { retry_after_seconds: u32 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    pub fn code(&self) -> Code {
        match self {
            Refusal::Invalid(_) => Code::InvalidRequest,
            Refusal::Forbidden(_) => Code::Forbidden,
            Refusal::NotFound(_) => Code::NotFound,
            Refusal::TooOld { .. } => Code::CursorTooOld,
            Refusal::TooMany { .. } | Refusal::Store(_) => Code::Overloaded,
        }
    }
}

/// What the feeds are made of.
pub struct Parts {
    pub store: Arc<dyn FeedStore>,
    pub cores: Cores,
    pub cursors: Cursors,
    pub windows: Arc<dyn Windows>,
    pub bells: Bells,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<Observer>,
}

/// The feeds of all cores that pull.
pub struct Feeds {
    parts: Parts,
    feeds: Vec<Feed>,
    seats: Seats,
    closing: AtomicBool,
    closed: Notify,
}

/// One core's.
struct Feed {
    core: Core,
    gauge: Arc<Gauge>,
    bell: Bell,
    /// Rings with each acknowledgement.
    acked: Notify,
    handed: Mutex<Handed>,
    /// Replays that take no answer.
    quiet: Quiet,
    /// 0 = not since the start.
    last_fetch: AtomicI64,
    last_ack: AtomicI64,
    polling: AtomicU32,
}

/// How a core that pulls stands, for operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub waiting: u64,
    pub oldest: Option<Millis>,
    /// Requests for events that are open now.
    pub polling: u32,
    pub last_fetch: Option<Millis>,
    pub last_ack: Option<Millis>,
    /// It asks, or asked a moment ago. `None`: it has not asked since the start, which is a moment ago.
    pub here: Option<bool>,
}

/// Whether a token of these globs (none = every account) sees every account of a core of those. A star of the core's own
/// pattern must lie inside a star of the token's: then whatever it stands for does too.
fn sees_all(globs: &[String], of_core: &[String]) -> bool {
    let covered = |pattern: &str| globs.iter().any(|own| glob(own, pattern));
    globs.is_empty()
        || (of_core.is_empty() && covered("*"))
        || (!of_core.is_empty() && of_core.iter().all(|it| covered(it)))
}

impl Feed {
    fn handed(&self) -> MutexGuard<'_, Handed> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts an open request.
struct Polling<'a>(&'a Feed);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.polling.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feeds {
    /// Opens a feed for every core of that kind. Before anything is given to a core, and after cores that vanished were
    /// settled with.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, StoreError> {
        let pulling: Vec<Core> = parts
            .cores
            .0
            .iter()
            .filter(|core| core.kind == Kind::Feed)
            .cloned()
            .collect();
        let names: Vec<Arc<str>> = pulling.iter().map(|core| core.name.clone()).collect();
        let gauges = parts.store.open_feeds(names.clone()).await?;
        let bells = parts.bells.hang(names.into_iter());
        let mut feeds = Vec::with_capacity(pulling.len());
        for ((core, gauge), bell) in pulling.into_iter().zip(gauges).zip(bells) {
            let ask = Ask {
                core: core.name.clone(),
                after: None,
                limit: 1,
                bytes: 0,
            };
            let place = parts.store.feed_page(ask).await?.place;
            feeds.push(Feed {
                core,
                gauge,
                bell,
                acked: Notify::new(),
                handed: Mutex::default(),
                quiet: Quiet::default(),
                last_fetch: AtomicI64::new(0),
                last_ack: AtomicI64::new(place.taken_at.unwrap_or(0)),
                polling: AtomicU32::new(0),
            });
        }
        Ok(Arc::new(Self {
            parts,
            feeds,
            seats: Seats::default(),
            closing: AtomicBool::new(false),
            closed: Notify::new(),
        }))
    }

    /// Everything up to the cursor is taken, and its windows are closed unless they are to be kept.
    pub async fn ack(&self, caller: &ApiToken, request: AckEventsRequest) -> Result<AckEventsResponse, Refusal> {
        let feed = self.feed_of(caller, &request.core)?;
        if request.cursor.is_empty() {
            return Err(Refusal::Invalid(
                "cursor is missing: the next of the page that was taken".to_owned(),
            ));
        }
        let through = self.position(feed, &request.cursor).await?;
        let taken = self.parts.store.feed_take(feed.core.name.clone(), through).await?;
        let now = self.parts.clock.now();
        feed.last_ack.store(now, Ordering::Relaxed);
        feed.acked.notify_waiters();
        feed.quiet.taken(through, now);
        let (events, windows) = feed.handed().taken(through, request.keep_window, now);
        for event_id in windows {
            self.parts.windows.close(&event_id);
        }
        for held in &events {
            let millis = (now - held.first) as f64;
            let (core, attempt) = (&feed.core.name, held.attempt);
            self.parts
                .observer
                .offered(core, &held.event_id, attempt, "taken", millis);
        }
        // What was handed out by an earlier run, or long ago, is counted all the same.
        let others = taken.entries.saturating_sub(events.len() as u64);
        let counter = &self.parts.observer.metrics.deliveries;
        counter.with_label_values(&[&*feed.core.name, "taken"]).inc_by(others);
        Ok(AckEventsResponse {
            committed: self.parts.cursors.write(&feed.core.name, taken.place.taken),
        })
    }

    fn named(&self, core: &str) -> Option<&Feed> {
        self.feeds.iter().find(|feed| &*feed.core.name == core)
    }

    /// This replay's events may be answered.
    pub fn allow_replies(&self, core: &str, replay: &str) {
        if let Some(feed) = self.named(core) {
            feed.quiet.open(replay);
        }
    }

    /// Whether this core's reply to an event answers a replay that takes no answers.
    pub fn refuses_reply(&self, core: &str, event_id: &str) -> bool {
        let now = self.parts.clock.now();
        self.named(core).is_some_and(|feed| feed.quiet.refuses(event_id, now))
    }

    /// Replies to a replay that were refused since the start.
    pub fn replies_refused(&self, core: &str, replay: &str) -> u64 {
        self.named(core).map_or(0, |feed| feed.quiet.refused(replay))
    }

    /// Puts stored events into a core's feed once more, and waits until they are taken. `false`: the house closed first.
    pub async fn again(&self, core: &str, replay: &str, events: Vec<Row>) -> Result<bool, StoreError> {
        let Some(feed) = self.named(core) else {
            return Ok(true);
        };
        let name = feed.core.name.clone();
        let last = self.parts.store.feed_again(name, events, replay.to_owned()).await?;
        feed.bell.ring();
        loop {
            let (taken, closed) = (feed.acked.notified(), self.closed.notified());
            tokio::pin!(taken, closed);
            taken.as_mut().enable();
            closed.as_mut().enable();
            if self.place(feed).await?.taken >= last {
                return Ok(true);
            }
            if self.closing.load(Ordering::Acquire) {
                return Ok(false);
            }
            tokio::select! {
                () = taken => {}
                () = closed => {}
            }
        }
    }

    async fn place(&self, feed: &Feed) -> Result<Place, StoreError> {
        let ask = Ask {
            core: feed.core.name.clone(),
            after: None,
            limit: 1,
            bytes: 0,
        };
        Ok(self.parts.store.feed_page(ask).await?.place)
    }

    /// How a core stands; `None`: it does not pull.
    pub fn standing(&self, core: &str) -> Option<Standing> {
        let feed = self.named(core)?;
        let some = |at: &AtomicI64| Some(at.load(Ordering::Relaxed)).filter(|at| *at != 0);
        let polling = feed.polling.load(Ordering::Relaxed);
        let last_fetch = some(&feed.last_fetch);
        let now = self.parts.clock.now();
        Some(Standing {
            waiting: feed.gauge.waiting(),
            oldest: feed.gauge.oldest(),
            polling,
            last_fetch,
            last_ack: some(&feed.last_ack),
            here: last_fetch.map(|at| polling > 0 || now - at < SILENT),
        })
    }

    /// The cores that pull.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.feeds.iter().map(|feed| &feed.core.name)
    }

    /// Whoever waits is answered now; nobody waits from now on.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.closed.notify_waiters();
    }

    // ───────────── who asks, and from where ─────────────

    /// The feed that this token may pull.
    fn feed_of(&self, caller: &ApiToken, core: &str) -> Result<&Feed, Refusal> {
        let own = caller.core.as_deref();
        let named = match (core, own) {
            ("", Some(own)) => own,
            ("", None) => match &*self.feeds {
                [only] => &only.core.name,
                _ => {
                    return Err(Refusal::Invalid(
                        "core is missing: the name of a [[core]] of kind \"feed\"".to_owned(),
                    ));
                }
            },
            (core, Some(own)) if core != own => {
                return Err(Refusal::Forbidden(format!(
                    "this token speaks for core {own}, not for {core}"
                )));
            }
            (core, _) => core,
        };
        if !matches!(caller.scope, Scope::Core | Scope::Operator) {
            return Err(Refusal::Forbidden("a token of scope core pulls events".to_owned()));
        }
        let feed = self.named(named).ok_or_else(|| self.no_feed(named))?;
        // Whatever it does not see would be taken with the rest.
        if !sees_all(&caller.accounts, &feed.core.matches.accounts) {
            return Err(Refusal::Forbidden(
                "this token sees some accounts only, and a feed holds those of all: pull with a token without --accounts".to_owned(),
            ));
        }
        Ok(feed)
    }

    fn no_feed(&self, core: &str) -> Refusal {
        match self.parts.cores.named(core) {
            Some(_) => Refusal::Invalid(format!(
                "events are pushed to core {core}; only one of kind \"feed\" pulls"
            )),
            None => Refusal::NotFound(format!("no core {core:?} is configured")),
        }
    }

    async fn position(&self, feed: &Feed, cursor: &str) -> Result<Position, Refusal> {
        match self.parts.cursors.read(&feed.core.name, cursor) {
            Ok(position) => Ok(position),
            Err(Bad::Forged) => Err(Refusal::Invalid(format!(
                "the cursor was not handed out to core {}",
                feed.core.name
            ))),
            Err(Bad::OtherLife) => {
                let oldest = self.place(feed).await?.oldest;
                Err(self.too_old(feed, oldest))
            }
        }
    }

    fn too_old(&self, feed: &Feed, oldest: Position) -> Refusal {
        Refusal::TooOld {
            oldest_available: self.parts.cursors.write(&feed.core.name, oldest),
        }
    }
}
