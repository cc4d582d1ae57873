//! What does a tap or an event become? Interactions and signals, each with all the platform's fields beside.

use std::collections::BTreeMap;

use super::{parts, wire::Push};
use crate::{
    channels::contract::SessionEffect,
    envelope::{Fields, Node},
    schema::v1::{
        AccountState, Identity, Interaction, Selection, SessionChange, Signal, account_state::State,
        conversation::SessionState, identity, interaction::Kind, signal::Type,
    },
};

/// A tap on a menu, or on an item of a menu message.
pub fn interaction(push: &Push<'_>, kind: Kind) -> Interaction {
    let mut tap = Interaction {
        kind: kind as i32,
        key: push.event_key().into(),
        native_json: push.fields.to_json(),
        ..Interaction::default()
    };
    match kind {
        Kind::Choice => {
            tap.key = push.value("bizmsgmenuid").into();
            tap.label = push.fields.verbatim("Content").into();
        }
        Kind::ScanCode => scanned(&mut tap, push.fields.group("ScanCodeInfo")),
        Kind::PickPhoto => picked(&mut tap, push.fields.group("SendPicsInfo")),
        Kind::PickLocation => {
            if let Some(place) = push.fields.group("SendLocationInfo") {
                tap.label = place.value("Label").into();
                select(&mut tap, "location", [point(place)]);
            }
        }
        _ => {}
    }
    tap
}

fn scanned(tap: &mut Interaction, info: Option<&Fields>) {
    if let Some(info) = info {
        tap.label = info.value("ScanResult").into();
        let kind = info.value("ScanType");
        let kind = if kind.is_empty() { "scan" } else { kind };
        select(tap, kind, [info.value("ScanResult").to_owned()]);
    }
}

/// The pictures follow as messages of their own; their checksums tell which.
fn picked(tap: &mut Interaction, info: Option<&Fields>) {
    let items = info.and_then(|info| info.group("PicList"));
    let sums: Vec<String> = items
        .into_iter()
        .flat_map(|list| list.groups("item"))
        .map(|item| item.value("PicMd5Sum").to_owned())
        .collect();
    select(tap, "md5", sums);
}

fn select(tap: &mut Interaction, question: &str, options: impl IntoIterator<Item = String>) {
    let option_ids: Vec<String> = options.into_iter().filter(|option| !option.is_empty()).collect();
    if !option_ids.is_empty() {
        tap.selections.push(Selection {
            question_key: question.into(),
            option_ids,
        });
    }
}

fn point(place: &Fields) -> String {
    parts::location(place, "Location_X", "Location_Y")
        .map(|it| format!("{},{}", it.latitude, it.longitude))
        .unwrap_or_default()
}

/// An event of that type.
pub fn signal(push: &Push<'_>, kind: Type, customer: Option<&Identity>) -> Signal {
    let event = if push.event.is_empty() {
        push.msg_type
    } else {
        push.event
    };
    let mut signal = Signal {
        r#type: kind as i32,
        actor: customer.cloned(),
        platform_type: event.into(),
        fields: flat(push.fields),
        native_json: push.fields.to_json(),
        ..Signal::default()
    };
    match kind {
        Type::SessionStateChanged => session(&mut signal, push, customer),
        Type::AccountStateChanged => signal.account_state = Some(account_state(push)),
        Type::JobFinished => signal.target_message_id = job_ids(push.fields, "MsgID"),
        _ => {}
    }
    signal
}

/// The platform's own agents (客服功能) took, passed on or let go of the customer. The actor is the servicer.
fn session(signal: &mut Signal, push: &Push<'_>, customer: Option<&Identity>) {
    let staff = |name: &str| {
        let account = push.value(name);
        (!account.is_empty()).then(|| Identity {
            native_id: account.into(),
            kind: identity::Kind::Staff as i32,
            ..Identity::default()
        })
    };
    let closing = push.value("CloseType");
    let (before, after, old, new) = if push.event.eq_ignore_ascii_case("kf_create_session") {
        (SessionState::Assistant, SessionState::Human, None, staff("KfAccount"))
    } else if push.event.eq_ignore_ascii_case("kf_switch_session") {
        (
            SessionState::Human,
            SessionState::Human,
            staff("FromKfAccount"),
            staff("ToKfAccount"),
        )
    } else {
        (SessionState::Human, SessionState::Assistant, staff("KfAccount"), None)
    };
    signal.actor = old.clone().or_else(|| new.clone());
    signal.subject = customer.cloned();
    signal.session = Some(SessionChange {
        before: before as i32,
        after: after as i32,
        old_servicer: old,
        new_servicer: new,
        cause: if closing.is_empty() { push.event } else { closing }.into(),
    });
}

/// What a session signal does to the conversation.
pub fn session_effect(signal: &Signal) -> Option<SessionEffect> {
    let change = signal.session.as_ref()?;
    Some(if change.after() == SessionState::Human {
        SessionEffect::Captured {
            servicer: change
                .new_servicer
                .as_ref()
                .map(|it| it.native_id.clone())
                .unwrap_or_default(),
        }
    } else {
        SessionEffect::Released
    })
}

/// Verification (认证) decides whether the customer-service API may be used at all.
fn account_state(push: &Push<'_>) -> AccountState {
    let event = push.event.to_ascii_lowercase();
    let state = match event.as_str() {
        "verify_expired" => State::Degraded,
        "qualification_verify_success" | "naming_verify_success" | "annual_renew" => State::Active,
        // A failed attempt changes nothing of what the account had.
        _ => State::Unspecified,
    };
    let reason = [push.value("FailReason"), push.value("reason")];
    let reason = reason.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
    AccountState {
        state: state as i32,
        reasons: [event.as_str(), reason]
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(Into::into)
            .collect(),
        permission_sets: Vec::new(),
    }
}

/// The values of an event beside the common ones: the first of each name. Groups stand in `native_json`.
fn flat(fields: &Fields) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    for (name, node) in &fields.0 {
        let common = COMMON.iter().any(|common| common.eq_ignore_ascii_case(name));
        if !common && matches!(node, Node::Text(_) | Node::Literal(_)) {
            flat.entry(name.clone())
                .or_insert_with(|| node.text().trim().to_owned());
        }
    }
    flat
}

/// The ids of a job's results, wherever they stand: beside the event, or in the items of its list.
pub fn job_ids(fields: &Fields, name: &str) -> String {
    let mut ids = Vec::new();
    collect(fields, name, &mut ids);
    ids.join(",")
}

fn collect<'a>(fields: &'a Fields, name: &str, ids: &mut Vec<&'a str>) {
    for (key, node) in &fields.0 {
        match node {
            Node::Fields(inner, _) => collect(inner, name, ids),
            Node::List(items) => items.iter().for_each(|item| {
                if let Node::Fields(inner, _) = item {
                    collect(inner, name, ids);
                }
            }),
            leaf if key.eq_ignore_ascii_case(name) && !leaf.text().trim().is_empty() => ids.push(leaf.text().trim()),
            _ => {}
        }
    }
}

const COMMON: &[&str] = &["ToUserName", "FromUserName", "CreateTime", "MsgType", "Event"];
