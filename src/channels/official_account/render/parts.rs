//! What does each kind of part become? The plain ones; cards and menus have files of their own.

use serde_json::{Value, json};

use super::{
    super::degrade::{self, Row},
    API_ONLY, cards, menu,
    out::Out,
};
use crate::{
    error::{Code, Fault},
    schema::v1::{self, part::Content},
    text::{self, Links, Lowered},
};

pub(super) fn part(out: &mut Out<'_>, part: &v1::Part) -> Result<(), Fault> {
    match &part.content {
        Some(Content::Text(it)) => words(out, it),
        Some(Content::Image(it)) => image(out, it),
        Some(Content::Voice(it)) => voice(out, it),
        Some(Content::Video(it)) => video(out, it),
        Some(Content::File(it)) => file(out, it),
        Some(Content::Location(it)) => location(out, it),
        Some(Content::Link(it)) => cards::link(out, it),
        Some(Content::Articles(it)) => cards::articles(out, it),
        Some(Content::MiniProgram(it)) => cards::mini_program(out, it),
        Some(Content::Card(it)) => cards::card(out, it),
        Some(Content::Menu(it)) => menu::menu(out, it),
        Some(Content::Contact(it)) => contact(out, it),
        Some(Content::Music(it)) => music(out, it),
        Some(Content::Forwarded(it)) => forwarded(out, it),
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

// ───────────── text ─────────────

fn words(out: &mut Out<'_>, it: &v1::Text) -> Result<(), Fault> {
    use v1::text::Format;
    if it.body.len() > text::LONGEST_TEXT {
        let detail = format!(
            "a text may have {} bytes, this has {}",
            text::LONGEST_TEXT,
            it.body.len()
        );
        return Err(Fault::new(Code::TooLong, detail));
    }
    let lowered = match it.format() {
        Format::Html => text::html::lower(&it.body, Links::Keep),
        Format::Markdown => text::markdown::lower(&it.body, Links::Keep),
        Format::Plain if out.settings.text_html_breaks => plain(text::line_tags(&it.body)),
        Format::Plain => plain(it.body.clone()),
    };
    for image in &lowered.images {
        let linked = text::is_web(image.src.trim()) || image.src.trim().starts_with("//");
        out.degrade(if linked {
            &degrade::HTML_IMAGE
        } else {
            &degrade::HTML_IMAGE_LOST
        })?;
    }
    out.text(&lowered.text);
    Ok(())
}

fn plain(text: String) -> Lowered {
    Lowered {
        text,
        images: Vec::new(),
    }
}

// ───────────── media ─────────────

fn image(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::IMAGE_LINK, "[图片]");
    }
    let mut native = json!({ "msgtype": "image", "image": { "media_id": it.platform_media_id } });
    // The page on passive answers: GIF is not supported.
    if it.mime.trim().to_ascii_lowercase().starts_with("image/gif") {
        if out.passive_only() {
            return media_link(out, it, &degrade::GIF_LINK, "[图片]");
        }
        native[API_ONLY] = Value::Bool(true);
    }
    out.bare("image", native);
    caption(out, it)
}

fn voice(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::VOICE_LINK, "[语音]");
    }
    out.message("voice", "voice", json!({ "media_id": it.platform_media_id }));
    caption(out, it)
}

fn video(out: &mut Out<'_>, it: &v1::Media) -> Result<(), Fault> {
    if it.platform_media_id.is_empty() {
        return media_link(out, it, &degrade::VIDEO_LINK, "[视频]");
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
    media_link(out, it, &degrade::FILE_LINK, "[文件]")
}

/// Images and voices have no place for words.
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

/// A medium that cannot be shown itself: a link card, so that the customer can still open it.
fn media_link(out: &mut Out<'_>, it: &v1::Media, row: &Row, unnamed: &str) -> Result<(), Fault> {
    if !text::is_web(&it.url) {
        return Err(no_medium(it));
    }
    out.degrade(row)?;
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
    match it.state() {
        State::TooLarge => Fault::new(
            Code::MediaTooLarge,
            "the medium is too large and has no address to link to",
        ),
        State::Expired => Fault::new(Code::MediaExpired, "the medium is gone"),
        _ if !it.handle.is_empty() => Fault::new(
            Code::MediaExpired,
            "the medium is not on the platform and has no address to link to",
        ),
        _ => Fault::new(Code::InvalidRequest, "a medium needs a handle or a http(s) url"),
    }
}

fn music(out: &mut Out<'_>, it: &v1::Music) -> Result<(), Fault> {
    let url = if it.url.is_empty() { &it.hq_url } else { &it.url };
    if !text::is_web(url) {
        return invalid("music needs a http(s) url");
    }
    if it.thumb_handle.is_empty() {
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
        return Ok(());
    }
    let hq = if it.hq_url.is_empty() { url } else { &it.hq_url };
    let body = json!({
        "title": it.title, "description": it.description, "musicurl": url, "hqmusicurl": hq, "thumb_media_id": it.thumb_handle,
    });
    out.message("music", "music", body);
    Ok(())
}

// ───────────── words in place of what the platform cannot send ─────────────

fn location(out: &mut Out<'_>, it: &v1::Location) -> Result<(), Fault> {
    if !(-90.0..=90.0).contains(&it.latitude) || !(-180.0..=180.0).contains(&it.longitude) {
        return invalid("a location needs a latitude within 90 and a longitude within 180 degrees");
    }
    out.degrade(&degrade::LOCATION_TEXT)?;
    let lines = [it.name.as_str(), it.address.as_str()].map(str::trim);
    let mut lines: Vec<String> = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| (*line).to_owned())
        .collect();
    lines.push(text::anchor(&map_link(it), "查看地图", Links::Keep));
    out.text(&lines.join("\n"));
    Ok(())
}

/// The marker page of Tencent Maps: <https://lbs.qq.com/webApi/uriV1/uriGuide/uriWebMarker>. Its points are GCJ02 unless
/// `coord_type=1` says GPS.
fn map_link(it: &v1::Location) -> String {
    let name = [&it.name, &it.address].into_iter().find(|name| !name.trim().is_empty());
    let query =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let title = name.map_or_else(|| query("位置"), |name| query(name.trim()));
    let address = query(it.address.trim());
    let datum = if it.datum() == v1::location::Datum::Wgs84 {
        "&coord_type=1"
    } else {
        ""
    };
    format!(
        "https://apis.map.qq.com/uri/v1/marker?marker=coord:{},{};title:{title};addr:{address}{datum}&referer=wxbridge",
        it.latitude, it.longitude
    )
}

fn contact(out: &mut Out<'_>, it: &v1::ContactCard) -> Result<(), Fault> {
    let name = if it.display_name.trim().is_empty() {
        &it.native_id
    } else {
        &it.display_name
    };
    if name.trim().is_empty() {
        return invalid("a contact has no name");
    }
    out.degrade(&degrade::CONTACT_TEXT)?;
    out.text(&format!("[名片] {}", name.trim()));
    Ok(())
}

fn forwarded(out: &mut Out<'_>, it: &v1::ForwardedChat) -> Result<(), Fault> {
    let mut lines = Vec::new();
    if !it.title.trim().is_empty() {
        lines.push(it.title.trim().to_owned());
    }
    lines.extend(it.items.iter().filter_map(spoken));
    if lines.is_empty() {
        return invalid("a forwarded chat has no words");
    }
    out.degrade(&degrade::FORWARDED_TEXT)?;
    out.text(&lines.join("\n"));
    Ok(())
}

/// `who: what` of one line of a forwarded chat.
fn spoken(message: &v1::Message) -> Option<String> {
    let words = if message.summary.trim().is_empty() {
        message.parts.iter().find_map(|part| match &part.content {
            Some(Content::Text(text)) => Some(text.body.as_str()),
            _ => None,
        })?
    } else {
        &message.summary
    };
    let who = message.sender.as_ref().map_or("", |sender| sender.display_name.trim());
    Some(if who.is_empty() {
        words.trim().to_owned()
    } else {
        format!("{who}: {}", words.trim())
    })
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
    if !text::is_web(&it.url) {
        return unsupported("this reference is not sendable on this road and has no link");
    }
    out.degrade(&degrade::REFERENCE_LINK)?;
    out.message(
        "link",
        "news",
        cards::news([cards::article(&it.title, "", &it.url, "")]),
    );
    Ok(())
}
