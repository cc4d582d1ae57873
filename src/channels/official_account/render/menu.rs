//! How are choices offered?
//!
//! By the API as `msgmenu`; a tap comes back as a text with `bizmsgmenuid`. Where that cannot be, as links
//! `weixin://bizmsgmenu?…` in a text, whose tap comes back the same way (known practice, not in the platform's table).

use serde_json::json;

use super::{super::degrade, cards, out::Out};
use crate::{
    error::{Code, Fault},
    schema::v1::{self, action::Kind},
    text::{self, Links},
};

pub(super) fn menu(out: &mut Out<'_>, it: &v1::Menu) -> Result<(), Fault> {
    if it.actions.iter().any(|action| wording(action).is_empty()) {
        return Err(Fault::new(Code::InvalidRequest, "a menu item has no label"));
    }
    if it.actions.is_empty() {
        out.text(&as_text(it));
        return Ok(());
    }
    let answers_only = it
        .actions
        .iter()
        .all(|action| matches!(action.kind, None | Some(Kind::ReplyText(_))));
    if answers_only && !out.passive_only() {
        let list: Vec<_> = (it.actions.iter().enumerate())
            .map(|(at, action)| json!({ "id": id(action, at), "content": wording(action) }))
            .collect();
        let body = json!({ "head_content": text::tidy(&it.head), "list": list, "tail_content": text::tidy(&it.tail) });
        out.message("menu", "msgmenu", body);
        return Ok(());
    }
    out.degrade(if answers_only {
        &degrade::MENU_LINKS
    } else {
        &degrade::MENU_MIXED
    })?;
    out.text(&as_text(it));
    Ok(())
}

fn as_text(it: &v1::Menu) -> String {
    let blocks = [text::tidy(&it.head), lines(&it.actions), text::tidy(&it.tail)];
    blocks
        .into_iter()
        .filter(|block| !block.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line with a link per action.
pub(super) fn lines(actions: &[v1::Action]) -> String {
    let lines: Vec<String> = actions
        .iter()
        .enumerate()
        .map(|(at, action)| line(action, at))
        .collect();
    lines.join("\n")
}

fn line(action: &v1::Action, at: usize) -> String {
    let words = wording(action);
    match &action.kind {
        Some(Kind::Url(url)) => match text::safe_link(url) {
            Some(url) => text::anchor(&url, words, Links::Keep),
            None => words.to_owned(),
        },
        Some(Kind::MiniProgram(mini)) if !mini.appid.trim().is_empty() => {
            cards::mini_program_link(mini, words, &action.web_fallback_url)
        }
        Some(Kind::MiniProgram(_)) => match text::safe_link(&action.web_fallback_url) {
            Some(url) => text::anchor(&url, words, Links::Keep),
            None => words.to_owned(),
        },
        Some(Kind::ReplyText(reply)) if !reply.trim().is_empty() => answer(reply, words, &id(action, at)),
        Some(Kind::ReplyText(_)) | None => answer(words, words, &id(action, at)),
    }
}

/// A link whose tap says `reply`.
fn answer(reply: &str, words: &str, id: &str) -> String {
    let url = format!(
        "weixin://bizmsgmenu?msgmenucontent={}&msgmenuid={}",
        query(reply),
        query(id)
    );
    text::anchor(&url, words, Links::Keep)
}

/// Only what would end the value is encoded: whether clients decode it is not documented, and Chinese must stay readable.
fn query(value: &str) -> String {
    let one_line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    text::attribute(&one_line.replace('%', "%25").replace('&', "%26").replace('#', "%23"))
}

fn wording(action: &v1::Action) -> &str {
    let reply = match &action.kind {
        Some(Kind::ReplyText(reply)) => reply.trim(),
        _ => "",
    };
    if action.label.trim().is_empty() {
        reply
    } else {
        action.label.trim()
    }
}

/// An item without an id gets its position: a tap without one would look like typed text.
fn id(action: &v1::Action, at: usize) -> String {
    if action.id.trim().is_empty() {
        (at + 1).to_string()
    } else {
        action.id.trim().to_owned()
    }
}
