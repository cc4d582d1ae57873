//! Where is the message that somebody asks about? `/admin/v1/search`: by conversation key, customer's id, event or message
//! id in the store, and by any text of the newest events in memory.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::Serialize;
use serde_json::Value;

use super::told;
use crate::{
    conversation::key::Key,
    observe::timeline::{Item, item_of},
    ports::store::{MessageRef, StoreError, View},
    schema::{Timestamp, v1::conversation::Scope},
    web::{
        Answer, Problem, State,
        calls::accounts::Page,
        params::Params,
        shapes,
        table::{Call, Gives, Kind, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[Call::get(
    "/admin/v1/search",
    "Conversations, events and messages by customer or id",
    || web::get().to(search),
)
.more(
    "A conversation's key, a customer's id as the platform writes it, an event's or a message's id; and any text of the \
     newest events.",
)
.query(&[
    Query::new("q", Kind::Text, "What is looked for, 1 to 256 characters").required(),
    Query::limit(20),
])
.gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("Found", described))))])];

const LONGEST: usize = 256;
/// A customer's id alone does not name its account: so many are tried.
const ACCOUNTS_TRIED: usize = 500;

fn described() -> Value {
    shapes::object(
        [
            ("kind", shapes::one_of(&["conversation", "event", "message"])),
            ("conversationKey", shapes::text()),
            ("account", shapes::text()),
        ],
        [
            ("name", shapes::told("The customer's name, where it is known")),
            ("eventId", shapes::text()),
            ("messageId", shapes::text()),
            ("summary", shapes::text()),
            ("time", shapes::moment()),
        ],
    )
}

/// One thing that was found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    kind: &'static str,
    conversation_key: String,
    account: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    event_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
}

pub async fn search(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (wanted, limit) = (query.filled("q")?.unwrap_or_default(), query.limit(20, 100)?);
    query.done()?;
    let wanted = wanted.trim();
    if wanted.is_empty() || wanted.chars().count() > LONGEST {
        return Err(Problem::invalid(format!("q is empty or over {LONGEST} characters")));
    }
    let mut items = conversations(&state, wanted).await?;
    items.extend(stored(&state, wanted).await?);
    for item in state.observer.timeline.find(wanted, limit, state.clock.now()) {
        if !items
            .iter()
            .any(|found| found.event_id == item.event_id && !item.event_id.is_empty())
        {
            items.push(live(item));
        }
    }
    items.truncate(limit);
    told(
        StatusCode::OK,
        &Page {
            items,
            next: String::new(),
        },
    )
}

/// By key, or by the customer's id at each account.
async fn conversations(state: &State, wanted: &str) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    for key in keys(state, wanted) {
        if let Some(view) = state.store.conversation(&key).await? {
            found.push(conversation(key, &view));
        }
    }
    Ok(found)
}

fn keys(state: &State, wanted: &str) -> Vec<String> {
    if let Some(key) = Key::parse(wanted) {
        return vec![key.render()];
    }
    let accounts = state.registry.all();
    let places = accounts.iter().take(ACCOUNTS_TRIED).flat_map(|opened| {
        let account = &opened.describe;
        let sub_ids = match opened.settings.open_kfids.as_slice() {
            [] => vec![account.sub_id.clone()],
            several => several.to_vec(),
        };
        sub_ids.into_iter().map(|sub_id| Key {
            channel: account.channel.clone(),
            platform_id: account.platform_id.clone(),
            sub_id,
            scope: Scope::Direct,
            native_id: wanted.to_owned(),
        })
    });
    places.map(|key| key.render()).collect()
}

fn conversation(key: String, view: &View) -> Found {
    let of = view.state.conversation.as_ref();
    let account = of.and_then(|it| it.account.as_ref());
    let customer = of.and_then(|it| it.customer.as_ref());
    Found {
        kind: "conversation",
        conversation_key: key,
        account: account.map(|it| it.id.clone()).unwrap_or_default(),
        name: customer.map(|it| it.display_name.clone()).unwrap_or_default(),
        time: of.and_then(|it| it.last_customer_message_time),
        ..Found::default()
    }
}

/// By the id of an event or a message.
async fn stored(state: &State, wanted: &str) -> Result<Vec<Found>, StoreError> {
    let mut found = Vec::new();
    if let Some(stored) = state.store.event(wanted).await? {
        found.push(live(item_of(&stored)));
    }
    if let Some(message) = state.store.message(MessageRef::Id(wanted)).await? {
        found.push(Found {
            kind: "message",
            conversation_key: message.key.clone(),
            account: message.account.clone(),
            message_id: message.id.clone(),
            time: Some(Timestamp::from_millis(message.created)),
            ..Found::default()
        });
    }
    Ok(found)
}

fn live(item: Item) -> Found {
    Found {
        kind: if item.event_id.is_empty() { "message" } else { "event" },
        message_id: match item.messages.first() {
            Some(message) if item.event_id.is_empty() => message.message_id.clone(),
            _ => String::new(),
        },
        conversation_key: item.conversation_key,
        account: item.account,
        event_id: item.event_id,
        summary: item.summary,
        time: item.accepted_time,
        ..Found::default()
    }
}
