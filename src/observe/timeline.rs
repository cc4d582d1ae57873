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

use crate::{
    ports::{
        clock::Millis,
        store::{Message, Row, Stored},
    },
    schema::Timestamp,
};

mod item;

use item::tenth;
pub use item::{Attempt, Item, MessageItem, item_of, put_message, send_item};

const CAPACITY: usize = 2_000;
const UNWATCHED_PER_SECOND: u32 = 200;
/// Somebody who asked within this time is still looking.
const WATCHED_FOR: Millis = 60_000;
const MAX_ATTEMPTS: usize = 20;

/// A place in the timeline.
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
    /// Messages that answer no event, by id.
    by_message: HashMap<String, u64>,
    /// The newest item of each conversation.
    by_key: HashMap<String, u64>,
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
        let number = match message.answers {
            Some(row) => ring.by_row.get(&row).copied(),
            None => self.place_of(&mut ring, message, now),
        };
        let Some(number) = number else { return };
        let mut dropped = None;
        ring.change(number, |item| dropped = put_message(item, message, Some(now)));
        if let Some(id) = dropped {
            ring.by_message.remove(&id);
        }
        drop(ring);
        self.changed.notify_waiters();
    }

    /// Where a message stands that answers no event: at the newest of its conversation, else alone.
    fn place_of(&self, ring: &mut Ring, message: &Message, now: Millis) -> Option<u64> {
        if let Some(number) = ring.by_message.get(&message.id) {
            return Some(*number);
        }
        let number = match ring.by_key.get(&message.key) {
            Some(number) => *number,
            None if self.takes(now) => ring.push(message.row, send_item(message)),
            None => return None,
        };
        ring.by_message.insert(message.id.clone(), number);
        Some(number)
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

    /// The newest `limit` items in which `text` stands: in what was said, the customer's id, or the id of event or message.
    pub fn find(&self, text: &str, limit: usize, now: Millis) -> Vec<Item> {
        self.looked.store(now, Ordering::Relaxed);
        let text = text.to_lowercase();
        let ring = self.lock();
        let items = ring.slots.iter().rev().map(|slot| &slot.item);
        items.filter(|item| item.holds(&text)).take(limit).cloned().collect()
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
                self.forget(&old);
            }
            self.first += 1;
        }
        self.revision += 1;
        let revision = self.revision;
        let place = self.first + self.slots.len() as u64;
        self.by_key.insert(item.conversation_key.clone(), place);
        self.slots.push_back(Slot { revision, number, item });
        place
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

    /// Drops what leads to a slot that leaves.
    fn forget(&mut self, old: &Slot) {
        self.by_event.remove(&old.item.event_id);
        if old.item.kind != "send" {
            self.by_row.remove(&old.number);
        }
        for message in &old.item.messages {
            self.by_message.remove(&message.message_id);
        }
        if self.by_key.get(&old.item.conversation_key) == Some(&self.first) {
            self.by_key.remove(&old.item.conversation_key);
        }
    }
}

#[cfg(test)]
mod tests;
