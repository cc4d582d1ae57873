//! What stands at one core? Whose turn it is there, and how much is on its way to it.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    cores::Core,
    delivery::{
        gate::{Gate, LATE_IN_FLIGHT_MAX},
        lanes::Place,
    },
    ports::{clock::Millis, store::ConversationId},
};

/// Events that a core has taken and that are not committed: so many at most are offered twice after a crash, beside those
/// in flight.
const COMMITTING_MAX: u32 = 1_024;
/// Of so many turns, one is the backlog's while somebody else waits too.
const TURNS: u8 = 8;

/// One core, or "nobody", or a name that no configuration knows.
pub struct Slot {
    pub name: Option<Arc<str>>,
    pub role: Role,
    pub gate: Gate,
    pub ready: Ready,
    pub in_flight: u32,
    /// Those of them that waited.
    late: u32,
    /// Taken by the core and not committed yet.
    pub committing: u32,
}

pub enum Role {
    Unknown,
    Http(Arc<Core>),
    /// Somebody else hands out its events.
    Other,
}

impl Slot {
    pub fn new(name: Option<Arc<str>>) -> Self {
        Self {
            name,
            role: Role::Unknown,
            gate: Gate::default(),
            ready: Ready::default(),
            in_flight: 0,
            late: 0,
            committing: 0,
        }
    }

    /// May one more attempt begin? Not while our own store is what everybody waits for.
    pub fn admits(&self, now: Millis) -> bool {
        self.committing < COMMITTING_MAX && self.gate.admits(now, self.in_flight)
    }

    /// Is there a conversation whose turn it may be?
    pub fn has_more(&self, now: Millis) -> bool {
        self.ready.has(self.admits_late()) && self.admits(now)
    }

    /// Behind a shut gate there is one probe, whatever hangs there from before.
    fn admits_late(&self) -> bool {
        self.late < LATE_IN_FLIGHT_MAX || self.gate.is_shut()
    }

    /// The conversation whose turn it is, and where it stood. An entry whose lane moved on is skipped.
    pub fn pop(&mut self, stands: impl Fn(ConversationId, Place) -> bool) -> Option<(ConversationId, Place)> {
        let admits_late = self.admits_late();
        self.ready.pop(admits_late, stands)
    }

    /// An attempt goes out.
    pub fn goes(&mut self, late: bool) {
        self.in_flight += 1;
        self.late += u32::from(late);
    }

    /// An attempt has come to its end.
    pub fn ends(&mut self, late: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.late = self.late.saturating_sub(u32::from(late));
    }
}

/// Conversations whose turn it is, each in the order they came.
#[derive(Default)]
pub struct Ready {
    awaited: VecDeque<ConversationId>,
    live: VecDeque<ConversationId>,
    late: VecDeque<ConversationId>,
    turn: u8,
}

impl Ready {
    pub fn is_empty(&self) -> bool {
        !self.has(true)
    }

    fn has(&self, admits_late: bool) -> bool {
        !self.awaited.is_empty() || !self.live.is_empty() || (admits_late && !self.late.is_empty())
    }

    pub fn push_back(&mut self, conversation: ConversationId, place: Place) {
        self.at(place).push_back(conversation);
    }

    pub fn push_front(&mut self, conversation: ConversationId, place: Place) {
        self.at(place).push_front(conversation);
    }

    /// The core is away: whoever came meanwhile joins the backlog, in the order they came.
    pub fn wait_for_better_days(&mut self) {
        self.late.append(&mut self.live);
    }

    fn at(&mut self, place: Place) -> &mut VecDeque<ConversationId> {
        match place {
            Place::Awaited => &mut self.awaited,
            Place::Live => &mut self.live,
            Place::Late => &mut self.late,
        }
    }

    /// The backlog has a turn of its own now and then, or a busy day would keep it for ever.
    fn pop(
        &mut self,
        admits_late: bool,
        stands: impl Fn(ConversationId, Place) -> bool,
    ) -> Option<(ConversationId, Place)> {
        self.turn = (self.turn + 1) % TURNS;
        let order = match self.turn {
            0 => [Place::Late, Place::Awaited, Place::Live],
            _ => [Place::Awaited, Place::Live, Place::Late],
        };
        for place in order.into_iter().filter(|place| admits_late || *place != Place::Late) {
            while let Some(next) = self.at(place).pop_front() {
                if stands(next, place) {
                    return Some((next, place));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(of: [(Place, std::ops::Range<i64>); 3]) -> Ready {
        let mut ready = Ready::default();
        for (place, ids) in of {
            ids.for_each(|id| ready.push_back(ConversationId(id), place));
        }
        ready
    }

    fn pops(ready: &mut Ready, admits_late: bool) -> Vec<i64> {
        std::iter::from_fn(|| ready.pop(admits_late, |_, _| true))
            .map(|(id, _)| id.0)
            .collect()
    }

    #[test]
    fn who_waits_for_an_answer_is_first_and_the_backlog_has_every_eighth_turn() {
        let mut all = ready([
            (Place::Late, 200..205),
            (Place::Live, 100..110),
            (Place::Awaited, 0..10),
        ]);
        let order = pops(&mut all, true);
        let backlog: Vec<usize> = (0..order.len()).filter(|at| order[*at] >= 200).collect();
        assert_eq!(backlog, [7, 15, 22, 23, 24]);
        let others: Vec<i64> = order.into_iter().filter(|id| *id < 200).collect();
        assert_eq!(others, (0..10).chain(100..110).collect::<Vec<_>>());
    }

    #[test]
    fn who_stands_in_the_queue_of_a_core_that_goes_away_is_behind_its_backlog() {
        let mut all = ready([(Place::Late, 200..202), (Place::Live, 100..102), (Place::Awaited, 0..1)]);
        all.wait_for_better_days();
        let order: Vec<_> = std::iter::from_fn(|| all.pop(true, |_, _| true)).collect();
        let late = [200, 201, 100, 101].map(|id| (ConversationId(id), Place::Late));
        assert_eq!(order, [&[(ConversationId(0), Place::Awaited)][..], &late].concat());
    }

    #[test]
    fn a_backlog_that_has_its_share_waits_and_keeps_nobody() {
        let mut all = ready([(Place::Late, 200..203), (Place::Live, 100..103), (Place::Awaited, 0..0)]);
        assert_eq!(pops(&mut all, false), [100, 101, 102]);
        assert!(!all.has(false) && all.has(true) && !all.is_empty());
        assert_eq!(pops(&mut all, true), [200, 201, 202]);
    }

    #[test]
    fn an_entry_whose_lane_moved_on_is_skipped() {
        let mut all = ready([(Place::Late, 200..203), (Place::Live, 100..103), (Place::Awaited, 0..3)]);
        let found = all.pop(true, |id, place| id.0 == 201 && place == Place::Late);
        assert_eq!(found, Some((ConversationId(201), Place::Late)));
        assert_eq!(pops(&mut all, true), [202]);
    }
}
