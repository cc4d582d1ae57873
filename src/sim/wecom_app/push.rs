//! How does a member's deed reach the application? As sealed XML whose answer may be a passive reply
//! (/document/path/90238, /document/path/90241).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{deeds::deed, folded};
use crate::sim::{
    phone::Customer,
    platform::Platform,
    push::{Control, Outcome, Verdict},
    wecom::{Agent, Letter, tell},
    weixin::{Deed, field},
    wire::xml::{Node, write},
    world::World,
};

/// A deed that has happened and is not told yet.
struct Told {
    letter: Letter,
    /// How the platform files the member.
    member: String,
    outcome: Outcome,
}

/// Lets a member do something and tells the application; with `wait: false` the telling goes on behind the answer.
pub async fn act(
    platform: &Arc<Platform>,
    id: &str,
    userid: &str,
    action: &str,
    body: &Map<String, Value>,
    control: Control,
) -> Result<Outcome, String> {
    let deed = deed(platform, action, body)?;
    let behind = control.wait == Some(false);
    let told = happen(platform, id, userid, deed, control)?;
    platform.touch();
    if !behind {
        return Ok(go(platform, told).await);
    }
    let started = Outcome {
        outcome: "started",
        ..told.outcome.clone()
    };
    let platform = platform.clone();
    actix_web::rt::spawn(async move { go(&platform, told).await });
    Ok(started)
}

fn happen(platform: &Platform, id: &str, userid: &str, mut deed: Deed, control: Control) -> Result<Told, String> {
    let code = platform.letters(40);
    let mut guard = platform.world();
    let world = &mut *guard;
    let agent = world.agents.get(id).cloned().ok_or("no such application")?;
    let now = world.now();
    for file in std::mem::take(&mut deed.upload) {
        world.keep(file.id, &agent.corp_id, file.kind, file.label, file.bytes);
    }
    let mut outcome = Outcome {
        create_time: control.create_time.unwrap_or(now / 1000),
        ..Outcome::default()
    };
    let event = named(&deed);
    if event.as_deref().is_some_and(|event| event.starts_with("template_card")) {
        // A fresh code for each click.
        deed.fields.push(field("ResponseCode", Node::text(code.clone())));
        world.apps.open(&code, &agent.id, now);
    }
    if deed.is_message {
        let fresh = 7_401_122_334_455_000_000 + world.number();
        outcome.msg_id = Some(control.wanted_id().unwrap_or_else(|| fresh.to_string()));
    }
    let member = folded(userid);
    apply(world, &agent, &member, &deed, &mut outcome)?;
    let letter = Letter {
        inner: inner(&agent, userid, &deed, &outcome),
        agent,
        member: userid.to_owned(),
        event,
        control,
    };
    Ok(Told {
        letter,
        member,
        outcome,
    })
}

/// The event's name; nothing for a message.
fn named(deed: &Deed) -> Option<String> {
    let found = deed.fields.iter().find(|(name, _)| name == "Event");
    match found {
        Some((_, Node::Text(event))) => Some(event.clone()),
        _ => None,
    }
}

/// What the deed changes at the member's side.
fn apply(world: &mut World, agent: &Agent, member: &str, deed: &Deed, outcome: &mut Outcome) -> Result<(), String> {
    let (now, seq) = (world.now(), world.number());
    let key = (agent.id.clone(), member.to_owned());
    let person = world.customers.entry(key).or_insert_with(|| Customer {
        follows: true,
        ..Customer::default()
    });
    if let Some(visible) = deed.follows {
        person.follows = visible;
    } else if !person.follows {
        return Err("the member does not see the application".to_owned());
    }
    person.acted = now;
    if let Some(entry) = deed.entry.clone() {
        outcome.shown.push(person.show(seq, now, entry));
    }
    Ok(())
}

fn inner(agent: &Agent, userid: &str, deed: &Deed, outcome: &Outcome) -> String {
    if let Some(raw) = &deed.raw {
        return raw.clone();
    }
    let mut fields = vec![
        field("ToUserName", Node::text(agent.corp_id.clone())),
        field("FromUserName", Node::text(userid)),
        field("CreateTime", Node::number(outcome.create_time)),
    ];
    fields.extend(deed.fields.iter().cloned());
    if let Some(id) = &outcome.msg_id {
        fields.push(field("MsgId", Node::number(id)));
    }
    fields.push(field("AgentID", Node::number(agent.agent_id)));
    write(&fields)
}

/// Members see no notice when an application does not answer: what they get is a passive reply or nothing.
async fn go(platform: &Platform, mut told: Told) -> Outcome {
    let verdict = tell(platform, &told.letter, &mut told.outcome).await;
    if let Some(Verdict::Reply(entry)) = verdict {
        let mut guard = platform.world();
        let world = &mut *guard;
        let (now, seq) = (world.now(), world.number());
        if let Some(person) = world.customer_mut(&told.letter.agent.id, &told.member) {
            told.outcome.shown.push(person.show(seq, now, entry));
        }
        drop(guard);
        platform.touch();
    }
    told.outcome
}
