//! How are the platform's sessions asked about and moved? <https://developer.work.weixin.qq.com/document/path/94669>.

use serde_json::{Value, json};

use super::codes::TABLE;
use crate::{
    channels::{
        common::{
            answers::{self, Reading},
            codes,
        },
        contract::{CodeOf, CodeRule, Holder, To, Verdict},
    },
    error::Code,
    ports::platform::{Answer, Call},
    schema::v1::{self, conversation::SessionState, send_result::Road},
};

pub const STATE: &str = "/cgi-bin/kf/service_state/get";
pub const CHANGE: &str = "/cgi-bin/kf/service_state/trans";

/// The state forbids what was asked.
const STATE_FORBIDS: i32 = 95018;
/// The session has ended; the customer's 48 hours are over.
const ENDED: i32 = 95013;
const TOO_LATE: i32 = 95002;
/// The platform has no such move from where the session is.
const NO_SUCH_MOVE: &[i32] = &[ENDED, 95016];

pub fn state(to: &To<'_>) -> Call {
    Call::post(
        STATE,
        json!({ "open_kfid": to.sub_id, "external_userid": to.recipient }),
    )
}

pub fn change(to: &To<'_>, into: SessionState, servicer: &str) -> Call {
    let mut body = json!({
        "open_kfid": to.sub_id, "external_userid": to.recipient, "service_state": number(into),
    });
    if !servicer.is_empty() {
        body["servicer_userid"] = servicer.into();
    }
    Call::post(CHANGE, &body)
}

/// Who holds the customer. One SDK writes `service_userid`; both are read.
pub fn read_state(answer: &Answer) -> Result<Holder, Verdict> {
    let body = body(answer)?;
    let state = body.get("service_state").and_then(answers::number).and_then(named);
    let servicer = ["servicer_userid", "service_userid"]
        .iter()
        .find_map(|name| body.get(name).and_then(Value::as_str))
        .unwrap_or_default();
    state
        .map(|state| Holder {
            state,
            servicer: if state == SessionState::Human {
                servicer.to_owned()
            } else {
                String::new()
            },
        })
        .ok_or_else(|| answers::down("the answer names no state that we know"))
}

/// The code of a session that was moved; it may be absent.
pub fn changed(answer: &Answer) -> Result<Option<String>, Verdict> {
    let code = body(answer)?.get("msg_code").and_then(Value::as_str).map(str::to_owned);
    Ok(code.filter(|code| !code.is_empty()))
}

fn body(answer: &Answer) -> Result<Value, Verdict> {
    match answers::read_repeatable(answer)? {
        Reading::Ok(body) => Ok(body),
        Reading::Refused(refusal) => Err(answers::verdict(TABLE, &refusal)),
        Reading::Status(status) => Err(answers::refused_by_http(status)),
        Reading::NoCode(_) | Reading::Broken(_) => Err(answers::down("the answer has no errcode")),
    }
}

pub fn no_such_move(error: &v1::Error) -> bool {
    NO_SUCH_MOVE.contains(&error.platform_code)
}

pub fn asks_state(error: &v1::Error) -> bool {
    error.platform_code == STATE_FORBIDS
}

/// 95018 says only that the state forbids it: who holds the customer says why.
pub fn refused_in(mut error: v1::Error, holder: &Holder) -> v1::Error {
    let (code, same_as, why) = match holder.state {
        SessionState::Human => (
            Code::SessionWithHuman,
            STATE_FORBIDS,
            format!("held by {}", holder.servicer),
        ),
        SessionState::Queued => (
            Code::SessionWithHuman,
            STATE_FORBIDS,
            "in the queue of the platform's own agents".to_owned(),
        ),
        SessionState::Ended => (Code::SessionEnded, ENDED, "the session has ended".to_owned()),
        _ => (
            Code::WindowClosed,
            TOO_LATE,
            "48 hours since the customer's last message".to_owned(),
        ),
    };
    code.name().clone_into(&mut error.code);
    // What helps is what helps against the number that says this by itself.
    if let Some(row) = codes::row(TABLE, i64::from(same_as)) {
        error.remedy = answers::remedy(row);
    }
    error.platform_message = format!("{} ({why})", error.platform_message);
    error
}

/// <https://developer.work.weixin.qq.com/document/path/95122>: one message each, the platform's table of lifetimes.
pub const fn code(of: CodeOf) -> CodeRule {
    const TEXT: &[&str] = &["text"];
    const WORDS: &[&str] = &["text", "menu"];
    match of {
        CodeOf::Welcome => CodeRule {
            window: 20_000,
            part_types: WORDS,
            road: Road::Welcome,
            trigger: "welcome_code",
        },
        CodeOf::Transfer => CodeRule {
            window: 48 * 3_600_000,
            part_types: TEXT,
            road: Road::KfEvent,
            trigger: "msg_code",
        },
        CodeOf::End => CodeRule {
            window: 20_000,
            part_types: WORDS,
            road: Road::KfEvent,
            trigger: "msg_code",
        },
    }
}

fn number(state: SessionState) -> u32 {
    match state {
        SessionState::New | SessionState::Unspecified => 0,
        SessionState::Assistant => 1,
        SessionState::Queued => 2,
        SessionState::Human => 3,
        SessionState::Ended => 4,
    }
}

fn named(number: i64) -> Option<SessionState> {
    [
        SessionState::New,
        SessionState::Assistant,
        SessionState::Queued,
        SessionState::Human,
        SessionState::Ended,
    ]
    .into_iter()
    .find(|state| i64::from(self::number(*state)) == number)
}
