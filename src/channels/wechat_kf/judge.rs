//! What does an answer of the platform mean? HTTP 200 says nothing; `errcode` inside is the result.

use serde_json::Value;

use super::{codes::TABLE, sync};
use crate::{
    channels::{
        common::answers::{self, Reading, Refusal},
        contract::{AccessToken, Verdict},
    },
    ports::platform::{Answer, Call, CallBody, Method},
    settings::AccountSettings,
};

/// Calls that say something to a customer.
pub const SEND: &str = "/cgi-bin/kf/send_msg";
pub const SEND_ON_EVENT: &str = "/cgi-bin/kf/send_msg_on_event";
pub const RECALL: &str = "/cgi-bin/kf/recall_msg";

/// Judges the answer to any call. A page of a pull is looked at from outside alone: what it holds is read once, elsewhere.
pub fn judge(call: &Call, answer: &Answer) -> Verdict {
    if call.path == sync::SYNC {
        return match sync::refused_token(answer) {
            None => Verdict::Done { message_id: None },
            Some(code) => answers::verdict(
                TABLE,
                &Refusal {
                    code,
                    message: String::new(),
                    rid: String::new(),
                },
            ),
        };
    }
    answers::judge(TABLE, matches!(call.path, SEND | SEND_ON_EVENT), answer)
}

/// The token of the corp and its app (<https://developer.work.weixin.qq.com/document/path/91039>).
pub fn token_call(settings: &AccountSettings) -> Call {
    Call {
        method: Method::Get,
        path: "/cgi-bin/gettoken",
        query: vec![
            ("corpid", settings.corp_id.clone()),
            ("corpsecret", settings.secret.expose().to_owned()),
        ],
        body: CallBody::Empty,
    }
}

pub fn token(answer: &Answer) -> Result<AccessToken, Verdict> {
    let body = match answers::read_repeatable(answer)? {
        Reading::Ok(body) | Reading::NoCode(body) => body,
        Reading::Refused(refusal) => return Err(final_for_tokens(answers::verdict(TABLE, &refusal))),
        Reading::Status(status) => return Err(answers::refused_by_http(status)),
        Reading::Broken(why) => return Err(answers::down(&why)),
    };
    let value = body
        .get("access_token")
        .and_then(Value::as_str)
        .filter(|it| !it.is_empty());
    let seconds = body
        .get("expires_in")
        .and_then(answers::number)
        .filter(|seconds| *seconds > 0);
    match (value, seconds) {
        (Some(value), Some(seconds)) => Ok(AccessToken {
            value: value.to_owned(),
            lives_for: seconds.saturating_mul(1000),
        }),
        _ => Err(answers::down("the answer to a token call has no token")),
    }
}

/// No token was sent with this call: refreshing would go round for ever.
fn final_for_tokens(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::RefreshToken(error) => Verdict::Failed { error, learned: None },
        other => other,
    }
}
