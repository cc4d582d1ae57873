//! May this message go out? `custom/send` with every check the platform makes, and `custom/typing`
//! (/doc/subscription/api/customer/message/).

use serde_json::{Value, json};

use super::{Account, Allowance, service::verified};
use crate::sim::{
    door::Request,
    mini_program, official_account,
    phone::Entry,
    refusal::Refusal,
    world::{Channel, World},
};

/// In one message, and in a passive reply.
pub const MAX_TEXT: usize = 2048;
const TYPING_LASTS: i64 = 15_000;
const TYPING_AFTER: i64 = 30_000;

/// `POST /cgi-bin/message/custom/send`.
pub fn send(world: &mut World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    if escapes_text(call.body) {
        return Err(Refusal::code(40033));
    }
    let openid = recipient(world, app_id, &body)?;
    let account = verified(world, app_id)?;
    let kind = text_of(&body, "msgtype").ok_or_else(|| Refusal::code(40008))?;
    let content = body.get(kind).filter(|content| content.is_object());
    let shown = match account.channel {
        Channel::MiniProgram => mini_program::shown(world, account, kind, content)?,
        _ => official_account::shown(world, account, kind, content)?,
    };
    let agent = agent(account, &body)?;
    let punished = account.punished;
    let now = world.now();
    let seq = world.number();
    let customer = world
        .customer_mut(app_id, &openid)
        .ok_or_else(|| Refusal::code(40003))?;
    mini_program::may_greet(punished, customer.allowance)?;
    Allowance::spend(&mut customer.allowance, now)?;
    let mut entry = Entry::account(kind, "api", shown);
    if let Value::Object(content) = &mut entry.content {
        if let Some(agent) = agent {
            content.insert("agent".to_owned(), agent.into());
        }
        if body.pointer("/aimsgcontext/is_ai_msg") == Some(&json!(1)) {
            content.insert("ai".to_owned(), true.into());
        }
    }
    customer.show(seq, now, entry);
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

/// `POST /cgi-bin/message/custom/typing`.
pub fn typing(world: &mut World, app_id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let openid = recipient(world, app_id, &body)?;
    verified(world, app_id)?;
    let now = world.now();
    let customer = world
        .customer_mut(app_id, &openid)
        .ok_or_else(|| Refusal::code(40003))?;
    match text_of(&body, "command") {
        Some("Typing") if now - customer.acted > TYPING_AFTER => return Err(Refusal::code(45080)),
        Some("Typing") if customer.typing_until > now => return Err(Refusal::code(45081)),
        Some("Typing") => customer.typing_until = now + TYPING_LASTS,
        Some("CancelTyping") => customer.typing_until = 0,
        _ => return Err(Refusal::code(45072)),
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok" }))
}

/// A customer of this account who can be written to.
fn recipient(world: &World, app_id: &str, body: &Value) -> Result<String, Refusal> {
    let of_mini_program = verified(world, app_id)?.channel == Channel::MiniProgram;
    let openid = text_of(body, "touser").ok_or_else(|| Refusal::code(40003))?;
    let customer = world.customer(app_id, openid).ok_or_else(|| Refusal::code(40003))?;
    if !customer.follows && !of_mini_program {
        return Err(Refusal::code(43004));
    }
    if customer.blocked {
        return Err(Refusal::code(43019));
    }
    if customer.refuses {
        return Err(Refusal::code(48002));
    }
    Ok(openid.to_owned())
}

/// A string of a JSON object.
pub fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// `\uXXXX` for what is not ASCII, which the platform does not take.
fn escapes_text(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\\') {
        let mut after = rest.get(at + 1..).unwrap_or_default().chars();
        let escaped = after.next();
        if escaped == Some('u') {
            let digits: String = after.by_ref().take(4).collect();
            if u32::from_str_radix(&digits, 16).is_ok_and(|code| code >= 0x80) {
                return true;
            }
        }
        rest = after.as_str();
    }
    false
}

fn agent(account: &Account, body: &Value) -> Result<Option<String>, Refusal> {
    let Some(named) = body.get("customservice") else {
        return Ok(None);
    };
    text_of(named, "kf_account")
        .filter(|name| account.agents.iter().any(|agent| agent == name))
        .map(|name| Some(name.to_owned()))
        .ok_or_else(|| Refusal::code(61452))
}

/// A string that may not be empty.
pub fn required<'a>(content: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    text_of(content, field)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::new(40035, format!("invalid parameter: {field}")))
}

fn required_media<'a>(content: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    text_of(content, field)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::code(41006))
}

/// Where the phone fetches a medium of the right kind. The kinds `thumb` and `image` stand in for each other.
pub fn medium(world: &World, account: &Account, kind: &str, content: &Value, field: &str) -> Result<String, Refusal> {
    let id = required_media(content, field)?;
    let medium = world.medium(&account.app_id, id).ok_or_else(|| Refusal::code(40007))?;
    let picture = |kind: &str| kind == "image" || kind == "thumb";
    if medium.kind == kind || picture(kind) && picture(&medium.kind) {
        Ok(format!("/sim/v1/media/{id}"))
    } else {
        Err(Refusal::code(40007))
    }
}

#[cfg(test)]
mod tests {
    use super::escapes_text;

    #[test]
    fn only_escapes_of_what_is_not_ascii_count() {
        assert!(escapes_text(br#"{"content":"\u4f60"}"#));
        assert!(escapes_text(br#"{"content":"a\\\u00e9"}"#));
        assert!(!escapes_text(br#"{"content":"\\u4f60"}"#));
        assert!(!escapes_text(br#"{"content":"\u0007 \n"}"#));
        assert!(!escapes_text("{\"content\":\"您好\"}".as_bytes()));
    }
}
