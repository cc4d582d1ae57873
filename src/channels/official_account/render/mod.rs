//! How is a core's message said on an official account?
//!
//! [`pieces`] turns it into platform messages in order; [`passive()`] and [`call`] address one of them. Before [`pieces`]
//! is asked, media are on the platform: `Media.platform_media_id` is set, and `thumb_handle` of a medium, a music or a
//! mini-program card holds the platform's media id of the thumbnail, no longer our handle.
//! <https://developers.weixin.qq.com/doc/subscription/api/customer/message/api_sendcustommessage.html>

mod cards;
mod menu;
mod out;
mod parts;
mod passive;
mod send;

use serde_json::{Value, json};

use super::degrade;
use crate::{
    channels::contract::{Piece, Pieces, Roads, Say, What},
    error::{Code, Fault},
    schema::v1,
    settings::{AccountSettings, PlatformAgents},
};

pub use passive::passive;
pub(super) use send::{RELEASE_PATH, SEND_PATH, TYPING_PATH};
pub use send::{call, release, upload};

use out::Out;

/// A key of ours in a piece's body: it must go by the API although its kind could ride passively. Keys that begin with
/// `_` never reach the platform.
const API_ONLY: &str = "_api_only";

/// What `say` becomes, and what was lost on the way.
pub fn pieces(settings: &AccountSettings, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
    let mut out = Out::new(settings, say, roads);
    match &say.what {
        What::Typing => typing(&mut out)?,
        What::Native(body) => native(&mut out, body)?,
        What::Parts { parts, quote } => {
            for part in parts {
                parts::part(&mut out, part)?;
            }
            if let Some(quote) = quote {
                out.quote(quote)?;
            }
        }
    }
    out.finish()
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
    let mut other = say.clone();
    let What::Parts { parts, .. } = &mut other.what else {
        return None;
    };
    let mut changed = false;
    for part in parts {
        if let Some(v1::part::Content::Card(card)) = &mut part.content
            && crate::text::is_web(card.web_url.trim())
        {
            changed |= card.mini_program.take().is_some();
        }
    }
    let told = degrade::MINI_PROGRAM_UNLINKED.apply(say.degrade).ok()?;
    changed.then_some((other, told))
}

fn typing(out: &mut Out<'_>) -> Result<(), Fault> {
    if out.passive_only() {
        return Err(Fault::new(Code::UnsupportedPart, "the typing sign needs the API"));
    }
    out.bare(send::TYPING, json!({ "command": "Typing" }));
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
