//! How is a core's message said in a mini-program's chat?
//!
//! [`pieces`] turns it into platform messages in order, [`call`] addresses one of them; [`passive()`] writes the one answer
//! that may ride in a request, the hand-over to the platform's own agents. Before [`pieces`] is asked, media are on the
//! platform, as on the official account.
//! <https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_sendcustommessage.html>

mod cards;
mod parts;

use serde_json::{Value, json};

use super::{degrade, limits};
use crate::{
    channels::{
        common::{
            limits::text_bytes,
            render::{
                instead as otherwise,
                out::{self, Manner, Out},
                send::{self, TYPING},
            },
        },
        contract::{PassiveTo, Piece, Pieces, Roads, Say, Upload, What},
    },
    envelope::xml,
    error::{Code, Fault},
    ports::{clock::Millis, platform::Call},
    schema::v1,
    settings::{AccountSettings, PlatformAgents},
    text::Links,
};

pub use crate::channels::common::render::send::customer_service as call;
pub use cards::is_own;

const TRANSFER: &str = "transfer_customer_service";

/// What `say` becomes, and what was lost on the way.
pub fn pieces(settings: &AccountSettings, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
    let manner = Manner {
        links: Links::Keep,
        text_bytes: text_bytes(settings),
    };
    // No content rides in a request, so nothing is cut to fit into one.
    let by_api = Roads { api: true, ..roads };
    let mut out = Out::new(settings, say, by_api, manner);
    match &say.what {
        What::Typing => out.bare(TYPING, json!({ "command": "Typing" })),
        What::Native(body) => native(&mut out, body)?,
        What::Parts { parts, quote } => out.parts(parts, quote.as_ref(), parts::part)?,
    }
    let mut pieces = out.finish()?;
    for piece in &mut pieces.pieces {
        out::mark_ai(say, piece);
    }
    Ok(pieces)
}

/// The codes for a page that cannot be shown: of another mini-program, or not released.
const PAGE_REFUSED: &[i32] = &[45064, 45086, 41030];

/// What to send in place of a card whose page the platform refused: its web link.
pub fn instead(say: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
    if !PAGE_REFUSED.contains(&error.platform_code) {
        return None;
    }
    let told = degrade::MINI_PROGRAM_REFUSED.apply(say.degrade).ok()?;
    Some((otherwise::by_web_link(say)?, told))
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
    if kind == TRANSFER {
        return transfer(out);
    }
    let part_type = match kind {
        "text" => "text",
        "image" => "image",
        "link" => "link",
        "miniprogrampage" => "mini_program",
        _ => "unsupported",
    };
    out.bare(part_type, Value::Object(body));
    Ok(())
}

/// Hands the customer to the agents of the platform's web tool: only in answer to a message, and only if the operator wants
/// that, because we hear nothing of the customer until those agents are done.
/// <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/trans.html>
fn transfer(out: &mut Out<'_>) -> Result<(), Fault> {
    let refused = |detail: &str| Err(Fault::new(Code::UnsupportedPart, detail));
    if out.settings.platform_agents != PlatformAgents::Allow {
        return refused("platform_agents is \"forbid\" for this account");
    }
    if !out.roads.passive {
        return refused("a transfer rides only in a passive answer, and none is open");
    }
    out.piece(Piece {
        part_type: "transfer",
        native: json!({ "msgtype": TRANSFER }),
        passive_only: true,
    });
    Ok(())
}

/// The answer before sealing, in the format of the push; `None` for everything but a transfer. The page names no agent to
/// hand over to.
pub fn passive(piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
    let kind = piece.native.get("msgtype").and_then(Value::as_str);
    if kind != Some(TRANSFER) || !to.to_message {
        return None;
    }
    let created = now.div_euclid(1000);
    if to.json {
        let (customer, account) = (Value::from(to.to.as_str()), Value::from(to.from.as_str()));
        let body = format!(
            r#"{{"ToUserName":{customer},"FromUserName":{account},"CreateTime":{created},"MsgType":"{TRANSFER}"}}"#
        );
        return Some(body.into_bytes());
    }
    let mut body = String::from("<xml><ToUserName>");
    xml::cdata(&to.to, &mut body);
    body.push_str("</ToUserName><FromUserName>");
    xml::cdata(&to.from, &mut body);
    body.push_str(&format!(
        "</FromUserName><CreateTime>{created}</CreateTime><MsgType><![CDATA[{TRANSFER}]]></MsgType></xml>"
    ));
    Some(body.into_bytes())
}

/// The upload of one picture as a temporary medium, which lives for three days; a thumbnail is a picture here.
/// <https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_uploadtempmedia.html>
pub fn upload(file: &Upload) -> Result<Call, Fault> {
    send::upload(limits::MEDIA, "mini-programs", "image", file)
}

#[cfg(test)]
mod tests;
