//! What must a channel be able to do whose platform keeps sessions of its own, with a queue and colleagues who answer there?

use super::{Answer, Call, Millis, Verdict};
use crate::schema::v1::{self, conversation::SessionState};

/// The platform's sessions.
pub trait Sessions: Send + Sync {
    /// Asks who holds a customer.
    fn state(&self, to: &To<'_>) -> Call;
    fn read_state(&self, answer: &Answer) -> Result<Holder, Verdict>;
    /// Moves a session.
    fn change(&self, to: &To<'_>, into: SessionState, servicer: &str) -> Call;
    /// The code that came with a session moved there, for the words that go with it.
    fn changed(&self, answer: &Answer) -> Result<Option<String>, Verdict>;
    /// The move was refused because the platform does not have it, as opposed to its being wrong.
    fn no_such_move(&self, error: &v1::Error) -> bool;
    /// A send was refused for a reason that the session's state tells.
    fn asks_state(&self, error: &v1::Error) -> bool;
    /// The refusal, in the light of who holds the customer.
    fn refused_in(&self, error: v1::Error, holder: &Holder) -> v1::Error;
    /// What a code that came with this event may carry, and for how long.
    fn code(&self, of: CodeOf) -> CodeRule;
}

/// Who holds a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub state: SessionState,
    /// Empty where it is nobody.
    pub servicer: String,
}

/// What a code came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOf {
    /// The customer came in, or became somebody's contact.
    Welcome,
    /// The session went to the queue or to a colleague.
    Transfer,
    /// The session ended.
    End,
}

impl CodeOf {
    /// Which kind of code a signal brings; `None` where it brings none.
    pub fn of(signal: &v1::Signal) -> Option<Self> {
        if signal.code.is_empty() {
            return None;
        }
        Some(match (signal.r#type(), &signal.session) {
            (v1::signal::Type::SessionEntered | v1::signal::Type::ContactChanged, _) => CodeOf::Welcome,
            (_, Some(change)) if change.after() == SessionState::Ended => CodeOf::End,
            _ => CodeOf::Transfer,
        })
    }
}

/// A code lets one message pass, whatever the allowances say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRule {
    /// From the moment the platform made it.
    pub window: Millis,
    pub part_types: &'static [&'static str],
    pub road: v1::send_result::Road,
    /// The allowance as the core sees it: `welcome_code` or `msg_code`.
    pub trigger: &'static str,
}

/// Where one piece of a message goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct To<'a> {
    /// The customer's id on the platform.
    pub recipient: &'a str,
    /// The place that speaks.
    pub sub_id: &'a str,
    /// Our id of the message, and which of its pieces this is: durable before the call, and the same whenever the call is
    /// made again.
    pub message_id: &'a str,
    pub piece: u32,
    /// It goes by this code.
    pub code: Option<&'a str>,
}
