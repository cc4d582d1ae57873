//! What happens around one attempt? Read, offer, commit what the core said, tell the turn, and take the next.

use std::sync::Arc;

use super::{
    Inner,
    gate::Turn,
    lanes::Job,
    ledger::Ledger,
    log::Throttle,
    state::{BATCH, Moment, Settled, Step},
};
use crate::{
    observe::Observer,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        core::{Answer, CoreLink, Offer, Outcome},
        store::{NewMessage, StoreError, Stored, Take, Took},
        turn::{Prepared, Replies, Windows},
    },
};

/// How long a conversation rests when our own store is the trouble.
const STORE_REST: Millis = 1_000;
/// Waits between attempts to commit what a core has already taken.
const COMMIT_WAITS: [Millis; 4] = [20, 100, 500, 2_000];

/// Everything an attempt needs.
pub struct Tools {
    pub inner: Arc<Inner>,
    pub ledger: Arc<dyn Ledger>,
    pub windows: Arc<dyn Windows>,
    pub replies: Arc<dyn Replies>,
    pub link: Arc<dyn CoreLink>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub observer: Arc<Observer>,
    pub throttle: Throttle,
}

/// Works until its core has nothing more that may begin.
pub async fn work(tools: Arc<Tools>, job: Job) {
    let mut next = Some(job);
    while let Some(job) = next {
        let slot = job.slot;
        let mut desk = Desk {
            now: tools.clock.now(),
            tools: &tools,
            job,
            awaited: false,
        };
        desk.handle().await;
        drop(desk);
        let now = tools.clock.now();
        let mut state = tools.inner.lock();
        next = state.next(slot, now);
        if state.has_more(slot, now) || next.is_none() {
            tools.inner.wake.notify_one();
        }
    }
}

/// One job in hand. If it is dropped before its end (a fault in us), its conversation rests and goes on.
struct Desk<'a> {
    tools: &'a Tools,
    job: Job,
    now: Millis,
    /// The platform's request was open when the event was offered.
    awaited: bool,
}

impl Drop for Desk<'_> {
    fn drop(&mut self) {
        if !self.job.settled {
            let later = Settled::Later(self.now.saturating_add(STORE_REST));
            self.tools.inner.lock().settle(&mut self.job, later);
        }
    }
}

impl Desk<'_> {
    async fn handle(&mut self) {
        let Some(stored) = self.event().await else { return };
        let outcome = self.offer(&stored).await;
        let why = outcome.why().to_owned();
        let result = result(&outcome);
        let moment = Moment {
            now: self.tools.clock.now(),
            draw: self.tools.chance.fraction(),
        };
        let (step, turn) = self.judge(&stored, outcome, moment);
        self.tell(turn, &why);
        let parked = matches!(step, Step::Park(_));
        self.tools.observer.offered(
            &self.job.core.name,
            stored.event.head().id,
            self.job.attempt,
            if parked { "parked" } else { result },
            (moment.now - self.now) as f64,
        );
        match step {
            Step::Take(answer) => self.take(&stored, answer).await,
            Step::Park(reason) => self.park(&stored, reason).await,
            Step::Leave => self.warn(result, &why),
        }
    }

    /// What comes of it; where the core is free again, another worker goes on while this one commits.
    fn judge(&mut self, stored: &Stored, outcome: Outcome, moment: Moment) -> (Step, Turn) {
        let mut state = self.tools.inner.lock();
        let judged = state.judge(&mut self.job, stored, outcome, moment);
        if self.job.taken && state.has_more(self.job.slot, moment.now) {
            self.tools.inner.wake.notify_one();
        }
        judged
    }

    /// The event to offer: from memory, else from the store.
    async fn event(&mut self) -> Option<Arc<Stored>> {
        if let Some(stored) = &self.job.stored {
            return Some(stored.clone());
        }
        match self.tools.ledger.pending(self.job.conversation, BATCH).await {
            Ok(batch) => {
                let mut state = self.tools.inner.lock();
                if !state.filled(&mut self.job, batch) {
                    state.settle(&mut self.job, Settled::Empty);
                }
                self.job.stored.clone()
            }
            Err(error) => {
                self.rest(&error, "reading");
                None
            }
        }
    }

    async fn offer(&mut self, stored: &Stored) -> Outcome {
        let passive = self.tools.windows.look(stored.event.head().id);
        self.awaited = passive.is_some();
        let offer = Offer {
            event: &stored.event,
            attempt: self.job.attempt,
            passive,
            replay: None,
            now: self.tools.clock.now(),
        };
        self.tools.link.offer(&self.job.core, offer).await
    }

    /// Commits acceptance and replies together.
    async fn take(&mut self, stored: &Stored, answer: Answer) {
        let mut prepared: Option<Box<dyn Prepared>> = None;
        if !answer.replies.is_empty() {
            prepared = Some(self.tools.replies.prepare(stored, answer.replies).await);
        }
        let messages = prepared.as_ref().map(|prepared| prepared.messages());
        match self.commit(stored, messages.unwrap_or_default()).await {
            Ok(took) => {
                if let Some(prepared) = prepared {
                    prepared.committed(&took);
                }
                // After the hand-over: what was to ride in it has gone, and what goes by the API must not hold it open.
                if !answer.keep_window {
                    self.tools.windows.close(stored.event.head().id);
                }
                let row = stored.row;
                self.tools.inner.lock().settle(&mut self.job, Settled::Taken { row });
            }
            Err(error) => {
                if let Some(prepared) = prepared {
                    prepared.abandoned();
                }
                self.rest(&error, "committing");
            }
        }
    }

    /// The core has taken the event: a store that is busy is worth waiting for, because the alternative is to offer it twice.
    async fn commit(&self, stored: &Stored, replies: Vec<NewMessage>) -> Result<Took, StoreError> {
        let mut waits = COMMIT_WAITS.iter();
        loop {
            let take = Take {
                conversation: stored.conversation,
                row: stored.row,
                seq: stored.event.head().seq,
                replies: replies.clone(),
                hurries: self.awaited || !replies.is_empty(),
            };
            match (self.tools.ledger.take(take).await, waits.next()) {
                (Err(_), Some(wait)) => self.tools.clock.sleep_until(self.tools.clock.now() + wait).await,
                (result, _) => return result,
            }
        }
    }

    async fn park(&mut self, stored: &Stored, reason: String) {
        match self.tools.ledger.park(stored, reason.clone()).await {
            Ok(gap) => {
                self.tools.windows.close(stored.event.head().id);
                self.warn("parked", &reason);
                let row = stored.row;
                self.tools
                    .inner
                    .lock()
                    .settle(&mut self.job, Settled::Replaced { row, gap });
            }
            Err(error) => self.rest(&error, "parking"),
        }
    }

    /// Our own store is the trouble: neither event nor core is to blame.
    fn rest(&mut self, error: &StoreError, doing: &'static str) {
        let now = self.tools.clock.now();
        if let Some(left_out) = self.tools.throttle.permits(self.job.slot, doing, now) {
            tracing::error!(core = %self.job.core.name, %error, left_out, "the store failed while {doing}");
        }
        // What we have of it may be what the store does not have any more.
        let later = Settled::Afresh(now.saturating_add(STORE_REST));
        self.tools.inner.lock().settle(&mut self.job, later);
    }

    fn warn(&self, result: &'static str, why: &str) {
        // A core that is down was announced when it went down.
        if result == "down" {
            return;
        }
        if let Some(left_out) = self
            .tools
            .throttle
            .permits(self.job.slot, result, self.tools.clock.now())
        {
            tracing::warn!(core = %self.job.core.name, why, left_out, "an event was not taken: {result}");
        }
    }

    /// One line when a core falls, one when it is back.
    fn tell(&self, turn: Turn, why: &str) {
        let core = &self.job.core.name;
        let waiting = || self.tools.inner.lock().waiting_for(self.job.slot);
        match turn {
            Turn::WentDown => tracing::warn!(%core, why, waiting = waiting(), "core is down, its events wait"),
            Turn::Back => tracing::info!(%core, waiting = waiting(), "core is back"),
            Turn::Slowed | Turn::Nothing => {}
        }
    }
}

/// The result as metrics name it.
fn result(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Taken(_) => "taken",
        Outcome::Again { .. } | Outcome::Refused { .. } | Outcome::Failed { .. } => "retry",
        Outcome::Park { .. } => "parked",
        Outcome::Slow { .. } => "slow",
        Outcome::Down { .. } => "down",
    }
}
