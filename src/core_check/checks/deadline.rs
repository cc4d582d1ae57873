//! Did the core cope where its time ran out? The bridge closed the request and offered the event again: what came of that.

use super::{said, taken};
use crate::core_check::{
    door::Heard,
    report::{Finding, Words},
    stage::{Late, Stage},
};

const ID: &str = "deadline";

/// How it ended, the worst first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    ActedTwice,
    LateAgain,
    /// The second offer was not taken; what was said.
    Refused(String, String),
    ReplyLost,
    Coped,
}

/// Nothing where every answer came in time; else one finding for each way in which it ended.
pub fn met(stage: &Stage) -> Vec<Finding> {
    let mut ends: Vec<(End, usize)> = Vec::new();
    for late in &stage.aside().late {
        let end = end(stage, late);
        match ends.iter_mut().find(|(known, _)| *known == end) {
            Some((_, count)) => *count += 1,
            None => ends.push((end, 1)),
        }
    }
    ends.sort();
    ends.into_iter()
        .map(|(end, count)| finding(stage, end, count))
        .collect()
}

fn end(stage: &Stage, late: &Late) -> End {
    if stage.ran_out(&late.second) {
        return End::LateAgain;
    }
    if !taken(&late.second) {
        let said = said(&late.second);
        return End::Refused(said.en, said.zh);
    }
    let replies = late.second.replies();
    let third = late.third.as_ref().map_or(&[][..], Heard::replies);
    if !third.is_empty() && third != replies {
        return End::ActedTwice;
    }
    match stage.talks && late.of_text && replies.is_empty() {
        true => End::ReplyLost,
        false => End::Coped,
    }
}

fn finding(stage: &Stage, end: End, count: usize) -> Finding {
    let timeout = stage.timeout;
    let (en, zh) = (
        format!(
            "{count} not answered within {timeout} ms: each time the request was closed and the same event offered again (attempt 2)"
        ),
        format!("{count} 个事件在 {timeout} 毫秒内没有得到回答：每次都关闭了请求，并再次推送同一事件（第 2 次尝试）"),
    );
    let seen = |told: Words| Words::new(format!("{en}; {}", told.en), format!("{zh}；{}", told.zh));
    match end {
        End::Coped => Finding::green(
            ID,
            seen(Words::new(
                "the core coped: it answered the second offer, and did nothing twice that could be seen",
                "核心应付得了：它回答了第二次推送，也没有看到重复处理",
            )),
        ),
        End::ReplyLost => Finding::yellow(ID, seen(reply_lost()), keep_the_reply()),
        End::Refused(en, zh) => Finding::red(
            ID,
            seen(Words::new(
                format!("to the second offer the core {en}"),
                format!("对第二次推送，核心{zh}"),
            )),
            Words::new(
                "while you still work at an event, let its second offer wait for the first, or take it (200, 409; gRPC: OK, ALREADY_EXISTS) once \
                 the event is safe with you",
                "事件仍在处理时，请让第二次推送等待第一次的结果；事件已落稳的话就接收它（200、409；gRPC：OK、ALREADY_EXISTS）",
            ),
        ),
        End::LateAgain => Finding::red(
            ID,
            seen(Words::new(
                "the second offer was not answered in time either: it would be offered again and again, and its conversation waits",
                "第二次推送也没有及时得到回答：它会被反复推送，所在会话一直等待",
            )),
            Words::new(
                "answer 200 (gRPC: OK) once the event is safe with you, work at it afterwards, and reply by POST /v1/messages \
                 (Bridge.Send); or raise `timeout` of [[core]]",
                "事件落稳之后就回答 200（gRPC：OK），之后再处理，并用 POST /v1/messages（Bridge.Send）回复；或者调大 [[core]] 的 timeout",
            ),
        ),
        End::ActedTwice => Finding::red(
            ID,
            seen(Words::new(
                "the core acted twice: later offers of the same event got different replies",
                "核心重复处理了它：同一事件的后续推送得到了不同的回复",
            )),
            Words::new(
                "note (epoch, seq) before you begin to work at an event, not when you are done: its next offer may come while you \
                 work, or after your answer was lost",
                "请在开始处理事件之前记录 (epoch, seq)，而不是处理完才记录：下一次推送可能在处理期间到来，也可能在回答丢失之后到来",
            ),
        ),
    }
}

fn reply_lost() -> Words {
    Words::new(
        "the core took it once, but its reply went with the closed request and nothing came in its place: the customer hears nothing",
        "核心只处理了一次，但回复随关闭的请求丢失了，之后没有补上：客户什么也收不到",
    )
}

fn keep_the_reply() -> Words {
    Words::new(
        "keep the replies of an event with its (epoch, seq) and give them again, or take it at once and reply by POST /v1/messages \
         (Bridge.Send)",
        "请把事件的回复和 (epoch, seq) 一起保存并再次给出；或者立即接收，再用 POST /v1/messages（Bridge.Send）回复",
    )
}
