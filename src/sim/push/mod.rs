//! How does a push travel? Attempt by attempt over HTTP, until the account's server has answered or the platform gives up.

mod dress;
mod reply;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    dress::{Dressed, Format, Mode, Sender, Tamper, dress},
    reply::{Asked, cut, event_of, judge},
};
use super::{
    phone::{Entry, Item},
    platform::Platform,
};

/// What a driver wants otherwise than usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// The same id again is how the platform repeats a message.
    pub msg_id: Option<Value>,
    pub create_time: Option<i64>,
    pub timestamp: Option<i64>,
    pub nonce: Option<String>,
    pub same_query: Option<bool>,
    pub mode: Option<Mode>,
    /// 0: the platform never tells.
    pub attempts: Option<u32>,
    pub timeout_ms: Option<u64>,
    pub tamper: Option<Tamper>,
    /// `false`: answer at once, push behind the answer.
    pub wait: Option<bool>,
}

impl Control {
    /// The id that the driver wants, as text.
    pub fn wanted_id(&self) -> Option<String> {
        let id = self.msg_id.as_ref()?;
        Some(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
    }
}

/// One request to the account, and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    pub attempt: u32,
    pub status: Option<u16>,
    pub ms: u64,
    pub body_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of a deed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    pub msg_id: Option<String>,
    pub create_time: i64,
    pub attempts: Vec<Attempt>,
    /// `success`, `empty`, `reply`, `transfer`, `ignored`, `fault`, `no_callback`, `with_agent`, `untold`, `started`.
    pub outcome: &'static str,
    pub reason: String,
    pub shown: Vec<Item>,
}

/// What the platform makes of a complete answer.
#[derive(Clone, Debug)]
pub enum Verdict {
    Success,
    Empty,
    Reply(Entry),
    /// Handed to the platform's own agents, perhaps to a named one.
    Transfer(Option<String>),
    /// Taken, and nothing of it is shown.
    Ignored(String),
    /// The customer sees the notice.
    Bad(String),
}

impl Verdict {
    /// How an attempt's `body_kind` names it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Empty => "empty",
            Self::Reply(_) => "reply",
            Self::Transfer(_) => "transfer",
            Self::Ignored(_) => "ignored",
            Self::Bad(_) => "bad",
        }
    }
}

/// Where a push goes, how long each attempt may take, how many there are.
#[derive(Clone, Debug)]
pub struct Round {
    pub url: String,
    pub limit: Duration,
    pub pause: Duration,
    pub attempts: u32,
    pub same_query: bool,
}

impl Round {
    /// The attempts that the platform makes, `usual` of them; an attacker's request is not repeated by the platform.
    pub fn new(url: &str, usual: u32, timeout_ms: u64, pause_ms: u64, control: &Control) -> Self {
        let usual = if control.tamper.is_some() { 1 } else { usual };
        Self {
            url: url.to_owned(),
            limit: Duration::from_millis(control.timeout_ms.unwrap_or(timeout_ms)),
            pause: Duration::from_millis(pause_ms),
            attempts: control.attempts.unwrap_or(usual),
            same_query: control.same_query.unwrap_or(false),
        }
    }
}

/// Tells the account until it answers 200. A complete 200 is judged and never repeated.
pub async fn deliver(
    platform: &Platform,
    round: &Round,
    dress: impl Fn() -> Dressed,
    judge: impl Fn(&[u8]) -> Verdict,
) -> (Vec<Attempt>, Verdict) {
    let mut made = Vec::new();
    let mut dressed = dress();
    for number in 1..=round.attempts {
        if number > 1 {
            tokio::time::sleep(round.pause).await;
            if !round.same_query {
                dressed = dress();
            }
        }
        let (attempt, verdict) = once(platform, round, &dressed, number, &judge).await;
        made.push(attempt);
        if let Some(verdict) = verdict {
            return (made, verdict);
        }
    }
    (made, Verdict::Bad(format!("no answer in {} attempts", round.attempts)))
}

/// One attempt. No verdict means that the platform tries again.
async fn once(
    platform: &Platform,
    round: &Round,
    dressed: &Dressed,
    number: u32,
    judge: impl Fn(&[u8]) -> Verdict,
) -> (Attempt, Option<Verdict>) {
    let began = tokio::time::Instant::now();
    let asked = tokio::time::timeout(round.limit, exchange(platform, &round.url, dressed)).await;
    let mut attempt = Attempt {
        attempt: number,
        status: None,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        body_kind: "none",
        error: None,
    };
    match asked {
        Err(_) => attempt.error = Some("timeout".to_owned()),
        Ok(Err(error)) => attempt.error = Some(error),
        Ok(Ok((status, body))) => {
            attempt.status = Some(status);
            if status == 200 {
                let verdict = judge(&body);
                attempt.body_kind = verdict.name();
                return (attempt, Some(verdict));
            }
        }
    }
    (attempt, None)
}

async fn exchange(platform: &Platform, url: &str, dressed: &Dressed) -> Result<(u16, Vec<u8>), String> {
    let mut url = reqwest::Url::parse(url).map_err(|error| error.to_string())?;
    url.query_pairs_mut()
        .extend_pairs(dressed.query.iter().map(|(name, value)| (*name, value)));
    let request = platform
        .http
        .post(url)
        .header("content-type", "text/xml")
        .body(dressed.body.clone());
    let answer = request.send().await.map_err(|error| innermost(&error))?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(|error| innermost(&error))?;
    Ok((status, body.to_vec()))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

/// The answer of a GET check within `limit`.
pub async fn ask(platform: &Platform, url: reqwest::Url, limit: Duration) -> Result<(u16, Vec<u8>), String> {
    let answer = platform.http.get(url).timeout(limit).send().await;
    let answer = answer.map_err(|error| format!("the URL does not answer: {}", innermost(&error)))?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.map_err(|error| innermost(&error))?;
    Ok((status, body.to_vec()))
}
