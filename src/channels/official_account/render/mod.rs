//! How is a core's message said on an official account?
//!
//! [`pieces`] turns it into platform messages in order; [`passive()`] and [`call`] address one of them. Before [`pieces`]
//! is asked, media are on the platform: `Media.platform_media_id` is set, and `thumb_handle` of a medium, a music or a
//! mini-program card holds the platform's media id of the thumbnail, no longer our handle.
//! <https://developers.weixin.qq.com/doc/subscription/api/customer/message/api_sendcustommessage.html>

mod cards;
mod menu;
mod parts;
mod passive;
mod send;

use serde_json::{Value, json};

use super::{degrade, limits};
use crate::{
    channels::{
        common::render::{
            instead as otherwise,
            out::{self, Manner, Out},
            send as calls,
        },
        contract::{Piece, Pieces, Roads, Say, What},
    },
    error::{Code, Fault},
    schema::v1,
    settings::{AccountSettings, PlatformAgents},
    text::Links,
};

pub use calls::customer_service as call;
pub(super) use calls::{SEND_PATH, TYPING_PATH};
pub use passive::passive;
pub(super) use send::RELEASE_PATH;
pub use send::{release, upload};

/// A key of ours in a piece's body: it must go by the API although its kind could ride passively. Keys that begin with
/// `_` never reach the platform.
const API_ONLY: &str = "_api_only";

/// What `say` becomes, and what was lost on the way.
pub fn pieces(settings: &AccountSettings, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
    let manner = Manner {
        links: Links::Keep,
        text_bytes: limits::text_bytes(settings),
    };
    let mut out = Out::new(settings, say, roads, manner);
    match &say.what {
        What::Typing => typing(&mut out)?,
        What::Native(body) => native(&mut out, body)?,
        What::Parts { parts, quote } => out.parts(parts, quote.as_ref(), parts::part)?,
    }
    let mut pieces = out.finish()?;
    for piece in &mut pieces.pieces {
        adorn(say, piece);
    }
    Ok(pieces)
}

/// The platform's codes for a mini-program that is not linked to the account.
const NOT_LINKED: &[i32] = &[45064, 45086];

/// What to send in place of a message that the platform refused with `error`, and what that loses: cards whose
/// mini-program is not linked to the account, by their web links. `None` where nothing else can be said, or the core
/// wants it so or not at all.
pub fn instead(say: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
    if !NOT_LINKED.contains(&error.platform_code) {
        return None;
    }
    let told = degrade::MINI_PROGRAM_UNLINKED.apply(say.degrade).ok()?;
    Some((otherwise::by_web_link(say)?, told))
}

fn typing(out: &mut Out<'_>) -> Result<(), Fault> {
    if out.passive_only() {
        return Err(Fault::new(Code::UnsupportedPart, "the typing sign needs the API"));
    }
    out.bare(calls::TYPING, json!({ "command": "Typing" }));
    Ok(())
}

/// The platform's own body, whatever the core wrote; the recipient is ours.
fn native(out: &mut Out<'_>, body: &Value) -> Result<(), Fault> {
    let bad = |detail: &str| Fault::new(Code::InvalidRequest, detail.to_owned());
    let mut body = body
        .as_object()
        .ok_or_else(|| bad("native_json is not a JSON object"))?
        .clone();
    body.remove("touser");
    let kind = body
        .get("msgtype")
        .and_then(Value::as_str)
        .ok_or_else(|| bad("native_json has no msgtype"))?;
    let part_type = part_of(kind);
    if part_type == "transfer" {
        let agent = body
            .get("transinfo")
            .and_then(|info| info.get("kf_account"))
            .and_then(Value::as_str)
            .unwrap_or("");
        return transfer(out, agent);
    }
    if out.passive_only() && !passive::CARRIES.contains(&kind) {
        return Err(Fault::new(
            Code::UnsupportedPart,
            format!("a passive answer cannot carry msgtype {kind}"),
        ));
    }
    out.bare(part_type, Value::Object(body));
    Ok(())
}

fn part_of(msgtype: &str) -> &'static str {
    match msgtype {
        "text" => "text",
        "image" => "image",
        "voice" => "voice",
        "video" => "video",
        "music" => "music",
        "news" => "articles",
        "msgmenu" => "menu",
        "miniprogrampage" => "mini_program",
        "link" => "link",
        "wxcard" | "mpnews" | "mpnewsarticle" => "reference",
        "transfer_customer_service" => "transfer",
        _ => "unsupported",
    }
}

/// Agent and AI mark, where the body has a place for them: the core's own choice in a native body stays.
fn adorn(say: &Say, piece: &mut Piece) {
    if let Some(body) = out::message_body(piece).filter(|_| is_agent(&say.speaker)) {
        body.entry("customservice")
            .or_insert_with(|| json!({ "kf_account": say.speaker }));
    }
    out::mark_ai(say, piece);
}

/// Whether it reads like an agent account, `prefix@alias`; a mere name cannot be shown by this platform.
fn is_agent(speaker: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    speaker
        .split_once('@')
        .is_some_and(|(prefix, alias)| word(prefix) && word(alias))
}

/// Hands the customer to the platform's own agents: only in answer to a message, and only if the operator wants that,
/// because we hear nothing of the customer until those agents are done.
fn transfer(out: &mut Out<'_>, agent: &str) -> Result<(), Fault> {
    if out.settings.platform_agents != PlatformAgents::Allow {
        return Err(Fault::new(
            Code::UnsupportedPart,
            "platform_agents is \"forbid\" for this account",
        ));
    }
    if !out.roads.passive {
        return Err(Fault::new(
            Code::UnsupportedPart,
            "a transfer rides only in a passive answer, and none is open",
        ));
    }
    out.piece(Piece {
        part_type: "transfer",
        native: json!({ "msgtype": passive::TRANSFER, "transinfo": { "kf_account": agent } }),
        passive_only: true,
    });
    Ok(())
}

#[cfg(test)]
mod tests;
