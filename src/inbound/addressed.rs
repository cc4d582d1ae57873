//! What becomes of a callback at an open platform's addresses? Opened with the platform's keys; then a notice to it, or a
//! message of one of the accounts that authorised it, which goes on like any account's own.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;

use super::{
    Inbound,
    accept::{Body, Call, Post, Reply},
    query,
};
use crate::{
    accounts::Opened,
    channels::contract::{Admitted, Refusal},
    error::{Code, Fault},
    ports::{clock::Millis, store::StoreError},
};

/// Whose a message is.
pub enum Addressed {
    Reader(Arc<Opened>),
    /// The account withdrew, or nothing is wanted: taken, and told to nobody.
    Revoked,
    /// No account of ours has authorised with this AppID: kept.
    Nobodys,
    /// The path names another account than the message does.
    Forged(Fault),
    /// Answered with this at once; told to nobody.
    Answered(Vec<u8>),
}

/// Why a notice was not taken.
pub enum Untaken {
    Quarantine(Fault),
    Store(StoreError),
}

/// Who knows which accounts authorised an open platform.
#[async_trait]
pub trait Authorizers: Send + Sync + 'static {
    /// Whose is a message that came to the address of `app_id`?
    fn whose(&self, platform: &Arc<Opened>, app_id: &str, admitted: &Admitted, now: Millis) -> Addressed;
    /// The same for one that was set aside: by what it says itself.
    fn again(&self, platform: &Arc<Opened>, admitted: &Admitted) -> Option<Arc<Opened>>;
    /// Takes a notice to the platform; durable when it returns.
    async fn notice(&self, platform: &Arc<Opened>, admitted: &Admitted) -> Result<(), Untaken>;
}

impl Inbound {
    /// A request at an open platform's address begins; `Err` is the answer where there is no such platform.
    pub fn open_platform(self: &Arc<Self>, id: &str, first: Millis, from: Option<IpAddr>) -> Result<Call, Reply> {
        self.begin(id, first, from, |opened| opened.account.authority().is_some())
    }
}

impl Call {
    /// A notice to the platform itself.
    pub async fn notice(self, post: Post<'_>) -> Reply {
        let query = query::read(post.query);
        let now = self.inbound.judged_at(&query, self.first);
        let admitted = match self.admit(&query, post.body, now) {
            Ok(admitted) => admitted,
            Err(refusal) => return Box::pin(self.turned_away(post, refusal)).await,
        };
        let authorizers = self.inbound.parts.authorizers.clone();
        match self.in_time(authorizers.notice(&self.opened, &admitted)).await {
            Some(Ok(())) => self.end("notice", Reply::ok(Body::Success), None),
            Some(Err(Untaken::Quarantine(fault))) => Box::pin(self.set_aside(post, fault)).await,
            Some(Err(Untaken::Store(error))) => self.uncommitted(&error),
            None => self.unavailable(),
        }
    }

    /// A message of the account that `app_id` names.
    pub async fn message(mut self, app_id: &str, post: Post<'_>) -> Reply {
        let query = query::read(post.query);
        let now = self.inbound.judged_at(&query, self.first);
        let admitted = match self.admit(&query, post.body, now) {
            Ok(admitted) => admitted,
            Err(refusal) => return Box::pin(self.turned_away(post, refusal)).await,
        };
        let authorizers = self.inbound.parts.authorizers.clone();
        match authorizers.whose(&self.opened, app_id, &admitted, now) {
            Addressed::Reader(reader) => {
                // From here on it is that account's own: its window, its ledger, its answer, sealed as the request was.
                reader.observe(|condition| condition.last_callback = Some(self.first));
                let platform = std::mem::replace(&mut self.opened, reader);
                match self.passes(&post) {
                    None => self.read_by_its_own(platform, admitted, post, now).await,
                    Some(passing) => {
                        let ours = self.read_by_its_own(platform, admitted, post, now);
                        Box::pin(passing.around(ours)).await
                    }
                }
            }
            Addressed::Revoked => self.end("success", Reply::ok(Body::Success), None),
            Addressed::Forged(fault) => self.refuse(403, &fault),
            Addressed::Nobodys => {
                let detail = format!("no account with the AppID {app_id:?} is bound via this platform");
                let fault = Fault::new(Code::AccountUnknown, detail);
                Box::pin(self.set_aside(post, fault)).await
            }
            Addressed::Answered(document) => self.answer(&admitted, &document),
        }
    }

    /// A message that came by `platform`, at the account it is for.
    async fn read_by_its_own(
        mut self,
        platform: Arc<Opened>,
        admitted: Admitted,
        post: Post<'_>,
        now: Millis,
    ) -> Reply {
        match self.read(self.opened.clone(), admitted, &post, now) {
            Ok(understood) => self.told_of(understood).await,
            Err(refusal) => {
                self.opened = platform;
                Box::pin(self.turned_away(post, refusal)).await
            }
        }
    }

    /// A document of our own, sealed as the request was; an empty one is an empty answer.
    fn answer(self, admitted: &Admitted, document: &[u8]) -> Reply {
        if document.is_empty() {
            return self.end("success", Reply::ok(Body::Empty), None);
        }
        let parts = &self.inbound.parts;
        let mut random = [0; 16];
        parts.chance.fill(&mut random);
        match self
            .opened
            .account
            .seal(&admitted.seal, document, parts.clock.now(), random)
        {
            Ok(sealed) => self.end("passive", Reply::ok(Body::Passive(sealed)), None),
            Err(fault) => {
                tracing::error!(account = self.opened.settings.id, %fault, "an answer cannot be sealed");
                self.end("success", Reply::ok(Body::Success), None)
            }
        }
    }

    async fn turned_away(self, post: Post<'_>, refusal: Refusal) -> Reply {
        match refusal {
            Refusal::Reject { status, fault } => self.refuse(status, &fault),
            Refusal::Quarantine { fault } => self.set_aside(post, fault).await,
        }
    }
}
