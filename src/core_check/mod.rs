//! Does somebody's core keep its side of the contract? Plays the bridge against it, and says in plain words what is wrong.
//!
//! What is sent is what the bridge sends: [`crate::core_link`] writes, signs and posts it, and reads the answer. The
//! conversations are made up, of an account called `core-check`. A core that replies to each text is examined more
//! closely: whether an event was *ignored* can only be seen where one that is heard has an answer.
//!
//! Each way to a core is a [`door::Door`]; the checks do not know which it is.

mod checks;
pub mod door;
pub mod grpc;
pub mod http;
mod later;
mod made_up;
pub mod report;
mod stage;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::ports::{
    chance::Chance,
    clock::{Clock, Millis},
};
use door::Door;
use report::Report;
use stage::Stage;

/// What the bridge would be configured with.
pub struct Wish {
    pub door: Box<dyn Door>,
    /// How long the core may take to take an event.
    pub timeout: Millis,
    /// How long a callback would wait for this core.
    pub reply_budget: Millis,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

/// Looks at everything. A core that does not take the first event is looked at no further.
pub async fn run(wish: Wish) -> Report {
    let mut stage = Stage::new(wish);
    let findings = checks::all(&mut stage).await;
    Report {
        findings,
        measured: stage.measured(),
    }
}
