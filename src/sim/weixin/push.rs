//! How does a deed reach the account? Signed, sealed, within five seconds, three times in all
//! (/doc/subscription/guide/dev/push/).

use std::sync::Arc;

use super::{Account, Allowance, Deed};
use crate::sim::{
    open_platform,
    phone::{Customer, Entry},
    platform::Platform,
    push::{Asked, Control, Format, Outcome, Round, Sender, Verdict, deliver, dress, event_of, judge},
    wire::xml::{Node, to_json, write},
    world::{Channel, Millis, World},
};

const ATTEMPTS: u32 = 3;
/// While an agent of the platform's console holds a customer, for as long.
const AGENT_HOLDS: Millis = 30 * 60 * 1000;

/// A deed that has happened and is not told yet.
struct Letter {
    account: Account,
    /// Who signs and seals: the account, or the third-party platform that it authorised.
    sender: Sender,
    openid: String,
    /// The document that is signed or sealed.
    inner: String,
    deed: Deed,
    control: Control,
    outcome: Outcome,
}

/// Lets the deed happen and tells the account; with `wait: false` the telling goes on behind the answer.
pub async fn push(
    platform: &Arc<Platform>,
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
        actix_web::rt::spawn(async move { tell(&platform, letter).await });
        return Ok(started);
    }
    Ok(tell(platform, letter).await)
}

fn happen(platform: &Platform, app_id: &str, openid: &str, mut deed: Deed, control: Control) -> Result<Letter, String> {
    let mut guard = platform.world();
    let world = &mut *guard;
    let mut account = world.account(app_id).cloned().ok_or("no such account")?;
    let mut sender = account.sender(openid);
    if account.callback_url.is_empty()
        && let Some((url, of_platform)) = open_platform::road(world, &account, openid)
    {
        account.callback_url = url;
        account.format = of_platform.format;
        sender = of_platform;
    }
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
        outcome.msg_id = Some(control.wanted_id().unwrap_or_else(|| fresh.to_string()));
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
        sender,
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
    Ok(deed.is_message && customer.agent(now).is_some())
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

async fn tell(platform: &Platform, mut letter: Letter) -> Outcome {
    let (account, control) = (&letter.account, &letter.control);
    let mut round = Round::new(
        &account.callback_url,
        ATTEMPTS,
        account.timeout_ms,
        account.retry_after_ms,
        control,
    );
    round.same_query = control.same_query.unwrap_or(account.same_query);
    let sender = letter.sender.clone();
    let event = event_of(account.format, &letter.inner);
    let asked = Asked {
        channel: account.channel,
        sender: &sender,
        to: &letter.openid,
        from: &account.original_id,
        owner: &account.app_id,
        event: (!letter.deed.is_message).then(|| event.as_deref().unwrap_or("event")),
    };
    let (attempts, verdict) = deliver(
        platform,
        &round,
        || dress(platform, &sender, &letter.inner, control),
        |body| judge(&platform.world(), &asked, body),
    )
    .await;
    letter.outcome.attempts = attempts;
    if round.attempts == 0 {
        letter.outcome.outcome = "untold";
        return letter.outcome;
    }
    settle(platform, &mut letter, verdict);
    letter.outcome
}

/// What a customer reads when the account's server answered wrongly or not at all.
const fn fault_notice(channel: Channel) -> &'static str {
    match channel {
        Channel::MiniProgram => "该小程序客服暂时无法提供服务，请稍后再试",
        _ => "该公众号提供的服务出现故障，请稍后再试",
    }
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
        Verdict::Ignored(reason) => {
            outcome.reason = reason;
            None
        }
        Verdict::Reply(entry) => Some(entry),
        Verdict::Transfer(agent) => {
            customer.agent_until = Some(0);
            Some(Entry::deed("transfer", &agent.unwrap_or_default()))
        }
        Verdict::Bad(reason) => {
            outcome.outcome = "fault";
            outcome.reason = reason;
            // Nobody sees what became of an attacker's request.
            letter
                .control
                .tamper
                .is_none()
                .then(|| Entry::notice(fault_notice(letter.account.channel)))
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
    if accepts {
        agent.clone_into(&mut customer.agent);
        customer.agent_since = now;
    }
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
