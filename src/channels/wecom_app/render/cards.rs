//! How do links, articles, mini-program cards and neutral cards look?
//!
//! A neutral card is a template card: with answers among its buttons `button_interaction`, with a picture `news_notice`,
//! else `text_notice`. <https://developer.work.weixin.qq.com/document/path/90236>

use serde_json::{Value, json};

use super::{
    API_ONLY, invalid, lines,
    template::{BUTTONS, Cards, buttons},
};
use crate::{
    channels::{
        common::render::{
            linked::{Linked, in_text, news},
            links::wording,
            out::Out,
            words::{self, card_title, details},
        },
        wecom_app::{
            degrade,
            limits::{self, ARTICLES, TITLE, URL},
        },
    },
    error::{Code, Fault},
    schema::v1::{self, action::Kind},
    text::{self, Links},
};

/// What one card holds.
const FACTS: usize = 6;
const JUMPS: usize = 3;
/// Characters of a card's second line that are shown.
const DESCRIPTION: usize = 44;

pub(super) fn link(out: &mut Out<'_>, it: &v1::Link) -> Result<(), Fault> {
    linked(out, Linked::of(it)?)
}

/// A link card.
pub(super) fn linked(out: &mut Out<'_>, it: Linked<'_>) -> Result<(), Fault> {
    let article = article(out, &it)?;
    out.message("link", "news", news([article]));
    Ok(())
}

/// One item of `news`, no field longer than it may be.
fn article(out: &mut Out<'_>, it: &Linked<'_>) -> Result<Value, Fault> {
    reachable(it.url)?;
    let mut article = it.article();
    article["title"] = cut(out, it.title(), TITLE)?.into();
    article["description"] = cut(out, it.description, limits::DESCRIPTION)?.into();
    if it.picture().is_some_and(|picture| picture.len() > URL) {
        out.degrade(&degrade::LINK_IMAGE)?;
        article["picurl"] = "".into();
    }
    Ok(article)
}

pub(super) fn cut(out: &mut Out<'_>, words: &str, bytes: usize) -> Result<String, Fault> {
    words::cut(out, words, bytes, &degrade::WORDS_CUT)
}

/// An address cannot be cut, and no text holds a longer one either.
fn reachable(url: &str) -> Result<(), Fault> {
    match url.trim().len() {
        ..=URL => Ok(()),
        bytes => Err(Fault::new(
            Code::TooLong,
            format!("an address may have {URL} bytes, this has {bytes}"),
        )),
    }
}

pub(super) fn articles(out: &mut Out<'_>, it: &v1::Articles) -> Result<(), Fault> {
    if it.items.is_empty() {
        return Err(invalid("articles without an item"));
    }
    if out.passive_only() && it.items.len() > ARTICLES {
        return in_text(out, &it.items, &degrade::ARTICLES_TEXT);
    }
    let mut items = Vec::new();
    for item in &it.items {
        items.push(article(out, &Linked::of(item)?)?);
    }
    for chunk in items.chunks(ARTICLES) {
        out.message("articles", "news", news(chunk.iter().cloned()));
    }
    Ok(())
}

/// A title that leads somewhere.
fn head(url: &str, title: &str) -> String {
    text::anchor(&text::attribute(url), title, Links::Keep)
}

// ───────────── mini-program ─────────────

pub(super) fn mini_program(out: &mut Out<'_>, it: &v1::MiniProgramCard) -> Result<(), Fault> {
    let (appid, page, title) = (it.appid.trim(), it.page_path.trim(), it.title.trim());
    if appid.is_empty() {
        return Err(invalid("a mini-program card needs an appid"));
    }
    let title = if title.is_empty() { "打开小程序" } else { title };
    if out.passive_only() {
        out.degrade(&degrade::MINI_PROGRAM_TEXT)?;
        out.text(&format!("{title} (请在小程序内查看)"));
        return Ok(());
    }
    if (4..=12).contains(&title.chars().count()) {
        out.message(
            "mini_program",
            "miniprogram_notice",
            json!({ "appid": appid, "page": page, "title": title }),
        );
        return Ok(());
    }
    let title = cut(out, title, TITLE)?;
    let item = json!({ "title": title, "appid": appid, "pagepath": page });
    out.bare(
        "mini_program",
        json!({ "msgtype": "news", "news": news([item]), API_ONLY: true }),
    );
    Ok(())
}

// ───────────── the neutral card ─────────────

pub(super) fn card(out: &mut Out<'_>, made: &mut Cards<'_>, it: &v1::Card) -> Result<(), Fault> {
    let title = card_title(it);
    if title.is_empty() {
        return Err(invalid("a card has neither title nor description"));
    }
    if out.passive_only() {
        return passive_card(out, it, title);
    }
    addresses(it).try_for_each(reachable)?;
    let target = target(it);
    let (fitting, others): (Vec<_>, Vec<_>) = it.actions.iter().cloned().partition(is_button);
    if fitting.iter().any(answers) || target.is_none() && !fitting.is_empty() {
        return interaction(out, made, it, &fitting, others, target);
    }
    match target {
        Some(target) => notice(out, it, title, target),
        None => card_text(out, it, title),
    }
}

/// Where taps on it lead.
fn addresses(it: &v1::Card) -> impl Iterator<Item = &str> {
    let actions = it.actions.iter().map(|action| match &action.kind {
        Some(Kind::Url(url)) => url.as_str(),
        _ => action.web_fallback_url.as_str(),
    });
    actions.chain([it.web_url.as_str()])
}

/// Where a tap on the card itself leads.
fn target(it: &v1::Card) -> Option<Value> {
    let mini = it.mini_program.as_ref().filter(|mini| !mini.appid.trim().is_empty());
    match mini {
        Some(mini) => Some(json!({ "type": 2, "appid": mini.appid.trim(), "pagepath": mini.page_path.trim() })),
        None if text::is_web(it.web_url.trim()) => Some(json!({ "type": 1, "url": it.web_url.trim() })),
        None => None,
    }
}

fn answers(action: &v1::Action) -> bool {
    matches!(action.kind, Some(Kind::ReplyText(_)) | None)
}

/// A button answers or opens an address.
fn is_button(action: &v1::Action) -> bool {
    match &action.kind {
        Some(Kind::Url(url)) => text::is_web(url.trim()),
        Some(Kind::MiniProgram(_)) => text::is_web(action.web_fallback_url.trim()),
        Some(Kind::ReplyText(_)) | None => !wording(action).is_empty(),
    }
}

fn interaction(
    out: &mut Out<'_>,
    made: &mut Cards<'_>,
    it: &v1::Card,
    fitting: &[v1::Action],
    mut rest: Vec<v1::Action>,
    target: Option<Value>,
) -> Result<(), Fault> {
    if text::is_web(it.image_url.trim()) {
        out.degrade(&degrade::CARD_IMAGE)?;
    }
    let mut card = json!({
        "card_type": "button_interaction",
        "main_title": title_of(it),
        "task_id": made.next(false),
        "button_list": buttons(fitting, 0)?,
    });
    if let Some(target) = target {
        card["card_action"] = target;
    }
    filled(&mut card, it, "sub_title_text");
    out.message("card", "template_card", card);
    rest.extend(fitting.iter().skip(BUTTONS).cloned());
    what_is_left(out, it, &rest)
}

fn notice(out: &mut Out<'_>, it: &v1::Card, title: &str, target: Value) -> Result<(), Fault> {
    let picture = it.image_url.trim();
    let kind = if text::is_web(picture) {
        "news_notice"
    } else {
        "text_notice"
    };
    let mut card = json!({ "card_type": kind, "main_title": title_of(it), "card_action": target });
    if card["main_title"]["title"].as_str().is_none_or(str::is_empty) {
        card["main_title"]["title"] = Value::from(title);
    }
    if kind == "news_notice" {
        card["card_image"] = json!({ "url": picture });
        filled(&mut card, it, "quote_area");
    } else {
        filled(&mut card, it, "sub_title_text");
    }
    let (jumps, rest): (Vec<_>, Vec<_>) = it.actions.iter().partition(|action| jump(action).is_some());
    let list: Vec<Value> = jumps.iter().take(JUMPS).filter_map(|action| jump(action)).collect();
    if !list.is_empty() {
        card["jump_list"] = Value::from(list);
    }
    out.message("card", "template_card", card);
    let rest: Vec<v1::Action> = jumps.into_iter().skip(JUMPS).chain(rest).cloned().collect();
    what_is_left(out, it, &rest)
}

/// A line at the foot of a card that leads somewhere.
fn jump(action: &v1::Action) -> Option<Value> {
    let title = wording(action);
    match &action.kind {
        Some(Kind::Url(url)) if text::is_web(url.trim()) => {
            Some(json!({ "type": 1, "title": title, "url": url.trim() }))
        }
        Some(Kind::MiniProgram(mini)) if !mini.appid.trim().is_empty() => Some(json!({
            "type": 2, "title": title, "appid": mini.appid.trim(), "pagepath": mini.page_path.trim(),
        })),
        _ => None,
    }
}

/// Title, and the description where it fits on one line.
fn title_of(it: &v1::Card) -> Value {
    let title = card_title(it);
    match short_description(it) {
        Some(words) => json!({ "title": title, "desc": words }),
        None => json!({ "title": title }),
    }
}

fn description(it: &v1::Card) -> Option<&str> {
    let words = it.description.trim();
    (!words.is_empty() && words != card_title(it)).then_some(words)
}

fn short_description(it: &v1::Card) -> Option<&str> {
    description(it).filter(|words| words.chars().count() <= DESCRIPTION && !words.contains('\n'))
}

/// A longer description where the kind of card has room for it, and facts.
fn filled(card: &mut Value, it: &v1::Card, room: &str) {
    if let (Some(words), None) = (description(it), short_description(it)) {
        card[room] = match room {
            "quote_area" => json!({ "type": 0, "quote_text": words }),
            _ => Value::from(words),
        };
    }
    let facts: Vec<Value> = it.facts.iter().take(FACTS).map(fact).collect();
    if !facts.is_empty() {
        card["horizontal_content_list"] = Value::from(facts);
    }
}

fn fact(it: &v1::KeyValue) -> Value {
    let (key, value) = (it.key.trim(), it.value.trim());
    // A name is required; a value without one stands alone.
    let mut fact = match key {
        "" => json!({ "keyname": value }),
        key => json!({ "keyname": key, "value": value }),
    };
    if text::is_web(it.url.trim()) {
        fact["type"] = Value::from(1);
        fact["url"] = Value::from(it.url.trim());
    }
    fact
}

/// Buttons and facts beyond what the card holds follow in a text of their own.
fn what_is_left(out: &mut Out<'_>, it: &v1::Card, rest: &[v1::Action]) -> Result<(), Fault> {
    let facts = v1::Card {
        facts: it.facts.iter().skip(FACTS).cloned().collect(),
        title: it.title.clone(),
        ..Default::default()
    };
    let blocks = [details(&facts), lines::lines(rest)];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.trim().is_empty()).collect();
    if blocks.is_empty() {
        return Ok(());
    }
    out.degrade(&degrade::CARD_BUTTONS)?;
    out.text(&blocks.join("\n"));
    Ok(())
}

/// Without buttons its link alone says most of it.
fn passive_card(out: &mut Out<'_>, it: &v1::Card, title: &str) -> Result<(), Fault> {
    if !it.actions.is_empty() || !text::is_web(it.web_url.trim()) {
        return card_text(out, it, title);
    }
    out.degrade(&degrade::CARD_LINK)?;
    let article = article(out, &Linked::new(title, &details(it), &it.web_url, &it.image_url))?;
    out.message("card", "news", news([article]));
    Ok(())
}

/// The whole card as a text with links.
fn card_text(out: &mut Out<'_>, it: &v1::Card, title: &str) -> Result<(), Fault> {
    let web = text::is_web(it.web_url.trim());
    let (head, row) = match &it.mini_program {
        Some(_) if !web => (
            format!("{} (请在小程序内查看)", text::label(title)),
            &degrade::MINI_PROGRAM_NAME,
        ),
        _ if web => (head(&it.web_url, title), &degrade::CARD_TEXT),
        _ => (title.to_owned(), &degrade::CARD_TEXT),
    };
    out.degrade(row)?;
    let blocks = [head, details(it), lines::lines(&it.actions)];
    let blocks: Vec<String> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    out.text(&blocks.join("\n"));
    Ok(())
}
