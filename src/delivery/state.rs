//! Which conversation is next, and what follows from an outcome? The machine itself: no I/O, no waiting, one lock around it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
};

use super::{
    gate::{CoreState, Gate, Trouble, Turn},
    lanes::{self, Job, Lane, Memory, Phase},
    schedule,
};
use crate::{
    cores::{Core, Cores, Kind},
    ports::{
        clock::Millis,
        core::{Answer, Outcome},
        store::{ConversationId, Stored, Waiting},
    },
    schema::v1,
};

/// Events read from the store at once.
pub const BATCH: usize = 16;
/// Refusals after which an event is set aside.
const REFUSALS_MAX: u8 = 3;

#[derive(Default)]
pub struct State {
    slots: Vec<Slot>,
    lanes: HashMap<ConversationId, Lane>,
    memory: Memory,
    /// When lanes in back-off are due; an entry whose lane moved on is skipped.
    timers: BinaryHeap<Reverse<(Millis, ConversationId)>>,
    /// The store's backlog is known: a lane that is new now holds everything there is.
    loaded: bool,
    stopping: bool,
}

/// One core, or "nobody", or a name that no configuration knows.
struct Slot {
    name: Option<Arc<str>>,
    role: Role,
    gate: Gate,
    /// Conversations whose turn it is; an entry whose lane moved on is skipped.
    ready: VecDeque<ConversationId>,
    in_flight: u32,
}

enum Role {
    Unknown,
    Http(Arc<Core>),
    /// Somebody else hands out its events.
    Other,
}

/// What became of a new event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Its turn comes without more ado.
    Queued,
    /// Something holds it up that a reason to hurry could lift.
    HeldUp,
    /// Nothing for us to do now.
    Waits,
}

/// What a worker has to do after an attempt.
#[derive(Debug)]
pub enum Step {
    Take(Answer),
    Park(String),
    /// Nothing: it is offered again by itself.
    Leave,
}

/// How an attempt left its lane.
pub enum Settled {
    Taken {
        row: i64,
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
    /// Again when the core can be reached.
    Rotate,
}

/// What waits for one core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// `None`: nobody takes them yet.
    pub core: Option<Arc<str>>,
    pub count: u64,
    pub conversations: u64,
    pub oldest: Option<Millis>,
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
                Kind::Http => Role::Http(Arc::new(core.clone())),
                Kind::Grpc | Kind::Feed => Role::Other,
            };
        }
        let ids: Vec<ConversationId> = self.lanes.keys().copied().collect();
        for id in ids {
            self.rest(id);
        }
    }

    /// The store's backlog, at start-up. Nothing is offered before.
    pub fn load(&mut self, waiting: Vec<Waiting>) {
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
            self.slots.push(Slot {
                name: name.cloned(),
                role: Role::Unknown,
                gate: Gate::default(),
                ready: VecDeque::new(),
                in_flight: 0,
            });
            self.slots.len() - 1
        });
        // There are as many as the configuration ever named.
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    // ---- what comes

    /// A new event was committed.
    pub fn arrived(&mut self, stored: &Arc<Stored>, bytes: usize) -> Arrived {
        let at = self.slot(stored.core.as_ref());
        let slot = &mut self.slots[usize::from(at)];
        if matches!(slot.role, Role::Other) {
            return Arrived::Waits;
        }
        let reachable = matches!(slot.role, Role::Http(_)) && !slot.gate.is_shut();
        let place = lanes::place(stored);
        let (lane, fresh) = match self.lanes.entry(stored.conversation) {
            Entry::Occupied(lane) => (lane.into_mut(), false),
            Entry::Vacant(free) => (free.insert(Lane::new(at, Phase::Waits, self.loaded)), true),
        };
        if fresh {
            lane.oldest = lanes::accepted(stored);
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
        let held_up = lane.phase == Phase::Backoff || slot.gate.is_shut();
        if fresh {
            self.rest(stored.conversation);
        }
        if held_up {
            Arrived::HeldUp
        } else if reachable && self.loaded {
            Arrived::Queued
        } else {
            Arrived::Waits
        }
    }

    /// Offers a conversation's first event at once, back-off or not.
    pub fn expedite(&mut self, conversation: ConversationId) {
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        lane.failures = 0;
        let slot = &mut self.slots[usize::from(lane.slot)];
        match lane.phase {
            Phase::Backoff | Phase::Ready if !lane.urgent => {
                lane.phase = Phase::Ready;
                lane.urgent = true;
                slot.ready.push_front(conversation);
                slot.gate.hurry();
            }
            Phase::Backoff | Phase::Ready => slot.gate.hurry(),
            Phase::InFlight | Phase::Waits => {}
        }
    }

    /// An operator says that the core is back: look at once. `false`: no such core.
    pub fn wake_core(&mut self, name: &str) -> bool {
        let slot = self.slots.iter_mut().find(|slot| slot.name.as_deref() == Some(name));
        slot.map(|slot| slot.gate.wake()).is_some()
    }

    // ---- what goes

    /// Everything that may begin now, and when to look again.
    pub fn due(&mut self, now: Millis) -> (Vec<Job>, Option<Millis>) {
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
        let slot = &self.slots[usize::from(slot)];
        !slot.ready.is_empty() && slot.gate.admits(now, slot.in_flight)
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
                self.slots[usize::from(lane.slot)].ready.push_back(conversation);
            }
        }
    }

    fn start(&mut self, at: usize, now: Millis) -> Option<Job> {
        let slot = &mut self.slots[at];
        let Role::Http(core) = &slot.role else { return None };
        if !self.loaded || self.stopping || !slot.gate.admits(now, slot.in_flight) {
            return None;
        }
        let conversation = loop {
            let next = slot.ready.pop_front()?;
            if self.lanes.get(&next).is_some_and(|lane| lane.phase == Phase::Ready) {
                break next;
            }
        };
        let lane = self.lanes.get_mut(&conversation)?;
        lane.phase = Phase::InFlight;
        lane.urgent = false;
        let stored = lane.first().cloned();
        match &stored {
            Some(_) => lane.attempts = lane.attempts.saturating_add(1),
            None => {
                lane.fetching = true;
                lane.grew = false;
            }
        }
        slot.in_flight += 1;
        Some(Job {
            conversation,
            slot: lane.slot,
            core: core.clone(),
            stored,
            attempt: lane.attempts,
            probe: slot.gate.begin(),
            settled: false,
        })
    }

    /// The store's answer for a job that had nothing in memory. `false`: nothing is undelivered.
    pub fn filled(&mut self, job: &mut Job, batch: Vec<Arc<Stored>>) -> bool {
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return false;
        };
        lane.fetching = false;
        lane.forget(&mut self.memory);
        let mut complete = batch.len() < BATCH && !lane.grew;
        for stored in batch {
            let bytes = lanes::cost(&stored);
            let place = lanes::place(&stored);
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
        lane.attempts = lane.attempts.saturating_add(1);
        job.attempt = lane.attempts;
        job.stored = Some(first);
        true
    }

    // ---- what it came to

    /// What an outcome means for core and event. Waiting is arranged here; taking and parking are the worker's.
    pub fn judge(&mut self, job: &mut Job, stored: &Stored, outcome: Outcome, moment: Moment) -> (Step, Turn) {
        let probe = std::mem::take(&mut job.probe);
        let slot = &mut self.slots[usize::from(job.slot)];
        let gate = &mut slot.gate;
        gate.end(probe);
        let was_shut = gate.is_shut();
        let trouble = Trouble {
            now: moment.now,
            draw: moment.draw,
            after: outcome.after(),
            why: outcome.why(),
        };
        let turn = match &outcome {
            Outcome::Failed { .. } => gate.failed(job.conversation, probe, &trouble),
            Outcome::Slow { .. } => gate.slow(probe, slot.in_flight, &trouble),
            Outcome::Down { .. } => gate.down(probe, &trouble),
            _ => gate.alive(probe, moment.now),
        };
        if turn == Turn::WentDown {
            self.let_go(job.slot);
        }
        let step = match outcome {
            Outcome::Taken(answer) => Step::Take(answer),
            Outcome::Park { why } => set_aside(stored, why),
            Outcome::Refused { why } => self.refused(job, stored, why, moment),
            Outcome::Again { after, why } => self.own_failure(job, stored, after, why, moment),
            Outcome::Failed { after, why } if !was_shut => self.own_failure(job, stored, after, why, moment),
            // Nobody fares better just now: it says nothing about this event.
            Outcome::Failed { .. } | Outcome::Slow { .. } | Outcome::Down { .. } => {
                self.settle(job, Settled::Rotate);
                Step::Leave
            }
        };
        (step, turn)
    }

    fn refused(&mut self, job: &mut Job, stored: &Stored, why: String, moment: Moment) -> Step {
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return Step::Leave;
        };
        lane.refusals = lane.refusals.saturating_add(1);
        if lane.refusals >= REFUSALS_MAX {
            return set_aside(stored, format!("refused {REFUSALS_MAX} times: {why}"));
        }
        self.own_failure(job, stored, None, why, moment)
    }

    fn own_failure(
        &mut self,
        job: &mut Job,
        stored: &Stored,
        after: Option<Millis>,
        why: String,
        moment: Moment,
    ) -> Step {
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return Step::Leave;
        };
        lane.failures = lane.failures.saturating_add(1);
        if lane.last_failure != 0 {
            // A day on which the core was down lies between two failures and is not the event's.
            lane.failing_for += (moment.now - lane.last_failure).clamp(0, schedule::LONGEST_PAUSE);
        }
        lane.last_failure = moment.now;
        if lane.failing_for >= schedule::PATIENCE {
            return set_aside(stored, format!("failed for 72 h: {why}"));
        }
        let wait = schedule::wait(lane.failures, after, moment.draw);
        self.settle(job, Settled::Later(moment.now.saturating_add(wait)));
        Step::Leave
    }

    /// Ends a job. Only the first end counts.
    pub fn settle(&mut self, job: &mut Job, how: Settled) {
        if std::mem::replace(&mut job.settled, true) {
            return;
        }
        let slot = &mut self.slots[usize::from(job.slot)];
        slot.in_flight = slot.in_flight.saturating_sub(1);
        slot.gate.end(std::mem::take(&mut job.probe));
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return;
        };
        lane.fetching = false;
        match how {
            Settled::Taken { row } => {
                lane.pop(row, &mut self.memory);
                lane.count = lane.count.saturating_sub(1);
                lane.next_event();
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
            Settled::Later(at) => {
                lane.phase = Phase::Backoff;
                lane.due = at;
                self.timers.push(Reverse((at, job.conversation)));
            }
            Settled::Rotate => self.rest(job.conversation),
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

    /// Where a lane stands while nothing is done about it.
    fn rest(&mut self, conversation: ConversationId) {
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        let slot = &mut self.slots[usize::from(lane.slot)];
        match slot.role {
            Role::Http(_) => {
                lane.phase = Phase::Ready;
                slot.ready.push_back(conversation);
            }
            Role::Unknown => lane.phase = Phase::Waits,
            Role::Other => {
                lane.forget(&mut self.memory);
                self.lanes.remove(&conversation);
            }
        }
    }

    /// A core that is down does not keep the memory that others' fresh events need.
    fn let_go(&mut self, slot: u16) {
        for lane in self.lanes.values_mut() {
            if lane.slot == slot && !lane.is_empty() {
                lane.forget(&mut self.memory);
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

    // ---- what is seen

    pub fn backlog(&self) -> Vec<Backlog> {
        let mut all: Vec<Backlog> = self
            .slots
            .iter()
            .map(|slot| Backlog {
                core: slot.name.clone(),
                ..Backlog::default()
            })
            .collect();
        for lane in self.lanes.values().filter(|lane| lane.count > 0) {
            let of = &mut all[usize::from(lane.slot)];
            of.count += u64::from(lane.count);
            of.conversations += 1;
            of.oldest = Some(of.oldest.map_or(lane.oldest, |oldest| oldest.min(lane.oldest)));
        }
        all
    }

    /// How many events wait for one core.
    pub fn waiting_for(&self, slot: u16) -> u64 {
        let lanes = self.lanes.values().filter(|lane| lane.slot == slot);
        lanes.map(|lane| u64::from(lane.count)).sum()
    }

    pub fn core_state(&self, name: &str) -> Option<CoreState> {
        let slot = self.slots.iter().find(|slot| slot.name.as_deref() == Some(name))?;
        matches!(slot.role, Role::Http(_)).then(|| slot.gate.state(slot.in_flight))
    }

    pub fn stop(&mut self) {
        self.stopping = true;
    }

    #[cfg(test)]
    pub fn sizes(&self) -> (usize, (usize, usize)) {
        (self.lanes.len(), self.memory.used())
    }
}

/// When something happened, and the die that was cast for it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Millis,
    pub draw: f64,
}

/// A Gap that is not wanted is dropped: there is nothing that could stand in its place.
fn set_aside(stored: &Stored, why: String) -> Step {
    match stored.event.body {
        Some(v1::event::Body::Gap(_)) => Step::Take(Answer::default()),
        _ => Step::Park(why),
    }
}
