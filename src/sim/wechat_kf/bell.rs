//! How does the caller hear that there is something to pull? A bell with a token, and without a message
//! (/document/path/94670).

use std::sync::Arc;

use crate::sim::{
    faults::{self, Kind},
    platform::Platform,
    push::{Control, Outcome},
    wecom::{Letter, tell},
    wire::xml::{Node, write},
};

/// Rings for one account, behind the caller's back.
pub fn ring(platform: &Arc<Platform>, open_kfid: &str) {
    let (platform, open_kfid) = (platform.clone(), open_kfid.to_owned());
    actix_web::rt::spawn(async move {
        rung(&platform, &open_kfid, Control::default(), &mut Outcome::default()).await;
    });
}

/// Rings and waits for the answer. Faults may lose the bell or ring it twice.
pub async fn rung(platform: &Platform, open_kfid: &str, control: Control, outcome: &mut Outcome) {
    let fault = faults::take(&mut platform.world().faults, &[open_kfid, ""], "bell");
    let times = match fault.map(|fault| fault.kind) {
        Some(Kind::Lost) => {
            outcome.outcome = "untold";
            return;
        }
        Some(Kind::Duplicate) => 2,
        _ => 1,
    };
    let Some(letter) = letter(platform, open_kfid, control) else {
        return;
    };
    for _ in 0..times {
        tell(platform, &letter, outcome).await;
    }
}

fn letter(platform: &Platform, open_kfid: &str, control: Control) -> Option<Letter> {
    let fresh = format!("ENC{}", platform.letters(60));
    let mut guard = platform.world();
    let world = &mut *guard;
    let now = world.now();
    let desk = world.desks.get_mut(open_kfid)?;
    let token = desk.bell_token(fresh, now);
    let mut agent = world.agents.get(&desk.agent)?.clone();
    let field = |name: &str, node: Node| (name.to_owned(), node);
    let inner = write(&[
        field("ToUserName", Node::text(agent.corp_id.clone())),
        field("CreateTime", Node::number(control.create_time.unwrap_or(now / 1000))),
        field("MsgType", Node::text("event")),
        field("Event", Node::text("kf_msg_or_event")),
        field("Token", Node::text(token)),
        field("OpenKfId", Node::text(open_kfid)),
    ]);
    // The envelope of a bell names no application, also when it goes to one's callback.
    agent.agent_id = 0;
    Some(Letter {
        agent,
        member: String::new(),
        event: Some("kf_msg_or_event".to_owned()),
        inner,
        control,
    })
}
