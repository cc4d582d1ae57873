//! Which card does a customer bring along? The vendor's `card_info`, as its SDK and mini-program pages write it, in our words.
//!
//! What has no place in ours stands where it came: the whole of it stays in the parameters.

use serde_json::{Map, Value};

use super::names::text;
use crate::schema::v1::{Action, Card, KeyValue, MiniProgramCard, action::Kind, card::Trigger};

/// `None` where it is no JSON object, nor one in a text.
pub fn read(value: &Value) -> Option<Card> {
    let parsed = match value {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    let card = parsed.as_object()?;
    // Several share one frame; a channel shows one at a time.
    let none = Map::new();
    let first = card.get("customCards").and_then(Value::as_array);
    let first = first.and_then(|cards| cards.first()?.as_object()).unwrap_or(&none);
    let either = |own: &str, outer: &str| first_of(&[said(first, own), said(card, outer)]);
    Some(Card {
        id: said(card, "cardId"),
        title: either("customCardName", "cardGuide"),
        description: either("customCardDesc", "cardDesc"),
        image_url: either("customCardThumbnail", "cardImg"),
        facts: amount(first).into_iter().collect(),
        web_url: either("customCardLink", "cardLink"),
        mini_program: page(&either("customMiniProgramUrl", "miniProgramUrl")),
        actions: [actions(first, "customMenus"), actions(card, "cardMenus")].concat(),
        question: said(first, "customCardQuestion"),
        trigger: trigger(&said(card, "cardTrigger")) as i32,
        ..Card::default()
    })
}

fn said(of: &Map<String, Value>, name: &str) -> String {
    of.get(name).map(text).unwrap_or_default()
}

fn first_of(texts: &[String]) -> String {
    let found = texts.iter().find(|text| !text.trim().is_empty());
    found.cloned().unwrap_or_default()
}

/// The vendor counts robot, human, both; without a word it is human.
fn trigger(number: &str) -> Trigger {
    match number.trim() {
        "0" => Trigger::Robot,
        "2" => Trigger::Both,
        _ => Trigger::Human,
    }
}

fn amount(card: &Map<String, Value>) -> Option<KeyValue> {
    let amount = said(card, "customCardAmount");
    (!amount.is_empty()).then(|| KeyValue {
        key: "customCardAmount".to_owned(),
        value: said(card, "customCardAmountSymbol") + &amount,
        ..KeyValue::default()
    })
}

fn page(path: &str) -> Option<MiniProgramCard> {
    (!path.is_empty()).then(|| MiniProgramCard {
        page_path: path.to_owned(),
        ..MiniProgramCard::default()
    })
}

fn actions(of: &Map<String, Value>, name: &str) -> Vec<Action> {
    let items = of.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(Value::as_object).map(action).collect()
}

/// `menuType` 0 opens something, 1 confirms, 2 sends what the button says.
fn action(menu: &Map<String, Value>) -> Action {
    let (label, link) = (said(menu, "menuName"), said(menu, "menuLink"));
    let page = page(&said(menu, "menuMiniProgramUrl"));
    let (kind, web_fallback_url) = match (said(menu, "menuType").as_str(), page) {
        ("2", _) => (Some(Kind::ReplyText(label.clone())), link),
        (_, Some(page)) => (Some(Kind::MiniProgram(page)), link),
        (_, None) if !link.is_empty() => (Some(Kind::Url(link)), String::new()),
        (_, None) => (None, String::new()),
    };
    Action {
        label,
        kind,
        web_fallback_url,
        ..Action::default()
    }
}
