//! By what are the platform's attempts at one push one, and two pushes of one second two?
//!
//! Messages have a number. Events are documented to be told by sender and time
//! (<https://developers.weixin.qq.com/doc/subscription/guide/product/message/Receiving_event_pushes.html>), of which one
//! second may hold several: where the documented fields are not all that a push says, a fingerprint of all of it tells.

use sha1::{Digest as _, Sha1};

use super::{events::Row, signals, wire::Push};
use crate::{
    channels::contract::Dedupe,
    envelope::{Fields, Node},
};

/// The identity of a push to the account of that app id, written so; `from` is whose it is.
pub fn of(app: &str, push: &Push<'_>, plain: &[u8], row: Option<&Row>, from: &str) -> Dedupe {
    let is_event = push.msg_type.is_empty() || push.msg_type.eq_ignore_ascii_case("event");
    let job = row.filter(|_| is_event).and_then(|row| job(app, push, row));
    if let Some(job) = job {
        return job;
    }
    let created = push.create_time();
    let id = push.msg_id();
    if !(is_event || id.is_empty()) {
        // Told by its number alone; an id that is no number must tell itself.
        return match number(id) {
            Some(order) => dedupe(app, id, order, String::new()),
            None => dedupe(app, id, seconds(created), id.to_owned()),
        };
    }
    let tail = if is_event {
        format!("{}:{}", push.event, key(push))
    } else {
        // No id at all, which no page documents: equal bodies are one message.
        format!("{}:{}", push.msg_type, fingerprint(plain))
    };
    let text = format!("{from}:{created}:{tail}");
    dedupe(app, &text, seconds(created), format!("{from}:{tail}"))
}

/// The result of something we asked for is told by its numbers, and by what it says: another result of the same is another.
fn job(app: &str, push: &Push<'_>, row: &Row) -> Option<Dedupe> {
    let ids = Some(row.job).filter(|job| !job.is_empty());
    let ids = ids.map(|job| signals::job_ids(push.fields, job))?;
    if ids.is_empty() {
        return None;
    }
    let rest = format!("{}:{ids}:{}", row.event, fingerprint_of(push.fields));
    let order = number(&ids).unwrap_or_else(|| seconds(push.create_time()));
    Some(dedupe(app, &rest, order, rest.clone()))
}

/// What tells two events of one sender in one second apart.
fn key(push: &Push<'_>) -> String {
    let keys = ["EventKey", "SessionFrom"].map(|name| push.value(name));
    let key = keys.into_iter().find(|key| !key.is_empty()).unwrap_or_default();
    if push.fields.0.iter().all(|(name, node)| is_told(name, node)) {
        return key.to_owned();
    }
    let print = fingerprint_of(push.fields);
    if key.is_empty() {
        print
    } else {
        format!("{key}:{print}")
    }
}

/// Whether sender, time, event and key say all that this field does.
fn is_told(name: &str, node: &Node) -> bool {
    let leaf = matches!(node, Node::Text(_) | Node::Literal(_));
    leaf && TOLD.iter().any(|told| told.eq_ignore_ascii_case(name))
}

fn dedupe(app: &str, text: &str, order: u64, rest: String) -> Dedupe {
    Dedupe {
        text: format!("{app}:{text}"),
        order,
        rest,
    }
}

pub fn number(text: &str) -> Option<u64> {
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| text.parse().ok()).flatten()
}

pub fn seconds(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

/// Of what is said, not of how it is written: the attempts at one push may come sealed, in the clear, and in the clear beside
/// a sealed copy, which is sealed anew for each.
pub fn fingerprint_of(fields: &Fields) -> String {
    let mut said = Sha1::new();
    for (name, node) in fields.0.iter().filter(|(name, _)| name != SEALED) {
        add(&mut said, name, node);
    }
    shown(said)
}

/// Lengths stand before texts, so that no two trees are one.
fn add(said: &mut Sha1, name: &str, node: &Node) {
    let mut text = |kind: u8, text: &str| {
        said.update([kind]);
        said.update((text.len() as u64).to_be_bytes());
        said.update(text);
    };
    text(b'n', name);
    match node {
        Node::Text(it) | Node::Literal(it) => text(b't', it),
        Node::List(items) => items.iter().for_each(|item| add(said, "", item)),
        Node::Fields(fields, _) => {
            fields.0.iter().for_each(|(name, node)| add(said, name, node));
            said.update(b".");
        }
    }
}

/// Of a body as it is written, where a push comes in one way alone.
pub fn fingerprint(plain: &[u8]) -> String {
    shown(Sha1::new_with_prefix(plain))
}

fn shown(said: Sha1) -> String {
    said.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

const SEALED: &str = "Encrypt";
/// The common fields, what the documented key is made of, and what goes with it: the ticket of a code and the menu of a tap.
const TOLD: &[&str] = &[
    "ToUserName",
    "FromUserName",
    "CreateTime",
    "MsgType",
    "Event",
    "EventKey",
    "SessionFrom",
    "Ticket",
    "MenuId",
    SEALED,
];
