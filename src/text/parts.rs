//! What does a part say without the characters that do not travel? One walk over all its words, so that whether there is
//! something to say is asked of what would arrive.

use super::{clean, travels};
use crate::schema::v1::{self, action::Kind, part::Content, text::Format};

/// The part without the characters that do not travel. HTML is a source: what is left out of it is its lowering's to say.
pub fn cleaned(part: &v1::Part) -> v1::Part {
    let mut part = part.clone();
    if let Some(it) = &mut part.content {
        content(it);
    }
    part
}

fn content(it: &mut Content) {
    match it {
        Content::Text(it) if it.format() != Format::Html => each([&mut it.body]),
        Content::Image(it) | Content::Voice(it) | Content::Video(it) | Content::File(it) => {
            each([&mut it.platform_media_id, &mut it.url, &mut it.name, &mut it.caption]);
        }
        Content::Location(it) => each([&mut it.name, &mut it.address]),
        Content::Link(it) => link(it),
        Content::Articles(it) => it.items.iter_mut().for_each(link),
        Content::MiniProgram(it) => mini_program(it),
        Content::Card(it) => card(it),
        Content::Menu(it) => {
            each([&mut it.head, &mut it.tail]);
            it.actions.iter_mut().for_each(action);
        }
        Content::Contact(it) => each([&mut it.native_id, &mut it.display_name]),
        Content::Music(it) => each([&mut it.title, &mut it.description, &mut it.url, &mut it.hq_url]),
        Content::Forwarded(it) => {
            each([&mut it.title]);
            it.items.iter_mut().for_each(line);
        }
        Content::Reference(it) => each([&mut it.kind, &mut it.id, &mut it.title, &mut it.url]),
        Content::Transfer(it) => each([&mut it.agent]),
        // The core's own JSON is cleaned where it is written; the rest goes nowhere.
        Content::Text(_) | Content::TemplateCard(_) | Content::Template(_) | Content::Unsupported(_) => {}
    }
}

fn each<const N: usize>(texts: [&mut String; N]) {
    for text in texts {
        if !text.chars().all(travels) {
            *text = clean(text);
        }
    }
}

fn link(it: &mut v1::Link) {
    each([&mut it.url, &mut it.title, &mut it.description, &mut it.image_url]);
}

fn mini_program(it: &mut v1::MiniProgramCard) {
    each([&mut it.appid, &mut it.page_path, &mut it.title]);
}

fn card(it: &mut v1::Card) {
    let words = [&mut it.title, &mut it.description, &mut it.question];
    each(words);
    each([&mut it.image_url, &mut it.web_url]);
    for fact in &mut it.facts {
        each([&mut fact.key, &mut fact.value, &mut fact.url]);
    }
    it.mini_program.iter_mut().for_each(mini_program);
    it.actions.iter_mut().for_each(action);
}

fn action(it: &mut v1::Action) {
    each([&mut it.id, &mut it.label, &mut it.web_fallback_url]);
    match &mut it.kind {
        Some(Kind::ReplyText(text) | Kind::Url(text)) => each([text]),
        Some(Kind::MiniProgram(it)) => mini_program(it),
        None => {}
    }
}

/// One line of a forwarded chat.
fn line(it: &mut v1::Message) {
    each([&mut it.summary]);
    if let Some(sender) = &mut it.sender {
        each([&mut sender.display_name]);
    }
    it.parts
        .iter_mut()
        .filter_map(|part| part.content.as_mut())
        .for_each(content);
}
