//! What is an account of 微信客服? Its settings, its servicers, three days of items, and what it promised to whom.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::session::Session;
use crate::sim::{platform::Platform, weixin::set, world::Millis};

const TOKEN_LIFE: Millis = 10 * 60 * 1000;

/// What happens to a message beyond what may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverLimit {
    /// 95001, 95002.
    #[default]
    Refuse,
    /// Taken, and `msg_send_fail` follows.
    Event,
}

/// Somebody who serves customers in the company's client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Servicer {
    pub userid: String,
    /// As `servicer/list` says it: 0 receives, 1 has stopped.
    #[serde(default)]
    pub status: i64,
    /// 0 stopped, 1 suspended.
    #[serde(default)]
    pub stop_type: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Desk {
    pub open_kfid: String,
    pub name: String,
    /// The application whose secret and callback it has.
    pub agent: String,
    /// 通过API管理; `false`: 48007.
    pub managed: bool,
    /// Who has a new session: empty = 0 (the API may answer), `pool` = 2, a servicer = 3.
    pub reception: String,
    /// At most so many items a page, whatever was asked for; 0 = as asked.
    pub page: usize,
    pub over_limit: OverLimit,
    /// 0, 1 and 2 may be ended by the API, which the official table does not say.
    pub ends_anywhere: bool,
    /// A click on a menu counts as a message of the customer.
    pub taps_open: bool,
    /// `sync_msg` without a token, a minute; 0 = any number.
    pub tokenless: usize,
    /// Kinds that the component forbids: 95030.
    pub forbidden: Vec<String>,
    pub servicers: Vec<Servicer>,
    #[serde(skip)]
    pub log: Vec<Record>,
    #[serde(skip)]
    pub sessions: BTreeMap<String, Session>,
    #[serde(skip)]
    pub used: BTreeMap<String, Used>,
    #[serde(skip)]
    pub codes: BTreeMap<String, Code>,
    #[serde(skip)]
    pub tokens: Vec<(String, Millis)>,
    #[serde(skip)]
    pub pulled: Vec<Millis>,
}

/// What a driver wants to be so; what it leaves out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    pub open_kfid: Option<String>,
    pub account: Option<String>,
    pub name: Option<String>,
    pub managed: Option<bool>,
    pub reception: Option<String>,
    pub page: Option<usize>,
    pub over_limit: Option<OverLimit>,
    pub ends_anywhere: Option<bool>,
    pub taps_open: Option<bool>,
    pub tokenless: Option<usize>,
    pub forbidden: Option<Vec<String>>,
    pub servicers: Option<Vec<Servicer>>,
}

/// An item that waits to be pulled, written already: there may be a hundred thousand.
#[derive(Clone, Debug)]
pub struct Record {
    pub at: Millis,
    pub json: Box<str>,
}

/// A message id that was used.
#[derive(Clone, Debug)]
pub struct Used {
    pub at: Millis,
    pub to: String,
    /// Where it stands in the customer's chat.
    pub seq: Option<u64>,
}

/// A code that allows one message.
#[derive(Clone, Debug)]
pub struct Code {
    pub customer: String,
    pub expires: Millis,
    /// The state that must still be so, in the session that began then; a welcome is independent of it.
    pub while_in: Option<(u8, Millis)>,
    pub menus: bool,
    pub welcomes: bool,
    pub used: bool,
}

impl Desk {
    pub fn new(open_kfid: &str, agent: &str) -> Self {
        Self {
            open_kfid: open_kfid.to_owned(),
            name: "Simulated customer service".to_owned(),
            agent: agent.to_owned(),
            managed: true,
            reception: String::new(),
            page: 0,
            over_limit: OverLimit::default(),
            ends_anywhere: false,
            taps_open: true,
            tokenless: 0,
            forbidden: Vec::new(),
            servicers: Vec::new(),
            log: Vec::new(),
            sessions: BTreeMap::new(),
            used: BTreeMap::new(),
            codes: BTreeMap::new(),
            tokens: Vec::new(),
            pulled: Vec::new(),
        }
    }

    pub fn change(&mut self, change: Change) {
        set(&mut self.name, change.name);
        set(&mut self.agent, change.account);
        set(&mut self.managed, change.managed);
        set(&mut self.reception, change.reception);
        set(&mut self.page, change.page);
        set(&mut self.over_limit, change.over_limit);
        set(&mut self.ends_anywhere, change.ends_anywhere);
        set(&mut self.taps_open, change.taps_open);
        set(&mut self.tokenless, change.tokenless);
        set(&mut self.forbidden, change.forbidden);
        set(&mut self.servicers, change.servicers);
    }

    /// An item for the pull.
    pub fn keep(&mut self, now: Millis, item: &Value) {
        self.log.push(Record {
            at: now,
            json: item.to_string().into(),
        });
    }

    /// An event for the pull; its id.
    pub fn tell(
        &mut self,
        platform: &Platform,
        now: Millis,
        kind: &str,
        customer: Option<&str>,
        fields: Value,
    ) -> String {
        let msgid = platform.letters(24);
        let mut event = json!({ "event_type": kind, "open_kfid": self.open_kfid });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(customer.map(|customer| ("external_userid".to_owned(), customer.into())));
            event.extend(fields);
        }
        let item = json!({
            "msgid": msgid, "send_time": now / 1000, "origin": 4, "msgtype": "event", "event": event,
        });
        self.keep(now, &item);
        msgid
    }

    /// A token for a bell: good for ten minutes.
    pub fn bell_token(&mut self, fresh: String, now: Millis) -> String {
        self.tokens.retain(|(_, until)| *until > now);
        self.tokens.push((fresh.clone(), now + TOKEN_LIFE));
        fresh
    }

    pub fn servicer(&self, userid: &str) -> Option<&Servicer> {
        self.servicers.iter().find(|servicer| servicer.userid == userid)
    }

    pub fn session(&mut self, customer: &str) -> &mut Session {
        self.sessions.entry(customer.to_owned()).or_default()
    }
}
