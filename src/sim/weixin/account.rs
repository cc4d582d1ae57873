//! What is set in the account's console? Credentials, callback, capabilities; saving a URL checks it first.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::tokens::Tokens;
use crate::sim::{
    platform::Platform,
    push::{Format, Mode, Sender, ask},
    wire::seal::{Key, sign},
    world::{Channel, Millis},
};

/// An account as the console shows it, and its tokens.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// An official account or a mini-program.
    pub channel: Channel,
    pub app_id: String,
    pub secret: String,
    pub token: String,
    pub encoding_aes_key: String,
    pub original_id: String,
    pub name: String,
    pub callback_url: String,
    pub mode: Mode,
    pub format: Format,
    /// 认证: without it there is no customer-service API (48001).
    pub verified: bool,
    /// IP白名单; empty = everybody.
    pub allowed_ips: Vec<IpAddr>,
    /// The secret is frozen: 40243.
    pub frozen: bool,
    /// A mini-program that may send nothing when somebody enters: 45094.
    pub punished: bool,
    pub token_seconds: i64,
    /// 客服账号 that `customservice.kf_account` may name.
    pub agents: Vec<String>,
    pub online_agents: Vec<String>,
    /// Mini-programs linked to the account; empty = any.
    pub mini_programs: Vec<String>,
    /// The 微信客服 to which a mini-program is bound, by its corp id; empty = none.
    pub bound_to: String,
    /// Calls a day per path, where they differ from the platform's table.
    pub limits: BTreeMap<String, u64>,
    /// How long the platform waits for an answer.
    pub timeout_ms: u64,
    /// How long it waits before it tries again.
    pub retry_after_ms: u64,
    /// Retries repeat the query (and the sealed body) of the first attempt.
    pub same_query: bool,
    #[serde(skip)]
    pub tokens: Tokens,
    #[serde(skip)]
    pub used: BTreeMap<String, u64>,
    /// The Beijing day that `used` counts.
    #[serde(skip)]
    pub used_day: i64,
    #[serde(skip)]
    pub cleared: Vec<Millis>,
}

/// What a driver wants to be so; what it leaves out stays, or gets a default when the account is new.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    pub channel: Option<Channel>,
    pub app_id: Option<String>,
    pub secret: Option<String>,
    pub token: Option<String>,
    pub encoding_aes_key: Option<String>,
    pub original_id: Option<String>,
    pub name: Option<String>,
    pub callback_url: Option<String>,
    pub mode: Option<Mode>,
    pub format: Option<Format>,
    pub verified: Option<bool>,
    pub allowed_ips: Option<Vec<IpAddr>>,
    pub frozen: Option<bool>,
    pub punished: Option<bool>,
    pub token_seconds: Option<i64>,
    pub agents: Option<Vec<String>>,
    pub online_agents: Option<Vec<String>>,
    pub mini_programs: Option<Vec<String>>,
    pub bound_to: Option<String>,
    pub limits: Option<BTreeMap<String, u64>>,
    pub timeout_ms: Option<u64>,
    pub retry_after_ms: Option<u64>,
    pub same_query: Option<bool>,
    /// `false` saves a URL without the GET check.
    pub check: Option<bool>,
}

impl Account {
    /// A new account with random credentials.
    pub fn new(platform: &Platform, channel: Channel) -> Self {
        Self {
            channel,
            app_id: format!("wx{}", hex16(platform)),
            secret: format!("{}{}", hex16(platform), hex16(platform)),
            token: platform.letters(16).replace(['-', '_'], "t"),
            encoding_aes_key: platform.aes_key(),
            original_id: format!("gh_{}", hex16(platform).split_at(12).0),
            name: "Simulated account".to_owned(),
            callback_url: String::new(),
            mode: Mode::default(),
            format: match channel {
                Channel::MiniProgram => Format::Json,
                _ => Format::Xml,
            },
            verified: true,
            allowed_ips: Vec::new(),
            frozen: false,
            punished: false,
            token_seconds: 7200,
            agents: Vec::new(),
            online_agents: Vec::new(),
            mini_programs: Vec::new(),
            bound_to: String::new(),
            limits: BTreeMap::new(),
            timeout_ms: 5000,
            retry_after_ms: 0,
            same_query: false,
            tokens: Tokens::default(),
            used: BTreeMap::new(),
            used_day: 0,
            cleared: Vec::new(),
        }
    }

    /// The account after the change, or what is wrong with it.
    pub fn changed(mut self, change: Change) -> Result<Self, String> {
        if let Some(channel) = change.channel.filter(|channel| *channel != self.channel) {
            return Err(format!("the account is no {channel:?}"));
        }
        set(&mut self.app_id, change.app_id);
        set(&mut self.secret, change.secret);
        set(&mut self.token, change.token);
        set(&mut self.encoding_aes_key, change.encoding_aes_key);
        set(&mut self.original_id, change.original_id);
        set(&mut self.name, change.name);
        set(&mut self.callback_url, change.callback_url);
        set(&mut self.mode, change.mode);
        set(&mut self.format, change.format);
        set(&mut self.verified, change.verified);
        set(&mut self.allowed_ips, change.allowed_ips);
        set(&mut self.frozen, change.frozen);
        set(&mut self.punished, change.punished);
        set(&mut self.token_seconds, change.token_seconds);
        set(&mut self.agents, change.agents);
        set(&mut self.online_agents, change.online_agents);
        set(&mut self.mini_programs, change.mini_programs);
        set(&mut self.bound_to, change.bound_to);
        set(&mut self.limits, change.limits);
        set(&mut self.timeout_ms, change.timeout_ms);
        set(&mut self.retry_after_ms, change.retry_after_ms);
        set(&mut self.same_query, change.same_query);
        self.valid()
    }

    /// How its pushes are signed and sealed.
    pub fn sender(&self, openid: &str) -> Sender {
        Sender {
            token: self.token.clone(),
            encoding_aes_key: self.encoding_aes_key.clone(),
            receiver: self.app_id.clone(),
            mode: self.mode,
            format: self.format,
            clear: vec![("ToUserName", self.original_id.clone())],
            openid: Some(openid.to_owned()),
            plain_signature: true,
        }
    }

    fn valid(self) -> Result<Self, String> {
        valid_callback(&self.token, &self.encoding_aes_key, &self.callback_url)?;
        if self.app_id.is_empty() || self.original_id.is_empty() {
            return Err("app_id and original_id are not empty".to_owned());
        }
        Ok(self)
    }
}

/// What a console takes for a callback.
pub fn valid_callback(token: &str, encoding_aes_key: &str, url: &str) -> Result<(), String> {
    Key::read(encoding_aes_key)?;
    if !(3..=32).contains(&token.len()) || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("a token has 3 to 32 letters and digits".to_owned());
    }
    if !url.is_empty() && reqwest::Url::parse(url).is_err() {
        return Err(format!("callback_url {url:?} is no URL"));
    }
    Ok(())
}

pub fn set<T>(to: &mut T, wanted: Option<T>) {
    if let Some(wanted) = wanted {
        *to = wanted;
    }
}

/// Sixteen letters of 0-9a-f.
pub fn hex16(platform: &Platform) -> String {
    platform
        .random16()
        .iter()
        .map(|byte| char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'))
        .collect()
}

/// The GET check that saving a server configuration makes, with the values that are about to be saved.
pub async fn check_url(platform: &Platform, account: &Account) -> Result<(), String> {
    let now = platform.world().now() / 1000;
    let (timestamp, nonce, echo) = (now.to_string(), platform.digits(10), platform.digits(19));
    let mut url = reqwest::Url::parse(&account.callback_url).map_err(|error| error.to_string())?;
    url.query_pairs_mut()
        .append_pair("signature", &sign(&[&account.token, &timestamp, &nonce]))
        .append_pair("echostr", &echo)
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce);
    let (status, body) = ask(platform, url, Duration::from_secs(5)).await?;
    if status == 200 && body == echo.as_bytes() {
        Ok(())
    } else {
        Err(format!(
            "token 验证失败: the URL answered {status} and {} bytes, not the echostr",
            body.len()
        ))
    }
}
