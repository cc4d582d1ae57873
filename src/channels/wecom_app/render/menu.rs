//! How are choices offered? As buttons of a card, whose taps come back as choices; six on each card.

use serde_json::{Value, json};

use super::{
    invalid, lines,
    template::{BUTTONS, Cards, buttons},
};
use crate::{
    channels::{
        common::render::{links::wording, out::Out},
        wecom_app::degrade,
    },
    error::Fault,
    schema::v1::{self, action::Kind},
    text,
};

/// Characters of a card's title that are shown.
const TITLE: usize = 36;

pub(super) fn menu(out: &mut Out<'_>, cards: &mut Cards<'_>, it: &v1::Menu) -> Result<(), Fault> {
    if it.actions.iter().any(|action| wording(action).is_empty()) {
        return Err(invalid("a menu item has no label"));
    }
    if it.actions.is_empty() {
        out.text(&lines::menu(it));
        return Ok(());
    }
    let mixed = it.actions.iter().any(opens_only_a_mini_program);
    if out.passive_only() || mixed {
        out.degrade(if mixed {
            &degrade::MENU_MIXED
        } else {
            &degrade::MENU_TEXT
        })?;
        out.text(&lines::menu(it));
        return Ok(());
    }
    let total = it.actions.len().div_ceil(BUTTONS);
    for (nth, chunk) in it.actions.chunks(BUTTONS).enumerate() {
        let (title, rest) = words(it, nth, total);
        let mut card = json!({
            "card_type": "button_interaction",
            "main_title": { "title": title },
            "task_id": cards.next(true),
            "button_list": buttons(chunk, nth * BUTTONS)?,
        });
        if !rest.is_empty() {
            card["sub_title_text"] = Value::from(rest);
        }
        out.message("menu", "template_card", card);
    }
    Ok(())
}

/// A button opens an address or answers.
fn opens_only_a_mini_program(action: &v1::Action) -> bool {
    matches!(action.kind, Some(Kind::MiniProgram(_))) && !text::is_web(action.web_fallback_url.trim())
}

/// Title and text of the `nth` card: the head stands on the first, the tail on the last.
fn words(it: &v1::Menu, nth: usize, total: usize) -> (String, String) {
    let (head, tail) = (text::tidy(&it.head), text::tidy(&it.tail));
    let tail = if nth + 1 == total { tail.as_str() } else { "" };
    if nth > 0 {
        return (format!("更多选项 ({}/{total})", nth + 1), tail.to_owned());
    }
    let (first, rest) = head.split_once('\n').unwrap_or((head.as_str(), ""));
    // A title is cut by the clients; what would be lost stands whole below it.
    let (title, rest) = match first.trim() {
        "" => ("请选择".to_owned(), rest.to_owned()),
        first if first.chars().count() <= TITLE => (first.to_owned(), rest.to_owned()),
        first => (text::shorten(first, TITLE - 1), head.clone()),
    };
    let blocks: Vec<&str> = [rest.trim(), tail]
        .into_iter()
        .filter(|block| !block.is_empty())
        .collect();
    (title, blocks.join("\n"))
}
