//! What does an answer of the platform mean for the message that caused it?
//!
//! The platform answers HTTP 200 to almost everything; `errcode` inside is the result. The numbers stand
//! in each channel's table.

use serde_json::Value;

use super::codes::{self, Class, Row, Table};
use crate::{channels::contract::Verdict, error::Code, ports::platform::Answer, schema::v1};

/// Judges the answer to any call. Only what is said `once`, a message, must not be repeated: every other call may be, when
/// its answer is broken, and its good answer need not have an `errcode`.
pub fn judge(table: Table, once: bool, answer: &Answer) -> Verdict {
    match read(answer) {
        Reading::Ok(body) => Verdict::Done {
            message_id: message_id(&body),
        },
        Reading::NoCode(_) if once => unclear("the answer has no errcode"),
        Reading::NoCode(_) => Verdict::Done { message_id: None },
        Reading::Refused(refusal) => verdict(table, &refusal),
        Reading::Broken(why) if once => unclear(&why),
        Reading::Broken(why) => down(&why),
        Reading::Status(status) => refused_by_http(status),
    }
}

/// The media id of an upload.
pub fn uploaded(table: Table, answer: &Answer) -> Result<String, Verdict> {
    match read_repeatable(answer)? {
        Reading::Ok(body) | Reading::NoCode(body) => ["media_id", "thumb_media_id"]
            .iter()
            .find_map(|name| body.get(name).and_then(Value::as_str))
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| down("the answer to an upload has no media_id")),
        Reading::Refused(refusal) => Err(verdict(table, &refusal)),
        Reading::Broken(why) => Err(down(&why)),
        Reading::Status(status) => Err(refused_by_http(status)),
    }
}

/// Refusals with one of these numbers say: what was wanted is so, or does not matter.
pub fn swallow(harmless: &[i32], verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Failed { error, .. } if harmless.contains(&error.platform_code) => Verdict::Done { message_id: None },
        other => other,
    }
}

/// What an answer can hold.
pub enum Reading {
    /// `errcode` 0.
    Ok(Value),
    /// JSON without `errcode`: the good answer of a token call or an upload.
    NoCode(Value),
    Refused(Refusal),
    /// Complete, but of a broken server, or not readable.
    Broken(String),
    /// Another status than 200 and no `errcode`.
    Status(u16),
}

/// `errcode` and `errmsg`.
pub struct Refusal {
    pub code: i64,
    pub message: String,
    /// The platform's own name of the failed call, shown to operators.
    pub rid: String,
}

/// What stands in an answer of `api.weixin.qq.com` or `qyapi.weixin.qq.com`.
pub fn read(answer: &Answer) -> Reading {
    if answer.status >= 500 {
        return Reading::Broken(format!("the platform answered HTTP {}", answer.status));
    }
    let body = serde_json::from_slice::<Value>(strip_bom(&answer.body))
        .ok()
        .filter(Value::is_object);
    let code = body.as_ref().and_then(|body| body.get("errcode")).and_then(number);
    match (body, code) {
        (Some(body), Some(0)) if answer.status == 200 => Reading::Ok(body),
        (Some(body), Some(code)) if code != 0 => Reading::Refused(refusal(code, &body)),
        (Some(body), None) if answer.status == 200 => Reading::NoCode(body),
        (None, _) if answer.status == 200 => Reading::Broken("the answer is not JSON".into()),
        _ => Reading::Status(answer.status),
    }
}

/// For calls that may be made twice without harm: a broken answer is worth another try.
pub fn read_repeatable(answer: &Answer) -> Result<Reading, Verdict> {
    match read(answer) {
        Reading::Broken(why) => Err(down(&why)),
        other => Ok(other),
    }
}

fn strip_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// A number, also where it is written as text.
pub fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn refusal(code: i64, body: &Value) -> Refusal {
    let text = body.get("errmsg").and_then(Value::as_str).unwrap_or_default();
    let (message, rid) = match text.find("rid:") {
        Some(at) => (text[..at].trim_end(), text[at + "rid:".len()..].trim()),
        None => (text.trim(), ""),
    };
    Refusal {
        code,
        message: message.to_owned(),
        rid: rid.to_owned(),
    }
}

fn message_id(body: &Value) -> Option<String> {
    match body.get("msgid")? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// What a refusal means.
pub fn verdict(table: Table, refusal: &Refusal) -> Verdict {
    let Some(row) = codes::row(table, refusal.code) else {
        return Verdict::Failed {
            error: unknown(refusal),
            learned: None,
        };
    };
    let error = error(refusal, row);
    match row.class {
        Class::Retry | Class::NextMinute | Class::Blocked => Verdict::RetryLater(error),
        Class::Token => Verdict::RefreshToken(error),
        Class::Upload => Verdict::UploadAgain(error),
        Class::Final => Verdict::Failed {
            error,
            learned: row.learned,
        },
    }
}

/// A refusal in our words.
pub fn error(refusal: &Refusal, row: &Row) -> v1::Error {
    let address = (row.code == Code::IpNotAllowed)
        .then(|| address(&refusal.message))
        .flatten();
    let remedy = match address {
        Some(ip) => format!("{} ({ip}) / {}（{ip}）", row.remedy_en, row.remedy_zh),
        None => remedy(row),
    };
    v1::Error {
        code: row.code.name().into(),
        platform_code: platform_code(refusal.code),
        platform_message: refusal.message.clone(),
        retryable: row.class != Class::Final,
        remedy,
    }
}

/// What helps, in both languages.
pub fn remedy(row: &Row) -> String {
    format!("{} / {}", row.remedy_en, row.remedy_zh)
}

/// A code that no page knows: a plain refusal, so the same request would be refused again.
fn unknown(refusal: &Refusal) -> v1::Error {
    let rid = if refusal.rid.is_empty() { "none" } else { &refusal.rid };
    v1::Error {
        code: Code::InvalidRequest.name().into(),
        platform_code: platform_code(refusal.code),
        platform_message: refusal.message.clone(),
        retryable: false,
        remedy: format!(
            "the platform refused with a code we do not know; look it up with this rid: {rid} / 平台返回了未知错误码，请用rid查询：{rid}"
        ),
    }
}

fn platform_code(code: i64) -> i32 {
    i32::try_from(code).unwrap_or(i32::MAX)
}

/// The address in `invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist`.
fn address(message: &str) -> Option<std::net::IpAddr> {
    message
        .split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'))
        .find_map(|word| word.trim_matches('.').parse().ok())
}

fn ours(code: Code, detail: &str, retryable: bool, remedy: &str) -> v1::Error {
    v1::Error {
        code: code.name().into(),
        platform_message: detail.to_owned(),
        retryable,
        remedy: remedy.to_owned(),
        ..Default::default()
    }
}

/// It may or may not have arrived.
pub fn unclear(why: &str) -> Verdict {
    Verdict::Unknown(ours(
        Code::Ambiguous,
        why,
        false,
        "the message may have arrived: look into the chat before you send it again / 消息可能已送达：重发前请先查看聊天记录",
    ))
}

/// Worth another try.
pub fn down(why: &str) -> Verdict {
    Verdict::RetryLater(ours(
        Code::PlatformDown,
        why,
        true,
        "nothing to do; if it lasts, check api_base and the platform's notices / 无需处理；若持续出现请检查api_base及平台公告",
    ))
}

/// A status in front of the platform's own answers: a gateway, a proxy, a wrong `api_base`. Nothing was sent.
pub fn refused_by_http(status: u16) -> Verdict {
    let why = format!("HTTP {status} without an errcode");
    match status {
        408 => unclear(&why),
        429 => Verdict::RetryLater(ours(
            Code::RateLimited,
            &why,
            true,
            "nothing to do: sent again / 无需处理：稍后自动重发",
        )),
        _ => Verdict::Failed {
            error: ours(
                Code::PlatformDown,
                &why,
                false,
                "check api_base: something other than the platform answers there / 请检查api_base：应答的不是微信平台",
            ),
            learned: None,
        },
    }
}
