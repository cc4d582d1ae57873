//! How are stored events handed to a core again? Oldest first, marked as a replay, nothing moved by it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{schedule, worker::Tools};
use crate::{
    cores::{Core, Cores},
    ports::{
        clock::Millis,
        core::{Offer, Outcome, Reply},
        store::{EventQuery, StoreError, Stored, Took},
    },
};

/// Events read from the store at once.
const PAGE: usize = 100;
/// Attempts for one event before the replay gives up: about two minutes.
const ATTEMPTS_MAX: u32 = 9;
const REFUSALS_MAX: u32 = 3;
/// How often to look whether a conversation's own delivery has ended.
const POLL: Millis = 20;

/// Which events, and whether the core may answer them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub key: Option<String>,
    pub from: Option<Millis>,
    pub to: Option<Millis>,
    pub allow_replies: bool,
}

/// How far a replay has come; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    pub taken: AtomicU64,
    /// Refused three times, or asked to be parked: passed over.
    pub passed_over: AtomicU64,
    /// Replies that were not sent because nobody allowed them.
    pub replies_refused: AtomicU64,
    pub replies_taken: AtomicU64,
}

/// Why a replay ended before its last event.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no core {0} that events are pushed to")]
    NoCore(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("event {event_id} was not taken: {why}")]
    NotTaken { event_id: String, why: String },
}

/// Hands stored events out again. Cheap to clone; several replays may run.
#[derive(Clone)]
pub struct Replay {
    tools: Arc<Tools>,
    cores: Cores,
}

enum Ended {
    Taken(Vec<Reply>),
    PassedOver(Vec<Reply>),
}

impl Replay {
    pub(super) fn new(tools: Arc<Tools>, cores: Cores) -> Self {
        Self { tools, cores }
    }

    /// Whether this core's reply to an event answers a replay that takes no answers; counted.
    pub fn refuses_reply(&self, core: &str, event_id: &str) -> bool {
        self.tools.inner.quiet.refuses(core, event_id, self.tools.clock.now())
    }

    /// Offers what `selection` names to `core`, under the replay id `id`.
    pub async fn run(
        &self,
        core: &str,
        id: &str,
        selection: &Selection,
        progress: &Arc<Progress>,
    ) -> Result<(), ReplayError> {
        let no_core = || ReplayError::NoCore(core.to_owned());
        let core = self
            .cores
            .named(core)
            .filter(|core| core.kind.is_pushed())
            .ok_or_else(no_core)?;
        let mut after = None;
        loop {
            let page = self
                .tools
                .ledger
                .offered(EventQuery {
                    key: selection.key.clone(),
                    core: Some(core.name.to_string()),
                    from: selection.from,
                    to: selection.to,
                    after,
                    newest_first: false,
                    limit: PAGE,
                })
                .await?;
            if page.events.is_empty() {
                return Ok(());
            }
            after = page.next;
            for stored in &page.events {
                self.one(core, id, stored, selection.allow_replies, progress).await?;
            }
        }
    }

    async fn one(
        &self,
        core: &Core,
        id: &str,
        stored: &Stored,
        allow_replies: bool,
        progress: &Arc<Progress>,
    ) -> Result<(), ReplayError> {
        let kept = self.keep(stored).await;
        let (quiet, event) = (&self.tools.inner.quiet, stored.event.id());
        match allow_replies {
            true => quiet.offered(event),
            false => quiet.replayed(event, &core.name, progress),
        }
        let ended = self.offer(core, id, stored).await;
        quiet.ended(event, self.tools.clock.now());
        let ended = ended?;
        let (count, replies) = match ended {
            Ended::Taken(replies) => (&progress.taken, replies),
            Ended::PassedOver(replies) => (&progress.passed_over, replies),
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.answer(id, stored, replies, allow_replies, progress).await?;
        drop(kept);
        Ok(())
    }

    /// Waits until nothing of the conversation is in flight, and keeps it so.
    async fn keep<'a>(&'a self, stored: &Stored) -> Kept<'a> {
        while !self
            .tools
            .inner
            .lock()
            .check_out(stored.conversation, stored.core.as_ref())
        {
            self.tools.clock.sleep_until(self.tools.clock.now() + POLL).await;
        }
        Kept {
            tools: &self.tools,
            conversation: stored.conversation,
        }
    }

    async fn offer(&self, core: &Core, id: &str, stored: &Stored) -> Result<Ended, ReplayError> {
        let mut refusals = 0;
        for attempt in 1.. {
            let offer = Offer {
                event: &stored.event,
                attempt,
                passive: None,
                replay: Some(id),
                now: self.tools.clock.now(),
            };
            let outcome = self.tools.link.offer(core, offer).await;
            match outcome {
                Outcome::Taken(answer) => return Ok(Ended::Taken(answer.replies)),
                Outcome::Park { replies, .. } => return Ok(Ended::PassedOver(replies)),
                Outcome::Refused { .. } => refusals += 1,
                _ => {}
            }
            if refusals >= REFUSALS_MAX {
                return Ok(Ended::PassedOver(Vec::new()));
            }
            if attempt >= ATTEMPTS_MAX {
                return Err(ReplayError::NotTaken {
                    event_id: stored.event.id.clone(),
                    why: outcome.why().to_owned(),
                });
            }
            let wait = schedule::wait(attempt, outcome.after(), self.tools.chance.fraction());
            self.tools.clock.sleep_until(self.tools.clock.now() + wait).await;
        }
        Ok(Ended::PassedOver(Vec::new()))
    }

    /// Replies to a replay are new messages; the event itself is not touched.
    async fn answer(
        &self,
        id: &str,
        stored: &Stored,
        replies: Vec<Reply>,
        allow: bool,
        progress: &Progress,
    ) -> Result<(), ReplayError> {
        let count = replies.len() as u64;
        if count == 0 {
            return Ok(());
        }
        if !allow {
            progress.replies_refused.fetch_add(count, Ordering::Relaxed);
            return Ok(());
        }
        let named = replies
            .into_iter()
            .enumerate()
            .map(|(index, reply)| name(reply, id, stored, index));
        let prepared = self.tools.replies.prepare(stored, named.collect()).await;
        let mut enqueued = Vec::new();
        let messages = prepared.messages();
        for message in messages {
            match self.tools.ledger.enqueue(message).await {
                Ok(message) => enqueued.push(message),
                Err(error) => {
                    prepared.abandoned();
                    return Err(error.into());
                }
            }
        }
        prepared.committed(&Took::Now(enqueued));
        progress.replies_taken.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }
}

/// The default key of a reply belongs to the first answer; a replay's would only be taken for its repetition.
fn name(mut reply: Reply, id: &str, stored: &Stored, index: usize) -> Reply {
    let named = match &mut reply {
        Ok(reply) => &mut reply.client_message_id,
        Err(bad) => &mut bad.client_message_id,
    };
    if named.is_empty() {
        *named = format!("{}/{id}/{index}", stored.event.id);
    }
    reply
}

/// A conversation that a replay keeps for itself.
struct Kept<'a> {
    tools: &'a Tools,
    conversation: crate::ports::store::ConversationId,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.tools.inner.lock().check_in(self.conversation);
        self.tools.inner.wake.notify_one();
    }
}
