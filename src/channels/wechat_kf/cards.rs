//! How do links, mini-program cards, neutral cards and menus look?
//!
//! A menu (`msgmenu`) holds items that answer, open a page or open a mini-program, so it is what a card with buttons becomes.

use serde_json::{Value, json};

use super::{
    degrade,
    limits::{CLICK, LINK_DESC, LINK_TITLE, MENU_ITEMS, MENU_WORDS, PAGE_TITLE, URL},
};
use crate::{
    channels::common::render::{
        links,
        out::Out,
        words::{self, card_title, details},
    },
    error::{Code, Fault},
    schema::v1::{self, action::Kind},
    text,
};

fn cut(out: &mut Out<'_>, text: &str, bytes: usize) -> Result<String, Fault> {
    words::cut(out, text, bytes, &degrade::WORDS_CUT)
}

/// An address that a text may hold.
fn web(url: &str) -> Result<&str, Fault> {
    let url = url.trim();
    match text::is_web(url) {
        true => Ok(url),
        false => Err(Fault::new(Code::InvalidRequest, "a link needs a http(s) url")),
    }
}

/// An address that a field may hold.
fn reachable(url: &str) -> Result<&str, Fault> {
    whole("an address", web(url)?, URL)
}

/// What means nothing once it is cut: an address leads elsewhere, an id is no choice of the core's, or that of another one.
fn whole<'a>(what: &str, it: &'a str, bytes: usize) -> Result<&'a str, Fault> {
    match it.len() <= bytes {
        true => Ok(it),
        false => Err(Fault::new(
            Code::TooLong,
            format!("{what} may have {bytes} bytes, this has {}", it.len()),
        )),
    }
}

pub fn link(out: &mut Out<'_>, it: &v1::Link, part_type: &'static str) -> Result<(), Fault> {
    let url = reachable(&it.url)?;
    let title = [&it.title, &it.description]
        .into_iter()
        .find(|text| !text.trim().is_empty());
    if it.image_handle.is_empty() {
        out.degrade(&degrade::LINK_TEXT)?;
        let text = spelled_out(out, &it.title, &it.description, url)?;
        out.text(&text);
        return Ok(());
    }
    let card = json!({
        "title": cut(out, title.map_or(url, |it| it), LINK_TITLE)?,
        "desc": cut(out, &it.description, LINK_DESC)?,
        "url": url,
        "thumb_media_id": it.image_handle,
    });
    out.message(part_type, "link", card);
    Ok(())
}

/// A link as a text: on one line, or with its words between title and address.
pub fn spelled_out(out: &mut Out<'_>, title: &str, description: &str, url: &str) -> Result<String, Fault> {
    let (title, description) = (title.trim(), description.trim());
    match (title, description) {
        (title, description) if title == description || description.is_empty() => out.link(url, title),
        ("", description) => out.link(url, description),
        (title, description) if out.manner.links.hold(url) => Ok(lines([title, description, url])),
        (title, description) => Ok(lines([title, &out.link(url, description)?])),
    }
}

pub fn articles(out: &mut Out<'_>, it: &v1::Articles) -> Result<(), Fault> {
    if it.items.is_empty() {
        return Err(Fault::new(Code::InvalidRequest, "articles without an item"));
    }
    out.degrade(&degrade::ARTICLES_LINKS)?;
    it.items.iter().try_for_each(|item| link(out, item, "articles"))
}

pub fn mini_program(out: &mut Out<'_>, it: &v1::MiniProgramCard) -> Result<(), Fault> {
    if it.appid.trim().is_empty() {
        return Err(Fault::new(Code::InvalidRequest, "a mini-program card needs an appid"));
    }
    if !it.thumb_handle.is_empty() {
        return page(out, it, &it.title);
    }
    out.degrade(&degrade::MINI_PROGRAM_MENU)?;
    let title = if it.title.trim().is_empty() {
        "小程序"
    } else {
        it.title.trim()
    };
    let item = mini_item(out, it, title)?;
    out.message("menu", "msgmenu", json!({ "list": [item] }));
    Ok(())
}

fn page(out: &mut Out<'_>, it: &v1::MiniProgramCard, title: &str) -> Result<(), Fault> {
    let card = json!({
        "appid": it.appid.trim(),
        "title": cut(out, title, PAGE_TITLE)?,
        "thumb_media_id": it.thumb_handle,
        "pagepath": page_path(&it.page_path),
    });
    out.message("mini_program", "miniprogram", card);
    Ok(())
}

/// The path needs the ending `.html` before its query.
fn page_path(path: &str) -> String {
    let path = path.trim();
    let (page, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    if page.is_empty() || page.ends_with(".html") {
        return path.to_owned();
    }
    format!("{page}.html{query}")
}

fn mini_item(out: &mut Out<'_>, it: &v1::MiniProgramCard, label: &str) -> Result<Value, Fault> {
    Ok(json!({ "type": "miniprogram", "miniprogram": {
        "appid": it.appid.trim(), "pagepath": page_path(&it.page_path), "content": cut(out, label, MENU_WORDS)?,
    } }))
}

// ───────────── the neutral card ─────────────

pub fn card(out: &mut Out<'_>, it: &v1::Card) -> Result<(), Fault> {
    let title = card_title(it);
    if title.is_empty() {
        return Err(Fault::new(
            Code::InvalidRequest,
            "a card has neither title nor description",
        ));
    }
    let mini = it.mini_program.as_ref().filter(|mini| !mini.appid.trim().is_empty());
    let linked = text::is_web(it.web_url.trim());
    if !it.actions.is_empty() {
        return card_menu(out, it, title, mini);
    }
    match mini.filter(|mini| !mini.thumb_handle.is_empty()) {
        Some(mini) => {
            if !details(it).is_empty() {
                out.degrade(&degrade::CARD_DETAILS)?;
            }
            page(out, mini, title)
        }
        None if linked && !it.image_handle.is_empty() => {
            if mini.is_some() {
                out.degrade(&degrade::MINI_PROGRAM_LINK)?;
            }
            let as_link = v1::Link {
                url: it.web_url.clone(),
                title: title.to_owned(),
                description: details(it),
                image_handle: it.image_handle.clone(),
                ..Default::default()
            };
            link(out, &as_link, "card")
        }
        None if linked || mini.is_some() => card_menu(out, it, title, mini),
        None => {
            out.degrade(&degrade::CARD_TEXT)?;
            out.text(&lines([title, &details(it)]));
            Ok(())
        }
    }
}

/// The whole card as a menu: its words above, its links and its buttons as items.
fn card_menu(out: &mut Out<'_>, it: &v1::Card, title: &str, mini: Option<&v1::MiniProgramCard>) -> Result<(), Fault> {
    let linked = text::is_web(it.web_url.trim());
    if !it.image_handle.is_empty() || text::is_web(it.image_url.trim()) {
        out.degrade(&degrade::CARD_IMAGE)?;
    }
    out.degrade(&degrade::CARD_MENU)?;
    let head = cut(out, &lines([title, &details(it)]), MENU_WORDS)?;
    if usize::from(mini.is_some()) + usize::from(linked) + it.actions.len() > MENU_ITEMS {
        out.degrade(&degrade::MENU_TEXT)?;
        let address = match linked {
            true => out.link(it.web_url.trim(), "")?,
            false => String::new(),
        };
        let items = spelled(out, &it.actions)?;
        out.text(&lines([head, address, items]));
        return Ok(());
    }
    let mut list = Vec::new();
    if let Some(mini) = mini {
        list.push(mini_item(out, mini, "打开小程序")?);
    }
    if linked {
        list.push(view_item(out, &it.web_url, "查看详情")?);
    }
    for (at, action) in it.actions.iter().enumerate() {
        list.push(item(out, action, at)?);
    }
    out.message("menu", "msgmenu", json!({ "head_content": head, "list": list }));
    Ok(())
}

// ───────────── menus ─────────────

pub fn menu(out: &mut Out<'_>, it: &v1::Menu) -> Result<(), Fault> {
    let (head, tail) = (text::tidy(&it.head), text::tidy(&it.tail));
    if it.actions.is_empty() {
        out.text(&lines([&head, &tail]));
        return Ok(());
    }
    if it.actions.len() > MENU_ITEMS {
        out.degrade(&degrade::MENU_TEXT)?;
        let items = spelled(out, &it.actions)?;
        out.text(&lines([head, items, tail]));
        return Ok(());
    }
    let mut list = Vec::new();
    for (at, action) in it.actions.iter().enumerate() {
        list.push(item(out, action, at)?);
    }
    let mut body = json!({ "list": list });
    for (name, words) in [("head_content", head), ("tail_content", tail)] {
        if !words.is_empty() {
            body[name] = cut(out, &words, MENU_WORDS)?.into();
        }
    }
    out.message("menu", "msgmenu", body);
    Ok(())
}

fn item(out: &mut Out<'_>, action: &v1::Action, at: usize) -> Result<Value, Fault> {
    let words = label(action)?;
    match &action.kind {
        Some(Kind::Url(url)) => view_item(out, url, words),
        Some(Kind::MiniProgram(mini)) if !mini.appid.trim().is_empty() => mini_item(out, mini, words),
        Some(Kind::MiniProgram(_)) => view_item(out, &action.web_fallback_url, words),
        Some(Kind::ReplyText(_)) | None => Ok(json!({ "type": "click", "click": {
            "id": whole("the id of a choice", &links::id(action, at), CLICK)?, "content": cut(out, words, CLICK)?,
        } })),
    }
}

fn label(action: &v1::Action) -> Result<&str, Fault> {
    match links::wording(action) {
        "" => Err(Fault::new(Code::InvalidRequest, "a menu item has no label")),
        words => Ok(words),
    }
}

fn view_item(out: &mut Out<'_>, url: &str, label: &str) -> Result<Value, Fault> {
    let url = reachable(url)?;
    Ok(json!({ "type": "view", "view": { "url": url, "content": cut(out, label, MENU_WORDS)? } }))
}

/// Items as numbered lines.
fn spelled(out: &mut Out<'_>, actions: &[v1::Action]) -> Result<String, Fault> {
    let mut line = |(number, action): (usize, &v1::Action)| {
        let words = label(action)?;
        Ok(match &action.kind {
            Some(Kind::Url(url)) => format!("{number}. {}", out.link(web(url)?, words)?),
            _ => format!("{number}. {words}"),
        })
    };
    let lines: Vec<String> = (1..).zip(actions).map(&mut line).collect::<Result<_, Fault>>()?;
    Ok(lines.join("\n"))
}

fn lines<T: AsRef<str>>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<T> = all.into_iter().collect();
    let lines = all.iter().map(AsRef::as_ref).filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<&str>>().join("\n")
}
