//! How is a replay run? Pushed by delivery, or put into a feed once more.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;

use crate::{
    delivery::{self, Progress, ReplayError, Selection},
    error::{Code, Fault},
    feed::Feeds,
    ports::store::{EventQuery, Row, Store, StoreError},
    web::needs::{ReplayCount, ReplayRun, ReplayWish, Replays},
};

struct PushedReplay {
    replay: delivery::Replay,
    core: String,
    selection: Selection,
    progress: Arc<Progress>,
}

/// Replays by either way.
pub struct Again {
    pub pushed: delivery::Replay,
    pub pulled: Arc<Feeds>,
    pub store: Arc<dyn Store>,
}

impl Replays for Again {
    fn prepare(&self, wish: ReplayWish) -> Result<Arc<dyn ReplayRun>, Fault> {
        if self.pulled.standing(&wish.core).is_some() {
            return Ok(Arc::new(PulledReplay {
                feeds: self.pulled.clone(),
                store: self.store.clone(),
                wish,
                id: OnceLock::new(),
                taken: AtomicU64::new(0),
            }));
        }
        Ok(Arc::new(PushedReplay {
            replay: self.pushed.clone(),
            core: wish.core,
            selection: Selection {
                key: wish.conversation,
                from: wish.from,
                to: wish.to,
                allow_replies: wish.allow_replies,
            },
            progress: Arc::default(),
        }))
    }
}

#[async_trait]
impl ReplayRun for PushedReplay {
    async fn run(&self, id: &str) -> Result<(), Fault> {
        let ended = self.replay.run(&self.core, id, &self.selection, &self.progress).await;
        ended.map_err(|error| {
            let code = match &error {
                ReplayError::NoCore(_) => Code::InvalidRequest,
                ReplayError::Store(_) => Code::Overloaded,
                ReplayError::NotTaken { .. } => Code::CoreUnreachable,
            };
            Fault::new(code, error.to_string())
        })
    }

    fn count(&self) -> ReplayCount {
        ReplayCount {
            taken: self.progress.taken.load(Ordering::Relaxed),
            passed_over: self.progress.passed_over.load(Ordering::Relaxed),
            replies_taken: self.progress.replies_taken.load(Ordering::Relaxed),
            replies_refused: self.progress.replies_refused.load(Ordering::Relaxed),
        }
    }
}

/// Events put into a feed once more.
struct PulledReplay {
    feeds: Arc<Feeds>,
    store: Arc<dyn Store>,
    wish: ReplayWish,
    id: OnceLock<String>,
    taken: AtomicU64,
}

/// Events put there at once.
const AGAIN: usize = 500;

#[async_trait]
impl ReplayRun for PulledReplay {
    async fn run(&self, id: &str) -> Result<(), Fault> {
        if self.wish.allow_replies {
            self.feeds.allow_replies(&self.wish.core, id);
        }
        let _ = self.id.set(id.to_owned());
        let mut query = EventQuery {
            key: self.wish.conversation.clone(),
            core: Some(self.wish.core.clone()),
            from: self.wish.from,
            to: self.wish.to,
            limit: AGAIN,
            ..EventQuery::default()
        };
        let broken = |error: StoreError| Fault::new(Code::Overloaded, error.to_string());
        loop {
            let page = self.store.offered(query.clone()).await.map_err(broken)?;
            if page.events.is_empty() {
                return Ok(());
            }
            query.after = page.next;
            let rows: Vec<Row> = page.events.iter().map(|stored| stored.row).collect();
            // The next ones when these are taken: a feed holds no more of it than a core takes at a time.
            if !self.feeds.again(&self.wish.core, id, rows).await.map_err(broken)? {
                return Err(Fault::new(
                    Code::Overloaded,
                    "the bridge goes down before the core took all of it",
                ));
            }
            self.taken.fetch_add(page.events.len() as u64, Ordering::Relaxed);
        }
    }

    fn count(&self) -> ReplayCount {
        ReplayCount {
            taken: self.taken.load(Ordering::Relaxed),
            replies_refused: self
                .id
                .get()
                .map_or(0, |id| self.feeds.replies_refused(&self.wish.core, id)),
            ..ReplayCount::default()
        }
    }
}
