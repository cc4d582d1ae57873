//! Which access token is valid now? One refresh at a time per account, however many callers; refreshed ahead of its end.
//!
//! The platform's pages on access tokens say that a token lives at most 7200 s, that a classic fetch kills the token
//! before it (both work for five minutes), and that the stable call gives the same token until five minutes before its end.

mod cell;
mod download;
mod grants;
pub mod vault;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use serde::de::IgnoredAny;

use crate::{
    accounts::Opened,
    channels::contract::{Side, Verdict},
    observe::Observer,
    ports::{
        chance::hex,
        clock::{Clock, Millis},
        platform::{Answer, Call, Platform},
        store::Store,
    },
    schema::v1,
    secret::Secret,
};

use cell::{Cell, Rejected};
pub use cell::{NO_TOKEN, Token, reason, unanswered};
pub use download::Got;
pub use grants::Grants;
pub use vault::Vault;

/// Where the platforms' APIs are, unless an account says otherwise.
#[derive(Clone, Debug)]
pub struct Hosts {
    pub weixin_api: String,
    pub wecom_api: String,
}

impl Hosts {
    /// The base URL for calls of this account.
    pub fn of<'a>(&'a self, opened: &'a Opened) -> &'a str {
        if !opened.settings.api_base.is_empty() {
            return &opened.settings.api_base;
        }
        match opened.account.side() {
            Side::Weixin => &self.weixin_api,
            Side::Wecom => &self.wecom_api,
        }
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug)]
pub enum CallFault {
    /// No token could be had: the call itself was never made.
    NoToken(v1::Error),
    /// The connection failed before our bytes left.
    NotSent(String),
    /// It left us, and no complete answer came.
    Lost(String),
}

/// What the keeper needs from the house.
pub struct Parts {
    pub platform: Arc<dyn Platform>,
    pub hosts: Hosts,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<Observer>,
    /// Where tokens outlive a restart, and how they are sealed there; without it they live in memory alone.
    pub keep: Option<(Arc<dyn Store>, Vault)>,
    /// Whoever has tokens for accounts without a secret of their own.
    pub grants: Option<Arc<dyn Grants>>,
}

/// Keeps one access token per account.
pub struct Keeper {
    parts: Parts,
    cells: Mutex<HashMap<String, Arc<Cell>>>,
    /// The platform's clock minus ours, as its last answer said; `i64::MIN` = no answer yet.
    skew: AtomicI64,
    /// For whoever is asked for a token, and must ask for another one first.
    me: Weak<Keeper>,
}

impl Keeper {
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            parts,
            cells: Mutex::default(),
            skew: AtomicI64::new(i64::MIN),
            me: me.clone(),
        })
    }

    /// A token that is valid now. Within its last minutes a new one is fetched beside the callers, who don't wait.
    pub async fn token(self: &Arc<Self>, opened: &Arc<Opened>) -> Result<Token, v1::Error> {
        let cell = self.cell(opened);
        let now = self.parts.clock.now();
        match cell.current().filter(|token| token.expires > now) {
            Some(token) => {
                if cell.due(&token, now) {
                    self.refresh_behind(opened, &cell);
                }
                Ok(token)
            }
            None => self.obtain(opened, &cell, Rejected::None).await,
        }
    }

    /// The same for somebody who has mended something and wants to know: an earlier refusal is not waited out.
    pub async fn token_now(self: &Arc<Self>, opened: &Arc<Opened>) -> Result<Token, v1::Error> {
        self.cell(opened).forgive();
        self.token(opened).await
    }

    /// The platform refused `token`: gives the one that holds now, fetched only if `token` is still current.
    pub async fn rejected(&self, opened: &Arc<Opened>, token: &Token) -> Result<Token, v1::Error> {
        let cell = self.cell(opened);
        self.obtain(opened, &cell, Rejected::This(token.value.clone())).await
    }

    /// The token for another system of the company; `rejected` is the SHA-256 (hex) of one that failed there.
    pub async fn lend(self: &Arc<Self>, opened: &Arc<Opened>, rejected: Option<&str>) -> Result<Token, v1::Error> {
        let current = self.token(opened).await?;
        match rejected {
            Some(digest) if digest.eq_ignore_ascii_case(&sha256_hex(current.value.expose())) => {
                // One client whose calls fail for another reason must not end everybody's token again and again.
                let cell = self.cell(opened);
                if cell.was_renewed(&current, self.parts.clock.now()) {
                    return Ok(current);
                }
                let token = self.rejected(opened, &current).await?;
                cell.renewed(&token, self.parts.clock.now());
                Ok(token)
            }
            _ => Ok(current),
        }
    }

    /// Asks the platform with a token; a token that it refuses is refreshed once, and the call is made once more.
    pub async fn call(self: &Arc<Self>, opened: &Arc<Opened>, call: &Call) -> Result<(Answer, Verdict), CallFault> {
        let token = self.token(opened).await.map_err(CallFault::NoToken)?;
        let (answer, verdict) = self.ask(opened, call, &token).await?;
        if !matches!(verdict, Verdict::RefreshToken(_)) {
            return Ok((answer, verdict));
        }
        let token = self.rejected(opened, &token).await.map_err(CallFault::NoToken)?;
        self.ask(opened, call, &token).await
    }

    /// How far the platform's clock is ahead of ours, by the `Date` of the last answer of its API's.
    pub fn skew(&self) -> Option<Millis> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != i64::MIN)
    }

    async fn ask(&self, opened: &Opened, call: &Call, token: &Token) -> Result<(Answer, Verdict), CallFault> {
        let answer = self.ask_with(opened, call, Some(token.value.expose())).await?;
        let verdict = opened.account.judge(call, &answer);
        Ok((answer, verdict))
    }

    /// Takes the time from an answer that is the API's own: a page of whatever stands in between tells that one's.
    fn note_date(&self, answer: &Answer) {
        if let Some(date) = answer.date.filter(|_| answer.status == 200 && is_object(&answer.body)) {
            self.skew.store(date - self.parts.clock.now(), Ordering::Relaxed);
        }
    }

    /// The account's cell; another secret is another token.
    fn cell(&self, opened: &Opened) -> Arc<Cell> {
        let fingerprint = cell::fingerprint(&opened.settings);
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        match cells.get(&opened.settings.id) {
            Some(cell) if cell.fingerprint == fingerprint => cell.clone(),
            _ => {
                let cell = Arc::new(Cell::new(fingerprint, grants::ahead(opened, cell::AHEAD)));
                cells.insert(opened.settings.id.clone(), cell.clone());
                cell
            }
        }
    }

    fn refresh_behind(self: &Arc<Self>, opened: &Arc<Opened>, cell: &Arc<Cell>) {
        let (keeper, opened, cell) = (self.clone(), opened.clone(), cell.clone());
        tokio::spawn(async move {
            if let Err(error) = keeper.obtain(&opened, &cell, Rejected::Ahead).await {
                tracing::warn!(
                    account = opened.settings.id,
                    code = error.code,
                    "token not refreshed ahead of its end"
                );
            }
        });
    }
}

/// A document of the API's.
fn is_object(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice::<HashMap<String, IgnoredAny>>(bytes).is_ok()
}

/// Lower-case hex of the SHA-256 of a text.
pub fn sha256_hex(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

/// A token's record as it lies sealed in the store.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    value: Secret,
    expires: Millis,
    fingerprint: String,
}

#[cfg(test)]
mod tests;
