//! How is a core's message said by a WeCom application?
//!
//! [`pieces`] turns it into platform messages in order; [`passive()`] and [`call`] address one of them. Media are on the
//! platform before [`pieces`] is asked. <https://developer.work.weixin.qq.com/document/path/90236>

mod cards;
mod lines;
mod menu;
mod parts;
mod passive;
mod send;
mod template;
mod welcome;

use serde_json::Value;

use super::{degrade, limits};
use crate::{
    channels::{
        common::render::{
            instead as otherwise,
            out::{Manner, Out},
        },
        contract::{Piece, Pieces, Roads, Say, What},
    },
    error::{Code, Fault},
    schema::v1::{self, part::Content},
    settings::AccountSettings,
    text::Links,
};

pub use passive::passive;
pub use send::{SEND_PATH, UPDATE_PATH, WELCOME_PATH, call, probe, recall, ticket, upload};
pub use welcome::WELCOME;

/// What the platform calls the kinds that ride in a passive answer.
const CARRIES: &[&str] = &["text", "image", "voice", "video", "news"];

/// Keys of ours in a piece's body; names that begin with `_` never reach the platform. What goes by the API although its
/// kind could ride passively; the response code of the card that the piece changes, and whether that is the clicked one;
/// the welcome code.
const API_ONLY: &str = "_api_only";
const RESPONSE_CODE: &str = "_response_code";
const CLICKED: &str = "_clicked";
const WELCOME_CODE: &str = "_welcome_code";

/// What `say` becomes, and what was lost on the way.
pub fn pieces(settings: &AccountSettings, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
    let manner = Manner {
        links: Links::Keep,
        text_bytes: limits::text_bytes(settings),
    };
    let mut out = Out::new(settings, say, roads, manner);
    let mut cards = template::Cards::new(say);
    match &say.what {
        What::Typing => return Err(unsupported("WeCom shows nobody that somebody types")),
        What::Native(body) => template::native(&mut out, &cards, body)?,
        What::Parts { parts, quote } => {
            out.parts(parts, quote.as_ref(), |out, part| parts::part(out, &mut cards, part))?;
        }
    }
    let mut pieces = out.finish()?;
    if say.ai_generated && roads.api {
        pieces.degradations.push(degrade::AI_MARK_NONE.report());
    }
    if let Some(ticket) = welcome::ticket(say) {
        return welcome::joined(pieces, &ticket.code, say.degrade);
    }
    Ok(pieces)
}

/// Whether the piece greets a new external contact by the code of the event.
pub fn is_welcome(piece: &Piece) -> bool {
    piece.native.get(WELCOME_CODE).is_some()
}

/// Which card this message changes, if one of that name was sent or clicked: its task id, as [`super::cards::kept_as`]
/// tells it. Any other message may be the welcome that the event it answers allows.
pub fn wants_ticket(say: &Say) -> String {
    let named = match &say.what {
        What::Parts { parts, .. } => parts.iter().find_map(|part| match &part.content {
            Some(Content::TemplateCard(card)) => Some(template::task_of(card)),
            _ => None,
        }),
        What::Native(body) => template::task_in(body),
        What::Typing => None,
    };
    named.map_or_else(String::new, |task| super::cards::kept_as(&task).to_owned())
}

/// The platform's codes for a mini-program that is not linked to the application.
const NOT_LINKED: &[i32] = &[90206, 90207, 90208];

/// What to send in place of a message that the platform refused with `error`: cards and links without their mini-program,
/// by their web links. `None` where nothing else can be said.
pub fn instead(say: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
    if !NOT_LINKED.contains(&error.platform_code) {
        return None;
    }
    let told = degrade::MINI_PROGRAM_LINK.apply(say.degrade).ok()?;
    Some((otherwise::by_web_link(say)?, told))
}

fn unsupported(detail: impl Into<String>) -> Fault {
    Fault::new(Code::UnsupportedPart, detail)
}

fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(Code::InvalidRequest, detail)
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
