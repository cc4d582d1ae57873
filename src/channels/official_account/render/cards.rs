//! How do links, articles, mini-program cards and neutral cards look?
//!
//! One article is the platform's link card (`news`); more are not shown by the API since 2018-10-12 (45008), nor in a
//! passive answer to a message.

use serde_json::{Value, json};

use super::super::degrade;
use crate::{
    channels::common::render::{
        linked::{Linked, in_text, lost_pictures, news},
        links,
        out::Out,
        words::{card_title, details},
    },
    error::{Code, Fault},
    schema::v1,
    text::{self, Links},
};

/// A passive answer to an event holds this many articles.
/// <https://developers.weixin.qq.com/doc/subscription/guide/product/message/Passive_user_reply_message.html>
pub(super) const ARTICLES_AFTER_EVENT: usize = 8;

pub(super) fn link(out: &mut Out<'_>, it: &v1::Link) -> Result<(), Fault> {
    linked(out, Linked::of(it)?);
    Ok(())
}

/// A link card.
pub(super) fn linked(out: &mut Out<'_>, it: Linked<'_>) {
    out.message("link", "news", news([it.article()]));
}

pub(super) fn articles(out: &mut Out<'_>, it: &v1::Articles) -> Result<(), Fault> {
    let items = it
        .items
        .iter()
        .map(|item| Linked::of(item).map(|it| it.article()))
        .collect::<Result<Vec<_>, _>>()?;
    let Some((first, rest)) = items.split_first() else {
        return Err(Fault::new(Code::InvalidRequest, "articles without an item"));
    };
    let all_shown = out.roads.passive && out.roads.after_event && items.len() <= ARTICLES_AFTER_EVENT && out.is_first();
    if rest.is_empty() {
        out.message("articles", "news", news([first.clone()]));
    } else if all_shown {
        out.message("articles", "news", news(items));
    } else if out.passive_only() {
        let too_many = out.roads.after_event && items.len() > ARTICLES_AFTER_EVENT;
        out.degrade(match too_many {
            true => &degrade::ARTICLES_MANY,
            false => &degrade::ARTICLES_TEXT,
        })?;
        lost_pictures(out, &it.items)?;
        if items.len() > ARTICLES_AFTER_EVENT {
            out.text(&as_text(&items));
        } else {
            out.message("articles", "news", news(items));
        }
    } else {
        out.message("articles", "news", news([first.clone()]));
        in_text(out, &it.items[1..], &degrade::ARTICLES_REST)?;
    }
    Ok(())
}

/// Articles as lines with links; also what [`super::passive()`] makes of several in answer to a message.
pub(super) fn as_text(items: &[Value]) -> String {
    let field = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    items
        .iter()
        .flat_map(|item| {
            let (title, words) = (field(item, "title"), field(item, "description"));
            let head = text::anchor(&text::attribute(&field(item, "url")), &title, Links::Keep);
            let below = Some(words).filter(|words| !words.is_empty() && *words != title);
            std::iter::once(head).chain(below)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

// ───────────── mini-program ─────────────

pub(super) fn mini_program(out: &mut Out<'_>, it: &v1::MiniProgramCard) -> Result<(), Fault> {
    if it.appid.trim().is_empty() {
        return Err(Fault::new(Code::InvalidRequest, "a mini-program card needs an appid"));
    }
    if shows_page(out, it) {
        out.message("mini_program", "miniprogrampage", page(it, &it.title));
        return Ok(());
    }
    out.degrade(&degrade::MINI_PROGRAM_TEXT)?;
    let title = if it.title.trim().is_empty() {
        "小程序"
    } else {
        &it.title
    };
    out.text(&links::mini_program(it, title, ""));
    Ok(())
}

/// The API shows the card itself, with a thumbnail that is on the platform.
fn shows_page(out: &Out<'_>, it: &v1::MiniProgramCard) -> bool {
    !out.passive_only() && !it.thumb_handle.is_empty() && !it.appid.trim().is_empty()
}

fn page(it: &v1::MiniProgramCard, title: &str) -> Value {
    json!({
        "title": title.trim(), "appid": it.appid.trim(), "pagepath": it.page_path.trim(), "thumb_media_id": it.thumb_handle,
    })
}

// ───────────── the neutral card ─────────────

pub(super) fn card(out: &mut Out<'_>, it: &v1::Card) -> Result<(), Fault> {
    let title = card_title(it);
    if title.is_empty() {
        return Err(Fault::new(
            Code::InvalidRequest,
            "a card has neither title nor description",
        ));
    }
    if out.passive_only() && !it.actions.is_empty() {
        return card_text(out, it, title);
    }
    match it.mini_program.as_ref().filter(|page| shows_page(out, page)) {
        Some(mini) => {
            if it.actions.is_empty() && !details(it).is_empty() {
                out.degrade(&degrade::CARD_DETAILS)?;
            }
            out.message("mini_program", "miniprogrampage", page(mini, title));
            buttons(out, it, true)
        }
        None if text::is_web(it.web_url.trim()) => {
            if it.mini_program.is_some() {
                out.degrade(&degrade::MINI_PROGRAM_LINK)?;
            }
            let details = details(it);
            let item = Linked::new(title, &details, &it.web_url, &it.image_url).article();
            out.message("card", "news", news([item]));
            buttons(out, it, false)
        }
        None => card_text(out, it, title),
    }
}

/// The buttons follow the card in a text of their own; with them what the card itself could not show.
fn buttons(out: &mut Out<'_>, it: &v1::Card, with_details: bool) -> Result<(), Fault> {
    if it.actions.is_empty() {
        return Ok(());
    }
    out.degrade(&degrade::CARD_BUTTONS)?;
    let details = if with_details { details(it) } else { String::new() };
    let lines = [details, links::lines(&it.actions)];
    out.text(&lines.join("\n"));
    Ok(())
}

/// The whole card as a text with links.
fn card_text(out: &mut Out<'_>, it: &v1::Card, title: &str) -> Result<(), Fault> {
    let web = text::is_web(it.web_url.trim());
    let head = match &it.mini_program {
        Some(mini) if web => links::mini_program(mini, title, &it.web_url),
        Some(_) => format!("{} (请在小程序内查看)", text::label(title)),
        None if web => text::anchor(&text::attribute(&it.web_url), title, Links::Keep),
        None => title.to_owned(),
    };
    out.degrade(match &it.mini_program {
        Some(_) if !web => &degrade::MINI_PROGRAM_NAME,
        _ => &degrade::CARD_TEXT,
    })?;
    let lines = [head, details(it), links::lines(&it.actions)];
    out.text(
        &lines
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n"),
    );
    Ok(())
}
