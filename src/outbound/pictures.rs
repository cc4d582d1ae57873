//! A picture inside a text: a message of its own, or a link?
//!
//! A chat window shows no picture in the middle of words. So each becomes a message behind its text, and costs one; where
//! one of them cannot be had, or not so many messages may go, they are links in the text, all of them. The pieces of a
//! message that has begun must stay as they were, and the result tells how that was.

use std::sync::Arc;

use super::{
    Outbound,
    by_code::Standings,
    plan::{self, Ask, Facts, Plan},
    resolve::{How, Unplaced, Unresolved},
    ride::shapes,
};
use crate::{
    accounts::Opened,
    channels::contract::{Pieces, Roads, Say, What},
    schema::v1::{self, part::Content, text::Format},
    text::{self, Links},
};

/// Pictures of one message that are sent apart; one with more shows links.
const MOST: usize = 8;
const IMAGE: &str = "image";

/// How the pictures inside the texts of a message go.
#[derive(Clone, Copy)]
pub(super) enum Pictures<'a> {
    /// Apart, if this lets what they become pass.
    IfFit(Ask, Room<'a>),
    Apart,
    Linked,
}

/// How things stand for a message.
#[derive(Clone, Copy)]
pub(super) enum Room<'a> {
    /// The same, whatever it becomes.
    Same(Facts),
    /// A code carries some kinds of pieces alone.
    ByPieces(&'a Standings),
}

impl Room<'_> {
    /// `None`: they would leave a code unused that carries the words with links.
    fn facts(self, pieces: &Pieces) -> Option<Facts> {
        match self {
            Self::Same(facts) => Some(facts),
            Self::ByPieces(standings) if standings.leaves_code(pieces) => None,
            Self::ByPieces(standings) => Some(standings.facts_for(pieces)),
        }
    }
}

impl Pictures<'_> {
    /// As they went when the result was written.
    pub fn as_told(result: &v1::SendResult) -> Self {
        let apart = |told: &v1::Degradation| (&*told.from_type, &*told.to_type) == (IMAGE, IMAGE);
        match result.degradations.iter().any(apart) {
            true => Self::Apart,
            false => Self::Linked,
        }
    }

    /// Whether these pieces may all go, the first by the open request where there may be one.
    fn let_pass(self, pieces: &Pieces, roads: Roads) -> bool {
        match self {
            Self::Apart => true,
            Self::Linked => false,
            Self::IfFit(ask, room) => room.facts(pieces).is_some_and(|facts| {
                let plan = plan::plan(&ask, &facts, &shapes(pieces, roads.passive));
                matches!(plan, Plan::Api | Plan::Passive { cut: false })
            }),
        }
    }
}

/// How the pictures inside the texts of a message go, when it is known.
pub(super) enum Inside {
    Apart(Pieces),
    /// As links, or there are none; and which one could not be had.
    Linked(Option<Unplaced>),
}

impl Outbound {
    /// The pieces of a message with pictures inside its texts, each picture a piece of its own where that is possible.
    pub(super) async fn with_pictures(
        &self,
        opened: &Arc<Opened>,
        say: &Say,
        roads: Roads,
        how: How,
        pictures: Pictures<'_>,
    ) -> Result<Inside, Unresolved> {
        if matches!(pictures, Pictures::Linked) || !roads.api {
            return Ok(Inside::Linked(None));
        }
        let Some(apart) = apart(say) else {
            return Ok(Inside::Linked(None));
        };
        match (self.pieces_of(opened, apart, roads, how).await, pictures) {
            (Err(unresolved), Pictures::Apart) => Err(unresolved),
            (Err(unresolved), _) => Ok(Inside::Linked(Some(Unplaced {
                kind: IMAGE,
                why: unresolved.into_error(),
            }))),
            (Ok((pieces, _)), Pictures::Apart) => Ok(Inside::Apart(pieces)),
            (Ok((pieces, unplaced)), _) => match unplaced.into_iter().find(|it| it.kind == IMAGE) {
                Some(unplaced) => Ok(Inside::Linked(Some(unplaced))),
                None if pictures.let_pass(&pieces, roads) => Ok(Inside::Apart(pieces)),
                None => Ok(Inside::Linked(None)),
            },
        }
    }
}

/// Whether there are pictures inside its texts that could go apart.
pub(super) fn any(say: &Say) -> bool {
    apart(say).is_some()
}

/// With the pictures of its texts as parts behind them; `None` where there are none, or too many.
fn apart(say: &Say) -> Option<Say> {
    let What::Parts { parts, quote } = &say.what else {
        return None;
    };
    let with: Vec<v1::Part> = parts
        .iter()
        .flat_map(|part| std::iter::once(part.clone()).chain(inside(part)))
        .collect();
    let count = with.len() - parts.len();
    (1..=MOST).contains(&count).then(|| Say {
        what: What::Parts {
            parts: with,
            quote: quote.clone(),
        },
        pictures_apart: true,
        ..say.clone()
    })
}

/// The pictures of the web inside a text.
fn inside(part: &v1::Part) -> impl Iterator<Item = v1::Part> {
    let lowered = match &part.content {
        Some(Content::Text(it)) if it.body.len() <= text::LONGEST_TEXT => match it.format() {
            Format::Html => text::html::lower(&it.body, Links::Keep, text::Pictures::LeftOut),
            Format::Markdown => text::markdown::lower(&it.body, Links::Keep, text::Pictures::LeftOut),
            Format::Plain => text::Lowered::default(),
        },
        _ => text::Lowered::default(),
    };
    lowered.images.into_iter().filter_map(|image| {
        let url = image.url()?;
        let media = v1::Media {
            url,
            ..Default::default()
        };
        Some(v1::Part {
            content: Some(Content::Image(media)),
            ..Default::default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str, format: Format) -> v1::Part {
        let text = v1::Text {
            body: body.to_owned(),
            format: format as i32,
        };
        v1::Part {
            content: Some(Content::Text(text)),
            ..Default::default()
        }
    }

    fn kinds(parts: Vec<v1::Part>) -> Option<Vec<String>> {
        let say = Say {
            what: What::Parts { parts, quote: None },
            ..Say::default()
        };
        let What::Parts { parts, .. } = apart(&say)?.what else {
            return None;
        };
        let kind = |part: v1::Part| match part.content {
            Some(Content::Text(text)) => text.body,
            Some(Content::Image(image)) => image.url,
            _ => "another".to_owned(),
        };
        Some(parts.into_iter().map(kind).collect())
    }

    #[test]
    fn each_picture_stands_behind_its_own_text() {
        let (html, markdown) = (
            r#"a<img src="//x/1.png"><img src="https://x/2.png?a=1&amp;b">"#,
            "b ![图](https://x/3.png)",
        );
        let parts = vec![text(html, Format::Html), text(markdown, Format::Markdown)];
        let expected = [
            html,
            "https://x/1.png",
            "https://x/2.png?a=1&b",
            markdown,
            "https://x/3.png",
        ];
        assert_eq!(kinds(parts).as_deref(), Some(&expected.map(str::to_owned)[..]));
    }

    #[test]
    fn what_has_no_picture_of_the_web_and_what_has_very_many_stays_as_it_is() {
        for html in ["a", r#"<img src="cid:1">"#, r#"<img src="data:image/png;base64,AA">"#] {
            assert_eq!(kinds(vec![text(html, Format::Html)]), None, "{html}");
        }
        assert_eq!(kinds(vec![text(r#"<img src="https://x">"#, Format::Plain)]), None);
        let many = r#"<img src="https://x">"#.repeat(MOST + 1);
        assert_eq!(kinds(vec![text(&many, Format::Html)]), None);
    }
}
