//! What does each kind of part become? The plain ones; cards and menus have files of their own.

use serde_json::{Value, json};

use super::{super::degrade, API_ONLY, cards, menu};
use crate::{
    channels::common::{
        degrade::Row,
        render::{linked, out::Out, words},
    },
    error::{Code, Fault},
    schema::v1::{self, part::Content},
};

pub(super) fn part(out: &mut Out<'_>, part: &v1::Part) -> Result<(), Fault> {
    match &part.content {
        Some(Content::Text(it)) => words::words(out, it),
        Some(Content::Image(it)) => image(out, it),
        Some(Content::Voice(it)) => voice(out, it),
        Some(Content::Video(it)) => video(out, it),
        Some(Content::File(it)) => file(out, it),
        Some(Content::Location(it)) => words::location(out, it, &degrade::LOCATION_TEXT),
        Some(Content::Link(it)) => cards::link(out, it),
        Some(Content::Articles(it)) => cards::articles(out, it),
        Some(Content::MiniProgram(it)) => cards::mini_program(out, it),
        Some(Content::Card(it)) => cards::card(out, it),
        Some(Content::Menu(it)) => menu::menu(out, it),
        Some(Content::Contact(it)) => words::contact(out, it, &degrade::CONTACT_TEXT),
        Some(Content::Music(it)) => music(out, it),
        Some(Content::Forwarded(it)) => words::forwarded(out, it, &degrade::FORWARDED_TEXT),
        Some(Content::Reference(it)) => reference(out, it),
        Some(Content::Transfer(it)) => super::transfer(out, &it.agent),
        Some(Content::TemplateCard(_)) => unsupported("template cards belong to WeCom"),
        Some(Content::Template(_)) => unsupported("customer-service messages cannot carry templates"),
        Some(Content::Unsupported(_)) => unsupported("a part of an unknown kind cannot be sent"),
        None => invalid("a part has no content"),
    }
}

fn unsupported(detail: &str) -> Result<(), Fault> {
    Err(Fault::new(Code::UnsupportedPart, detail))
}

fn invalid(detail: &str) -> Result<(), Fault> {
    Err(Fault::new(Code::InvalidRequest, detail))
}

// ───────────── media ─────────────

fn image(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::IMAGE_LINK);
    }
    let mut native = json!({ "msgtype": "image", "image": { "media_id": it.platform_media_id } });
    // The page on passive answers: GIF is not supported.
    if it.mime.trim().to_ascii_lowercase().starts_with("image/gif") {
        if out.passive_only() {
            return media_link(out, it, &degrade::GIF_LINK);
        }
        native[API_ONLY] = Value::Bool(true);
    }
    out.bare("image", native);
    caption(out, it)
}

fn voice(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::VOICE_LINK);
    }
    out.message("voice", "voice", json!({ "media_id": it.platform_media_id }));
    caption(out, it)
}

fn video(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::VIDEO_LINK);
    }
    let mut body = json!({ "media_id": it.platform_media_id, "title": it.name, "description": it.caption });
    if !it.thumb_handle.is_empty() {
        body["thumb_media_id"] = it.thumb_handle.clone().into();
    }
    out.message("video", "video", body);
    Ok(())
}

fn file(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.url.is_empty() && it.handle.is_empty() {
        return unsupported("official accounts cannot send files, and this one has no address to link to");
    }
    media_link(out, it, &degrade::FILE_LINK)
}

fn caption(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    words::caption(out, it, &degrade::CAPTION_TEXT, Some(&degrade::CAPTION_LOST))
}

fn media_link(out: &mut Out<'_>, it: &v1::Media, row: &Row) -> Result<(), Fault> {
    let linked = linked::medium(out, it, row)?;
    cards::linked(out, linked);
    Ok(())
}

fn music(out: &mut Out<'_>, it: &v1::Music) -> Result<(), Fault> {
    let url = linked::music_url(it)?;
    if it.thumb_handle.is_empty() {
        let linked = linked::music(out, it, &degrade::MUSIC_LINK)?;
        cards::linked(out, linked);
        return Ok(());
    }
    let hq = if it.hq_url.is_empty() { url } else { &it.hq_url };
    let body = json!({
        "title": it.title, "description": it.description, "musicurl": url, "hqmusicurl": hq, "thumb_media_id": it.thumb_handle,
    });
    out.message("music", "music", body);
    Ok(())
}

/// Things of the platform itself, by their id.
fn reference(out: &mut Out<'_>, it: &v1::Reference) -> Result<(), Fault> {
    let key = match it.kind.as_str() {
        "wxcard" => Some("card_id"),
        "mpnews" => Some("media_id"),
        "mpnewsarticle" => Some("article_id"),
        _ => None,
    };
    if let Some(key) = key.filter(|_| !it.id.is_empty() && !out.passive_only()) {
        out.message("reference", &it.kind, json!({ key: it.id }));
        return Ok(());
    }
    let without = "this reference is not sendable on this road and has no link";
    let linked = linked::reference(out, it, &degrade::REFERENCE_LINK, without)?;
    cards::linked(out, linked);
    Ok(())
}
