//! May a core be offered anything now? The breaker: shut while the core is down or asks for less, with one probe at a time.

use super::schedule;
use crate::ports::{clock::Millis, store::ConversationId};

/// Attempts in flight to one core: so many conversations may wait for a core that thinks long, and keep nobody else.
pub const IN_FLIGHT_MAX: u32 = 256;
/// Of them those of conversations that waited while nobody took them. A core that comes back is not run over by a day's
/// backlog, and what is said meanwhile finds it with time to answer.
pub const LATE_IN_FLIGHT_MAX: u32 = 64;
/// So many conversations failing one after the other, without a success between them, are the core's fault.
const STREAK: usize = 5;

pub struct Gate {
    shut: Option<Shut>,
    /// Halved when the core asks for less or falls under its load, one more with each event it takes.
    limit: u32,
    /// Conversations that failed since the last sign of life.
    streak: Vec<ConversationId>,
    /// Answers in its right mind so far: whoever fails between two of them fails alone.
    life: u16,
    /// Something came of an attempt.
    tried: bool,
    since: Millis,
    last_error: String,
}

struct Shut {
    /// Down, or only slow.
    down: bool,
    until: Millis,
    failures: u32,
    /// The core said itself when to come back: nobody hurries that.
    firm: bool,
    probing: bool,
    tried: Millis,
}

/// What changed, for whoever reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Nothing,
    WentDown,
    Slowed,
    Back,
}

/// How a core stands, for operators and probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreState {
    pub up: bool,
    /// Something came of an attempt since the start: before that nobody knows how it is.
    pub tried: bool,
    pub since: Millis,
    /// The last thing that went wrong, also when it is over; empty = nothing did.
    pub last_error: String,
    pub in_flight: u32,
    /// Nothing but a probe goes before this moment.
    pub slow_until: Option<Millis>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            shut: None,
            limit: IN_FLIGHT_MAX,
            streak: Vec::new(),
            life: 1,
            tried: false,
            since: 0,
            last_error: String::new(),
        }
    }
}

impl Gate {
    pub fn set_since(&mut self, now: Millis) {
        self.since = now;
    }

    pub fn is_down(&self) -> bool {
        self.shut.as_ref().is_some_and(|shut| shut.down)
    }

    pub fn is_shut(&self) -> bool {
        self.shut.is_some()
    }

    /// May one more attempt begin?
    pub fn admits(&self, now: Millis, in_flight: u32) -> bool {
        match &self.shut {
            None => in_flight < self.limit,
            Some(shut) => !shut.probing && now >= shut.until,
        }
    }

    /// When [`Gate::admits`] may change by time alone.
    pub fn opens_at(&self) -> Option<Millis> {
        self.shut.as_ref().filter(|shut| !shut.probing).map(|shut| shut.until)
    }

    /// An attempt begins; `true`: it is the probe.
    pub fn begin(&mut self) -> bool {
        self.shut.as_mut().is_some_and(|shut| {
            shut.probing = true;
            true
        })
    }

    /// An attempt ended, whatever it came to.
    pub fn end(&mut self, probe: bool) {
        self.tried = true;
        if let (true, Some(shut)) = (probe, self.shut.as_mut()) {
            shut.probing = false;
        }
    }

    /// The core answered about an event in its right mind.
    pub fn alive(&mut self, probe: bool, now: Millis) -> Turn {
        if self.shut.is_some() && !probe {
            // The end of an attempt that began before: it tells about then.
            return Turn::Nothing;
        }
        self.streak.clear();
        self.life = self.life.wrapping_add(1).max(1);
        self.limit = IN_FLIGHT_MAX.min(self.limit + 1);
        match self.shut.take() {
            Some(shut) if shut.down => {
                self.since = now;
                Turn::Back
            }
            _ => Turn::Nothing,
        }
    }

    /// An attempt failed by itself. Enough of them in a row shut the gate.
    pub fn failed(&mut self, conversation: ConversationId, probe: bool, in_flight: u32, trouble: &Trouble<'_>) -> Turn {
        if self.shut.is_some() {
            return self.shut(probe, self.is_down(), trouble);
        }
        self.last_error = trouble.why.to_owned();
        if !self.streak.contains(&conversation) {
            self.streak.push(conversation);
        }
        if self.streak.len() < STREAK {
            return Turn::Nothing;
        }
        // It may have fallen under so many at once. A backlog never was more than it can bear.
        let fewer = (in_flight / 2).max(LATE_IN_FLIGHT_MAX);
        self.limit = self.limit.min(fewer);
        self.shut(probe, true, trouble)
    }

    /// Nobody is there.
    pub fn down(&mut self, probe: bool, trouble: &Trouble<'_>) -> Turn {
        self.shut(probe, true, trouble)
    }

    /// The core asks for less.
    pub fn slow(&mut self, probe: bool, in_flight: u32, trouble: &Trouble<'_>) -> Turn {
        self.give_less(in_flight);
        self.shut(probe, false, trouble)
    }

    pub fn give_less(&mut self, in_flight: u32) {
        if self.shut.is_none() {
            self.limit = (in_flight / 2).max(1);
        }
    }

    /// Grows with every event that the core takes, or refuses by itself; never 0.
    pub fn life(&self) -> u16 {
        self.life
    }

    fn shut(&mut self, probe: bool, down: bool, trouble: &Trouble<'_>) -> Turn {
        let before = match &self.shut {
            // Others that began before the gate was shut: one fall, not many.
            Some(shut) if !probe => {
                let worse = down && !shut.down;
                if !worse {
                    return Turn::Nothing;
                }
                Some(false)
            }
            Some(shut) => Some(shut.down),
            None => None,
        };
        let failures = self.shut.as_ref().map_or(0, |shut| shut.failures) + 1;
        let wait = schedule::wait(failures, trouble.after, trouble.draw);
        let probing = self.shut.as_ref().is_some_and(|shut| shut.probing);
        self.streak.clear();
        self.last_error = trouble.why.to_owned();
        self.shut = Some(Shut {
            down,
            until: trouble.now.saturating_add(wait),
            failures,
            firm: trouble.after.is_some(),
            probing,
            tried: trouble.now,
        });
        let was_down = before == Some(true);
        if down != was_down {
            self.since = trouble.now;
        }
        match (was_down, down) {
            (false, true) => Turn::WentDown,
            (true, false) => Turn::Back,
            (false, false) => Turn::Slowed,
            (true, true) => Turn::Nothing,
        }
    }

    /// Somebody has reason to try now: the next probe goes at once, but no sooner than the shortest wait after the last.
    pub fn hurry(&mut self) {
        if let Some(shut) = self.shut.as_mut().filter(|shut| !shut.firm) {
            shut.until = shut.until.min(shut.tried.saturating_add(schedule::FIRST));
        }
    }

    /// The clock was set back by so much: what it waits for stays as far away.
    pub fn set_back(&mut self, by: Millis) {
        if let Some(shut) = self.shut.as_mut() {
            shut.until = shut.until.saturating_sub(by);
            shut.tried = shut.tried.saturating_sub(by);
        }
    }

    /// An operator says: try now.
    pub fn wake(&mut self) {
        if let Some(shut) = self.shut.as_mut() {
            shut.until = 0;
        }
    }

    pub fn state(&self, in_flight: u32) -> CoreState {
        CoreState {
            up: !self.is_down(),
            tried: self.tried,
            since: self.since,
            last_error: self.last_error.clone(),
            in_flight,
            slow_until: self.shut.as_ref().map(|shut| shut.until),
        }
    }
}

/// What went wrong, and when.
pub struct Trouble<'a> {
    pub now: Millis,
    pub after: Option<Millis>,
    pub draw: f64,
    pub why: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: Millis) -> Trouble<'static> {
        Trouble {
            now,
            after: None,
            draw: 0.5,
            why: "x",
        }
    }

    #[test]
    fn a_down_core_gets_one_probe_by_the_schedule() {
        let mut gate = Gate::default();
        assert_eq!(gate.down(false, &at(1_000)), Turn::WentDown);
        assert_eq!(
            gate.down(false, &at(1_001)),
            Turn::Nothing,
            "the others in flight fall with it"
        );
        assert!(!gate.admits(1_199, 0));
        assert!(gate.admits(1_200, 0));
        assert!(gate.begin());
        assert!(!gate.admits(1_200, 1), "one probe");
        assert_eq!(gate.down(true, &at(1_300)), Turn::Nothing);
        gate.end(true);
        assert!(!gate.admits(1_799, 0));
        assert!(gate.admits(1_800, 0));
        gate.begin();
        assert_eq!(gate.alive(true, 1_900), Turn::Back);
        gate.end(true);
        assert!(gate.admits(1_900, IN_FLIGHT_MAX - 1));
    }

    #[test]
    fn an_answer_from_before_does_not_open_a_shut_gate() {
        let mut gate = Gate::default();
        gate.slow(false, 10, &at(0));
        assert_eq!(gate.alive(false, 1), Turn::Nothing);
        assert!(gate.is_shut());
    }

    #[test]
    fn failures_of_many_conversations_in_a_row_shut_the_gate_and_of_one_do_not() {
        let mut gate = Gate::default();
        for _ in 0..20 {
            assert_eq!(gate.failed(ConversationId(1), false, 9, &at(0)), Turn::Nothing);
        }
        gate.alive(false, 0);
        for id in 1..5 {
            assert_eq!(gate.failed(ConversationId(id), false, 9, &at(0)), Turn::Nothing);
        }
        assert_eq!(gate.failed(ConversationId(5), false, 9, &at(0)), Turn::WentDown);
    }

    #[test]
    fn a_slow_core_gets_half_and_then_one_more_with_each_success() {
        let mut gate = Gate::default();
        assert_eq!(gate.slow(false, 64, &at(0)), Turn::Slowed);
        gate.begin();
        gate.alive(true, 300);
        gate.end(true);
        assert!(gate.admits(300, 32));
        assert!(!gate.admits(300, 33));
        gate.alive(false, 301);
        assert!(gate.admits(301, 33));
    }

    #[test]
    fn a_core_that_fell_under_many_at_once_gets_fewer_and_never_less_than_a_backlog() {
        let fallen = |in_flight| {
            let mut gate = Gate::default();
            for id in 1..=5 {
                gate.failed(ConversationId(id), false, in_flight, &at(0));
            }
            gate.begin();
            gate.alive(true, 300);
            gate.end(true);
            gate
        };
        for (in_flight, limit) in [(251, 126), (200, 101), (0, 65)] {
            let gate = fallen(in_flight);
            assert!(gate.admits(300, limit - 1) && !gate.admits(300, limit), "{in_flight}");
        }
    }

    #[test]
    fn hurry_shortens_a_guess_but_not_what_the_core_asked_for() {
        let mut gate = Gate::default();
        for now in [0, 10_000, 20_000, 30_000, 40_000] {
            gate.down(true, &at(now));
        }
        assert!(!gate.admits(44_000, 0));
        gate.hurry();
        assert!(gate.admits(40_200, 0));
        gate.down(
            true,
            &Trouble {
                after: Some(60_000),
                ..at(50_000)
            },
        );
        gate.hurry();
        assert!(!gate.admits(109_999, 0));
        gate.wake();
        assert!(gate.admits(50_001, 0));
    }

    #[test]
    fn a_core_that_asks_for_less_is_tried_as_soon_as_one_that_is_down() {
        let mut gate = Gate::default();
        for now in [0, 10_000, 20_000, 30_000, 40_000] {
            gate.slow(true, 1, &at(now));
        }
        assert!(!gate.admits(44_000, 0));
        gate.hurry();
        assert!(gate.admits(40_200, 0));
    }
}
