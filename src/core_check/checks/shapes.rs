//! Does the core take whatever we may send? Every kind of event, what a later version adds, and large ones.

use super::{Refusal, order::heard_all, said, say, taken, told};
use crate::{
    core_check::{
        door::Knock,
        later::Change,
        made_up::{self, Talk},
        report::{Finding, Words},
        stage::Stage,
    },
    schema::v1::{self, signal::Type},
};

/// One event of each kind that there is.
pub async fn kinds(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let mut refusals = Vec::new();
    for (en, zh, body) in [
        (
            "a picture whose bytes are still coming",
            "尚未取到内容的图片",
            made_up::picture(),
        ),
        (
            "a message of a kind without a name",
            "没有名称的消息类型",
            made_up::unsupported(),
        ),
        ("a menu click", "菜单点击", made_up::click()),
        ("a follow", "关注", made_up::signal(Type::Followed, "subscribe")),
        (
            "an event without a name",
            "没有名称的事件",
            made_up::signal(Type::Other, "teleport"),
        ),
        ("news of a failed message", "消息发送失败的通知", made_up::failed_send()),
    ] {
        let mut event = stage.next(&mut talk, body);
        event.raw = Some(made_up::raw(200));
        refusals.extend(Refusal::of(Words::new(en, zh), &stage.offer(&event).await));
    }
    let mut old = stage.text(&mut talk, "core-check: history");
    (old.history, old.late) = (true, true);
    refusals.extend(Refusal::of(Words::new("history", "历史消息"), &stage.offer(&old).await));
    let mut back = stage.text(&mut talk, "core-check: brought back");
    (back.redelivery_of, back.late) = (old.id.clone(), true);
    let what = Words::new("one that was set aside and comes back", "搁置后重新投递的事件");
    refusals.extend(Refusal::of(what, &stage.offer(&back).await));
    refusals.extend(of_the_account(stage).await);
    if refusals.is_empty() {
        let seen = Words::new(
            "every kind of event is taken: messages, interactions, signals, delivery news",
            "各类事件都被接收：消息、交互、信号、投递通知",
        );
        return Finding::green("kinds", seen);
    }
    let told = told(&refusals);
    Finding::red(
        "kinds",
        told,
        Words::new(
            "take every event (200, over gRPC OK), also one that you have no use for; a fault that comes again each time holds up its \
             conversation",
            "对每个事件都回答 200（gRPC 为 OK），用不到的也一样；反复出现的错误会卡住它所在的会话",
        ),
    )
}

/// An event of no customer.
async fn of_the_account(stage: &Stage) -> Option<Refusal> {
    let mut talk = Talk {
        native_id: String::new(),
        ..stage.talk()
    };
    let body = made_up::signal(Type::AccountStateChanged, "verify_expired");
    let event = stage.next(&mut talk, body);
    let what = Words::new(
        "an event of the account itself, without a customer",
        "账号自身的事件（没有客户）",
    );
    Refusal::of(what, &stage.offer(&event).await)
}

/// What a later version of the bridge may add.
pub async fn later_version(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let mut refusals = Vec::new();
    let changes = [
        ("fields that nobody knows yet", "未知的字段", Change::Fields),
        ("a kind of event that nobody knows yet", "未知的事件类型", Change::Kind),
        ("a kind of part that nobody knows yet", "未知的消息部件", Change::Part),
        (
            "a name that nobody knows yet in an enum",
            "枚举中未知的名称",
            Change::Name,
        ),
    ];
    for (en, zh, change) in changes {
        let event = stage.text(&mut talk, "core-check: a later version");
        let heard = stage
            .offer_as(Knock {
                change: Some(change),
                ..stage.knock(&event)
            })
            .await;
        refusals.extend(Refusal::of(Words::new(en, zh), &heard));
    }
    let act = Words::new(
        "ignore fields and names that you do not know, and take what has no body that you know (Message.summary says it in words)",
        "忽略不认识的字段和名称；内容不认识的事件也要接收（Message.summary 有文字说明）",
    );
    if !refusals.is_empty() {
        return Finding::red("unknown", told(&refusals), act);
    }
    let (_, after) = say(stage, &mut talk, "core-check: known again").await;
    let (en, zh) = ("a text behind events of unknown kinds", "未知类型事件之后的文本");
    heard_all(stage, "unknown", &[&after], en, zh, act).unwrap_or_else(|| {
        let seen = Words::new(
            "unknown fields, kinds and names are taken",
            "未知的字段、类型和名称都能接收",
        );
        Finding::green("unknown", seen)
    })
}

/// The platform's largest callback, carried inline.
const LARGE: usize = 1 << 20;

pub async fn large(stage: &Stage) -> Finding {
    let mut talk = stage.talk();
    let mut event: v1::Event = stage.next(&mut talk, made_up::unsupported());
    event.raw = Some(made_up::raw(LARGE));
    let heard = stage.offer(&event).await;
    if taken(&heard) {
        let seen = Words::new("an event of 1.4 MB is taken", "1.4 MB 的事件被接收");
        return Finding::green("large", seen);
    }
    let said = said(&heard);
    Finding::red(
        "large",
        Words::new(
            format!("an event of 1.4 MB: the core {}", said.en),
            format!("1.4 MB 的事件：核心{}", said.zh),
        ),
        Words::new(
            "let bodies of 16 MiB through, in the core and in every proxy before it: the platform's own body of up to 1 MiB \
             rides on what has no name, and JSON makes six bytes of some",
            "核心及其前面的代理都要允许 16 MiB 的正文：没有名称的内容会附带平台的原文（最大 1 MiB），而 JSON 会把某些字节写成六个",
        ),
    )
}
