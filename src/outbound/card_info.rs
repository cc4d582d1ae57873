//! What does a card say that a core describes in Sobot's words (`card_info`)? They stand beside the part, and what the card
//! itself says goes before them.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::schema::v1::{self, action::Kind, part::Content};

/// Where they stand in a part's `ext_json`.
const NAME: &str = "sobot.card_info";

/// Whether what stands there is an object at all.
pub(super) fn is_readable(part: &v1::Part) -> bool {
    !part.ext_json.contains_key(NAME) || described(part).is_some()
}

/// The part, its card filled with what stands there.
pub(super) fn filled(mut part: v1::Part) -> v1::Part {
    let described = described(&part);
    if let (Some(info), Some(Content::Card(card))) = (described, &mut part.content) {
        fill(card, &info);
    }
    part
}

fn described(part: &v1::Part) -> Option<Value> {
    let info = serde_json::from_str::<Value>(part.ext_json.get(NAME)?).ok()?;
    info.is_object().then_some(info)
}

fn fill(card: &mut v1::Card, info: &Value) {
    let (first, others) = match list(info, "customCards") {
        [first, others @ ..] => (first, others),
        [] => (&Value::Null, &[][..]),
    };
    let of = |own: &str, names: [(&Value, &str); 2]| {
        let said = names.map(|(value, name)| text(value, name));
        let words = std::iter::once(own).chain(said.iter().map(String::as_str));
        words
            .map(str::trim)
            .find(|it| !it.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    card.id = of(&card.id, [(info, "cardId"), (first, "customCardId")]);
    card.title = of(&card.title, [(first, "customCardName"), (info, "cardGuide")]);
    card.description = of(&card.description, [(first, "customCardDesc"), (info, "cardDesc")]);
    if card.image_handle.is_empty() {
        card.image_url = of(&card.image_url, [(first, "customCardThumbnail"), (info, "cardImg")]);
    }
    card.web_url = of(&card.web_url, [(first, "customCardLink"), (info, "cardLink")]);
    card.question = of(
        &card.question,
        [(first, "customCardQuestion"), (info, "customCardQuestion")],
    );
    let path = of("", [(first, "customMiniProgramUrl"), (info, "miniProgramUrl")]);
    card.mini_program = card.mini_program.take().or_else(|| page(&path));
    if card.facts.is_empty() {
        card.facts.extend(price(first));
    }
    if card.actions.is_empty() {
        let buttons = list(info, "cardMenus")
            .iter()
            .chain(list(first, "customMenus"))
            .map(button);
        card.actions = buttons.chain(others.iter().map(another)).collect();
        card.actions.retain(|action| !action.label.is_empty());
    }
}

fn price(card: &Value) -> Option<v1::KeyValue> {
    let amount = text(card, "customCardAmount");
    (!amount.is_empty()).then(|| v1::KeyValue {
        value: format!("{}{amount}", text(card, "customCardAmountSymbol")),
        ..Default::default()
    })
}

/// A button jumps (0), or says its words (1, 2).
fn button(menu: &Value) -> v1::Action {
    let label = text(menu, "menuName");
    match text(menu, "menuType").as_str() {
        "1" | "2" => v1::Action {
            kind: Some(Kind::ReplyText(label.clone())),
            label,
            ..Default::default()
        },
        _ => leads(label, &text(menu, "menuMiniProgramUrl"), text(menu, "menuLink")),
    }
}

/// One card is shown as such; those behind it are lines that lead to them, because each message counts.
fn another(card: &Value) -> v1::Action {
    let (path, link) = (text(card, "customMiniProgramUrl"), text(card, "customCardLink"));
    leads(text(card, "customCardName"), &path, link)
}

fn leads(label: String, path: &str, link: String) -> v1::Action {
    let kind = page(path).map_or_else(|| Kind::Url(link.clone()), Kind::MiniProgram);
    v1::Action {
        label,
        kind: Some(kind),
        web_fallback_url: link,
        ..Default::default()
    }
}

/// A page of the mini-program that shows it. Their paths come encoded as a whole, once.
fn page(path: &str) -> Option<v1::MiniProgramCard> {
    let path = match path.contains(['/', '?']) {
        true => path.to_owned(),
        false => percent_decode_str(path).decode_utf8_lossy().into_owned(),
    };
    (!path.is_empty()).then(|| v1::MiniProgramCard {
        page_path: path,
        ..Default::default()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(own: v1::Card, info: &Value) -> v1::Card {
        let part = v1::Part {
            content: Some(Content::Card(own)),
            ext_json: [(NAME.to_owned(), info.to_string())].into(),
        };
        assert!(is_readable(&part));
        match filled(part).content {
            Some(Content::Card(card)) => card,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_card_in_sobots_words_becomes_one_with_both_links() {
        let info = json!({
            "cardId": "c1", "cardGuide": "Look", "cardDesc": "Boils water", "cardImg": "https://i.example/k.png",
            "cardLink": "https://shop.example/k", "miniProgramUrl": "pages%2Fk%3Fid%3D1",
            "cardMenus": [
                { "menuType": 0, "menuName": "Buy", "menuLink": "https://shop.example/b", "menuLinkType": 2,
                  "menuMiniProgramUrl": "pages/b?x=%20" },
                { "menuType": 2, "menuName": "Ask" },
            ],
        });
        let shown = card(v1::Card::default(), &info);
        assert_eq!(
            (shown.title.as_str(), shown.description.as_str()),
            ("Look", "Boils water")
        );
        assert_eq!(shown.web_url, "https://shop.example/k");
        assert_eq!(
            shown.mini_program.map(|it| it.page_path).as_deref(),
            Some("pages/k?id=1")
        );
        let Some(Kind::MiniProgram(buy)) = &shown.actions[0].kind else {
            panic!("{:?}", shown.actions)
        };
        assert_eq!(
            (buy.page_path.as_str(), shown.actions[0].web_fallback_url.as_str()),
            ("pages/b?x=%20", "https://shop.example/b")
        );
        assert_eq!(shown.actions[1].kind, Some(Kind::ReplyText("Ask".into())));
        let own = v1::Card {
            title: "Kettle".into(),
            ..Default::default()
        };
        assert_eq!(card(own, &info).title, "Kettle");
    }

    #[test]
    fn of_several_cards_the_first_is_shown_and_the_others_are_lines() {
        let info = json!({ "cardGuide": "Look", "customCards": [
            { "customCardName": "Kettle", "customCardAmount": 9.5, "customCardAmountSymbol": "¥", "customCardQuestion": "Is it hot?" },
            { "customCardName": "Cup", "customCardLink": "https://shop.example/c" },
        ] });
        let shown = card(v1::Card::default(), &info);
        assert_eq!(
            (shown.title.as_str(), shown.question.as_str()),
            ("Kettle", "Is it hot?")
        );
        assert_eq!(shown.facts[0].value, "¥9.5");
        assert_eq!(shown.actions[0].label, "Cup");
    }
}
