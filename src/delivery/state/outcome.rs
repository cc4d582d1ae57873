//! What does an outcome mean: for the core, for the event, and for when it is offered again?

use super::{Settled, State};
use crate::{
    delivery::{
        gate::{Trouble, Turn},
        lanes::{Job, Phase},
        patience, schedule,
    },
    ports::{
        clock::Millis,
        core::{Answer, Outcome, Reply},
        store::Stored,
    },
    schema::Says,
};

/// Refusals after which an event is set aside.
const REFUSALS_MAX: u8 = 3;

/// What a worker has to do after an attempt.
#[derive(Debug)]
pub enum Step {
    Take(Answer),
    Park(String, Vec<Reply>),
    /// Nothing: it is offered again by itself.
    Leave,
    /// The same, and the core has others at the same time: it fares so alone.
    Alone,
    /// The same, and the store is to know how long it has been failing.
    Note(Millis),
}

/// When something happened, and the die that was cast for it.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: Millis,
    pub draw: f64,
}

impl State {
    /// The core has taken the first so many of a run. A commit may take as long as the attempt did: the core need not wait
    /// for it.
    pub fn took(&mut self, job: &mut Job, count: usize, now: Millis) -> Turn {
        let probe = std::mem::take(&mut job.probe);
        let slot = &mut self.slots[usize::from(job.slot)];
        slot.gate.end(probe);
        slot.ends(job.late);
        job.taken = u32::try_from(count).unwrap_or(u32::MAX);
        slot.committing = slot.committing.saturating_add(job.taken);
        slot.gate.alive(probe, now)
    }

    /// What an outcome means for core and event. Waiting is arranged here; taking and parking are the worker's.
    pub fn judge(&mut self, job: &mut Job, stored: &Stored, outcome: Outcome, moment: Moment) -> (Step, Turn) {
        let probe = std::mem::take(&mut job.probe);
        let slot = &mut self.slots[usize::from(job.slot)];
        let gate = &mut slot.gate;
        gate.end(probe);
        let was_shut = gate.is_shut();
        if let Outcome::Slow { after, .. } | Outcome::Down { after, .. } = &outcome
            && !was_shut
            && self
                .lanes
                .get_mut(&job.conversation)
                .is_some_and(|lane| lane.meets(gate.life()))
        {
            if matches!(outcome, Outcome::Slow { .. }) {
                gate.give_less(slot.in_flight);
            }
            self.alone(job, *after, moment);
            return (Step::Alone, Turn::Nothing);
        }
        let trouble = Trouble {
            now: moment.now,
            draw: moment.draw,
            after: outcome.after(),
            why: outcome.why(),
        };
        let turn = match &outcome {
            Outcome::Failed { .. } => gate.failed(job.conversation, probe, slot.in_flight, &trouble),
            Outcome::Slow { .. } => gate.slow(probe, slot.in_flight, &trouble),
            Outcome::Down { .. } => gate.down(probe, &trouble),
            _ => gate.alive(probe, moment.now),
        };
        if turn == Turn::WentDown {
            self.let_go(job.slot);
        }
        let step = match outcome {
            Outcome::Taken(answer) => Step::Take(answer),
            Outcome::Park { why, replies } => set_aside(stored, why, replies),
            Outcome::Refused { after, why } => self.refused(job, stored, after, why, moment),
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

    fn refused(&mut self, job: &mut Job, stored: &Stored, after: Option<Millis>, why: String, moment: Moment) -> Step {
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return Step::Leave;
        };
        lane.refusals = lane.refusals.saturating_add(1);
        if lane.refusals >= REFUSALS_MAX {
            return set_aside(stored, format!("refused {REFUSALS_MAX} times: {why}"), Vec::new());
        }
        self.own_failure(job, stored, after, why, moment)
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
        let (before, since) = match lane.last_failure {
            // What it failed before this process began; the time between is not the event's.
            0 => (self.failing.remove(stored.event.id()).unwrap_or_default(), 0),
            // A day on which the core was down lies between two failures and is not the event's.
            last => (lane.failing_for, (moment.now - last).clamp(0, schedule::LONGEST_PAUSE)),
        };
        lane.failing_for = before + since;
        lane.last_failure = moment.now;
        if lane.failing_for >= schedule::PATIENCE {
            return set_aside(stored, format!("failed for 72 h: {why}"), Vec::new());
        }
        let wait = schedule::wait(u32::from(lane.failures), after, moment.draw);
        let step = match lane.failing_for / patience::STRIDE > before / patience::STRIDE {
            true => Step::Note(lane.failing_for),
            false => Step::Leave,
        };
        self.settle(job, Settled::Later(moment.now.saturating_add(wait)));
        step
    }

    /// The core has taken what others said since it would not have this event the last time: it is this conversation that it
    /// will not hear, and no reason to keep others waiting. It waits by itself, and is never set aside for it.
    fn alone(&mut self, job: &mut Job, after: Option<Millis>, moment: Moment) {
        let Some(lane) = self.lanes.get_mut(&job.conversation) else {
            return;
        };
        lane.failures = lane.failures.saturating_add(1);
        let wait = schedule::wait(u32::from(lane.failures), after, moment.draw);
        self.settle(job, Settled::Later(moment.now.saturating_add(wait)));
    }

    /// A core that is down does not keep the memory that others' fresh events need, and who stands in its queue is backlog when
    /// it is back.
    fn let_go(&mut self, slot: u16) {
        for lane in self.lanes.values_mut().filter(|lane| lane.slot == slot) {
            lane.live &= lane.phase != Phase::Ready;
            if !lane.is_empty() {
                lane.forget(&mut self.memory);
            }
        }
        self.slots[usize::from(slot)].ready.wait_for_better_days();
    }
}

/// A Gap that is not wanted is dropped: there is nothing that could stand in its place.
fn set_aside(stored: &Stored, why: String, replies: Vec<Reply>) -> Step {
    // Its head alone: what is set aside may be what cannot be read.
    match stored.event.head().says {
        Says::Gap => Step::Take(Answer {
            replies,
            keep_window: false,
        }),
        _ => Step::Park(why, replies),
    }
}
