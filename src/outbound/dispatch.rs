//! What is sent next? Lanes run beside each other, each in order, one message in flight, every step durable before the next.

use std::sync::Arc;

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::{
    IN_FLIGHT, Outbound,
    faults::{error, too_late},
    lanes::Handle,
    ride::ALL_SAID,
    send::{AMBIGUOUS_TRIES, SAFE_TRIES},
    step,
};
use crate::{
    error::Code,
    ports::{
        clock::Millis,
        store::{ConversationId, Message, StoreError, View},
    },
    schema::v1::{self, send_request::OnAmbiguous, send_result::Status},
};

/// A lane whose store did not answer looks again after this long.
const STORE_PAUSE: Millis = 5_000;
/// No message is put off for longer without its customer.
pub(super) const PAUSE_MOST: Millis = 10 * 60_000;

/// What became of one message's turn.
pub(super) enum Turn {
    /// Final, or changed: the next one.
    Done,
    /// It waits, and what is behind it with it.
    WaitsUntil(Millis),
    /// It waits for the customer, until this moment at most, because of this; others pass.
    Held(Millis, Code),
}

impl Outbound {
    /// Sends until `stop` says true; then no message is begun any more, and those under way are ended.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.pick_up(&mut stop).await {
            return;
        }
        let permits = Arc::new(Semaphore::new(IN_FLIGHT));
        let mut running = JoinSet::new();
        loop {
            while running.try_join_next().is_some() {}
            while !*stop.borrow()
                && let Some(permit) = permits.clone().try_acquire_owned().ok()
                && let Some(conversation) = self.parts.lanes.next(self.now())
            {
                let (outbound, stop) = (self.clone(), stop.clone());
                running.spawn(async move {
                    let mut run = Run {
                        lanes: outbound.parts.lanes.clone(),
                        conversation,
                        // Where it does not come to its end: a fault in one lane must not close it for ever.
                        again_at: Some(outbound.now() + STORE_PAUSE),
                    };
                    run.again_at = outbound.lane(conversation, &stop).await;
                    drop(permit);
                });
            }
            if *stop.borrow() {
                break;
            }
            let timer = self.parts.lanes.next_timer().unwrap_or(Millis::MAX);
            let full = permits.available_permits() == 0;
            tokio::select! {
                () = self.parts.lanes.woken() => {}
                () = self.parts.clock.sleep_until(timer), if !full && timer != Millis::MAX => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        while running.join_next().await.is_some() {}
    }

    /// Everything that an earlier run left. `false`: told to stop meanwhile.
    async fn pick_up(&self, stop: &mut watch::Receiver<bool>) -> bool {
        loop {
            match self.parts.store.open_outboxes().await {
                Ok(open) => {
                    open.into_iter()
                        .for_each(|conversation| self.parts.lanes.message(conversation));
                    return true;
                }
                Err(error) => tracing::error!(%error, "open outboxes not readable yet"),
            }
            let again = self.now() + STORE_PAUSE;
            tokio::select! {
                () = self.parts.clock.sleep_until(again) => {}
                _ = stop.changed() => return false,
            }
        }
    }

    /// Runs one lane as far as it goes; says when time alone lets it go on.
    async fn lane(self: &Arc<Self>, conversation: ConversationId, stop: &watch::Receiver<bool>) -> Option<Millis> {
        let outbox = self.parts.store.outbox(conversation).await;
        // Asked after reading: an answer that rides from here on is not in what was read.
        let yields = outbox.is_ok() && self.parts.lanes.yields(conversation);
        let Some(first) = outbox.iter().flatten().next().filter(|_| !yields) else {
            self.shares.pass_on(conversation, &self.parts.lanes);
            let error = outbox.err()?;
            tracing::warn!(%error, "an outbox is not readable");
            return Some(self.now() + STORE_PAUSE);
        };
        let _share = self.shares.take(&first.account, conversation, &self.parts.lanes)?;
        let mut behind_held = None;
        let mut next = None;
        let sooner = |next: Option<Millis>, at: Millis| Some(next.map_or(at, |next: Millis| next.min(at)));
        for message in outbox.unwrap_or_default() {
            if *stop.borrow() {
                return None;
            }
            match self.turn_of(&message, behind_held).await {
                Ok(Turn::Done) => {}
                Ok(Turn::WaitsUntil(at)) => return sooner(next, at),
                Ok(Turn::Held(until, code)) => {
                    behind_held = Some(code);
                    next = sooner(next, until);
                }
                Err(error) => {
                    tracing::error!(message_id = message.id, %error, "a step of a message could not be committed");
                    return Some(self.now() + STORE_PAUSE);
                }
            }
        }
        next
    }

    /// One message's turn.
    pub(super) async fn turn_of(
        self: &Arc<Self>,
        message: &Arc<Message>,
        behind_held: Option<Code>,
    ) -> Result<Turn, StoreError> {
        let now = self.now();
        match message.status() {
            // A call was under way when an earlier run ended, or its end could not be written down.
            Status::Sending if !self.may_repeat(message, now) => {
                self.interrupted(message).await?;
                return Ok(Turn::Done);
            }
            Status::Sending | Status::Accepted | Status::Held => {}
            _ => return Ok(Turn::Done),
        }
        // What was said in time is not late: an order that came with the words is left, and is ours to carry out.
        let all_said = message.pieces_done == ALL_SAID;
        if message.not_after > 0 && now >= message.not_after && !all_said {
            self.expire(message).await?;
            return Ok(Turn::Done);
        }
        let view = self.parts.store.conversation(&message.key).await?;
        if message.status() == Status::Held && !released(message, view.as_ref(), now) {
            return Ok(held(message, message.result.error.as_ref()));
        }
        if message.status() == Status::Accepted && pauses(message, now) {
            return Ok(Turn::WaitsUntil(sooner_end(message)));
        }
        if message.passive.is_some() {
            return self.rode(message, view, behind_held).await;
        }
        self.send(message, view, behind_held).await
    }

    /// A kept answer that no attempt of the platform came for goes by the API, unless an attempt takes it right now; of one
    /// that left, the rest. What was read of it may be old: whether it left is decided beside the lane.
    async fn rode(
        self: &Arc<Self>,
        message: &Message,
        view: Option<View>,
        behind_held: Option<Code>,
    ) -> Result<Turn, StoreError> {
        let Some(deciding) = self.decide(message.row) else {
            return Ok(Turn::WaitsUntil(self.now() + 100));
        };
        let which = crate::ports::store::MessageRef::Row(message.row);
        match self.parts.store.message(which).await? {
            // Kept since it was read: the platform's next attempt has its time.
            Some(fresh) if fresh.status() == Status::Accepted && pauses(&fresh, self.now()) => {
                Ok(Turn::WaitsUntil(sooner_end(&fresh)))
            }
            Some(fresh) if fresh.is_final() => Ok(Turn::Done),
            // It left: a repeated callback gets the same answer while the rest goes.
            Some(fresh) if fresh.pieces_done > 0 => {
                drop(deciding);
                self.send(&fresh, view, behind_held).await
            }
            Some(fresh) => self.send(&fresh, view, behind_held).await,
            None => Ok(Turn::Done),
        }
    }

    /// A call whose outcome nobody knows is made again: in time, and only where the platform tells repeats apart or the core
    /// prefers twice to never.
    fn may_repeat(&self, message: &Message, now: Millis) -> bool {
        self.repeats(message) && (message.not_after == 0 || now < message.not_after)
    }

    /// Whether one more try is left after an answer that was lost.
    pub(super) fn repeats(&self, message: &Message) -> bool {
        let opened = self.opened(&message.account);
        let told_apart = opened.is_some_and(|it| it.account.capabilities().idempotent_send);
        match told_apart {
            true => message.attempts < SAFE_TRIES,
            false => message.request.on_ambiguous() == OnAmbiguous::Retry && message.attempts < AMBIGUOUS_TRIES,
        }
    }

    async fn interrupted(&self, message: &Message) -> Result<(), StoreError> {
        let why = error(
            Code::Ambiguous,
            "the bridge ended while a call to the platform was under way",
        );
        self.end(message, Status::Unknown, why, Vec::new()).await.map(|_| ())
    }

    async fn expire(&self, message: &Message) -> Result<(), StoreError> {
        let mut settle = step(message);
        settle.result.status = Status::Expired as i32;
        if is_ambiguous(&message.result) {
            // The try before this end may have arrived.
            settle.result.status = Status::Unknown as i32;
        }
        settle.result.error = Some(match message.status() {
            _ if is_ambiguous(&message.result) => error(
                Code::Ambiguous,
                "the answer to the first try was lost, and notAfter passed before the second",
            ),
            Status::Held => error(Code::Expired, "the customer did not act in time"),
            _ => too_late(),
        });
        note_partial(&mut settle.result, message.pieces_done);
        if message.pieces_done == 0 {
            settle.passive = None;
        }
        settle.tell = true;
        self.settle(settle).await.map(|_| ())
    }
}

/// One run of a lane, ended when dropped.
struct Run {
    lanes: Handle,
    conversation: ConversationId,
    again_at: Option<Millis>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.lanes.done(self.conversation, self.again_at);
    }
}

/// Its time has not come. A pause that looks longer than any was noted before the clock was set back, and is over.
fn pauses(message: &Message, now: Millis) -> bool {
    (1..=PAUSE_MOST).contains(&(message.next_attempt - now))
}

/// The customer acted since it was held, or an allowance is open by count.
fn released(message: &Message, view: Option<&View>, now: Millis) -> bool {
    use crate::conversation::ledger::Standing;
    view.is_some_and(|view| {
        let standing = view.state.ledger.as_ref().map(|ledger| ledger.standing(now));
        view.state.last_act > message.next_attempt || matches!(standing, Some(Standing::Open(_)))
    })
}

/// The last try's outcome is not known.
pub(super) fn is_ambiguous(result: &v1::SendResult) -> bool {
    result
        .error
        .as_ref()
        .is_some_and(|error| error.code == Code::Ambiguous.name())
}

/// It waits for the customer, and was told why.
pub(super) fn held(message: &Message, why: Option<&v1::Error>) -> Turn {
    let code = why.and_then(|error| Code::parse(&error.code));
    Turn::Held(message.not_after, code.unwrap_or(Code::WindowClosed))
}

fn sooner_end(message: &Message) -> Millis {
    match message.not_after {
        0 => message.next_attempt,
        end => message.next_attempt.min(end),
    }
}

/// How much of it the customer has already.
pub(super) fn note_partial(result: &mut v1::SendResult, pieces_done: u32) {
    if pieces_done > 0 && pieces_done != ALL_SAID {
        result.degradations.push(v1::Degradation {
            from_type: "message".to_owned(),
            to_type: "message".to_owned(),
            reason: format!("{pieces_done} of its pieces were sent"),
        });
    }
}
