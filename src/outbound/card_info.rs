//! What does a card say that a core describes in Sobot's words (`card_info`)? They stand beside the part, and what the card
//! itself says goes before them.

use serde_json::Value;

use crate::{
    entry::cards,
    schema::v1::{self, part::Content},
};

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
    let Some(said) = cards::read(info) else { return };
    let or = |own: &mut String, said: String| {
        if own.trim().is_empty() {
            *own = said;
        }
    };
    or(&mut card.id, said.id);
    or(&mut card.title, said.title);
    or(&mut card.description, said.description);
    if card.image_handle.is_empty() {
        or(&mut card.image_url, said.image_url);
    }
    or(&mut card.web_url, said.web_url);
    or(&mut card.question, said.question);
    card.mini_program = card.mini_program.take().or(said.mini_program);
    if card.facts.is_empty() {
        card.facts = said.facts;
    }
    if card.actions.is_empty() {
        card.actions = [said.actions, cards::others(info)].concat();
        card.actions.retain(|action| !action.label.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use v1::action::Kind;

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

    #[test]
    fn what_a_card_says_itself_stands_before_what_is_described() {
        let info = json!({
            "cardId": "c1", "cardGuide": "Look", "cardDesc": "Boils water", "cardImg": "https://i.example/k.png",
            "cardLink": "https://shop.example/k", "cardMenus": [{ "menuType": 2, "menuName": "" }, { "menuType": 2, "menuName": "Ask" }],
        });
        let bare = card(v1::Card::default(), &info);
        assert_eq!(
            (bare.id.as_str(), bare.image_url.as_str()),
            ("c1", "https://i.example/k.png")
        );
        let labels: Vec<_> = bare.actions.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels, ["Ask"], "what has no words is no button");
        let own = card(
            v1::Card {
                id: "mine".into(),
                description: "own".into(),
                image_handle: "file".into(),
                web_url: " ".into(),
                ..Default::default()
            },
            &info,
        );
        assert_eq!(
            (
                own.id.as_str(),
                own.description.as_str(),
                own.image_url.as_str(),
                own.web_url.as_str()
            ),
            ("mine", "own", "", "https://shop.example/k"),
            "a picture of its own needs no other; blanks are nothing"
        );
    }

    #[test]
    fn what_is_described_in_no_object_is_not_readable() {
        for (text, readable) in [("{}", true), ("[1]", false), ("1", false), ("{", false), ("", false)] {
            let part = v1::Part {
                content: Some(Content::Card(v1::Card::default())),
                ext_json: [(NAME.to_owned(), text.to_owned())].into(),
            };
            assert_eq!(is_readable(&part), readable, "{text}");
        }
        assert!(is_readable(&v1::Part::default()), "nothing stands there");
    }
}
