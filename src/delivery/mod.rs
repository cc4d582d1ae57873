//! How does the core hear of every event, in order, at least once? Lanes, a schedule, a breaker, and workers between them.
//!
//! One *lane* per conversation with something undelivered ([`lanes`]); one *gate* per core that says whether anything may
//! begin ([`gate`]); the *state* that ties them under one lock ([`state`]); *workers* that do what needs waiting
//! ([`worker`]). A fresh event of an idle conversation goes from the writer's hand to its core without a look into the
//! store; whatever does not fit into a bounded memory is read again when its turn comes, so that a core that is down
//! for a day costs disk and a few dozen bytes per conversation.

mod assign;
mod crew;
mod gate;
mod lanes;
pub mod ledger;
mod patience;
mod quiet;
mod replay;
pub(crate) mod schedule;
mod state;
#[cfg(test)]
mod tests;
mod worker;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

pub use assign::{Owners, assign};
pub use gate::CoreState;
pub use ledger::Ledger;
pub use patience::forget_old as forget_old_failures;
pub use replay::{Progress, Replay, ReplayError, Selection};
pub use state::Backlog;

use crate::{
    cores::Cores,
    observe::{Observer, Throttle},
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        core::CoreLink,
        store::{ConversationId, StoreError, Stored, Waiting},
        turn::{Replies, Windows},
    },
};
use crew::{Crew, Leader};
use quiet::Quiet;
use state::{Arrived, State};
use worker::Tools;

/// How long attempts in flight may go on after the order to stop; what is cut off is offered again by the next start.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait before the backlog is asked for again.
const LOAD_AGAIN: Millis = 1_000;

/// The two ends of delivery: where events go in, and what [`Deliverer`] is made of.
pub fn channel() -> (Handle, Inbox) {
    let inner = Arc::new(Inner::default());
    (Handle(inner.clone()), Inbox(inner))
}

/// What everybody else holds of delivery: cheap, and never blocks.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

/// What [`Deliverer::new`] takes.
pub struct Inbox(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    wake: Notify,
    windows: OnceLock<Arc<dyn Windows>>,
    clock: OnceLock<Arc<dyn Clock>>,
    quiet: Quiet,
}

impl Inner {
    /// Held for a few lookups at a time, never across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handle {
    /// A new event was committed; called in commit order.
    pub fn event(&self, stored: Arc<Stored>) {
        let bytes = lanes::cost(&stored);
        let arrived = self.0.lock().arrived(&stored, bytes);
        // A code dies before a back-off would end.
        let hurries = || {
            let windows = self.0.windows.get();
            stored.event.has_code() || windows.is_some_and(|it| it.look(stored.event.id()).is_some())
        };
        match arrived {
            Arrived::Behind | Arrived::HeldUp if hurries() => self.expedite(stored.conversation),
            Arrived::Queued | Arrived::Behind => self.0.wake.notify_one(),
            Arrived::HeldUp | Arrived::Waits => {}
        }
    }

    /// What waits of a conversation has another core now, or none.
    pub fn moved(&self, waiting: &Waiting) {
        self.0.lock().moved(waiting);
        self.0.wake.notify_one();
    }

    /// What waits in this conversation is offered at once: somebody waits for an answer.
    pub fn expedite(&self, conversation: ConversationId) {
        // Before there is a deliverer nobody can be late.
        let now = self.0.clock.get().map_or(0, |clock| clock.now());
        self.0.lock().expedite(conversation, now);
        self.0.wake.notify_one();
    }

    /// What waits, by core; a core's entry stays when nothing waits.
    pub fn backlog(&self) -> Vec<Backlog> {
        self.0.lock().backlog()
    }

    /// Looks at once whether a core is back. `false`: there is no such core.
    pub fn wake_core(&self, name: &str) -> bool {
        let known = self.0.lock().wake_core(name);
        self.0.wake.notify_one();
        known
    }

    /// How a core that we call stands; `None` for any other.
    pub fn core_state(&self, name: &str) -> Option<CoreState> {
        self.0.lock().core_state(name)
    }
}

/// What delivery is made of.
pub struct Parts {
    /// See [`ledger::of`].
    pub ledger: Arc<dyn Ledger>,
    pub windows: Arc<dyn Windows>,
    pub replies: Arc<dyn Replies>,
    pub cores: Cores,
    pub link: Arc<dyn CoreLink>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub observer: Arc<Observer>,
}

/// Offers every event to its core until it is told to stop.
pub struct Deliverer {
    tools: Arc<Tools>,
    cores: Cores,
}

impl Deliverer {
    pub fn new(parts: Parts, inbox: Inbox) -> Self {
        let inner = inbox.0;
        inner.lock().configure(&parts.cores, parts.clock.now());
        // An inbox is used up by one deliverer: it is never set twice.
        let _ = (
            inner.windows.set(parts.windows.clone()),
            inner.clock.set(parts.clock.clone()),
        );
        Self {
            cores: parts.cores,
            tools: Arc::new(Tools {
                inner,
                ledger: parts.ledger,
                windows: parts.windows,
                replies: parts.replies,
                link: parts.link,
                clock: parts.clock,
                chance: parts.chance,
                observer: parts.observer,
                throttle: Throttle::default(),
                crew: Crew::default(),
            }),
        }
    }

    /// A way to hand stored events out again while this runs.
    pub fn replay(&self) -> Replay {
        Replay::new(self.tools.clone(), self.cores.clone())
    }

    /// Runs until `stop` is ready, then lets attempts in flight end for a few seconds.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let _leader = Leader(&self.tools.crew);
        tokio::pin!(stop);
        tokio::select! {
            () = &mut stop => return,
            () = self.load() => {}
        }
        loop {
            let (jobs, wake_at) = self.tools.inner.lock().due(self.tools.clock.now());
            for job in jobs {
                worker::begin(&self.tools, job);
            }
            tokio::select! {
                () = &mut stop => break,
                () = self.tools.inner.wake.notified() => {}
                () = self.tools.clock.sleep_until(wake_at.unwrap_or(Millis::MAX)), if wake_at.is_some() => {}
            }
        }
        self.tools.inner.lock().stop();
        let mut workers = self.tools.crew.dismiss();
        let ended = async {
            while workers.join_next().await.is_some() {}
            while self.tools.inner.lock().is_committing() {
                self.tools.inner.wake.notified().await;
            }
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::info!("attempts in flight were cut off; their events are offered again");
        }
    }

    async fn what_waits(&self) -> Result<(Vec<Waiting>, HashMap<String, Millis>), StoreError> {
        let ledger = &self.tools.ledger;
        Ok((ledger.backlog().await?, ledger.failing().await?))
    }

    async fn load(&self) {
        loop {
            match self.what_waits().await {
                Ok((waiting, failing)) => return self.tools.inner.lock().load(waiting, failing),
                Err(error) => tracing::error!(%error, "the backlog cannot be read, trying again"),
            }
            let again = self.tools.clock.now().saturating_add(LOAD_AGAIN);
            self.tools.clock.sleep_until(again).await;
        }
    }
}
