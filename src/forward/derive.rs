//! Which record does an event or a message give? At most one of each type; most give none.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::settings::Kind;
use crate::{
    ports::{
        forward::{Item, Made},
        store::Message,
    },
    schema::{
        Timestamp,
        v1::{self, conversation::Scope, event::Body, message::Origin, send_request::What, signal::Type},
    },
};

/// The dictionary's own code of WeChat customer service, which a configuration may replace.
const KF_CODE: u32 = 17;

/// What the records of this type hold of `item`, as JSON. `kf_code` is written for WeChat customer service.
pub fn record(kind: Kind, item: &Item, kf_code: u32) -> Option<String> {
    let content = match item {
        Item::Event(event) => of_event(kind, event, kf_code)?,
        Item::Message(message) => of_message(kind, message)?,
        Item::Made(made) => return of_core(kind, made),
    };
    Some(Value::Object(content).to_string())
}

type Content = Map<String, Value>;

/// A core's own content stands as it is, letter by letter: a number that went through ours might come out as another. What
/// every record has is added behind it where the core did not say it.
fn of_core(kind: Kind, made: &Made) -> Option<String> {
    if made.kind != kind.name() {
        return None;
    }
    let said = made.content.get();
    let fields = fields_of(said)?;
    let mut added = Content::new();
    let mut add = |name: &str, value: Value| {
        if !fields.contains(name) {
            added.insert(name.to_owned(), value);
        }
    };
    add("id", made.id.clone().into());
    add("time", time(made.at));
    if !made.conversation_key.is_empty() {
        add("conversationKey", made.conversation_key.clone().into());
    }
    if added.is_empty() {
        return Some(said.to_owned());
    }
    let comma = if fields.is_empty() { "" } else { "," };
    let added = Value::Object(added).to_string();
    Some(format!(
        "{}{comma}{}",
        said.strip_suffix('}')?,
        added.strip_prefix('{')?
    ))
}

/// The names in a JSON object; `None`: it is none.
pub fn fields_of(object: &str) -> Option<BTreeSet<String>> {
    let fields: BTreeMap<String, IgnoredAny> = serde_json::from_str(object).ok()?;
    Some(fields.into_keys().collect())
}

fn time(at: i64) -> Value {
    Timestamp::from_millis(at).to_rfc3339_millis().into()
}

fn value(message: impl serde::Serialize) -> Value {
    // Only a time that no calendar has cannot be written.
    serde_json::to_value(message).unwrap_or_default()
}

// ───────────── events ─────────────

fn of_event(kind: Kind, event: &v1::Event, kf_code: u32) -> Option<Content> {
    let conversation = event.conversation.as_ref()?;
    // Brought back from the parked: it was copied when it first came. An account's own events are no traffic.
    if !event.redelivery_of.is_empty() || conversation.scope() == Scope::Account {
        return None;
    }
    let body = event.body.as_ref()?;
    let about = match kind {
        Kind::User => said(body).filter(|_| by_customer(body)),
        Kind::Msg => said(body).or_else(|| changed(body)),
        Kind::UserInfo => learnt(event, conversation, body),
        Kind::Conversation => turned(event, conversation, body),
        Kind::Evaluation | Kind::Summary => None,
    }?;
    let mut content = base(event, conversation, kf_code);
    content.extend(about);
    Some(content)
}

/// What every record of an event has.
fn base(event: &v1::Event, conversation: &v1::Conversation, kf_code: u32) -> Content {
    let account = conversation.account.clone().unwrap_or_default();
    let source = match account.channel_code {
        KF_CODE => kf_code,
        other => other,
    };
    let customer = conversation.customer.as_ref();
    let mut content = fields(json!({
        "id": event.id,
        "time": time(event.accepted_time.map_or(0, |at| at.millis())),
        "conversationKey": conversation.key,
        "sessionId": conversation.session_id,
        "accountId": account.id,
        "channel": account.channel,
        "source": source,
        "customerId": customer.map_or("", |customer| customer.native_id.as_str()),
    }));
    if event.history {
        content.insert("history".to_owned(), true.into());
    }
    content
}

fn fields(value: Value) -> Content {
    match value {
        Value::Object(fields) => fields,
        _ => Content::new(),
    }
}

fn by_customer(body: &Body) -> bool {
    match body {
        Body::Message(message) => message.origin() == Origin::CustomerSent,
        Body::Interaction(_) => true,
        _ => false,
    }
}

fn said(body: &Body) -> Option<Content> {
    match body {
        Body::Message(message) => {
            let direction = match by_customer(body) {
                true => "in",
                false => "out",
            };
            Some(fields(json!({ "direction": direction, "message": value(message) })))
        }
        Body::Interaction(tap) => Some(fields(json!({ "direction": "in", "interaction": value(tap) }))),
        _ => None,
    }
}

/// What became of something that was said.
fn changed(body: &Body) -> Option<Content> {
    match body {
        Body::Delivery(update) => {
            let result = update.result.clone().unwrap_or_default();
            let mut content = fields(json!({
                "direction": "out",
                "messageId": result.message_id,
                "status": result.status().as_str_name(),
                "road": result.road().as_str_name(),
            }));
            if let Some(error) = &result.error {
                content.insert("error".to_owned(), value(error));
            }
            Some(content)
        }
        Body::Signal(signal) if matches!(signal.r#type(), Type::Recalled | Type::MediaChanged) => {
            Some(fields(json!({ "direction": "in", "signal": value(signal) })))
        }
        _ => None,
    }
}

/// The first event of a session names it.
fn begins(event: &v1::Event, conversation: &v1::Conversation) -> bool {
    !event.id.is_empty() && event.id == conversation.session_id
}

fn learnt(event: &v1::Event, conversation: &v1::Conversation, body: &Body) -> Option<Content> {
    let signal = match body {
        Body::Signal(signal) => Some(signal),
        _ => None,
    };
    let tells = signal.filter(|signal| {
        matches!(
            signal.r#type(),
            Type::Followed
                | Type::Unfollowed
                | Type::SessionEntered
                | Type::Scanned
                | Type::LocationReported
                | Type::ContactChanged
                | Type::OptInChanged
                | Type::IdentityChanged
        )
    });
    if tells.is_none() && !begins(event, conversation) {
        return None;
    }
    let mut content = fields(json!({ "customer": value(&conversation.customer) }));
    if !conversation.previous_keys.is_empty() {
        content.insert("previousKeys".to_owned(), json!(conversation.previous_keys));
    }
    if let Some(entry) = &event.entry {
        content.insert("entry".to_owned(), value(entry));
    }
    if let Some(signal) = tells {
        content.insert("signal".to_owned(), value(signal));
    }
    Some(content)
}

fn turned(event: &v1::Event, conversation: &v1::Conversation, body: &Body) -> Option<Content> {
    let begins = begins(event, conversation);
    let signal = match body {
        Body::Signal(signal) if matches!(signal.r#type(), Type::SessionStateChanged | Type::SessionEntered) => {
            Some(signal)
        }
        _ => None,
    };
    if signal.is_none() && !begins {
        return None;
    }
    let mut content = fields(json!({
        "begins": begins,
        "sessionState": conversation.session_state().as_str_name(),
    }));
    if let Some(servicer) = &conversation.servicer {
        content.insert("servicer".to_owned(), value(servicer));
    }
    if let Some(signal) = signal {
        content.insert("signal".to_owned(), value(signal));
    }
    Some(content)
}

// ───────────── messages ─────────────

fn of_message(kind: Kind, message: &Message) -> Option<Content> {
    let request = &message.request;
    let about = match (kind, request.what.as_ref()?) {
        (Kind::Msg, What::Text(text)) => json!({ "message": {
            "parts": [{ "text": { "body": text } }],
            "summary": text,
        } }),
        (Kind::Msg, What::Message(said)) => json!({ "message": value(said) }),
        (Kind::Msg, What::NativeJson(native)) => json!({ "nativeJson": native }),
        (Kind::Msg, What::RecallMessageId(id)) => json!({ "recallMessageId": id }),
        // The customer reads them like any other words.
        (Kind::Msg, What::Session(order)) => json!({ "message": value(order.closing.as_ref()?) }),
        (Kind::Conversation, What::Session(order)) => json!({ "order": value(order) }),
        _ => return None,
    };
    let mut content = fields(json!({
        "id": message.id,
        "time": time(message.created),
        "conversationKey": message.key,
        "accountId": message.account,
        "direction": "out",
        "messageId": message.id,
        "clientMessageId": message.client_message_id,
        "status": message.status().as_str_name(),
    }));
    for (name, text) in [("inReplyTo", &request.in_reply_to), ("speaker", &request.speaker)] {
        if !text.is_empty() {
            content.insert(name.to_owned(), text.clone().into());
        }
    }
    content.extend(fields(about));
    Some(content)
}

#[cfg(test)]
mod tests;
