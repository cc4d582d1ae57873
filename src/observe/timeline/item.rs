//! How does one event look in the timeline, and how a message that answers it?

use serde::Serialize;

use crate::{
    ports::{
        clock::Millis,
        store::{Message, Stored},
    },
    schema::{Timestamp, v1},
};

const MAX_MESSAGES: usize = 50;
const MAX_SUMMARY: usize = 500;

/// One event and what became of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub row: String,
    pub event_id: String,
    pub conversation_key: String,
    pub account: String,
    /// `message` | `interaction` | `signal` | `delivery` | `gap`; `send` where a core spoke and no event is known.
    pub kind: &'static str,
    pub platform_type: String,
    pub summary: String,
    pub seq: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub core: String,
    pub attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_time: Option<Timestamp>,
    pub allowances: Vec<v1::Allowance>,
    pub messages: Vec<MessageItem>,
}

impl Item {
    /// Whether `text`, in lower case, stands in what was said or in an id.
    pub fn holds(&self, text: &str) -> bool {
        let has = |field: &str| field.to_lowercase().contains(text);
        let said = [&self.summary, &self.conversation_key, &self.event_id];
        let answers = self.messages.iter();
        said.into_iter().any(|field| has(field))
            || answers
                .flat_map(|it| [&it.summary, &it.message_id, &it.client_message_id])
                .any(|field| has(field))
    }
}

/// One offer to the core.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    pub attempt: u32,
    pub result: &'static str,
    pub ms: f64,
}

/// One message that answers the event.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageItem {
    pub message_id: String,
    pub client_message_id: String,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub road: Option<&'static str>,
    pub degradations: Vec<v1::Degradation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<v1::Error>,
    pub summary: String,
    pub created_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_time: Option<Timestamp>,
}

/// An event as the timeline shows it; what the store does not keep stays empty.
pub fn item_of(stored: &Stored) -> Item {
    let event = &stored.event;
    let conversation = event.conversation.as_ref();
    let (kind, platform_type, summary) = body_of(event);
    Item {
        row: stored.row.to_string(),
        event_id: event.id.clone(),
        conversation_key: conversation.map(|it| it.key.clone()).unwrap_or_default(),
        account: conversation
            .and_then(|it| it.account.as_ref())
            .map(|it| it.id.clone())
            .unwrap_or_default(),
        kind,
        platform_type,
        summary: shortened(&summary),
        seq: event.seq,
        platform_time: event.platform_time,
        accepted_time: event.accepted_time,
        core: stored.core.as_deref().unwrap_or_default().to_owned(),
        allowances: event.allowances.clone(),
        ..Item::default()
    }
}

/// A message of the core's that answers nothing we know.
pub fn send_item(message: &Message) -> Item {
    let key = crate::conversation::key::Key::parse(&message.key);
    Item {
        row: format!("m{}", message.row),
        conversation_key: message.key.clone(),
        account: message.account.clone(),
        kind: "send",
        platform_type: key.map(|key| key.channel).unwrap_or_default(),
        accepted_time: Some(Timestamp::from_millis(message.created)),
        ..Item::default()
    }
}

/// Adds a message to its item, or brings it up to date. `settled` is when it reached its last state, where known.
/// Returns the id of a message that had to leave for it.
pub fn put_message(item: &mut Item, message: &Message, settled: Option<Millis>) -> Option<String> {
    if !message.result.allowances.is_empty() {
        item.allowances.clone_from(&message.result.allowances);
    }
    let shown = MessageItem {
        message_id: message.id.clone(),
        client_message_id: message.client_message_id.clone(),
        status: message.result.status().as_str_name(),
        road: (message.result.road != 0).then(|| message.result.road().as_str_name()),
        degradations: message.result.degradations.clone(),
        error: message.result.error.clone(),
        summary: shortened(&request_summary(&message.request)),
        created_time: Timestamp::from_millis(message.created),
        settled_time: settled.filter(|_| message.is_final()).map(Timestamp::from_millis),
    };
    match item.messages.iter_mut().find(|old| old.message_id == shown.message_id) {
        Some(old) => {
            let settled_time = old.settled_time.or(shown.settled_time);
            *old = MessageItem { settled_time, ..shown };
            None
        }
        None => {
            let full = item.messages.len() == MAX_MESSAGES;
            let dropped = full.then(|| item.messages.remove(0).message_id);
            item.messages.push(shown);
            dropped
        }
    }
}

fn body_of(event: &v1::Event) -> (&'static str, String, String) {
    use v1::event::Body;
    match &event.body {
        Some(Body::Message(message)) => {
            let part = message.parts.first().map_or("", part_name);
            let native = message.parts.iter().find_map(|part| match &part.content {
                Some(v1::part::Content::Unsupported(it)) => Some(it.platform_type.clone()),
                _ => None,
            });
            (
                "message",
                native.unwrap_or_else(|| part.to_owned()),
                message.summary.clone(),
            )
        }
        Some(Body::Interaction(tap)) => {
            let summary = if tap.label.is_empty() { &tap.key } else { &tap.label };
            ("interaction", tap.kind().as_str_name().to_owned(), summary.clone())
        }
        Some(Body::Signal(signal)) => {
            let name = signal.r#type().as_str_name();
            let native = if signal.platform_type.is_empty() {
                name
            } else {
                &signal.platform_type
            };
            ("signal", native.to_owned(), name.to_owned())
        }
        Some(Body::Delivery(update)) => {
            let result = update.result.clone().unwrap_or_default();
            let summary = format!("{} {}", result.status().as_str_name(), result.client_message_id);
            ("delivery", result.status().as_str_name().to_owned(), summary)
        }
        Some(Body::Gap(gap)) => ("gap", gap.reason().as_str_name().to_owned(), gap.detail.clone()),
        None => ("message", String::new(), String::new()),
    }
}

/// The name of a part in the schema.
fn part_name(part: &v1::Part) -> &'static str {
    use v1::part::Content as C;
    match &part.content {
        Some(C::Text(_)) => "text",
        Some(C::Image(_)) => "image",
        Some(C::Voice(_)) => "voice",
        Some(C::Video(_)) => "video",
        Some(C::File(_)) => "file",
        Some(C::Location(_)) => "location",
        Some(C::Link(_)) => "link",
        Some(C::Articles(_)) => "articles",
        Some(C::MiniProgram(_)) => "mini_program",
        Some(C::Card(_)) => "card",
        Some(C::Menu(_)) => "menu",
        Some(C::Contact(_)) => "contact",
        Some(C::Music(_)) => "music",
        Some(C::Forwarded(_)) => "forwarded",
        Some(C::Reference(_)) => "reference",
        Some(C::TemplateCard(_)) => "template_card",
        Some(C::Template(_)) => "template",
        Some(C::Transfer(_)) => "transfer",
        Some(C::Unsupported(_)) => "unsupported",
        None => "",
    }
}

fn request_summary(request: &v1::SendRequest) -> String {
    use v1::send_request::What;
    match &request.what {
        Some(What::Text(text)) => text.clone(),
        Some(What::Message(message)) => message.parts.iter().map(part_summary).collect::<Vec<_>>().join(" "),
        Some(What::NativeJson(_)) => "native".into(),
        Some(What::Session(order)) => order.verb().as_str_name().to_owned(),
        Some(What::Typing(_)) => "typing".into(),
        Some(What::RecallMessageId(id)) => format!("recall {id}"),
        None => String::new(),
    }
}

fn part_summary(part: &v1::Part) -> String {
    use v1::part::Content as C;
    let said: &str = match &part.content {
        Some(C::Text(text)) => return text.body.clone(),
        Some(C::Image(media) | C::Voice(media) | C::Video(media) | C::File(media)) => &media.name,
        Some(C::Link(link)) => &link.title,
        Some(C::Articles(articles)) => articles.items.first().map_or("", |link| link.title.as_str()),
        Some(C::Card(card)) => &card.title,
        Some(C::Menu(menu)) => &menu.head,
        Some(C::Music(music)) => &music.title,
        Some(C::MiniProgram(card)) => &card.title,
        _ => "",
    };
    if said.is_empty() {
        format!("[{}]", part_name(part))
    } else {
        format!("[{}] {said}", part_name(part))
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SUMMARY) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Milliseconds with one digit behind the point.
pub(super) fn tenth(millis: f64) -> f64 {
    (millis * 10.0).round() / 10.0
}
