//! What is a piece, or a file, as a call to the platform?

use serde_json::{Map, Value};

use crate::{
    channels::contract::{MediaLimit, Piece, Upload},
    error::{Code, Fault},
    ports::platform::{Call, CallBody, Method},
    text::{self, clean},
};

/// Not a part of the schema: the sign that somebody types.
pub const TYPING: &str = "typing";

/// The customer-service calls of `api.weixin.qq.com`, the same for official accounts and mini-programs.
pub const SEND_PATH: &str = "/cgi-bin/message/custom/send";
pub const TYPING_PATH: &str = "/cgi-bin/message/custom/typing";

/// The piece as a customer-service message to `recipient`: raw UTF-8, `touser` first.
pub fn customer_service(piece: &Piece, recipient: &str) -> Call {
    let path = if piece.part_type == TYPING {
        TYPING_PATH
    } else {
        SEND_PATH
    };
    Call::post(path, body(&piece.native, &[("touser", recipient.into())]))
}

/// A piece's body behind our own fields, the recipient first of all. Written by hand because the order is part of the
/// promise: ours, the kind, then the rest by name; names that begin with `_` stay here.
pub fn body(native: &Value, ours: &[(&str, Value)]) -> String {
    let empty = Map::new();
    let fields = native.as_object().unwrap_or(&empty);
    let is_ours = |name: &str| ours.iter().any(|(own, _)| *own == name);
    let first = ours.iter().map(|(name, value)| (*name, value));
    let native = fields.iter().map(|(name, value)| (name.as_str(), value));
    let native = native.filter(|(name, _)| !is_ours(name) && !name.starts_with('_'));
    let (kind, rest): (Vec<_>, Vec<_>) = native.partition(|(name, _)| *name == "msgtype");
    let members: Vec<String> = (first.chain(kind).chain(rest))
        .map(|(name, value)| format!("{}:{}", Value::from(clean(name)), cleaned(value)))
        .collect();
    format!("{{{}}}", members.join(","))
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

/// The upload of one file as `kind` of the platform's, or why it cannot go; `limits` are those of the channel of which one
/// speaks as `noun`.
pub fn upload(limits: &[MediaLimit], noun: &str, kind: &str, file: &Upload) -> Result<Call, Fault> {
    let (name, mime) = checked(limits, noun, file)?;
    Ok(Call {
        method: Method::Post,
        path: "/cgi-bin/media/upload",
        query: vec![("type", kind.to_owned())],
        body: CallBody::File {
            name,
            mime,
            bytes: file.bytes.clone(),
        },
    })
}

/// A file that the platform takes: its name as the platform wants it, and its kind; or why not.
fn checked(limits: &[MediaLimit], noun: &str, file: &Upload) -> Result<(String, String), Fault> {
    let Some(limit) = limits.iter().find(|limit| limit.kind == file.kind) else {
        return Err(Fault::new(
            Code::UnsupportedPart,
            format!("{noun} take no media of kind {}", file.kind),
        ));
    };
    let mime = file
        .mime
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !limit.takes(&mime) {
        let known: Vec<_> = limit.formats.iter().map(|(mime, _)| *mime).collect();
        return Err(Fault::new(
            Code::UnsupportedPart,
            format!("{} must be one of {}, not {mime}", file.kind, known.join(", ")),
        ));
    }
    let known = limit.formats.iter().find(|(known, _)| *known == mime);
    let extension = known.map_or("", |(_, extension)| extension);
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
    Ok((file_name(&file.name, extension), mime))
}

/// The platform judges a file by the ending of its name (40005), so the ending is the one of its kind, where kinds
/// are told apart; no path, no quotes.
pub fn file_name(name: &str, extension: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name
        .chars()
        .filter(|c| text::shows(*c) && !"\"<>|:*?;".contains(*c))
        .take(80)
        .collect();
    let name = name.trim().trim_matches('.');
    let stem = if name.is_empty() { "media" } else { name };
    if extension.is_empty() {
        return stem.to_owned();
    }
    let ends = stem
        .rsplit_once('.')
        .is_some_and(|(_, ending)| ending.eq_ignore_ascii_case(extension));
    if ends {
        stem.to_owned()
    } else {
        format!("{stem}.{extension}")
    }
}
