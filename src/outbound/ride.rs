//! How does an answer get into the open request, and what if that closed first?
//!
//! First the commit, then the hand-over: bytes that left are never forgotten. An answer that found the request closed is
//! kept for the platform's next attempt; if none comes in time, it goes by the API, once.

use std::{sync::Arc, time::Duration};

use super::{
    Deciding, Outbound,
    facts::{self, ends_session},
    faults::{from_fault, too_late},
    lanes::Block,
    pictures::{self, Pictures, Room},
    plan::{self, Ask, Facts, Plan, Shape},
    resolve::{How, Unresolved},
    step,
};
use crate::{
    accounts::Opened,
    channels::contract::{Pieces, Say, What},
    ports::{
        clock::Millis,
        store::{Message, NewMessage, Row, Settle, StoreError, Stored},
        turn::Claim,
    },
    schema::v1::{
        self,
        send_result::{Road, Status},
    },
};

/// The platform's next attempt comes within this time after the last one, or not at all.
const NEXT_ATTEMPT: Millis = 8_000;
/// How long the platform's next attempt waits for a decision on the last one.
const DECIDE_WITHIN: Millis = 500;
/// What we need ourselves between the last moment of an upload and the deadline: the commit and the hand-over.
const MARGIN: Millis = 150;
/// After this a file that could not be had is asked for once more, while the request is open.
const AGAIN: Millis = 250;

/// What becomes of a request that answers an event.
pub(super) enum Way {
    /// It waits in the outbox for the API.
    Outbox,
    /// Refused without a call.
    Refused(Status, v1::Error),
    /// Into the open request.
    Ride(Box<Ride>),
}

/// An answer ready for the open request.
pub(super) struct Ride {
    claim: Box<dyn Claim>,
    plain: Vec<u8>,
    /// More of it goes by the API, or an order follows.
    more: bool,
    pieces_done: u32,
    degradations: Vec<v1::Degradation>,
    block: Block,
    /// When the platform left: nobody waits, and the answer is kept for its next attempt.
    left_at: Option<Millis>,
}

impl Ride {
    /// What is committed before the bytes leave.
    pub fn mark(&self, message: &mut NewMessage) {
        message.result.degradations.clone_from(&self.degradations);
        message.passive = Some(self.plain.clone());
        if let Some(left_at) = self.left_at {
            message.result.status = Status::Accepted as i32;
            message.next_attempt = left_at + NEXT_ATTEMPT;
            return;
        }
        let status = if self.more {
            Status::Accepted
        } else {
            Status::HandedOver
        };
        message.result.status = status as i32;
        message.result.road = Road::Passive as i32;
        message.pieces_done = self.pieces_done;
    }

    /// Nothing leaves by this claim.
    pub fn give_up(self) {
        self.claim.release();
    }
}

impl Outbound {
    /// Tries to get `request` into the request that became `event`.
    pub(super) async fn way(
        self: &Arc<Self>,
        opened: &Arc<Opened>,
        event: &Stored,
        request: &v1::SendRequest,
        mut facts: Facts,
    ) -> Way {
        let ask = Ask::of(request);
        facts.passive = true;
        facts.after_event = facts::is_event(&event.event);
        // Nobody waits behind what never goes.
        if request.not_after.as_ref().is_some_and(|end| end.millis() <= self.now()) {
            return Way::Refused(Status::Expired, too_late());
        }
        if !plan::may_ride(&ask, &facts) || facts.human {
            return Way::Outbox;
        }
        let Ok(Some(say)) = facts::said(request) else {
            return Way::Outbox;
        };
        let Ok(say) = self.with_ticket(opened, request, Some(event), say).await else {
            return Way::Outbox;
        };
        let quoted = self.with_quote(&opened.settings.id, &request.conversation_key, say);
        let say = match quoted.await {
            Ok(say) => say,
            Err(Unresolved::Refused(error)) if !ends_session(request) => return Way::Refused(Status::Failed, error),
            Err(_) => return Way::Outbox,
        };
        let Some(claim) = self.parts.windows.claim(event.event.id()) else {
            return Way::Outbox;
        };
        if claim.deadline() <= self.now() {
            claim.release();
            return Way::Outbox;
        }
        let latest = claim.deadline() - MARGIN;
        let boarded = match self.render_in_time(opened, say, &ask, &facts, latest).await {
            Ok(rendered) => self.board(opened, &rendered, claim.as_ref(), &ask, &facts),
            Err(way) => Boarded::No(way),
        };
        match boarded {
            Boarded::Yes {
                plain,
                degradations,
                more,
            } => Way::Ride(Box::new(Ride {
                left_at: claim.left_at(),
                claim,
                plain,
                pieces_done: if more { 1 } else { ALL_SAID },
                more: more || ends_session(request),
                degradations,
                block: self.parts.lanes.block(event.conversation),
            })),
            Boarded::No(way) => {
                claim.release();
                match way {
                    // The order stands, whatever becomes of its words: the dispatcher carries it out.
                    Way::Refused(..) if ends_session(request) => Way::Outbox,
                    way => way,
                }
            }
        }
    }

    fn board(&self, opened: &Opened, rendered: &Pieces, claim: &dyn Claim, ask: &Ask, facts: &Facts) -> Boarded {
        let plain = rendered
            .pieces
            .first()
            .and_then(|piece| opened.account.passive(piece, claim.to(), self.now()));
        let shapes = shapes(rendered, plain.is_some());
        match (plan::plan(ask, facts, &shapes), plain) {
            (Plan::Passive { cut }, Some(plain)) => {
                let mut degradations = rendered.degradations.clone();
                degradations.extend(lost_in_riding(opened, rendered, cut));
                Boarded::Yes {
                    plain,
                    degradations,
                    more: !cut && rendered.pieces.len() > 1,
                }
            }
            (Plan::Refuse(status, error), _) => Boarded::No(Way::Refused(status, error)),
            _ => Boarded::No(Way::Outbox),
        }
    }

    /// Files on the platform and pieces rendered, unless that takes too long; the upload then goes on for the API road.
    async fn render_in_time(
        self: &Arc<Self>,
        opened: &Arc<Opened>,
        say: Say,
        ask: &Ask,
        facts: &Facts,
        deadline: Millis,
    ) -> Result<Pieces, Way> {
        let roads = plan::roads(ask, facts);
        let failed = |error| Way::Refused(Status::Failed, error);
        let words_alone = || {
            let pieces = opened.account.pieces(&say, roads);
            pieces.map_err(|fault| failed(from_fault(fault)))
        };
        let is_words = is_words(&say);
        if is_words && !pictures::any(&say) {
            return words_alone();
        }
        let (outbound, at, whole) = (self.clone(), opened.clone(), say.clone());
        let fitting = Pictures::IfFit(*ask, Room::Same(*facts));
        let rendering = tokio::spawn(async move {
            loop {
                let rendered = outbound.rendered(&at, whole.clone(), roads, How::Kept, fitting).await;
                // A plain "not now" may be over before the request is: it may be the only road there is.
                match rendered {
                    Err(Unresolved::Later(_) | Unresolved::NoSource(_)) if outbound.now() + AGAIN < deadline => {
                        outbound.parts.clock.sleep_until(outbound.now() + AGAIN).await;
                    }
                    rendered => return rendered,
                }
            }
        });
        let rendered = tokio::select! {
            rendered = rendering => rendered.map_err(|_| Way::Outbox)?.map(Some),
            () = self.parts.clock.sleep_until(deadline) => Ok(None),
        };
        match rendered {
            Ok(Some(pieces)) => Ok(pieces),
            Err(Unresolved::Refused(error)) => Err(failed(error)),
            // Words do not miss the open request for a picture's sake: it is a link then.
            Ok(None) | Err(Unresolved::Later(_) | Unresolved::NoSource(_)) if is_words => words_alone(),
            Ok(None) | Err(Unresolved::Later(_) | Unresolved::NoSource(_)) => Err(Way::Outbox),
        }
    }

    /// The commit is durable: the bytes leave now. Where the request was closed the answer is kept.
    pub(super) fn hand_over(self: &Arc<Self>, ride: Ride, message: Arc<Message>) {
        let Ride {
            claim,
            plain,
            block,
            left_at,
            ..
        } = ride;
        if left_at.is_some() {
            claim.keep();
            self.reached(&message);
            drop(block);
            self.parts.lanes.message(message.conversation);
            return;
        }
        // From here on the platform's next attempt waits until we know how this one went.
        let deciding = self.decide(message.row);
        let left_at = claim.left_at();
        if claim.hand_over(plain) {
            self.reached(&message);
            if !message.is_final() {
                self.parts.lanes.message(message.conversation);
            }
            return;
        }
        let outbound = self.clone();
        tokio::spawn(async move {
            let (_blocked, _deciding) = (block, deciding);
            let mut kept = step(&message);
            kept.result.status = Status::Accepted as i32;
            // The road stays as the core was told it: that it is handed over is told once.
            kept.result.road = Road::Passive as i32;
            kept.pieces_done = 0;
            kept.next_attempt = left_at.unwrap_or_else(|| outbound.now()) + NEXT_ATTEMPT;
            match outbound.settle(kept).await {
                Ok(message) => outbound.parts.lanes.message(message.conversation),
                Err(error) => {
                    tracing::error!(message_id = message.id, %error, "a passive answer that found its request closed is not kept")
                }
            }
        });
    }

    /// The platform asks again: the plain answer to this event, if one was rendered and has not gone by the API.
    /// HANDED_OVER is durable before the bytes are given out.
    pub async fn take_kept(self: &Arc<Self>, event: Row) -> Option<Vec<u8>> {
        let row = self.kept_message(event).await?.row;
        let _deciding = self.decide_soon(row).await?;
        let message = self.kept_message(event).await?;
        let plain = message.passive.clone()?;
        if message.status() == Status::HandedOver || message.pieces_done > 0 {
            return Some(plain);
        }
        if message.is_final() || message.status() != Status::Accepted {
            return None;
        }
        let handed = self.handed_over(&message).await;
        match self.settle(handed).await {
            Ok(message) => {
                self.parts.lanes.message(message.conversation);
                Some(plain)
            }
            Err(error) => {
                tracing::error!(message_id = message.id, %error, "a kept passive answer cannot be handed over");
                None
            }
        }
    }

    /// The right to decide, if whoever has it gives it back soon; a call by the API takes longer.
    async fn decide_soon(self: &Arc<Self>, row: Row) -> Option<Deciding> {
        let until = self.now() + DECIDE_WITHIN;
        loop {
            let decided = self.decided.notified();
            tokio::pin!(decided);
            // Registered before the look, so that nothing is missed between look and wait.
            decided.as_mut().enable();
            if let Some(deciding) = self.decide(row) {
                return Some(deciding);
            }
            tokio::select! {
                () = decided => {}
                () = self.parts.clock.sleep_until(until) => return None,
            }
        }
    }

    async fn kept_message(&self, event: Row) -> Option<Arc<Message>> {
        match self.parts.store.passive_answer(event).await {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(event, %error, "passive answer not readable");
                None
            }
        }
    }

    /// The step from kept to handed over: final, unless more of it goes by the API.
    async fn handed_over(&self, message: &Message) -> Settle {
        let unsaid = self.has_more(message).await;
        let more = ends_session(&message.request) || unsaid;
        let mut handed = step(message);
        handed.result.status = if more { Status::Accepted } else { Status::HandedOver } as i32;
        handed.result.road = Road::Passive as i32;
        handed.result.error = None;
        handed.pieces_done = if unsaid { 1 } else { ALL_SAID };
        handed.next_attempt = self.now();
        let told = message.result.road() == Road::Passive;
        handed.tell = !told && self.tells(message, handed.result.status());
        handed
    }

    /// Whether what it answers is an event; of one that is forgotten nobody knows.
    pub(super) async fn answers_event(&self, message: &Message) -> Result<bool, StoreError> {
        let answered = match message.request.in_reply_to.as_str() {
            "" => None,
            id => self.parts.store.event(id).await?,
        };
        Ok(answered.is_some_and(|stored| facts::is_event(&stored.event)))
    }

    /// Whether a kept answer was only the first of several pieces.
    async fn has_more(&self, message: &Message) -> bool {
        let Some(opened) = self.opened(&message.account) else {
            return false;
        };
        if message
            .result
            .degradations
            .iter()
            .any(|lost| lost.reason.starts_with(CUT))
        {
            return false;
        }
        let Ok(Some(say)) = facts::said(&message.request) else {
            return false;
        };
        // Not known now: the dispatcher finds out, and says what is left, which may be nothing.
        let Ok(say) = self.with_ticket(&opened, &message.request, None, say).await else {
            return true;
        };
        let Ok(say) = self.with_quote(&opened.settings.id, &message.key, say).await else {
            return true;
        };
        let ask = Ask::of(&message.request);
        let facts = Facts {
            passive: true,
            after_event: self.answers_event(message).await.unwrap_or_default(),
            ..facts::facts(Some(&*opened), None, self.probes.shut(&opened, self.now()), self.now())
        };
        let as_told = Pictures::as_told(&message.result);
        // The platform waits: nothing is fetched only to be counted.
        let rendering = self.rendered(&opened, say, plan::roads(&ask, &facts), How::Preview, as_told);
        rendering.await.map_or(true, |pieces| pieces.pieces.len() > 1)
    }
}

/// Nothing but texts: no file must be on the platform first.
fn is_words(say: &Say) -> bool {
    let is_text = |part: &v1::Part| matches!(part.content, Some(v1::part::Content::Text(_)));
    match &say.what {
        What::Parts { parts, .. } => parts.iter().all(is_text),
        _ => true,
    }
}

enum Boarded {
    Yes {
        plain: Vec<u8>,
        degradations: Vec<v1::Degradation>,
        more: bool,
    },
    No(Way),
}

/// As `pieces_done`: the open request carried all that will be said, be it cut.
pub(super) const ALL_SAID: u32 = u32::MAX;

const CUT: &str = "only the first of ";

/// What a passive answer of these pieces loses, beside what they lost when they were rendered.
pub(super) fn lost_in_riding(opened: &Opened, rendered: &Pieces, cut: bool) -> Vec<v1::Degradation> {
    let Some(first) = rendered.pieces.first() else {
        return Vec::new();
    };
    let mut lost = opened.account.passive_loses(first);
    if cut {
        lost.push(cut_off(first.part_type, rendered.pieces.len()));
    }
    lost
}

fn cut_off(part_type: &str, pieces: usize) -> v1::Degradation {
    v1::Degradation {
        from_type: part_type.to_owned(),
        to_type: part_type.to_owned(),
        reason: format!("{CUT}{pieces} pieces was sent: this account cannot send the others"),
    }
}

/// The pieces as the planner sees them.
pub(super) fn shapes(pieces: &Pieces, first_rides: bool) -> Vec<Shape> {
    pieces
        .pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| Shape {
            rides: index == 0 && first_rides,
            passive_only: piece.passive_only,
        })
        .collect()
}

/// How long a caller may wait for an answer of the platform.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
