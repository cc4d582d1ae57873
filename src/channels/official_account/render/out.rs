//! What has been rendered so far, and what does a road make of it in the end?

use serde_json::{Map, Value, json};

use super::super::{
    degrade::{self, Row},
    limits,
};
use crate::{
    channels::contract::{Piece, Pieces, Roads, Say},
    error::{Code, Fault},
    schema::v1,
    settings::AccountSettings,
    text,
};

/// Collects pieces and degradations.
pub(super) struct Out<'a> {
    pub settings: &'a AccountSettings,
    pub roads: Roads,
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
    pub fn new(settings: &'a AccountSettings, say: &'a Say, roads: Roads) -> Self {
        Self {
            settings,
            roads,
            say,
            drafts: Vec::new(),
            degradations: Vec::new(),
        }
    }

    /// The answer can hold one message and nothing can follow it.
    pub fn passive_only(&self) -> bool {
        self.roads.passive && !self.roads.api
    }

    /// Takes this way down, or refuses because the core forbids it.
    pub fn degrade(&mut self, row: &Row) -> Result<(), Fault> {
        self.degradations.push(row.apply(self.say.degrade)?);
        Ok(())
    }

    pub fn text(&mut self, text: &str) {
        let text = text::tidy(text);
        if !text.trim().is_empty() {
            self.drafts.push(Draft::Text(text));
        }
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

    /// Writes the quote before the first text. Its words are cut to 50 characters; one line, so that the rule below it
    /// stands out.
    pub fn quote(&mut self, quote: &v1::Quote) -> Result<(), Fault> {
        const QUOTED: usize = 50;
        let words = quote.summary.split_whitespace().collect::<Vec<_>>().join(" ");
        let first = self.drafts.iter_mut().find_map(|draft| match draft {
            Draft::Text(text) => Some(text),
            Draft::Piece(_) => None,
        });
        match first {
            Some(text) if !words.is_empty() => {
                *text = format!("「{}」\n- - - -\n{text}", text::shorten(&words, QUOTED));
                self.degrade(&degrade::QUOTE_INLINE)
            }
            _ => self.degrade(&degrade::QUOTE_LOST),
        }
    }

    pub fn finish(mut self) -> Result<Pieces, Fault> {
        let mut drafts = std::mem::take(&mut self.drafts);
        // Only the first piece can ride, so what can only ride goes first; the sort keeps the order of the rest.
        drafts.sort_by_key(|draft| !matches!(draft, Draft::Piece(piece) if piece.passive_only));
        if drafts.is_empty() {
            return Err(Fault::new(
                Code::InvalidRequest,
                "there is nothing to say: no part has content",
            ));
        }
        let mut pieces = if self.passive_only() {
            self.one(drafts)?
        } else {
            self.all(drafts)
        };
        for piece in &mut pieces {
            adorn(self.say, piece);
        }
        Ok(Pieces {
            pieces,
            degradations: self.degradations,
        })
    }

    fn all(&self, drafts: Vec<Draft>) -> Vec<Piece> {
        let limit = limits::text_bytes(self.settings);
        let mut pieces = Vec::new();
        for draft in drafts {
            match draft {
                Draft::Piece(piece) => pieces.push(piece),
                Draft::Text(text) => pieces.extend(text::split::split(&text, limit).into_iter().map(text_piece)),
            }
        }
        pieces
    }

    /// The one message that a passive answer holds: texts that follow each other join, the rest is left out.
    fn one(&mut self, drafts: Vec<Draft>) -> Result<Vec<Piece>, Fault> {
        let mut drafts = join_texts(drafts).into_iter();
        let piece = match drafts.next() {
            Some(Draft::Piece(piece)) => piece,
            Some(Draft::Text(text)) => {
                let mut cut = text::split::split(&text, limits::text_bytes(self.settings)).into_iter();
                let first = cut.next().unwrap_or_default();
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

/// Agent and AI mark, where the body has a place for them: the core's own choice in a native body stays.
fn adorn(say: &Say, piece: &mut Piece) {
    let Some(body) = piece.native.as_object_mut() else {
        return;
    };
    if piece.passive_only || !body.contains_key("msgtype") {
        return;
    }
    if is_agent(&say.speaker) {
        body.entry("customservice")
            .or_insert_with(|| json!({ "kf_account": say.speaker }));
    }
    if say.ai_generated {
        body.entry("aimsgcontext").or_insert_with(|| json!({ "is_ai_msg": 1 }));
    }
}

/// Whether it reads like an agent account, `prefix@alias`; a mere name cannot be shown by this platform.
fn is_agent(speaker: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    speaker
        .split_once('@')
        .is_some_and(|(prefix, alias)| word(prefix) && word(alias))
}
