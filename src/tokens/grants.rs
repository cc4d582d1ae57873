//! Who gives tokens to accounts that have no secret of their own? Whoever was given the right to by a scan.

use std::sync::Arc;

use async_trait::async_trait;

use super::{CallFault, Keeper, Token, cell::Given, vault::SPACE};
use crate::{
    accounts::Opened,
    channels::contract::AccessToken,
    ports::{
        clock::Millis,
        platform::{Answer, Call, NoAnswer},
        store::RecordWrite,
    },
    schema::v1,
};

/// A token of such an account ends within two hours, and its renewal needs another call: it is asked for earlier.
const AHEAD: Millis = 10 * 60_000;

/// Tokens that come by another road than an account's own secret.
#[async_trait]
pub trait Grants: Send + Sync + 'static {
    /// A fresh token of this account; `None`: it has a secret of its own. Asked once at a time per account.
    async fn token(&self, keeper: &Arc<Keeper>, opened: &Arc<Opened>) -> Option<Result<AccessToken, v1::Error>>;
}

/// How long before its end a token of this account is renewed.
pub(super) fn ahead(opened: &Opened, usual: Millis) -> Millis {
    let granted = !opened.settings.via.is_empty() || opened.account.authority().is_some();
    if granted { AHEAD } else { usual }
}

impl Keeper {
    /// What whoever grants tokens gave; `None`: the account asks for itself.
    pub(super) async fn granted(&self, opened: &Arc<Opened>) -> Given {
        let (grants, keeper) = (self.parts.grants.as_ref()?, self.me.upgrade()?);
        grants.token(&keeper, opened).await
    }

    /// A token that came with an authorisation: from now on it is the account's.
    pub async fn adopt(&self, opened: &Arc<Opened>, token: AccessToken) -> Token {
        let cell = self.cell(opened);
        let _turn = cell.turn().await;
        self.store_fetched(opened, &cell, token).await
    }

    /// What stood in the way of a token is gone: the next caller asks at once.
    pub fn encourage(&self, opened: &Arc<Opened>) {
        self.cell(opened).encourage();
    }

    /// The account may not be called any more: its token is forgotten, here and on disk.
    pub async fn forget(&self, opened: &Arc<Opened>) {
        let cell = self.cell(opened);
        let _turn = cell.turn().await;
        cell.forget();
        let Some((store, _)) = &self.parts.keep else { return };
        let delete = RecordWrite::Delete {
            space: SPACE,
            key: opened.settings.id.clone(),
        };
        if let Err(error) = store.write_records(vec![delete]).await {
            tracing::warn!(account = opened.settings.id, %error, "a token that is not valid any more stays on disk");
        }
    }

    /// Asks at the account's host with this very token, or with none.
    pub async fn ask_with(&self, opened: &Opened, call: &Call, token: Option<&str>) -> Result<Answer, CallFault> {
        let base = self.parts.hosts.of(opened);
        let answer = self.parts.platform.ask(base, call, token).await;
        let answer = answer.map_err(|fault| match fault {
            NoAnswer::NotSent(why) => CallFault::NotSent(why),
            NoAnswer::Lost(why) => CallFault::Lost(why),
        })?;
        self.note_date(&answer);
        Ok(answer)
    }
}
