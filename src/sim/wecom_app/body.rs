//! What of a message reaches a member? Every kind of `message/send`; texts that are too long are cut
//! (/document/path/90236).

use serde_json::{Value, json};

use super::card;
use crate::sim::{
    push::cut,
    refusal::Refusal,
    wecom::Agent,
    weixin::{required, text_of},
    world::World,
};

const TEXT: usize = 2048;
const TITLE: usize = 128;
const DESCRIPTION: usize = 512;

/// What the phone shows of a body, or why the platform refuses it.
pub fn shown(world: &World, agent: &Agent, kind: &str, content: &Value) -> Result<Value, Refusal> {
    let see = |kind: &str| medium(world, agent, kind, content, "media_id");
    match kind {
        "text" | "markdown" => {
            let text = text_of(content, "content").filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| Refusal::code(44004))?;
            Ok(json!({ "text": cut(text, TEXT) }))
        }
        "image" => Ok(json!({ "media": see("image")? })),
        "voice" => Ok(json!({ "media": see("voice")? })),
        "video" => Ok(json!({
            "media": see("video")?,
            "title": text_of(content, "title").map(|text| cut(text, TITLE)),
            "description": text_of(content, "description").map(|text| cut(text, DESCRIPTION)),
        })),
        "file" => {
            let media = see("file")?;
            let name = text_of(content, "media_id").and_then(|id| world.media.get(id));
            Ok(json!({ "media": media, "name": name.map(|medium| medium.name.clone()) }))
        }
        "textcard" => Ok(json!({
            "title": cut(required(content, "title")?, TITLE),
            "description": cut(required(content, "description")?, DESCRIPTION),
            "url": required(content, "url")?,
            "button": text_of(content, "btntxt"),
        })),
        "news" => articles(content, article),
        "mpnews" => articles(content, |one| {
            medium(world, agent, "image", one, "thumb_media_id")?;
            required(one, "content")?;
            article_with(one, text_of(one, "digest"), text_of(one, "content_source_url"))
        }),
        "miniprogram_notice" => notice(content),
        "template_card" => card::shown(content),
        _ => Err(Refusal::code(40008)),
    }
}

/// Where the phone fetches a medium of the right kind, out of the company's.
fn medium(world: &World, agent: &Agent, kind: &str, content: &Value, field: &str) -> Result<String, Refusal> {
    let id = text_of(content, field).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refusal::code(41006))?;
    let medium = world.medium(&agent.corp_id, id).ok_or_else(|| Refusal::code(40007))?;
    if medium.kind == kind {
        Ok(format!("/sim/v1/media/{id}"))
    } else {
        Err(Refusal::code(40007))
    }
}

fn articles(content: &Value, read: impl Fn(&Value) -> Result<Value, Refusal>) -> Result<Value, Refusal> {
    let list = content.get("articles").and_then(Value::as_array);
    let list = list.map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return Err(Refusal::code(44003));
    }
    if list.len() > 8 {
        return Err(Refusal::code(45008));
    }
    let list = list.iter().map(read).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(json!({ "articles": list }))
}

/// An address, or a page of a mini-program.
fn article(one: &Value) -> Result<Value, Refusal> {
    if text_of(one, "appid").is_none() {
        required(one, "url")?;
    }
    article_with(one, text_of(one, "description"), text_of(one, "url"))
}

fn article_with(one: &Value, description: Option<&str>, url: Option<&str>) -> Result<Value, Refusal> {
    Ok(json!({
        "title": cut(required(one, "title")?, TITLE),
        "description": description.map(|text| cut(text, DESCRIPTION)),
        "url": url,
        "picture": text_of(one, "picurl"),
    }))
}

fn notice(content: &Value) -> Result<Value, Refusal> {
    let title = required(content, "title")?;
    if !(4..=12).contains(&title.chars().count()) {
        return Err(Refusal::new(40035, "invalid parameter: title"));
    }
    let items = content.get("content_item").and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    if items.len() > 10 {
        return Err(Refusal::new(40035, "invalid parameter: content_item"));
    }
    Ok(json!({
        "title": title,
        "description": text_of(content, "description"),
        "path": text_of(content, "page"),
        "app_id": required(content, "appid")?,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Agent, World, shown};
    use crate::sim::{platform::Platform, world::Channel};

    fn ask(kind: &str, content: &Value) -> Result<Value, i64> {
        let platform = Platform::new().expect("a platform");
        let agent = Agent::new(&platform, Channel::WecomApp);
        shown(&World::default(), &agent, kind, content).map_err(|no| no.code)
    }

    #[test]
    fn a_text_is_cut_where_other_hosts_refuse_it() {
        let long = json!({ "content": "字".repeat(700) });
        let seen = ask("text", &long).expect("it is sent");
        assert_eq!(seen["text"].as_str().map(str::len), Some(2046), "whole characters");
        assert_eq!(ask("text", &json!({ "content": "" })), Err(44004));
    }

    #[test]
    fn every_kind_has_its_checks() {
        assert_eq!(ask("image", &json!({ "media_id": "none" })), Err(40007));
        assert_eq!(ask("news", &json!({ "articles": [] })), Err(44003));
        let one = json!({ "title": "t", "url": "https://example.org" });
        assert!(ask("news", &json!({ "articles": vec![one.clone(); 8] })).is_ok());
        assert_eq!(ask("news", &json!({ "articles": vec![one; 9] })), Err(45008));
        assert_eq!(ask("textcard", &json!({ "title": "t", "url": "u" })), Err(40035));
        assert_eq!(ask("music", &json!({})), Err(40008));
        assert_eq!(
            ask("miniprogram_notice", &json!({ "appid": "wx1", "title": "短" })),
            Err(40035)
        );
        assert!(ask("markdown", &json!({ "content": "**x**" })).is_ok());
    }
}
