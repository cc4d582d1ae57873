//! What does it mean for its conversation? From the channel's words to what is committed.

use std::sync::Arc;

use super::Inbound;
use crate::{
    accounts::Opened,
    channels::contract::{self, CodeOf, Who},
    conversation::{
        Grant, OVERTAKEN_BY, Opening, Rules,
        key::{ACCOUNT_SELF, Key},
    },
    cores::Core,
    envelope::Format,
    media,
    ports::{
        chance::{Chance, hex},
        clock::Millis,
        store::Arrival,
    },
    schema::v1::{self, conversation::Scope, event::Body, identity},
};

impl Inbound {
    /// `now` is when it was accepted; `entry` is already resolved.
    pub(super) fn arrival(
        &self,
        opened: &Opened,
        inbound: contract::Inbound,
        entry: Option<v1::Entry>,
        plain: Vec<u8>,
        traceparent: String,
        now: Millis,
    ) -> Arrival {
        let place = Place {
            opened,
            account: &opened.describe,
            core: self.parts.cores.for_account(&opened.describe),
            chance: &*self.parts.chance,
            rules: self.rules,
        };
        arrival(&place, inbound, entry, plain, traceparent, now)
    }
}

/// Where something arrived.
pub struct Place<'a> {
    pub opened: &'a Opened,
    /// As its conversations show it: of one place of the account, where it has several.
    pub account: &'a Arc<v1::Account>,
    pub core: Option<&'a Core>,
    pub chance: &'a dyn Chance,
    pub rules: Rules,
}

/// What is to be committed; allowances run from `since`.
pub fn arrival(
    place: &Place<'_>,
    mut inbound: contract::Inbound,
    entry: Option<v1::Entry>,
    plain: Vec<u8>,
    traceparent: String,
    since: Millis,
) -> Arrival {
    let account = place.account.clone();
    let code = code(place.opened, &inbound.body);
    let with_raw = inbound.raw_always || place.core.is_some_and(|core| core.raw_inline);
    media::inbound::label(&mut inbound.body, &account.channel, place.chance);
    let (native_id, scope) = match inbound.who {
        Who::Customer(id) => (id, Scope::Direct),
        Who::Account => (ACCOUNT_SELF.to_owned(), Scope::Account),
    };
    let key = key(&account, scope, native_id);
    Arrival {
        core: place.core.map(|core| core.name.clone()),
        customer: customer(key.1, scope, inbound.aliases),
        key: key.0,
        scope,
        dedupe: Some(inbound.dedupe),
        platform_time: inbound.platform_time,
        history: false,
        traceparent,
        body: inbound.body.into(),
        raw: with_raw.then(|| raw(plain).into()),
        entry: entry.map(Box::new),
        grant: code
            .or_else(|| {
                inbound
                    .effects
                    .opens
                    .and_then(|trigger| grant(place.opened, trigger, since))
            })
            .map(|grant| Opening::from(grant).late_by(late_by(inbound.platform_time, since))),
        unfollowed: inbound.effects.unfollowed,
        customer_acted: inbound.effects.customer_acted,
        customer_spoke: inbound.effects.customer_spoke,
        session: inbound.effects.session,
        ordered: None,
        redelivery_of: String::new(),
        rules: place.rules,
        account,
    }
}

/// The conversation's key, and the native id back.
fn key(account: &Arc<v1::Account>, scope: Scope, native_id: String) -> (String, String) {
    let key = Key {
        channel: account.channel.clone(),
        platform_id: account.platform_id.clone(),
        sub_id: account.sub_id.clone(),
        scope,
        native_id,
    };
    (key.render(), key.native_id)
}

fn customer(native_id: String, scope: Scope, aliases: std::collections::BTreeMap<String, String>) -> v1::Identity {
    // The account's own events are of no customer.
    let kind = match scope {
        Scope::Account => identity::Kind::System,
        _ => identity::Kind::Customer,
    };
    v1::Identity {
        native_id,
        kind: kind as i32,
        aliases,
        ..Default::default()
    }
}

fn grant(opened: &Opened, trigger: &'static str, now: Millis) -> Option<Grant> {
    let rule = opened.account.allowance(trigger)?;
    Some(Grant {
        trigger: trigger.to_owned(),
        remaining: rule.count,
        expires: now.saturating_add(rule.window),
        part_types: rule.part_types.join(","),
        estimated: false,
    })
}

/// How long before `since` it happened; a time that no attempt of the platform's would explain says nothing.
fn late_by(platform_time: Option<Millis>, since: Millis) -> Millis {
    let late_by = since - platform_time.unwrap_or(since);
    if (0..=OVERTAKEN_BY).contains(&late_by) {
        late_by
    } else {
        0
    }
}

/// What the code of an event lets pass, until when.
fn code(opened: &Opened, body: &Body) -> Option<Grant> {
    let Body::Signal(signal) = body else { return None };
    let rule = opened.account.code(CodeOf::of(signal)?)?;
    Some(Grant {
        trigger: rule.trigger.to_owned(),
        remaining: Some(1),
        expires: signal.code_expires?.millis(),
        part_types: rule.part_types.join(","),
        estimated: false,
    })
}

fn raw(body: Vec<u8>) -> v1::Raw {
    let media_type = match Format::of(&body) {
        Some(Format::Xml) => "application/xml",
        // What begins like neither is an item of a page that was JSON.
        _ => "application/json",
    };
    v1::Raw {
        media_type: media_type.to_owned(),
        sha256: hex(ring::digest::digest(&ring::digest::SHA256, &body).as_ref()),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_named_by_how_it_begins_and_what_is_no_xml_is_an_item_of_a_json_page() {
        for (body, named) in [
            ("<xml/>", "application/xml"),
            (" \n<xml>", "application/xml"),
            ("{\"a\":1}", "application/json"),
            ("{\"a\":", "application/json"),
            ("7", "application/json"),
            ("[1]", "application/json"),
            ("\"words\"", "application/json"),
            ("null", "application/json"),
        ] {
            assert_eq!(raw(body.into()).media_type, named, "{body}");
        }
    }
}
