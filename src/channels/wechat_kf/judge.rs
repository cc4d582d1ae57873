//! What does an answer of the platform mean? HTTP 200 says nothing; `errcode` inside is the result.

use super::{codes::TABLE, sync};
use crate::{
    channels::{
        common::answers::{self, Refusal},
        contract::Verdict,
    },
    ports::platform::{Answer, Call},
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
