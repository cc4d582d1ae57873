//! What does a core's text look like in a chat window, and in which words is said what the platform cannot send?

use super::{
    super::degrade::{self, Row},
    out::Out,
};
use crate::{
    error::{Code, Fault},
    schema::v1::{self, part::Content},
    text::{self, Lowered, Pictures},
};

/// A text, lowered to what the channel shows.
pub fn words(out: &mut Out<'_>, it: &v1::Text) -> Result<(), Fault> {
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
        Format::Html => text::html::lower(&it.body, out.manner.links, out.pictures()),
        Format::Markdown => text::markdown::lower(&it.body, out.manner.links, out.pictures()),
        Format::Plain if out.settings.text_html_breaks => plain(text::line_tags(&it.body)),
        Format::Plain => plain(it.body.clone()),
    };
    for image in &lowered.images {
        out.degrade(match (image.url(), out.pictures()) {
            (Some(_), Pictures::Linked) => &degrade::HTML_IMAGE,
            (Some(_), Pictures::LeftOut) => &degrade::HTML_IMAGE_APART,
            (None, _) => &degrade::HTML_IMAGE_LOST,
        })?;
    }
    if lowered.link_lost {
        out.degrade(&degrade::LINK_LOST)?;
    }
    out.text(&lowered.text);
    Ok(())
}

fn plain(text: String) -> Lowered {
    Lowered {
        text,
        ..Lowered::default()
    }
}

/// The longest beginning of `text` that has at most `bytes` bytes; `row` tells where that is not all of it.
pub fn cut(out: &mut Out<'_>, text: &str, bytes: usize, row: &Row) -> Result<String, Fault> {
    let text = text.trim();
    if text.len() <= bytes {
        return Ok(text.to_owned());
    }
    out.degrade(row)?;
    Ok(text::character::beginning(text, bytes).to_owned())
}

/// Why a medium can be shown in no way.
pub fn no_medium(it: &v1::Media) -> Fault {
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

/// What a medium of this kind is called.
pub fn medium_name<'a>(it: &'a v1::Media, kind: &str) -> &'a str {
    match (it.name.trim(), kind) {
        ("", "image") => "[图片]",
        ("", "voice") => "[语音]",
        ("", "video") => "[视频]",
        ("", _) => "[文件]",
        (name, _) => name,
    }
}

/// The words beside a medium that has no place for them: a message of their own by `row`, on a road that has only one lost
/// by `lost`.
pub fn caption(out: &mut Out<'_>, it: &v1::Media, row: &Row, lost: Option<&Row>) -> Result<(), Fault> {
    if it.caption.trim().is_empty() {
        return Ok(());
    }
    if let Some(lost) = lost.filter(|_| out.passive_only()) {
        return out.degrade(lost);
    }
    out.degrade(row)?;
    out.text(&it.caption);
    Ok(())
}

// ───────────── words in place of what the platform cannot send ─────────────

/// Whether it is a place at all.
pub fn on_earth(it: &v1::Location) -> Result<(), Fault> {
    if (-90.0..=90.0).contains(&it.latitude) && (-180.0..=180.0).contains(&it.longitude) {
        return Ok(());
    }
    invalid("a location needs a latitude within 90 and a longitude within 180 degrees")
}

/// The place as a text with a link to the map.
pub fn location(out: &mut Out<'_>, it: &v1::Location, row: &Row) -> Result<(), Fault> {
    on_earth(it)?;
    out.degrade(row)?;
    let lines = [it.name.as_str(), it.address.as_str()].map(str::trim);
    let mut lines: Vec<String> = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| (*line).to_owned())
        .collect();
    lines.push(out.link(&map_link(it), "查看地图")?);
    out.text(&lines.join("\n"));
    Ok(())
}

/// The marker page of Tencent Maps: <https://lbs.qq.com/webApi/uriV1/uriGuide/uriWebMarker>. Its points are GCJ02 unless
/// `coord_type=1` says GPS.
pub fn map_link(it: &v1::Location) -> String {
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

/// The name of a contact card.
pub fn contact(out: &mut Out<'_>, it: &v1::ContactCard, row: &Row) -> Result<(), Fault> {
    let name = if it.display_name.trim().is_empty() {
        &it.native_id
    } else {
        &it.display_name
    };
    if name.trim().is_empty() {
        return invalid("a contact has no name");
    }
    out.degrade(row)?;
    out.text(&format!("[名片] {}", name.trim()));
    Ok(())
}

/// The words of a forwarded chat.
pub fn forwarded(out: &mut Out<'_>, it: &v1::ForwardedChat, row: &Row) -> Result<(), Fault> {
    let mut lines = Vec::new();
    if !it.title.trim().is_empty() {
        lines.push(it.title.trim().to_owned());
    }
    lines.extend(it.items.iter().filter_map(spoken));
    if lines.is_empty() {
        return invalid("a forwarded chat has no words");
    }
    out.degrade(row)?;
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
    if words.trim().is_empty() {
        return None;
    }
    let who = message.sender.as_ref().map_or("", |sender| sender.display_name.trim());
    Some(if who.is_empty() {
        words.trim().to_owned()
    } else {
        format!("{who}: {}", words.trim())
    })
}

/// A card's title, or what else can stand for one.
pub fn card_title(it: &v1::Card) -> &str {
    let own = it.mini_program.as_ref().map_or("", |mini| mini.title.as_str());
    [it.title.as_str(), own, it.description.as_str(), it.question.as_str()]
        .map(str::trim)
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// Description and facts, one per line.
pub fn details(it: &v1::Card) -> String {
    let mut lines = Vec::new();
    if !it.description.trim().is_empty() && it.description.trim() != card_title(it) {
        lines.push(it.description.trim().to_owned());
    }
    for fact in &it.facts {
        lines.push(match (fact.key.trim(), fact.value.trim()) {
            ("", value) => value.to_owned(),
            (key, "") => key.to_owned(),
            (key, value) => format!("{key}: {value}"),
        });
    }
    lines.join("\n")
}

fn invalid(detail: &str) -> Result<(), Fault> {
    Err(Fault::new(Code::InvalidRequest, detail))
}
