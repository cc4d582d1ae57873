//! How is a core's message said in WeChat customer service?
//!
//! <https://developer.work.weixin.qq.com/document/path/94677>. Media are on the platform already; the picture of a link and
//! the thumbnail of a mini-program card hold the platform's id.

use serde_json::{Value, json};

use super::{
    cards, degrade, ids,
    judge::{SEND, SEND_ON_EVENT},
    limits,
};
use crate::{
    channels::{
        common::{
            degrade::Row,
            limits::text_bytes,
            render::{
                out::{Manner, Out},
                send::{self, body},
                words,
            },
        },
        contract::{Piece, Pieces, Roads, Say, To, Upload, What},
    },
    error::{Code, Fault},
    ports::platform::Call,
    schema::v1::{self, part::Content},
    settings::AccountSettings,
    text::{self, Links},
};

/// What `say` becomes, and what was lost on the way.
pub fn pieces(settings: &AccountSettings, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
    let text_bytes = text_bytes(settings).max(text::split::LEAST);
    let manner = Manner {
        links: Links::Spell(text_bytes),
        text_bytes,
    };
    let mut out = Out::new(settings, say, roads, manner);
    match &say.what {
        What::Typing => return Err(Fault::new(Code::UnsupportedPart, "this platform shows no typing sign")),
        What::Native(body) => native(&mut out, body)?,
        What::Parts { parts, quote } => out.parts(parts, quote.as_ref(), part)?,
    }
    out.finish()
}

fn native(out: &mut Out<'_>, body: &Value) -> Result<(), Fault> {
    let mut body = body.as_object().cloned().unwrap_or_default();
    for ours in ["touser", "open_kfid", "msgid", "code"] {
        body.remove(ours);
    }
    let part_type = match body.get("msgtype").and_then(Value::as_str) {
        None => return Err(Fault::new(Code::InvalidRequest, "native_json has no msgtype")),
        Some("text") => "text",
        Some("image") => "image",
        Some("voice") => "voice",
        Some("video") => "video",
        Some("file") => "file",
        Some("link") => "link",
        Some("miniprogram") => "mini_program",
        Some("msgmenu") => "menu",
        Some("location") => "location",
        Some("business_card") => "contact",
        Some(_) => "reference",
    };
    out.bare(part_type, Value::Object(body));
    Ok(())
}

fn part(out: &mut Out<'_>, part: &v1::Part) -> Result<(), Fault> {
    match &part.content {
        Some(Content::Text(it)) => words::words(out, it),
        Some(Content::Image(it)) => media(out, "image", it, &degrade::IMAGE_LINK),
        Some(Content::Voice(it)) => media(out, "voice", it, &degrade::VOICE_LINK),
        Some(Content::Video(it)) => media(out, "video", it, &degrade::VIDEO_LINK),
        Some(Content::File(it)) => media(out, "file", it, &degrade::FILE_LINK),
        Some(Content::Location(it)) => location(out, it),
        Some(Content::Link(it)) => cards::link(out, it, "link"),
        Some(Content::Articles(it)) => cards::articles(out, it),
        Some(Content::MiniProgram(it)) => cards::mini_program(out, it),
        Some(Content::Card(it)) => cards::card(out, it),
        Some(Content::Menu(it)) => cards::menu(out, it),
        Some(Content::Contact(it)) => contact(out, it),
        Some(Content::Music(it)) => address(out, &degrade::MUSIC_TEXT, [&it.title, &it.description], &it.url),
        Some(Content::Forwarded(it)) => words::forwarded(out, it, &degrade::FORWARDED_TEXT),
        Some(Content::Reference(it)) if it.kind == "ca_link" && text::is_web(it.url.trim()) => {
            out.message("reference", "ca_link", json!({ "link_url": it.url.trim() }));
            Ok(())
        }
        Some(Content::Reference(it)) => address(out, &degrade::REFERENCE_TEXT, [&it.title, ""], &it.url),
        Some(Content::TemplateCard(_)) => unsupported("template cards belong to WeCom apps"),
        Some(Content::Template(_)) => unsupported("customer-service messages cannot carry templates"),
        Some(Content::Transfer(_)) => unsupported("a session order QUEUE or ASSIGN hands the customer over here"),
        Some(Content::Unsupported(_)) => unsupported("a part of an unknown kind cannot be sent"),
        None => Err(Fault::new(Code::InvalidRequest, "a part has no content")),
    }
}

fn unsupported(detail: &str) -> Result<(), Fault> {
    Err(Fault::new(Code::UnsupportedPart, detail))
}

fn media(out: &mut Out<'_>, kind: &'static str, it: &v1::Media, row: &Row) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        if !text::is_web(&it.url) {
            return Err(words::no_medium(it));
        }
        out.degrade(row)?;
        let link = out.link(&it.url, words::medium_name(it, kind))?;
        out.text(&link);
    } else {
        out.message(kind, kind, json!({ "media_id": it.platform_media_id }));
    }
    words::caption(out, it, &degrade::CAPTION_TEXT, None)
}

fn location(out: &mut Out<'_>, it: &v1::Location) -> Result<(), Fault> {
    words::on_earth(it)?;
    let place = json!({
        "name": it.name.trim(), "address": it.address.trim(), "latitude": it.latitude, "longitude": it.longitude,
    });
    out.message("location", "location", place);
    Ok(())
}

/// The card of a member; who is no member has only a name here.
fn contact(out: &mut Out<'_>, it: &v1::ContactCard) -> Result<(), Fault> {
    if it.native_id.trim().is_empty() {
        return words::contact(out, it, &degrade::CONTACT_TEXT);
    }
    out.message("contact", "business_card", json!({ "userid": it.native_id.trim() }));
    Ok(())
}

fn address(out: &mut Out<'_>, row: &Row, [title, description]: [&str; 2], url: &str) -> Result<(), Fault> {
    if !text::is_web(url.trim()) {
        return unsupported("not sendable here, and it has no http(s) address");
    }
    out.degrade(row)?;
    let text = cards::spelled_out(out, title, description, url.trim())?;
    out.text(&text);
    Ok(())
}

/// One piece as a call: by a code, or to the customer. The key of a `msgid` is left out where there is none.
pub fn call(piece: &Piece, to: &To<'_>) -> Call {
    let mut ours: Vec<(&str, Value)> = match to.code {
        Some(code) => vec![("code", code.into())],
        None => vec![("touser", to.recipient.into()), ("open_kfid", to.sub_id.into())],
    };
    ours.extend(ids::msgid(to.message_id, to.piece).map(|id| ("msgid", id.into())));
    let path = if to.code.is_some() { SEND_ON_EVENT } else { SEND };
    Call::post(path, body(&piece.native, &ours))
}

/// The upload of one file as a temporary medium, which lives for three days.
pub fn upload(file: &Upload) -> Result<Call, Fault> {
    // There are no thumbnails of a kind of their own here.
    let kind = if file.kind == "thumb" { "image" } else { file.kind };
    send::upload(limits::MEDIA, "WeChat customer-service accounts", kind, file)
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
