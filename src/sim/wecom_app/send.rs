//! Whom does a message reach? `message/send` with its recipients, lists and silences, and `message/recall`
//! (/document/path/90236, /document/path/94867).

use serde_json::{Value, json};

use super::{body, card, folded, ledger::Sent};
use crate::sim::{
    door::Request,
    phone::Entry,
    refusal::Refusal,
    wecom::Agent,
    weixin::text_of,
    world::{Millis, World},
};

const RECALLABLE: Millis = 24 * 3600 * 1000;
const MOST: usize = 1000;

/// Who gets a message, and which of the named cannot.
#[derive(Debug, Default, PartialEq)]
struct To {
    members: Vec<String>,
    invalid: Vec<String>,
    unlicensed: Vec<String>,
}

/// `POST /cgi-bin/message/send`.
pub fn send(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let agent = world.agents.get(id).cloned().ok_or_else(|| Refusal::code(40014))?;
    let kind = text_of(&body, "msgtype").ok_or_else(|| Refusal::code(40008))?;
    if kind != "miniprogram_notice" {
        own(&agent, &body)?;
    }
    let to = recipients(world, &agent, &body)?;
    let content = body.get(kind).filter(|content| content.is_object());
    let content = content.ok_or_else(|| Refusal::code(if kind == "text" { 44004 } else { 40035 }))?;
    let shown = body::shown(world, &agent, kind, content)?;
    let named = |name: &str| text_of(&body, name).is_some_and(|names| !names.is_empty());
    let (invalid_parties, invalid_tags) = (named("toparty"), named("totag"));
    if to.members.is_empty() {
        return Err(Refusal::code(81013));
    }
    let now = world.now();
    let updatable = kind == "template_card" && card::answers(content);
    if kind == "template_card" {
        card::admit(world, &agent, content)?;
    }
    let msgid = call.platform.letters(32);
    if !repeated(world, id, &body, now) {
        deliver(world, &agent, (kind, shown), &to.members, &msgid);
    }
    let mut told = json!({
        "errcode": 0,
        "errmsg": "ok",
        "invaliduser": to.invalid.join("|"),
        "invalidparty": if invalid_parties { text_of(&body, "toparty").unwrap_or_default() } else { "" },
        "invalidtag": if invalid_tags { text_of(&body, "totag").unwrap_or_default() } else { "" },
        "unlicenseduser": to.unlicensed.join("|"),
        "msgid": msgid,
    });
    if let (true, Some(told)) = (updatable, told.as_object_mut()) {
        let code = call.platform.letters(40);
        world.apps.open(&code, id, now);
        told.insert("response_code".to_owned(), code.into());
    }
    Ok(told)
}

/// The `agentid` must be the token's own.
pub fn own(agent: &Agent, body: &Value) -> Result<(), Refusal> {
    let named = body.get("agentid").ok_or_else(|| Refusal::code(41011))?;
    let number = named.as_i64().or_else(|| named.as_str()?.parse().ok());
    if number == Some(agent.agent_id) {
        Ok(())
    } else {
        Err(Refusal::new(
            301_002,
            "not allow operate another agent with this accesstoken",
        ))
    }
}

/// The members in the application's visible range out of those that the body names. Departments and tags are empty here.
fn recipients(world: &World, agent: &Agent, body: &Value) -> Result<To, Refusal> {
    let names = text_of(body, "touser").unwrap_or_default();
    let others = ["toparty", "totag"]
        .iter()
        .any(|name| text_of(body, name).is_some_and(|text| !text.is_empty()));
    if names.is_empty() && !others {
        return Err(Refusal::code(82001));
    }
    let named: Vec<String> = match names {
        "" => Vec::new(),
        "@all" => world
            .customers
            .keys()
            .filter(|(account, _)| *account == agent.id)
            .map(|(_, member)| member.clone())
            .collect(),
        names => names.split('|').map(folded).collect(),
    };
    if named.len() > MOST {
        return Err(Refusal::code(40032));
    }
    let mut to = To::default();
    for member in named {
        let visible = world.customer(&agent.id, &member).is_some_and(|person| person.follows);
        if !visible {
            // The platform gives names back in lower case.
            to.invalid.push(member);
        } else if agent.unlicensed.iter().any(|name| folded(name) == member) {
            to.unlicensed.push(member);
        } else if !to.members.contains(&member) {
            to.members.push(member);
        }
    }
    Ok(to)
}

fn repeated(world: &mut World, id: &str, body: &Value, now: Millis) -> bool {
    if body.get("enable_duplicate_check") != Some(&json!(1)) {
        return false;
    }
    let interval = body
        .get("duplicate_check_interval")
        .and_then(Value::as_i64)
        .unwrap_or(1800);
    let mut content = body.clone();
    if let Some(content) = content.as_object_mut() {
        content.remove("duplicate_check_interval");
    }
    world
        .apps
        .repeats(id, &content.to_string(), interval.min(4 * 3600) * 1000, now)
}

/// Into the members' chats; what is beyond a member's rate is dropped without a word.
fn deliver(world: &mut World, agent: &Agent, (kind, shown): (&str, Value), members: &[String], msgid: &str) {
    let now = world.now();
    let mut to = Vec::new();
    for member in members {
        let seq = world.number();
        if !world.apps.reaches(&agent.id, member, now) {
            continue;
        }
        if let Some(person) = world.customer_mut(&agent.id, member) {
            person.show(seq, now, Entry::account(kind, "api", shown.clone()));
            to.push((member.clone(), seq));
        }
    }
    let sent = Sent {
        agent: agent.id.clone(),
        at: now,
        to,
    };
    world.apps.sent.insert(msgid.to_owned(), sent);
}

/// `POST /cgi-bin/message/recall`: within 24 hours.
pub fn recall(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let now = world.now();
    let sent = text_of(&body, "msgid").and_then(|msgid| world.apps.sent.get(msgid));
    let sent = sent.filter(|sent| sent.agent == id).cloned();
    let sent = sent.ok_or_else(|| Refusal::new(40058, "invalid msgid"))?;
    if now - sent.at > RECALLABLE {
        return Err(Refusal::code(42052));
    }
    for (member, recalled) in sent.to {
        let seq = world.number();
        if let Some(person) = world.customer_mut(id, &member) {
            person.take_back(recalled);
            person.show(seq, now, Entry::deed("recalled", ""));
        }
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Agent, Refusal, To, World, own, recipients};
    use crate::sim::{phone::Customer, platform::Platform, world::Channel};

    fn world() -> (World, Agent) {
        let platform = Platform::new().expect("a platform");
        let mut agent = Agent::new(&platform, Channel::WecomApp);
        agent.unlicensed = vec!["Zhao.Liu".to_owned()];
        let mut world = World::default();
        for (name, follows) in [("li.si", true), ("zhao.liu", true), ("gone", false)] {
            let customer = Customer {
                follows,
                ..Customer::default()
            };
            world.customers.insert((agent.id.clone(), name.to_owned()), customer);
        }
        (world, agent)
    }

    #[test]
    fn names_are_one_without_regard_to_case_and_lists_say_who_was_not_reached() {
        let (world, agent) = world();
        let to = recipients(&world, &agent, &json!({ "touser": "Li.Si|Wang.Wu|gone|zhao.liu" }));
        assert_eq!(
            to,
            Ok(To {
                members: vec!["li.si".to_owned()],
                invalid: vec!["wang.wu".to_owned(), "gone".to_owned()],
                unlicensed: vec!["zhao.liu".to_owned()],
            })
        );
        assert_eq!(recipients(&world, &agent, &json!({})), Err(Refusal::code(82001)));
        let all = recipients(&world, &agent, &json!({ "touser": "@all" })).expect("some");
        assert_eq!(all.members, ["li.si"]);
        let many = vec!["x"; 1001].join("|");
        assert_eq!(
            recipients(&world, &agent, &json!({ "touser": many })),
            Err(Refusal::code(40032))
        );
    }

    #[test]
    fn a_token_speaks_for_its_own_application_only() {
        let (_, agent) = world();
        assert_eq!(own(&agent, &json!({ "agentid": agent.agent_id })), Ok(()));
        assert_eq!(own(&agent, &json!({ "agentid": agent.agent_id.to_string() })), Ok(()));
        assert_eq!(
            own(&agent, &json!({ "agentid": 1 })).err().map(|no| no.code),
            Some(301_002)
        );
        assert_eq!(own(&agent, &json!({})), Err(Refusal::code(41011)));
    }
}
