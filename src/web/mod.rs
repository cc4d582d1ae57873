//! Which doors are there, and what stands behind each? HTTP for the core and the operators, and for probes.
//!
//! A listener is an actix app that was configured by [`internal()`] or [`health()`]. What the doors need from the rest of
//! the house stands in [`needs`], so that they can be tried without it.

pub mod admin;
pub mod auth;
mod body;
mod callback;
mod calls;
mod chart;
pub mod console;
pub mod document;
pub mod grpc;
mod health;
mod internal;
mod lang;
pub mod links;
pub mod needs;
mod open;
mod params;
pub mod problem;
pub mod quota;
mod shapes;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod v1;
pub mod wired;

use std::sync::Arc;

pub use callback::{callback, cloud};
#[cfg(test)]
pub(crate) use calls::accounts::page as account_page;
pub use calls::accounts::view as account_view;
pub use health::health;
pub use internal::internal;
pub use links::links;
pub use open::{Door as OpenDoor, open};
pub use problem::{Answer, Problem};
pub use v1::access_token::LentTokens;

use crate::{
    accounts::Registry,
    api_tokens::Tokens,
    cores::Cores,
    feed::Feeds,
    observe::Observer,
    ports::{chance::Chance, clock::Clock, store::Store},
};

/// What every request of the internal and health listeners can reach.
pub struct State {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub observer: Arc<Observer>,
    pub cores: Cores,
    pub tokens: Arc<Tokens>,
    /// Who may be named in the Host header of the internal listener.
    pub hosts: auth::Hosts,
    pub wrong_tokens: auth::WrongTokens,
    /// Who is logged in at the console.
    pub console: console::Console,
    pub quotas: quota::Quotas,
    /// `[public] urls`: callback addresses are built from them.
    pub public_urls: Vec<String>,
    pub sending: Arc<dyn needs::Sending>,
    pub media: Arc<dyn needs::Shelf>,
    pub accounts: Arc<dyn needs::AccountDesk>,
    pub lending: Arc<dyn needs::Lending>,
    pub lent: LentTokens,
    pub feeds: Arc<Feeds>,
    pub delivery: Arc<dyn needs::CoreLinks>,
    pub replaying: Arc<dyn needs::Replays>,
    pub replays: admin::Running,
    pub quarantine: Arc<dyn needs::Reread>,
    pub forwarding: Arc<dyn needs::Forwarding>,
    pub open: Arc<dyn needs::OpenPlatforms>,
    pub backup: Arc<dyn needs::Backup>,
    pub audit: Arc<crate::audit::Audit>,
    pub doctor: Arc<crate::doctor::Doctor>,
    pub readiness: health::Readiness,
}

pub use health::Readiness;
