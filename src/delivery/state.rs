//! Which conversation is next? The machine itself: no I/O, no waiting, one lock around it.
//!
//! What comes in stands in [`arrival`], what follows from an outcome in [`outcome`], what others see of it in [`view`].

mod arrival;
mod outcome;
mod slot;
mod view;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

pub use arrival::Arrived;
use foldhash::fast::RandomState;
pub use outcome::{Moment, Step};
use slot::{Role, Slot};
pub use view::Backlog;

use super::lanes::{self, Job, Lane, Memory, Phase, Place};
use crate::{
    cores::{Cores, Kind},
    ports::{
        clock::{Looked, Millis},
        store::{ConversationId, Pending, Stored, Waiting},
    },
};

/// Events read from the store at once.
pub const BATCH: usize = 16;

#[derive(Default)]
pub struct State {
    slots: Vec<Slot>,
    lanes: HashMap<ConversationId, Lane, RandomState>,
    memory: Memory,
    /// How long an event had been failing by itself before this process began, by its id.
    failing: HashMap<String, Millis>,
    /// When lanes in back-off are due; an entry whose lane moved on is skipped.
    timers: BinaryHeap<Reverse<(Millis, ConversationId)>>,
    /// When it was last looked what is due.
    looked: Looked,
    /// The store's backlog is known: a lane that is new now holds everything there is.
    loaded: bool,
    /// Something was put where the worker that did it does not look: a timer, another core's queue.
    elsewhere: bool,
    stopping: bool,
}

/// How an attempt left its lane.
pub enum Settled {
    Taken {
        rows: Vec<i64>,
    },
    /// This Gap stands in its place.
    Replaced {
        row: i64,
        gap: Arc<Stored>,
    },
    /// Nothing is undelivered.
    Empty,
    /// Again at this moment.
    Later(Millis),
    /// Again at this moment, as the store has it then.
    Afresh(Millis),
    /// Again when the core can be reached.
    Rotate,
}

impl State {
    // ---- what there is

    /// Says which cores there are. Lanes that began before find their core now.
    pub fn configure(&mut self, cores: &Cores, now: Millis) {
        for core in cores.0.iter() {
            let slot = self.slot(Some(&core.name));
            let slot = &mut self.slots[usize::from(slot)];
            slot.gate.set_since(now);
            slot.role = match core.kind {
                Kind::Http | Kind::Grpc => Role::Http(Arc::new(core.clone())),
                Kind::Feed => Role::Other,
            };
        }
        let ids: Vec<ConversationId> = self.lanes.keys().copied().collect();
        for id in ids {
            self.rest(id);
        }
    }

    /// The store's backlog, at start-up, and what was noted of its events. Nothing is offered before.
    pub fn load(&mut self, waiting: Vec<Waiting>, failing: HashMap<String, Millis>) {
        self.failing = failing;
        for item in waiting {
            let slot = self.slot(item.core.as_ref());
            if matches!(self.slots[usize::from(slot)].role, Role::Other) {
                continue;
            }
            let lane = self
                .lanes
                .entry(item.conversation)
                .or_insert_with(|| Lane::new(slot, Phase::Waits, false));
            lane.count = lane.count.max(item.count);
            lane.oldest = item.oldest;
            // What came while we loaded stands behind what was there before.
            lane.forget(&mut self.memory);
            self.rest(item.conversation);
        }
        self.loaded = true;
    }

    fn slot(&mut self, name: Option<&Arc<str>>) -> u16 {
        let found = self.slots.iter().position(|slot| slot.name.as_ref() == name);
        let at = found.unwrap_or_else(|| {
            self.slots.push(Slot::new(name.cloned()));
            self.slots.len() - 1
        });
        // There are as many as the configuration ever named.
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    // ---- what goes

    /// Everything that may begin now, and when to look again.
    pub fn due(&mut self, now: Millis) -> (Vec<Job>, Option<Millis>) {
        self.follow(now);
        self.ring(now);
        let mut jobs = Vec::new();
        for slot in 0..self.slots.len() {
            while let Some(job) = self.start(slot, now) {
                jobs.push(job);
            }
        }
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        let waiting = self.slots.iter().filter(|slot| !slot.ready.is_empty());
        let gates = waiting.filter_map(|slot| slot.gate.opens_at());
        (jobs, gates.chain(timer).min())
    }

    /// The next attempt for a core whose worker is free.
    pub fn next(&mut self, slot: u16, now: Millis) -> Option<Job> {
        self.start(usize::from(slot), now)
    }

    /// Could another worker begin something for this core?
    pub fn has_more(&self, slot: u16, now: Millis) -> bool {
        self.slots[usize::from(slot)].has_more(now)
    }

    /// Does something wait for this core to be tried again?
    pub fn waits_for_time(&self, slot: u16) -> bool {
        let slot = &self.slots[usize::from(slot)];
        !slot.ready.is_empty() && slot.gate.opens_at().is_some()
    }

    /// Must somebody else look what is due? Asked after each attempt.
    pub fn takes_elsewhere(&mut self) -> bool {
        std::mem::take(&mut self.elsewhere)
    }

    /// A clock that was set back would hold up all that waits until it has come again: their times go with it.
    fn follow(&mut self, now: Millis) {
        let Some(back) = self.looked.set_back(now) else { return };
        for lane in self.lanes.values_mut() {
            lane.due = lane.due.saturating_sub(back);
            if lane.awaited > 0 {
                // Where it stands does not change by it.
                let back = u32::try_from(back / 1_000).unwrap_or(u32::MAX);
                lane.awaited = lane.awaited.saturating_sub(back).max(1);
            }
        }
        let timers = std::mem::take(&mut self.timers).into_iter();
        self.timers = timers
            .map(|Reverse((at, id))| Reverse((at.saturating_sub(back), id)))
            .collect();
        self.slots.iter_mut().for_each(|slot| slot.gate.set_back(back));
    }

    /// Moves lanes whose back-off is over into their queues.
    fn ring(&mut self, now: Millis) {
        while let Some(&Reverse((at, conversation))) = self.timers.peek() {
            if at > now {
                break;
            }
            self.timers.pop();
            if let Some(lane) = self.lanes.get_mut(&conversation)
                && lane.phase == Phase::Backoff
                && lane.due == at
            {
                lane.phase = Phase::Ready;
                self.slots[usize::from(lane.slot)]
                    .ready
                    .push_back(conversation, lane.place());
            }
        }
    }

    fn start(&mut self, at: usize, now: Millis) -> Option<Job> {
        let slot = &mut self.slots[at];
        let Role::Http(core) = &slot.role else { return None };
        let core = core.clone();
        if !self.loaded || self.stopping || !slot.admits(now) {
            return None;
        }
        let (conversation, place) = loop {
            let (next, place) = slot.pop(|next, place| {
                let stands = |lane: &Lane| usize::from(lane.slot) == at && lane.phase == Phase::Ready;
                self.lanes
                    .get(&next)
                    .is_some_and(|lane| stands(lane) && lane.place() == place)
            })?;
            let lane = self.lanes.get_mut(&next)?;
            if place != Place::Awaited || i64::from(lane.awaited) >= now / 1_000 {
                break (next, place);
            }
            // The platform does not wait any more.
            lane.awaited = 0;
            slot.ready.push_back(next, lane.place());
        };
        let late = place == Place::Late;
        let lane = self.lanes.get_mut(&conversation)?;
        lane.phase = Phase::InFlight;
        let probe = slot.gate.begin();
        let mut run = lane.run(core.kind);
        if probe {
            run.truncate(1);
        }
        if run.is_empty() {
            lane.fetching = true;
            lane.grew = false;
        } else {
            lane.attempts = lane.attempts.saturating_add(1);
        }
        slot.goes(late);
        Some(Job {
            conversation,
            slot: lane.slot,
            late,
            core,
            run,
            attempt: u32::from(lane.attempts),
            probe,
            taken: 0,
            settled: false,
        })
    }

    /// The store's answer for a job that had nothing in memory. `false`: there is nothing to offer to its core.
    pub fn filled(&mut self, job: &mut Job, pending: Pending) -> bool {
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return false;
        };
        lane.fetching = false;
        lane.forget(&mut self.memory);
        if std::mem::take(&mut lane.stale) {
            self.settle(job, Settled::Rotate);
            return false;
        }
        let mut complete = pending.all && !lane.grew;
        for stored in pending.events {
            let bytes = lanes::cost(&stored);
            let place = stored.event.place();
            // The first is on its way out whether there is room or not.
            let anyway = lane.is_empty();
            if !lane.push_sized(bytes, stored, &mut self.memory, anyway) {
                complete = false;
                break;
            }
            lane.last = lane.last.max(place);
        }
        lane.complete = complete;
        if complete {
            lane.count = lane.held();
        }
        let Some(first) = lane.first().cloned() else {
            return false;
        };
        lane.oldest = lanes::accepted(&first);
        if first.core.as_ref() != Some(&job.core.name) {
            self.settle(job, Settled::Rotate);
            return false;
        }
        job.run = lane.run(job.core.kind);
        if job.probe {
            job.run.truncate(1);
        }
        lane.attempts = lane.attempts.saturating_add(1);
        job.attempt = u32::from(lane.attempts);
        true
    }

    // ---- how an attempt leaves its lane

    /// Ends a job. Only the first end counts.
    pub fn settle(&mut self, job: &mut Job, how: Settled) {
        if std::mem::replace(&mut job.settled, true) {
            return;
        }
        let slot = &mut self.slots[usize::from(job.slot)];
        match job.taken {
            0 => slot.ends(job.late),
            taken => slot.committing = slot.committing.saturating_sub(taken),
        }
        slot.gate.end(std::mem::take(&mut job.probe));
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return;
        };
        (lane.fetching, lane.stale) = (false, false);
        lane.burst = match &how {
            Settled::Taken { rows } => lane.burst.saturating_add(u8::try_from(rows.len()).unwrap_or(u8::MAX)),
            _ => 0,
        };
        match how {
            Settled::Taken { rows } => {
                lane.leave(&rows, &mut self.memory);
                self.release(job.conversation);
            }
            Settled::Replaced { row, gap } => {
                if !lane.replace(row, gap) {
                    lane.forget(&mut self.memory);
                }
                lane.next_event();
                self.rest(job.conversation);
            }
            Settled::Empty => {
                lane.forget(&mut self.memory);
                lane.complete = !lane.grew;
                self.release(job.conversation);
            }
            Settled::Later(at) => self.postpone(job.conversation, at),
            Settled::Afresh(at) => {
                lane.forget(&mut self.memory);
                self.postpone(job.conversation, at);
            }
            Settled::Rotate => self.rest(job.conversation),
        }
        let lane = self.lanes.get(&job.conversation);
        self.elsewhere |= lane.is_some_and(|lane| lane.slot != job.slot);
    }

    /// The first of a run are taken and committed, and the lane is still in this job's hand for what came of the next.
    pub fn go_on(&mut self, job: &mut Job, rows: &[i64]) {
        let slot = &mut self.slots[usize::from(job.slot)];
        slot.committing = slot.committing.saturating_sub(std::mem::take(&mut job.taken));
        slot.goes(job.late);
        job.run.drain(..rows.len().min(job.run.len()));
        job.attempt = 1;
        if let Some(lane) = self.lanes.get_mut(&job.conversation) {
            lane.leave(rows, &mut self.memory);
            lane.attempts = 1;
        }
    }

    /// Ends a lane that has nothing more; any other goes back into its queue.
    fn release(&mut self, conversation: ConversationId) {
        if self
            .lanes
            .get(&conversation)
            .is_some_and(|lane| lane.is_empty() && lane.complete)
        {
            self.lanes.remove(&conversation);
        } else {
            self.rest(conversation);
        }
    }

    fn postpone(&mut self, conversation: ConversationId, at: Millis) {
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        if !matches!(self.slots[usize::from(lane.slot)].role, Role::Http(_)) {
            return self.rest(conversation);
        }
        lane.phase = Phase::Backoff;
        lane.due = at;
        self.elsewhere = true;
        self.timers.push(Reverse((at, conversation)));
    }

    /// A conversation may change its core when nothing of it is undelivered, and may do so before we let go of its lane.
    fn rehome(&mut self, conversation: ConversationId) {
        let lane = self.lanes.get(&conversation);
        if let Some(core) = lane.and_then(Lane::first).map(|stored| stored.core.clone()) {
            let slot = self.slot(core.as_ref());
            if let Some(lane) = self.lanes.get_mut(&conversation) {
                lane.slot = slot;
            }
        }
    }

    /// Where a lane stands while nothing is done about it.
    fn rest(&mut self, conversation: ConversationId) {
        self.rehome(conversation);
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        let slot = &mut self.slots[usize::from(lane.slot)];
        match slot.role {
            Role::Http(_) => {
                lane.phase = Phase::Ready;
                // Nobody is before others at a door that is shut: each is the one that knocks in its turn.
                lane.live &= !slot.gate.is_shut();
                // What was read together goes together: reading it again for every event would cost more than others' wait.
                if lane.burst > 0 && usize::from(lane.burst) < BATCH && !lane.is_empty() {
                    slot.ready.push_front(conversation, lane.place());
                } else {
                    lane.burst = 0;
                    slot.ready.push_back(conversation, lane.place());
                }
            }
            Role::Unknown => lane.phase = Phase::Waits,
            Role::Other => {
                lane.forget(&mut self.memory);
                self.lanes.remove(&conversation);
            }
        }
    }

    // ---- replays share the one-in-flight rule

    /// Keeps a conversation for a replay. `false`: something of it is in flight.
    pub fn check_out(&mut self, conversation: ConversationId, core: Option<&Arc<str>>) -> bool {
        let slot = self.slot(core);
        let complete = self.loaded;
        let lane = self
            .lanes
            .entry(conversation)
            .or_insert_with(|| Lane::new(slot, Phase::Waits, complete));
        let free = lane.phase != Phase::InFlight;
        lane.phase = Phase::InFlight;
        free
    }

    /// Gives it back.
    pub fn check_in(&mut self, conversation: ConversationId) {
        self.release(conversation);
    }
}

#[cfg(test)]
mod model_tests;
