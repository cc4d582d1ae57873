//! Which accounts are there? Made, changed, taken over and revoked by the driver.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Bytes, Data, Path},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{failed, ok, read, unknown_account};
use crate::sim::{
    platform::Platform,
    wechat_kf::{self, Desk},
    wecom::{self, Agent},
    weixin::{self, Account},
    world::{Channel, World},
};

pub async fn list(platform: Data<Platform>) -> HttpResponse {
    let world = platform.world();
    let accounts = world.accounts.values().map(|account| json!(account));
    let agents = world.agents.values().map(|agent| company(&world, agent));
    let items: Vec<_> = accounts.chain(agents).collect();
    ok(&json!({ "items": items }))
}

/// An application with the accounts of 微信客服 that its secret manages.
fn company(world: &World, agent: &Agent) -> Value {
    let mut told = json!(agent);
    let desks: Vec<_> = world.desks.values().filter(|desk| desk.agent == agent.id).collect();
    if let (Some(told), false) = (told.as_object_mut(), desks.is_empty()) {
        told.insert("desks".to_owned(), json!(desks));
    }
    told
}

pub async fn show(platform: Data<Platform>, id: Path<String>) -> HttpResponse {
    let world = platform.world();
    match (
        world.account(&id),
        world.agents.get(id.as_str()),
        world.desks.get(id.as_str()),
    ) {
        (Some(account), ..) => HttpResponse::Ok().json(account),
        (_, Some(agent), _) => ok(&company(&world, agent)),
        (.., Some(desk)) => HttpResponse::Ok().json(desk),
        _ => unknown_account(),
    }
}

/// Creates an account, or changes what the body names of an existing one. A URL is checked before it is saved.
pub async fn save(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let body: Map<String, Value> = match read(&body) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let of_company = matches!(
        body.get("channel").and_then(Value::as_str),
        Some("wecom_app" | "wechat_kf")
    );
    let done = if of_company || body.contains_key("corp_id") {
        save_agent(&platform, body).await
    } else {
        save_account(&platform, body).await
    };
    platform.touch();
    done.unwrap_or_else(|(status, fault)| failed(status, fault))
}

type Saved = Result<HttpResponse, (StatusCode, String)>;

fn bad(fault: impl ToString) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, fault.to_string())
}

async fn save_account(platform: &Platform, body: Map<String, Value>) -> Saved {
    let change: weixin::Change = serde_json::from_value(Value::Object(body)).map_err(bad)?;
    let wants_check = change.check.unwrap_or(change.callback_url.is_some());
    let channel = change.channel.unwrap_or(Channel::OfficialAccount);
    let existing = {
        let world = platform.world();
        change.app_id.as_deref().and_then(|id| world.account(id)).cloned()
    };
    let before = existing.unwrap_or_else(|| Account::new(platform, channel));
    let account = before.changed(change).map_err(bad)?;
    if wants_check && !account.callback_url.is_empty() {
        let checked = weixin::check_url(platform, &account).await;
        checked.map_err(|fault| (StatusCode::UNPROCESSABLE_ENTITY, fault))?;
    }
    let mut world = platform.world();
    world.accounts.insert(account.app_id.clone(), account.clone());
    Ok(HttpResponse::Ok().json(account))
}

/// An application, or 微信客服 with its own secret or (`via`) through an application.
async fn save_agent(platform: &Platform, body: Map<String, Value>) -> Saved {
    let change: wecom::Change = serde_json::from_value(Value::Object(body)).map_err(bad)?;
    let open_kfids = change.open_kfids.clone().unwrap_or_default();
    if let Some(via) = &change.via {
        let mut world = platform.world();
        let agent = world.agents.get(via).cloned();
        let agent = agent.ok_or_else(|| bad(format!("there is no application {via:?}")))?;
        add_desks(&mut world, &open_kfids, via);
        return Ok(HttpResponse::Ok().json(company(&world, &agent)));
    }
    let wants_check = change.check.unwrap_or(change.callback_url.is_some());
    let channel = change.channel.unwrap_or(Channel::WecomApp);
    let existing = existing(&platform.world(), channel, &change);
    let before = existing.unwrap_or_else(|| Agent::new(platform, channel));
    let agent = before.changed(change).map_err(bad)?;
    if wants_check && !agent.callback_url.is_empty() {
        let checked = wecom::check_url(platform, &agent).await;
        checked.map_err(|fault| (StatusCode::UNPROCESSABLE_ENTITY, fault))?;
    }
    let mut world = platform.world();
    world.agents.insert(agent.id.clone(), agent.clone());
    add_desks(&mut world, &open_kfids, &agent.id);
    Ok(HttpResponse::Ok().json(company(&world, &agent)))
}

/// The application of this company with this number, or the company's 微信客服 console.
fn existing(world: &World, channel: Channel, change: &wecom::Change) -> Option<Agent> {
    let of_company = |agent: &&Agent| Some(&agent.corp_id) == change.corp_id.as_ref() && agent.channel == channel;
    let mut agents = world.agents.values().filter(of_company);
    match (channel, change.agent_id) {
        (Channel::WechatKf, _) => agents.next().cloned(),
        (_, Some(number)) => agents.find(|agent| agent.agent_id == number).cloned(),
        _ => None,
    }
}

fn add_desks(world: &mut World, open_kfids: &[String], agent: &str) {
    for open_kfid in open_kfids {
        let desk = world.desks.entry(open_kfid.clone());
        desk.or_insert_with(|| Desk::new(open_kfid, agent)).agent = agent.to_owned();
    }
}

/// Creates an account of 微信客服, or changes what the body names of one.
pub async fn save_desk(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let change: wechat_kf::Change = match read(&body) {
        Ok(change) => change,
        Err(answer) => return answer,
    };
    let fresh = format!("wk{}", platform.letters(30));
    let mut world = platform.world();
    let open_kfid = change.open_kfid.clone().unwrap_or(fresh);
    let agent = change
        .account
        .clone()
        .or_else(|| world.desks.get(&open_kfid).map(|desk| desk.agent.clone()));
    let Some(agent) = agent.filter(|agent| world.agents.contains_key(agent)) else {
        return unknown_account();
    };
    let desk = world
        .desks
        .entry(open_kfid.clone())
        .or_insert_with(|| Desk::new(&open_kfid, &agent));
    desk.change(change);
    HttpResponse::Ok().json(&*desk)
}

pub async fn remove(platform: Data<Platform>, id: Path<String>) -> HttpResponse {
    let mut world = platform.world();
    let Some((_, id)) = world.whose(&id) else {
        return unknown_account();
    };
    world.accounts.remove(&id);
    world.agents.remove(&id);
    world
        .desks
        .retain(|open_kfid, desk| *open_kfid != id && desk.agent != id);
    world.customers.retain(|(account, _), _| *account != id);
    ok(&json!({}))
}

/// How another system of the company takes the token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Take {
    /// `classic` or `stable`.
    #[serde(default = "classic")]
    kind: String,
    /// `false`: without the five minutes in which both work.
    #[serde(default)]
    overlap: bool,
}

fn classic() -> String {
    "classic".to_owned()
}

/// Another system fetches a token, and ours dies.
pub async fn take_token(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let take: Take = match read(&body) {
        Ok(take) => take,
        Err(answer) => return answer,
    };
    let fresh = platform.letters(136);
    let mut world = platform.world();
    let now = world.now();
    let Some((tokens, life)) = tokens(&mut world, &id) else {
        return unknown_account();
    };
    if !take.overlap {
        tokens.kill(now);
    }
    let token = match take.kind.as_str() {
        "classic" => tokens.classic(fresh, life, now).0,
        "stable" => match tokens.stable(fresh, life, false, now) {
            Ok((token, _)) => token,
            Err(no) => return failed(StatusCode::CONFLICT, no.text),
        },
        other => {
            return failed(
                StatusCode::BAD_REQUEST,
                format!("kind {other:?} is neither classic nor stable"),
            );
        }
    };
    ok(&json!({ "access_token": token }))
}

/// The tokens of an account or an application, and how long a fresh one lives.
fn tokens<'a>(world: &'a mut World, id: &str) -> Option<(&'a mut weixin::Tokens, i64)> {
    let (_, id) = world.whose(id)?;
    if world.accounts.contains_key(&id) {
        let account = world.accounts.get_mut(&id)?;
        return Some((&mut account.tokens, account.token_seconds * 1000));
    }
    let agent = world.agents.get_mut(&id)?;
    Some((&mut agent.tokens, agent.token_seconds * 1000))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// Freeze (40243) instead of a new secret (40125, 40001 at a company).
    #[serde(default)]
    freeze: bool,
}

/// The secret is reset or frozen; every token dies with it.
pub async fn revoke_secret(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let revoke: Revoke = match read(&body) {
        Ok(revoke) => revoke,
        Err(answer) => return answer,
    };
    let fresh = platform.letters(32);
    let mut guard = platform.world();
    let world = &mut *guard;
    let now = world.now();
    let Some((tokens, _)) = tokens(world, &id) else {
        return unknown_account();
    };
    tokens.kill(now);
    let Some((_, id)) = world.whose(&id) else {
        return unknown_account();
    };
    if let Some(agent) = world.agents.get_mut(&id) {
        agent.secret = fresh;
        return ok(&json!({ "secret": agent.secret, "frozen": false }));
    }
    let Some(account) = world.account_mut(&id) else {
        return unknown_account();
    };
    if revoke.freeze {
        account.frozen = true;
    } else {
        account.secret = fresh;
    }
    ok(&json!({ "secret": account.secret, "frozen": account.frozen }))
}
