//! How long does the core take, alone and with many at once?

use futures_util::future::join_all;

use serde_json::Value;

use super::{Refusal, ignored, order::heard_all, say, told};
use crate::{
    core_check::{
        door::Heard,
        report::{Finding, Words},
        stage::Stage,
    },
    schema::v1::Event,
};

/// So many customers write at the same time.
const CUSTOMERS: usize = 24;

/// Conversations do not wait for each other.
pub async fn together(stage: &Stage) -> Finding {
    let all = (0..CUSTOMERS).map(|_| async {
        let mut talk = stage.talk();
        say(stage, &mut talk, "core-check: many at once").await.1
    });
    let heard = join_all(all).await;
    let refusals: Vec<Refusal> = heard
        .iter()
        .filter_map(|heard| Refusal::of(Words::new("one of them", "其中一个"), heard))
        .collect();
    let (en, zh) = (
        format!("{CUSTOMERS} customers wrote at the same time"),
        format!("{CUSTOMERS} 位客户同时发来消息"),
    );
    if let Some(first) = refusals.first() {
        let told = told(std::slice::from_ref(first));
        let count = refusals.len();
        return Finding::red(
            "together",
            Words::new(
                format!("{en}; {count} were not taken ({})", told.en),
                format!("{zh}；有 {count} 个没有被接收（{}）", told.zh),
            ),
            Words::new(
                "take events of different conversations side by side; 429 or 503 with Retry-After (gRPC: UNAVAILABLE) where it is too much",
                "不同会话的事件要并行处理；应付不了时回答 429 或 503 并带 Retry-After（gRPC：UNAVAILABLE）",
            ),
        );
    }
    if heard.iter().any(|heard| ignored(stage, heard)) {
        return Finding::red(
            "together",
            Words::new(
                format!("{en}; the core took all and ignored some"),
                format!("{zh}；核心全部接收，却忽略了一些"),
            ),
            Words::new(
                "keep the last (epoch, seq) for each conversation: each counts from 1",
                "请为每个会话单独保存最后的 (epoch, seq)：每个会话都从 1 开始计数",
            ),
        );
    }
    let slowest = heard
        .iter()
        .map(|heard| heard.took.as_millis())
        .max()
        .unwrap_or_default();
    if slowest > stage.reply_budget.max(1).unsigned_abs().into() {
        return Finding::yellow(
            "together",
            Words::new(
                format!("{en}; the last one was answered after {slowest} ms"),
                format!("{zh}；最后一个在 {slowest} 毫秒后才得到回答"),
            ),
            Words::new(
                "take events of different conversations side by side: these replies come too late to be passive",
                "不同会话的事件要并行处理：这样的回复来不及作为被动回复",
            ),
        );
    }
    let seen = Words::new(
        format!("{en}; all were answered within {slowest} ms"),
        format!("{zh}；{slowest} 毫秒内全部得到回答"),
    );
    Finding::green("together", seen)
}

/// A core that acknowledges conversation by conversation gets events of several in one request, where the way knows that.
pub async fn in_one_request(stage: &Stage) -> Option<Finding> {
    let (_, alone) = say(stage, &mut stage.talk(), "core-check: acknowledged?").await;
    let answer: Value = serde_json::from_slice(alone.body.as_deref()?).ok()?;
    let acks = answer["results"].as_array().filter(|results| !results.is_empty())?;
    let counts = acks
        .iter()
        .all(|ack| ack["throughSeq"].as_u64().is_some_and(|seq| seq > 0));
    let mut events: Vec<Event> = ["one", "two"]
        .map(|word| stage.text(&mut stage.talk(), &format!("core-check: {word} in one request")))
        .into();
    // To a core that says how far it took a conversation, the last one goes on in the same breath.
    let (mut talk, last) = (stage.talk(), if counts { &["three", "four"][..] } else { &["three"] });
    events.extend(
        last.iter()
            .map(|word| stage.text(&mut talk, &format!("core-check: {word} in one request"))),
    );
    let heard = stage.offer_together(&events).await?;
    let refusals: Vec<Refusal> = (1..)
        .zip(&heard)
        .filter_map(|(number, heard)| {
            let what = Words::new(format!("number {number}"), format!("第 {number} 个"));
            Refusal::of(what, heard)
        })
        .collect();
    let (en, zh) = ("three conversations in one request", "一个请求里有三个会话的事件");
    let act = Words::new(
        "take the events of a request in its order, and answer with one Ack for each (conversation_key, through_seq), its replies \
         inside; a core that leaves results empty gets one event at a time",
        "请按请求中的顺序接收事件，并为每个事件各回一个 Ack（conversation_key、through_seq），回复放在其中；不填 results 的核心每次只收到一个事件",
    );
    if !refusals.is_empty() {
        let told = told(&refusals);
        let seen = Words::new(format!("{en}; {}", told.en), format!("{zh}；{}", told.zh));
        return Some(Finding::red("batch", seen, act));
    }
    // The Ack of its last event may hold the replies to all of a conversation.
    let heard: Vec<&Heard> = (0..)
        .zip(&heard)
        .filter(|(index, _)| *index != 2 || !counts)
        .map(|(_, it)| it)
        .collect();
    Some(heard_all(stage, "batch", &heard, en, zh, act).unwrap_or_else(|| {
        let seen = Words::new(format!("{en}: each was acknowledged"), format!("{zh}：每个都有回执"));
        Finding::green("batch", seen)
    }))
}

/// Every answer of this run, against the time that a callback waits.
pub fn time(stage: &Stage) -> Finding {
    let measured = stage.measured();
    let budget = stage.reply_budget;
    let late = {
        let aside = stage.aside();
        let over = |took: &&std::time::Duration| took.as_millis() > budget.max(1).unsigned_abs().into();
        aside.took.iter().filter(over).count()
    };
    let (median, slowest, answers) = (measured.median_ms, measured.slowest_ms, measured.answers);
    let seen = Words::new(
        format!("{answers} answers: half within {median} ms, the slowest after {slowest} ms"),
        format!("{answers} 次回答：一半在 {median} 毫秒内，最慢 {slowest} 毫秒"),
    );
    if late == 0 {
        return Finding::green("time", seen);
    }
    Finding::yellow(
        "time",
        Words::new(
            format!("{}; {late} took longer than a callback waits ({budget} ms)", seen.en),
            format!("{}；其中 {late} 次超过了回调等待的时间（{budget} 毫秒）", seen.zh),
        ),
        Words::new(
            "answer sooner, or answer {\"keepWindow\":true} at once and reply by POST /v1/messages (Bridge.Send): a reply behind the deadline \
             goes by the platform's API, which not every account may use",
            "请更快回答，或立即回答 {\"keepWindow\":true} 再用 POST /v1/messages（Bridge.Send）回复：超过期限的回复要走平台接口，而并非每个账号都有权限",
        ),
    )
}
