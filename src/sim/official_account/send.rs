//! What of a message reaches a follower? Twelve kinds, each with its checks (/doc/subscription/api/customer/message/).

use serde_json::{Value, json};

use crate::sim::{
    refusal::Refusal,
    weixin::{Account, MAX_TEXT, medium, required, text_of},
    world::World,
};

/// What the customer will see of a body, or why the platform refuses it.
pub fn shown(world: &World, account: &Account, kind: &str, content: Option<&Value>) -> Result<Value, Refusal> {
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
        "mpnews" => match text_of(content, "media_id").filter(|id| !id.is_empty()) {
            Some(id) => Ok(json!({ "id": id })),
            None => Err(Refusal::code(41006)),
        },
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
