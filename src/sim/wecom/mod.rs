//! What do a company's applications share? Their console, tokens, trusted addresses, media and sealed pushes: the host
//! qyapi.weixin.qq.com as far as 企业微信 applications and 微信客服 have it in common.

mod agent;
mod media;
mod push;

pub use self::{
    agent::{Agent, Change, check_url},
    push::{Letter, tell},
};

use serde_json::{Value, json};

use super::{
    door::{Answer, Caller, Request},
    faults::Fault,
    refusal::Refusal,
    wechat_kf, wecom_app,
    world::World,
};

/// Paths that only this host has. It shares the media calls with api.weixin.qq.com.
pub fn owns(path: &str) -> bool {
    const OWN: [&str; 5] = [
        "/cgi-bin/gettoken",
        "/cgi-bin/message/send",
        "/cgi-bin/message/recall",
        "/cgi-bin/message/update_template_card",
        "/cgi-bin/externalcontact/",
    ];
    path.starts_with("/cgi-bin/kf/") || OWN.iter().any(|own| path.starts_with(own))
}

/// The application a call is about, by its token or, when it asks for one, by its secret.
pub fn who(world: &World, call: &Request<'_>) -> Option<String> {
    let mut agents = world.agents.values();
    if call.path == "/cgi-bin/gettoken" {
        let (corp, secret) = (call.param("corpid")?, call.param("corpsecret")?);
        let found = agents.find(|agent| agent.corp_id == corp && agent.secret == secret);
        return found.map(|agent| agent.id.clone());
    }
    let token = call.param("access_token")?;
    agents
        .find(|agent| agent.tokens.knows(token))
        .map(|agent| agent.id.clone())
}

/// How a call is held up: by the platform's own slowness, and by others that are under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    pub answer_ms: u64,
    /// More calls of one API at a time than the company may make.
    pub crowded: bool,
    /// Calls of this API that the company has under way, this one among them.
    pub at_once: u32,
}

/// A call begins.
pub fn arrive(world: &mut World, caller: &Caller, path: &str) -> Pace {
    let Caller::Wecom(id) = caller else {
        return Pace::default();
    };
    let Some(agent) = world.agents.get(id) else {
        return Pace::default();
    };
    let (answer_ms, most) = (agent.answer_ms, agent.concurrent);
    let busy = world.busy.entry((agent.corp_id.clone(), path.to_owned())).or_default();
    *busy += 1;
    Pace {
        answer_ms,
        crowded: most > 0 && *busy > most,
        at_once: *busy,
    }
}

/// It is over.
pub fn leave(world: &mut World, caller: &Caller, path: &str) {
    let Caller::Wecom(id) = caller else {
        return;
    };
    let Some(corp) = world.agents.get(id).map(|agent| agent.corp_id.clone()) else {
        return;
    };
    if let Some(busy) = world.busy.get_mut(&(corp, path.to_owned())) {
        *busy = busy.saturating_sub(1);
    }
}

/// A call with a token of the application `id`, or with none.
pub fn call(world: &mut World, id: &str, call: &Request<'_>, fault: Option<&Fault>) -> Result<Answer, Refusal> {
    if call.path == "/cgi-bin/gettoken" {
        return token(world, id, call).map(Answer::Json);
    }
    authorise(world, id, call)?;
    if call.path.starts_with("/cgi-bin/kf/") {
        return wechat_kf::call(world, id, call, fault);
    }
    match call.path {
        "/cgi-bin/media/upload" => media::upload(world, id, call).map(Answer::Json),
        "/cgi-bin/media/get" => media::download(world, id, call),
        "/cgi-bin/getcallbackip" | "/cgi-bin/get_api_domain_ip" => Ok(Answer::Json(
            json!({ "errcode": 0, "errmsg": "ok", "ip_list": ["127.0.0.1", "127.0.0.*"] }),
        )),
        _ => wecom_app::call(world, id, call).map(Answer::Json),
    }
}

/// `GET /cgi-bin/gettoken`: one token per company and secret; asking again gives the same one (/document/path/91039).
fn token(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let corp = call
        .param("corpid")
        .ok_or_else(|| Refusal::new(41002, "corpid missing"))?;
    if !world.agents.values().any(|agent| agent.corp_id == corp) {
        return Err(Refusal::new(40013, "invalid corpid"));
    }
    if call.param("corpsecret").is_none() {
        return Err(Refusal::new(41004, "corpsecret missing"));
    }
    let (now, fresh) = (world.now(), call.platform.letters(214));
    let agent = world
        .agents
        .get_mut(id)
        .ok_or_else(|| Refusal::new(40001, "invalid credential"))?;
    let (token, life) = agent.tokens.stable(fresh, agent.token_seconds * 1000, false, now)?;
    Ok(json!({ "errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": life / 1000 }))
}

/// A good token, from a trusted address (企业可信IP).
fn authorise(world: &World, id: &str, call: &Request<'_>) -> Result<(), Refusal> {
    let token = call.param("access_token").ok_or_else(|| Refusal::code(41001))?;
    let agent = world.agents.get(id).ok_or_else(|| Refusal::code(40014))?;
    agent.tokens.check(token, world.now()).map_err(|no| match no.code {
        42001 => no,
        _ => Refusal::code(40014),
    })?;
    let trusted = call.peer.map(|peer| peer.to_canonical());
    if agent.trusted_ips.is_empty() || trusted.is_some_and(|peer| agent.trusted_ips.contains(&peer)) {
        return Ok(());
    }
    Err(Refusal::code(60020))
}

#[cfg(test)]
mod tests {
    use super::{Agent, Caller, World, arrive, leave};
    use crate::sim::{platform::Platform, world::Channel};

    #[test]
    fn more_calls_at_a_time_than_allowed_are_crowded_and_ended_ones_make_room() {
        let platform = Platform::new().expect("a platform");
        let mut world = World::default();
        let mut agent = Agent::new(&platform, Channel::WechatKf);
        agent.concurrent = 2;
        let caller = Caller::Wecom(agent.id.clone());
        world.agents.insert(agent.id.clone(), agent);
        assert!(!arrive(&mut world, &caller, "/a").crowded);
        assert_eq!(arrive(&mut world, &caller, "/a").at_once, 2);
        assert!(!arrive(&mut world, &caller, "/b").crowded, "each API counts alone");
        assert!(arrive(&mut world, &caller, "/a").crowded);
        leave(&mut world, &caller, "/a");
        leave(&mut world, &caller, "/a");
        assert!(!arrive(&mut world, &caller, "/a").crowded);
    }
}
