//! Who is there? Accounts, servicers, customers, and the link that leads to an account
//! (/document/path/94661, 94645, 95159, 94665).

use serde_json::{Value, json};

use super::{TWO_DAYS, desk};
use crate::sim::{door::Request, refusal::Refusal, weixin::text_of, world::World};

/// `POST /cgi-bin/kf/account/list`; older callers GET it without a page.
pub fn accounts(world: &World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = if call.method == "GET" { json!({}) } else { call.json()? };
    let number = |name: &str, default: u64| body.get(name).map_or(Some(default), Value::as_u64);
    let offset = number("offset", 0).ok_or_else(|| Refusal::code(40058))?;
    let limit = number("limit", 100).filter(|limit| (1..=100).contains(limit));
    let limit = limit.ok_or_else(|| Refusal::code(40058))?;
    let corp_of = |agent: &str| world.agents.get(agent).map(|agent| agent.corp_id.as_str());
    let list: Vec<_> = world
        .desks
        .values()
        .filter(|desk| corp_of(&desk.agent) == corp_of(id))
        .skip(usize::try_from(offset).unwrap_or(usize::MAX))
        .take(usize::try_from(limit).unwrap_or(100))
        .map(|desk| {
            json!({
                "open_kfid": desk.open_kfid,
                "name": desk.name,
                "avatar": "https://example.org/kf.png",
                "manage_privilege": desk.managed && desk.agent == id,
            })
        })
        .collect();
    Ok(json!({ "errcode": 0, "errmsg": "ok", "account_list": list }))
}

/// `GET /cgi-bin/kf/servicer/list`.
pub fn servicers(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let named = json!({ "open_kfid": call.param("open_kfid").unwrap_or_default() });
    let desk = desk(world, id, &named)?;
    let list: Vec<_> = desk
        .servicers
        .iter()
        .map(|servicer| match servicer.status {
            0 => json!({ "userid": servicer.userid, "status": 0 }),
            status => json!({ "userid": servicer.userid, "status": status, "stop_type": servicer.stop_type }),
        })
        .collect();
    Ok(json!({ "errcode": 0, "errmsg": "ok", "servicer_list": list }))
}

/// `POST /cgi-bin/kf/customer/batchget`: who was active within 48 hours.
pub fn customers(world: &World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let now = world.now();
    let wanted = body.get("external_userid_list").and_then(Value::as_array);
    let wanted = wanted.filter(|list| (1..=100).contains(&list.len()));
    let wanted = wanted.ok_or_else(|| Refusal::code(40058))?;
    let with_context = body.get("need_enter_session_context") == Some(&json!(1));
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for name in wanted.iter().filter_map(Value::as_str) {
        match profile(world, id, name, with_context, now) {
            Some(profile) => found.push(profile),
            None => invalid.push(name),
        }
    }
    Ok(json!({
        "errcode": 0, "errmsg": "ok", "customer_list": found, "invalid_external_userid": invalid,
    }))
}

fn profile(world: &World, id: &str, name: &str, with_context: bool, now: i64) -> Option<Value> {
    let mut desks = world.desks.values().filter(|desk| desk.agent == id);
    let desk = desks.find(|desk| {
        world
            .customer(&desk.open_kfid, name)
            .is_some_and(|one| now - one.acted < TWO_DAYS)
    })?;
    let customer = world.customer(&desk.open_kfid, name)?;
    let mut told = json!({
        "external_userid": name,
        "nickname": if customer.name.is_empty() { "微信用户" } else { &customer.name },
        "avatar": "https://example.org/customer.png",
        "gender": 0,
        "unionid": format!("oUnion-{name}"),
    });
    let entered = desk.sessions.get(name).and_then(|session| session.entered.as_ref());
    if let (true, Some((_, context)), Some(told)) = (
        with_context,
        entered.filter(|(at, _)| now - at < TWO_DAYS),
        told.as_object_mut(),
    ) {
        told.insert("enter_session_context".to_owned(), context.clone());
    }
    Some(told)
}

/// `POST /cgi-bin/kf/add_contact_way`.
pub fn contact_way(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let scene = text_of(&body, "scene").unwrap_or_default();
    let letters = scene
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if scene.len() > 32 || !letters {
        return Err(Refusal::code(40058));
    }
    let open_kfid = &desk(world, id, &body)?.open_kfid;
    let url = match scene {
        "" => format!("https://work.weixin.qq.com/kfid/{open_kfid}"),
        scene => format!("https://work.weixin.qq.com/kfid/{open_kfid}?enc_scene=ENC{scene}"),
    };
    Ok(json!({ "errcode": 0, "errmsg": "ok", "url": url }))
}
