//! What does each kind of part become? The plain ones; cards and menus have files of their own.

use serde_json::json;

use super::{API_ONLY, cards, invalid, menu, template, template::Cards, unsupported};
use crate::{
    channels::{
        common::render::{linked, out::Out, words},
        wecom_app::{
            degrade::{self, Row},
            limits,
        },
    },
    error::Fault,
    schema::v1::{self, part::Content},
    text,
};

pub(super) fn part(out: &mut Out<'_>, made: &mut Cards<'_>, part: &v1::Part) -> Result<(), Fault> {
    match &part.content {
        Some(Content::Text(it)) => words::words(out, it),
        Some(Content::Image(it)) => bare_media(out, it, "image", &degrade::IMAGE_LINK),
        Some(Content::Voice(it)) => bare_media(out, it, "voice", &degrade::VOICE_LINK),
        Some(Content::Video(it)) => video(out, it),
        Some(Content::File(it)) => file(out, it),
        Some(Content::Location(it)) => words::location(out, it, &degrade::LOCATION_TEXT),
        Some(Content::Link(it)) => cards::link(out, it),
        Some(Content::Articles(it)) => cards::articles(out, it),
        Some(Content::MiniProgram(it)) => cards::mini_program(out, it),
        Some(Content::Card(it)) => cards::card(out, made, it),
        Some(Content::Menu(it)) => menu::menu(out, made, it),
        Some(Content::Contact(it)) => words::contact(out, it, &degrade::CONTACT_TEXT),
        Some(Content::Music(it)) => music(out, it),
        Some(Content::Forwarded(it)) => words::forwarded(out, it, &degrade::FORWARDED_TEXT),
        Some(Content::Reference(it)) => reference(out, it),
        Some(Content::TemplateCard(it)) => template::part(out, made, it),
        Some(Content::Transfer(_)) => Err(unsupported(
            "WeCom applications have no agents of the platform's to hand over to",
        )),
        Some(Content::Template(_)) => Err(unsupported("WeCom has no template messages")),
        Some(Content::Unsupported(_)) => Err(unsupported("a part of an unknown kind cannot be sent")),
        None => Err(invalid("a part has no content")),
    }
}

/// Pictures and voices: nothing but the medium.
fn bare_media(out: &mut Out<'_>, it: &v1::Media, kind: &'static str, row: &Row) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, row);
    }
    out.message(kind, kind, json!({ "media_id": it.platform_media_id }));
    caption(out, it)
}

fn video(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::VIDEO_LINK);
    }
    let title = cards::cut(out, &it.name, limits::TITLE)?;
    let description = cards::cut(out, &it.caption, limits::DESCRIPTION)?;
    let body = json!({ "media_id": it.platform_media_id, "title": title, "description": description });
    out.message("video", "video", body);
    Ok(())
}

/// A passive answer cannot carry a file.
fn file(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() || out.passive_only() && text::is_web(&it.url) {
        return media_link(out, it, &degrade::FILE_LINK);
    }
    if out.passive_only() {
        return Err(unsupported(
            "a passive answer cannot carry a file, and this one has no address to link to",
        ));
    }
    let native = json!({ "msgtype": "file", "file": { "media_id": it.platform_media_id }, API_ONLY: true });
    out.bare("file", native);
    caption(out, it)
}

fn caption(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    words::caption(out, it, &degrade::CAPTION_TEXT, Some(&degrade::CAPTION_LOST))
}

fn media_link(out: &mut Out<'_>, it: &v1::Media, row: &Row) -> Result<(), Fault> {
    let linked = linked::medium(out, it, row)?;
    cards::linked(out, linked)
}

fn music(out: &mut Out<'_>, it: &v1::Music) -> Result<(), Fault> {
    let linked = linked::music(out, it, &degrade::MUSIC_LINK)?;
    cards::linked(out, linked)
}

fn reference(out: &mut Out<'_>, it: &v1::Reference) -> Result<(), Fault> {
    let without = "a reference can only be sent as its link, and this one has none";
    let linked = linked::reference(out, it, &degrade::REFERENCE_LINK, without)?;
    cards::linked(out, linked)
}
