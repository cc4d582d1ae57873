//! Which part does a customer's message become, and what does it say in one line?

use super::{events, wire::Push};
use crate::{
    envelope::Fields,
    schema::v1::{
        Identity, Link, Location, Media, Message, MiniProgramCard, Part, Text, Unsupported, location::Datum,
        media::State, message::Origin, part::Content, text::Format,
    },
};

/// The message of a push; a kind without a part is unsupported and says so.
pub fn message(channel: &str, push: &Push<'_>, part: Option<events::Part>, customer: Option<&Identity>) -> Message {
    let content = part
        .and_then(|part| content(push, part))
        .unwrap_or_else(|| unsupported_content(push));
    let summary = summary(&content);
    Message {
        platform_message_id: push.msg_id().into(),
        sender: customer.cloned(),
        origin: Origin::CustomerSent as i32,
        parts: vec![Part {
            ext_json: extras(channel, push, part),
            content: Some(content),
        }],
        quote: None,
        summary,
    }
}

/// Tencent's points are GCJ-02. `None` where there are no numbers.
pub fn location(fields: &Fields, latitude: &str, longitude: &str) -> Option<Location> {
    let number = |name: &str| fields.value(name).parse::<f64>().ok().filter(|it| it.is_finite());
    Some(Location {
        latitude: number(latitude)?,
        longitude: number(longitude)?,
        datum: Datum::Gcj02 as i32,
        name: fields.value("Poiname").into(),
        address: fields.value("Label").into(),
        scale: number("Scale").unwrap_or_default(),
    })
}

fn content(push: &Push<'_>, part: events::Part) -> Option<Content> {
    Some(match part {
        // The only text that keeps its blanks: a forced word or a code may depend on them.
        events::Part::Text => Content::Text(Text {
            body: push.fields.verbatim("Content").into(),
            format: Format::Plain as i32,
        }),
        events::Part::Image => Content::Image(media(push, "")),
        events::Part::Voice => Content::Voice(voice(push)),
        events::Part::Video => Content::Video(media(push, "")),
        events::Part::File => Content::File(file(push)),
        events::Part::Location => Content::Location(location(push.fields, "Location_X", "Location_Y")?),
        events::Part::Link => Content::Link(Link {
            url: push.value("Url").into(),
            title: push.value("Title").into(),
            description: push.value("Description").into(),
            image_url: push.value("PicUrl").into(),
            ..Link::default()
        }),
        events::Part::MiniProgram => Content::MiniProgram(MiniProgramCard {
            appid: push.value("AppId").into(),
            page_path: push.value("PagePath").into(),
            title: push.value("Title").into(),
            ..MiniProgramCard::default()
        }),
    })
}

fn media(push: &Push<'_>, mime: &str) -> Media {
    let id = push.value("MediaId");
    let url = push.value("PicUrl");
    Media {
        platform_media_id: id.into(),
        url: url.into(),
        mime: mime.into(),
        state: if id.is_empty() && url.is_empty() {
            State::Failed
        } else {
            State::Pending
        } as i32,
        ..Media::default()
    }
}

/// Recognition is being retired by the platform and often empty.
fn voice(push: &Push<'_>) -> Media {
    let mime = match push.value("Format") {
        format if format.eq_ignore_ascii_case("amr") => "audio/amr",
        format if format.eq_ignore_ascii_case("speex") => "audio/speex",
        format if format.eq_ignore_ascii_case("mp3") => "audio/mpeg",
        _ => "",
    };
    Media {
        recognised_text: push.value("Recognition").into(),
        ..media(push, mime)
    }
}

/// Seen in an old capture only: it names no media id, so there is nothing to fetch.
fn file(push: &Push<'_>) -> Media {
    Media {
        name: push.value("Title").into(),
        size: push.value("FileTotalLen").parse().unwrap_or_default(),
        caption: push.value("Description").into(),
        ..media(push, "")
    }
}

fn unsupported_content(push: &Push<'_>) -> Content {
    Content::Unsupported(Unsupported {
        platform_type: push.msg_type.into(),
    })
}

/// What a part has beside the schema's fields, as JSON text under our own names.
fn extras(channel: &str, push: &Push<'_>, part: Option<events::Part>) -> std::collections::BTreeMap<String, String> {
    let own: &[(&str, &str)] = match part {
        Some(events::Part::Voice) => &[("media_id_16k", "MediaId16K")],
        Some(events::Part::Video) => &[("thumb_media_id", "ThumbMediaId")],
        Some(events::Part::MiniProgram) => &[("thumb_url", "ThumbUrl"), ("thumb_media_id", "ThumbMediaId")],
        Some(events::Part::Location) => &[("app_type", "AppType")],
        Some(events::Part::File) => &[("md5", "FileMd5"), ("file_key", "FileKey")],
        _ => &[],
    };
    let common = [
        ("msg_data_id", "MsgDataId"),
        ("article_index", "Idx"),
        ("business_id", "BusinessId"),
    ];
    own.iter()
        .chain(&common)
        .map(|(ours, theirs)| (ours, push.value(theirs)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(ours, value)| {
            let text = serde_json::Value::from(value).to_string();
            (format!("{channel}.{ours}"), text)
        })
        .collect()
}

/// One line for cores that show text alone, in the words of the platform's own clients.
fn summary(content: &Content) -> String {
    let (name, said) = match content {
        Content::Text(text) if text.body.trim().is_empty() => ("文本", ""),
        Content::Text(text) => return text.body.clone(),
        Content::Image(_) => ("图片", ""),
        Content::Voice(voice) => ("语音", voice.recognised_text.as_str()),
        Content::Video(_) => ("视频", ""),
        Content::File(file) => ("文件", file.name.as_str()),
        Content::Location(place) if place.address.is_empty() => {
            return format!("[位置] {},{}", place.latitude, place.longitude);
        }
        Content::Location(place) => ("位置", place.address.as_str()),
        Content::Link(link) if link.title.is_empty() => ("链接", link.url.as_str()),
        Content::Link(link) => ("链接", link.title.as_str()),
        Content::MiniProgram(card) => ("小程序", card.title.as_str()),
        Content::Unsupported(unknown) => ("不支持的消息", unknown.platform_type.as_str()),
        _ => ("消息", ""),
    };
    format!("[{name}] {said}").trim_end().to_owned()
}
