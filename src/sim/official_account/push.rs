//! How does a deed reach the account? Signed, sealed, within five seconds, three times in all
//! (/doc/subscription/guide/dev/push/).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Allowance,
    account::{Account, Format, Mode},
    deeds::Deed,
    dress::{Dressed, Tamper, dress},
    reply::{Asked, Verdict, judge},
};
use crate::sim::{
    phone::{Customer, Entry, FAULT_NOTICE, Item},
    platform::Platform,
    wire::xml::{Node, to_json, write},
    world::{Millis, World},
};

const ATTEMPTS: u32 = 3;
/// While an agent of the platform's console holds a customer, for as long.
const AGENT_HOLDS: Millis = 30 * 60 * 1000;

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
    pub attempts: Option<u32>,
    pub timeout_ms: Option<u64>,
    pub tamper: Option<Tamper>,
    /// `false`: answer at once, push behind the answer.
    pub wait: Option<bool>,
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
    /// `success`, `empty`, `reply`, `transfer`, `fault`, `no_callback`, `with_agent`.
    pub outcome: &'static str,
    pub reason: String,
    pub shown: Vec<Item>,
}

/// A deed that has happened and is not told yet.
pub struct Letter {
    pub account: Account,
    pub openid: String,
    /// The document that is signed or sealed.
    pub inner: String,
    deed: Deed,
    pub control: Control,
    outcome: Outcome,
}

impl Letter {
    /// A document for an account, as it is.
    #[cfg(test)]
    pub fn to(account: Account, openid: &str, inner: &str) -> Self {
        Self {
            account,
            openid: openid.to_owned(),
            inner: inner.to_owned(),
            deed: Deed::default(),
            control: Control::default(),
            outcome: Outcome::default(),
        }
    }
}

/// Lets the deed happen and tells the account; with `wait: false` the telling goes on behind the answer.
pub async fn push(
    platform: &actix_web::web::Data<Platform>,
    app_id: &str,
    openid: &str,
    deed: Deed,
    control: Control,
) -> Result<Outcome, String> {
    let behind = control.wait == Some(false);
    let letter = happen(platform, app_id, openid, deed, control)?;
    platform.touch();
    if !letter.outcome.outcome.is_empty() {
        return Ok(letter.outcome);
    }
    if behind {
        let started = Outcome {
            outcome: "started",
            ..letter.outcome.clone()
        };
        let platform = platform.clone();
        actix_web::rt::spawn(async move { deliver(&platform, letter).await });
        return Ok(started);
    }
    Ok(deliver(platform, letter).await)
}

fn happen(platform: &Platform, app_id: &str, openid: &str, mut deed: Deed, control: Control) -> Result<Letter, String> {
    let mut guard = platform.world();
    let world = &mut *guard;
    let account = world.account(app_id).cloned().ok_or("no such account")?;
    let now = world.now();
    for file in std::mem::take(&mut deed.upload) {
        world.keep(file.id, &account.app_id, file.kind, file.label, file.bytes);
    }
    let mut outcome = Outcome {
        create_time: control.create_time.unwrap_or(now / 1000),
        ..Outcome::default()
    };
    if deed.is_message {
        let fresh = 24_800_000_000_000_000 + u64::try_from(now % 1_000_000_000).unwrap_or(0) * 1000 + world.number();
        let id = control
            .msg_id
            .as_ref()
            .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        outcome.msg_id = Some(id.unwrap_or_else(|| fresh.to_string()));
    }
    let with_agent = apply(world, &account, openid, &deed, now, &mut outcome)?;
    let inner = inner(&account, openid, &deed, &outcome);
    if account.callback_url.is_empty() {
        outcome.outcome = "no_callback";
    } else if with_agent {
        outcome.outcome = "with_agent";
    }
    Ok(Letter {
        account,
        openid: openid.to_owned(),
        inner,
        deed,
        control,
        outcome,
    })
}

/// What the deed changes at the customer's side. Tells whether an agent of the platform's console has them.
fn apply(
    world: &mut World,
    account: &Account,
    openid: &str,
    deed: &Deed,
    now: Millis,
    outcome: &mut Outcome,
) -> Result<bool, String> {
    let seq = world.number();
    let key = (account.app_id.clone(), openid.to_owned());
    let customer = world.customers.entry(key).or_insert_with(|| Customer {
        follows: true,
        ..Customer::default()
    });
    if deed.needs_follow && !customer.follows {
        return Err("the customer does not follow the account".to_owned());
    }
    if let Some(follows) = deed.follows {
        customer.follows = follows;
        if !follows {
            customer.allowance = None;
        }
    }
    if deed.trigger.is_some() {
        customer.acted = now;
    }
    if let Some(trigger) = deed.trigger {
        customer.allowance = Some(Allowance::open(customer.allowance, trigger, now));
    }
    if let Some(entry) = deed.entry.clone() {
        outcome.shown.push(customer.show(seq, now, entry));
    }
    Ok(deed.is_message && customer.agent_until.is_some_and(|until| until > now))
}

fn inner(account: &Account, openid: &str, deed: &Deed, outcome: &Outcome) -> String {
    if let Some(raw) = &deed.raw {
        return raw.clone();
    }
    let mut fields = vec![
        ("ToUserName".to_owned(), Node::text(account.original_id.clone())),
        ("FromUserName".to_owned(), Node::text(openid)),
        ("CreateTime".to_owned(), Node::number(outcome.create_time)),
    ];
    fields.extend(deed.fields.iter().cloned());
    if let Some(id) = &outcome.msg_id {
        fields.push(("MsgId".to_owned(), Node::number(id)));
    }
    match account.format {
        Format::Xml => write(&fields),
        Format::Json => to_json(&fields).to_string(),
    }
}

async fn deliver(platform: &Platform, mut letter: Letter) -> Outcome {
    // An attacker's request is not repeated by the platform.
    let usual = if letter.control.tamper.is_some() { 1 } else { ATTEMPTS };
    let attempts = letter.control.attempts.unwrap_or(usual);
    let mut dressed = dress(platform, &letter);
    for number in 1..=attempts {
        if number > 1 {
            tokio::time::sleep(Duration::from_millis(letter.account.retry_after_ms)).await;
            if !letter.control.same_query.unwrap_or(letter.account.same_query) {
                dressed = dress(platform, &letter);
            }
        }
        let (attempt, verdict) = once(platform, &letter, &dressed, number).await;
        letter.outcome.attempts.push(attempt);
        if let Some(verdict) = verdict {
            settle(platform, &mut letter, verdict);
            return letter.outcome;
        }
    }
    let reason = format!("no answer in {attempts} attempts");
    settle(platform, &mut letter, Verdict::Bad(reason));
    letter.outcome
}

/// One attempt. No verdict means that the platform tries again.
async fn once(platform: &Platform, letter: &Letter, dressed: &Dressed, number: u32) -> (Attempt, Option<Verdict>) {
    let began = tokio::time::Instant::now();
    let limit = Duration::from_millis(letter.control.timeout_ms.unwrap_or(letter.account.timeout_ms));
    let asked = tokio::time::timeout(limit, exchange(platform, letter, dressed)).await;
    let mut attempt = Attempt {
        attempt: number,
        status: None,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        body_kind: "none",
        error: None,
    };
    let verdict = match asked {
        Err(_) => {
            attempt.error = Some("timeout".to_owned());
            None
        }
        Ok(Err(error)) => {
            attempt.error = Some(error);
            None
        }
        Ok(Ok((200, body))) => {
            attempt.status = Some(200);
            let asked = Asked {
                account: &letter.account,
                openid: &letter.openid,
                after_message: letter.deed.is_message,
            };
            let verdict = judge(&platform.world(), &asked, &body);
            attempt.body_kind = verdict.name();
            Some(verdict)
        }
        Ok(Ok((status, _))) => {
            attempt.status = Some(status);
            None
        }
    };
    (attempt, verdict)
}

async fn exchange(platform: &Platform, letter: &Letter, dressed: &Dressed) -> Result<(u16, Vec<u8>), String> {
    let mut url = reqwest::Url::parse(&letter.account.callback_url).map_err(|error| error.to_string())?;
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

/// What the customer sees in the end.
fn settle(platform: &Platform, letter: &mut Letter, verdict: Verdict) {
    let mut guard = platform.world();
    let world = &mut *guard;
    let (now, seq) = (world.now(), world.number());
    let outcome = &mut letter.outcome;
    outcome.outcome = verdict.name();
    let Some(customer) = world.customer_mut(&letter.account.app_id, &letter.openid) else {
        return;
    };
    let entry = match verdict {
        Verdict::Success | Verdict::Empty => None,
        Verdict::Reply(entry) => Some(entry),
        Verdict::Transfer(agent) => {
            customer.agent_until = Some(0);
            Some(Entry::deed("transfer", &agent.unwrap_or_default()))
        }
        Verdict::Bad(reason) => {
            outcome.outcome = "fault";
            outcome.reason = reason;
            // Nobody sees what became of an attacker's request.
            letter.control.tamper.is_none().then(|| Entry::notice(FAULT_NOTICE))
        }
    };
    if let Some(entry) = entry {
        outcome.shown.push(customer.show(seq, now, entry));
    }
    drop(guard);
    platform.touch();
}

/// An agent of the platform's own console takes the waiting customer, or lets go: the events that tell of it.
pub fn agent_deed(customer: &mut Customer, accepts: bool, agent: &str, now: Millis) -> Deed {
    customer.agent_until = accepts.then_some(now + AGENT_HOLDS);
    let event = if accepts {
        "kf_create_session"
    } else {
        "kf_close_session"
    };
    Deed {
        fields: vec![
            ("MsgType".to_owned(), Node::text("event")),
            ("Event".to_owned(), Node::text(event)),
            ("KfAccount".to_owned(), Node::text(agent)),
        ],
        entry: Some(Entry::deed(event, agent)),
        ..Deed::default()
    }
}
