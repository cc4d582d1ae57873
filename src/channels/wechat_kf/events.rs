//! What does an event say, and what does it mean for the conversation?
//!
//! <https://developer.work.weixin.qq.com/document/path/94670>. The codes that some bring live 20 s or 48 h
//! (<https://developer.work.weixin.qq.com/document/path/95122>).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    codes, ids, kinds,
    said::{Said, staff},
    sessions,
};
use crate::{
    channels::contract::{CodeOf, Effects, NotDelivered, SessionEffect},
    entry,
    envelope::{Fields, Node},
    ports::clock::Millis,
    schema::{
        Timestamp,
        v1::{Entry, SessionChange, Signal, conversation::SessionState, signal::Type},
    },
    settings::AccountSettings,
};

/// An event, read.
pub struct Read {
    pub signal: Signal,
    pub entry: Option<Entry>,
    pub effects: Effects,
    pub failed: Option<NotDelivered>,
}

pub fn read(settings: &AccountSettings, said: &Said<'_>) -> Read {
    let event_type = said.of_event("event_type");
    let kind = kinds::event_of(event_type).map_or(Type::Other, |row| row.signal);
    let mut read = Read {
        signal: Signal {
            r#type: kind as i32,
            platform_type: event_type.to_owned(),
            fields: flat(said.event.unwrap_or(said.fields)),
            native_json: said.fields.to_json(),
            actor: said.as_customer(),
            ..Signal::default()
        },
        entry: None,
        effects: Effects::default(),
        failed: None,
    };
    match event_type {
        "enter_session" => entered(settings, said, &mut read),
        "msg_send_fail" => read.failed = not_delivered(said),
        "servicer_status_change" => read.signal.actor = staff(said.of_event("servicer_userid")),
        "session_status_change" => session(said, &mut read),
        "user_recall_msg" => said
            .of_event("recall_msgid")
            .clone_into(&mut read.signal.target_message_id),
        "servicer_recall_msg" => {
            said.of_event("recall_msgid")
                .clone_into(&mut read.signal.target_message_id);
            read.signal.actor = staff(said.of_event("servicer_userid"));
            read.signal.subject = said.as_customer();
        }
        "reject_customer_msg_switch_change" => {
            read.signal.actor = staff(said.of_event("servicer_userid"));
            read.signal.subject = said.as_customer();
        }
        _ => {}
    }
    read
}

/// The customer opened the chat. A code comes only where no welcome was said for 48 h and the customer has not written.
fn entered(settings: &AccountSettings, said: &Said<'_>, read: &mut Read) {
    let (scene, param) = (said.of_event("scene"), said.of_event("scene_param"));
    let channels = said.event.and_then(|event| event.group("wechat_channels"));
    if !(scene.is_empty() && param.is_empty() && channels.is_none()) {
        let mut entry = entry::from_kf_scene(scene, param, settings.entry_json);
        if let Some(channels) = channels {
            add_extra(&mut entry, "wechat_channels", &channels.to_json());
        }
        read.entry = Some(entry);
    }
    code(said, "welcome_code", CodeOf::Welcome, read);
    read.effects.customer_acted = true;
    read.effects.session = Some(SessionEffect::Kept);
}

fn add_extra(entry: &mut Entry, name: &str, json: &str) {
    let mut extra: Map<String, Value> = serde_json::from_str(&entry.extra_json).unwrap_or_default();
    if let Ok(value) = serde_json::from_str(json) {
        extra.insert(name.to_owned(), value);
        entry.extra_json = Value::Object(extra).to_string();
    }
}

/// A colleague moved the session in the client; what the API moves is not echoed.
fn session(said: &Said<'_>, read: &mut Read) {
    let (old, new) = (
        said.of_event("old_servicer_userid"),
        said.of_event("new_servicer_userid"),
    );
    let change = said.of_event("change_type");
    let (before, after, cause) = match change {
        "1" => (SessionState::Queued, SessionState::Human, "taken from the queue"),
        "2" => (SessionState::Human, SessionState::Human, "passed on"),
        "3" => (SessionState::Human, SessionState::Ended, "ended by the servicer"),
        "4" => (SessionState::Ended, SessionState::Human, "opened again by the servicer"),
        // A change that no page describes is told, and moves nothing of ours.
        _ => (SessionState::Unspecified, SessionState::Unspecified, "unknown"),
    };
    // Who holds it passes it on or ends it; who opens it again is another than who had it.
    let acted = if change == "4" { [new, old] } else { [old, new] };
    read.signal.actor = acted.into_iter().find_map(staff);
    read.signal.subject = said.as_customer();
    read.signal.session = Some(SessionChange {
        before: before as i32,
        after: after as i32,
        old_servicer: staff(old),
        new_servicer: staff(new),
        cause: cause.to_owned(),
    });
    if after != SessionState::Unspecified {
        read.effects.session = Some(SessionEffect::Moved {
            state: after,
            servicer: if after == SessionState::Human {
                new.to_owned()
            } else {
                String::new()
            },
        });
    }
    let of = match after {
        SessionState::Ended => CodeOf::End,
        _ => CodeOf::Transfer,
    };
    code(said, "msg_code", of, read);
}

/// A code, and until when it lives: from the moment the platform made it.
fn code(said: &Said<'_>, name: &str, of: CodeOf, read: &mut Read) {
    let code = said.of_event(name);
    if code.is_empty() {
        return;
    }
    let rule = sessions::code(of);
    code.clone_into(&mut read.signal.code);
    read.signal.code_expires = said.time.map(|time: Millis| Timestamp::from_millis(time + rule.window));
}

fn not_delivered(said: &Said<'_>) -> Option<NotDelivered> {
    let message_id = ids::message_id(said.of_event("fail_msgid"))?;
    Some(NotDelivered {
        message_id,
        error: codes::failed(said.of_event("fail_type")),
    })
}

/// The values of the event's group: the first of each name. Groups stand in `native_json`.
pub fn flat(fields: &Fields) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (name, node) in &fields.0 {
        // A code is worth a message to whoever holds it: it has a field of its own.
        if matches!(node, Node::Text(_) | Node::Literal(_)) && name != "event_type" {
            flat.entry(name.clone())
                .or_insert_with(|| node.text().trim().to_owned());
        }
    }
    flat
}
