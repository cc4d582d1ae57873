//! What did the bridge do with each message? `/admin/v1/timeline`: live facts, joined with the store for older events.

use std::collections::HashMap;

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde_json::Value;

use super::told;
use crate::{
    conversation::key::Key,
    observe::timeline::{Cursor, Item, item_of, put_message, send_item},
    ports::store::{EventQuery, Message},
    web::{
        Answer, Problem, State,
        calls::accounts::Page,
        params::Params,
        shapes,
        table::{Call, Gives, Kind, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[Call::get(
    "/admin/v1/timeline",
    "The newest events and what became of them",
    || web::get().to(list),
)
.more(
    "Oldest first. With `after` what is new or changed since, waiting for the first change as long as `wait` says; an \
     item is sent again whenever it changed: keep them by `row`.",
)
.query(&[
    Query::limit(100),
    Query::after(),
    Query::new("wait", Kind::Wait, "How long to wait for the first change"),
    Query::new("conversation", Kind::Text, "The key of the only conversation"),
])
.gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("TimelineItem", described))))])];

fn described() -> Value {
    let attempt = shapes::object(
        [
            ("attempt", shapes::count()),
            ("result", shapes::text()),
            ("ms", shapes::number()),
        ],
        [],
    );
    shapes::object(
        [
            ("row", shapes::text()),
            ("eventId", shapes::text()),
            ("conversationKey", shapes::text()),
            ("account", shapes::text()),
            (
                "kind",
                shapes::one_of(&["message", "interaction", "signal", "delivery", "gap", "send"]),
            ),
            ("platformType", shapes::text()),
            ("summary", shapes::text()),
            ("seq", shapes::count()),
            ("attempts", shapes::list(attempt)),
            ("allowances", shapes::list(shapes::message("Allowance"))),
            ("messages", shapes::list(sent())),
        ],
        [
            ("platformTime", shapes::moment()),
            ("acceptedTime", shapes::moment()),
            ("answer", shapes::text()),
            ("answerMs", shapes::number()),
            ("core", shapes::text()),
            ("takenTime", shapes::moment()),
        ],
    )
}

fn sent() -> Value {
    shapes::object(
        [
            ("messageId", shapes::text()),
            ("clientMessageId", shapes::text()),
            ("status", shapes::text()),
            ("degradations", shapes::list(shapes::message("Degradation"))),
            ("summary", shapes::text()),
            ("createdTime", shapes::moment()),
        ],
        [
            ("road", shapes::text()),
            ("error", shapes::message("Error")),
            ("settledTime", shapes::moment()),
        ],
    )
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, wait) = (query.limit(100, 1000)?, query.wait()?);
    let (after, key) = (query.filled("after")?, query.filled("conversation")?);
    query.done()?;
    let key = match key {
        None => None,
        Some(text) => Some(
            Key::parse(&text)
                .ok_or_else(|| Problem::invalid("conversation is no conversation key"))?
                .render(),
        ),
    };
    let timeline = &state.observer.timeline;
    let cursor = match after {
        None => None,
        Some(text) => Some(Cursor::parse(&text).ok_or_else(|| Problem::invalid("after is no cursor of this list"))?),
    };
    let now = state.clock.now();
    let (items, next) = match cursor.filter(|cursor| timeline.knows(cursor)) {
        Some(cursor) => {
            timeline
                .watch(&cursor, key.as_deref(), limit, now, wait.unwrap_or_default())
                .await
        }
        // The first look, or one that began before a restart.
        None => beginning(&state, key.as_deref(), limit).await?,
    };
    told(
        StatusCode::OK,
        &Page {
            items,
            next: next.render(),
        },
    )
}

/// The newest `limit` items: from memory where it has them, else as the store knows them.
async fn beginning(state: &State, key: Option<&str>, limit: usize) -> Answer<(Vec<Item>, Cursor)> {
    let timeline = &state.observer.timeline;
    let (mut items, next) = timeline.newest(key, limit, state.clock.now());
    if items.len() == limit {
        return Ok((items, next));
    }
    let known: HashMap<String, usize> = items
        .iter()
        .enumerate()
        .map(|(at, item)| (item.row.clone(), at))
        .collect();
    let events = state
        .store
        .events(EventQuery {
            key: key.map(str::to_owned),
            newest_first: true,
            limit,
            ..EventQuery::default()
        })
        .await?;
    let mut older: Vec<Item> = events
        .iter()
        .filter(|stored| !known.contains_key(&stored.row.to_string()))
        .map(|stored| item_of(stored))
        .collect();
    older.reverse();
    let mut messages = state.store.recent_messages(key, limit.saturating_mul(4)).await?;
    messages.reverse();
    for message in &messages {
        attach(&mut older, &items, message);
    }
    older.append(&mut items);
    older.sort_by_key(place);
    let over = older.len().saturating_sub(limit);
    Ok((older.split_off(over), next))
}

/// Puts a stored message to the event it answers, or to the newest of its conversation before it.
fn attach(older: &mut Vec<Item>, live: &[Item], message: &Message) {
    if live
        .iter()
        .any(|item| item.messages.iter().any(|shown| shown.message_id == message.id))
    {
        return;
    }
    let at = match message.answers {
        Some(row) => older.iter().position(|item| item.row == row.to_string()),
        None => older.iter().rposition(|item| {
            let before = item.accepted_time.is_none_or(|at| at.millis() <= message.created);
            item.conversation_key == message.key && before
        }),
    };
    match at {
        Some(at) => {
            put_message(&mut older[at], message, None);
        }
        None if message.answers.is_none() => {
            let mut item = send_item(message);
            put_message(&mut item, message, None);
            older.push(item);
        }
        None => {}
    }
}

/// The order of the list: by acceptance, then by row.
fn place(item: &Item) -> (i64, i64) {
    let row = item.row.trim_start_matches('m').parse().unwrap_or_default();
    (item.accepted_time.map_or(0, |at| at.millis()), row)
}
