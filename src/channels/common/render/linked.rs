//! What stands on a link card, and what becomes one because the platform cannot send it as it is?

use serde_json::{Value, json};

use super::{
    super::degrade::{self, Row},
    out::Out,
    words,
};
use crate::{
    error::{Code, Fault},
    schema::v1,
    text::{self, Links},
};

/// The words of a link card.
#[derive(Clone, Copy, Debug)]
pub struct Linked<'a> {
    title: &'a str,
    pub description: &'a str,
    pub url: &'a str,
    picture: &'a str,
}

impl<'a> Linked<'a> {
    pub fn new(title: &'a str, description: &'a str, url: &'a str, picture: &'a str) -> Self {
        Self {
            title: title.trim(),
            description: description.trim(),
            url: url.trim(),
            picture: picture.trim(),
        }
    }

    /// A link of the core's.
    pub fn of(it: &'a v1::Link) -> Result<Self, Fault> {
        if !text::is_web(it.url.trim()) {
            return Err(Fault::new(Code::InvalidRequest, "a link needs a http(s) url"));
        }
        Ok(Self::new(&it.title, &it.description, &it.url, &it.image_url))
    }

    /// A card without a title looks broken: its words or its address stand in.
    pub fn title(&self) -> &'a str {
        let words = [self.title, self.description, self.url];
        words.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The address of the picture, where there is one that the platform can fetch.
    pub fn picture(&self) -> Option<&'a str> {
        Some(self.picture).filter(|picture| text::is_web(picture))
    }

    /// As a link in a text, its words below it.
    fn lines(&self) -> String {
        let head = text::anchor(&text::attribute(self.url), self.title(), Links::Keep);
        match self.description {
            "" => head,
            words if words == self.title() => head,
            words => format!("{head}\n{words}"),
        }
    }

    /// As one item of `news`.
    pub fn article(&self) -> Value {
        json!({
            "title": self.title(), "description": self.description, "url": self.url,
            "picurl": self.picture().unwrap_or_default(),
        })
    }
}

/// Articles as links in a text: what they say is kept, their pictures are lost.
pub fn in_text(out: &mut Out<'_>, items: &[v1::Link], row: &Row) -> Result<(), Fault> {
    out.degrade(row)?;
    lost_pictures(out, items)?;
    let items = items.iter().map(Linked::of).collect::<Result<Vec<_>, _>>()?;
    out.text(&items.iter().map(Linked::lines).collect::<Vec<_>>().join("\n"));
    Ok(())
}

/// Says that a text has no room for pictures, where there are some.
pub fn lost_pictures(out: &mut Out<'_>, items: &[v1::Link]) -> Result<(), Fault> {
    let pictured = |item: &v1::Link| text::is_web(item.image_url.trim()) || !item.image_handle.is_empty();
    match items.iter().any(pictured) {
        true => out.degrade(&degrade::ARTICLES_PICTURES),
        false => Ok(()),
    }
}

/// The body of `news`.
pub fn news(items: impl IntoIterator<Item = Value>) -> Value {
    json!({ "articles": items.into_iter().collect::<Vec<_>>() })
}

/// A medium that cannot be shown itself: the customer can still open it.
pub fn medium<'a>(out: &mut Out<'_>, it: &'a v1::Media, row: &Row) -> Result<Linked<'a>, Fault> {
    if !text::is_web(&it.url) {
        return Err(words::no_medium(it));
    }
    out.degrade(row)?;
    let picture = if row.from == "image" { it.url.as_str() } else { "" };
    Ok(Linked::new(
        words::medium_name(it, row.from),
        &it.caption,
        &it.url,
        picture,
    ))
}

pub fn music<'a>(out: &mut Out<'_>, it: &'a v1::Music, row: &Row) -> Result<Linked<'a>, Fault> {
    let url = music_url(it)?;
    out.degrade(row)?;
    let title = if it.title.trim().is_empty() {
        "[音乐]"
    } else {
        &it.title
    };
    Ok(Linked::new(title, &it.description, url, ""))
}

/// Where the music lies.
pub fn music_url(it: &v1::Music) -> Result<&str, Fault> {
    let url = if it.url.is_empty() { &it.hq_url } else { &it.url };
    if text::is_web(url) {
        return Ok(url);
    }
    Err(Fault::new(Code::InvalidRequest, "music needs a http(s) url"))
}

/// A thing of the platform's by its link; `without` says why it cannot be sent where it has none.
pub fn reference<'a>(out: &mut Out<'_>, it: &'a v1::Reference, row: &Row, without: &str) -> Result<Linked<'a>, Fault> {
    if !text::is_web(&it.url) {
        return Err(Fault::new(Code::UnsupportedPart, without));
    }
    out.degrade(row)?;
    Ok(Linked::new(&it.title, "", &it.url, ""))
}
