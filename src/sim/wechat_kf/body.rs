//! What of a message reaches the customer? Every kind of `kf/send_msg` with its limits (/document/path/94677).

use serde_json::{Value, json};

use crate::sim::{
    refusal::Refusal,
    weixin::{required, text_of},
    world::World,
};

const TEXT: usize = 2048;

/// The kind and what the phone shows of it, or why the platform refuses it.
pub fn shown(world: &World, id: &str, body: &Value) -> Result<(String, Value), Refusal> {
    let kind = text_of(body, "msgtype").ok_or_else(|| Refusal::code(40008))?;
    let content = body.get(kind).filter(|content| content.is_object());
    let missing = || Refusal::new(40058, format!("invalid parameter: {kind}"));
    let content = content.ok_or_else(missing)?;
    let see = |kind: &str, field: &str| medium(world, id, kind, content, field);
    let seen = match kind {
        "text" => json!({ "text": bounded(content, "content", TEXT)? }),
        "image" => json!({ "media": see("image", "media_id")? }),
        "voice" => json!({ "media": see("voice", "media_id")? }),
        "video" => json!({ "media": see("video", "media_id")? }),
        "file" => json!({ "media": see("file", "media_id")?, "name": file_name(world, content) }),
        "link" => link(content, see("image", "thumb_media_id")?)?,
        "miniprogram" => mini_program(content, see("image", "thumb_media_id")?)?,
        "msgmenu" => menu(content)?,
        "location" => location(content)?,
        "business_card" => json!({ "userid": required_or(content, "userid")? }),
        "ca_link" => json!({ "url": required_or(content, "link_url")? }),
        _ => return Err(Refusal::code(40008)),
    };
    Ok((kind.to_owned(), seen))
}

fn required_or<'a>(content: &'a Value, field: &str) -> Result<&'a str, Refusal> {
    required(content, field).map_err(|no| Refusal::new(40058, no.text))
}

/// A string that is there and not longer than so many bytes.
fn bounded<'a>(content: &'a Value, field: &str, most: usize) -> Result<&'a str, Refusal> {
    let text = required_or(content, field)?;
    within(text, field, most)
}

/// A string that may be left out.
fn optional<'a>(content: &'a Value, field: &str, most: usize) -> Result<&'a str, Refusal> {
    within(text_of(content, field).unwrap_or_default(), field, most)
}

fn within<'a>(text: &'a str, field: &str, most: usize) -> Result<&'a str, Refusal> {
    if text.len() > most {
        return Err(Refusal::new(45002, format!("content size out of limit: {field}")));
    }
    Ok(text)
}

/// Where the phone fetches a medium of the right kind, out of the company's.
fn medium(world: &World, id: &str, kind: &str, content: &Value, field: &str) -> Result<String, Refusal> {
    let corp = world
        .agents
        .get(id)
        .map(|agent| agent.corp_id.as_str())
        .unwrap_or_default();
    let media_id = required_or(content, field)?;
    let medium = world.medium(corp, media_id).ok_or_else(|| Refusal::code(40007))?;
    if medium.kind == kind {
        Ok(format!("/sim/v1/media/{media_id}"))
    } else {
        Err(Refusal::code(40007))
    }
}

fn file_name(world: &World, content: &Value) -> Option<String> {
    let media_id = text_of(content, "media_id")?;
    world.media.get(media_id).map(|medium| medium.name.clone())
}

fn web(url: &str) -> Result<&str, Refusal> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url)
    } else {
        Err(Refusal::new(40058, "invalid url"))
    }
}

fn link(content: &Value, thumb: String) -> Result<Value, Refusal> {
    Ok(json!({
        "title": bounded(content, "title", 128)?,
        "description": optional(content, "desc", 512)?,
        "url": web(bounded(content, "url", 2048)?)?,
        "thumb": thumb,
    }))
}

/// The page must carry `.html` before its query.
fn mini_program(content: &Value, thumb: String) -> Result<Value, Refusal> {
    let path = required_or(content, "pagepath")?;
    let page = path.split('?').next().unwrap_or_default();
    if !page.ends_with(".html") {
        return Err(Refusal::new(40058, "invalid pagepath"));
    }
    Ok(json!({
        "app_id": app_id(content)?,
        "title": optional(content, "title", 64)?,
        "path": path,
        "thumb": thumb,
    }))
}

fn app_id(content: &Value) -> Result<&str, Refusal> {
    let app_id = required_or(content, "appid")?;
    if app_id.starts_with("wx") && app_id.len() <= 32 {
        Ok(app_id)
    } else {
        Err(Refusal::new(90207, "invalid appid"))
    }
}

/// `msgmenu`, here and on events.
pub fn menu(content: &Value) -> Result<Value, Refusal> {
    let list = content.get("list").and_then(Value::as_array);
    let list = list.map(Vec::as_slice).unwrap_or_default();
    if list.len() > 10 {
        return Err(Refusal::code(95008));
    }
    let items = list.iter().map(item).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(json!({
        "head": optional(content, "head_content", 1024)?,
        "items": items,
        "tail": optional(content, "tail_content", 1024)?,
    }))
}

fn item(item: &Value) -> Result<Value, Refusal> {
    let kind = text_of(item, "type").unwrap_or_default();
    let inside = item.get(kind).unwrap_or(&Value::Null);
    match kind {
        "click" => Ok(json!({
            "id": bounded(inside, "id", 128)?,
            "text": bounded(inside, "content", 128)?,
        })),
        "view" => Ok(json!({
            "url": bounded(inside, "url", 2048)?,
            "text": bounded(inside, "content", 1024)?,
        })),
        "miniprogram" => Ok(json!({
            "app_id": app_id(inside)?,
            "path": bounded(inside, "pagepath", 1024)?,
            "text": bounded(inside, "content", 1024)?,
        })),
        "text" => Ok(json!({ "text": bounded(inside, "content", 256)? })),
        _ => Err(Refusal::code(95009)),
    }
}

fn location(content: &Value) -> Result<Value, Refusal> {
    let number = |field: &str| {
        let found = content.get(field).and_then(Value::as_f64);
        found.ok_or_else(|| Refusal::new(40058, format!("invalid parameter: {field}")))
    };
    Ok(json!({
        "latitude": number("latitude")?,
        "longitude": number("longitude")?,
        "label": text_of(content, "name").or_else(|| text_of(content, "address")),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Refusal, World, menu, shown};

    fn code(body: &Value) -> i64 {
        shown(&World::default(), "ww1-kf", body).err().map_or(0, |no| no.code)
    }

    #[test]
    fn each_kind_has_its_limits() {
        let text = |count: usize| json!({ "msgtype": "text", "text": { "content": "x".repeat(count) } });
        assert_eq!(
            (code(&text(2048)), code(&text(2049)), code(&text(0))),
            (0, 45002, 40058)
        );
        assert_eq!(
            code(&json!({ "msgtype": "image", "image": { "media_id": "none" } })),
            40007
        );
        assert_eq!(code(&json!({ "msgtype": "music", "music": {} })), 40008);
        assert_eq!(code(&json!({ "msgtype": "text" })), 40058);
        let place = json!({ "msgtype": "location", "location": { "latitude": "23", "longitude": 1.0 } });
        assert_eq!(code(&place), 40058, "numbers, not texts");
        let link = json!({ "msgtype": "link", "link": { "title": "t", "url": "https://example.org" } });
        assert_eq!(code(&link), 40058, "a link needs its picture");
    }

    #[test]
    fn a_menu_has_at_most_ten_items_of_four_kinds() {
        let click = json!({ "type": "click", "click": { "id": "1", "content": "一" } });
        let list = |count: usize| json!({ "list": vec![click.clone(); count] });
        assert!(menu(&list(10)).is_ok());
        assert_eq!(menu(&list(11)), Err(Refusal::code(95008)));
        assert_eq!(
            menu(&json!({ "list": [{ "type": "card" }] })),
            Err(Refusal::code(95009))
        );
        let long = json!({ "list": [{ "type": "click", "click": { "id": "1", "content": "字".repeat(43) } }] });
        assert_eq!(menu(&long).err().map(|no| no.code), Some(45002));
        let told = menu(&json!({ "head_content": "h", "list": [{ "type": "text", "text": { "content": "t" } }] }));
        assert_eq!(told.expect("a menu")["items"][0]["text"], "t");
    }
}
