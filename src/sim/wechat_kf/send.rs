//! May this message go to the customer? `kf/send_msg` and `kf/recall_msg` with every check the platform makes
//! (/document/path/94677).

use serde_json::{Value, json};

use super::{
    TWO_DAYS, body, desk,
    desk::{Desk, OverLimit, Used},
    ring,
    session::{ASSISTANT, FRESH, MOST},
    state::customer,
};
use crate::sim::{
    door::Request,
    faults::{Fault, Kind},
    phone::Entry,
    refusal::Refusal,
    weixin::text_of,
    world::{Millis, World},
};

const RECALLABLE: Millis = 2 * 60 * 1000;

/// `POST /cgi-bin/kf/send_msg`.
pub fn send(world: &mut World, id: &str, call: &Request<'_>, fault: Option<&Fault>) -> Result<Value, Refusal> {
    let body = call.json()?;
    desk(world, id, &body)?;
    let touser = customer(world, &body, "touser")?;
    let (kind, shown) = body::shown(world, id, &body)?;
    let now = world.now();
    let seq = world.number();
    let refuses = world
        .customer(text_of(&body, "open_kfid").unwrap_or_default(), &touser)
        .is_some_and(|customer| customer.refuses);
    let desk = desk(world, id, &body)?;
    if desk.forbidden.contains(&kind) {
        return Err(Refusal::code(95030));
    }
    let msgid = chosen(desk, &body, call)?;
    let mut fails = may(desk, &touser, &kind, now)?;
    if refuses {
        fails = Some(10);
    }
    if let Some(fault) = fault.filter(|fault| fault.kind == Kind::SendFail) {
        fails = Some(fault.fail_type.unwrap_or(0));
    }
    let session = desk.session(&touser);
    if session.state == FRESH {
        session.enter(ASSISTANT, None);
    }
    session.sent += 1;
    if kind == "business_card" {
        session.card = Some(now);
    }
    let used = Used {
        at: now,
        to: touser.clone(),
        seq: fails.is_none().then_some(seq),
    };
    desk.used.insert(msgid.clone(), used);
    let open_kfid = desk.open_kfid.clone();
    if let Some(fail) = fails {
        let fields = json!({ "fail_msgid": msgid, "fail_type": fail });
        desk.tell(call.platform, now, "msg_send_fail", Some(&touser), fields);
        ring(call.platform, &open_kfid);
    } else if let Some(customer) = world.customer_mut(&open_kfid, &touser) {
        customer.show(seq, now, Entry::account(&kind, "api", shown));
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok", "msgid": msgid }))
}

/// The id of a message: the caller's, unused in this account, or a fresh one. An empty one is no id.
pub fn chosen(desk: &Desk, body: &Value, call: &Request<'_>) -> Result<String, Refusal> {
    let Some(wanted) = body.get("msgid") else {
        return Ok(call.platform.letters(24));
    };
    let wanted = wanted.as_str().unwrap_or_default();
    let letters = wanted
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if wanted.is_empty() || wanted.len() > 32 || !letters {
        return Err(Refusal::new(40058, "invalid msgid"));
    }
    if desk.used.contains_key(wanted) {
        return Err(Refusal::code(95033));
    }
    Ok(wanted.to_owned())
}

/// Whether the session and its window allow a message: no, yes, or taken and failing later.
fn may(desk: &mut Desk, customer: &str, kind: &str, now: Millis) -> Result<Option<i64>, Refusal> {
    let over = desk.over_limit;
    let beyond = |code: i64, fail: i64| match over {
        OverLimit::Refuse => Err(Refusal::code(code)),
        OverLimit::Event => Ok(Some(fail)),
    };
    let session = desk.session(customer);
    if session.state(now) > ASSISTANT {
        // One that ran out by itself is told by the window, one that somebody holds or ended by its state.
        let ran_out = session.wrote.is_some_and(|wrote| now - wrote >= TWO_DAYS);
        return if ran_out {
            beyond(95002, 4)
        } else {
            Err(Refusal::code(95018))
        };
    }
    if !session.window(now) {
        return beyond(95002, 4);
    }
    if kind == "business_card" {
        if session.typed.is_none_or(|typed| now - typed >= TWO_DAYS) {
            return Err(Refusal::code(95024));
        }
        if session.card.is_some_and(|card| now - card < TWO_DAYS) {
            return Err(Refusal::code(95025));
        }
    }
    if session.sent >= MOST {
        return beyond(95001, 6);
    }
    Ok(None)
}

/// `POST /cgi-bin/kf/recall_msg`: within two minutes; what was sent still counts.
pub fn recall(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let (now, seq) = (world.now(), world.number());
    let desk = desk(world, id, &body)?;
    let used = text_of(&body, "msgid").and_then(|msgid| desk.used.get(msgid));
    let used = used.ok_or_else(|| Refusal::code(95028))?;
    if now - used.at > RECALLABLE {
        return Err(Refusal::code(95029));
    }
    let (to, recalled, open_kfid) = (used.to.clone(), used.seq, desk.open_kfid.clone());
    if let (Some(customer), Some(recalled)) = (world.customer_mut(&open_kfid, &to), recalled) {
        customer.take_back(recalled);
        customer.show(seq, now, Entry::deed("recalled", ""));
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

#[cfg(test)]
mod tests {
    use super::{ASSISTANT, Desk, OverLimit, Refusal, TWO_DAYS, may};

    fn desk() -> Desk {
        let mut desk = Desk::new("wk1", "ww1-kf");
        desk.session("c").written(0, "", false, true);
        desk
    }

    #[test]
    fn five_after_each_message_and_then_a_refusal_or_a_late_failure() {
        let mut desk = desk();
        desk.session("c").sent = 4;
        assert_eq!(may(&mut desk, "c", "text", 1), Ok(None));
        desk.session("c").sent = 5;
        assert_eq!(may(&mut desk, "c", "text", 1), Err(Refusal::code(95001)));
        desk.over_limit = OverLimit::Event;
        assert_eq!(may(&mut desk, "c", "text", 1), Ok(Some(6)));
        desk.session("c").written(2, "", false, true);
        assert_eq!(may(&mut desk, "c", "text", 3), Ok(None));
    }

    #[test]
    fn a_session_that_somebody_holds_or_ended_takes_nothing() {
        let mut desk = desk();
        for state in [2, 3, 4] {
            desk.session("c").enter(state, Some("lisi"));
            assert_eq!(may(&mut desk, "c", "text", 1), Err(Refusal::code(95018)), "{state}");
        }
        desk.session("c").enter(ASSISTANT, None);
        assert_eq!(may(&mut desk, "c", "text", 1), Ok(None));
        assert_eq!(may(&mut desk, "c", "text", TWO_DAYS), Err(Refusal::code(95002)));
        assert_eq!(may(&mut desk, "stranger", "text", 1), Err(Refusal::code(95018)));
    }

    #[test]
    fn one_business_card_in_48_hours_and_only_after_a_typed_message() {
        let mut desk = desk();
        assert_eq!(may(&mut desk, "c", "business_card", 1), Ok(None));
        desk.session("c").card = Some(1);
        assert_eq!(may(&mut desk, "c", "business_card", 2), Err(Refusal::code(95025)));
        desk.session("d").written(0, "", true, true);
        assert_eq!(may(&mut desk, "d", "business_card", 1), Err(Refusal::code(95024)));
        assert_eq!(may(&mut desk, "d", "text", 1), Ok(None));
    }
}
