//! What has been rendered so far, and what does a road make of it in the end?

use serde_json::{Map, Value, json};

use super::super::degrade::{self, Row};
use crate::{
    channels::contract::{Piece, Pieces, Roads, Say},
    error::{Code, Fault},
    schema::v1,
    settings::AccountSettings,
    text::{self, Links, Pictures},
};

/// What a text may be on a channel.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub links: Links,
    /// Bytes of one text.
    pub text_bytes: usize,
}

/// Collects pieces and degradations.
pub struct Out<'a> {
    pub settings: &'a AccountSettings,
    pub roads: Roads,
    pub manner: Manner,
    say: &'a Say,
    drafts: Vec<Draft>,
    degradations: Vec<v1::Degradation>,
}

enum Draft {
    /// Not yet split.
    Text(String),
    Piece(Piece),
}

impl<'a> Out<'a> {
    pub fn new(settings: &'a AccountSettings, say: &'a Say, roads: Roads, manner: Manner) -> Self {
        Self {
            settings,
            roads,
            manner,
            say,
            drafts: Vec::new(),
            degradations: Vec::new(),
        }
    }

    /// The answer can hold one message and nothing can follow it.
    pub fn passive_only(&self) -> bool {
        self.roads.passive && !self.roads.api
    }

    /// What stands in a text for its pictures.
    pub fn pictures(&self) -> Pictures {
        match self.say.pictures_apart {
            true => Pictures::LeftOut,
            false => Pictures::Linked,
        }
    }

    /// Nothing was said before: what comes now may ride.
    pub fn is_first(&self) -> bool {
        self.drafts.is_empty()
    }

    /// Says every part by `say`, then what they quote.
    pub fn parts(
        &mut self,
        parts: &[v1::Part],
        quote: Option<&v1::Quote>,
        mut say: impl FnMut(&mut Self, &v1::Part) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for part in parts {
            say(self, &text::parts::cleaned(part))?;
        }
        quote.map_or(Ok(()), |quote| self.quote(quote))
    }

    /// Takes this way down, or refuses because the core forbids it.
    pub fn degrade(&mut self, row: &Row) -> Result<(), Fault> {
        self.degradations.push(row.apply(self.say.degrade)?);
        Ok(())
    }

    /// Words; texts that are too long are split, or cut, in the end.
    pub fn text(&mut self, text: &str) {
        let text = text::tidy(&text::clean(text));
        if !text.trim().is_empty() {
            self.drafts.push(Draft::Text(text));
        }
    }

    /// A link in a text; where no text holds its address, its words.
    pub fn link(&mut self, url: &str, words: &str) -> Result<String, Fault> {
        if !self.manner.links.hold(url) {
            self.degrade(&degrade::LINK_LOST)?;
        }
        Ok(text::anchor(url, words, self.manner.links))
    }

    /// `{"msgtype": kind, kind: body}`.
    pub fn message(&mut self, part_type: &'static str, kind: &str, body: Value) {
        let mut native = Map::new();
        native.insert("msgtype".into(), kind.into());
        native.insert(kind.into(), body);
        self.bare(part_type, Value::Object(native));
    }

    pub fn bare(&mut self, part_type: &'static str, native: Value) {
        self.piece(Piece {
            part_type,
            native,
            passive_only: false,
        });
    }

    pub fn piece(&mut self, piece: Piece) {
        self.drafts.push(Draft::Piece(piece));
    }

    /// Writes the quote before the first text, in the room that its messages leave: a quote costs no message of its own.
    pub fn quote(&mut self, quote: &v1::Quote) -> Result<(), Fault> {
        if self.passive_only() {
            // They are one message in the end, and that has the room.
            self.drafts = join_texts(std::mem::take(&mut self.drafts));
        }
        let bytes = self.manner.text_bytes;
        let first = self.drafts.iter_mut().find_map(|draft| match draft {
            Draft::Text(text) => Some(text),
            Draft::Piece(_) => None,
        });
        let quoting = first.and_then(|text| Some((quoting(&quote.summary, text, bytes)?, text)));
        match quoting {
            Some((whole, text)) => {
                *text = whole;
                self.degrade(&degrade::QUOTE_INLINE)
            }
            None => self.degrade(&degrade::QUOTE_LOST),
        }
    }

    /// The pieces, in order.
    pub fn finish(mut self) -> Result<Pieces, Fault> {
        let mut drafts = std::mem::take(&mut self.drafts);
        // Only the first piece can ride, so what can only ride goes first; the sort keeps the order of the rest.
        drafts.sort_by_key(|draft| !matches!(draft, Draft::Piece(piece) if piece.passive_only));
        let pieces = if self.passive_only() {
            self.one(drafts)?
        } else {
            self.all(drafts)?
        };
        if pieces.is_empty() {
            return Err(Fault::new(
                Code::InvalidRequest,
                "there is nothing to say: no part has content",
            ));
        }
        Ok(Pieces {
            pieces,
            degradations: self.degradations,
        })
    }

    fn all(&mut self, drafts: Vec<Draft>) -> Result<Vec<Piece>, Fault> {
        let mut pieces = Vec::new();
        for draft in drafts {
            match draft {
                Draft::Piece(piece) => pieces.push(piece),
                Draft::Text(text) => pieces.extend(self.split(&text)?.into_iter().map(text_piece)),
            }
        }
        Ok(pieces)
    }

    fn split(&mut self, text: &str) -> Result<Vec<String>, Fault> {
        if text::split::loses_address(text, self.manner.text_bytes) {
            self.degrade(&degrade::LINK_LOST)?;
        }
        Ok(text::split::split(text, self.manner.text_bytes))
    }

    /// The one message that a passive answer holds: texts that follow each other join, the rest is left out.
    fn one(&mut self, drafts: Vec<Draft>) -> Result<Vec<Piece>, Fault> {
        let mut drafts = join_texts(drafts).into_iter();
        let piece = match drafts.next() {
            Some(Draft::Piece(piece)) => piece,
            Some(Draft::Text(text)) => {
                let mut cut = self.split(&text)?.into_iter();
                let Some(first) = cut.next() else {
                    return self.one(drafts.collect());
                };
                if cut.next().is_some() {
                    self.degrade(&degrade::TEXT_CUT)?;
                }
                text_piece(first)
            }
            None => return Ok(Vec::new()),
        };
        if drafts.next().is_some() {
            self.degrade(&degrade::PARTS_LOST)?;
        }
        if self.say.ai_generated {
            self.degradations.push(degrade::AI_MARK_LOST.report());
        }
        Ok(vec![piece])
    }
}

/// `text` behind the words of a quote: one line of at most 50 characters, so that the rule below it stands out. Fewer where
/// they would make one message more of it; `None` where none are left that say anything.
fn quoting(summary: &str, text: &str, bytes: usize) -> Option<String> {
    const QUOTED: usize = 50;
    /// Fewer characters of a longer quote say nothing.
    const TELLING: usize = 4;
    let words = text::clean(summary);
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let most = words.chars().take(QUOTED + 1).count();
    let messages = |text: &str| {
        if text.len() <= bytes {
            1
        } else {
            text::split::split(text, bytes).len()
        }
    };
    let alone = messages(text);
    let with = |shown: usize| format!("「{}」\n- - - -\n{text}", text::shorten(&words, shown));
    let fits = |shown: &usize| messages(&with(*shown)) <= alone;
    let lengths: Vec<usize> = (TELLING.min(most).max(1)..=most.min(QUOTED)).collect();
    if lengths.last().is_some_and(fits) {
        return lengths.last().copied().map(with);
    }
    lengths[..lengths.partition_point(fits)].last().copied().map(with)
}

fn join_texts(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut joined: Vec<Draft> = Vec::new();
    for draft in drafts {
        match (joined.last_mut(), draft) {
            (Some(Draft::Text(before)), Draft::Text(text)) => {
                before.push('\n');
                before.push_str(&text);
            }
            (_, draft) => joined.push(draft),
        }
    }
    joined
}

fn text_piece(text: String) -> Piece {
    Piece {
        part_type: "text",
        native: json!({ "msgtype": "text", "text": { "content": text } }),
        passive_only: false,
    }
}

const AI_MARK: &str = "aimsgcontext";

/// The mark of a machine's words, where the body has a place for it: the core's own choice in a native body stays.
/// <https://developers.weixin.qq.com/doc/subscription/api/customer/message/api_sendcustommessage.html>
pub fn mark_ai(say: &Say, piece: &mut Piece) {
    if let Some(body) = message_body(piece).filter(|_| say.ai_generated) {
        body.entry(AI_MARK).or_insert_with(|| json!({ "is_ai_msg": 1 }));
    }
}

/// What of it a passive answer has no place for.
pub fn lost_marks(piece: &Piece) -> Vec<v1::Degradation> {
    let marked = !piece.passive_only && piece.native.get(AI_MARK).is_some();
    marked.then(|| degrade::AI_MARK_LOST.report()).into_iter().collect()
}

/// The body of a piece that is a message of its own.
pub fn message_body(piece: &mut Piece) -> Option<&mut Map<String, Value>> {
    let rides = piece.passive_only;
    piece
        .native
        .as_object_mut()
        .filter(|body| !rides && body.contains_key("msgtype"))
}
