//! Template cards: which are new, and which change one that was sent before?
//!
//! A card names itself by a task id. A message with the task id of a card that was sent or clicked, and whose code is still
//! unused, changes that card (<https://developer.work.weixin.qq.com/document/path/94888>); any other is a new one.

use serde_json::{Map, Value, json};

use super::{super::cards as names, CARRIES, CLICKED, RESPONSE_CODE, invalid, text_of, unsupported};
use crate::{
    channels::{
        common::render::{
            links::{id, wording},
            out::Out,
        },
        contract::{Say, Ticket},
    },
    error::{Code, Fault},
    schema::v1::{self, action::Kind},
    text,
};

/// The cards of one message.
pub(super) struct Cards<'a> {
    say: &'a Say,
    made: usize,
}

impl<'a> Cards<'a> {
    pub fn new(say: &'a Say) -> Self {
        Self { say, made: 0 }
    }

    /// The task id of a card that we make.
    pub fn next(&mut self, menu: bool) -> String {
        self.made += 1;
        names::task_id(menu, &self.say.id, self.made - 1)
    }

    /// The code that changes the card of this task id.
    fn changes(&self, task: &str) -> Option<&Ticket> {
        let (kept, message) = (names::kept_as(task), names::source(task).1);
        let same = |about: &str| !about.is_empty() && [kept, message].iter().any(|it| about.eq_ignore_ascii_case(it));
        let fits = |ticket: &&Ticket| same(&ticket.about);
        self.say.ticket.as_ref().filter(fits)
    }
}

/// Buttons as the platform wants them; `before` others stand on cards before this one.
pub(super) fn buttons(actions: &[v1::Action], before: usize) -> Result<Vec<Value>, Fault> {
    let button = |(at, action): (usize, &v1::Action)| {
        let url = match &action.kind {
            Some(Kind::Url(url)) => url.trim(),
            Some(Kind::MiniProgram(_)) => action.web_fallback_url.trim(),
            Some(Kind::ReplyText(_)) | None => "",
        };
        Ok(if text::is_web(url) {
            json!({ "type": 1, "text": wording(action), "url": url })
        } else {
            json!({ "text": wording(action), "key": key(id(action, before + at))? })
        })
    };
    actions.iter().take(BUTTONS).enumerate().map(button).collect()
}

/// A key that is cut would be no choice of the core's, or that of another one.
fn key(id: String) -> Result<String, Fault> {
    match id.len() {
        ..=KEY => Ok(id),
        bytes => Err(Fault::new(
            Code::TooLong,
            format!("the id of a choice may have {KEY} bytes, this has {bytes}"),
        )),
    }
}

/// The task id that a card of the core's has.
pub(super) fn task_of(card: &v1::TemplateCard) -> String {
    if !card.task_id.trim().is_empty() {
        return card.task_id.trim().to_owned();
    }
    let native = serde_json::from_str::<Value>(&card.native_json).unwrap_or_default();
    text_of(&native, "task_id").trim().to_owned()
}

/// The task id that a native body names: beside the card, or in it.
pub(super) fn task_in(body: &Value) -> Option<String> {
    let in_card = body.get("template_card").map_or("", |card| text_of(card, "task_id"));
    let task = [text_of(body, "task_id"), in_card]
        .into_iter()
        .find(|task| !task.is_empty());
    let about_card = matches!(text_of(body, "msgtype"), "template_card" | UPDATE_CARD | UPDATE_BUTTON);
    about_card.then(|| task.unwrap_or_default().to_owned())
}

/// Buttons of one card, and bytes of the key of one.
/// <https://developer.work.weixin.qq.com/document/path/90236>
pub(super) const BUTTONS: usize = 6;
const KEY: usize = 1024;

/// The platform's names of a change, as in its passive replies.
pub(super) const UPDATE_CARD: &str = "update_template_card";
pub(super) const UPDATE_BUTTON: &str = "update_button";

/// A card of the core's own: a new one, or a change.
pub(super) fn part(out: &mut Out<'_>, cards: &Cards<'_>, it: &v1::TemplateCard) -> Result<(), Fault> {
    let native: Value = match it.native_json.trim() {
        "" => json!({}),
        json => serde_json::from_str(json).map_err(|error| invalid(format!("templateCard.nativeJson: {error}")))?,
    };
    let Value::Object(mut body) = native else {
        return Err(invalid("templateCard.nativeJson is not a JSON object"));
    };
    let task = task_of(it);
    let only_button = body.contains_key("button") && !body.contains_key("card_type") && it.card_type.is_empty();
    if let Some(ticket) = cards.changes(&task) {
        if only_button {
            let button = body.remove("button").unwrap_or_default();
            return change(out, ticket, "button", button);
        }
        named(&mut body, &it.card_type)?;
        body.remove("task_id");
        return change(out, ticket, "template_card", Value::Object(body));
    }
    if only_button {
        return Err(gone());
    }
    named(&mut body, &it.card_type)?;
    if !task.is_empty() {
        if !names::lawful(&task) {
            return Err(invalid("a task id has 1 to 128 of 0-9 A-Z a-z _ - @"));
        }
        body.insert("task_id".into(), task.into());
    }
    if out.passive_only() {
        return Err(unsupported("a passive answer cannot carry a new card"));
    }
    out.message("template_card", "template_card", Value::Object(body));
    Ok(())
}

fn named(body: &mut Map<String, Value>, card_type: &str) -> Result<(), Fault> {
    if !card_type.trim().is_empty() {
        body.insert("card_type".into(), card_type.trim().into());
    }
    match body.get("card_type").and_then(Value::as_str) {
        Some(kind) if !kind.is_empty() => Ok(()),
        _ => Err(invalid("a template card has no cardType")),
    }
}

/// `kind` is `button` or `template_card`.
fn change(out: &mut Out<'_>, ticket: &Ticket, kind: &str, body: Value) -> Result<(), Fault> {
    let msgtype = if kind == "button" { UPDATE_BUTTON } else { UPDATE_CARD };
    let native = json!({
        "msgtype": msgtype, RESPONSE_CODE: ticket.code, CLICKED: ticket.of_event, kind: body,
    });
    out.bare("template_card", native);
    Ok(())
}

fn gone() -> Fault {
    let detail = "no unused code of this card is known: it was changed already, or 72 hours have passed";
    Fault::new(Code::WindowClosed, detail)
}

// ───────────── the platform's own body ─────────────

/// What is always ours in a native body: whom it goes to and in whose name, and codes.
const OURS: &[&str] = &[
    "touser",
    "toparty",
    "totag",
    "agentid",
    "userids",
    "partyids",
    "tagids",
    "atall",
    "response_code",
    "task_id",
];

/// The platform's own body, whatever the core wrote; recipient, agent and codes are ours.
pub(super) fn native(out: &mut Out<'_>, cards: &Cards<'_>, body: &Value) -> Result<(), Fault> {
    let task = task_in(body);
    let mut body = body
        .as_object()
        .ok_or_else(|| invalid("native_json is not a JSON object"))?
        .clone();
    body.retain(|name, _| !OURS.contains(&name.as_str()) && !name.starts_with('_'));
    let kind = body
        .get("msgtype")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if kind.is_empty() {
        return Err(invalid("native_json has no msgtype"));
    }
    if let Some(task) = task {
        // Without a name it is the card of the click that is answered.
        let of_click = || {
            cards
                .say
                .ticket
                .as_ref()
                .filter(|ticket| task.is_empty() && ticket.of_event)
        };
        let is_change = kind != "template_card";
        let ticket = cards.changes(&task).or_else(|| is_change.then(of_click).flatten());
        let inside = if kind == UPDATE_BUTTON {
            "button"
        } else {
            "template_card"
        };
        match (ticket, is_change) {
            (Some(ticket), _) => {
                let mut card = body.remove(inside).unwrap_or_default();
                if let Some(card) = card.as_object_mut() {
                    card.remove("task_id");
                }
                return change(out, ticket, inside, card);
            }
            (None, true) => return Err(gone()),
            (None, false) => {}
        }
    }
    if out.passive_only() && !CARRIES.contains(&kind.as_str()) {
        return Err(unsupported(format!("a passive answer cannot carry msgtype {kind}")));
    }
    out.bare(part_of(&kind), Value::Object(body));
    Ok(())
}

fn part_of(msgtype: &str) -> &'static str {
    match msgtype {
        "text" | "markdown" => "text",
        "image" => "image",
        "voice" => "voice",
        "video" => "video",
        "file" => "file",
        "textcard" => "link",
        "news" | "mpnews" => "articles",
        "miniprogram_notice" => "mini_program",
        "template_card" => "template_card",
        _ => "unsupported",
    }
}
