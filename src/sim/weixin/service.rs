//! Which smaller calls are there? Tokens, quotas, addresses, agent lists, the network check.

use serde_json::{Value, json};

use super::Account;
use crate::sim::{
    door::Request,
    refusal::Refusal,
    world::{Channel, Millis, World},
};

const DAY: Millis = 24 * 3600 * 1000;
const BEIJING: Millis = 8 * 3600 * 1000;
const CLEARS_A_MONTH: usize = 10;

/// Calls a day (/doc/service/guide/dev/api/limit.html).
fn daily(path: &str) -> u64 {
    match path {
        "/cgi-bin/token" => 2000,
        "/cgi-bin/media/upload" => 5000,
        "/cgi-bin/media/get" => 10_000,
        _ => 500_000,
    }
}

fn limit(account: &Account, path: &str) -> u64 {
    account.limits.get(path).copied().unwrap_or_else(|| daily(path))
}

/// The account a call is about, by its token or the AppID it names.
pub fn who(world: &World, call: &Request<'_>) -> Option<String> {
    let by_token = call.param("access_token").and_then(|token| {
        let mut accounts = world.accounts.values();
        accounts.find(|account| account.tokens.knows(token))
    });
    let named = || {
        let body: Option<Value> = serde_json::from_slice(call.body).ok();
        let in_body = body.and_then(|body| body.get("appid").and_then(Value::as_str).map(str::to_owned));
        in_body.or_else(|| call.param("appid").map(str::to_owned))
    };
    by_token.map(|account| account.app_id.clone()).or_else(named)
}

/// Counts one call of a path against its day, which ends at midnight in Beijing.
pub fn count(world: &mut World, app_id: &str, path: &str) -> Result<(), Refusal> {
    let day = (world.now() + BEIJING) / DAY;
    let account = world.account_mut(app_id).ok_or_else(|| Refusal::code(40013))?;
    if account.used_day != day {
        account.used.clear();
        account.used_day = day;
    }
    let limit = limit(account, path);
    let used = account.used.entry(path.to_owned()).or_default();
    if *used >= limit {
        return Err(Refusal::code(45009));
    }
    *used += 1;
    Ok(())
}

/// `GET /cgi-bin/token`.
pub fn classic_token(world: &mut World, call: &Request<'_>) -> Result<Value, Refusal> {
    if call.param("grant_type") != Some("client_credential") {
        return Err(Refusal::code(40002));
    }
    let app_id = entitled(world, call, call.param("appid"), call.param("secret"))?;
    count(world, &app_id, call.path)?;
    let (now, fresh) = (world.now(), fresh_token(call));
    let account = world.account_mut(&app_id).ok_or_else(|| Refusal::code(40013))?;
    let (token, life) = account.tokens.classic(fresh, account.token_seconds * 1000, now);
    Ok(granted(&token, life))
}

/// `POST /cgi-bin/stable_token`.
pub fn stable_token(world: &mut World, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    if field("grant_type") != Some("client_credential") {
        return Err(Refusal::code(40002));
    }
    let app_id = entitled(world, call, field("appid"), field("secret"))?;
    count(world, &app_id, call.path)?;
    let force = body.get("force_refresh").and_then(Value::as_bool).unwrap_or(false);
    let (now, fresh) = (world.now(), fresh_token(call));
    let account = world.account_mut(&app_id).ok_or_else(|| Refusal::code(40013))?;
    let (token, life) = account.tokens.stable(fresh, account.token_seconds * 1000, force, now)?;
    Ok(granted(&token, life))
}

fn granted(token: &str, life: Millis) -> Value {
    json!({ "access_token": token, "expires_in": life / 1000 })
}

/// About as long as the platform's, which reserve 512 characters.
pub fn fresh_token(call: &Request<'_>) -> String {
    call.platform.letters(136)
}

/// The account whose AppID and secret these are, called from an address it allows.
fn entitled(world: &World, call: &Request<'_>, app_id: Option<&str>, secret: Option<&str>) -> Result<String, Refusal> {
    let app_id = app_id.ok_or_else(|| Refusal::code(41002))?;
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40013))?;
    let secret = secret.ok_or_else(|| Refusal::code(41004))?;
    if account.secret != secret {
        return Err(Refusal::code(40125));
    }
    if account.frozen {
        return Err(Refusal::code(40243));
    }
    let peer = call.peer.map(|peer| peer.to_canonical());
    if !account.allowed_ips.is_empty() && !peer.is_some_and(|peer| account.allowed_ips.contains(&peer)) {
        let shown = peer.map(|peer| peer.to_string()).unwrap_or_default();
        return Err(Refusal::new(
            40164,
            format!("invalid ip {shown} ipv6 ::ffff:{shown}, not in whitelist"),
        ));
    }
    Ok(account.app_id.clone())
}

/// Every further call that a token opens.
pub fn other(world: &mut World, app_id: &str, path: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    match path {
        "/cgi-bin/getcallbackip" | "/cgi-bin/get_api_domain_ip" => {
            Ok(json!({ "ip_list": ["127.0.0.1", "127.0.0.0/8"] }))
        }
        "/cgi-bin/clear_quota" => {
            let body = call.json()?;
            if body.get("appid").and_then(Value::as_str) != Some(app_id) {
                return Err(Refusal::code(40013));
            }
            clear(world, app_id)
        }
        "/cgi-bin/openapi/quota/get" => quota(world, app_id, call),
        "/cgi-bin/callback/check" => network_check(world, app_id, call),
        "/cgi-bin/customservice/getkflist" => agents(verified(world, app_id)?, false),
        "/cgi-bin/customservice/getonlinekflist" => agents(verified(world, app_id)?, true),
        "/customservice/work/get" => work(world, app_id),
        _ => Err(Refusal::new(40066, "invalid url")),
    }
}

/// To which 微信客服 a mini-program is bound (/miniprogram/dev/server/API/kf-work/api_getkfwork.html); the last three are
/// left out where it is not.
fn work(world: &World, app_id: &str) -> Result<Value, Refusal> {
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40013))?;
    if account.channel != Channel::MiniProgram {
        return Err(Refusal::code(48001));
    }
    let mut answer = json!({ "errcode": 0, "errmsg": "ok" });
    if !account.bound_to.is_empty() {
        answer["entityName"] = account.name.as_str().into();
        answer["corpid"] = account.bound_to.as_str().into();
        answer["bindTime"] = (world.now() / 1000).into();
    }
    Ok(answer)
}

/// The account, if it is verified (48001 else); a mini-program need not be.
pub fn verified<'a>(world: &'a World, app_id: &str) -> Result<&'a Account, Refusal> {
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40013))?;
    let may = account.verified || account.channel == Channel::MiniProgram;
    may.then_some(account).ok_or_else(|| Refusal::code(48001))
}

/// `POST /cgi-bin/clear_quota/v2`: by secret, in the body or the query.
pub fn clear_quota_by_secret(world: &mut World, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json().unwrap_or(Value::Null);
    let field = |name: &str| body.get(name).and_then(Value::as_str).or_else(|| call.param(name));
    let app_id = entitled(world, call, field("appid"), field("appsecret"))?;
    clear(world, &app_id)
}

fn clear(world: &mut World, app_id: &str) -> Result<Value, Refusal> {
    let now = world.now();
    let account = world.account_mut(app_id).ok_or_else(|| Refusal::code(40013))?;
    account.cleared.retain(|at| now - at < 30 * DAY);
    if account.cleared.len() >= CLEARS_A_MONTH {
        return Err(Refusal::code(48006));
    }
    account.cleared.push(now);
    account.used.clear();
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

fn quota(world: &World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let asked = body.get("cgi_path").and_then(Value::as_str);
    let path = asked
        .filter(|path| path.starts_with("/cgi-bin/"))
        .ok_or_else(|| Refusal::code(76003))?;
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40013))?;
    let (limit, used) = (limit(account, path), account.used.get(path).copied().unwrap_or(0));
    Ok(json!({
        "errcode": 0,
        "errmsg": "ok",
        "quota": { "daily_limit": limit, "used": used, "remain": limit.saturating_sub(used) },
    }))
}

fn network_check(world: &World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let field = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40013))?;
    if account.callback_url.is_empty() {
        return Err(Refusal::code(40201));
    }
    if !["dns", "ping", "all"].contains(&field("action")) {
        return Err(Refusal::code(40202));
    }
    if !["CHINANET", "UNICOM", "CAP", "DEFAULT"].contains(&field("check_operator")) {
        return Err(Refusal::code(40203));
    }
    Ok(json!({
        "dns": [{ "ip": "127.0.0.1", "real_operator": "DEFAULT" }],
        "ping": [{ "ip": "127.0.0.1", "from_operator": "DEFAULT", "package_loss": "0%", "time": "0.100ms" }],
    }))
}

fn agents(account: &Account, online: bool) -> Result<Value, Refusal> {
    let number = |name: &String| {
        let at = account.agents.iter().position(|agent| agent == name).unwrap_or(0);
        (1001 + at).to_string()
    };
    if online {
        let list = account.online_agents.iter();
        let list: Vec<_> = list
            .map(|name| json!({ "kf_account": name, "status": 1, "kf_id": number(name), "accepted_case": 0 }))
            .collect();
        return Ok(json!({ "kf_online_list": list }));
    }
    let list: Vec<_> = account
        .agents
        .iter()
        .map(|name| json!({ "kf_account": name, "kf_headimgurl": "", "kf_id": number(name), "kf_nick": name }))
        .collect();
    Ok(json!({ "kf_list": list }))
}
