//! How do links, pages, neutral cards and menus look in a mini-program's chat?
//!
//! `link` is the platform's link card; `miniprogrampage` shows pages of this very mini-program, so it names no AppID, and
//! neither may a link in a text name another.

use serde_json::{Value, json};

use super::super::degrade;
use crate::{
    channels::common::render::{
        linked::{Linked, in_text},
        links,
        out::Out,
        words::{card_title, details},
    },
    error::{Code, Fault},
    schema::v1::{self, action::Kind},
    settings::AccountSettings,
    text,
};

pub(super) fn link(out: &mut Out<'_>, it: &v1::Link) -> Result<(), Fault> {
    linked(out, "link", Linked::of(it)?);
    Ok(())
}

/// A link card. No page says what an empty `thumb_url` shows: without a picture the key is left out.
pub(super) fn linked(out: &mut Out<'_>, part_type: &'static str, it: Linked<'_>) {
    let mut body: Value = json!({ "title": it.title(), "description": it.description, "url": it.url });
    if let Some(picture) = it.picture() {
        body["thumb_url"] = picture.into();
    }
    out.message(part_type, "link", body);
}

pub(super) fn articles(out: &mut Out<'_>, it: &v1::Articles) -> Result<(), Fault> {
    it.items.iter().try_for_each(|item| Linked::of(item).map(|_| ()))?;
    match it.items.as_slice() {
        [] => Err(Fault::new(Code::InvalidRequest, "articles without an item")),
        [one] => {
            out.degrade(&degrade::ARTICLE_LINK)?;
            link(out, one)
        }
        several => in_text(out, several, &degrade::ARTICLES_TEXT),
    }
}

// ───────────── pages ─────────────

pub(super) fn mini_program(out: &mut Out<'_>, it: &v1::MiniProgramCard) -> Result<(), Fault> {
    let title = if it.title.trim().is_empty() {
        "小程序"
    } else {
        it.title.trim()
    };
    if !own(out, it) {
        out.degrade(&degrade::MINI_PROGRAM_NAME)?;
        out.text(title);
    } else if it.thumb_handle.is_empty() {
        out.degrade(&degrade::MINI_PROGRAM_TEXT)?;
        let words = links::mini_program(&named(out, it), title, "");
        out.text(&words);
    } else {
        out.message("mini_program", "miniprogrampage", page(it, &it.title));
    }
    Ok(())
}

/// Whether it is a page of this mini-program; one without AppID is meant so.
pub fn is_own(settings: &AccountSettings, it: &v1::MiniProgramCard) -> bool {
    let appid = it.appid.trim();
    appid.is_empty() || appid == settings.app_id
}

fn own(out: &Out<'_>, it: &v1::MiniProgramCard) -> bool {
    is_own(out.settings, it)
}

/// With our AppID, as a link in a text wants it.
fn named(out: &Out<'_>, it: &v1::MiniProgramCard) -> v1::MiniProgramCard {
    v1::MiniProgramCard {
        appid: out.settings.app_id.clone(),
        ..it.clone()
    }
}

fn page(it: &v1::MiniProgramCard, title: &str) -> Value {
    json!({ "title": title.trim(), "pagepath": it.page_path.trim(), "thumb_media_id": it.thumb_handle })
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
    let shown = it
        .mini_program
        .as_ref()
        .filter(|page| own(out, page) && !page.thumb_handle.is_empty());
    match shown {
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
            linked(
                out,
                "card",
                Linked::new(title, &details(it), &it.web_url, &it.image_url),
            );
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
    let lines = [details, links::lines(&actions(out, &it.actions)?)];
    out.text(&joined(lines));
    Ok(())
}

/// The whole card as a text with links.
fn card_text(out: &mut Out<'_>, it: &v1::Card, title: &str) -> Result<(), Fault> {
    let (row, head) = match &it.mini_program {
        Some(mini) if own(out, mini) => (&degrade::CARD_TEXT, links::mini_program(&named(out, mini), title, "")),
        Some(_) => (&degrade::MINI_PROGRAM_NAME, title.to_owned()),
        None => (&degrade::CARD_TEXT, title.to_owned()),
    };
    out.degrade(row)?;
    let lines = [head, details(it), links::lines(&actions(out, &it.actions)?)];
    out.text(&joined(lines));
    Ok(())
}

fn joined<const N: usize>(lines: [String; N]) -> String {
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

// ───────────── menus ─────────────

/// Mini-programs have no menu messages: a text whose links answer.
pub(super) fn menu(out: &mut Out<'_>, it: &v1::Menu) -> Result<(), Fault> {
    if it.actions.iter().any(|action| links::wording(action).is_empty()) {
        return Err(Fault::new(Code::InvalidRequest, "a menu item has no label"));
    }
    let it = v1::Menu {
        actions: actions(out, &it.actions)?,
        ..it.clone()
    };
    if !it.actions.is_empty() {
        out.degrade(&degrade::MENU_LINKS)?;
    }
    out.text(&links::menu(&it));
    Ok(())
}

/// Actions as a text here can have them: own pages with our AppID, others by their web link.
fn actions(out: &mut Out<'_>, actions: &[v1::Action]) -> Result<Vec<v1::Action>, Fault> {
    actions.iter().map(|action| action_here(out, action)).collect()
}

fn action_here(out: &mut Out<'_>, action: &v1::Action) -> Result<v1::Action, Fault> {
    let mut here = action.clone();
    if let Some(Kind::MiniProgram(mini)) = &action.kind {
        let web = text::is_web(action.web_fallback_url.trim());
        here.kind = Some(match own(out, mini) {
            true => Kind::MiniProgram(named(out, mini)),
            false => Kind::Url(action.web_fallback_url.clone()),
        });
        if !own(out, mini) {
            out.degrade(match web {
                true => &degrade::MINI_PROGRAM_LINK,
                false => &degrade::MINI_PROGRAM_NAME,
            })?;
        }
    }
    Ok(here)
}
