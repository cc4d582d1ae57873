//! What does a piece look like as an answer inside the request, before it is sealed?
//!
//! <https://developer.work.weixin.qq.com/document/path/90241>

use serde_json::Value;

use super::{API_ONLY, CLICKED, WELCOME_CODE, template, text_of};
use crate::{
    channels::{
        common::render::xml::{answer, element, optional, wrap},
        contract::{PassiveTo, Piece},
        wecom_app::limits::ARTICLES,
    },
    ports::clock::Millis,
    text,
};

/// The answer as XML; `None` where the piece cannot ride here.
pub fn passive(piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
    let native = &piece.native;
    if native.get(API_ONLY).is_some() || native.get(WELCOME_CODE).is_some() {
        return None;
    }
    let kind = text_of(native, "msgtype");
    let part = match kind {
        "news" => "articles",
        template::UPDATE_BUTTON | template::UPDATE_CARD => "template_card",
        other => other,
    };
    if !to.part_types.contains(&part) {
        return None;
    }
    let content = content(kind, native)?;
    Some(answer(to, now, kind, &content))
}

/// What follows `MsgType`.
fn content(kind: &str, native: &Value) -> Option<String> {
    let body = native.get(kind).unwrap_or(&Value::Null);
    let mut xml = String::new();
    match kind {
        "text" => {
            let words = text_of(body, "content");
            if text::is_blank(words) {
                return None;
            }
            element(&mut xml, "Content", words);
        }
        "image" | "voice" => {
            let name = if kind == "image" { "Image" } else { "Voice" };
            let id = present(body, "media_id")?;
            wrap(&mut xml, name, |xml| element(xml, "MediaId", id));
        }
        "video" => {
            let id = present(body, "media_id")?;
            wrap(&mut xml, "Video", |xml| {
                element(xml, "MediaId", id);
                optional(xml, "Title", text_of(body, "title"));
                optional(xml, "Description", text_of(body, "description"));
            });
        }
        "news" => news(&mut xml, body)?,
        template::UPDATE_BUTTON => update_button(&mut xml, native)?,
        template::UPDATE_CARD => update_card(&mut xml, native)?,
        _ => return None,
    }
    Some(xml)
}

fn present<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    Some(text_of(value, name)).filter(|found| !text::is_blank(found))
}

fn news(xml: &mut String, body: &Value) -> Option<()> {
    let items = body
        .get("articles")
        .and_then(Value::as_array)
        .filter(|items| !items.is_empty())?;
    let items = &items[..items.len().min(ARTICLES)];
    xml.push_str(&format!("<ArticleCount>{}</ArticleCount>", items.len()));
    wrap(xml, "Articles", |xml| {
        for item in items {
            wrap(xml, "item", |xml| {
                element(xml, "Title", text_of(item, "title"));
                element(xml, "Description", text_of(item, "description"));
                element(xml, "PicUrl", text_of(item, "picurl"));
                element(xml, "Url", text_of(item, "url"));
            });
        }
    });
    Some(())
}

// ───────────── changes of the clicked card ─────────────

/// Only the card whose click is being answered changes here; another one by the API.
fn clicked(native: &Value) -> Option<()> {
    (native.get(CLICKED) == Some(&Value::Bool(true))).then_some(())
}

fn update_button(xml: &mut String, native: &Value) -> Option<()> {
    clicked(native)?;
    let name = present(native.get("button")?, "replace_name")?;
    wrap(xml, "Button", |xml| element(xml, "ReplaceName", name));
    Some(())
}

fn update_card(xml: &mut String, native: &Value) -> Option<()> {
    clicked(native)?;
    let card = native.get("template_card").filter(|card| card.is_object())?;
    tree(xml, "TemplateCard", card, "");
    Some(())
}

/// The platform's XML of a card: the names of its JSON in other letters, lists as repeated elements.
fn tree(xml: &mut String, name: &str, value: &Value, inside: &str) {
    match value {
        Value::Object(fields) => wrap(xml, name, |xml| {
            for (field, value) in fields {
                tree(xml, &element_name(field, inside), value, field);
            }
        }),
        Value::Array(items) => items.iter().for_each(|item| tree(xml, name, item, inside)),
        Value::String(text) => element(xml, name, text),
        Value::Null => {}
        other => xml.push_str(&format!("<{name}>{other}</{name}>")),
    }
}

fn element_name(field: &str, inside: &str) -> String {
    match field {
        "keyname" => "KeyName".into(),
        "pagepath" => "PagePath".into(),
        "userid" => "UserId".into(),
        "checkbox" => "CheckBox".into(),
        "appid" if inside == "quote_area" => "Appid".into(),
        "appid" => "AppId".into(),
        field => field.split('_').map(capital).collect(),
    }
}

/// A field's name is the core's: only what a name of an element may hold is left of it.
fn capital(word: &str) -> String {
    let mut letters = word.chars().filter(char::is_ascii_alphanumeric);
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
