//! Which template cards are good, and what may change them later? Five kinds, tasks used once, codes spent once
//! (/document/path/90236, /document/path/94888).

use serde_json::{Value, json};

use super::{folded, send::own};
use crate::sim::{
    door::Request,
    phone::Entry,
    refusal::Refusal,
    wecom::Agent,
    weixin::{required, text_of},
    world::World,
};

/// Kinds whose buttons call back.
const INTERACTIVE: [&str; 3] = ["button_interaction", "vote_interaction", "multiple_interaction"];

fn kind(card: &Value) -> &str {
    text_of(card, "card_type").unwrap_or_default()
}

/// Whether clicks on it are told, so that it has a `response_code`.
pub fn answers(card: &Value) -> bool {
    INTERACTIVE.contains(&kind(card)) || card.get("action_menu").is_some()
}

/// What the phone shows of a card, or which part is missing.
pub fn shown(card: &Value) -> Result<Value, Refusal> {
    let title = card.pointer("/main_title/title").and_then(Value::as_str);
    let missing = |code: i64, field: &str| Err(Refusal::new(code, format!("invalid parameter: template_card.{field}")));
    match kind(card) {
        "text_notice" if title.is_none() && text_of(card, "sub_title_text").is_none() => {
            return missing(42031, "main_title");
        }
        "text_notice" | "news_notice" if card.get("card_action").is_none() => return missing(42045, "card_action"),
        "news_notice" if card.get("card_image").is_none() && card.get("image_text_area").is_none() => {
            return missing(42046, "card_image");
        }
        "news_notice" | "button_interaction" if title.is_none() => return missing(42031, "main_title"),
        "button_interaction" if !(1..=6).contains(&count(card, "button_list")) => return missing(42039, "button_list"),
        "vote_interaction" if card.get("checkbox").is_none() => return missing(42041, "checkbox"),
        "multiple_interaction" if !(1..=3).contains(&count(card, "select_list")) => {
            return missing(42042, "select_list");
        }
        "vote_interaction" | "multiple_interaction" if card.get("submit_button").is_none() => {
            return missing(42043, "submit_button");
        }
        "text_notice" | "news_notice" | "button_interaction" | "vote_interaction" | "multiple_interaction" => {}
        _ => return missing(42027, "card_type"),
    }
    let task = text_of(card, "task_id").unwrap_or_default();
    if answers(card) && !task_id(task) {
        return Err(Refusal::code(42014));
    }
    let list = card.get("button_list").and_then(Value::as_array);
    let buttons = list.map(Vec::as_slice).unwrap_or_default().iter();
    let buttons = buttons.map(|button| {
        Ok(json!({ "text": required(button, "text")?, "id": text_of(button, "key"), "url": text_of(button, "url") }))
    });
    Ok(json!({
        "card_type": kind(card),
        "task": task,
        "title": title.or_else(|| text_of(card, "sub_title_text")),
        "description": card.pointer("/main_title/desc").and_then(Value::as_str).or_else(|| text_of(card, "sub_title_text")),
        "url": card.pointer("/card_action/url"),
        "picture": card.pointer("/card_image/url"),
        "items": buttons.collect::<Result<Vec<_>, Refusal>>()?,
    }))
}

fn count(card: &Value, list: &str) -> usize {
    card.get(list).and_then(Value::as_array).map_or(0, Vec::len)
}

fn task_id(task: &str) -> bool {
    let letters = task
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@'));
    !task.is_empty() && task.len() <= 128 && letters
}

/// A card that calls back needs a callback, and a task that this application did not use.
pub fn admit(world: &mut World, agent: &Agent, card: &Value) -> Result<(), Refusal> {
    if !answers(card) {
        return Ok(());
    }
    if agent.callback_url.is_empty() {
        return Err(Refusal::code(43012));
    }
    let task = text_of(card, "task_id").unwrap_or_default();
    world
        .apps
        .task(&agent.id, task)
        .then_some(())
        .ok_or_else(|| Refusal::code(42014))
}

/// `POST /cgi-bin/message/update_template_card`.
pub fn update(world: &mut World, id: &str, call: &Request<'_>) -> Result<Value, Refusal> {
    let body = call.json()?;
    let now = world.now();
    let agent = world.agents.get(id).cloned().ok_or_else(|| Refusal::code(40014))?;
    own(&agent, &body)?;
    let change = match (body.get("button"), body.get("template_card")) {
        (Some(button), _) => json!({ "replace_name": required(button, "replace_name")? }),
        (None, Some(card)) => json!({ "card_type": kind(card), "title": card.pointer("/main_title/title") }),
        (None, None) => return Err(Refusal::code(40058)),
    };
    let users = body.get("userids").and_then(Value::as_array);
    let users = users
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str);
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for user in users.map(folded) {
        match world.customer(id, &user) {
            Some(_) => found.push(user),
            None => invalid.push(user),
        }
    }
    if body.get("atall") == Some(&json!(1)) {
        let all = world.customers.keys().filter(|(account, _)| account == id);
        found = all.map(|(_, member)| member.clone()).collect();
    }
    let code = text_of(&body, "response_code").unwrap_or_default();
    if !world.apps.spend(code, id, now) {
        return Err(Refusal::new(40058, "invalid response_code"));
    }
    for user in found {
        let seq = world.number();
        if let Some(person) = world.customer_mut(id, &user) {
            person.show(seq, now, Entry::account("update_template_card", "api", change.clone()));
        }
    }
    Ok(json!({ "errcode": 0, "errmsg": "ok", "invaliduser": invalid }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{answers, shown};

    fn code(card: &Value) -> i64 {
        shown(card).err().map_or(0, |no| no.code)
    }

    #[test]
    fn each_card_has_its_required_parts() {
        let title = json!({ "title": "t" });
        let action = json!({ "type": 1, "url": "https://example.org" });
        let notice = json!({ "card_type": "text_notice", "main_title": title, "card_action": action });
        assert_eq!(code(&notice), 0);
        assert!(!answers(&notice), "nothing in it calls back");
        assert_eq!(code(&json!({ "card_type": "text_notice", "main_title": title })), 42045);
        assert_eq!(
            code(&json!({ "card_type": "news_notice", "main_title": title, "card_action": action })),
            42046
        );
        let buttons = json!([{ "text": "接入", "key": "take" }]);
        let card =
            json!({ "card_type": "button_interaction", "main_title": title, "button_list": buttons, "task_id": "t-1" });
        assert_eq!(code(&card), 0);
        assert!(answers(&card));
        let no_task = json!({ "card_type": "button_interaction", "main_title": title, "button_list": buttons });
        assert_eq!(code(&no_task), 42014);
        assert_eq!(code(&json!({ "card_type": "vote_interaction", "task_id": "t" })), 42041);
        assert_eq!(code(&json!({ "card_type": "poster" })), 42027);
    }
}
