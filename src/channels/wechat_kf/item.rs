//! What is one item of a pull, in our words? Whatever it holds, it becomes something: an item that cannot be read must not
//! hold up those behind it.
//!
//! <https://developer.work.weixin.qq.com/document/path/94670>. Senders differ: values are trimmed but for a message's text,
//! numbers may be texts, and an event's ids may stand in its group alone.

use super::{
    events, kinds, parts,
    said::{Said, staff},
};
use crate::{
    channels::contract::{At, Dedupe, Effects, Inbound, Item, NotDelivered, SessionEffect, Who},
    envelope::json,
    ports::{chance::hex, clock::Millis, core::has_nameless_part},
    schema::v1::{self, Interaction, event::Body, interaction::Kind, message::Origin, signal},
    settings::AccountSettings,
};

/// Reads one item; `twin` counts the equal ones before it on its page.
pub fn read(settings: &AccountSettings, at: &At<'_>, raw: &str, twin: usize, now: Millis) -> Item {
    let Ok(fields) = json::parse(raw.as_bytes()) else {
        return unreadable(settings, at, raw, twin);
    };
    let said = Said::new(&fields, at, now);
    let msgtype = said.value("msgtype");
    let (inbound, failed) = match msgtype {
        "event" => event(settings, &said),
        "" if said.event.is_some() => event(settings, &said),
        _ => (message(&said, msgtype), None),
    };
    Item {
        sub_id: said.sub_id.to_owned(),
        inbound: Inbound {
            dedupe: dedupe(settings, &said, at, raw, twin),
            ..inbound
        },
        raw: raw.as_bytes().to_vec(),
        failed,
    }
}

fn message(said: &Said<'_>, msgtype: &str) -> Inbound {
    let origin = origin(said);
    let customers = origin == Origin::CustomerSent;
    let sender = match origin {
        Origin::StaffSentOnPlatform => staff(said.value("servicer_userid")),
        Origin::CustomerSent => said.as_customer(),
        Origin::SystemSent | Origin::Unspecified => None,
    };
    let kind = kinds::message_of(msgtype);
    let text = said.fields.group("text");
    let menu_id = text.map_or("", |text| text.value("menu_id"));
    let tapped = customers && kind.is_some_and(|kind| kind.part == kinds::Part::Text) && !menu_id.is_empty();
    let body = if tapped {
        Body::Interaction(Interaction {
            kind: Kind::Choice as i32,
            key: menu_id.to_owned(),
            label: text.map_or("", |text| text.verbatim("content")).to_owned(),
            native_json: said.fields.to_json(),
            ..Interaction::default()
        })
    } else {
        Body::Message(v1::Message {
            platform_message_id: said.value("msgid").to_owned(),
            sender,
            origin: origin as i32,
            ..parts::message(said.fields, msgtype, kind)
        })
    };
    let raw_always = matches!(&body, Body::Message(it) if has_nameless_part(it));
    let spoke = customers && !tapped;
    let opens = match (customers, tapped) {
        (true, true) => Some("menu"),
        (true, false) => Some("message"),
        _ => None,
    };
    Inbound {
        effects: Effects {
            opens,
            unfollowed: false,
            customer_acted: customers,
            customer_spoke: spoke,
            session: customers.then_some(SessionEffect::Kept),
        },
        raw_always,
        ..plain(said, body)
    }
}

/// 3 the customer, 5 a colleague in the WeCom client, 4 the system; where it is missing, the servicer tells.
fn origin(said: &Said<'_>) -> Origin {
    match said.value("origin") {
        "3" => Origin::CustomerSent,
        "5" => Origin::StaffSentOnPlatform,
        "" if !said.value("servicer_userid").is_empty() => Origin::StaffSentOnPlatform,
        "" if !said.customer.is_empty() => Origin::CustomerSent,
        _ => Origin::SystemSent,
    }
}

fn event(settings: &AccountSettings, said: &Said<'_>) -> (Inbound, Option<NotDelivered>) {
    let read = events::read(settings, said);
    let raw_always = read.signal.r#type() == signal::Type::Other;
    let inbound = Inbound {
        entry: read.entry,
        effects: read.effects,
        raw_always,
        ..plain(said, Body::Signal(read.signal))
    };
    (inbound, read.failed)
}

fn plain(said: &Said<'_>, body: Body) -> Inbound {
    // The same customer has this id in the company's other applications too.
    let external = (!said.customer.is_empty()).then(|| ("external_userid".to_owned(), said.customer.to_owned()));
    Inbound {
        who: said.who(),
        aliases: external.into_iter().collect(),
        platform_time: said.time,
        dedupe: Dedupe {
            text: String::new(),
            order: 0,
            rest: String::new(),
        },
        body,
        entry: None,
        effects: Effects::default(),
        passive: None,
        raw_always: false,
    }
}

fn unreadable(settings: &AccountSettings, at: &At<'_>, raw: &str, twin: usize) -> Item {
    let rest = format!("{}:{}:{}:{twin}", at.sub_id, fingerprint(raw), at.cursor);
    Item {
        sub_id: at.sub_id.to_owned(),
        inbound: Inbound {
            who: Who::Account,
            aliases: Default::default(),
            platform_time: None,
            dedupe: Dedupe {
                text: format!("{}:{rest}", settings.corp_id),
                order: 0,
                rest,
            },
            body: Body::Signal(v1::Signal {
                r#type: signal::Type::Other as i32,
                platform_type: "unreadable".to_owned(),
                ..v1::Signal::default()
            }),
            entry: None,
            effects: Effects::default(),
            passive: None,
            raw_always: true,
        },
        raw: raw.as_bytes().to_vec(),
        failed: None,
    }
}

/// What re-reading a cursor brings again. Items without an id are told by their content; without a time as well, by their
/// page and their place among equal ones.
fn dedupe(settings: &AccountSettings, said: &Said<'_>, at: &At<'_>, raw: &str, twin: usize) -> Dedupe {
    let rest = match (said.value("msgid"), said.time) {
        ("", Some(_)) => format!("{}:{}:{twin}", said.sub_id, fingerprint(raw)),
        ("", None) => format!("{}:{}:{}:{twin}", said.sub_id, fingerprint(raw), at.cursor),
        (id, _) => format!("{}:{id}", said.sub_id),
    };
    Dedupe {
        text: format!("{}:{rest}", settings.corp_id),
        order: said.time.map_or(0, |time| time.unsigned_abs() / 1000),
        rest,
    }
}

fn fingerprint(text: &str) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
