//! How is a new external contact greeted? By the code that came with the contact, once: one text and up to nine attachments
//! in one call. <https://developer.work.weixin.qq.com/document/path/92137>

use serde_json::{Value, json};

use super::{WELCOME_CODE, degrade, invalid, text_of};
use crate::{
    channels::contract::{CodeRule, Piece, Pieces, Say, Ticket},
    error::Fault,
    schema::v1::{send_request::Degrade, send_result::Road},
    text,
};

/// Usable once, within 20 seconds.
pub const WELCOME: CodeRule = CodeRule {
    window: 20_000,
    part_types: &["text", "image", "video", "file", "link", "articles"],
    road: Road::Welcome,
    trigger: "welcome_code",
};

const ATTACHMENTS: usize = 9;
const TEXT_BYTES: usize = 4000;

/// The welcome code of the event that this message answers.
pub(super) fn ticket(say: &Say) -> Option<&Ticket> {
    let of_contact = |ticket: &&Ticket| ticket.of_event && ticket.about.eq_ignore_ascii_case("change_external_contact");
    say.ticket.as_ref().filter(of_contact)
}

/// All pieces in one call.
pub(super) fn joined(pieces: Pieces, code: &str, degrade: Degrade) -> Result<Pieces, Fault> {
    let Pieces {
        pieces,
        mut degradations,
    } = pieces;
    let (mut words, mut attachments, mut left) = (String::new(), Vec::new(), false);
    let part_type = pieces.iter().find(|piece| part_of(piece).is_some());
    let part_type = part_type.map_or("text", |piece| piece.part_type);
    for piece in &pieces {
        match part_of(piece) {
            Some(Part::Words(more)) => {
                let line = if words.is_empty() { "" } else { "\n" };
                words.push_str(line);
                words.push_str(&more);
            }
            Some(Part::Attached(more)) => attachments.extend(more),
            None => left = true,
        }
    }
    let mut cut = text::split::split(&words, TEXT_BYTES).into_iter();
    let words = cut.next().unwrap_or_default();
    left |= cut.next().is_some() || attachments.len() > ATTACHMENTS;
    attachments.truncate(ATTACHMENTS);
    if left {
        degradations.push(degrade::WELCOME_REST.apply(degrade)?);
    }
    if words.is_empty() && attachments.is_empty() {
        return Err(invalid("a welcome is a text, or pictures, links, videos and files"));
    }
    let mut native = json!({ WELCOME_CODE: code });
    if !words.is_empty() {
        native["text"] = json!({ "content": words });
    }
    if !attachments.is_empty() {
        native["attachments"] = Value::from(attachments);
    }
    let piece = Piece {
        part_type,
        native,
        passive_only: false,
    };
    Ok(Pieces {
        pieces: vec![piece],
        degradations,
    })
}

enum Part {
    Words(String),
    Attached(Vec<Value>),
}

fn part_of(piece: &Piece) -> Option<Part> {
    let kind = text_of(&piece.native, "msgtype");
    let body = piece.native.get(kind)?;
    let medium = |kind: &str| json!({ "msgtype": kind, kind: { "media_id": text_of(body, "media_id") } });
    Some(match kind {
        "text" => Part::Words(text_of(body, "content").to_owned()),
        "image" | "video" | "file" => Part::Attached(vec![medium(kind)]),
        "news" => {
            let articles = body.get("articles")?.as_array()?;
            let links: Vec<Value> = articles.iter().filter_map(link).collect();
            (links.len() == articles.len()).then_some(Part::Attached(links))?
        }
        _ => return None,
    })
}

fn link(article: &Value) -> Option<Value> {
    let url = Some(text_of(article, "url")).filter(|url| !url.is_empty())?;
    Some(json!({ "msgtype": "link", "link": {
        "title": text_of(article, "title"), "picurl": text_of(article, "picurl"), "desc": text_of(article, "description"), "url": url,
    } }))
}
