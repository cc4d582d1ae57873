//! How does the store hear that a core took something? In one commit with its replies, before the conversation goes on.

use std::sync::Arc;

use super::{Desk, after, begin};
use crate::{
    delivery::state::Settled,
    ports::{
        clock::Millis,
        core::{Answer, Reply},
        store::{NewMessage, StoreError, Stored, Take, Took},
        turn::Prepared,
    },
};

/// Waits between attempts to commit what a core has already taken.
const COMMIT_WAITS: [Millis; 4] = [20, 100, 500, 2_000];
/// How long what a core replied is kept in hand while the store cannot commit it; after that the event is offered again. A
/// core that ignores repeats, as it may, would say nothing the second time, and its reply would be lost.
const REPLIES_KEPT: Millis = 10 * 60_000;
/// Between two rounds of attempts with replies: each of them is planned anew, because its open request may be gone.
const ROUND: Millis = 2_000;

impl Desk {
    /// Commits that all of them are taken, which said nothing else, while the worker goes on: a core that works through a
    /// backlog says so thousands of times a second.
    pub(super) fn take_aside(self, answers: &[Answer]) {
        let run = self.job.run.get(..answers.len()).unwrap_or_default();
        let Some((last, before)) = run.split_last() else { return };
        let keeps = answers.iter().map(|answer| answer.keep_window).collect::<Vec<_>>();
        let take = Take {
            conversation: last.conversation,
            row: last.row,
            seq: last.event.number(),
            before: before
                .iter()
                .map(|stored| (stored.row, stored.event.number()))
                .collect(),
            replies: Vec::new(),
            hurries: self.awaited,
        };
        let ledger = self.tools.ledger.clone();
        ledger.take_aside(take, Box::new(move |took| self.committed(took, &keeps)));
    }

    /// What became of it. Where nobody will say, this is dropped, and its conversation goes on.
    fn committed(mut self, took: Result<Took, StoreError>, keeps: &[bool]) {
        if took.is_err() {
            let tools = self.tools.clone();
            let answers = keeps.iter().map(|keep_window| Answer {
                keep_window: *keep_window,
                ..Answer::default()
            });
            let answers = answers.collect();
            return tools.crew.begin(self.commit_again(answers));
        }
        for (stored, keep_window) in self.job.run.iter().zip(keeps) {
            if !keep_window {
                self.tools.windows.close(stored.event.id());
            }
        }
        self.all_taken(keeps.len());
        if let Some(next) = after(&self.tools, self.job.slot) {
            begin(&self.tools, next);
        }
    }

    /// The core has taken them: a store that is busy is worth waiting for.
    async fn commit_again(mut self, answers: Vec<Answer>) {
        let tools = self.tools.clone();
        let slot = self.job.slot;
        tools.clock.sleep_until(tools.clock.now() + COMMIT_WAITS[0]).await;
        self.commit_all(answers, true).await;
        drop(self);
        if let Some(next) = after(&tools, slot) {
            begin(&tools, next);
        }
    }

    /// Commits acceptance and replies. `false`: nothing is left to do.
    pub(super) async fn commit_all(&mut self, answers: Vec<Answer>, all: bool) -> bool {
        let count = answers.len();
        if let Err(error) = self.take(answers).await {
            self.rest(&error, "committing");
            return false;
        }
        if all {
            self.all_taken(count);
        } else {
            let rows = self.rows(count);
            self.tools.inner.lock().go_on(&mut self.job, &rows);
        }
        !all
    }

    fn all_taken(&mut self, count: usize) {
        let rows = self.rows(count);
        let mut state = self.tools.inner.lock();
        state.settle(&mut self.job, Settled::Taken { rows });
        if state.is_stopping() {
            self.tools.inner.wake.notify_one();
        }
    }

    fn rows(&self, count: usize) -> Vec<i64> {
        self.job.run.iter().take(count).map(|stored| stored.row).collect()
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

    pub(super) async fn take_with(
        &self,
        before: &[(&Arc<Stored>, bool)],
        stored: &Stored,
        answer: Answer,
    ) -> Result<(), StoreError> {
        let until = self.tools.clock.now().saturating_add(REPLIES_KEPT);
        loop {
            let (prepared, messages) = self.prepared(stored, answer.replies.clone()).await;
            let took = self.commit(before, stored, messages).await;
            tell(prepared, took.as_ref().ok());
            match took {
                Ok(_) => break,
                Err(error) => self.again(error, &answer.replies, until, "committing").await?,
            }
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

    /// Sets it aside in one commit with what the core replied to it all the same.
    pub(super) async fn park_with(
        &self,
        stored: &Stored,
        reason: String,
        replies: Vec<Reply>,
    ) -> Result<Arc<Stored>, StoreError> {
        let until = self.tools.clock.now().saturating_add(REPLIES_KEPT);
        loop {
            let (prepared, messages) = self.prepared(stored, replies.clone()).await;
            match self.tools.ledger.park_with(stored, reason.clone(), messages).await {
                Ok((gap, enqueued)) => {
                    tell(prepared, Some(&Took::Now(enqueued)));
                    self.tools.windows.close(stored.event.id());
                    return Ok(gap);
                }
                Err(error) => {
                    tell(prepared, None);
                    self.again(error, &replies, until, "parking").await?;
                }
            }
        }
    }

    /// Waits before replies are tried once more; the error, where there are none or it has been long enough.
    async fn again(
        &self,
        error: StoreError,
        replies: &[Reply],
        until: Millis,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        let now = self.tools.clock.now();
        if replies.is_empty() || now >= until {
            return Err(error);
        }
        self.store_failed(&error, doing);
        self.tools.clock.sleep_until(now + ROUND).await;
        Ok(())
    }

    /// Replies planned, and the messages they come to.
    async fn prepared(&self, stored: &Stored, replies: Vec<Reply>) -> (Option<Box<dyn Prepared>>, Vec<NewMessage>) {
        if replies.is_empty() {
            return (None, Vec::new());
        }
        let prepared = self.tools.replies.prepare(stored, replies).await;
        let messages = prepared.messages();
        (Some(prepared), messages)
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
}

/// What became of the commit that replies were to be in.
fn tell(prepared: Option<Box<dyn Prepared>>, took: Option<&Took>) {
    match (prepared, took) {
        (Some(prepared), Some(took)) => prepared.committed(took),
        (Some(prepared), None) => prepared.abandoned(),
        (None, _) => {}
    }
}
