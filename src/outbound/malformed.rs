//! Is this part one that no channel would send, whatever the account? What only some of them refuse is asked of the channel.

use serde_json::Value;

use super::{card_info, check::invalid};
use crate::{
    error::Fault,
    schema::v1::{self, action::Kind, part::Content, text::Format},
    text::{self, Links, Pictures, is_blank},
};

/// Forwarded chats inside forwarded chats: what the bridge says of a message nests it deeper yet, and readers of protobuf
/// stop at a hundred levels.
const DEEPEST: usize = 8;

/// The first part of a message that nobody could send is named by its place, and why.
pub(super) fn message(message: &v1::Message) -> Result<(), Fault> {
    if message.parts.is_empty() {
        return Err(invalid("message.parts is empty"));
    }
    let mut says_something = false;
    for (index, part) in message.parts.iter().enumerate() {
        let at = |why: &str| invalid(format!("message.parts[{index}]: {why}"));
        if !card_info::is_readable(part) {
            return Err(at("extJson sobot.card_info is not a JSON object"));
        }
        // As a channel would get it.
        let part = text::parts::cleaned(&card_info::filled(part.clone()));
        let content = part.content.as_ref().ok_or_else(|| at("no content is set"))?;
        if let Some(why) = amiss(content) {
            return Err(at(why));
        }
        says_something = says_something || says(content);
    }
    match says_something {
        true => Ok(()),
        false => Err(invalid("message.parts: there is nothing to say, no part has words")),
    }
}

/// What is wrong with it.
fn amiss(content: &Content) -> Option<&'static str> {
    match content {
        Content::Text(it) => is_blank(&it.body).then_some("text.body is empty"),
        Content::Image(it) | Content::Voice(it) | Content::Video(it) | Content::File(it) => medium(it),
        Content::Location(it) => {
            (!on_earth(it)).then_some("location needs a latitude within 90 and a longitude within 180")
        }
        Content::Link(it) => link(it),
        Content::Articles(it) if it.items.is_empty() => Some("articles.items is empty"),
        Content::Articles(it) => it.items.iter().find_map(link),
        Content::Card(it) => (!has_title(it)).then_some("card has neither title nor description"),
        Content::Contact(it) => (is_blank(&it.display_name) && is_blank(&it.native_id))
            .then_some("contact has neither displayName nor nativeId"),
        Content::Music(it) => {
            let url = if it.url.is_empty() { &it.hq_url } else { &it.url };
            (!text::is_web(url.trim())).then_some("music.url is no http or https address")
        }
        Content::Forwarded(it) if is_deeper(it, DEEPEST) => Some("forwarded chats are nested over 8 deep"),
        Content::Forwarded(it) => {
            (is_blank(&it.title) && !it.items.iter().any(speaks)).then_some("forwarded has no words")
        }
        Content::Reference(it) => {
            (is_blank(&it.id) && !text::is_web(it.url.trim())).then_some("reference has neither id nor url")
        }
        Content::TemplateCard(it) => template_card(it),
        Content::Unsupported(_) => Some("unsupported is for inbound events alone"),
        // An empty menu is left out of a message that says more; the others are a channel's or an account's to judge.
        Content::Menu(_) | Content::MiniProgram(_) | Content::Template(_) | Content::Transfer(_) => None,
    }
}

fn medium(it: &v1::Media) -> Option<&'static str> {
    if it.handle.is_empty() && it.url.is_empty() && it.platform_media_id.is_empty() {
        return Some("media needs a handle, a url or a platformMediaId");
    }
    (!it.url.is_empty() && !has_address(&it.url)).then_some("url is no http or https address")
}

/// Whether files may be asked for there; what answers is seen when one is.
fn has_address(url: &str) -> bool {
    let parsed = url::Url::parse(url.trim());
    parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn on_earth(it: &v1::Location) -> bool {
    (-90.0..=90.0).contains(&it.latitude) && (-180.0..=180.0).contains(&it.longitude)
}

fn link(it: &v1::Link) -> Option<&'static str> {
    (!text::is_web(it.url.trim())).then_some("url of a link is no http or https address")
}

/// Whether anything of it can stand for a title.
fn has_title(it: &v1::Card) -> bool {
    let page = it.mini_program.as_ref().map_or("", |page| page.title.as_str());
    let words = [it.title.as_str(), page, &it.description, &it.question];
    words.into_iter().any(|words| !is_blank(words))
}

/// Whether a line of a forwarded chat has words.
fn speaks(line: &v1::Message) -> bool {
    let text = |part: &v1::Part| matches!(&part.content, Some(Content::Text(it)) if !is_blank(&it.body));
    !is_blank(&line.summary) || line.parts.iter().any(text)
}

/// Whether there are chats inside chats beyond so many levels.
fn is_deeper(chat: &v1::ForwardedChat, levels: usize) -> bool {
    let parts = chat.items.iter().flat_map(|line| &line.parts);
    let inner = parts.filter_map(|part| match &part.content {
        Some(Content::Forwarded(inner)) => Some(inner),
        _ => None,
    });
    levels == 0 || inner.into_iter().any(|inner| is_deeper(inner, levels - 1))
}

fn template_card(it: &v1::TemplateCard) -> Option<&'static str> {
    let body = match it.native_json.trim() {
        "" => Some(Value::Object(serde_json::Map::new())),
        json => serde_json::from_str::<Value>(json).ok().filter(Value::is_object),
    };
    let Some(body) = body else {
        return Some("templateCard.nativeJson is not a JSON object");
    };
    let own = body.get("card_type").and_then(Value::as_str).unwrap_or_default();
    let named = !is_blank(&it.card_type) || !own.is_empty();
    // What changes the button of a card that was sent has no type of its own.
    (!named && body.get("button").is_none()).then_some("templateCard has no cardType")
}

/// Whether there is something to see of it: mark-up and menus may hold no words at all.
fn says(content: &Content) -> bool {
    match content {
        Content::Text(it) if it.body.len() <= text::LONGEST_TEXT => {
            let shown = match it.format() {
                Format::Plain => return true,
                Format::Html => text::html::lower(&it.body, Links::Keep, Pictures::Linked),
                Format::Markdown => text::markdown::lower(&it.body, Links::Keep, Pictures::Linked),
            };
            !is_blank(&shown.text)
        }
        Content::Menu(it) => {
            let words = [&it.head, &it.tail].into_iter().any(|words| !is_blank(words));
            words || it.actions.iter().any(is_named)
        }
        _ => true,
    }
}

fn is_named(action: &v1::Action) -> bool {
    let reply = matches!(&action.kind, Some(Kind::ReplyText(reply)) if !is_blank(reply));
    reply || !is_blank(&action.label)
}
