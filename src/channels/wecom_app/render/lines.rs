//! How are choices and buttons written into a text? Links are links; answers are numbered words, because no link of a WeCom
//! text answers for the member.

use crate::{
    channels::common::render::links::wording,
    schema::v1::{self, action::Kind},
    text::{self, Links},
};

/// A menu as a text.
pub fn menu(it: &v1::Menu) -> String {
    let blocks = [text::tidy(&it.head), lines(&it.actions), text::tidy(&it.tail)];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    blocks.join("\n")
}

/// A line per action.
pub fn lines(actions: &[v1::Action]) -> String {
    let lines: Vec<String> = (1..)
        .zip(actions)
        .map(|(number, action)| line(action, number))
        .collect();
    lines.join("\n")
}

fn line(action: &v1::Action, number: usize) -> String {
    let words = wording(action);
    let fallback = || text::safe_link(&action.web_fallback_url);
    let link = match &action.kind {
        Some(Kind::Url(url)) => text::safe_link(url),
        Some(Kind::MiniProgram(_)) => fallback(),
        Some(Kind::ReplyText(_)) | None => return format!("{number}. {}", text::label(words)),
    };
    match link {
        Some(url) => text::anchor(&url, words, Links::Keep),
        None => words.to_owned(),
    }
}
