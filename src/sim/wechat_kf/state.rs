//! Who may move a session where? `service_state/get` and `/trans` with the official table (/document/path/94669).

use serde_json::{Value, json};

use super::{
    desk,
    desk::{Code, Desk},
    session::{ASSISTANT, ENDED, FRESH, HUMAN, POOL},
};
use crate::sim::{door::Request, refusal::Refusal, weixin::text_of, world::World};

const AT_END: i64 = 20_000;

/// The customer whom a body names, if the account ever saw them.
pub fn customer(world: &World, body: &Value, field: &str) -> Result<String, Refusal> {
    let desk = text_of(body, "open_kfid").unwrap_or_default();
    let named = text_of(body, field).ok_or_else(|| Refusal::code(40058))?;
    world
        .customer(desk, named)
        .map(|_| named.to_owned())
        .ok_or_else(|| Refusal::code(40096))
}

pub fn get(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let now = world.now();
    desk(world, id, &body)?;
    let customer = customer(world, &body, "external_userid")?;
    let session = desk(world, id, &body)?.session(&customer);
    let mut told = json!({ "errcode": 0, "errmsg": "ok", "service_state": session.state(now) });
    if let (Some(told), Some(servicer)) = (told.as_object_mut(), session.servicer.clone()) {
        told.insert("servicer_userid".to_owned(), servicer.into());
    }
    Ok(told)
}

pub fn trans(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let now = world.now();
    desk(world, id, &body)?;
    let customer = customer(world, &body, "external_userid")?;
    let desk = desk(world, id, &body)?;
    let wanted = body
        .get("service_state")
        .and_then(Value::as_u64)
        .and_then(|state| u8::try_from(state).ok())
        .filter(|state| (1..=4).contains(state))
        .ok_or_else(|| Refusal::code(40058))?;
    let state = desk.session(&customer).state(now);
    if state == ENDED {
        return Err(Refusal::code(95013));
    }
    if !legal(state, wanted, desk.ends_anywhere) {
        return Err(Refusal::code(95016));
    }
    let servicer = receiving(desk, wanted, &body)?;
    let session = desk.session(&customer);
    session.enter(wanted, servicer.as_deref());
    let first = !session.offered;
    let began = session.began;
    if matches!(wanted, POOL | HUMAN) {
        session.offered = true;
    }
    let life = match wanted {
        ENDED => Some(AT_END),
        POOL | HUMAN if first => Some(super::TWO_DAYS),
        _ => None,
    };
    let mut told = json!({ "errcode": 0, "errmsg": "ok" });
    if let (Some(life), Some(told)) = (life, told.as_object_mut()) {
        let text = call.platform.letters(40);
        let code = Code {
            customer,
            expires: now + life,
            while_in: Some((wanted, began)),
            menus: wanted == ENDED,
            welcomes: false,
            used: false,
        };
        desk.codes.insert(text.clone(), code);
        told.insert("msg_code".to_owned(), text.into());
    }
    Ok(told)
}

/// The official table; ending from elsewhere than a servicer is a matter of who one asks.
const fn legal(from: u8, to: u8, ends_anywhere: bool) -> bool {
    match (from, to) {
        (FRESH | ASSISTANT, POOL) | (FRESH | ASSISTANT | POOL | HUMAN, HUMAN) | (HUMAN, ENDED) => true,
        (FRESH, ASSISTANT) | (FRESH | ASSISTANT | POOL, ENDED) => ends_anywhere,
        _ => false,
    }
}

/// The servicer for state 3: one of this account who receives.
fn receiving(desk: &Desk, wanted: u8, body: &Value) -> Result<Option<String>, Refusal> {
    if wanted != HUMAN {
        return Ok(None);
    }
    let named = text_of(body, "servicer_userid").ok_or_else(|| Refusal::code(40058))?;
    let servicer = desk.servicer(named).ok_or_else(|| Refusal::code(95014))?;
    if servicer.status != 0 {
        return Err(Refusal::code(95019));
    }
    Ok(Some(servicer.userid.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Desk, legal, receiving};
    use crate::sim::{refusal::Refusal, wechat_kf::desk::Servicer};

    #[test]
    fn the_official_table_and_nothing_else() {
        let allowed: Vec<(u8, u8)> = (0..=4)
            .flat_map(|from| (0..=4).map(move |to| (from, to)))
            .filter(|(from, to)| legal(*from, *to, false))
            .collect();
        assert_eq!(allowed, [(0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (3, 3), (3, 4)]);
        assert!(legal(1, 4, true) && !legal(2, 1, true) && !legal(4, 3, true));
    }

    #[test]
    fn only_a_receiving_servicer_of_the_account_is_given_a_session() {
        let mut desk = Desk::new("wk1", "ww1-kf");
        let servicer = |userid: &str, status| Servicer {
            userid: userid.to_owned(),
            status,
            stop_type: 0,
        };
        desk.servicers = vec![servicer("lisi", 0), servicer("wangwu", 1)];
        let ask = |name: &str| receiving(&desk, 3, &json!({ "servicer_userid": name }));
        assert_eq!(ask("lisi"), Ok(Some("lisi".to_owned())));
        assert_eq!(ask("wangwu"), Err(Refusal::code(95019)));
        assert_eq!(ask("nobody"), Err(Refusal::code(95014)));
        assert_eq!(receiving(&desk, 3, &json!({})), Err(Refusal::code(40058)));
        assert_eq!(receiving(&desk, 2, &json!({})), Ok(None));
    }
}
