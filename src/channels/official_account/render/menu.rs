//! How are choices offered? By the API as `msgmenu`, else as links in a text; a tap comes back the same way.

use serde_json::json;

use super::super::degrade;
use crate::{
    channels::common::render::{links, out::Out},
    error::{Code, Fault},
    schema::v1::{self, action::Kind},
    text,
};

pub(super) fn menu(out: &mut Out<'_>, it: &v1::Menu) -> Result<(), Fault> {
    if it.actions.iter().any(|action| links::wording(action).is_empty()) {
        return Err(Fault::new(Code::InvalidRequest, "a menu item has no label"));
    }
    if it.actions.is_empty() {
        out.text(&links::menu(it));
        return Ok(());
    }
    let answers_only = it
        .actions
        .iter()
        .all(|action| matches!(action.kind, None | Some(Kind::ReplyText(_))));
    if answers_only && !out.passive_only() {
        let list: Vec<_> = (it.actions.iter().enumerate())
            .map(|(at, action)| json!({ "id": links::id(action, at), "content": links::wording(action) }))
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
    out.text(&links::menu(it));
    Ok(())
}
