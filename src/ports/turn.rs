//! Which open request may this reply ride in, and who turns a core's replies into messages?
//!
//! The seam between the three who share one turn: the callback that is held open, the delivery that brings the
//! core's answer, and the outbox that decides its road.

use async_trait::async_trait;

use crate::{
    channels::contract::PassiveTo,
    ports::{
        clock::Millis,
        core::Reply,
        store::{NewMessage, Stored, Took},
    },
    schema::v1,
};

/// The platform's requests that are still open, by the event they became.
pub trait Windows: Send + Sync + 'static {
    /// What the core is told with this attempt; `None`: no passive answer is possible any more.
    fn look(&self, event_id: &str) -> Option<v1::PassiveWindow>;
    /// Takes the one right to answer. Nobody else gets it until the claim is released; a claim that is dropped
    /// releases itself.
    fn claim(&self, event_id: &str) -> Option<Box<dyn Claim>>;
    /// No reply will come: the request is answered `success` now.
    fn close(&self, event_id: &str);
}

/// The right to answer one open request.
pub trait Claim: Send {
    fn to(&self) -> &PassiveTo;
    /// The answer must be handed over before this moment.
    fn deadline(&self) -> Millis;
    /// When the last of the platform's attempts ended, where none is open now.
    fn left_at(&self) -> Option<Millis>;
    /// Gives the plain answer to every attempt that is open, sealed for each. `false`: none was open any more; the
    /// answer is kept for the platform's next attempt, and [`Windows`] no longer holds it.
    fn hand_over(self: Box<Self>, plain: Vec<u8>) -> bool;
    /// The answer is kept with its message: whoever of the platform's attempts waits, or comes, finds it there.
    fn keep(self: Box<Self>);
    fn release(self: Box<Self>);
}

/// Turns a core's replies into messages.
#[async_trait]
pub trait Replies: Send + Sync + 'static {
    /// Plans the replies to one event. A reply that could not be decoded becomes a FAILED message of its own; it
    /// never holds up the others.
    async fn prepare(&self, event: &Stored, replies: Vec<Reply>) -> Box<dyn Prepared>;
}

/// Replies planned for one event: commit [`Prepared::messages`] with the event's acceptance, then say how it went.
pub trait Prepared: Send {
    fn messages(&self) -> Vec<NewMessage>;
    /// The commit happened: a passive answer is handed over now.
    fn committed(self: Box<Self>, took: &Took);
    /// The commit did not happen: nothing may leave.
    fn abandoned(self: Box<Self>);
}
