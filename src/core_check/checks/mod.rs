//! What is looked at, and in which order? From "is anybody there" to the odd days; each look in a file with its kin.

mod answers;
mod deadline;
mod load;
mod odd;
mod order;
mod remedy;
mod shapes;
mod trust;

use super::{
    door::{Heard, Knock},
    report::{Finding, Words},
    stage::Stage,
};
use crate::{
    ports::core::Outcome,
    schema::v1::{self, event::Body},
};

/// Every look. The first decides whether there is anything to look at.
pub async fn all(stage: &mut Stage) -> Vec<Finding> {
    let (first, heard) = trust::taken(stage).await;
    let mut findings = vec![first];
    if !taken(&heard) {
        findings.extend(deadline::met(stage));
        return findings;
    }
    let (talks, deaf) = order::talks(stage, !heard.replies().is_empty()).await;
    stage.talks = talks;
    findings.extend(deaf);
    findings.extend(trust::signature(stage).await);
    findings.extend(trust::stale(stage).await);
    findings.push(order::twice(stage).await);
    findings.push(order::in_order(stage).await);
    findings.push(order::epoch(stage).await);
    findings.push(order::first_seq(stage).await);
    findings.push(order::gap(stage).await);
    findings.push(order::replay(stage).await);
    findings.push(shapes::kinds(stage).await);
    findings.push(shapes::later_version(stage).await);
    findings.push(shapes::large(stage).await);
    findings.push(load::together(stage).await);
    findings.extend(load::in_one_request(stage).await);
    findings.extend(answers::read(stage));
    findings.push(load::time(stage));
    findings.extend(deadline::met(stage));
    if !stage.talks {
        findings.push(silent());
    }
    findings
}

fn silent() -> Finding {
    Finding::yellow(
        "silent",
        Words::new(
            "the core did not reply to each of three texts, so it cannot be seen whether it ignores events that it \
             should hear",
            "核心没有对三条文本逐一回复，因此看不出它是否忽略了本应处理的事件",
        ),
        Words::new(
            "where it has a mode that replies to everything (an echo), look at it in that mode too",
            "如果它有对每条消息都回复的模式（回声），请在该模式下再检查一次",
        ),
    )
}

/// What came back, in words.
fn said(heard: &Heard) -> Words {
    match (heard.status, &heard.outcome) {
        (_, Outcome::Taken(_)) => Words::new("took it", "接收了它"),
        (Some(status), Outcome::Again { why, .. }) => Words::new(
            format!("answered {status} and did not take it ({why})"),
            format!("回答了 {status}，但没有接收它（{why}）"),
        ),
        (Some(status), Outcome::Park { .. }) => Words::new(
            format!("answered {status} with PARK"),
            format!("回答了 {status} 和 PARK"),
        ),
        (Some(status), _) => Words::new(format!("answered {status}"), format!("回答了 {status}")),
        (None, outcome) => {
            let why = outcome.why();
            Words::new(format!("gave no answer ({why})"), format!("没有回答（{why}）"))
        }
    }
}

/// An event was offered that a core must take.
fn taken(heard: &Heard) -> bool {
    heard.taken().is_some()
}

/// What was not taken: which event, and what was said.
struct Refusal {
    what: Words,
    said: Words,
}

impl Refusal {
    fn of(what: Words, heard: &Heard) -> Option<Self> {
        (!taken(heard)).then(|| Self {
            what,
            said: said(heard),
        })
    }
}

/// Several refusals in one sentence: who was refused, and with what.
fn told(refusals: &[Refusal]) -> Words {
    let each = |pick: fn(&Words) -> &str, join: &str| {
        let one = |refusal: &Refusal| format!("{}{join}{}", pick(&refusal.what), pick(&refusal.said));
        refusals.iter().map(one).collect::<Vec<_>>()
    };
    Words::new(
        each(|words| &words.en, ": it ").join("; "),
        each(|words| &words.zh, "：它").join("；"),
    )
}

/// An event of a customer who talks to a talking core: it is heard only if there is a reply. What became of a reply that came
/// too late is looked at by itself.
fn ignored(stage: &Stage, heard: &Heard) -> bool {
    stage.talks && taken(heard) && !heard.late && heard.replies().is_empty()
}

/// Offers the next text of a conversation.
async fn say(stage: &Stage, talk: &mut super::made_up::Talk, text: &str) -> (v1::Event, Heard) {
    let event = stage.text(talk, text);
    let heard = stage.offer(&event).await;
    (event, heard)
}

/// Offers the next event of a conversation.
async fn tell(stage: &Stage, talk: &mut super::made_up::Talk, body: Body) -> Heard {
    let event = stage.next(talk, body);
    stage.offer(&event).await
}

/// The same event once more, as after an answer that was lost.
async fn again(stage: &Stage, event: &v1::Event) -> Heard {
    let knock = stage.knock(event);
    stage
        .offer_as(Knock {
            attempt: 2,
            deadline: None,
            ..knock
        })
        .await
}
