//! How does one message go by the API, piece by piece, so that nothing goes twice and nothing is lost?

use std::sync::Arc;

use super::{
    Outbound,
    by_code::ByCode,
    dispatch::{PAUSE_MOST, Turn, is_ambiguous, note_partial},
    facts::{self, ends_session},
    faults::{error, from_fault},
    plan::{self, Ask, Facts, Plan},
    platform_orders::Place,
    resolve::{How, Unresolved},
    ride::shapes,
    step,
};
use crate::{
    accounts::Opened,
    channels::contract::{Learned, Piece, Pieces, Roads, Say, To, Verdict},
    error::Code,
    ports::{
        clock::Millis,
        store::{LedgerEntry, Message, Settle, StoreError, View},
    },
    schema::v1::{
        self,
        send_request::{Degrade, NoAllowance, What},
        send_result::Status,
    },
    tokens::CallFault,
};

/// The platform's retries without `notAfter`: as long as these pauses add up to (ten minutes).
const RETRIES_FOR: Millis = 10 * 60_000;
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
    /// How things stand without a code.
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
    match message.passive.is_some() && message.pieces_done > 0 {
        true => Roads {
            passive: true,
            api: true,
        },
        false => plan::roads(ask, facts),
    }
}

impl Outbound {
    /// Plans and sends; the message is in ACCEPTED, HELD or (to be repeated) SENDING.
    pub(super) async fn send(
        self: &Arc<Self>,
        message: &Message,
        view: Option<View>,
        behind_held: bool,
    ) -> Result<Turn, StoreError> {
        let Some(opened) = self.opened(&message.account) else {
            let error = error(Code::AccountUnknown, "the account is not bound any more");
            return self.end(message, Status::Failed, error, Vec::new()).await;
        };
        if let Some(turn) = self.order(message, &opened, view.as_ref()).await? {
            return Ok(turn);
        }
        let say = match said(message) {
            Ok(say) => say,
            Err(error) => return self.end(message, Status::Failed, error, Vec::new()).await,
        };
        let say = self.with_ticket(&opened, &message.request, None, say).await?;
        let now = self.now();
        let mut facts = facts::facts(view.as_ref(), self.probes.shut(&opened, now), now);
        facts.behind_held = behind_held;
        let code = self.code_of(&opened, message).await?;
        let without = facts;
        if code.is_some() {
            facts = ByCode::open(facts);
        }
        let ask = Ask::of(&message.request);
        if message.pieces_done == 0
            && let Some(plan) = plan::before(&ask, &facts)
        {
            return self.not_now(message, &ask, plan).await;
        }
        let roads = roads(message, &ask, &facts);
        let pieces = match self.rendered(&opened, say.clone(), roads, How::Kept).await {
            Ok(pieces) => pieces,
            Err(unresolved) => return self.unresolved(message, unresolved).await,
        };
        let rest = pieces.pieces.len().saturating_sub(message.pieces_done as usize);
        if rest == 0 {
            return self.all_gone(message, view.as_ref(), step(message)).await;
        }
        let mut code = code.filter(|code| code.carries(&pieces));
        if let Some(by) = &code
            && !self.use_code(&opened, message, by).await?
        {
            code = None;
        }
        if code.is_none() || pieces.pieces.len() > 1 {
            facts = without;
        }
        let shapes = shapes(&pieces, false);
        match plan::plan(&ask, &facts, &shapes[shapes.len() - rest..]) {
            Plan::Api => {}
            other => return self.not_now(message, &ask, other).await,
        }
        if let Some(turn) = self.too_fast(message, &opened).await? {
            return Ok(turn);
        }
        let sending = Sending {
            place: Place::of(&message.key),
            repeated: is_ambiguous(&message.result) || message.status() == Status::Sending,
            message: self.begin(message, &pieces, &opened, code.as_ref()).await?,
            code,
            facts: without,
            opened,
        };
        match self.pieces(sending, pieces, say, roads).await? {
            Gone::All(settle) => self.all_gone(message, view.as_ref(), *settle).await,
            Gone::Stopped(turn) => Ok(turn),
        }
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

    /// Everything was said: SENT, and an order that came with it is carried out.
    async fn all_gone(&self, message: &Message, view: Option<&View>, mut settle: Settle) -> Result<Turn, StoreError> {
        if ends_session(&message.request) {
            self.end_session(message, view).await?;
        }
        settle.result.status = Status::Sent as i32;
        settle.tell = self
            .opened(&message.account)
            .is_some_and(|it| self.tell(&it.describe, Status::Sent));
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
                        Some(by) => LedgerEntry::SpentCode(by.rule.trigger),
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
                }
                Ok(Verdict::UploadAgain(_)) if !uploaded_again => {
                    uploaded_again = true;
                    match self.rendered(&sending.opened, say.clone(), roads, How::Afresh).await {
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
                    match self.rendered(&sending.opened, say.clone(), roads, How::Kept).await {
                        Ok(fresh) => pieces = fresh,
                        Err(_) => return Ok(Gone::Stopped(self.stopped(&sending, failed(error)).await?)),
                    }
                    let mut settle = step(&sending.message);
                    settle.result.degradations.clone_from(&pieces.degradations);
                    settle.result.degradations.push(lost);
                    sending.message = self.settle(settle).await?;
                }
                // The code was refused: by an allowance, if there is one.
                Ok(Verdict::Failed { .. })
                    if sending.code.is_some()
                        && plan::before(&Ask::of(&sending.message.request), &sending.facts).is_none() =>
                {
                    sending.code = None;
                    let mut settle = step(&sending.message);
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

    pub(super) async fn rendered(
        &self,
        opened: &Arc<Opened>,
        say: Say,
        roads: Roads,
        how: How,
    ) -> Result<Pieces, Unresolved> {
        let (say, mut lost) = self.with_files(opened, say, how).await?;
        let mut pieces = opened
            .account
            .pieces(&say, roads)
            .map_err(|fault| Unresolved::Refused(from_fault(fault)))?;
        lost.append(&mut pieces.degradations);
        pieces.degradations = lost;
        Ok(pieces)
    }

    /// The platform answered, and not with "done".
    async fn stopped(&self, sending: &Sending, verdict: Verdict) -> Result<Turn, StoreError> {
        let message = &sending.message;
        match verdict {
            Verdict::RetryLater(error) => self.retry(message, error).await,
            Verdict::Unknown(error) => self.ambiguous(message, error).await,
            // The refusal may say that the first try arrived: it is not sent again.
            Verdict::Failed { error, .. } if sending.repeated && sending.opened.account.perhaps_known(&error) => {
                self.end(message, Status::Unknown, error, Vec::new()).await
            }
            Verdict::Failed { error, learned } => {
                let error = self.read_back(&sending.opened, message, error).await?;
                let ledger = self.learn(sending, learned).await;
                let lacking = matches!(
                    learned,
                    Some(Learned::WindowClosed | Learned::QuotaExhausted | Learned::Unfollowed)
                );
                if lacking && message.request.no_allowance() == NoAllowance::HoldForCustomer {
                    return self.hold(message, error, ledger).await;
                }
                self.end(message, Status::Failed, error, ledger).await
            }
            Verdict::RefreshToken(error) | Verdict::UploadAgain(error) => {
                self.end(message, Status::Failed, error, Vec::new()).await
            }
            Verdict::Done { .. } => Ok(Turn::Done),
        }
    }

    async fn no_answer(&self, sending: &Sending, fault: CallFault) -> Result<Turn, StoreError> {
        let message = &sending.message;
        match fault {
            CallFault::NotSent(why) => self.retry(message, error(Code::PlatformDown, why)).await,
            CallFault::NoToken(error) if error.retryable => self.retry(message, error).await,
            CallFault::NoToken(error) => self.end(message, Status::Failed, error, Vec::new()).await,
            CallFault::Lost(why) => self.ambiguous(message, error(Code::Ambiguous, why)).await,
        }
    }

    /// It may have arrived: reported, or repeated once where the core prefers twice to never.
    async fn ambiguous(&self, message: &Message, error: v1::Error) -> Result<Turn, StoreError> {
        if self.repeats(message) {
            return self.retry(message, error).await;
        }
        self.end(message, Status::Unknown, error, Vec::new()).await
    }

    async fn unresolved(&self, message: &Message, unresolved: Unresolved) -> Result<Turn, StoreError> {
        match unresolved {
            Unresolved::Refused(error) => self.end(message, Status::Failed, error, Vec::new()).await,
            Unresolved::Later(error) => {
                // A try that did not reach the message itself counts all the same.
                let tried = Message {
                    attempts: message.attempts + u32::from(message.status() != Status::Sending),
                    ..message.clone()
                };
                self.retry(&tried, error).await
            }
        }
    }

    /// Nothing was sent: again after a pause, as long as there is time. A typing sign that comes late says nothing, and
    /// holds up no words.
    pub(super) async fn retry(&self, message: &Message, error: v1::Error) -> Result<Turn, StoreError> {
        let at = self.now() + pause(message.attempts);
        let in_time = match message.request.not_after {
            _ if matches!(message.request.what, Some(What::Typing(_))) => false,
            Some(_) => at < message.not_after,
            None => paused_until(message.attempts) <= RETRIES_FOR,
        };
        if !in_time {
            let ambiguous = error.code == Code::Ambiguous.name();
            let status = if ambiguous { Status::Unknown } else { Status::Failed };
            return self.end(message, status, error, Vec::new()).await;
        }
        let mut settle = step(message);
        settle.result.status = Status::Accepted as i32;
        settle.result.error = Some(error);
        settle.next_attempt = at;
        self.settle(settle).await?;
        Ok(Turn::WaitsUntil(at))
    }

    async fn not_now(&self, message: &Message, ask: &Ask, plan: Plan) -> Result<Turn, StoreError> {
        match plan {
            Plan::Hold(error) => self.hold(message, error, Vec::new()).await,
            // An answer that was kept for an open request has missed it; there is no other road.
            Plan::Refuse(_, refusal) if message.passive.is_some() && message.pieces_done == 0 && is_shut(&refusal) => {
                let error = error(
                    Code::Expired,
                    format!("the passive window is over, and: {}", refusal.platform_message),
                );
                self.end(message, Status::Expired, error, Vec::new()).await
            }
            Plan::Refuse(status, error) => self.end(message, status, error, Vec::new()).await,
            Plan::Api | Plan::Passive { .. } => {
                tracing::error!(message_id = message.id, ?ask, "a road that is not open was planned");
                let error = error(Code::UnsupportedPart, "this part cannot go by the API");
                self.end(message, Status::Failed, error, Vec::new()).await
            }
        }
    }

    /// Kept until the customer acts; said once.
    async fn hold(&self, message: &Message, error: v1::Error, ledger: Vec<LedgerEntry>) -> Result<Turn, StoreError> {
        if message.status() == Status::Held && ledger.is_empty() {
            return Ok(Turn::Held(message.not_after));
        }
        let mut settle = step(message);
        settle.result.status = Status::Held as i32;
        settle.result.error = Some(error);
        settle.next_attempt = self.now();
        settle.attempts = 0;
        if message.pieces_done == 0 {
            settle.passive = None;
        }
        settle.ledger = ledger;
        settle.tell = true;
        self.settle(settle).await?;
        Ok(Turn::Held(message.not_after))
    }

    /// Final.
    pub(super) async fn end(
        &self,
        message: &Message,
        status: Status,
        error: v1::Error,
        ledger: Vec<LedgerEntry>,
    ) -> Result<Turn, StoreError> {
        let mut settle = step(message);
        settle.result.status = status as i32;
        settle.result.error = Some(error);
        if message.pieces_done == 0 {
            settle.passive = None;
        }
        note_partial(&mut settle.result, message.pieces_done);
        settle.ledger = ledger;
        if ends_session(&message.request) && status != Status::Expired {
            self.closing_unsaid(message, &mut settle).await?;
        }
        // An order that was carried out without its words is good news.
        settle.tell = settle.result.status() != Status::Sent
            || self
                .opened(&message.account)
                .is_some_and(|it| self.tell(&it.describe, Status::Sent));
        self.settle(settle).await?;
        Ok(Turn::Done)
    }

    /// What a refusal teaches: marks for the ledger, and whether the account may use the API at all.
    async fn learn(&self, sending: &Sending, learned: Option<Learned>) -> Vec<LedgerEntry> {
        match learned {
            Some(Learned::WindowClosed) => vec![LedgerEntry::Closed],
            Some(Learned::QuotaExhausted) => vec![LedgerEntry::Exhausted],
            Some(Learned::Unfollowed) => vec![LedgerEntry::Unfollowed],
            Some(Learned::NoApi(code)) => {
                self.api_refused(&sending.opened, code).await;
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    async fn api_refused(&self, opened: &Opened, code: Code) {
        self.probes.refused(opened, self.now());
        let before = opened.observe(|condition| condition.api_shut.replace(code));
        if before != Some(code) {
            self.capabilities_changed(opened).await;
        }
    }

    async fn api_works(&self, opened: &Opened) {
        if opened.observe(|condition| condition.api_shut.take()).is_some() {
            self.capabilities_changed(opened).await;
        }
    }
}

fn failed(error: v1::Error) -> Verdict {
    Verdict::Failed { error, learned: None }
}

/// 1 s, 2, 4 … 60 s.
fn pause(attempts: u32) -> Millis {
    (1_000_i64 << attempts.saturating_sub(1).min(6)).min(60_000)
}

/// How long all pauses up to this one take together.
fn paused_until(attempts: u32) -> Millis {
    (1..=attempts.min(1_000)).map(pause).sum()
}

/// The refusal is about the account, not about this message.
fn is_shut(error: &v1::Error) -> bool {
    [
        Code::NotEntitled,
        Code::ScopeNotGranted,
        Code::AccountRevoked,
        Code::NeedsReauth,
    ]
    .iter()
    .any(|code| code.name() == error.code)
}
