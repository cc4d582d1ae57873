//! What follows for a message that did not go, or not all the way? It is tried again, kept for the customer, or it ends.

use super::{
    Outbound,
    by_code::ByCode,
    dispatch::{Turn, held, note_partial},
    facts::ends_session,
    faults::error,
    plan::{Ask, Plan},
    resolve::Unresolved,
    send::Sending,
    step,
};
use crate::{
    accounts::{Condition, Opened},
    channels::contract::{Lasts, Learned, Verdict},
    conversation::ledger::Standing,
    error::{Code, pages},
    ports::{
        clock::Millis,
        store::{AsOf, LedgerEntry, Message, StoreError},
    },
    schema::v1::{
        self,
        send_request::{NoAllowance, What},
        send_result::Status,
    },
    tokens::CallFault,
};

/// The platform's retries without `notAfter`: as long as these pauses add up to (ten minutes).
const RETRIES_FOR: Millis = 10 * MINUTE;
const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;
/// Tries to get a file from an address that a core gave: the first, and two after 1 and 2 s; each takes 20 s at most.
const SOURCE_TRIES: u32 = 3;
/// How a warning begins that the platform gives a token and then refuses our address.
const ADDRESS: &str = "calls from our address are refused: ";

impl Outbound {
    /// The platform answered, and not with "done".
    pub(super) async fn stopped(&self, sending: &Sending, verdict: Verdict) -> Result<Turn, StoreError> {
        let message = &sending.message;
        match verdict {
            Verdict::RetryLater(error) => self.retry(message, error).await,
            Verdict::Unknown(error) => self.ambiguous(message, error).await,
            // The refusal may say that the first try arrived: it is not sent again.
            Verdict::Failed { error, .. } if sending.repeated && sending.opened.account.perhaps_known(&error) => {
                self.end(message, Status::Unknown, perhaps_arrived(error), Vec::new())
                    .await
            }
            Verdict::Failed { error, learned } => {
                let (error, learned) = self.read_back(&sending.opened, message, error, learned).await?;
                address_refused(&sending.opened, &error);
                let mut ledger = self.learn(sending, learned).await;
                ledger.extend(sending.code.as_ref().map(ByCode::spent));
                let lacking = matches!(
                    learned,
                    Some(Learned::WindowClosed | Learned::QuotaExhausted | Learned::Unfollowed)
                );
                if lacking && message.request.no_allowance() == NoAllowance::HoldForCustomer {
                    return self.hold(message, error, ledger, sending.facts.acted).await;
                }
                self.end(message, Status::Failed, error, ledger).await
            }
            Verdict::RefreshToken(error) | Verdict::UploadAgain(error) => {
                self.end(message, Status::Failed, error, Vec::new()).await
            }
            Verdict::Done { .. } => Ok(Turn::Done),
        }
    }

    pub(super) async fn no_answer(&self, sending: &Sending, fault: CallFault) -> Result<Turn, StoreError> {
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

    pub(super) async fn unresolved(&self, message: &Message, unresolved: Unresolved) -> Result<Turn, StoreError> {
        match unresolved {
            Unresolved::Refused(error) => self.end(message, Status::Failed, error, Vec::new()).await,
            Unresolved::NoSource(error) if attempted(message) >= SOURCE_TRIES => {
                self.end(message, Status::Failed, error, Vec::new()).await
            }
            Unresolved::Later(error) | Unresolved::NoSource(error) => {
                let tried = Message {
                    attempts: attempted(message),
                    ..message.clone()
                };
                self.retry(&tried, error).await
            }
        }
    }

    /// Nothing was sent: again after a pause, as long as there is time. A typing sign that comes late says nothing, and
    /// holds up no words.
    pub(super) async fn retry(&self, message: &Message, error: v1::Error) -> Result<Turn, StoreError> {
        let (now, minutes) = (self.now(), MINUTE * Millis::from(message.attempts));
        let (at, paused) = match self.lasts(message, &error) {
            Lasts::UntilNextMinute => {
                let skew = self.parts.keeper.skew().unwrap_or_default();
                (next_minute(now, skew), minutes)
            }
            Lasts::Minute => (now + MINUTE, minutes),
            Lasts::Unknown => (now + pause(message.attempts), paused_until(message.attempts)),
        };
        let in_time = match message.request.not_after {
            _ if matches!(message.request.what, Some(What::Typing(_))) => false,
            Some(_) => at < message.not_after,
            None => paused <= RETRIES_FOR,
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

    /// Whatever was called: a try meanwhile would be refused, and counted, again.
    fn lasts(&self, message: &Message, error: &v1::Error) -> Lasts {
        let number = i64::from(error.platform_code);
        self.opened(&message.account)
            .map_or(Lasts::Unknown, |it| it.account.lasts(number))
    }

    /// `acted`: the customer's last act that the plan knew.
    pub(super) async fn not_now(
        &self,
        message: &Message,
        ask: &Ask,
        plan: Plan,
        acted: Millis,
    ) -> Result<Turn, StoreError> {
        match plan {
            Plan::Hold(error) => self.hold(message, error, Vec::new(), acted).await,
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

    /// Kept until the customer acts after `acted`; said once.
    async fn hold(
        &self,
        message: &Message,
        error: v1::Error,
        ledger: Vec<LedgerEntry>,
        acted: Millis,
    ) -> Result<Turn, StoreError> {
        if message.status() == Status::Held && ledger.is_empty() {
            return Ok(held(message, message.result.error.as_ref()));
        }
        let mut settle = step(message);
        settle.result.status = Status::Held as i32;
        settle.result.error = Some(error);
        settle.next_attempt = acted;
        settle.attempts = 0;
        if message.pieces_done == 0 {
            settle.passive = None;
        }
        settle.ledger = ledger;
        settle.tell = true;
        let settled = self.settle(settle).await?;
        // Who acted before it was committed woke nobody: nothing was held then.
        let view = self.parts.store.conversation(&message.key).await?;
        if view.is_some_and(|view| view.state.last_act > acted) {
            return Ok(Turn::WaitsUntil(self.now()));
        }
        Ok(held(message, settled.result.error.as_ref()))
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
        settle.tell = settle.result.status() != Status::Sent || self.tells(message, Status::Sent);
        self.settle(settle).await?;
        Ok(Turn::Done)
    }

    /// What a refusal teaches: marks for the ledger, and whether the account may use the API at all.
    async fn learn(&self, sending: &Sending, learned: Option<Learned>) -> Vec<LedgerEntry> {
        let as_of = AsOf(sending.facts.acted);
        match learned {
            Some(Learned::WindowClosed) => vec![LedgerEntry::Closed(as_of)],
            Some(Learned::QuotaExhausted) => {
                self.not_only_we(sending);
                vec![LedgerEntry::Exhausted(as_of)]
            }
            Some(Learned::Unfollowed) => vec![LedgerEntry::Unfollowed(as_of)],
            Some(Learned::NoApi(code)) => {
                self.api_refused(&sending.opened, code).await;
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// We counted, messages were left, and the platform says that they are used up: somebody else sent them.
    fn not_only_we(&self, sending: &Sending) {
        let counted = matches!(sending.facts.standing, Standing::Open(Some(1..)));
        if counted && sending.message.pieces_done == 0 {
            let said = "the platform says that a customer's messages are used up, though we have not sent so many / \
                        平台称某客户的消息额度已用完，而本系统并未发送这么多";
            let seen = Some((self.now(), said.to_owned()));
            sending.opened.observe(|condition| condition.suspected = seen);
        }
    }

    /// What a harmless call showed: why the account may not use the API, or that it may.
    pub async fn probed(&self, opened: &Opened, shut: Option<Code>) {
        if let Some(code) = shut {
            opened.observe(|condition| condition.reopened = None);
            return self.api_refused(opened, code).await;
        }
        let now = self.now();
        let opens = |condition: &mut Condition| {
            reachable(condition);
            reopen(condition, now)
        };
        if opened.observe(opens) {
            self.account_changed(opened).await;
        }
    }

    async fn api_refused(&self, opened: &Opened, code: Code) {
        self.probes.refused(opened, self.now());
        let before = opened.observe(|condition| condition.api_shut.replace(code));
        if before != Some(code) {
            self.account_changed(opened).await;
        }
    }

    /// A message went.
    pub(super) async fn api_works(&self, opened: &Opened) {
        let opens = |condition: &mut Condition| {
            reachable(condition);
            condition.reopened = None;
            condition.api_shut.take().is_some()
        };
        if opened.observe(opens) {
            self.account_changed(opened).await;
        }
    }
}

/// A call worked: our address is on the list.
fn reachable(condition: &mut Condition) {
    condition.warnings.retain(|_, said| !said.starts_with(ADDRESS));
}

/// Opens the API where a harmless call that works may mean that messages go again.
fn reopen(condition: &mut Condition, now: Millis) -> bool {
    let Some(code) = condition.api_shut else { return false };
    // What the account's admin did not tick, no call that works can show.
    if code == Code::ScopeNotGranted && condition.warnings.contains_key(&code) {
        return false;
    }
    // Where a message was refused again after such a call, messages alone are: once a day they are tried all the same,
    // because a core that reads that the API is shut sends nothing that could open it.
    if condition.reopened.is_some_and(|(by, at)| by == code && now - at < DAY) {
        return false;
    }
    condition.reopened = Some((code, now));
    condition.api_shut = None;
    true
}

/// Not one message's fault: nothing goes until the address is on the list, and the account says so.
fn address_refused(opened: &Opened, error: &v1::Error) {
    if error.code == Code::IpNotAllowed.name() {
        let words = format_args!("{} {}", error.platform_code, error.platform_message);
        let said = pages::refused((ADDRESS, "来自本机地址的调用被拒绝："), words, &error.remedy);
        opened.observe(|condition| condition.warnings.insert(Code::IpNotAllowed, said));
    }
}

/// The refusal of a repeated message: what the platform said, and no verdict on the message itself.
fn perhaps_arrived(refusal: v1::Error) -> v1::Error {
    v1::Error {
        platform_code: refusal.platform_code,
        ..error(Code::Ambiguous, refusal.platform_message)
    }
}

/// With this one: a try that did not reach the message itself counts all the same.
fn attempted(message: &Message) -> u32 {
    message.attempts + u32::from(message.status() != Status::Sending)
}

/// 1 s, 2, 4 … 60 s.
fn pause(attempts: u32) -> Millis {
    (1_000_i64 << attempts.saturating_sub(1).min(6)).min(60_000)
}

/// How long all pauses up to this one take together.
fn paused_until(attempts: u32) -> Millis {
    (1..=attempts.min(1_000)).map(pause).sum()
}

/// When the platform's next minute begins, by our clock; `skew` is how far its clock is ahead. The platform tells whole
/// seconds only, so this comes up to one late, and never early.
fn next_minute(now: Millis, skew: Millis) -> Millis {
    now + MINUTE - (now + skew).rem_euclid(MINUTE)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_minute_is_the_platforms() {
        for (now, skew, expected) in [
            (0, 0, 60_000),
            (59_999, 0, 60_000),
            (60_000, 0, 120_000),
            (30_000, 29_000, 31_000),
            (30_000, 30_000, 90_000),
            (30_000, -40_000, 40_000),
        ] {
            assert_eq!(next_minute(now, skew), expected, "{now} and {skew}");
        }
    }
}
