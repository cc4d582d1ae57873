//! What is a piece, or a file, as a call to WeCom, and what does a good answer leave for later?

use serde_json::{Value, json};

use super::{RESPONSE_CODE, WELCOME_CODE, text_of};
use crate::{
    channels::{
        common::render::send::{self, body},
        contract::{Piece, Ticket, Upload},
        wecom_app::{cards, limits, settings::agent},
    },
    error::{Code, Fault},
    ports::platform::{Answer, Call, CallBody, Method},
    settings::AccountSettings,
    text::clean,
};

pub const SEND_PATH: &str = "/cgi-bin/message/send";
pub const UPDATE_PATH: &str = "/cgi-bin/message/update_template_card";
pub const WELCOME_PATH: &str = "/cgi-bin/externalcontact/send_welcome_msg";
const RECALL_PATH: &str = "/cgi-bin/message/recall";

/// The piece as a call: a message to `recipient`, a change of a card, or a welcome.
pub fn call(settings: &AccountSettings, piece: &Piece, recipient: &str) -> Call {
    let agent = Value::from(agent(settings).unwrap_or_default());
    let native = &piece.native;
    if let Some(code) = native.get(WELCOME_CODE) {
        return Call::post(WELCOME_PATH, body(native, &[("welcome_code", code.clone())]));
    }
    if let Some(code) = native.get(RESPONSE_CODE) {
        let mut native = native.clone();
        if let Some(fields) = native.as_object_mut() {
            fields.remove("msgtype");
        }
        let ours = [
            ("userids", json!([clean(recipient)])),
            ("agentid", agent),
            ("response_code", code.clone()),
        ];
        return Call::post(UPDATE_PATH, body(&native, &ours));
    }
    let to = ("touser", Value::from(clean(recipient)));
    // A mini-program's notice is its own, not the application's.
    match text_of(native, "msgtype") {
        "miniprogram_notice" => Call::post(SEND_PATH, body(native, &[to])),
        _ => Call::post(SEND_PATH, body(native, &[to, ("agentid", agent)])),
    }
}

/// Takes a message back, within 24 hours of its sending.
/// <https://developer.work.weixin.qq.com/document/path/94867>
pub fn recall(platform_message_id: &str) -> Option<Call> {
    let body = json!({ "msgid": clean(platform_message_id) });
    (!platform_message_id.is_empty()).then(|| Call::post(RECALL_PATH, body.to_string()))
}

/// The code that changes the card that was just sent.
pub fn ticket(call: &Call, answer: &Answer) -> Option<Ticket> {
    let CallBody::Json(said) = &call.body else { return None };
    if call.path != SEND_PATH {
        return None;
    }
    let answer: Value = serde_json::from_slice(&answer.body).ok()?;
    let code = text_of(&answer, "response_code");
    if code.is_empty() {
        return None;
    }
    let said: Value = serde_json::from_slice(said).ok()?;
    let task = text_of(said.get("template_card")?, "task_id");
    (!task.is_empty()).then(|| Ticket {
        code: code.to_owned(),
        about: cards::kept_as(task).to_owned(),
        ..Default::default()
    })
}

/// The addresses that callbacks come from: changes nothing, and is refused like every other call where ours is not trusted.
/// <https://developer.work.weixin.qq.com/document/path/90238>
pub fn probe() -> Call {
    Call {
        method: Method::Get,
        path: "/cgi-bin/getcallbackip",
        query: Vec::new(),
        body: CallBody::Empty,
    }
}

/// The upload of one file as a temporary medium, which lives for three days and is shared by all applications of the
/// enterprise. <https://developer.work.weixin.qq.com/document/path/90253>
pub fn upload(file: &Upload) -> Result<Call, Fault> {
    let call = send::upload(limits::MEDIA, "WeCom applications", file.kind, file)?;
    if file.bytes.len() < limits::LEAST_BYTES {
        let detail = format!("a file has more than 5 bytes, this has {}", file.bytes.len());
        return Err(Fault::new(Code::UnsupportedPart, detail));
    }
    Ok(call)
}
