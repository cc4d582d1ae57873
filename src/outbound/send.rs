//! How does one message go by the API, piece by piece, so that nothing goes twice and nothing is lost?

use std::sync::Arc;

use super::{
    Outbound,
    by_code::{Asks, ByCode, Standings},
    dispatch::{PAUSE_MOST, Turn, is_ambiguous},
    facts::{self, ends_session},
    faults::{error, from_fault},
    pictures::{Inside, Pictures, Room},
    plan::{self, Ask, Facts, Plan},
    platform_session::Place,
    resolve::{How, Unplaced, Unresolved},
    ride::{ALL_SAID, shapes},
    step,
};
use crate::{
    accounts::Opened,
    channels::contract::{self, Piece, Pieces, Roads, Say, To, Verdict},
    error::Code,
    ports::store::{LedgerEntry, Message, Settle, StoreError, View},
    schema::v1::{
        self,
        send_request::{Degrade, What},
        send_result::Status,
    },
    tokens::CallFault,
};

/// An ambiguous call is repeated once where the core wants that, by the platform's own advice.
pub(super) const AMBIGUOUS_TRIES: u32 = 2;
/// Where the platform tells repeats apart, a call whose answer was lost is repeated twice.
pub(super) const SAFE_TRIES: u32 = 3;

/// One message on its way, with its last durable step.
pub(super) struct Sending {
    pub opened: Arc<Opened>,
    pub message: Arc<Message>,
    pub place: Place,
    /// The first piece goes by it.
    pub code: Option<ByCode>,
    /// How things stand once the code is gone.
    pub facts: Facts,
    /// The answer to an earlier try was lost.
    pub repeated: bool,
}

/// How the pieces went.
pub(super) enum Gone {
    /// All of them; the step that says so is not committed yet.
    All(Box<Settle>),
    /// Not all; why and what now is committed.
    Stopped(Turn),
}

/// What a message says, or why it says nothing.
fn said(message: &Message) -> Result<Say, v1::Error> {
    match facts::said(&message.request) {
        Ok(Some(say)) => Ok(Say {
            id: message.id.clone(),
            ..say
        }),
        Ok(None) => Err(error(Code::UnsupportedPart, "there is nothing to say")),
        Err(fault) => Err(from_fault(fault)),
    }
}

/// The roads for which it is rendered. Cut as it was when its first piece rode in the open request: the others start where
/// that one ended.
fn roads(message: &Message, ask: &Ask, facts: &Facts) -> Roads {
    match has_ridden(message) {
        true => Roads {
            passive: true,
            api: true,
            after_event: facts.after_event,
        },
        false => plan::roads(ask, facts),
    }
}

fn has_ridden(message: &Message) -> bool {
    message.passive.is_some() && message.pieces_done > 0
}

impl Outbound {
    /// Plans and sends; the message is in ACCEPTED, HELD or (to be repeated) SENDING.
    pub(super) async fn send(
        self: &Arc<Self>,
        message: &Message,
        view: Option<View>,
        behind_held: Option<Code>,
    ) -> Result<Turn, StoreError> {
        let Some(opened) = self.owner(&message.account, &message.key) else {
            return self.stranded(message).await;
        };
        if let Some(turn) = self.order(message, &opened, view.as_ref()).await? {
            return Ok(turn);
        }
        let say = match said(message) {
            Ok(say) => say,
            Err(error) => return self.end(message, Status::Failed, error, Vec::new()).await,
        };
        let say = self.with_ticket(&opened, &message.request, None, say).await?;
        let say = match self.with_quote(&message.account, &message.key, say).await {
            Ok(say) => say,
            Err(unresolved) => return self.unresolved(message, unresolved).await,
        };
        let now = self.now();
        let mut facts = facts::facts(Some(&*opened), view.as_ref(), self.probes.shut(&opened, now), now);
        facts.behind_held = behind_held;
        facts.after_event = has_ridden(message) && self.answers_event(message).await?;
        let standings = self
            .standings(&opened, &Asks::of(message), view.as_ref(), facts)
            .await?;
        let ask = Ask::of(&message.request);
        if message.pieces_done == 0
            && let Some(plan) = plan::before(&ask, &standings.with)
        {
            return self.not_now(message, &ask, plan, standings.with.acted).await;
        }
        let say = standings.said(say);
        let roads = roads(message, &ask, &standings.with);
        let pictures = match message.pieces_done {
            0 => Pictures::IfFit(ask, Room::ByPieces(&standings)),
            _ => Pictures::as_told(&message.result),
        };
        let pieces = match self.rendered(&opened, say.clone(), roads, How::Kept, pictures).await {
            Ok(pieces) => pieces,
            Err(unresolved) => return self.unresolved(message, unresolved).await,
        };
        let rest = pieces.pieces.len().saturating_sub(message.pieces_done as usize);
        if rest == 0 {
            return self.all_gone(message, view.as_ref(), step(message)).await;
        }
        let code = match self.way_out(&opened, message, &standings, &pieces, rest).await? {
            Ok(code) => code,
            Err(plan) => return self.not_now(message, &ask, plan, standings.with.acted).await,
        };
        if let Some(turn) = self.too_fast(message, &opened).await? {
            return Ok(turn);
        }
        let sending = Sending {
            place: Place::of(&message.key),
            repeated: is_ambiguous(&message.result) || message.status() == Status::Sending,
            message: self.begin(message, &pieces, &opened, code.as_ref()).await?,
            code,
            facts: standings.afterwards,
            opened,
        };
        match self.pieces(sending, pieces, say, roads).await? {
            Gone::All(settle) => self.all_gone(message, view.as_ref(), *settle).await,
            Gone::Stopped(turn) => Ok(turn),
        }
    }

    /// Nobody can send it any more.
    async fn stranded(&self, message: &Message) -> Result<Turn, StoreError> {
        let why = self.without_owner(&message.account);
        let (status, error) = match is_ambiguous(&message.result) || message.status() == Status::Sending {
            true => (
                Status::Unknown,
                error(Code::Ambiguous, format!("a call's answer was lost, and {why}")),
            ),
            false => (Status::Failed, error(Code::AccountUnknown, why)),
        };
        self.end(message, status, error, Vec::new()).await
    }

    /// By which code the first of the pieces goes that are left, if by one; or why they do not go now. A code is used up only
    /// by a message that goes: of too many pieces none does.
    async fn way_out(
        &self,
        opened: &Opened,
        message: &Message,
        standings: &Standings,
        pieces: &Pieces,
        rest: usize,
    ) -> Result<Result<Option<ByCode>, Plan>, StoreError> {
        let (ask, shapes) = (Ask::of(&message.request), shapes(pieces, false));
        let planned = |code: Option<&ByCode>| {
            let facts = standings.facts(code, pieces.pieces.len());
            plan::plan(&ask, &facts, &shapes[shapes.len() - rest..])
        };
        let mut code = standings.code_for(pieces);
        let mut plan = planned(code.as_ref());
        if let (Plan::Api, Some(by)) = (&plan, &code)
            && !self.use_code(opened, message, by).await?
        {
            code = None;
            plan = planned(None);
        }
        Ok(match plan {
            Plan::Api => Ok(code),
            other => Err(other),
        })
    }

    /// The platform would drop it for coming too fast: it waits, and what is behind it.
    async fn too_fast(&self, message: &Message, opened: &Opened) -> Result<Option<Turn>, StoreError> {
        let now = self.now();
        let Some(at) = self.paces.wait(opened.account.pace(), message.conversation, now) else {
            return Ok(None);
        };
        let at = at.min(now + PAUSE_MOST);
        let mut settle = step(message);
        settle.result.status = Status::Accepted as i32;
        settle.next_attempt = at;
        self.settle(settle).await?;
        Ok(Some(Turn::WaitsUntil(at)))
    }

    /// Everything was said: SENT, and an order that came with it is carried out. That it was said is on disk before: however
    /// long a store takes no event, the words go once.
    async fn all_gone(&self, message: &Message, view: Option<&View>, mut settle: Settle) -> Result<Turn, StoreError> {
        if ends_session(&message.request) {
            settle.result.status = Status::Accepted as i32;
            settle.pieces_done = ALL_SAID;
            settle.next_attempt = self.now();
            let said = self.settle(settle).await?;
            self.end_session(&said, view).await?;
            settle = step(&said);
        }
        settle.result.status = Status::Sent as i32;
        settle.tell = self.tells(message, Status::Sent);
        self.settle(settle).await?;
        Ok(Turn::Done)
    }

    /// From now on a call may be under way.
    async fn begin(
        &self,
        message: &Message,
        pieces: &Pieces,
        opened: &Opened,
        code: Option<&ByCode>,
    ) -> Result<Arc<Message>, StoreError> {
        let mut settle = step(message);
        settle.result.status = Status::Sending as i32;
        settle.result.road = code.map_or_else(|| facts::road_of(opened, pieces), |by| by.rule.road) as i32;
        settle.result.degradations.clone_from(&pieces.degradations);
        settle.result.error = None;
        // What goes by the API is no passive answer any more; one that already left stays what a repeated callback gets.
        if message.pieces_done == 0 {
            settle.passive = None;
        }
        settle.attempts += 1;
        self.settle(settle).await
    }

    /// Sends piece after piece, each step committed before the next call.
    async fn pieces(
        &self,
        mut sending: Sending,
        mut pieces: Pieces,
        mut say: Say,
        roads: Roads,
    ) -> Result<Gone, StoreError> {
        let free = matches!(sending.message.request.what, Some(What::Typing(_)));
        let (mut uploaded_again, mut otherwise) = (false, false);
        loop {
            let done = sending.message.pieces_done as usize;
            let Some(piece) = pieces.pieces.get(done) else {
                return Ok(Gone::All(Box::new(step(&sending.message))));
            };
            if let Some(turn) = self.too_fast(&sending.message, &sending.opened).await? {
                return Ok(Gone::Stopped(turn));
            }
            self.paces
                .note(sending.opened.account.pace(), sending.message.conversation, self.now());
            match self.call(&sending, piece).await {
                Ok(Verdict::Done { message_id }) => {
                    self.api_works(&sending.opened).await;
                    let mut settle = step(&sending.message);
                    settle.result.platform_message_ids.extend(message_id);
                    settle.pieces_done += 1;
                    let spent = match sending.code.take() {
                        Some(by) => by.spent(),
                        None => LedgerEntry::Spent(1),
                    };
                    settle.ledger.extend((!free).then_some(spent));
                    if settle.pieces_done as usize >= pieces.pieces.len() {
                        if let Some(ticket) = &say.ticket {
                            self.spent(&sending.opened, ticket).await;
                        }
                        return Ok(Gone::All(Box::new(settle)));
                    }
                    sending.message = self.settle(settle).await?;
                    if sending.message.is_final() {
                        // A piece that the platform had taken did not arrive: none follows it.
                        return Ok(Gone::Stopped(Turn::Done));
                    }
                }
                Ok(Verdict::UploadAgain(_)) if !uploaded_again => {
                    uploaded_again = true;
                    match self.again(&sending, say.clone(), roads, How::Afresh).await {
                        Ok(fresh) => pieces = fresh,
                        Err(unresolved) => {
                            return Ok(Gone::Stopped(self.unresolved(&sending.message, unresolved).await?));
                        }
                    }
                }
                Ok(Verdict::Failed { error, .. })
                    if !otherwise && let Some((other, lost)) = self.instead(&sending, &say, &error) =>
                {
                    otherwise = true;
                    say = other;
                    match self.again(&sending, say.clone(), roads, How::Kept).await {
                        Ok(fresh) => pieces = fresh,
                        Err(_) => return Ok(Gone::Stopped(self.stopped(&sending, failed(error)).await?)),
                    }
                    let mut settle = step(&sending.message);
                    settle.result.degradations.clone_from(&pieces.degradations);
                    settle.result.degradations.push(lost);
                    sending.message = self.settle(settle).await?;
                }
                // The code was refused: by an allowance, if there is one.
                Ok(Verdict::Failed { .. }) if sending.code.is_some() && may_go_without(&sending, &pieces) => {
                    let mut settle = step(&sending.message);
                    settle.ledger.extend(sending.code.take().map(|by| by.spent()));
                    settle.result.road = sending.opened.account.usual_road() as i32;
                    sending.message = self.settle(settle).await?;
                }
                Ok(verdict) => return Ok(Gone::Stopped(self.stopped(&sending, verdict).await?)),
                Err(fault) => return Ok(Gone::Stopped(self.no_answer(&sending, fault).await?)),
            }
        }
    }

    /// What the channel has to say in place of what was refused, where the core allows that.
    fn instead(&self, sending: &Sending, say: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
        let allowed = sending.message.request.degrade() != Degrade::Refuse;
        allowed.then(|| sending.opened.account.instead(say, error)).flatten()
    }

    async fn call(&self, sending: &Sending, piece: &Piece) -> Result<Verdict, CallFault> {
        let to = To {
            piece: sending.message.pieces_done,
            code: sending.code.as_ref().map(|by| by.code.as_str()),
            ..sending.place.to(&sending.message.id)
        };
        let call = sending.opened.account.call_to(piece, &to);
        let (answer, verdict) = self.parts.keeper.call(&sending.opened, &call).await?;
        if matches!(verdict, Verdict::Done { .. })
            && let Some(ticket) = sending.opened.account.ticket(&call, &answer)
        {
            self.keep_ticket(&sending.opened, ticket).await;
        }
        Ok(verdict)
    }

    /// As [`rendered`](Self::rendered), of a message that has begun.
    async fn again(&self, sending: &Sending, say: Say, roads: Roads, how: How) -> Result<Pieces, Unresolved> {
        let pictures = Pictures::as_told(&sending.message.result);
        self.rendered(&sending.opened, say, roads, how, pictures).await
    }

    /// What `say` becomes, with its files on the platform.
    pub(super) async fn rendered(
        &self,
        opened: &Arc<Opened>,
        say: Say,
        roads: Roads,
        how: How,
        pictures: Pictures<'_>,
    ) -> Result<Pieces, Unresolved> {
        let unplaced = match self.with_pictures(opened, &say, roads, how, pictures).await? {
            Inside::Apart(pieces) => return Ok(pieces),
            Inside::Linked(unplaced) => unplaced,
        };
        let (mut pieces, _) = self.pieces_of(opened, say, roads, how).await?;
        if let Some(unplaced) = unplaced {
            unplaced.explain(&mut pieces.degradations);
        }
        Ok(pieces)
    }

    /// The pieces of `say` with its files on the platform, and which of those could not be put there.
    pub(super) async fn pieces_of(
        &self,
        opened: &Arc<Opened>,
        mut say: Say,
        roads: Roads,
        how: How,
    ) -> Result<(Pieces, Vec<Unplaced>), Unresolved> {
        let (mut lost, mut unplaced) = (Vec::new(), Vec::new());
        if let contract::What::Parts { parts, .. } = &mut say.what {
            let whole = std::mem::take(parts);
            let resolved = self.resolver.resolve(opened, whole, say.degrade, how).await?;
            *parts = resolved.parts;
            (lost, unplaced) = (resolved.degradations, resolved.unplaced);
        }
        let mut pieces = opened
            .account
            .pieces(&say, roads)
            .map_err(|fault| Unresolved::Refused(from_fault(fault)))?;
        for unplaced in &unplaced {
            unplaced.explain(&mut pieces.degradations);
        }
        lost.append(&mut pieces.degradations);
        pieces.degradations = lost;
        Ok((pieces, unplaced))
    }
}

/// All of them can go by the allowances alone.
fn may_go_without(sending: &Sending, pieces: &Pieces) -> bool {
    let ask = Ask::of(&sending.message.request);
    plan::plan(&ask, &sending.facts, &shapes(pieces, false)) == Plan::Api
}

fn failed(error: v1::Error) -> Verdict {
    Verdict::Failed { error, learned: None }
}
