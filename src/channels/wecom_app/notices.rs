//! What do WeCom's notices mean: about members, external contacts, and the application itself?
//!
//! Members: <https://developer.work.weixin.qq.com/document/path/90970>, contacts:
//! <https://developer.work.weixin.qq.com/document/path/92130>.

use super::render::WELCOME;
use crate::{
    channels::common::{signals, wire::Push},
    envelope::Node,
    ports::clock::Millis,
    schema::{
        Timestamp,
        v1::{AccountState, Identity, Signal, account_state::State, identity, signal::Type},
    },
};

/// Whom a notice is about, where it has a conversation: the external contact, the member (by the new id); empty = nobody.
pub fn named<'a>(push: &Push<'a>) -> &'a str {
    let external = push.value("ExternalUserID");
    if !external.is_empty() {
        return external;
    }
    match (renamed(push), about_member(push)) {
        (Some((_, new)), _) => new,
        (None, true) => push.value("UserID"),
        (None, false) => "",
    }
}

fn about_member(push: &Push<'_>) -> bool {
    push.event.eq_ignore_ascii_case("change_contact")
        && push.value("ChangeType").to_ascii_lowercase().ends_with("_user")
}

/// A member's old and new id.
fn renamed<'a>(push: &Push<'a>) -> Option<(&'a str, &'a str)> {
    let (old, new) = (push.value("UserID"), push.value("NewUserID"));
    let changed = about_member(push) && !old.is_empty() && !new.is_empty() && !old.eq_ignore_ascii_case(new);
    changed.then_some((old, new))
}

/// The member is gone: nothing may be sent.
pub fn removed(push: &Push<'_>) -> bool {
    push.event.eq_ignore_ascii_case("change_contact") && push.value("ChangeType").eq_ignore_ascii_case("delete_user")
}

/// An event of that type.
pub fn signal(push: &Push<'_>, kind: Type, customer: Option<&Identity>, now: Millis) -> Signal {
    let mut signal = signals::signal(push, kind, customer);
    match kind {
        Type::AccountStateChanged => signal.account_state = Some(account_state(push)),
        Type::JobFinished => job(&mut signal, push),
        Type::ContactChanged => contact(&mut signal, push, now),
        _ => {}
    }
    signal
}

/// The result stands in a group of its own.
fn job(signal: &mut Signal, push: &Push<'_>) {
    if let Some(job) = push.fields.group("BatchJob") {
        for (name, node) in &job.0 {
            if matches!(node, Node::Text(_) | Node::Literal(_)) {
                signal.fields.insert(name.clone(), node.text().trim().to_owned());
            }
        }
    }
}

fn contact(signal: &mut Signal, push: &Push<'_>, now: Millis) {
    if let Some((old, _)) = renamed(push) {
        signal.r#type = Type::IdentityChanged as i32;
        signal.subject = Some(identity(old, identity::Kind::Customer));
    }
    // Who acted is the member; the contact is whom it is about.
    if !push.value("ExternalUserID").is_empty() {
        signal.subject = signal.actor.take();
        let member = push.value("UserID");
        signal.actor = (!member.is_empty()).then(|| identity(member, identity::Kind::Staff));
    }
    let code = push.value("WelcomeCode");
    if !code.is_empty() {
        signal.code = code.to_owned();
        let made = push.platform_time(now).unwrap_or(now).min(now);
        signal.code_expires = Some(Timestamp::from_millis(made + WELCOME.window));
    }
}

fn identity(id: &str, kind: identity::Kind) -> Identity {
    Identity {
        native_id: id.to_owned(),
        kind: kind as i32,
        ..Identity::default()
    }
}

/// An application that is not used is suspended (its calls are refused with 48006) until the admin enables it again.
fn account_state(push: &Push<'_>) -> AccountState {
    let event = push.event.to_ascii_lowercase();
    let state = match event.as_str() {
        "close_inactive_agent" | "low_active" => State::Degraded,
        "reopen_inactive_agent" | "active_restored" => State::Active,
        // An alert tells what will be.
        _ => State::Unspecified,
    };
    let when = push.value("EffectTime");
    AccountState {
        state: state as i32,
        reasons: [event.as_str(), when]
            .into_iter()
            .filter(|it| !it.is_empty())
            .map(Into::into)
            .collect(),
        permission_sets: Vec::new(),
    }
}
