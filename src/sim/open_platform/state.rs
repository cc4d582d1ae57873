//! What does the platform keep of a third-party platform? Its console, its ticket, and who authorised it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sim::{
    platform::Platform,
    push::{Format, Mode, Sender},
    weixin::{hex16, set, valid_callback},
    world::{Channel, Millis},
};

pub const TICKET_LIFE: Millis = 12 * 3600 * 1000;
const CODE_LIFE: Millis = 3600 * 1000;

/// A third-party platform as its console shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Component {
    pub app_id: String,
    pub secret: String,
    pub token: String,
    pub encoding_aes_key: String,
    /// 授权事件接收URL.
    pub events_url: String,
    /// 消息与事件接收URL, with `$APPID$`.
    pub message_url: String,
    /// Tickets are pushed by themselves.
    pub tickets: bool,
    pub token_seconds: i64,
    #[serde(skip)]
    pub issued: Vec<(String, Millis)>,
    /// The token that is good, with its end: a new one ends the one before.
    #[serde(skip)]
    pub access: Option<(String, Millis)>,
    #[serde(skip)]
    pub pre_auth: BTreeMap<String, Millis>,
    #[serde(skip)]
    pub codes: BTreeMap<String, Code>,
    /// By AppID.
    pub grants: BTreeMap<String, Grant>,
}

/// An authorisation code.
#[derive(Clone, Debug)]
pub struct Code {
    pub app_id: String,
    pub expires: Millis,
    pub spent: bool,
}

/// One account that authorised.
#[derive(Clone, Debug, Serialize)]
pub struct Grant {
    pub refresh: String,
    pub sets: Vec<u32>,
    pub auth_time: i64,
    /// A code was spent for the present authorisation.
    pub exchanged: bool,
}

/// What a driver wants to be so.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    pub app_id: Option<String>,
    pub secret: Option<String>,
    pub token: Option<String>,
    pub encoding_aes_key: Option<String>,
    pub events_url: Option<String>,
    pub message_url: Option<String>,
    pub tickets: Option<bool>,
    pub token_seconds: Option<i64>,
}

impl Component {
    pub fn new(platform: &Platform) -> Self {
        Self {
            app_id: format!("wx{}", hex16(platform)),
            secret: format!("{}{}", hex16(platform), hex16(platform)),
            token: platform.letters(16).replace(['-', '_'], "t"),
            encoding_aes_key: platform.aes_key(),
            events_url: String::new(),
            message_url: String::new(),
            tickets: true,
            token_seconds: 7200,
            issued: Vec::new(),
            access: None,
            pre_auth: BTreeMap::new(),
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
        }
    }

    pub fn changed(mut self, change: Change) -> Result<Self, String> {
        set(&mut self.app_id, change.app_id);
        set(&mut self.secret, change.secret);
        set(&mut self.token, change.token);
        set(&mut self.encoding_aes_key, change.encoding_aes_key);
        set(&mut self.events_url, change.events_url);
        set(&mut self.message_url, change.message_url);
        set(&mut self.tickets, change.tickets);
        set(&mut self.token_seconds, change.token_seconds);
        valid_callback(&self.token, &self.encoding_aes_key, &self.events_url)?;
        Ok(self)
    }

    /// Everything it receives is sealed XML, with its own key and for its own AppID.
    pub fn sender(&self, clear: Vec<(&'static str, String)>, openid: Option<&str>) -> Sender {
        Sender {
            token: self.token.clone(),
            encoding_aes_key: self.encoding_aes_key.clone(),
            receiver: self.app_id.clone(),
            mode: Mode::Safe,
            format: Format::Xml,
            clear,
            openid: openid.map(str::to_owned),
            plain_signature: true,
        }
    }

    /// The account granted what messages need.
    pub fn holds(&self, app_id: &str) -> bool {
        let sets = self.grants.get(app_id).map(|grant| &grant.sets);
        sets.is_some_and(|sets| sets.contains(&1) || sets.contains(&19))
    }

    /// The account's admin confirms: an authorisation as of now, and a code for it.
    pub fn authorize(&mut self, platform: &Platform, app_id: &str, sets: Vec<u32>, now: Millis) -> String {
        self.grants.insert(
            app_id.to_owned(),
            Grant {
                refresh: format!("refreshtoken@@@{}", platform.letters(43)),
                sets,
                auth_time: now / 1000,
                exchanged: false,
            },
        );
        let code = format!("queryauthcode@@@{}", platform.letters(43));
        self.codes.insert(
            code.clone(),
            Code {
                app_id: app_id.to_owned(),
                expires: now + CODE_LIFE,
                spent: false,
            },
        );
        code
    }
}

/// The sets that an admin ticks who ticks all.
pub fn all_sets(channel: Channel) -> Vec<u32> {
    match channel {
        Channel::MiniProgram => vec![17, 18, 19, 30],
        _ => vec![1, 2, 3, 6, 7, 11, 15],
    }
}
