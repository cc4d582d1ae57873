//! What stands at one core? Whose turn it is there, and how much is on its way to it.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    cores::Core,
    delivery::{gate::Gate, lanes::Phase},
    ports::{clock::Millis, store::ConversationId},
};

/// Events that a core has taken and that are not committed: so many at most are offered twice after a crash, beside those
/// in flight.
const COMMITTING_MAX: u32 = 1_024;
/// Attempts in flight of conversations that waited while nobody took them. A core that comes back is not run over by a day's
/// backlog, and what is said meanwhile finds it with time to answer.
const LATE_IN_FLIGHT_MAX: u32 = 64;
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

    /// The conversation whose turn it is, and whether it is one that waited.
    pub fn pop(&mut self, stands: impl Fn(ConversationId, bool) -> bool) -> Option<(ConversationId, bool)> {
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

/// Conversations whose turn it is; an entry whose lane moved on is skipped.
#[derive(Default)]
pub struct Ready {
    /// Who speaks now.
    live: VecDeque<ConversationId>,
    /// Who waited while nobody took it.
    late: VecDeque<ConversationId>,
    turn: u8,
}

impl Ready {
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.late.is_empty()
    }

    fn has(&self, admits_late: bool) -> bool {
        !self.live.is_empty() || (admits_late && !self.late.is_empty())
    }

    pub fn push_back(&mut self, conversation: ConversationId, live: bool) {
        self.of(live).push_back(conversation);
    }

    pub fn push_front(&mut self, conversation: ConversationId, live: bool) {
        self.of(live).push_front(conversation);
    }

    fn of(&mut self, live: bool) -> &mut VecDeque<ConversationId> {
        if live { &mut self.live } else { &mut self.late }
    }

    /// Who speaks now goes first; the backlog has a turn of its own now and then, or a busy day would keep it for ever.
    fn pop(
        &mut self,
        admits_late: bool,
        stands: impl Fn(ConversationId, bool) -> bool,
    ) -> Option<(ConversationId, bool)> {
        self.turn = (self.turn + 1) % TURNS;
        let backlog_first = self.turn == 0;
        for live in [!backlog_first, backlog_first] {
            if !live && !admits_late {
                continue;
            }
            while let Some(next) = self.of(live).pop_front() {
                if stands(next, live) {
                    return Some((next, !live));
                }
            }
        }
        None
    }
}

/// Does this lane stand where such an entry says?
pub fn stands(phase: Phase, lane_is_live: bool, entry_is_live: bool) -> bool {
    phase == Phase::Ready && lane_is_live == entry_is_live
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(live: std::ops::Range<i64>, late: std::ops::Range<i64>) -> Ready {
        let mut ready = Ready::default();
        live.for_each(|id| ready.push_back(ConversationId(id), true));
        late.for_each(|id| ready.push_back(ConversationId(id), false));
        ready
    }

    fn pops(ready: &mut Ready, admits_late: bool) -> Vec<i64> {
        std::iter::from_fn(|| ready.pop(admits_late, |_, _| true))
            .map(|(id, _)| id.0)
            .collect()
    }

    #[test]
    fn who_speaks_now_goes_first_and_the_backlog_has_every_eighth_turn() {
        let order = pops(&mut ready(0..20, 100..105), true);
        let backlog: Vec<usize> = (0..order.len()).filter(|at| order[*at] >= 100).collect();
        assert_eq!(backlog, [7, 15, 22, 23, 24]);
        let live: Vec<i64> = order.into_iter().filter(|id| *id < 100).collect();
        assert_eq!(live, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_backlog_that_has_its_share_waits_and_keeps_nobody() {
        let mut all = ready(0..3, 100..103);
        assert_eq!(pops(&mut all, false), [0, 1, 2]);
        assert!(!all.has(false) && all.has(true) && !all.is_empty());
        assert_eq!(pops(&mut all, true), [100, 101, 102]);
    }

    #[test]
    fn an_entry_whose_lane_moved_on_is_skipped() {
        let mut all = ready(0..3, 100..103);
        let found = all.pop(true, |id, live| id.0 == 101 && !live);
        assert_eq!(found, Some((ConversationId(101), true)));
        assert!(stands(Phase::Ready, true, true) && !stands(Phase::Ready, true, false));
        assert!(!stands(Phase::InFlight, true, true));
    }
}
