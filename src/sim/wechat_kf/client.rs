//! What happens in the company's own client? Servicers answer, take, pass on, end, and stop receiving; the platform tells
//! of it by items (/document/path/94670).

use serde_json::{Value, json};

use super::{
    TWO_DAYS,
    desk::{Code, Desk},
    session::{ENDED, HUMAN, POOL},
};
use crate::sim::{
    ask::Ask,
    phone::Entry,
    platform::Platform,
    push::Outcome,
    world::{Millis, World},
};

const AT_END: Millis = 20_000;

/// The company of an account: its media are the company's.
pub fn corp(world: &World, open_kfid: &str) -> String {
    let agent = world
        .desks
        .get(open_kfid)
        .and_then(|desk| world.agents.get(&desk.agent));
    agent.map(|agent| agent.corp_id.clone()).unwrap_or_default()
}

/// One deed in the client, by its name.
pub fn act(
    world: &mut World,
    ask: &Ask<'_>,
    (open_kfid, customer): (&str, &str),
    action: &str,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let now = world.now();
    let servicer = ask.or("servicer", "lisi");
    let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
    let msgid = match action {
        "servicer-text" | "servicer-message" => return speak(world, ask, (open_kfid, customer), outcome),
        "servicer-take" => {
            if desk.session(customer).state(now) != POOL {
                return Err("nobody waits in the pool".to_owned());
            }
            let fields = json!({ "change_type": 1, "new_servicer_userid": servicer });
            moved(
                ask.platform,
                desk,
                customer,
                now,
                (HUMAN, &servicer),
                fields,
                Some(TWO_DAYS),
            )
        }
        "servicer-transfer" => {
            let to = ask.need("to")?;
            let fields = json!({ "change_type": 2, "old_servicer_userid": held(desk, customer, now)?, "new_servicer_userid": to });
            moved(ask.platform, desk, customer, now, (HUMAN, &to), fields, None)
        }
        "servicer-end" => {
            let fields = json!({ "change_type": 3, "old_servicer_userid": held(desk, customer, now)? });
            moved(ask.platform, desk, customer, now, (ENDED, ""), fields, Some(AT_END))
        }
        "servicer-recall" => {
            let fields = json!({ "recall_msgid": ask.need("msgid")?, "servicer_userid": servicer });
            desk.tell(ask.platform, now, "servicer_recall_msg", Some(customer), fields)
        }
        "servicer-reject" => {
            let switch = ask.body.get("switch").and_then(Value::as_i64).unwrap_or(1);
            let fields = json!({ "servicer_userid": servicer, "reject_switch": switch });
            desk.tell(
                ask.platform,
                now,
                "reject_customer_msg_switch_change",
                Some(customer),
                fields,
            )
        }
        "servicer-status" => {
            let status = ask.body.get("status").and_then(Value::as_i64).unwrap_or(2);
            let stop_type = ask.body.get("stop_type").and_then(Value::as_i64).unwrap_or(0);
            if let Some(row) = desk.servicers.iter_mut().find(|row| row.userid == servicer) {
                // The event says 1 and 2 where the list says 0 and 1.
                row.status = status - 1;
                row.stop_type = stop_type;
            }
            let mut fields = json!({ "servicer_userid": servicer, "status": status });
            if let (Some(fields), 2) = (fields.as_object_mut(), status) {
                fields.insert("stop_type".to_owned(), stop_type.into());
            }
            desk.tell(ask.platform, now, "servicer_status_change", None, fields)
        }
        "event" => {
            let fields = ask.body.get("fields").cloned().unwrap_or_else(|| json!({}));
            desk.tell(ask.platform, now, &ask.need("event")?, Some(customer), fields)
        }
        other => return Err(format!("there is no action {other:?}")),
    };
    outcome.msg_id = Some(msgid);
    Ok(())
}

fn held(desk: &mut Desk, customer: &str, now: Millis) -> Result<String, String> {
    let session = desk.session(customer);
    if session.state(now) != HUMAN {
        return Err("no servicer has the customer".to_owned());
    }
    Ok(session.servicer.clone().unwrap_or_default())
}

/// The session moves, and `session_status_change` tells of it, perhaps with a code.
fn moved(
    platform: &Platform,
    desk: &mut Desk,
    customer: &str,
    now: Millis,
    (state, servicer): (u8, &str),
    mut fields: Value,
    code: Option<Millis>,
) -> String {
    let session = desk.session(customer);
    session.enter(state, Some(servicer));
    session.offered = true;
    let began = session.began;
    if let (Some(life), Some(fields)) = (code, fields.as_object_mut()) {
        let text = platform.letters(40);
        let code = Code {
            customer: customer.to_owned(),
            expires: now + life,
            while_in: Some((state, began)),
            menus: state == ENDED,
            welcomes: false,
            used: false,
        };
        desk.codes.insert(text.clone(), code);
        fields.insert("msg_code".to_owned(), text.into());
    }
    desk.tell(platform, now, "session_status_change", Some(customer), fields)
}

/// A servicer writes; to somebody whose session has ended it begins again.
fn speak(
    world: &mut World,
    ask: &Ask<'_>,
    (open_kfid, customer): (&str, &str),
    outcome: &mut Outcome,
) -> Result<(), String> {
    let (now, seq) = (world.now(), world.number());
    let servicer = ask.or("servicer", "lisi");
    let kind = ask.or("type", "text");
    let content = match ask.body.get("fields") {
        Some(fields) => fields.clone(),
        None => json!({ "content": ask.need("content")? }),
    };
    let desk = world.desks.get_mut(open_kfid).ok_or("no such account")?;
    if desk.session(customer).state(now) == ENDED {
        desk.session(customer).began = now;
        let fields = json!({ "change_type": 4, "old_servicer_userid": servicer, "new_servicer_userid": servicer });
        moved(ask.platform, desk, customer, now, (HUMAN, &servicer), fields, None);
    }
    let msgid = ask.platform.letters(24);
    let mut item = json!({
        "msgid": msgid, "open_kfid": open_kfid, "external_userid": customer, "send_time": now / 1000,
        "origin": 5, "servicer_userid": servicer, "msgtype": kind,
    });
    if let Some(item) = item.as_object_mut() {
        item.insert(kind.clone(), content.clone());
    }
    desk.keep(now, &item);
    outcome.msg_id = Some(msgid);
    if let Some(customer) = world.customer_mut(open_kfid, customer) {
        let shown = json!({ "text": content.get("content"), "agent": servicer });
        outcome
            .shown
            .push(customer.show(seq, now, Entry::account(&kind, "client", shown)));
    }
    Ok(())
}
