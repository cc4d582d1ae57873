//! What do customers do and see? Deeds in, chats out.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Bytes, Data, Path, Query},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{failed, ok, read, unknown_account};
use crate::sim::{
    mini_program, official_account,
    phone::Customer,
    platform::Platform,
    push::{Control, Outcome},
    wechat_kf, wecom_app,
    weixin::{Allowance, Deed, Trigger, agent_deed, push},
    world::{Channel, World, rfc3339},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Save {
    account: String,
    openid: Option<String>,
    name: Option<String>,
    follows: Option<bool>,
    refuses: Option<bool>,
    blocked: Option<bool>,
}

/// Creates a customer, or changes what the body names.
pub async fn save(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let save: Save = match read(&body) {
        Ok(save) => save,
        Err(answer) => return answer,
    };
    let fresh = platform.letters(27);
    let mut world = platform.world();
    let Some((channel, account)) = world.whose(&save.account) else {
        return unknown_account();
    };
    let openid = save.openid.unwrap_or_else(|| match channel {
        Channel::WechatKf => format!("wm{fresh}"),
        Channel::WecomApp => "zhang.san".to_owned(),
        _ => format!("o{fresh}"),
    });
    let openid = filed(channel, openid);
    let customer = world
        .customers
        .entry((account.clone(), openid.clone()))
        .or_insert_with(|| Customer {
            follows: true,
            ..Customer::default()
        });
    if let Some(name) = save.name {
        customer.name = name;
    }
    customer.follows = save.follows.unwrap_or(customer.follows);
    customer.refuses = save.refuses.unwrap_or(customer.refuses);
    customer.blocked = save.blocked.unwrap_or(customer.blocked);
    ok(&told(&account, &openid, customer))
}

/// How the platform files somebody: members of a company without regard to case.
fn filed(channel: Channel, openid: String) -> String {
    match channel {
        Channel::WecomApp => wecom_app::folded(&openid),
        _ => openid,
    }
}

fn told(account: &str, openid: &str, customer: &Customer) -> Value {
    json!({
        "account": account,
        "openid": openid,
        "name": customer.name,
        "follows": customer.follows,
        "refuses": customer.refuses,
        "blocked": customer.blocked,
    })
}

pub async fn list(platform: Data<Platform>) -> HttpResponse {
    let world = platform.world();
    let items: Vec<_> = world
        .customers
        .iter()
        .map(|((account, openid), customer)| told(account, openid, customer))
        .collect();
    ok(&json!({ "items": items }))
}

#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
    /// Seconds to wait for something new, with or without the `s`.
    #[serde(default)]
    wait: Option<String>,
}

/// "20", "20s", "500ms".
pub fn wait(text: Option<&str>) -> Duration {
    let text = text.unwrap_or("0");
    let seconds = text.parse().map(Duration::from_secs);
    seconds.or_else(|_| humantime::parse_duration(text)).unwrap_or_default()
}

/// What a customer sees; with `after` and `wait` as soon as there is more.
pub async fn show(platform: Data<Platform>, path: Path<(String, String)>, query: Query<After>) -> HttpResponse {
    let (id, openid) = path.into_inner();
    let Some((channel, account)) = platform.world().whose(&id) else {
        return unknown_account();
    };
    let openid = filed(channel, openid);
    let seen = platform
        .poll(wait(query.wait.as_deref()), |world| {
            let customer = world.customer(&account, &openid);
            let chat = customer.map(|customer| customer.chat.as_slice()).unwrap_or_default();
            let items: Vec<_> = chat.iter().filter(|item| item.seq > query.after).collect();
            let next = items.last().map_or(query.after, |item| item.seq);
            let view = json!({
                "account": account,
                "openid": openid,
                "follows": customer.is_none_or(|customer| customer.follows),
                "typing": customer.is_some_and(|customer| customer.typing_until > world.now()),
                "quota": quota_of(world, &account, &openid),
                "now": rfc3339(world.now()),
                "items": items,
                "next": next,
            });
            (next > query.after, view)
        })
        .await;
    ok(&seen)
}

fn quota_of(world: &World, account: &str, openid: &str) -> Value {
    let now = world.now();
    if let Some(desk) = world.desks.get(account) {
        return wechat_kf::view(desk, openid, now);
    }
    if world.agents.contains_key(account) {
        // Members may be written to at any time.
        return json!({ "open": true, "left": null });
    }
    let open = world
        .customer(account, openid)
        .and_then(|customer| customer.allowance)
        .filter(|allowance| allowance.until > now);
    match open {
        Some(open) => json!({
            "open": true,
            "left": open.left,
            "until": rfc3339(open.until),
            "seconds": (open.until - now) / 1000,
            "trigger": open.trigger,
        }),
        None => json!({ "open": false, "left": 0 }),
    }
}

pub async fn quota(platform: Data<Platform>, path: Path<(String, String)>) -> HttpResponse {
    let world = platform.world();
    match world.whose(&path.0) {
        Some((_, account)) => ok(&quota_of(&world, &account, &path.1)),
        None => unknown_account(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetQuota {
    left: u32,
    seconds: i64,
}

/// As if other senders had drawn from the pot.
pub async fn set_quota(platform: Data<Platform>, path: Path<(String, String)>, body: Bytes) -> HttpResponse {
    let wanted: SetQuota = match read(&body) {
        Ok(wanted) => wanted,
        Err(answer) => return answer,
    };
    let mut world = platform.world();
    let now = world.now();
    let Some((_, account)) = world.whose(&path.0) else {
        return unknown_account();
    };
    if let Some(desk) = world.desks.get_mut(&account) {
        desk.session(&path.1).allow(wanted.left, now + wanted.seconds * 1000);
        return ok(&quota_of(&world, &account, &path.1));
    }
    let Some(customer) = world.customer_mut(&account, &path.1) else {
        return failed(StatusCode::NOT_FOUND, "no such customer");
    };
    customer.allowance = Some(Allowance {
        left: wanted.left,
        until: now + wanted.seconds * 1000,
        trigger: Trigger::Message,
    });
    ok(&quota_of(&world, &account, &path.1))
}

/// A customer does something; answered when the push has been answered (or given up).
pub async fn act(platform: Data<Platform>, path: Path<(String, String, String)>, body: Bytes) -> HttpResponse {
    let (id, openid, action) = path.into_inner();
    let mut body: Map<String, Value> = match read(&body) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let control = body.remove("push").map(serde_json::from_value::<Control>);
    let control = match control.transpose() {
        Ok(control) => control.unwrap_or_default(),
        Err(error) => return failed(StatusCode::BAD_REQUEST, format!("push: {error}")),
    };
    let Some((channel, account)) = platform.world().whose(&id) else {
        return unknown_account();
    };
    match done(&platform, (channel, &account), &openid, &action, &body, control).await {
        Ok(outcome) => HttpResponse::Ok().json(outcome),
        Err(fault) => failed(StatusCode::BAD_REQUEST, fault),
    }
}

async fn done(
    platform: &Data<Platform>,
    (channel, account): (Channel, &str),
    openid: &str,
    action: &str,
    body: &Map<String, Value>,
    control: Control,
) -> Result<Outcome, String> {
    if channel == Channel::WechatKf {
        return wechat_kf::act(platform, account, openid, action, body, control).await;
    }
    if channel == Channel::WecomApp {
        return wecom_app::act(platform, account, openid, action, body, control).await;
    }
    let deed = make(platform, (channel, account), openid, action, body)?;
    push(platform, account, openid, deed, control).await
}

fn make(
    platform: &Platform,
    (channel, account): (Channel, &str),
    openid: &str,
    action: &str,
    body: &Map<String, Value>,
) -> Result<Deed, String> {
    let accepts = action == "agent-accept";
    if accepts || action == "agent-close" {
        let agent = body.get("agent").and_then(Value::as_str).unwrap_or("agent@sim");
        let mut world = platform.world();
        let now = world.now();
        let customer = world.customer_mut(account, openid).ok_or("no such customer")?;
        return Ok(agent_deed(customer, accepts, agent, now));
    }
    if channel == Channel::MiniProgram {
        return mini_program::deed(platform, action, body);
    }
    // Somebody nobody has seen follows as soon as they write, but not before they scan.
    let unseen = action != "scan";
    let follows = {
        let world = platform.world();
        world
            .customer(account, openid)
            .map_or(unseen, |customer| customer.follows)
    };
    official_account::deed(platform, action, body, follows)
}
