//! What does each kind of part become? The plain ones; cards and menus have a file of their own.

use serde_json::json;

use super::{super::degrade, cards};
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
        Some(Content::Voice(it)) => media_link(out, it, &degrade::VOICE_LINK),
        Some(Content::Video(it)) => media_link(out, it, &degrade::VIDEO_LINK),
        Some(Content::File(it)) => media_link(out, it, &degrade::FILE_LINK),
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
        return media_link(out, it, &degrade::IMAGE_LINK);
    }
    out.message("image", "image", json!({ "media_id": it.platform_media_id }));
    words::caption(out, it, &degrade::CAPTION_TEXT, None)
}

fn media_link(out: &mut Out<'_>, it: &v1::Media, row: &Row) -> Result<(), Fault> {
    let linked = linked::medium(out, it, row)?;
    cards::linked(out, "link", linked);
    Ok(())
}

fn music(out: &mut Out<'_>, it: &v1::Music) -> Result<(), Fault> {
    let linked = linked::music(out, it, &degrade::MUSIC_LINK)?;
    cards::linked(out, "link", linked);
    Ok(())
}

fn reference(out: &mut Out<'_>, it: &v1::Reference) -> Result<(), Fault> {
    let without = "a mini-program sends references as their link, and this one has none";
    let linked = linked::reference(out, it, &degrade::REFERENCE_LINK, without)?;
    cards::linked(out, "link", linked);
    Ok(())
}
