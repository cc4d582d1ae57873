//! What is a piece as a passive answer (被动回复)?
//!
//! <https://developers.weixin.qq.com/doc/subscription/guide/product/message/Passive_user_reply_message.html>

use serde_json::Value;

use super::{API_ONLY, cards};
use crate::{
    channels::{
        common::render::xml::{answer, element, optional, wrap},
        contract::{PassiveTo, Piece},
    },
    ports::clock::Millis,
    text,
};

pub(super) const TRANSFER: &str = "transfer_customer_service";

/// What the platform calls the kinds that ride in a passive answer.
pub(super) const CARRIES: &[&str] = &["text", "image", "voice", "video", "music", "news"];

/// The answer as XML, before sealing; `None` where the piece cannot ride here. Agent and AI mark have no place in it.
pub fn passive(piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
    if piece.native.get(API_ONLY).is_some() {
        return None;
    }
    let kind = text_of(&piece.native, "msgtype");
    let (kind, content) = content(kind, &piece.native, to)?;
    Some(answer(to, now, kind, &content))
}

/// What follows `MsgType`.
fn content<'a>(kind: &'a str, native: &'a Value, to: &PassiveTo) -> Option<(&'a str, String)> {
    let body = native.get(kind).unwrap_or(&Value::Null);
    let mut xml = String::new();
    match kind {
        "text" => return words(text_of(body, "content")),
        "image" | "voice" => {
            let name = if kind == "image" { "Image" } else { "Voice" };
            wrap(&mut xml, name, |xml| element(xml, "MediaId", text_of(body, "media_id")));
            present(body, "media_id")?;
        }
        "video" => {
            present(body, "media_id")?;
            wrap(&mut xml, "Video", |xml| {
                element(xml, "MediaId", text_of(body, "media_id"));
                optional(xml, "Title", text_of(body, "title"));
                optional(xml, "Description", text_of(body, "description"));
            });
        }
        "music" => {
            present(body, "thumb_media_id")?;
            wrap(&mut xml, "Music", |xml| music(xml, body));
        }
        "news" => return news(body, to),
        TRANSFER if to.to_message => transfer(&mut xml, native),
        _ => return None,
    }
    Some((kind, xml))
}

/// An empty `Content` makes the platform tell the customer that the account is out of order.
fn words(words: &str) -> Option<(&'static str, String)> {
    if text::is_blank(words) {
        return None;
    }
    let mut xml = String::new();
    element(&mut xml, "Content", words);
    Some(("text", xml))
}

fn music(xml: &mut String, body: &Value) {
    optional(xml, "Title", text_of(body, "title"));
    optional(xml, "Description", text_of(body, "description"));
    optional(xml, "MusicUrl", text_of(body, "musicurl"));
    optional(xml, "HQMusicUrl", text_of(body, "hqmusicurl"));
    element(xml, "ThumbMediaId", text_of(body, "thumb_media_id"));
}

/// One article in answer to a message: several would lose all but the first, so they become a text with links.
fn news(body: &Value, to: &PassiveTo) -> Option<(&'static str, String)> {
    let items = body
        .get("articles")
        .and_then(Value::as_array)
        .filter(|items| !items.is_empty())?;
    if to.to_message && items.len() > 1 {
        return words(&cards::as_text(items));
    }
    let items = &items[..items.len().min(cards::ARTICLES_AFTER_EVENT)];
    let mut xml = format!("<ArticleCount>{}</ArticleCount>", items.len());
    wrap(&mut xml, "Articles", |xml| {
        for item in items {
            wrap(xml, "item", |xml| {
                element(xml, "Title", text_of(item, "title"));
                element(xml, "Description", text_of(item, "description"));
                element(xml, "PicUrl", text_of(item, "picurl"));
                element(xml, "Url", text_of(item, "url"));
            });
        }
    });
    Some(("news", xml))
}

/// <https://developers.weixin.qq.com/doc/subscription/guide/product/kf/forwarding.html>
fn transfer(xml: &mut String, native: &Value) {
    let agent = native.get("transinfo").map_or("", |info| text_of(info, "kf_account"));
    if !text::is_blank(agent) {
        wrap(xml, "TransInfo", |xml| element(xml, "KfAccount", agent));
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn present(value: &Value, name: &str) -> Option<()> {
    (!text::is_blank(text_of(value, name))).then_some(())
}
