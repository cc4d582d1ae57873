//! Does the core keep count? Each event once, in order, per conversation and epoch.

use super::{Refusal, again, ignored, said, say, taken, tell, told};
use crate::core_check::{
    door::{Heard, Knock},
    made_up::{self, Talk},
    report::{Finding, Words},
    stage::Stage,
};

/// Whether it replies to each text of a conversation. One that was heard before, and is deaf to the beginning of the next
/// conversation alone, counts all of them together.
pub async fn talks(stage: &Stage, heard_before: bool) -> (bool, Option<Finding>) {
    let mut talk = stage.talk();
    let mut replied = Vec::new();
    for text in ["core-check: one", "core-check: two", "core-check: three"] {
        let (_, heard) = say(stage, &mut talk, text).await;
        replied.push(!heard.replies().is_empty());
    }
    match replied.as_slice() {
        [true, true, true] => (true, None),
        [false, true, true] if heard_before => {
            let act = Words::new(
                "keep the last (epoch, seq) for each conversation: each counts from 1",
                "请为每个会话单独保存最后的 (epoch, seq)：每个会话都从 1 开始计数",
            );
            let (en, zh) = ("the first text of another conversation", "另一个会话的第一条文本");
            (true, Some(deaf("conversations", en, zh, act)))
        }
        _ => (false, None),
    }
}

/// An event that was taken comes again: the answer to it was lost.
pub async fn twice(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let (first, first_heard) = say(stage, &mut talk, "core-check: once").await;
    let (second, second_heard) = say(stage, &mut talk, "core-check: twice").await;
    let latest = again(stage, &second).await;
    let earlier = again(stage, &first).await;
    for (heard, before) in [(&latest, &second_heard), (&earlier, &first_heard)] {
        if !taken(heard) {
            return refused_twice(heard);
        }
        if !heard.replies().is_empty() && heard.replies() != before.replies() {
            return doubled();
        }
    }
    let seen = Words::new(
        "an event that comes twice is taken again, with the same replies or none",
        "同一事件到达两次时会再次接收，回复相同或没有回复",
    );
    Finding::green("twice", seen)
}

fn refused_twice(heard: &Heard) -> Finding {
    let said = said(heard);
    Finding::red(
        "twice",
        Words::new(
            format!("an event that the core had taken came again; it {}", said.en),
            format!("核心已接收的事件再次到达；它{}", said.zh),
        ),
        Words::new(
            "answer 200 or 409 (gRPC: OK or ALREADY_EXISTS) to what you have already: the answer to it was lost on the way, and the bridge asks until it \
             has one",
            "已有的事件请回答 200 或 409（gRPC：OK 或 ALREADY_EXISTS）：之前的回答在途中丢失了，网桥会一直问到有回答为止",
        ),
    )
}

fn doubled() -> Finding {
    Finding::red(
        "twice",
        Words::new(
            "an event that came twice got two different replies: the core did its work twice",
            "同一事件到达两次，得到了两个不同的回复：核心重复处理了它",
        ),
        Words::new(
            "keep (epoch, seq) per conversation. What is not above it was done already: take it, with the same replies or \
             none. Keep it in the same transaction as what the event causes",
            "按会话保存 (epoch, seq)。不大于它的事件已经处理过：照常接收，回复相同内容或不回复。它要和事件引起的改动在同一个事务里保存",
        ),
    )
}

/// Several events of one conversation, one after the other.
pub async fn in_order(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let mut refusals = Vec::new();
    let mut lost = 0;
    for number in 1..=5 {
        let (_, heard) = say(stage, &mut talk, &format!("core-check: {number} of 5")).await;
        lost += usize::from(ignored(stage, &heard));
        let what = Words::new(format!("number {number} of 5"), format!("第 {number} 条（共 5 条）"));
        refusals.extend(Refusal::of(what, &heard));
    }
    if let [_, ..] = refusals.as_slice() {
        let told = told(&refusals);
        return Finding::red(
            "order",
            Words::new(
                format!("texts of one conversation, one after the other; {}", told.en),
                format!("同一会话的文本依次到达；{}", told.zh),
            ),
            Words::new(
                "take each event of a conversation; the next one is offered only after this one was taken",
                "请接收会话中的每个事件；这一个被接收之后才会推送下一个",
            ),
        );
    }
    if lost > 0 {
        return deaf(
            "order",
            "texts of one conversation, one after the other",
            "同一会话的文本依次到达",
            Words::new(
                "ignore only what is not above the last (epoch, seq) of its conversation",
                "只忽略不大于本会话最后 (epoch, seq) 的事件",
            ),
        );
    }
    let seen = Words::new(
        "five texts of one conversation were taken in order",
        "同一会话的五条文本依次被接收",
    );
    Finding::green("order", seen)
}

/// A restored bridge begins a new epoch, and counts from one.
pub async fn epoch(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let mut last = None;
    for text in [
        "core-check: before",
        "core-check: still before",
        "core-check: the last before",
    ] {
        let (event, heard) = say(stage, &mut talk, text).await;
        last = Some((event, heard));
    }
    let mut after = Talk {
        epoch: talk.epoch + 1,
        seq: 0,
        ..talk
    };
    let (_, first) = say(stage, &mut after, "core-check: a new epoch").await;
    let (_, second) = say(stage, &mut after, "core-check: a new epoch, second").await;
    let act = Words::new(
        "compare (epoch, seq) as a pair: where the epoch is higher every seq is new, from conversation.firstSeq on",
        "请把 (epoch, seq) 作为一对来比较：epoch 变大后所有 seq 都是新的，从 conversation.firstSeq 开始",
    );
    if let Some(finding) = heard_all(
        stage,
        "epoch",
        &[&first, &second],
        "the epoch rose and seq began again at 1",
        "epoch 变大，seq 从 1 重新开始",
        act,
    ) {
        return finding;
    }
    if let Some((event, before)) = last {
        let old = again(stage, &event).await;
        if !taken(&old) {
            return refused_twice(&old);
        }
        if !old.replies().is_empty() && old.replies() != before.replies() {
            return doubled();
        }
    }
    let seen = Words::new("an epoch that rises is followed", "epoch 变大后能继续处理");
    Finding::green("epoch", seen)
}

/// A conversation that comes to this core in its middle.
pub async fn first_seq(stage: &Stage) -> Finding {
    let mut talk = Talk {
        seq: 6,
        first_seq: 7,
        ..stage.talk()
    };
    let (_, first) = say(stage, &mut talk, "core-check: begins at 7").await;
    let (_, second) = say(stage, &mut talk, "core-check: 8").await;
    let act = Words::new(
        "begin a conversation at conversation.firstSeq, not at 1: what came before went to another core",
        "会话从 conversation.firstSeq 开始，而不是从 1：之前的事件属于另一个核心",
    );
    let (en, zh) = (
        "a conversation begins at seq 7, as firstSeq says",
        "会话从 seq 7 开始（firstSeq 如此声明）",
    );
    heard_all(stage, "first-seq", &[&first, &second], en, zh, act).unwrap_or_else(|| {
        let seen = Words::new(
            "a conversation may begin in its middle (firstSeq)",
            "会话可以从中间开始（firstSeq）",
        );
        Finding::green("first-seq", seen)
    })
}

/// A Gap stands for events that will never come.
pub async fn gap(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    say(stage, &mut talk, "core-check: before the gap").await;
    let from = talk.seq + 1;
    talk.seq += 2;
    let body = made_up::gap(from, talk.seq + 1);
    let gap = tell(stage, &mut talk, body).await;
    let (_, after) = say(stage, &mut talk, "core-check: after the gap").await;
    let act = Words::new(
        "take a Gap like any event: it stands for fromSeq to toSeq, which will never come; go on after toSeq",
        "像其他事件一样接收 Gap：它代表永远不会到来的 fromSeq 到 toSeq；之后从 toSeq 继续",
    );
    if !taken(&gap) {
        let said = said(&gap);
        let seen = Words::new(
            format!("a Gap: the core {}", said.en),
            format!("Gap 事件：核心{}", said.zh),
        );
        return Finding::red("gap", seen, act);
    }
    let (en, zh) = ("a text behind a Gap", "Gap 之后的文本");
    heard_all(stage, "gap", &[&after], en, zh, act).unwrap_or_else(|| {
        let seen = Words::new("a Gap is taken, and what follows it", "Gap 及其后续事件都被接收");
        Finding::green("gap", seen)
    })
}

/// Stored events are handed over again by an operator's order.
pub async fn replay(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let (first, _) = say(stage, &mut talk, "core-check: will be replayed").await;
    say(stage, &mut talk, "core-check: the last one").await;
    let replayed = stage
        .offer_as(Knock {
            replay: Some("core-check"),
            deadline: None,
            ..stage.knock(&first)
        })
        .await;
    let (_, after) = say(stage, &mut talk, "core-check: after the replay").await;
    let act = Words::new(
        "take replayed events (offer.replayId), whatever their seq, and leave the last (epoch, seq) as it is",
        "请接收重放的事件（offer.replayId），不论其 seq，并保持最后的 (epoch, seq) 不变",
    );
    if !taken(&replayed) {
        let said = said(&replayed);
        let seen = Words::new(
            format!("a replay: the core {}", said.en),
            format!("重放：核心{}", said.zh),
        );
        return Finding::red("replay", seen, act);
    }
    let (en, zh) = ("a text behind a replay", "重放之后的文本");
    heard_all(stage, "replay", &[&after], en, zh, act).unwrap_or_else(|| {
        let seen = Words::new("a replay is taken, and what follows it", "重放及其后续事件都被接收");
        Finding::green("replay", seen)
    })
}

/// A fault where one was not taken, or taken and ignored.
pub fn heard_all(stage: &Stage, id: &'static str, all: &[&Heard], en: &str, zh: &str, act: Words) -> Option<Finding> {
    if let Some(heard) = all.iter().find(|heard| !taken(heard)) {
        let said = said(heard);
        let seen = Words::new(format!("{en}: the core {}", said.en), format!("{zh}：核心{}", said.zh));
        return Some(Finding::red(id, seen, act));
    }
    let deaf_to = all.iter().any(|heard| ignored(stage, heard));
    deaf_to.then(|| deaf(id, en, zh, act))
}

fn deaf(id: &'static str, en: &str, zh: &str, act: Words) -> Finding {
    Finding::red(
        id,
        Words::new(
            format!("{en}: the core took it and ignored it (it replied to others, and not to this one)"),
            format!("{zh}：核心接收后却忽略了它（对别的有回复，对它没有）"),
        ),
        act,
    )
}
