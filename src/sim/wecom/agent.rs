//! What is set in the company's console? An application's credentials and callback, or those of the stand-alone 微信客服
//! console; saving a URL checks it first (/document/path/90238).

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::sim::{
    platform::Platform,
    push::{Format, Mode, Sender, ask},
    weixin::{Tokens, hex16, set, valid_callback},
    wire::seal::{Key, sign},
    world::Channel,
};

/// An application of a company, or its 微信客服 console.
#[derive(Clone, Debug, Serialize)]
pub struct Agent {
    pub channel: Channel,
    /// `{corp_id}-{agent_id}`, and `{corp_id}-kf` for the console of 微信客服.
    pub id: String,
    pub corp_id: String,
    /// 0 for the console of 微信客服.
    pub agent_id: i64,
    pub secret: String,
    pub token: String,
    pub encoding_aes_key: String,
    pub name: String,
    pub callback_url: String,
    /// 企业可信IP; empty = everybody.
    pub trusted_ips: Vec<IpAddr>,
    pub token_seconds: i64,
    /// Calls of one API at a time; more are 45033. 0 = any number.
    pub concurrent: u32,
    /// How long every call takes at least.
    pub answer_ms: u64,
    /// Members without an interface licence: `unlicenseduser`.
    pub unlicensed: Vec<String>,
    pub timeout_ms: u64,
    pub retry_after_ms: u64,
    pub same_query: bool,
    #[serde(skip)]
    pub tokens: Tokens,
}

/// What a driver wants to be so; what it leaves out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    pub channel: Option<Channel>,
    pub corp_id: Option<String>,
    #[serde(deserialize_with = "number_or_digits")]
    pub agent_id: Option<i64>,
    pub secret: Option<String>,
    pub token: Option<String>,
    pub encoding_aes_key: Option<String>,
    pub name: Option<String>,
    pub callback_url: Option<String>,
    pub trusted_ips: Option<Vec<IpAddr>>,
    pub token_seconds: Option<i64>,
    pub concurrent: Option<u32>,
    pub answer_ms: Option<u64>,
    pub unlicensed: Option<Vec<String>>,
    pub timeout_ms: Option<u64>,
    pub retry_after_ms: Option<u64>,
    pub same_query: Option<bool>,
    /// `false` saves a URL without the GET check.
    pub check: Option<bool>,
    /// Accounts of 微信客服 that this secret manages.
    pub open_kfids: Option<Vec<String>>,
    /// 微信客服 through this application's secret and callback: its id.
    pub via: Option<String>,
}

/// A number, or its digits as a text: a bridge's file may say either.
fn number_or_digits<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Number(i64),
        Digits(String),
    }
    match Option::<Said>::deserialize(from)? {
        None => Ok(None),
        Some(Said::Number(number)) => Ok(Some(number)),
        Some(Said::Digits(digits)) => digits.trim().parse().map(Some).map_err(D::Error::custom),
    }
}

impl Agent {
    /// A new one with random credentials.
    pub fn new(platform: &Platform, channel: Channel) -> Self {
        let mut agent = Self {
            channel,
            id: String::new(),
            corp_id: format!("ww{}", hex16(platform)),
            agent_id: if channel == Channel::WechatKf { 0 } else { 1_000_002 },
            secret: platform.letters(43),
            token: platform.letters(16).replace(['-', '_'], "t"),
            encoding_aes_key: platform.aes_key(),
            name: "Simulated application".to_owned(),
            callback_url: String::new(),
            trusted_ips: Vec::new(),
            token_seconds: 7200,
            concurrent: 0,
            answer_ms: 0,
            unlicensed: Vec::new(),
            timeout_ms: 5000,
            retry_after_ms: 0,
            same_query: false,
            tokens: Tokens::default(),
        };
        agent.id = agent.named();
        agent
    }

    fn named(&self) -> String {
        match self.channel {
            Channel::WechatKf => format!("{}-kf", self.corp_id),
            _ => format!("{}-{}", self.corp_id, self.agent_id),
        }
    }

    /// The agent after the change, or what is wrong with it.
    pub fn changed(mut self, change: Change) -> Result<Self, String> {
        set(&mut self.corp_id, change.corp_id);
        set(&mut self.agent_id, change.agent_id);
        set(&mut self.secret, change.secret);
        set(&mut self.token, change.token);
        set(&mut self.encoding_aes_key, change.encoding_aes_key);
        set(&mut self.name, change.name);
        set(&mut self.callback_url, change.callback_url);
        set(&mut self.trusted_ips, change.trusted_ips);
        set(&mut self.token_seconds, change.token_seconds);
        set(&mut self.concurrent, change.concurrent);
        set(&mut self.answer_ms, change.answer_ms);
        set(&mut self.unlicensed, change.unlicensed);
        set(&mut self.timeout_ms, change.timeout_ms);
        set(&mut self.retry_after_ms, change.retry_after_ms);
        set(&mut self.same_query, change.same_query);
        if self.corp_id.is_empty() || self.secret.is_empty() {
            return Err("corp_id and secret are not empty".to_owned());
        }
        valid_callback(&self.token, &self.encoding_aes_key, &self.callback_url)?;
        self.id = self.named();
        Ok(self)
    }

    /// How its pushes are signed and sealed; there is no plain mode here.
    pub fn sender(&self) -> Sender {
        let agent = match self.agent_id {
            0 => String::new(),
            id => id.to_string(),
        };
        Sender {
            token: self.token.clone(),
            encoding_aes_key: self.encoding_aes_key.clone(),
            receiver: self.corp_id.clone(),
            mode: Mode::Safe,
            format: Format::Xml,
            clear: vec![("ToUserName", self.corp_id.clone()), ("AgentID", agent)],
            openid: None,
            plain_signature: false,
        }
    }
}

/// The GET check: a sealed `echostr`, whose plain text must come back within a second.
pub async fn check_url(platform: &Platform, agent: &Agent) -> Result<(), String> {
    let now = platform.world().now() / 1000;
    let (timestamp, nonce, echo) = (now.to_string(), platform.digits(9), platform.digits(19));
    let sealed = Key::read(&agent.encoding_aes_key)?.seal(&platform.random16(), echo.as_bytes(), &agent.corp_id);
    let mut url = reqwest::Url::parse(&agent.callback_url).map_err(|error| error.to_string())?;
    url.query_pairs_mut()
        .append_pair("msg_signature", &sign(&[&agent.token, &timestamp, &nonce, &sealed]))
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce)
        .append_pair("echostr", &sealed);
    let (status, body) = ask(platform, url, Duration::from_secs(1)).await?;
    if status == 200 && body == echo.as_bytes() {
        return Ok(());
    }
    Err(format!(
        "openapi回调地址请求不通过: the URL answered {status} and {} bytes, not the opened echostr",
        body.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::Change;

    #[test]
    fn an_agent_is_named_by_its_number_in_both_spellings() {
        let read = |body: &str| serde_json::from_str::<Change>(body).map(|change| change.agent_id);
        for body in [r#"{"agent_id":1000012}"#, r#"{"agent_id":"1000012"}"#] {
            assert_eq!(read(body).ok(), Some(Some(1_000_012)), "{body}");
        }
        assert_eq!(read("{}").ok(), Some(None));
        assert_eq!(read(r#"{"agent_id":null}"#).ok(), Some(None));
        assert!(read(r#"{"agent_id":"x"}"#).is_err());
    }
}
