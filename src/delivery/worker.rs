//! What happens around one attempt? Read, offer, commit what the core said, tell the turn, and take the next.

use std::sync::Arc;

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
        // Also where this one goes on: it looks at its own core's queue alone, and not at the clock.
        if state.takes_elsewhere() || state.has_more(slot, now) || (next.is_none() && state.waits_for_time(slot)) {
            tools.inner.wake.notify_one();
        }
    }
}

/// One job in hand. If it is dropped before its end (a fault in us), its conversation rests and goes on.
struct Desk<'a> {
    tools: &'a Arc<Tools>,
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
            self.tools.inner.wake.notify_one();
        }
        if std::thread::panicking() {
            tracing::error!(core = %self.job.core.name, "a delivery worker failed; its event is offered again");
        }
    }
}

impl Desk<'_> {
    async fn handle(&mut self) {
        if !self.is_read().await {
            return;
        }
        let mut outcomes = self.offer().await.into_iter().peekable();
        let mut answers = Vec::new();
        while let Some(Outcome::Taken(answer)) = outcomes.next_if(|it| matches!(it, Outcome::Taken(_))) {
            answers.push(answer);
        }
        let next = outcomes.next();
        if !answers.is_empty() && !self.took(answers, next.is_none()).await {
            return;
        }
        if let Some(outcome) = next {
            self.missed(outcome).await;
        }
    }

    /// The core took the first of them. `false`: nothing is left to do.
    async fn took(&mut self, answers: Vec<Answer>, all: bool) -> bool {
        let now = self.tools.clock.now();
        let (turn, next) = {
            let mut state = self.tools.inner.lock();
            let turn = state.took(&mut self.job, answers.len(), now);
            let next = state.next(self.job.slot, now);
            if state.has_more(self.job.slot, now) {
                self.tools.inner.wake.notify_one();
            }
            (turn, next)
        };
        if let Some(next) = next {
            // Another worker goes on while this one commits.
            begin(self.tools, next);
        }
        self.tell(turn, "");
        let count = answers.len();
        for (index, stored) in self.job.run.iter().enumerate().take(count) {
            let attempt = if index == 0 { self.job.attempt } else { 1 };
            self.observe(stored, attempt, "taken", now);
        }
        if let Err(error) = self.take(answers).await {
            self.rest(&error, "committing");
            return false;
        }
        let rows: Vec<i64> = self.job.run.iter().take(count).map(|stored| stored.row).collect();
        let mut state = self.tools.inner.lock();
        if all {
            state.settle(&mut self.job, Settled::Taken { rows });
        } else {
            state.go_on(&mut self.job, &rows);
        }
        !all
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
        let parked = matches!(step, Step::Park(_));
        self.observe(
            &stored,
            self.job.attempt,
            if parked { "parked" } else { result },
            moment.now,
        );
        match step {
            Step::Take(answer) => self.drop_it(&stored, answer).await,
            Step::Park(reason) => self.park(&stored, reason).await,
            Step::Leave => self.warn(result, &why),
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
            let passive = self.tools.windows.look(stored.event.id());
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
        self.tools.link.offer_run(&self.job.core, offers).await
    }

    /// Commits acceptance and replies together, and what was answered nothing to with what stands behind it.
    async fn take(&self, answers: Vec<Answer>) -> Result<(), StoreError> {
        let last = answers.len() - 1;
        let mut silent = Vec::new();
        for (index, (stored, answer)) in self.job.run.iter().zip(answers).enumerate() {
            if index < last && answer.replies.is_empty() {
                silent.push((stored, answer.keep_window));
                continue;
            }
            self.take_with(&std::mem::take(&mut silent), stored, answer).await?;
        }
        Ok(())
    }

    async fn take_with(
        &self,
        before: &[(&Arc<Stored>, bool)],
        stored: &Stored,
        answer: Answer,
    ) -> Result<(), StoreError> {
        let mut prepared: Option<Box<dyn Prepared>> = None;
        if !answer.replies.is_empty() {
            prepared = Some(self.tools.replies.prepare(stored, answer.replies).await);
        }
        let messages = prepared.as_ref().map(|prepared| prepared.messages());
        match self.commit(before, stored, messages.unwrap_or_default()).await {
            Ok(took) => {
                if let Some(prepared) = prepared {
                    prepared.committed(&took);
                }
                // After the hand-over: what was to ride in it has gone, and what goes by the API must not hold it open.
                let both = before.iter().map(|(stored, keep)| (&***stored, *keep));
                for (stored, keep_window) in both.chain([(stored, answer.keep_window)]) {
                    if !keep_window {
                        self.tools.windows.close(stored.event.id());
                    }
                }
                Ok(())
            }
            Err(error) => {
                if let Some(prepared) = prepared {
                    prepared.abandoned();
                }
                Err(error)
            }
        }
    }

    /// The core has taken them: a store that is busy is worth waiting for, because the alternative is to offer them twice.
    async fn commit(
        &self,
        before: &[(&Arc<Stored>, bool)],
        stored: &Stored,
        replies: Vec<NewMessage>,
    ) -> Result<Took, StoreError> {
        let before = || before.iter().map(|(stored, _)| (stored.row, stored.event.number()));
        let mut waits = COMMIT_WAITS.iter();
        loop {
            let take = Take {
                conversation: stored.conversation,
                row: stored.row,
                seq: stored.event.number(),
                before: before().collect(),
                replies: replies.clone(),
                hurries: self.awaited || !replies.is_empty(),
            };
            match (self.tools.ledger.take(take).await, waits.next()) {
                (Err(_), Some(wait)) => self.tools.clock.sleep_until(self.tools.clock.now() + wait).await,
                (result, _) => return result,
            }
        }
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

    async fn park(&mut self, stored: &Stored, reason: String) {
        match self.tools.ledger.park(stored, reason.clone()).await {
            Ok(gap) => {
                self.tools.windows.close(stored.event.id());
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
        let now = self.tools.clock.now();
        if let Some(left_out) = self.tools.throttle.permits((self.job.slot, doing), now) {
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
