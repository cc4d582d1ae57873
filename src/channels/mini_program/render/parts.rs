//! What does each kind of part become? The plain ones; cards and menus have a file of their own.

use serde_json::json;

use super::{super::degrade, cards};
use crate::{
    channels::common::{
        degrade::Row,
        render::{out::Out, words},
    },
    error::{Code, Fault},
    schema::v1::{self, part::Content},
    text,
};

pub(super) fn part(out: &mut Out<'_>, part: &v1::Part) -> Result<(), Fault> {
    match &part.content {
        Some(Content::Text(it)) => words::words(out, it),
        Some(Content::Image(it)) => image(out, it),
        Some(Content::Voice(it)) => media_link(out, it, &degrade::VOICE_LINK, "[语音]"),
        Some(Content::Video(it)) => media_link(out, it, &degrade::VIDEO_LINK, "[视频]"),
        Some(Content::File(it)) => media_link(out, it, &degrade::FILE_LINK, "[文件]"),
        Some(Content::Location(it)) => words::location(out, it, &degrade::LOCATION_TEXT),
        Some(Content::Link(it)) => cards::link(out, it),
        Some(Content::Articles(it)) => cards::articles(out, it),
        Some(Content::MiniProgram(it)) => cards::mini_program(out, it),
        Some(Content::Card(it)) => cards::card(out, it),
        Some(Content::Menu(it)) => cards::menu(out, it),
        Some(Content::Contact(it)) => words::contact(out, it, &degrade::CONTACT_TEXT),
        Some(Content::Music(it)) => music(out, it),
        Some(Content::Forwarded(it)) => words::forwarded(out, it, &degrade::FORWARDED_TEXT),
        Some(Content::Reference(it)) => reference(out, it),
        Some(Content::Transfer(_)) => super::transfer(out),
        Some(Content::TemplateCard(_)) => unsupported("template cards belong to WeCom"),
        Some(Content::Template(_)) => unsupported("customer-service messages cannot carry templates"),
        Some(Content::Unsupported(_)) => unsupported("a part of an unknown kind cannot be sent"),
        None => Err(Fault::new(Code::InvalidRequest, "a part has no content")),
    }
}

fn unsupported(detail: &str) -> Result<(), Fault> {
    Err(Fault::new(Code::UnsupportedPart, detail))
}

fn image(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::IMAGE_LINK, "[图片]");
    }
    out.message("image", "image", json!({ "media_id": it.platform_media_id }));
    if !it.caption.trim().is_empty() {
        out.degrade(&degrade::CAPTION_TEXT)?;
        out.text(&it.caption);
    }
    Ok(())
}

/// A medium that cannot be shown itself: a link card, so that the customer can still open it.
fn media_link(out: &mut Out<'_>, it: &v1::Media, row: &Row, unnamed: &str) -> Result<(), Fault> {
    if !text::is_web(&it.url) {
        return Err(words::no_medium(it));
    }
    out.degrade(row)?;
    let title = if it.name.trim().is_empty() {
        unnamed
    } else {
        it.name.trim()
    };
    let picture = if row.from == "image" { it.url.as_str() } else { "" };
    cards::linked(out, "link", title, &it.caption, &it.url, picture);
    Ok(())
}

fn music(out: &mut Out<'_>, it: &v1::Music) -> Result<(), Fault> {
    let url = if it.url.is_empty() { &it.hq_url } else { &it.url };
    if !text::is_web(url) {
        return Err(Fault::new(Code::InvalidRequest, "music needs a http(s) url"));
    }
    out.degrade(&degrade::MUSIC_LINK)?;
    let title = if it.title.trim().is_empty() {
        "[音乐]"
    } else {
        &it.title
    };
    cards::linked(out, "link", title, &it.description, url, "");
    Ok(())
}

fn reference(out: &mut Out<'_>, it: &v1::Reference) -> Result<(), Fault> {
    if !text::is_web(&it.url) {
        return unsupported("a mini-program sends references as their link, and this one has none");
    }
    out.degrade(&degrade::REFERENCE_LINK)?;
    cards::linked(out, "link", &it.title, "", &it.url, "");
    Ok(())
}
