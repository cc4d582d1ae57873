//! What is a piece, or a file, as a call to the platform?

use serde_json::{Map, Value};

use super::super::limits;
use crate::{
    channels::contract::{Piece, Upload},
    error::{Code, Fault},
    ports::platform::{Call, CallBody, Method},
};

/// Not a part of the schema: the sign that somebody types.
pub(super) const TYPING: &str = "typing";

pub(in super::super) const SEND_PATH: &str = "/cgi-bin/message/custom/send";
pub(in super::super) const TYPING_PATH: &str = "/cgi-bin/message/custom/typing";
pub(in super::super) const RELEASE_PATH: &str = "/customservice/kfsession/close";
pub(in super::super) const UPLOAD_PATH: &str = "/cgi-bin/media/upload";

/// The piece as a customer-service message to `recipient`: raw UTF-8, `touser` first.
pub fn call(piece: &Piece, recipient: &str) -> Call {
    let path = if piece.part_type == TYPING {
        TYPING_PATH
    } else {
        SEND_PATH
    };
    Call {
        method: Method::Post,
        path,
        query: Vec::new(),
        body: CallBody::Json(body(&piece.native, recipient).into_bytes()),
    }
}

/// The call that takes `recipient` back from the platform's agent `servicer`; `None` where we do not know who that is.
/// <https://developers.weixin.qq.com/doc/offiaccount/Customer_Service/Session_control.html>
pub fn release(servicer: &str, recipient: &str) -> Option<Call> {
    if servicer.is_empty() || recipient.is_empty() {
        return None;
    }
    let body = serde_json::json!({ "kf_account": clean(servicer), "openid": clean(recipient) });
    Some(Call {
        method: Method::Post,
        path: RELEASE_PATH,
        query: Vec::new(),
        body: CallBody::Json(body.to_string().into_bytes()),
    })
}

/// Written by hand because the order is part of the promise: recipient, kind, then the rest by name.
fn body(native: &Value, recipient: &str) -> String {
    let empty = Map::new();
    let fields = native.as_object().unwrap_or(&empty);
    let mut out = format!("{{\"touser\":{}", Value::from(clean(recipient)));
    let kind = fields.iter().filter(|(name, _)| *name == "msgtype");
    let rest = fields
        .iter()
        .filter(|(name, _)| *name != "msgtype" && *name != "touser" && !name.starts_with('_'));
    for (name, value) in kind.chain(rest) {
        out.push_str(&format!(",{}:{}", Value::from(clean(name)), cleaned(value)));
    }
    out.push('}');
    out
}

/// Control characters would be written `\u0001`, and the platform refuses every `\uXXXX` with 40033.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
        .collect()
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean(text)),
        Value::Array(items) => Value::Array(items.iter().map(cleaned).collect()),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (clean(name), cleaned(value)))
            .collect(),
        other => other.clone(),
    }
}

/// The upload of one file as a temporary medium, which lives for three days.
/// <https://developers.weixin.qq.com/doc/subscription/api/material/temporary/api_uploadtempmedia.html>
pub fn upload(file: &Upload) -> Result<Call, Fault> {
    let Some(limit) = limits::MEDIA.iter().find(|limit| limit.kind == file.kind) else {
        return Err(Fault::new(
            Code::UnsupportedPart,
            format!("official accounts take no media of kind {}", file.kind),
        ));
    };
    let mime = file
        .mime
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let Some((_, extension)) = limit.formats.iter().find(|(known, _)| *known == mime) else {
        let known: Vec<_> = limit.formats.iter().map(|(mime, _)| *mime).collect();
        return Err(Fault::new(
            Code::UnsupportedPart,
            format!("{} must be one of {}, not {mime}", file.kind, known.join(", ")),
        ));
    };
    if file.bytes.is_empty() {
        return Err(Fault::new(Code::InvalidRequest, "the file is empty"));
    }
    if file.bytes.len() as u64 > limit.max_bytes {
        return Err(Fault::new(
            Code::MediaTooLarge,
            format!(
                "{} may have {} bytes, this has {}",
                file.kind,
                limit.max_bytes,
                file.bytes.len()
            ),
        ));
    }
    Ok(Call {
        method: Method::Post,
        path: UPLOAD_PATH,
        query: vec![("type", file.kind.to_owned())],
        body: CallBody::File {
            name: file_name(&file.name, extension),
            mime,
            bytes: file.bytes.clone(),
        },
    })
}

/// The platform judges a file by the ending of its name (40005), so the ending is the one of its kind; no path, no quotes.
fn file_name(name: &str, extension: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|c| !c.is_control() && !"\"<>|:*?;".contains(*c))
        .take(80)
        .collect();
    let name = name.trim().trim_matches('.');
    let stem = if name.is_empty() { "media" } else { name };
    let ends = stem
        .rsplit_once('.')
        .is_some_and(|(_, ending)| ending.eq_ignore_ascii_case(extension));
    if ends {
        stem.to_owned()
    } else {
        format!("{stem}.{extension}")
    }
}
