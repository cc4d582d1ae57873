//! Which accounts authorised our open platforms, and how did they come? Bound by a scan, kept by what the platform tells.
//!
//! ```text
//! book      what outlives a restart, sealed: tickets, who authorised, codes not yet spent, bind links
//! source    tokens for accounts without a secret: by ticket, by refresh token, recovered where one was lost
//! notices   the platform says: here is a ticket, somebody authorised, somebody withdrew
//! settle    what an authorisation changes: who is it, which account serves it, what may be done
//! links     a scan is asked for: single-use links, and who comes back from the platform's page
//! incoming  whose is a message that came to the platform's address?
//! told      the core hears of it
//! watch     tickets that stay away, authorisations that we or the platform forgot, work left over
//! ```
//! Nothing is used before it is durable: a refresh token that only we had would be lost with us. One authorisation is
//! settled at a time, whoever brings it: the redirect of the scan, or the platform's notice.

pub mod book;
mod incoming;
pub mod links;
mod notices;
mod settle;
pub mod source;
mod told;
mod watch;

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use crate::{
    accounts::{Opened, Registry, Service},
    audit::Audit,
    channels::contract::{Authority, Verdict},
    conversation::Rules,
    cores::Cores,
    error::{Code, Fault},
    inbound::trace::Traces,
    outbound::Outbound,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        platform::{Answer, Call},
        store::Store,
    },
    schema::v1,
    tokens::{Keeper, reason, unanswered},
};
use book::{Authorizer, Book};

/// What the room needs from the house.
pub struct Parts {
    pub book: Arc<Book>,
    pub audit: Arc<Audit>,
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub service: Arc<Service>,
    pub keeper: Arc<Keeper>,
    /// Tells what an account can do, and whether we may act for it.
    pub outbound: Arc<Outbound>,
    pub cores: Arc<Cores>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub rules: Rules,
    /// `[public] urls`: where operators may bind from.
    pub public_urls: Vec<String>,
    /// Where the platform's own pages are.
    pub pages: String,
}

/// Everything about accounts that are bound by a scan.
pub struct Component {
    parts: Parts,
    traces: Traces,
    /// One authorisation at a time.
    turn: tokio::sync::Mutex<()>,
    /// Something is left to be done now.
    woken: tokio::sync::Notify,
    /// By open platform: when what was last done, and what is due.
    agenda: std::sync::Mutex<HashMap<String, watch::Agenda>>,
    /// For work that goes on behind an answer.
    me: Weak<Component>,
}

impl Component {
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            parts,
            traces: Traces::default(),
            turn: tokio::sync::Mutex::default(),
            woken: tokio::sync::Notify::new(),
            agenda: std::sync::Mutex::default(),
            me: me.clone(),
        })
    }

    pub fn book(&self) -> &Book {
        &self.parts.book
    }

    /// The platform's time: its notices carry it.
    fn now(&self) -> Millis {
        self.parts.clock.now() + self.parts.keeper.skew().unwrap_or(0)
    }

    /// The open platform with this id.
    pub fn platform(&self, id: &str) -> Option<Arc<Opened>> {
        let opened = self.parts.registry.get(id)?;
        opened.account.authority().is_some().then_some(opened)
    }

    /// The account that serves an authorizer.
    pub fn account(&self, platform: &str, app_id: &str) -> Option<Arc<Opened>> {
        let bound = self.parts.registry.bound_via(platform);
        bound.into_iter().find(|opened| opened.settings.app_id == app_id)
    }

    /// Who authorised this platform, with the account that serves each.
    pub fn authorizers(&self, platform: &str) -> Vec<(String, Authorizer, Option<Arc<Opened>>)> {
        let known = self.parts.book.authorizers(platform).into_iter();
        known
            .map(|(app_id, it)| {
                let account = self.account(platform, &app_id);
                (app_id, it, account)
            })
            .collect()
    }

    /// A call with the platform's own token; what a good answer says.
    async fn ask<T>(
        &self,
        platform: &Arc<Opened>,
        call: &Call,
        read: impl FnOnce(&dyn Authority, &Answer) -> Option<T>,
    ) -> Result<T, v1::Error> {
        asked(&self.parts.keeper, platform, call, read).await
    }
}

/// A call with the platform's own token; what a good answer says.
async fn asked<T>(
    keeper: &Arc<Keeper>,
    platform: &Arc<Opened>,
    call: &Call,
    read: impl FnOnce(&dyn Authority, &Answer) -> Option<T>,
) -> Result<T, v1::Error> {
    match keeper.call(platform, call).await {
        Ok((answer, Verdict::Done { .. })) => {
            let authority = platform.account.authority();
            authority.and_then(|it| read(it, &answer)).ok_or_else(|| v1::Error {
                code: Code::PlatformDown.name().into(),
                platform_message: format!("the answer to {} lacks what it is for", call.path),
                retryable: true,
                ..Default::default()
            })
        }
        Ok((_, verdict)) => Err(reason(verdict)),
        Err(fault) => Err(unanswered(fault)),
    }
}

/// An error of the platform's as a fault of ours.
fn fault(error: &v1::Error) -> Fault {
    let code = Code::parse(&error.code).unwrap_or(Code::PlatformDown);
    let detail = match error.platform_code {
        0 => error.platform_message.clone(),
        number => format!("{number} {}", error.platform_message),
    };
    Fault::new(code, detail)
}
