//! What does a new event, or a reason to hurry, do to its conversation's lane?

use std::{collections::hash_map::Entry, sync::Arc};

use super::{State, slot::Role};
use crate::{
    delivery::lanes::{self, Lane, Phase},
    ports::{
        clock::Millis,
        store::{ConversationId, Stored, Waiting},
    },
};

/// How long the platform waits for the answer to a request.
const ANSWER_AWAITED: Millis = 5_000;

/// What became of a new event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Its turn comes without more ado.
    Queued,
    /// The same, but it stands with the backlog; a reason to hurry takes it out of there.
    Behind,
    /// Something holds it up that a reason to hurry could lift.
    HeldUp,
    /// Nothing for us to do now.
    Waits,
}

impl State {
    /// A new event was committed.
    pub fn arrived(&mut self, stored: &Arc<Stored>, bytes: usize) -> Arrived {
        let at = self.slot(stored.core.as_ref());
        let slot = &mut self.slots[usize::from(at)];
        if matches!(slot.role, Role::Other) {
            return Arrived::Waits;
        }
        let reachable = matches!(slot.role, Role::Http(_)) && !slot.gate.is_shut();
        let place = stored.event.place();
        let (lane, fresh) = match self.lanes.entry(stored.conversation) {
            Entry::Occupied(lane) => (lane.into_mut(), false),
            Entry::Vacant(free) => (free.insert(Lane::new(at, Phase::Waits, self.loaded)), true),
        };
        if fresh {
            lane.oldest = lanes::accepted(stored);
            lane.live = reachable && self.loaded;
        }
        // Nobody had the conversation: it went on to its end there, and was given to a core with nothing left to tell of.
        let homeless = lane.phase == Phase::Waits;
        if homeless {
            lane.slot = at;
        }
        lane.count = lane.count.saturating_add(1);
        lane.grew = true;
        if place <= lane.last {
            // The store put something else in place of what we knew (a Gap): ask it again.
            lane.forget(&mut self.memory);
        } else {
            lane.last = place;
            let follows = lane.complete && !lane.fetching && reachable;
            lane.complete = follows && lane.push_sized(bytes, stored.clone(), &mut self.memory, false);
        }
        // Also while the next failure would mean a long wait.
        let held_up = lane.phase == Phase::Backoff || lane.failures > 0 || slot.gate.is_shut();
        let behind = !lane.live;
        if homeless {
            self.rest(stored.conversation);
        }
        if held_up {
            Arrived::HeldUp
        } else if reachable && self.loaded {
            if behind { Arrived::Behind } else { Arrived::Queued }
        } else {
            Arrived::Waits
        }
    }

    /// What waits of a conversation has another core now, or none; nothing that was read before may be offered. An attempt in
    /// flight goes to its end: what the core takes of it stays taken.
    pub fn moved(&mut self, waiting: &Waiting) {
        let slot = self.slot(waiting.core.as_ref());
        let lane = match self.lanes.entry(waiting.conversation) {
            Entry::Occupied(lane) => lane.into_mut(),
            Entry::Vacant(_) if matches!(self.slots[usize::from(slot)].role, Role::Other) => return,
            Entry::Vacant(free) => free.insert(Lane::new(slot, Phase::Waits, false)),
        };
        lane.slot = slot;
        lane.stale = lane.fetching;
        lane.forget(&mut self.memory);
        lane.next_event();
        lane.count = waiting.count;
        lane.oldest = waiting.oldest;
        if lane.phase != Phase::InFlight {
            self.rest(waiting.conversation);
        }
    }

    /// Offers a conversation's first event at once, back-off or not, and what follows it while the platform may still wait.
    pub fn expedite(&mut self, conversation: ConversationId, now: Millis) {
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        let queued = lane.phase == Phase::Ready && lane.awaited > 0;
        lane.failures = 0;
        lane.awaited = u32::try_from((now + ANSWER_AWAITED) / 1_000).unwrap_or_default();
        let slot = &mut self.slots[usize::from(lane.slot)];
        if matches!(lane.phase, Phase::Backoff | Phase::Ready) {
            lane.phase = Phase::Ready;
            slot.gate.hurry();
            if !queued {
                slot.ready.push_back(conversation, lane.place());
            }
        }
    }

    /// An operator says that the core is back: look at once. `false`: no such core.
    pub fn wake_core(&mut self, name: &str) -> bool {
        let slot = self.slots.iter_mut().find(|slot| slot.name.as_deref() == Some(name));
        slot.map(|slot| slot.gate.wake()).is_some()
    }
}
