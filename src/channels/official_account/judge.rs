//! What does an answer of the platform mean for the message that caused it?

use super::{
    agents,
    codes::TABLE,
    render::{RELEASE_PATH, SEND_PATH, TYPING_PATH},
};
use crate::{
    channels::{common::answers, contract::Verdict},
    ports::platform::{Answer, Call},
};

/// Judges the answer to any call.
pub fn judge(call: &Call, answer: &Answer) -> Verdict {
    let sends = call.path == SEND_PATH;
    let verdict = answers::swallow(harmless(call.path), answers::judge(TABLE, sends, answer));
    match verdict {
        // What is refused elsewhere says nothing about sending; who may not ask for the agents may not send either.
        Verdict::Failed { error, .. } if !sends && call.path != agents::PATH => {
            Verdict::Failed { error, learned: None }
        }
        other => other,
    }
}

/// The typing sign is a courtesy; a customer whom no agent holds need not be taken back.
fn harmless(path: &str) -> &'static [i32] {
    match path {
        TYPING_PATH => &[45080, 45081, 40200],
        RELEASE_PATH => &[65413],
        _ => &[],
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
