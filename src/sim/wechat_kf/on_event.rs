//! What may be said because something happened? `send_msg_on_event`: one message for a code that lives for seconds or
//! days (/document/path/95122).

use serde_json::{Value, json};

use super::{body, desk::Used, send::chosen};
use crate::sim::{door::Request, phone::Entry, refusal::Refusal, weixin::text_of, world::World};

/// `POST /cgi-bin/kf/send_msg_on_event`.
pub fn send(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let wanted = text_of(&body, "code").unwrap_or_default();
    let found = world
        .desks
        .values()
        .find(|desk| desk.agent == id && desk.codes.contains_key(wanted));
    let open_kfid = found
        .map(|desk| desk.open_kfid.clone())
        .ok_or_else(|| Refusal::code(41050))?;
    let (kind, shown) = body::shown(world, id, &body)?;
    let (now, seq) = (world.now(), world.number());
    let desk = world.desks.get_mut(&open_kfid).ok_or_else(|| Refusal::code(41050))?;
    let code = desk.codes.get(wanted).cloned().ok_or_else(|| Refusal::code(41050))?;
    if code.used || now >= code.expires {
        return Err(Refusal::code(41050));
    }
    if !(kind == "text" || kind == "msgmenu" && code.menus) {
        return Err(Refusal::code(40008));
    }
    let session = desk.session(&code.customer);
    if let Some((state, began)) = code.while_in
        && (session.state(now), session.began) != (state, began)
    {
        return Err(Refusal::code(95018));
    }
    if code.welcomes {
        session.welcomed = Some(now);
    }
    let msgid = chosen(desk, &body, call)?;
    if let Some(code) = desk.codes.get_mut(wanted) {
        code.used = true;
    }
    let used = Used {
        at: now,
        to: code.customer.clone(),
        seq: Some(seq),
    };
    desk.used.insert(msgid.clone(), used);
    if let Some(customer) = world.customer_mut(&open_kfid, &code.customer) {
        customer.show(seq, now, Entry::account(&kind, "event", shown));
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok", "msgid": msgid }))
}
