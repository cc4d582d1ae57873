//! The API of a third-party platform (/doc/oplatform/openApi/ticket-token/, …/authorization-management/).

use serde_json::{Value, json};

use super::state::{Component, TICKET_LIFE};
use crate::sim::{
    door::{Answer, Request},
    faults::{Fault, Kind},
    refusal::Refusal,
    world::{Channel, World},
};

const PREFIX: &str = "/cgi-bin/component/";
const PRE_AUTH_LIFE: i64 = 600_000;

pub fn owns(path: &str) -> bool {
    path.starts_with(PREFIX)
}

/// The third-party platform that calls: by what the body says.
pub fn who(call: &Request<'_>) -> Option<String> {
    let body: Value = serde_json::from_slice(call.body).ok()?;
    body.get("component_appid")?.as_str().map(str::to_owned)
}

pub fn call(world: &mut World, call: &Request<'_>, fault: Option<&Fault>) -> Result<Answer, Refusal> {
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let now = world.now();
    let app_id = text("component_appid");
    let component = world.components.get_mut(&app_id).ok_or_else(|| Refusal::code(40013))?;
    let name = call.path.strip_prefix(PREFIX).unwrap_or_default();
    match name {
        "api_component_token" => return token(component, call, &body, now).map(Answer::Json),
        "api_start_push_ticket" => {
            if text("component_secret") != component.secret {
                return Err(Refusal::code(40125));
            }
            component.tickets = true;
            super::notices::ticket_behind(call.platform, &app_id);
            return Ok(Answer::Json(json!({ "errcode": 0, "errmsg": "ok" })));
        }
        _ => {}
    }
    let given = call
        .param("access_token")
        .or_else(|| call.param("component_access_token"));
    match (&component.access, given) {
        (_, None) => return Err(Refusal::code(41001)),
        (Some((good, ends)), Some(given)) if good == given && now < *ends => {}
        (Some((good, _)), Some(given)) if good == given => return Err(Refusal::code(42001)),
        _ => return Err(Refusal::code(40001)),
    }
    let authorizer = text("authorizer_appid");
    let answer = match name {
        "api_create_preauthcode" => {
            let code = format!("preauthcode@@@{}", call.platform.letters(43));
            component.pre_auth.insert(code.clone(), now + PRE_AUTH_LIFE);
            json!({ "pre_auth_code": code, "expires_in": PRE_AUTH_LIFE / 1000 })
        }
        "api_query_auth" => exchange(world, &app_id, &text("authorization_code"), call)?,
        "api_authorizer_token" => renew(world, &app_id, &authorizer, &text("authorizer_refresh_token"), call)?,
        "api_get_authorizer_info" => about(world, &app_id, &authorizer)?,
        "api_get_authorizer_list" => {
            let number = |name: &str| body.get(name).and_then(Value::as_u64).unwrap_or_default();
            let listed = list(component, number("offset"), number("count"))?;
            spoilt(listed, fault)
        }
        _ => return Err(Refusal::code(40066)),
    };
    Ok(Answer::Json(answer))
}

fn token(component: &mut Component, call: &Request<'_>, body: &Value, now: i64) -> Result<Value, Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("component_appsecret") != component.secret {
        return Err(Refusal::code(40125));
    }
    let mut issued = component.issued.iter();
    let ticket = issued.find(|(ticket, _)| ticket == text("component_verify_ticket"));
    let (_, at) = ticket.ok_or_else(|| Refusal::code(61006))?;
    if now - at > TICKET_LIFE {
        return Err(Refusal::code(61005));
    }
    let fresh = call.platform.letters(120);
    let life = component.token_seconds;
    component.access = Some((fresh.clone(), now + life * 1000));
    Ok(json!({ "component_access_token": fresh, "expires_in": life }))
}

fn exchange(world: &mut World, id: &str, code: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let now = world.now();
    let component = world.components.get_mut(id).ok_or_else(|| Refusal::code(40013))?;
    let found = component
        .codes
        .get_mut(code)
        .filter(|it| !it.spent)
        .ok_or_else(|| Refusal::code(61009))?;
    if now > found.expires {
        return Err(Refusal::code(61010));
    }
    found.spent = true;
    let app_id = found.app_id.clone();
    let grant = component.grants.get_mut(&app_id).ok_or_else(|| Refusal::code(61003))?;
    grant.exchanged = true;
    let (refresh, sets) = (grant.refresh.clone(), scopes(&grant.sets));
    let token = grant_token(world, &app_id, call);
    Ok(json!({ "authorization_info": {
        "authorizer_appid": app_id,
        "authorizer_access_token": token.0,
        "expires_in": token.1 / 1000,
        "authorizer_refresh_token": refresh,
        "func_info": sets,
    } }))
}

/// Such a token is good for every call of the account's, as one of its own.
fn grant_token(world: &mut World, app_id: &str, call: &Request<'_>) -> (String, i64) {
    let now = world.now();
    let fresh = call.platform.letters(136);
    match world.accounts.get_mut(app_id) {
        Some(account) => {
            let life = account.token_seconds * 1000;
            account.tokens.granted(fresh, life, now)
        }
        None => (fresh, 7_200_000),
    }
}

fn renew(world: &mut World, id: &str, app_id: &str, refresh: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let component = world.components.get(id).ok_or_else(|| Refusal::code(40013))?;
    let grant = component.grants.get(app_id).ok_or_else(|| Refusal::code(61003))?;
    if grant.refresh != refresh {
        return Err(Refusal::code(61023));
    }
    let token = grant_token(world, app_id, call);
    Ok(json!({
        "authorizer_access_token": token.0,
        "expires_in": token.1 / 1000,
        "authorizer_refresh_token": refresh,
    }))
}

fn scopes(sets: &[u32]) -> Value {
    let sets = sets.iter().map(|id| json!({ "funcscope_category": { "id": id } }));
    sets.collect()
}

fn about(world: &World, id: &str, app_id: &str) -> Result<Value, Refusal> {
    let component = world.components.get(id).ok_or_else(|| Refusal::code(40013))?;
    let grant = component.grants.get(app_id).ok_or_else(|| Refusal::code(61003))?;
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40013))?;
    let mini = account.channel == Channel::MiniProgram;
    let mut info = json!({
        "nick_name": account.name,
        "head_img": "",
        "service_type_info": { "id": if mini { 0 } else { 2 } },
        "verify_type_info": { "id": if account.verified { 0 } else { -1 } },
        "user_name": account.original_id,
        "principal_name": "腾讯科技（深圳）有限公司",
        "alias": "",
        "business_info": { "open_pay": 0, "open_shake": 0, "open_scan": 0, "open_card": 0, "open_store": 0 },
        "account_status": 1,
        "register_type": 0,
    });
    if let (true, Some(info)) = (mini, info.as_object_mut()) {
        info.insert("MiniProgramInfo".to_owned(), json!({ "network": {}, "categories": [] }));
    }
    let refresh = if grant.exchanged { grant.refresh.as_str() } else { "" };
    Ok(json!({
        "authorizer_info": info,
        "authorization_info": {
            "authorizer_appid": app_id, "authorizer_refresh_token": refresh, "func_info": scopes(&grant.sets),
        },
    }))
}

/// What goes wrong with a page of the list.
fn spoilt(mut listed: Value, fault: Option<&Fault>) -> Value {
    let count = listed["total_count"].as_u64().unwrap_or_default();
    let Some(items) = listed["list"].as_array_mut() else {
        return listed;
    };
    match fault.map(|fault| fault.kind) {
        Some(Kind::EmptyPage) => items.clear(),
        Some(Kind::LeftOut) if items.pop().is_some() => listed["total_count"] = json!(count - 1),
        _ => {}
    }
    listed
}

fn list(component: &Component, offset: u64, count: u64) -> Result<Value, Refusal> {
    if count > 500 {
        return Err(Refusal::code(40170));
    }
    let all = component.grants.iter();
    let page = all
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(usize::try_from(count).unwrap_or(500));
    let items: Vec<_> = page
        .map(|(app_id, grant)| {
            let refresh = if grant.exchanged { grant.refresh.as_str() } else { "" };
            json!({ "authorizer_appid": app_id, "refresh_token": refresh, "auth_time": grant.auth_time })
        })
        .collect();
    Ok(json!({ "total_count": component.grants.len(), "list": items }))
}
