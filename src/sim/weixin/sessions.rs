//! Whom does an agent of the platform's own console have? The account asks, gives a customer to one, and takes one back
//! (/doc/offiaccount/Customer_Service/Session_control.html).

use serde_json::{Value, json};

use super::{
    Deed,
    push::{agent_deed, push},
    required,
    service::verified,
};
use crate::sim::{
    door::Request,
    phone::Customer,
    push::Control,
    refusal::Refusal,
    world::{Channel, World},
};

/// The calls of `/customservice/kfsession/`; `None`: it is none of them.
pub fn call(world: &mut World, app_id: &str, call: &Request<'_>) -> Option<Result<Value, Refusal>> {
    let name = call.path.strip_prefix("/customservice/kfsession/")?;
    Some(match name {
        "create" => ordered(world, app_id, call, true),
        "close" => ordered(world, app_id, call, false),
        "getsession" => session(world, app_id, call),
        "getsessionlist" => sessions(world, app_id, call),
        "getwaitcase" => waiting(world, app_id),
        _ => return None,
    })
}

/// Begins or ends a session; the event that tells of it follows the answer.
fn ordered(world: &mut World, app_id: &str, call: &Request<'_>, begins: bool) -> Result<Value, Refusal> {
    let body = call.json()?;
    let (agent, openid) = (required(&body, "kf_account")?, required(&body, "openid")?);
    let account = official(world, app_id)?;
    if !account.agents.iter().any(|known| known == agent) {
        return Err(Refusal::code(61452));
    }
    if begins && !account.online_agents.iter().any(|online| online == agent) {
        return Err(Refusal::code(65415));
    }
    let now = world.now();
    let customer = world.customer_mut(app_id, openid).ok_or_else(|| Refusal::code(40003))?;
    match (customer.agent(now), begins) {
        (None, false) => return Err(Refusal::code(65413)),
        (Some(other), _) if other != agent => return Err(Refusal::code(65414)),
        // It is so already.
        (Some(_), true) => {}
        _ => {
            let deed = agent_deed(customer, begins, agent, now);
            told(call, app_id, openid, deed);
        }
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

fn told(call: &Request<'_>, app_id: &str, openid: &str, deed: Deed) {
    let (platform, app_id, openid) = (call.platform.clone(), app_id.to_owned(), openid.to_owned());
    actix_web::rt::spawn(async move {
        // Who left meanwhile is told nothing.
        let _ = push(&platform, &app_id, &openid, deed, Control::default()).await;
    });
}

/// An official account that is verified; mini-programs have no such call.
fn official<'a>(world: &'a World, app_id: &str) -> Result<&'a super::Account, Refusal> {
    let account = verified(world, app_id)?;
    let is = account.channel == Channel::OfficialAccount;
    is.then_some(account).ok_or_else(|| Refusal::code(48001))
}

fn session(world: &World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    official(world, app_id)?;
    let openid = call.param("openid").ok_or_else(|| Refusal::code(40003))?;
    let customer = world.customer(app_id, openid).ok_or_else(|| Refusal::code(40003))?;
    let (agent, since) = match customer.agent(world.now()) {
        Some(agent) => (agent, customer.agent_since / 1000),
        None => ("", 0),
    };
    Ok(json!({ "kf_account": agent, "createtime": since }))
}

fn sessions(world: &World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let account = official(world, app_id)?;
    let agent = call.param("kf_account").unwrap_or_default();
    if !account.agents.iter().any(|known| known == agent) {
        return Err(Refusal::code(61452));
    }
    let now = world.now();
    let list = customers(world, app_id)
        .filter(|(_, customer)| customer.agent(now) == Some(agent))
        .map(|(openid, customer)| json!({ "createtime": customer.agent_since / 1000, "openid": openid }));
    Ok(json!({ "sessionlist": list.collect::<Vec<_>>() }))
}

/// Those who were handed to the console and whom nobody there has taken.
fn waiting(world: &World, app_id: &str) -> Result<Value, Refusal> {
    official(world, app_id)?;
    let list: Vec<_> = customers(world, app_id)
        .filter(|(_, customer)| customer.agent_until == Some(0))
        .map(|(openid, customer)| json!({ "latest_time": customer.acted / 1000, "openid": openid }))
        .collect();
    Ok(json!({ "count": list.len(), "waitcaselist": list }))
}

fn customers<'a>(world: &'a World, app_id: &str) -> impl Iterator<Item = (&'a str, &'a Customer)> {
    let all = world
        .customers
        .iter()
        .filter(move |((account, _), _)| account == app_id);
    all.map(|((_, openid), customer)| (openid.as_str(), customer))
}
