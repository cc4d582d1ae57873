//! How does a callback of the platform become a durable event, and what is the platform answered?
//!
//! ```text
//! query    what does the signature stand on?
//! accept   one callback from its head to its answer
//! aside    what becomes of an authentic body that cannot be read?
//! cloud    is it a push of cloud hosting, which nobody signs?
//! nonces   is this plain body the first with its (timestamp, nonce)?
//! notes    what does it say about keys and clocks?
//! entries  what was registered under this entry token?
//! arrival  what does it mean for its conversation?
//! addressed  the same at the addresses of an open platform
//! windows  which requests are open, by the event they became?      window, attempt
//! passing  what does the system say that had the account before?   heard
//! reread   can a body that was set aside be read now?
//! ```
//! Nothing is answered `success` before it is durable, and nothing later than 4.5 s after its head was read.

mod accept;
pub mod addressed;
pub(crate) mod arrival;
mod aside;
mod attempt;
mod cloud;
pub(crate) mod entries;
mod heard;
mod nonces;
mod notes;
mod passing;
mod query;
mod reread;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod trace;
mod window;
pub mod windows;

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use ipnet::IpNet;
use tokio::sync::Semaphore;

use accept::told_from;
pub use accept::{Body, Call, Post, Reply};

use crate::{
    accounts::{Opened, Registry, Service},
    channels::contract::CallbackQuery,
    conversation::Rules,
    cores::Cores,
    error::{Code, Fault},
    observe::Observer,
    outbound::Outbound,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        old_url::OldUrl,
        pull::Bells,
        store::Store,
    },
    settings::is_id,
    tokens::Keeper,
};
use windows::OpenRequests;

/// What the inbound side needs from the house.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub service: Arc<Service>,
    pub cores: Arc<Cores>,
    pub windows: Arc<OpenRequests>,
    pub bells: Arc<dyn Bells>,
    pub authorizers: Arc<dyn addressed::Authorizers>,
    pub outbound: Arc<Outbound>,
    pub keeper: Arc<Keeper>,
    pub old_urls: Arc<dyn OldUrl>,
    pub observer: Arc<Observer>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// A session ends this long after the customer's last act.
    pub session_idle: Millis,
    /// Who may say for whom it asks.
    pub trusted_proxies: Vec<IpNet>,
}

/// The inbound side.
pub struct Inbound {
    parts: Parts,
    rules: Rules,
    /// The longest that any core is waited for; 0: nothing is ever held.
    budget: Millis,
    nonces: nonces::Nonces,
    traces: trace::Traces,
    /// When it was last said that the store does not take callbacks.
    complained: AtomicI64,
    /// Accounts whose new key is being noted this moment.
    noting: Mutex<HashSet<String>>,
    /// Callbacks that are being handed on.
    errands: Semaphore,
}

impl Inbound {
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            rules: Rules {
                session_idle: parts.session_idle,
            },
            budget: parts.cores.0.iter().map(|core| core.reply_budget).max().unwrap_or(0),
            nonces: nonces::Nonces::default(),
            traces: trace::Traces::default(),
            complained: AtomicI64::new(Millis::MIN),
            noting: Mutex::default(),
            errands: Semaphore::new(passing::AT_ONCE),
            parts,
        })
    }

    /// The time, for a request whose head was read.
    pub fn now(&self) -> Millis {
        self.parts.clock.now()
    }

    /// Returns when this moment has come.
    pub async fn sleep_until(&self, at: Millis) {
        self.parts.clock.sleep_until(at).await;
    }

    /// Whose `X-Forwarded-For` is believed.
    pub fn trusts(&self, proxy: IpAddr) -> bool {
        let proxy = proxy.to_canonical();
        self.parts.trusted_proxies.iter().any(|net| net.contains(&proxy))
    }

    /// A request for this account begins; `Err` is the answer where there is no such account. Where it comes `from` is told
    /// to the operator if it is refused.
    pub fn call(self: &Arc<Self>, account: &str, first: Millis, from: Option<IpAddr>) -> Result<Call, Reply> {
        // What is bound via another account has no address of its own, and an open platform has others.
        self.begin(account, first, from, |opened| {
            opened.settings.via.is_empty() && opened.account.authority().is_none()
        })
    }

    fn begin(
        self: &Arc<Self>,
        account: &str,
        first: Millis,
        from: Option<IpAddr>,
        is_here: impl FnOnce(&Opened) -> bool,
    ) -> Result<Call, Reply> {
        if let Some(opened) = self.parts.registry.get(account).filter(|opened| is_here(opened)) {
            return Ok(Call::new(self.clone(), opened, first, from));
        }
        // Bound, but this version cannot open it: the platform may find another one when it comes again.
        let broken = self.parts.registry.broken();
        if let Some(it) = broken.iter().find(|it| it.settings.id == account) {
            let observer = &self.parts.observer;
            observer.callback_answered(account, &it.settings.channel, "unavailable", 0.0, None);
            return Err(Reply::empty(503));
        }
        let named = self.why_not_here(account);
        let fault = Fault::new(Code::AccountUnknown, named);
        self.parts.observer.callback_refused("", &told_from(&fault, from));
        Err(Reply::empty(404))
    }

    /// Why there is nobody at an address of this account. Whoever took one of its addresses for another wants to know which it has.
    fn why_not_here(&self, account: &str) -> String {
        if !is_id(account) {
            return "the address names no account".to_owned();
        }
        let Some(opened) = self.parts.registry.get(account) else {
            return format!("no account {account:?} is bound");
        };
        let (via, platform) = (&opened.settings.via, opened.account.authority().is_some());
        match (via.as_str(), platform) {
            ("", true) => format!(
                "{account:?} is an open platform: its addresses are /open/{account}/events and /open/{account}/message/$APPID$"
            ),
            ("", false) => format!("{account:?} is no open platform: its address is /callback/{account}"),
            (via, _) => format!("{account:?} has no address of its own: its callbacks come in at those of {via:?}"),
        }
    }

    /// Our clock, set right by what the platform's last answer said.
    fn platform_now(&self, now: Millis) -> Millis {
        now.saturating_add(self.parts.keeper.skew().unwrap_or(0))
    }

    /// The time by which a request with this query is judged: our clock's or the corrected one, whichever is nearer to what
    /// was signed. The letter knows the corrected one alone; but then one wrong `Date`, of a relay or of a machine of the
    /// platform's, has every account's callbacks refused, and customers' messages are lost. So what is too old or too new is
    /// so by both clocks; where only the corrected one says so, it is taken with a warning.
    fn judged_at(&self, query: &CallbackQuery, now: Millis) -> Millis {
        let corrected = self.platform_now(now);
        let signed = query.timestamp.parse::<i64>().ok().and_then(|it| it.checked_mul(1000));
        match signed {
            Some(signed) if now.abs_diff(signed) < corrected.abs_diff(signed) => now,
            _ => corrected,
        }
    }

    /// One line a second is enough to say that the disk is full.
    fn may_complain(&self, now: Millis) -> bool {
        let last = self.complained.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= 1_000 || now < last;
        due && self.complained.swap(now, Ordering::Relaxed) == last
    }
}
