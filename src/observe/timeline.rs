//! What did the bridge do with each message, as it happens? A bounded memory of the last events and what became of them.
//!
//! Holds what the store does not keep (answers, attempts, times) for people who look. When nobody looks it takes part
//! in at most [`UNWATCHED_PER_SECOND`] events a second, so that a flood pays one atomic load for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use serde::Serialize;

use crate::{
    ports::{
        clock::Millis,
        store::{Message, Row, Stored},
    },
    schema::{Timestamp, v1},
};

const CAPACITY: usize = 2_000;
const UNWATCHED_PER_SECOND: u32 = 200;
/// Somebody who asked within this time is still looking.
const WATCHED_FOR: Millis = 60_000;
const MAX_ATTEMPTS: usize = 20;
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

/// A page of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    boot: u64,
    revision: u64,
}

impl Cursor {
    pub fn parse(text: &str) -> Option<Self> {
        let (boot, revision) = text.split_once('-')?;
        Some(Self {
            boot: u64::from_str_radix(boot, 16).ok()?,
            revision: revision.parse().ok()?,
        })
    }

    pub fn render(&self) -> String {
        format!("{:x}-{}", self.boot, self.revision)
    }
}

struct Slot {
    revision: u64,
    number: Row,
    item: Item,
}

#[derive(Default)]
struct Ring {
    slots: VecDeque<Slot>,
    /// Number of the first slot since start.
    first: u64,
    by_event: HashMap<String, u64>,
    by_row: HashMap<Row, u64>,
    revision: u64,
}

/// The memory of the last events.
pub struct Timeline {
    boot: u64,
    ring: Mutex<Ring>,
    changed: tokio::sync::Notify,
    looked: AtomicI64,
    second: AtomicI64,
    in_second: AtomicU32,
}

impl Timeline {
    /// `boot` tells this run's cursors from those of another.
    pub fn new(boot: u64) -> Self {
        Self {
            boot,
            ring: Mutex::default(),
            changed: tokio::sync::Notify::new(),
            looked: AtomicI64::new(0),
            second: AtomicI64::new(0),
            in_second: AtomicU32::new(0),
        }
    }

    // ───────────── told by those who do the work ─────────────

    pub fn committed(&self, stored: &Stored, now: Millis) {
        if !self.takes(now) {
            return;
        }
        let item = item_of(stored);
        let mut ring = self.lock();
        let number = ring.push(stored.row, item);
        let event_id = stored.event.id.clone();
        ring.by_event.insert(event_id, number);
        ring.by_row.insert(stored.row, number);
        drop(ring);
        self.changed.notify_waiters();
    }

    pub fn answered(&self, event_id: &str, answer: &'static str, millis: f64) {
        self.change_event(event_id, |item| {
            // A retry that joined or came later tells nothing new about the first answer.
            if item.answer.is_none() || answer != "duplicate" {
                item.answer = Some(answer);
                item.answer_ms = Some(tenth(millis));
            }
        });
    }

    pub fn offered(&self, core: &str, event_id: &str, attempt: u32, result: &'static str, millis: f64, now: Millis) {
        self.change_event(event_id, |item| {
            if item.core != core {
                core.clone_into(&mut item.core);
            }
            if item.attempts.len() == MAX_ATTEMPTS {
                item.attempts.remove(0);
            }
            let ms = tenth(millis);
            item.attempts.push(Attempt { attempt, result, ms });
            if result == "taken" {
                item.taken_time = Some(Timestamp::from_millis(now));
            }
        });
    }

    pub fn message(&self, message: &Message, now: Millis) {
        let mut ring = self.lock();
        let found = message
            .answers
            .and_then(|row| ring.by_row.get(&row).copied())
            .or_else(|| ring.holder_of(&message.id))
            .or_else(|| {
                message
                    .answers
                    .is_none()
                    .then(|| ring.newest_of(&message.key))
                    .flatten()
            });
        let number = match found {
            Some(number) => number,
            None if message.answers.is_none() && self.takes(now) => ring.push(message.row, send_item(message)),
            None => return,
        };
        ring.change(number, |item| put_message(item, message, Some(now)));
        drop(ring);
        self.changed.notify_waiters();
    }

    /// Whether a new event is kept: always while somebody looks, else within the second's share.
    fn takes(&self, now: Millis) -> bool {
        if now - self.looked.load(Ordering::Relaxed) < WATCHED_FOR {
            return true;
        }
        let second = now / 1000;
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.in_second.store(0, Ordering::Relaxed);
        }
        self.in_second.load(Ordering::Relaxed) < UNWATCHED_PER_SECOND
            && self.in_second.fetch_add(1, Ordering::Relaxed) < UNWATCHED_PER_SECOND
    }

    fn change_event(&self, event_id: &str, change: impl FnOnce(&mut Item)) {
        let mut ring = self.lock();
        let Some(number) = ring.by_event.get(event_id).copied() else {
            return;
        };
        ring.change(number, change);
        drop(ring);
        self.changed.notify_waiters();
    }

    // ───────────── asked by those who look ─────────────

    /// Whether `cursor` was given out by this run; another run's says nothing here.
    pub fn knows(&self, cursor: &Cursor) -> bool {
        cursor.boot == self.boot
    }

    /// The newest `limit` items in the order they were committed, and the cursor behind everything known.
    pub fn newest(&self, key: Option<&str>, limit: usize, now: Millis) -> (Vec<Item>, Cursor) {
        self.looked.store(now, Ordering::Relaxed);
        let ring = self.lock();
        let mut items: Vec<(Row, Item)> = ring
            .slots
            .iter()
            .rev()
            .filter(|slot| key.is_none_or(|key| key == slot.item.conversation_key))
            .take(limit)
            .map(|slot| (slot.number, slot.item.clone()))
            .collect();
        items.reverse();
        let next = self.cursor(ring.revision);
        (items.into_iter().map(|(_, item)| item).collect(), next)
    }

    /// What is new or changed behind `cursor`, at most `limit`, oldest change first.
    pub fn changes(&self, cursor: &Cursor, key: Option<&str>, limit: usize, now: Millis) -> (Vec<Item>, Cursor) {
        self.looked.store(now, Ordering::Relaxed);
        let ring = self.lock();
        let mut changed: Vec<&Slot> = ring
            .slots
            .iter()
            .filter(|slot| slot.revision > cursor.revision)
            .filter(|slot| key.is_none_or(|key| key == slot.item.conversation_key))
            .collect();
        changed.sort_unstable_by_key(|slot| slot.revision);
        let whole = changed.len() <= limit;
        changed.truncate(limit);
        let next = match changed.last() {
            Some(last) if !whole => last.revision,
            _ => ring.revision,
        };
        (
            changed.into_iter().map(|slot| slot.item.clone()).collect(),
            self.cursor(next),
        )
    }

    /// Like [`Timeline::changes`], but waits up to `wait` for the first one.
    pub async fn watch(
        &self,
        cursor: &Cursor,
        key: Option<&str>,
        limit: usize,
        now: Millis,
        wait: Duration,
    ) -> (Vec<Item>, Cursor) {
        let end = tokio::time::Instant::now() + wait;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that a change between look and wait is not missed.
            changed.as_mut().enable();
            let found = self.changes(cursor, key, limit, now);
            if !found.0.is_empty() || tokio::time::timeout_at(end, changed).await.is_err() {
                return found;
            }
        }
    }

    fn cursor(&self, revision: u64) -> Cursor {
        Cursor {
            boot: self.boot,
            revision,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, number: Row, item: Item) -> u64 {
        if self.slots.len() == CAPACITY {
            if let Some(old) = self.slots.pop_front() {
                self.by_event.remove(&old.item.event_id);
                if old.item.kind != "send" {
                    self.by_row.remove(&old.number);
                }
            }
            self.first += 1;
        }
        self.revision += 1;
        let revision = self.revision;
        self.slots.push_back(Slot { revision, number, item });
        self.first + self.slots.len() as u64 - 1
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Item)) {
        let Some(at) = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(at) else { return };
        self.revision += 1;
        slot.revision = self.revision;
        change(&mut slot.item);
    }

    fn newest_of(&self, key: &str) -> Option<u64> {
        self.find(|item| item.conversation_key == key)
    }

    fn holder_of(&self, message_id: &str) -> Option<u64> {
        self.find(|item| item.messages.iter().any(|message| message.message_id == message_id))
    }

    fn find(&self, fits: impl Fn(&Item) -> bool) -> Option<u64> {
        let at = self.slots.iter().rposition(|slot| fits(&slot.item))?;
        Some(self.first + at as u64)
    }
}

// ───────────── how an item is made ─────────────

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
pub fn put_message(item: &mut Item, message: &Message, settled: Option<Millis>) {
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
        }
        None => {
            if item.messages.len() == MAX_MESSAGES {
                item.messages.remove(0);
            }
            item.messages.push(shown);
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
fn tenth(millis: f64) -> f64 {
    (millis * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
