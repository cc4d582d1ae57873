//! What does an answer of WeCom mean for the message that caused it?
//!
//! `errcode` 0 is not enough: members who got nothing are named beside it
//! (<https://developer.work.weixin.qq.com/document/path/90236>), and a body that was not understood is told in `errmsg`.

use serde_json::Value;

use super::{
    codes::TABLE,
    render::{SEND_PATH, UPDATE_PATH, WELCOME_PATH},
};
use crate::{
    channels::{
        common::answers::{self, Reading},
        contract::Verdict,
    },
    error::Code,
    ports::platform::{Answer, Call},
    schema::v1,
};

/// Judges the answer to any call. A message, a change of a card and a welcome are said once.
pub fn judge(call: &Call, answer: &Answer) -> Verdict {
    let once = [SEND_PATH, UPDATE_PATH, WELCOME_PATH].contains(&call.path);
    let verdict = answers::judge(TABLE, once, answer);
    match (verdict, once) {
        (Verdict::Done { message_id }, true) => delivered(answer).map_or(Verdict::Done { message_id }, |other| other),
        // What is refused elsewhere says nothing about sending.
        (Verdict::Failed { error, .. }, _) if call.path != SEND_PATH => Verdict::Failed { error, learned: None },
        (other, _) => other,
    }
}

/// Why a good answer is none.
fn delivered(answer: &Answer) -> Option<Verdict> {
    let Reading::Ok(body) = answers::read(answer) else {
        return None;
    };
    if names_somebody(&body, "unlicenseduser") {
        let remedy = "give the member an interface licence: admin console, 应用管理 → 接口许可 / 请为该成员分配接口许可：管理后台 → 应用管理 → 接口许可";
        return Some(refused(
            Code::NotEntitled,
            "the member has no interface licence (unlicenseduser)",
            remedy,
        ));
    }
    if names_somebody(&body, "invaliduser") {
        let remedy =
            "check the member in the directory, and the application's visible range / 请核对通讯录及应用可见范围";
        return Some(refused(
            Code::RecipientUnknown,
            "the member does not exist or cannot be reached (invaliduser)",
            remedy,
        ));
    }
    let words = body.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    if words.to_ascii_lowercase().contains("wrong json format") {
        return Some(answers::unclear(
            "the platform did not read the whole body: wrong json format",
        ));
    }
    None
}

/// One text with bars between in one call, a list in another.
fn names_somebody(body: &Value, list: &str) -> bool {
    match body.get(list) {
        Some(Value::String(names)) => !names.trim().is_empty(),
        Some(Value::Array(names)) => !names.is_empty(),
        _ => false,
    }
}

fn refused(code: Code, words: &str, remedy: &str) -> Verdict {
    Verdict::Failed {
        error: v1::Error {
            code: code.name().into(),
            platform_message: words.into(),
            remedy: remedy.into(),
            ..Default::default()
        },
        learned: None,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
