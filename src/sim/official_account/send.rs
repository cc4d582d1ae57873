//! May this message go out? `custom/send` with every check the platform makes, and `custom/typing`
//! (/doc/subscription/api/customer/message/).

use serde_json::{Value, json};

use super::{account::Account, allowance::Allowance, api::Request, refusal::Refusal, service::verified};
use crate::sim::{phone::Entry, world::World};

const MAX_TEXT: usize = 2048;
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
    let shown = shown(world, account, kind, content)?;
    let agent = agent(account, &body)?;
    let now = world.now();
    let seq = world.number();
    let customer = world
        .customer_mut(app_id, &openid)
        .ok_or_else(|| Refusal::code(40003))?;
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
    verified(world, app_id)?;
    let openid = text_of(body, "touser").ok_or_else(|| Refusal::code(40003))?;
    let customer = world.customer(app_id, openid).ok_or_else(|| Refusal::code(40003))?;
    if !customer.follows {
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

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
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

/// What the customer will see of a body, or why the platform refuses it.
fn shown(world: &World, account: &Account, kind: &str, content: Option<&Value>) -> Result<Value, Refusal> {
    const KINDS: [&str; 12] = [
        "text",
        "image",
        "voice",
        "video",
        "music",
        "news",
        "mpnews",
        "mpnewsarticle",
        "msgmenu",
        "wxcard",
        "miniprogrampage",
        "link",
    ];
    if !KINDS.contains(&kind) {
        return Err(Refusal::code(40008));
    }
    let empty = if kind == "text" { 44004 } else { 40035 };
    let content = content.ok_or_else(|| Refusal::code(empty))?;
    let see = |kind: &str, field: &str| medium(world, account, kind, content, field);
    match kind {
        "text" => text(account, content),
        "image" => Ok(json!({ "media": see("image", "media_id")? })),
        "voice" => Ok(json!({ "media": see("voice", "media_id")? })),
        "video" => Ok(json!({
            "media": see("video", "media_id")?,
            "thumb": see("thumb", "thumb_media_id")?,
            "title": text_of(content, "title"),
            "description": text_of(content, "description"),
        })),
        "music" => Ok(json!({
            "url": required(content, "musicurl")?,
            "hq_url": required(content, "hqmusicurl")?,
            "thumb": see("thumb", "thumb_media_id")?,
            "title": text_of(content, "title"),
            "description": text_of(content, "description"),
        })),
        "news" => news(content),
        "mpnews" => Ok(json!({ "id": required_media(content, "media_id")? })),
        "mpnewsarticle" => Ok(json!({ "id": required(content, "article_id")? })),
        "msgmenu" => menu(content),
        "wxcard" => Ok(json!({ "id": required(content, "card_id")? })),
        "miniprogrampage" => mini_program(account, content, see("thumb", "thumb_media_id")),
        // Only mini-programs may send it.
        _ => Err(Refusal::code(45050)),
    }
}

fn text(account: &Account, content: &Value) -> Result<Value, Refusal> {
    let text = text_of(content, "content").filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Refusal::code(44004))?;
    if text.len() > MAX_TEXT {
        return Err(Refusal::code(45002));
    }
    if let Some((_, rest)) = text.split_once("data-miniprogram-appid=\"") {
        let app = rest.split('"').next().unwrap_or_default();
        if !linked(account, app) {
            return Err(Refusal::code(45086));
        }
    }
    Ok(json!({ "text": text }))
}

fn linked(account: &Account, app_id: &str) -> bool {
    account.mini_programs.is_empty() || account.mini_programs.iter().any(|linked| linked == app_id)
}

fn required<'a>(content: &'a Value, field: &str) -> Result<&'a str, Refusal> {
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
fn medium(world: &World, account: &Account, kind: &str, content: &Value, field: &str) -> Result<String, Refusal> {
    let id = required_media(content, field)?;
    let medium = world.medium(&account.app_id, id).ok_or_else(|| Refusal::code(40007))?;
    let picture = |kind: &str| kind == "image" || kind == "thumb";
    if medium.kind == kind || picture(kind) && picture(&medium.kind) {
        Ok(format!("/sim/v1/media/{id}"))
    } else {
        Err(Refusal::code(40007))
    }
}

fn news(content: &Value) -> Result<Value, Refusal> {
    let articles = content.get("articles").and_then(Value::as_array);
    match articles.map(Vec::as_slice) {
        None | Some([]) => Err(Refusal::code(44003)),
        Some([article]) => Ok(json!({ "articles": [{
            "title": required(article, "title")?,
            "description": text_of(article, "description"),
            "url": text_of(article, "url"),
            "picture": text_of(article, "picurl"),
        }] })),
        Some(_) => Err(Refusal::code(45008)),
    }
}

fn menu(content: &Value) -> Result<Value, Refusal> {
    let outside = |name: &str| match text_of(content, name) {
        Some(text) if text.len() > MAX_TEXT => Err(Refusal::code(45098)),
        other => Ok(other.unwrap_or_default().to_owned()),
    };
    let list = content.get("list").and_then(Value::as_array);
    let list = list
        .filter(|list| !list.is_empty())
        .ok_or_else(|| Refusal::code(45099))?;
    let items = list
        .iter()
        .map(|item| Ok(json!({ "id": required(item, "id")?, "text": required(item, "content")? })))
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(json!({ "head": outside("head_content")?, "items": items, "tail": outside("tail_content")? }))
}

fn mini_program(account: &Account, content: &Value, thumb: Result<String, Refusal>) -> Result<Value, Refusal> {
    let app_id = required(content, "appid")?;
    if !linked(account, app_id) {
        return Err(Refusal::code(45064));
    }
    Ok(json!({
        "title": required(content, "title")?,
        "app_id": app_id,
        "path": required(content, "pagepath")?,
        "thumb": thumb?,
    }))
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
