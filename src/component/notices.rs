//! What does the platform tell us, and what follows? Durable first; what needs another call is done behind the answer.

use std::sync::Arc;

use super::{
    Component,
    book::{Authorizer, Link, Standing, Ticket, Used},
    fault, source,
};
use crate::{
    accounts::Opened,
    channels::contract::{Admitted, Authorized, Notice, Refusal},
    error::{Code, Fault},
    ports::{clock::Millis, store::StoreError},
    schema::v1,
    secret::Secret,
};

/// Why a notice was not taken.
pub enum Unnoted {
    /// It is kept for the operator.
    Quarantine(Fault),
    /// The platform may come again.
    Store(StoreError),
}

impl From<StoreError> for Unnoted {
    fn from(error: StoreError) -> Self {
        Unnoted::Store(error)
    }
}

impl Component {
    /// One notice, durable when it returns.
    pub async fn note(&self, platform: &Arc<Opened>, admitted: &Admitted) -> Result<(), Unnoted> {
        let Some(authority) = platform.account.authority() else {
            let detail = "notices come to open platforms alone";
            return Err(Unnoted::Quarantine(Fault::new(Code::WrongReceiver, detail)));
        };
        let notice = authority.notice(admitted);
        match notice.map_err(|refusal: Refusal| Unnoted::Quarantine(refusal.fault().clone()))? {
            Notice::Ticket { ticket, created } => self.ticket(platform, ticket, created).await?,
            // The release test's own accounts: their codes come in its messages, and nothing of them is kept.
            Notice::Authorized(code) if authority.test_account(&code.app_id).is_some() => {}
            Notice::Authorized(code) => {
                tracing::info!(
                    platform = platform.settings.id,
                    app_id = code.app_id,
                    "an account authorised"
                );
                self.parts.book.keep_code(&platform.settings.id, code).await?;
                self.woken.notify_one();
            }
            Notice::Unauthorized { app_id, created } => self.withdrawn(platform, &app_id, created).await?,
            Notice::Other { name } => {
                tracing::info!(
                    platform = platform.settings.id,
                    name,
                    "a notice that nothing follows from"
                );
            }
        }
        Ok(())
    }

    async fn ticket(&self, platform: &Arc<Opened>, value: Secret, created: Millis) -> Result<(), StoreError> {
        let created = if created > 0 { created } else { self.now() };
        let ticket = Ticket { value, created };
        if self.parts.book.keep_ticket(&platform.settings.id, ticket).await? {
            self.parts.keeper.encourage(platform);
            for opened in self.parts.registry.bound_via(&platform.settings.id) {
                self.parts.keeper.encourage(&opened);
            }
            self.woken.notify_one();
        }
        Ok(())
    }

    /// A withdrawal that is older than what we know undoes nothing; one of an account that we do not know is only logged.
    async fn withdrawn(&self, platform: &Arc<Opened>, app_id: &str, created: Millis) -> Result<(), StoreError> {
        let id = &platform.settings.id;
        if self.parts.book.authorizer(id, app_id).is_none() && self.account(id, app_id).is_none() {
            tracing::warn!(platform = id, app_id, "an account withdrew that is not known here");
            return Ok(());
        }
        let created = if created > 0 { created } else { self.second() };
        let now = self.parts.book.change(id, app_id, |before| {
            let before = before.cloned().unwrap_or_default();
            (created >= before.since).then(|| Authorizer {
                standing: Standing::Revoked,
                since: created,
                refresh: Secret::default(),
                ..before
            })
        });
        let revoked = now.await?.is_some_and(|it| it.standing == Standing::Revoked);
        if revoked && let Some(opened) = self.account(id, app_id) {
            self.cut_off(&opened);
        }
        self.woken.notify_one();
        Ok(())
    }

    /// No call is made for it any more; its token is forgotten behind whatever is under way.
    pub(super) fn cut_off(&self, opened: &Arc<Opened>) {
        source::shut(opened, Standing::Revoked);
        let (keeper, opened) = (self.parts.keeper.clone(), opened.clone());
        tokio::spawn(async move { keeper.forget(&opened).await });
    }

    /// Notices carry whole seconds.
    pub(super) fn second(&self) -> Millis {
        self.now().div_euclid(1000) * 1000
    }

    /// Spends a code that a notice brought. An error is worth another try.
    pub(super) async fn spend(&self, platform: &Arc<Opened>, code: &Authorized) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        let id = &platform.settings.id;
        let known = self.parts.book.authorizer(id, &code.app_id);
        let late = known.as_ref().is_some_and(|known| code.created < known.since);
        let link = self.link_of(platform, code).await?;
        let settled = link.as_ref().is_some_and(|(_, link)| link.used.is_some());
        if !late && !settled {
            let call = platform.account.authority().map(|it| it.exchange(&code.code));
            let Some(call) = call else { return Ok(()) };
            match self.ask(platform, &call, |it, answer| it.read_exchange(answer)).await {
                Ok(grant) => {
                    let wanted = link.as_ref().map_or("", |(_, link)| &link.account);
                    let outcome = self.settle(platform, grant, code.created, wanted).await;
                    if let Err(why) = outcome {
                        tracing::warn!(platform = id, app_id = code.app_id, %why, "an authorisation is kept, its account is not bound");
                    }
                    self.mark(link, &code.app_id).await?;
                }
                Err(error) if error.retryable => return Err(fault(&error)),
                Err(error) => self.unspent(platform, code, &error).await?,
            }
        }
        self.parts.book.drop_code(id, code).await.map_err(unstored)
    }

    /// The link whose page the scan began at.
    async fn link_of(&self, platform: &Opened, code: &Authorized) -> Result<Option<(String, Link)>, Fault> {
        if code.pre_auth.is_empty() {
            return Ok(None);
        }
        let links = self.parts.book.links().await.map_err(unstored)?;
        Ok(links.into_iter().find(|(_, link)| {
            link.platform == platform.settings.id
                && link.pre_auth.contains(&code.pre_auth)
                && link.only.as_ref().is_none_or(|only| *only == code.app_id)
        }))
    }

    async fn mark(&self, link: Option<(String, Link)>, app_id: &str) -> Result<(), Fault> {
        let Some((name, mut link)) = link else { return Ok(()) };
        link.used = Some(Used {
            app_id: app_id.to_owned(),
            at: self.parts.clock.now(),
            untold: true,
        });
        self.parts.book.keep_link(&name, &link).await.map_err(unstored)
    }

    /// The platform does not take the code. Where the browser brought another one that was taken, nothing is lost.
    async fn unspent(&self, platform: &Opened, code: &Authorized, error: &v1::Error) -> Result<(), Fault> {
        let id = &platform.settings.id;
        tracing::warn!(
            platform = id,
            app_id = code.app_id,
            code = error.platform_code,
            "an authorisation code was not taken"
        );
        let kept = self.parts.book.change(id, &code.app_id, |before| {
            let standing = match before {
                Some(it) if it.standing == Standing::Authorized && !it.refresh.is_empty() => return None,
                _ => Standing::NeedsReauth,
            };
            Some(Authorizer {
                standing,
                since: code.created,
                ..before.cloned().unwrap_or_default()
            })
        });
        kept.await.map(|_| ()).map_err(unstored)
    }
}

pub(super) fn unstored(error: StoreError) -> Fault {
    Fault::new(Code::Overloaded, error.to_string())
}
