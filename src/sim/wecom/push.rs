//! How does a company's application hear of something? Sealed XML within five seconds, once and three times again
//! (/document/path/90238).

use crate::sim::{
    platform::Platform,
    push::{Asked, Control, Outcome, Round, Verdict, deliver, dress, judge},
    world::Channel,
};

use super::Agent;

/// "Three retries in total" may mean three or four deliveries; a receiver must stand four.
const ATTEMPTS: u32 = 4;

/// A document for an application, and who caused it.
pub struct Letter {
    pub agent: Agent,
    /// The member who may get a passive reply; empty where there is none.
    pub member: String,
    /// The event; nothing for a message.
    pub event: Option<String>,
    pub inner: String,
    pub control: Control,
}

/// Tells the application. What it answers is judged; what is shown of it is the caller's matter.
pub async fn tell(platform: &Platform, letter: &Letter, outcome: &mut Outcome) -> Option<Verdict> {
    let Letter {
        agent,
        member,
        event,
        inner,
        control,
    } = letter;
    let mut round = Round::new(
        &agent.callback_url,
        ATTEMPTS,
        agent.timeout_ms,
        agent.retry_after_ms,
        control,
    );
    if agent.callback_url.is_empty() {
        outcome.outcome = "no_callback";
        return None;
    }
    if round.attempts == 0 {
        outcome.outcome = "untold";
        return None;
    }
    round.same_query = control.same_query.unwrap_or(agent.same_query);
    let sender = agent.sender();
    let asked = Asked {
        channel: Channel::WecomApp,
        sender: &sender,
        to: member,
        from: &agent.corp_id,
        owner: &agent.corp_id,
        event: event.as_deref(),
    };
    let (attempts, verdict) = deliver(
        platform,
        &round,
        || dress(platform, &sender, inner, control),
        |body| judge(&platform.world(), &asked, body),
    )
    .await;
    outcome.attempts.extend(attempts);
    outcome.outcome = verdict.name();
    match &verdict {
        Verdict::Bad(reason) => {
            outcome.outcome = "fault";
            outcome.reason.clone_from(reason);
        }
        Verdict::Ignored(reason) => outcome.reason.clone_from(reason),
        _ => {}
    }
    Some(verdict)
}
