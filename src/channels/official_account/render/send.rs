//! What is a piece, or a file, as a call to the platform?

use super::super::limits;
use crate::{
    channels::{common::render::send, contract::Upload},
    error::Fault,
    ports::platform::Call,
    text::clean,
};

pub(in super::super) const RELEASE_PATH: &str = "/customservice/kfsession/close";

/// The call that takes `recipient` back from the platform's agent `servicer`; `None` where we do not know who that is.
/// <https://developers.weixin.qq.com/doc/offiaccount/Customer_Service/Session_control.html>
pub fn release(servicer: &str, recipient: &str) -> Option<Call> {
    if servicer.is_empty() || recipient.is_empty() {
        return None;
    }
    let body = serde_json::json!({ "kf_account": clean(servicer), "openid": clean(recipient) });
    Some(Call::post(RELEASE_PATH, body))
}

/// The upload of one file as a temporary medium, which lives for three days.
/// <https://developers.weixin.qq.com/doc/subscription/api/material/temporary/api_uploadtempmedia.html>
pub fn upload(file: &Upload) -> Result<Call, Fault> {
    send::upload(limits::MEDIA, "official accounts", file.kind, file)
}
