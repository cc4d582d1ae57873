//! What do we remember of a conversation that has something undelivered? A lane: small, because there are many.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    cores::Kind,
    ports::{
        clock::Millis,
        store::{ConversationId, Stored},
    },
};

/// Events kept in memory, over all lanes; everything beyond is read again when its turn comes.
const EVENTS_MAX: usize = 4_096;
const BYTES_MAX: usize = 8 << 20;
/// What an event costs beside its encoded size.
const OVERHEAD: usize = 1_024;
/// Events of a conversation that go out as one run, and what they cost.
const RUN: usize = 16;
const RUN_BYTES: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// In its core's queue.
    Ready,
    InFlight,
    /// Until `due`.
    Backoff,
    /// There is no core to take it.
    Waits,
}

/// Which queue of its core a conversation stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Somebody waits for an answer.
    Awaited,
    /// Who speaks now.
    Live,
    /// Who waited while nobody took it.
    Late,
}

/// One conversation with something undelivered.
pub struct Lane {
    /// Index of its core.
    pub slot: u16,
    pub phase: Phase,
    /// Memory holds everything that is undelivered.
    pub complete: bool,
    /// Being read from the store, and: something came meanwhile.
    pub fetching: bool,
    pub grew: bool,
    /// What is being read is of before its core changed.
    pub stale: bool,
    /// What waits came while its core could be reached.
    pub live: bool,
    /// Refusals (400, 413, 422) of the first event.
    pub refusals: u8,
    /// Events taken one after the other without a turn for others between them.
    pub burst: u8,
    /// Offers of the first event since it is the first, by this process.
    pub attempts: u16,
    /// Until this second somebody waits for an answer; 0 = nobody does.
    pub awaited: u32,
    /// Failures in a row: place in the schedule.
    pub failures: u16,
    /// The core's life (see [`super::gate::Gate::life`]) when it would not have the first event, and not for the event's sake;
    /// 0 = it has not been so.
    pub met: u16,
    /// How much waiting, for gauges; progress never depends on it.
    pub count: u32,
    /// How long the first event has been failing by itself.
    pub failing_for: Millis,
    pub last_failure: Millis,
    pub due: Millis,
    /// When the first event was accepted.
    pub oldest: Millis,
    /// The last (epoch, seq) known.
    pub last: (u32, u32),
    /// The first events of the lane, in order.
    events: Option<VecDeque<Held>>,
}

struct Held {
    stored: Arc<Stored>,
    bytes: u32,
}

/// How much of the common memory is in use.
#[derive(Default)]
pub struct Memory {
    events: usize,
    bytes: usize,
}

impl Memory {
    fn has_room(&self, bytes: usize) -> bool {
        self.events < EVENTS_MAX && self.bytes + bytes <= BYTES_MAX
    }

    #[cfg(test)]
    pub fn used(&self) -> (usize, usize) {
        (self.events, self.bytes)
    }
}

/// What one event costs in memory.
pub fn cost(stored: &Stored) -> usize {
    stored.event.bytes().len() + OVERHEAD
}

/// When an event was accepted.
pub fn accepted(stored: &Stored) -> Millis {
    stored.event.accepted().map_or(0, |at| at.millis())
}

impl Lane {
    pub fn new(slot: u16, phase: Phase, complete: bool) -> Self {
        Self {
            slot,
            phase,
            complete,
            fetching: false,
            grew: false,
            stale: false,
            live: false,
            awaited: 0,
            refusals: 0,
            burst: 0,
            attempts: 0,
            failures: 0,
            met: 0,
            count: 0,
            failing_for: 0,
            last_failure: 0,
            due: 0,
            oldest: 0,
            last: (0, 0),
            events: None,
        }
    }

    /// The event to offer, where memory has it.
    pub fn first(&self) -> Option<&Arc<Stored>> {
        self.events.as_ref()?.front().map(|held| &held.stored)
    }

    /// Where it stands while its turn has not come.
    pub fn place(&self) -> Place {
        match self.live {
            _ if self.awaited > 0 => Place::Awaited,
            true => Place::Live,
            false => Place::Late,
        }
    }

    /// What may go out as one run to a core of this kind: several only in one request of gRPC, and where nobody had trouble
    /// with the first.
    pub fn run(&self, kind: Kind) -> Vec<Arc<Stored>> {
        let most = if kind == Kind::Grpc && self.attempts == 0 && self.failures == 0 {
            RUN
        } else {
            1
        };
        let mut bytes = 0;
        let fits = |held: &&Held| {
            let first = bytes == 0;
            bytes += held.bytes as usize;
            // A conversation that changes its core goes there with what was said since.
            first || bytes <= RUN_BYTES
        };
        let events = self.events.iter().flatten().take(most).take_while(fits);
        let mut run: Vec<Arc<Stored>> = events.map(|held| held.stored.clone()).collect();
        let other = run.iter().position(|stored| stored.core != run[0].core);
        run.truncate(other.unwrap_or(most));
        run
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_none()
    }

    /// Keeps `stored`, whose cost is `bytes`, behind what memory has. `false`: no room; `anyway` takes it all the same.
    pub fn push_sized(&mut self, bytes: usize, stored: Arc<Stored>, memory: &mut Memory, anyway: bool) -> bool {
        if !(anyway || memory.has_room(bytes)) {
            return false;
        }
        memory.events += 1;
        memory.bytes += bytes;
        self.events.get_or_insert_default().push_back(Held {
            stored,
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        });
        true
    }

    /// Drops the first event if it is `row`.
    pub fn pop(&mut self, row: i64, memory: &mut Memory) -> bool {
        let Some(events) = self.events.as_mut() else {
            return false;
        };
        if events.front().is_none_or(|held| held.stored.row != row) {
            return false;
        }
        if let Some(held) = events.pop_front() {
            memory.events -= 1;
            memory.bytes = memory.bytes.saturating_sub(held.bytes as usize);
        }
        if events.is_empty() {
            self.events = None;
        }
        true
    }

    /// The events of these rows, the first of the lane, are taken.
    pub fn leave(&mut self, rows: &[i64], memory: &mut Memory) {
        for row in rows {
            self.pop(*row, memory);
        }
        self.count = self.count.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        self.next_event();
    }

    /// Puts `gap` where the first event stood, if that is `row`.
    pub fn replace(&mut self, row: i64, gap: Arc<Stored>) -> bool {
        match self.events.as_mut().and_then(|events| events.front_mut()) {
            Some(held) if held.stored.row == row => {
                held.stored = gap;
                true
            }
            _ => false,
        }
    }

    /// Lets go of what memory has: it is read again from the store.
    pub fn forget(&mut self, memory: &mut Memory) {
        for held in self.events.take().into_iter().flatten() {
            memory.events -= 1;
            memory.bytes = memory.bytes.saturating_sub(held.bytes as usize);
        }
        self.complete = false;
    }

    /// How many events memory has.
    pub fn held(&self) -> u32 {
        self.events
            .as_ref()
            .map_or(0, |events| u32::try_from(events.len()).unwrap_or(u32::MAX))
    }

    /// The core would not have the first event, in this life of its own; whether it has lived on since it would not the last
    /// time.
    pub fn meets(&mut self, life: u16) -> bool {
        let before = std::mem::replace(&mut self.met, life);
        before != 0 && before != life
    }

    /// Another event is first now.
    pub fn next_event(&mut self) {
        self.attempts = 0;
        self.failures = 0;
        self.refusals = 0;
        self.met = 0;
        self.failing_for = 0;
        self.last_failure = 0;
        if let Some(first) = self.first() {
            self.oldest = accepted(first);
        }
    }
}

/// One thing for a worker to do: offer the first events of a lane.
pub struct Job {
    pub conversation: ConversationId,
    pub slot: u16,
    /// Its conversation waited while nobody took it.
    pub late: bool,
    pub core: Arc<crate::cores::Core>,
    /// In order. Empty: to be read from the store.
    pub run: Vec<Arc<Stored>>,
    /// Of the first of them. What goes behind it counts as a first attempt, also where it did so before and was not reached.
    pub attempt: u32,
    /// It is the one attempt through a shut gate.
    pub probe: bool,
    /// So many the core has taken: what is left is ours, and holds up no other attempt.
    pub taken: u32,
    pub settled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_stays_small() {
        assert!(size_of::<Lane>() <= 100, "{} bytes", size_of::<Lane>());
    }
}
