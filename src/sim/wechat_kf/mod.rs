//! How does 微信客服 behave? A bell without a message, items that are pulled, sessions that somebody holds, codes that
//! live for seconds (kf/* of /document/path/94670, 94677, 94669, 95122).

mod bell;
mod body;
mod client;
mod deeds;
mod desk;
mod lists;
mod on_event;
mod send;
mod session;
mod state;
mod sync;

pub use self::{
    bell::{ring, rung},
    deeds::act,
    desk::{Change, Desk},
    session::view,
};

use serde_json::Value;

use super::{
    door::{Answer, Request},
    faults::Fault,
    refusal::Refusal,
    weixin::text_of,
    world::World,
};

/// How long 微信客服 remembers: a session, a window, a profile.
pub const TWO_DAYS: i64 = 48 * 3600 * 1000;

/// A call of `/cgi-bin/kf/…` with a good token of the application `id`.
pub fn call(world: &mut World, id: &str, call: &Request<'_>, fault: Option<&Fault>) -> Result<Answer, Refusal> {
    let path = call.path.trim_start_matches("/cgi-bin/kf/");
    if path == "sync_msg" {
        return sync::sync(world, id, call, fault).map(Answer::Text);
    }
    let answer = match path {
        "send_msg" => send::send(world, id, call, fault)?,
        "send_msg_on_event" => on_event::send(world, id, call)?,
        "recall_msg" => send::recall(world, id, call)?,
        "service_state/get" => state::get(world, id, call)?,
        "service_state/trans" => state::trans(world, id, call)?,
        "account/list" => lists::accounts(world, id, call)?,
        "servicer/list" => lists::servicers(world, id, call)?,
        "customer/batchget" => lists::customers(world, id, call)?,
        "add_contact_way" => lists::contact_way(world, id, call)?,
        _ => return Err(Refusal::code(40066)),
    };
    Ok(Answer::Json(answer))
}

/// The account of 微信客服 that a body names, if this application may speak for it.
fn desk<'a>(world: &'a mut World, id: &str, body: &Value) -> Result<&'a mut Desk, Refusal> {
    let named = text_of(body, "open_kfid").unwrap_or_default();
    if named.is_empty() {
        return Err(Refusal::code(40058));
    }
    let corp = world.agents.get(id).map(|agent| agent.corp_id.clone());
    let owner = world.desks.get(named).map(|desk| desk.agent.clone());
    let owner_corp = owner
        .and_then(|owner| world.agents.get(&owner))
        .map(|agent| agent.corp_id.clone());
    let desk = world.desks.get_mut(named).ok_or_else(|| Refusal::code(95004))?;
    if owner_corp != corp {
        return Err(Refusal::code(95004));
    }
    if desk.agent != id || !desk.managed {
        return Err(Refusal::code(48007));
    }
    Ok(desk)
}
