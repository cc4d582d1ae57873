//! What can a tap on words in a text do? Links to pages and mini-programs, and links that answer.
//!
//! A tap on `weixin://bizmsgmenu?…` comes back as a text with `bizmsgmenuid` (known practice, not in the platform's table).

use crate::{
    schema::v1::{self, action::Kind},
    text::{self, Links},
};

/// A menu as a text: its words, and a line per action.
pub fn menu(it: &v1::Menu) -> String {
    let blocks = [text::tidy(&it.head), lines(&it.actions), text::tidy(&it.tail)];
    blocks
        .into_iter()
        .filter(|block| !block.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// One line with a link per action.
pub fn lines(actions: &[v1::Action]) -> String {
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
            mini_program(mini, words, &action.web_fallback_url)
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

/// What an action is called.
pub fn wording(action: &v1::Action) -> &str {
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
pub fn id(action: &v1::Action, at: usize) -> String {
    if action.id.trim().is_empty() {
        (at + 1).to_string()
    } else {
        action.id.trim().to_owned()
    }
}

/// A link in a text that opens a mini-program; `fallback` is for clients that cannot.
pub fn mini_program(it: &v1::MiniProgramCard, title: &str, fallback: &str) -> String {
    let href = text::safe_link(fallback).map_or_else(String::new, |url| format!(r#" href="{url}""#));
    format!(
        r#"<a{href} data-miniprogram-appid="{}" data-miniprogram-path="{}">{}</a>"#,
        text::attribute(&it.appid),
        text::attribute(&it.page_path),
        text::label(title)
    )
}
