//! What happens around one attempt? Read, offer, commit what the core said, tell the turn, and take the next.

mod commit;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;

use super::{
    Inner,
    crew::Crew,
    gate::Turn,
    lanes::Job,
    ledger::Ledger,
    state::{BATCH, Moment, Settled, Step},
};
use crate::{
    observe::{Observer, Throttle},
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        core::{Answer, CoreLink, Offer, Outcome, Reply},
        store::{StoreError, Stored},
        turn::{Replies, Windows},
    },
};

/// How long a conversation rests when our own store is the trouble.
const STORE_REST: Millis = 1_000;

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
    /// By the core's slot and what happened.
    pub throttle: Throttle<(u16, &'static str)>,
    pub crew: Crew,
}

/// Begins a worker with this job.
pub fn begin(tools: &Arc<Tools>, job: Job) {
    tools.crew.begin(work(tools.clone(), job));
}

/// Works until its core has nothing more that may begin.
async fn work(tools: Arc<Tools>, job: Job) {
    let mut next = Some(job);
    while let Some(job) = next {
        let slot = job.slot;
        let desk = Desk {
            now: tools.clock.now(),
            tools: tools.clone(),
            job,
            awaited: false,
        };
        next = desk.handle().await.or_else(|| after(&tools, slot));
    }
}

/// An attempt left its lane: what this core is offered now. Others are woken where they have something to do.
fn after(tools: &Tools, slot: u16) -> Option<Job> {
    let now = tools.clock.now();
    let mut state = tools.inner.lock();
    let next = state.next(slot, now);
    // Also where this one goes on: it looks at its own core's queue alone, and not at the clock.
    if state.takes_elsewhere() || state.has_more(slot, now) || (next.is_none() && state.waits_for_time(slot)) {
        tools.inner.wake.notify_one();
    }
    next
}

/// One job in hand. If it is dropped before its end (a fault in us), its conversation rests and goes on.
struct Desk {
    tools: Arc<Tools>,
    job: Job,
    now: Millis,
    /// The platform's request was open when the event was offered.
    awaited: bool,
}

impl Drop for Desk {
    fn drop(&mut self) {
        if !self.job.settled {
            let later = Settled::Later(self.now.saturating_add(STORE_REST));
            self.tools.inner.lock().settle(&mut self.job, later);
            self.tools.inner.wake.notify_one();
        }
        if std::thread::panicking() {
            tracing::error!(core = %self.job.core.name, "a delivery worker failed; its event is offered again");
        }
    }
}

impl Desk {
    /// One attempt. What it returns has begun already, in the place of this one.
    async fn handle(mut self) -> Option<Job> {
        if !self.is_read().await {
            return None;
        }
        let mut outcomes = self.offer().await.into_iter().peekable();
        let mut answers = Vec::new();
        while let Some(Outcome::Taken(answer)) = outcomes.next_if(|it| matches!(it, Outcome::Taken(_))) {
            answers.push(answer);
        }
        let outcome = outcomes.next();
        if !answers.is_empty() {
            let next = self.took(answers.len());
            if outcome.is_none() && answers.iter().all(|answer| answer.replies.is_empty()) {
                self.take_aside(&answers);
                return next;
            }
            if let Some(next) = next {
                // Another worker goes on while this one commits.
                begin(&self.tools, next);
            }
            if !self.commit_all(answers, outcome.is_none()).await {
                return None;
            }
        }
        if let Some(outcome) = outcome {
            self.missed(outcome).await;
        }
        None
    }

    /// The core took the first so many of them: the next attempt may begin.
    fn took(&mut self, count: usize) -> Option<Job> {
        let now = self.tools.clock.now();
        let (turn, next) = {
            let mut state = self.tools.inner.lock();
            let turn = state.took(&mut self.job, count, now);
            let next = state.next(self.job.slot, now);
            if state.has_more(self.job.slot, now) {
                self.tools.inner.wake.notify_one();
            }
            (turn, next)
        };
        self.tell(turn, "");
        for (index, stored) in self.job.run.iter().enumerate().take(count) {
            let attempt = if index == 0 { self.job.attempt } else { 1 };
            self.observe(stored, attempt, "taken", now);
        }
        next
    }

    /// The core did not take the first of those that are left.
    async fn missed(&mut self, outcome: Outcome) {
        let Some(stored) = self.job.run.first().cloned() else {
            return;
        };
        let why = outcome.why().to_owned();
        let result = result(&outcome);
        let moment = Moment {
            now: self.tools.clock.now(),
            draw: self.tools.chance.fraction(),
        };
        let (step, turn) = self.tools.inner.lock().judge(&mut self.job, &stored, outcome, moment);
        self.tell(turn, &why);
        let parked = matches!(step, Step::Park(..));
        self.observe(
            &stored,
            self.job.attempt,
            if parked { "parked" } else { result },
            moment.now,
        );
        match step {
            Step::Take(answer) => self.drop_it(&stored, answer).await,
            Step::Park(reason, replies) => self.park(&stored, reason, replies).await,
            Step::Leave => self.warn(result, &why),
            Step::Alone => self.warn("the core takes others", &why),
            Step::Note(so_far) => {
                self.warn(result, &why);
                self.note_failing(&stored, so_far).await;
            }
        }
    }

    fn observe(&self, stored: &Stored, attempt: u32, result: &'static str, now: Millis) {
        let millis = (now - self.now) as f64;
        let id = stored.event.id();
        self.tools
            .observer
            .offered(&self.job.core.name, id, attempt, result, millis);
    }

    /// The events to offer are there: from memory, else from the store.
    async fn is_read(&mut self) -> bool {
        if !self.job.run.is_empty() {
            return true;
        }
        match self.tools.ledger.pending(self.job.conversation, BATCH).await {
            Ok(pending) => {
                let mut state = self.tools.inner.lock();
                let all = pending.all;
                let found = state.filled(&mut self.job, pending);
                if !found {
                    // What was listed went while it was read: others wait behind it.
                    let afresh = Settled::Afresh(self.now.saturating_add(STORE_REST));
                    state.settle(&mut self.job, if all { Settled::Empty } else { afresh });
                }
                found
            }
            Err(error) => {
                self.rest(&error, "reading");
                false
            }
        }
    }

    /// One outcome for each of the first events of the run: all but the last of them are taken.
    async fn offer(&mut self) -> Vec<Outcome> {
        let now = self.tools.clock.now();
        let mut offers = Vec::with_capacity(self.job.run.len());
        for (index, stored) in self.job.run.iter().enumerate() {
            let id = stored.event.id();
            self.tools.inner.quiet.offered(id);
            let passive = self.tools.windows.look(id);
            if index == 0 {
                self.awaited = passive.is_some();
            } else if passive.is_some() {
                // Whose answer somebody waits for travels first.
                break;
            }
            offers.push(Offer {
                event: &stored.event,
                attempt: if index == 0 { self.job.attempt } else { 1 },
                passive,
                replay: None,
                now,
            });
            if self.awaited {
                break;
            }
        }
        let offering = AssertUnwindSafe(self.tools.link.offer_run(&self.job.core, offers));
        // What one answer drives into a fault of ours counts, pauses and is set aside like every attempt that fails.
        offering.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(core = %self.job.core.name, "a fault of the bridge itself ended an attempt");
            vec![Outcome::Failed {
                after: None,
                why: "a fault of the bridge itself ended the attempt; its log says more".to_owned(),
            }]
        })
    }

    /// A Gap that the core will not have: nothing could stand in its place.
    async fn drop_it(&mut self, stored: &Stored, answer: Answer) {
        match self.take_with(&[], stored, answer).await {
            Ok(()) => {
                let rows = vec![stored.row];
                self.tools.inner.lock().settle(&mut self.job, Settled::Taken { rows });
            }
            Err(error) => self.rest(&error, "committing"),
        }
    }

    async fn park(&mut self, stored: &Stored, reason: String, replies: Vec<Reply>) {
        match self.park_with(stored, reason.clone(), replies).await {
            Ok(gap) => {
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

    /// Later notes make up for one that is lost.
    async fn note_failing(&self, stored: &Stored, so_far: Millis) {
        let Err(error) = self.tools.ledger.note_failing(stored.event.id(), so_far).await else {
            return;
        };
        let now = self.tools.clock.now();
        if let Some(left_out) = self.tools.throttle.permits((self.job.slot, "noting"), now) {
            tracing::warn!(core = %self.job.core.name, %error, left_out, "how long an event fails could not be noted");
        }
    }

    /// Our own store is the trouble: neither event nor core is to blame.
    fn rest(&mut self, error: &StoreError, doing: &'static str) {
        self.store_failed(error, doing);
        // What we have of it may be what the store does not have any more.
        let later = Settled::Afresh(self.tools.clock.now().saturating_add(STORE_REST));
        self.tools.inner.lock().settle(&mut self.job, later);
    }

    fn store_failed(&self, error: &StoreError, doing: &'static str) {
        let now = self.tools.clock.now();
        if let Some(left_out) = self.tools.throttle.permits((self.job.slot, doing), now) {
            tracing::error!(core = %self.job.core.name, %error, left_out, "the store failed while {doing}");
        }
    }

    fn warn(&self, result: &'static str, why: &str) {
        // A core that is down was announced when it went down.
        if result == "down" {
            return;
        }
        if let Some(left_out) = self
            .tools
            .throttle
            .permits((self.job.slot, result), self.tools.clock.now())
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
