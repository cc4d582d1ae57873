//! How does an account without a secret get its token? A platform by its ticket, an authorizer by its refresh token.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/creat_token.html> says that
//! a refresh token lives until the authorisation is withdrawn, and that a lost one stands in the list of authorizers.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    asked,
    book::{Authorizer, Book, Standing},
};
use crate::{
    accounts::{Opened, Registry},
    channels::contract::{AccessToken, Authority},
    error::Code,
    ports::store::StoreError,
    schema::v1,
    secret::Secret,
    tokens::{Grants, Keeper, reason, unanswered},
};

/// Gives tokens to open platforms and to whoever is bound via one.
pub struct Source {
    pub book: Arc<Book>,
    pub registry: Arc<Registry>,
}

#[async_trait]
impl Grants for Source {
    async fn token(&self, keeper: &Arc<Keeper>, opened: &Arc<Opened>) -> Option<Result<AccessToken, v1::Error>> {
        if let Some(authority) = opened.account.authority() {
            return Some(self.by_ticket(keeper, opened, authority).await);
        }
        if opened.settings.via.is_empty() {
            return None;
        }
        let platform = self.registry.get(&opened.settings.via)?;
        platform.account.authority()?;
        Some(self.by_refresh(keeper, &platform, opened).await)
    }
}

impl Source {
    async fn by_ticket(
        &self,
        keeper: &Arc<Keeper>,
        platform: &Arc<Opened>,
        authority: &dyn Authority,
    ) -> Result<AccessToken, v1::Error> {
        let ticket = self.book.ticket(&platform.settings.id).ok_or_else(|| v1::Error {
            retryable: true,
            ..error(Code::TicketMissing, "no component_verify_ticket has come yet")
        })?;
        let call = authority.token_call(&ticket.value);
        let answer = keeper.ask_with(platform, &call, None).await.map_err(unanswered)?;
        authority.read_token(&answer).map_err(reason)
    }

    async fn by_refresh(
        &self,
        keeper: &Arc<Keeper>,
        platform: &Arc<Opened>,
        opened: &Arc<Opened>,
    ) -> Result<AccessToken, v1::Error> {
        let known = self.book.authorizer(&platform.settings.id, &opened.settings.app_id);
        let known = known.unwrap_or_else(|| Authorizer {
            standing: Standing::NeedsReauth,
            ..Authorizer::default()
        });
        if known.standing == Standing::Revoked {
            return Err(shut(opened, Standing::Revoked));
        }
        let mut refused = None;
        if !known.refresh.is_empty() {
            match self.renew(keeper, platform, opened, &known.refresh).await {
                Err(error) if is_dead(&error) => refused = Some(&known.refresh),
                other => return other,
            }
        }
        let found = self.recover(keeper, platform, opened, refused).await?;
        self.renew(keeper, platform, opened, &found).await
    }

    /// Durable before the token is used.
    async fn renew(
        &self,
        keeper: &Arc<Keeper>,
        platform: &Arc<Opened>,
        opened: &Arc<Opened>,
        refresh: &Secret,
    ) -> Result<AccessToken, v1::Error> {
        let app_id = &opened.settings.app_id;
        let Some(authority) = platform.account.authority() else {
            return Err(error(Code::AccountUnknown, "the open platform is not bound any more"));
        };
        let call = authority.renew(app_id, refresh);
        let renewal = asked(keeper, platform, &call, |it, answer| it.read_renewal(answer)).await?;
        let next = if renewal.refresh.is_empty() {
            refresh
        } else {
            &renewal.refresh
        };
        let kept = self.book.change(&platform.settings.id, app_id, |before| {
            let before = before.cloned().unwrap_or_default();
            // Somebody authorised anew meanwhile: theirs is the newer one.
            let same = before.refresh.is_empty() || before.refresh == *refresh;
            (same && before.standing != Standing::Revoked).then(|| Authorizer {
                refresh: next.clone(),
                standing: Standing::Authorized,
                ..before
            })
        });
        kept.await.map_err(unkept)?;
        Ok(renewal.token)
    }

    /// The refresh token out of the list of authorizers; `dead` is one that the platform refused. Who is not in the list
    /// withdrew.
    async fn recover(
        &self,
        keeper: &Arc<Keeper>,
        platform: &Arc<Opened>,
        opened: &Arc<Opened>,
        dead: Option<&Secret>,
    ) -> Result<Secret, v1::Error> {
        let (id, app_id) = (&platform.settings.id, &opened.settings.app_id);
        let listed = all(keeper, platform).await?;
        let found = listed.items.into_iter().find(|(listed, _)| listed == app_id);
        if found.is_none() && !listed.whole {
            return Err(v1::Error {
                retryable: true,
                ..error(
                    Code::PlatformDown,
                    "the list of authorizers ends before its total_count",
                )
            });
        }
        let standing = match found {
            Some((_, refresh)) if !refresh.is_empty() && dead != Some(&refresh) => {
                let kept = self.book.change(id, app_id, |before| {
                    Some(Authorizer {
                        refresh: refresh.clone(),
                        standing: Standing::Authorized,
                        ..before.cloned().unwrap_or_default()
                    })
                });
                kept.await.map_err(unkept)?;
                tracing::info!(account = opened.settings.id, "a lost refresh token was recovered");
                return Ok(refresh);
            }
            Some(_) => Standing::NeedsReauth,
            None => Standing::Revoked,
        };
        let kept = self.book.change(id, app_id, |before| {
            Some(Authorizer {
                standing,
                refresh: Secret::default(),
                ..before.cloned().unwrap_or_default()
            })
        });
        kept.await.map_err(unkept)?;
        Err(shut(opened, standing))
    }
}

/// Who authorised a platform, with their refresh tokens.
pub(super) struct Listed {
    pub items: Vec<(String, Secret)>,
    /// As many as the platform counts: who is not among them may have withdrawn.
    pub whole: bool,
}

/// Every authorizer of a platform, page by page.
pub(super) async fn all(keeper: &Arc<Keeper>, platform: &Arc<Opened>) -> Result<Listed, v1::Error> {
    let mut items: Vec<(String, Secret)> = Vec::new();
    loop {
        let Some(authority) = platform.account.authority() else {
            return Ok(Listed { items, whole: false });
        };
        let call = authority.list(items.len() as u64);
        let page = asked(keeper, platform, &call, |it, answer| it.read_list(answer)).await?;
        let empty = page.items.is_empty();
        items.extend(page.items);
        let whole = items.len() as u64 >= page.total;
        if empty || whole {
            return Ok(Listed { items, whole });
        }
    }
}

/// The account may not be called, and everybody is told.
pub(super) fn shut(opened: &Opened, standing: Standing) -> v1::Error {
    let (code, why) = match standing {
        Standing::Revoked => (Code::AccountRevoked, "the authorisation was withdrawn"),
        Standing::NeedsReauth | Standing::Authorized => (
            Code::NeedsReauth,
            "no valid refresh token is known, and the platform has none",
        ),
    };
    opened.observe(|condition| condition.api_shut = Some(code));
    error(code, why)
}

/// The refresh token is dead, or the authorisation is.
fn is_dead(error: &v1::Error) -> bool {
    [Code::NeedsReauth, Code::AccountRevoked]
        .iter()
        .any(|code| code.name() == error.code)
}

fn unkept(fault: StoreError) -> v1::Error {
    v1::Error {
        retryable: true,
        ..error(Code::Overloaded, format!("a refresh token could not be kept: {fault}"))
    }
}

fn error(code: Code, why: impl Into<String>) -> v1::Error {
    v1::Error {
        code: code.name().into(),
        platform_message: why.into(),
        ..Default::default()
    }
}
