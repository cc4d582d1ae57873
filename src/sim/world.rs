//! What exists? Accounts, customers, media, faults to come and calls that came, under a clock of its own.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    faults::Fault, open_platform::Component, phone::Customer, wechat_kf::Desk, wecom::Agent, wecom_app::Ledger,
    weixin::Account,
};

/// Recorded calls beyond it push the oldest out.
const MAX_CALLS: usize = 50_000;
const MEDIA_LIFE: i64 = 3 * 24 * 3600 * 1000;

/// Milliseconds since the Unix epoch, on the simulated clock.
pub type Millis = i64;

/// Which of the platforms' products somebody writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    OfficialAccount,
    MiniProgram,
    WecomApp,
    WechatKf,
}

#[derive(Debug, Default)]
pub struct World {
    offset: i64,
    next: u64,
    /// Official accounts and mini-programs by AppID.
    pub accounts: BTreeMap<String, Account>,
    /// Third-party platforms by AppID.
    pub components: BTreeMap<String, Component>,
    /// Applications of companies by `{corp_id}-{agent_id}`.
    pub agents: BTreeMap<String, Agent>,
    /// Accounts of 微信客服 by `open_kfid`.
    pub desks: BTreeMap<String, Desk>,
    /// What applications sent.
    pub apps: Ledger,
    /// Calls under way, by company and path.
    pub busy: BTreeMap<(String, String), u32>,
    /// By account and customer.
    pub customers: BTreeMap<(String, String), Customer>,
    pub media: BTreeMap<String, Medium>,
    pub faults: Vec<Fault>,
    pub calls: VecDeque<Call>,
}

/// A stored file.
#[derive(Clone, Debug)]
pub struct Medium {
    /// The AppID, or the CorpID: a company's applications share their media.
    pub account: String,
    /// `image`, `voice`, `video`, `thumb`, `file`.
    pub kind: String,
    pub mime: String,
    pub name: String,
    pub bytes: actix_web::web::Bytes,
    pub expires: Millis,
}

/// One call of the platform's API, as it was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub seq: u64,
    pub time: String,
    pub account: String,
    pub api: String,
    pub method: String,
    /// The decoded JSON body, or `{"bytes": n}`.
    pub request: Value,
    pub status: u16,
    pub errcode: i64,
    pub errmsg: String,
    /// The fault that was played, or nothing.
    pub fault: Option<String>,
    pub ms: u64,
    /// Calls of this API that the company had under way when it came, this one among them; 0 where nobody counts.
    pub at_once: u32,
}

impl World {
    /// The simulated time.
    pub fn now(&self) -> Millis {
        real_now() + self.offset
    }

    /// Moves the simulated clock, also backwards.
    pub fn shift(&mut self, by: i64) {
        self.offset += by;
    }

    /// A number nobody had before; never 0.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The account with this AppID or original id.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts
            .get(id)
            .or_else(|| self.accounts.values().find(|account| account.original_id == id))
    }

    /// What an id of the driver's means: AppID or original id, an application, an `open_kfid`.
    pub fn whose(&self, id: &str) -> Option<(Channel, String)> {
        if let Some(account) = self.account(id) {
            return Some((account.channel, account.app_id.clone()));
        }
        if let Some(agent) = self.agents.get(id) {
            return Some((agent.channel, agent.id.clone()));
        }
        let desk = self.desks.get(id)?;
        Some((Channel::WechatKf, desk.open_kfid.clone()))
    }

    pub fn account_mut(&mut self, app_id: &str) -> Option<&mut Account> {
        self.accounts.get_mut(app_id)
    }

    pub fn customer(&self, app_id: &str, openid: &str) -> Option<&Customer> {
        self.customers.get(&(app_id.to_owned(), openid.to_owned()))
    }

    pub fn customer_mut(&mut self, app_id: &str, openid: &str) -> Option<&mut Customer> {
        self.customers.get_mut(&(app_id.to_owned(), openid.to_owned()))
    }

    /// Keeps a file for three days.
    pub fn keep(&mut self, id: String, account: &str, kind: &str, (name, mime): (String, String), bytes: Vec<u8>) {
        let expires = self.now() + MEDIA_LIFE;
        self.media.insert(
            id,
            Medium {
                account: account.to_owned(),
                kind: kind.to_owned(),
                mime,
                name,
                bytes: bytes.into(),
                expires,
            },
        );
    }

    /// A file of this account that has not expired.
    pub fn medium(&self, account: &str, id: &str) -> Option<&Medium> {
        let now = self.now();
        self.media
            .get(id)
            .filter(|medium| medium.account == account && medium.expires > now)
    }

    pub fn record(&mut self, mut call: Call) {
        call.seq = self.number();
        self.calls.push_back(call);
        if self.calls.len() > MAX_CALLS {
            self.calls.pop_front();
        }
    }
}

fn real_now() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// RFC 3339 with milliseconds.
pub fn rfc3339(time: Millis) -> String {
    DateTime::<Utc>::from_timestamp_millis(time)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// For a `Date` header.
pub fn system_time(time: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(time).unwrap_or(0))
}
