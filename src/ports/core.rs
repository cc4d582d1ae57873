//! How does one event reach a core once? One attempt out, one outcome back; retries, order and parking are not its business.

use async_trait::async_trait;

use crate::{
    cores::Core,
    ports::clock::Millis,
    schema::{Written, v1},
};

/// One attempt to hand one event to its core.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// As stored: `offer` unset, `raw` where we have it.
    pub event: &'a Written,
    /// From 1.
    pub attempt: u32,
    /// Set while the platform's request is still open.
    pub passive: Option<v1::PassiveWindow>,
    /// Set on a replay.
    pub replay: Option<&'a str>,
    pub now: Millis,
}

impl Offer<'_> {
    /// This attempt, as the core is told of it.
    pub fn told(&self) -> v1::Offer {
        v1::Offer {
            attempt: self.attempt,
            passive: self.passive.clone(),
            replay_id: self.replay.unwrap_or_default().to_owned(),
        }
    }
}

/// The event as a core sees it at one attempt, by whatever way it comes: the platform's body where the core wants it, and
/// always where we have no name for what it says.
pub fn shown(mut event: v1::Event, offer: v1::Offer, raw_inline: bool) -> v1::Event {
    if !(raw_inline || always_raw(&event)) {
        event.raw = None;
    }
    event.offer = Some(offer);
    event
}

/// What we have no name for travels with what the platform said, whatever the core is set to.
pub fn always_raw(event: &v1::Event) -> bool {
    use v1::event::Body;
    match &event.body {
        Some(Body::Message(message)) => has_nameless_part(message),
        Some(Body::Signal(signal)) => signal.r#type() == v1::signal::Type::Other,
        _ => false,
    }
}

/// A part that we have no name for, also inside a chat that was passed on.
pub fn has_nameless_part(message: &v1::Message) -> bool {
    use v1::part::Content;
    message.parts.iter().any(|part| match &part.content {
        Some(Content::Forwarded(chat)) => chat.items.iter().any(has_nameless_part),
        Some(Content::Unsupported(_)) | None => true,
        Some(_) => false,
    })
}

/// What one attempt came to. Which of them count against the event and which against the core is the difference that
/// matters: only the former may park an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The core has it.
    Taken(Answer),
    /// The core says: not now (an Ack with RETRY).
    Again { after: Option<Millis>, why: String },
    /// The core says: set it aside (an Ack with PARK). What it replied is said all the same.
    Park { why: String, replies: Vec<Reply> },
    /// The core understood the request and will not have this event (400, 413, 422).
    Refused { after: Option<Millis>, why: String },
    /// This attempt failed (timeout, 5xx, a broken answer); another event may fare better.
    Failed { after: Option<Millis>, why: String },
    /// The core asks for less (429, 503).
    Slow { after: Option<Millis>, why: String },
    /// Nobody is there, or it is not our core (refused, DNS, TLS, 3xx, other 4xx).
    Down { after: Option<Millis>, why: String },
}

impl Outcome {
    /// For people; empty where all is well.
    pub fn why(&self) -> &str {
        match self {
            Outcome::Taken(_) => "",
            Outcome::Again { why, .. }
            | Outcome::Park { why, .. }
            | Outcome::Refused { why, .. }
            | Outcome::Failed { why, .. }
            | Outcome::Slow { why, .. }
            | Outcome::Down { why, .. } => why,
        }
    }

    /// When the core wants to be asked again, where it said so.
    pub fn after(&self) -> Option<Millis> {
        match self {
            Outcome::Again { after, .. }
            | Outcome::Refused { after, .. }
            | Outcome::Failed { after, .. }
            | Outcome::Slow { after, .. }
            | Outcome::Down { after, .. } => *after,
            Outcome::Taken(_) | Outcome::Park { .. } => None,
        }
    }
}

/// A reply as it was read, or why it could not be.
pub type Reply = Result<v1::SendRequest, BadReply>;

/// A reply that could not be decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadReply {
    pub why: String,
    /// The core's own name for it, where that could be read.
    pub client_message_id: String,
}

/// What the core said while it took the event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// In order; one that could not be decoded says why.
    pub replies: Vec<Reply>,
    /// A reply may still come by `Send` before the deadline.
    pub keep_window: bool,
}

/// The way to a core. An attempt that ran into the core's timeout has let go of its connection when it returns.
#[async_trait]
pub trait CoreLink: Send + Sync + 'static {
    async fn offer(&self, core: &Core, offer: Offer<'_>) -> Outcome;

    /// Offers events of one conversation in their order, as many of them as travel in one request: one outcome for each
    /// that was reached, and all but the last of these are taken. What is behind them counts as not offered. Where a request
    /// holds one event, the next waits until this one is committed: after a crash nothing may come again behind a later one.
    async fn offer_run(&self, core: &Core, run: Vec<Offer<'_>>) -> Vec<Outcome> {
        match run.into_iter().next() {
            Some(first) => vec![self.offer(core, first).await],
            None => Vec::new(),
        }
    }
}
