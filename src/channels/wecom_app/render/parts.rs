//! What does each kind of part become? The plain ones; cards and menus have files of their own.

use serde_json::json;

use super::{API_ONLY, cards, invalid, menu, template, template::Cards, unsupported};
use crate::{
    channels::{
        common::render::{out::Out, words},
        wecom_app::degrade::{self, Row},
    },
    error::{Code, Fault},
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
    let body = json!({ "media_id": it.platform_media_id, "title": it.name, "description": it.caption });
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

/// Pictures, voices and files have no place for words.
fn caption(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.caption.trim().is_empty() {
        return Ok(());
    }
    if out.passive_only() {
        return out.degrade(&degrade::CAPTION_LOST);
    }
    out.degrade(&degrade::CAPTION_TEXT)?;
    out.text(&it.caption);
    Ok(())
}

/// A medium that cannot be shown itself: a link card, so that the member can still open it.
fn media_link(out: &mut Out<'_>, it: &v1::Media, row: &Row) -> Result<(), Fault> {
    if !text::is_web(&it.url) {
        return Err(no_medium(it));
    }
    out.degrade(row)?;
    let unnamed = match row.from {
        "image" => "[图片]",
        "voice" => "[语音]",
        "video" => "[视频]",
        _ => "[文件]",
    };
    let title = if it.name.trim().is_empty() {
        unnamed
    } else {
        it.name.trim()
    };
    let picture = if row.from == "image" { it.url.as_str() } else { "" };
    out.message(
        "link",
        "news",
        cards::news([cards::article(title, &it.caption, &it.url, picture)]),
    );
    Ok(())
}

fn no_medium(it: &v1::Media) -> Fault {
    use v1::media::State;
    let fault = |code, detail: &str| Fault::new(code, detail);
    match it.state() {
        State::TooLarge => fault(
            Code::MediaTooLarge,
            "the medium is too large and has no address to link to",
        ),
        State::Expired => fault(Code::MediaExpired, "the medium is gone"),
        _ if !it.handle.is_empty() => fault(
            Code::MediaExpired,
            "the medium is not on the platform and has no address to link to",
        ),
        _ => invalid("a medium needs a handle or a http(s) url"),
    }
}

fn music(out: &mut Out<'_>, it: &v1::Music) -> Result<(), Fault> {
    let url = if it.url.is_empty() { &it.hq_url } else { &it.url };
    if !text::is_web(url) {
        return Err(invalid("music needs a http(s) url"));
    }
    out.degrade(&degrade::MUSIC_LINK)?;
    let title = if it.title.trim().is_empty() {
        "[音乐]"
    } else {
        &it.title
    };
    out.message(
        "link",
        "news",
        cards::news([cards::article(title, &it.description, url, "")]),
    );
    Ok(())
}

fn reference(out: &mut Out<'_>, it: &v1::Reference) -> Result<(), Fault> {
    if !text::is_web(&it.url) {
        return Err(unsupported(
            "a reference can only be sent as its link, and this one has none",
        ));
    }
    out.degrade(&degrade::REFERENCE_LINK)?;
    out.message(
        "link",
        "news",
        cards::news([cards::article(&it.title, "", &it.url, "")]),
    );
    Ok(())
}
