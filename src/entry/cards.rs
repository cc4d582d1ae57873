//! Which card do Sobot's words (`card_info`) describe? As its SDK and mini-program pages write it, whether a customer brings it
//! along or a core sends it.
//!
//! What has no place in our card stands where it came from, as a whole.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::schema::v1::{Action, Card, KeyValue, MiniProgramCard, action::Kind, card::Trigger};

/// `None` where it is no JSON object, nor one in a text. Of several cards it is the first: a channel shows one at a time.
pub fn read(value: &Value) -> Option<Card> {
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    let (info, first) = (parsed.is_object().then_some(&parsed)?, &parsed["customCards"][0]);
    let either = |own: &str, outer: &str| {
        Some(text(first, own))
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| text(info, outer))
    };
    Some(Card {
        id: either("customCardId", "cardId"),
        title: either("customCardName", "cardGuide"),
        description: either("customCardDesc", "cardDesc"),
        image_url: either("customCardThumbnail", "cardImg"),
        facts: price(first).into_iter().collect(),
        web_url: either("customCardLink", "cardLink"),
        mini_program: page(&either("customMiniProgramUrl", "miniProgramUrl")),
        actions: list(info, "cardMenus")
            .iter()
            .chain(list(first, "customMenus"))
            .map(button)
            .collect(),
        question: either("customCardQuestion", "customCardQuestion"),
        trigger: trigger(&text(info, "cardTrigger")) as i32,
        ..Card::default()
    })
}

/// The cards behind the first, each a line that leads to it: each message counts.
pub fn others(value: &Value) -> Vec<Action> {
    let others = list(value, "customCards").iter().skip(1);
    let lines = others.map(|card| {
        let link = text(card, "customCardLink");
        leads(
            text(card, "customCardName"),
            page(&text(card, "customMiniProgramUrl")),
            link,
        )
    });
    lines.collect()
}

/// The vendor counts robot, human, both; without a word it is human.
fn trigger(number: &str) -> Trigger {
    match number {
        "0" => Trigger::Robot,
        "2" => Trigger::Both,
        _ => Trigger::Human,
    }
}

fn price(card: &Value) -> Option<KeyValue> {
    let amount = text(card, "customCardAmount");
    (!amount.is_empty()).then(|| KeyValue {
        value: text(card, "customCardAmountSymbol") + &amount,
        ..KeyValue::default()
    })
}

/// `menuType` 0 opens something; 1 confirms and 2 sends, which is to say what the button says.
fn button(menu: &Value) -> Action {
    let label = text(menu, "menuName");
    match text(menu, "menuType").as_str() {
        "1" | "2" => Action {
            kind: Some(Kind::ReplyText(label.clone())),
            label,
            ..Action::default()
        },
        _ => leads(label, page(&text(menu, "menuMiniProgramUrl")), text(menu, "menuLink")),
    }
}

fn leads(label: String, page: Option<MiniProgramCard>, link: String) -> Action {
    let (kind, web_fallback_url) = match page {
        Some(page) => (Kind::MiniProgram(page), link),
        None => (Kind::Url(link), String::new()),
    };
    Action {
        label,
        kind: Some(kind),
        web_fallback_url,
        ..Action::default()
    }
}

/// A page of the mini-program that shows it. Their paths come encoded as a whole, once.
fn page(path: &str) -> Option<MiniProgramCard> {
    let path = match path.contains(['/', '?']) {
        true => path.to_owned(),
        false => percent_decode_str(path).decode_utf8_lossy().into_owned(),
    };
    (!path.is_empty()).then(|| MiniProgramCard {
        page_path: path,
        ..MiniProgramCard::default()
    })
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Words; numbers too, which these fields hold now and then.
fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
