//! What was handed out and is not taken yet? Remembered for a while, for attempts, windows and those who look.

use std::collections::BTreeMap;

use crate::ports::{clock::Millis, feed::Position};

/// More than a core has in hand at a time; what is older is only not shown as taken.
const REMEMBERED: usize = 4_096;
/// No request of the platform is open for longer.
const WINDOW_MOST: Millis = 60_000;

/// One event in a core's hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub event_id: String,
    /// Times it was handed out by this process.
    pub attempt: u32,
    pub first: Millis,
    pub last: Millis,
    /// Its request was open when it went.
    pub window: bool,
}

/// Everything in one core's hand.
#[derive(Default)]
pub struct Handed {
    held: BTreeMap<Position, Held>,
    /// Taken with the window kept open: a later word may still close it.
    kept: BTreeMap<Position, Held>,
}

impl Handed {
    /// Which attempt this is.
    pub fn attempt(&mut self, position: Position, event_id: &str, now: Millis) -> u32 {
        let held = self.held.entry(position).or_insert_with(|| Held {
            event_id: event_id.to_owned(),
            attempt: 0,
            first: now,
            last: now,
            window: false,
        });
        held.attempt = held.attempt.saturating_add(1);
        held.last = now;
        let attempt = held.attempt;
        if self.held.len() > REMEMBERED {
            self.held.pop_first();
        }
        attempt
    }

    /// What was counted for these places did not go out.
    pub fn take_back(&mut self, places: impl Iterator<Item = Position>) {
        for position in places {
            let Some(held) = self.held.get_mut(&position) else {
                continue;
            };
            held.attempt = held.attempt.saturating_sub(1);
            if held.attempt == 0 {
                self.held.remove(&position);
            }
        }
    }

    pub fn has_window(&mut self, position: Position) {
        if let Some(held) = self.held.get_mut(&position) {
            held.window = true;
        }
    }

    /// Everything up to there is taken: what it was, and whose windows are closed with it.
    pub fn taken(&mut self, through: Position, keep_window: bool, now: Millis) -> (Vec<Held>, Vec<String>) {
        let later = self.held.split_off(&through.saturating_add(1));
        let taken = std::mem::replace(&mut self.held, later);
        self.kept.retain(|_, held| now - held.last < WINDOW_MOST);
        let windows = taken.iter().filter(|(_, held)| held.window);
        self.kept
            .extend(windows.map(|(position, held)| (*position, held.clone())));
        let mut close = Vec::new();
        if !keep_window {
            let later = self.kept.split_off(&through.saturating_add(1));
            let closed = std::mem::replace(&mut self.kept, later);
            close.extend(closed.into_values().map(|held| held.event_id));
        }
        (taken.into_values().collect(), close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_until_it_is_taken() {
        let mut handed = Handed::default();
        assert_eq!(handed.attempt(5, "e5", 10), 1);
        assert_eq!(handed.attempt(5, "e5", 20), 2);
        let (taken, close) = handed.taken(5, false, 30);
        assert_eq!((taken.len(), taken[0].attempt, taken[0].first), (1, 2, 10));
        assert!(close.is_empty(), "it had no window");
        assert!(handed.taken(5, false, 30).0.is_empty());
    }

    #[test]
    fn a_kept_window_is_closed_by_a_later_word_and_forgotten_in_the_end() {
        let mut handed = Handed::default();
        for position in [5, 6, 7] {
            handed.attempt(position, &format!("e{position}"), 0);
            handed.has_window(position);
        }
        assert_eq!(handed.taken(5, true, 1).1, Vec::<String>::new());
        assert_eq!(handed.taken(6, false, 2).1, ["e5", "e6"]);
        handed.taken(7, true, 3);
        assert!(handed.taken(7, false, 3 + WINDOW_MOST).1.is_empty());
    }

    #[test]
    fn a_core_that_takes_nothing_costs_only_so_much() {
        let mut handed = Handed::default();
        for position in 0..20_000 {
            handed.attempt(position, "e", 0);
        }
        assert_eq!(handed.held.len(), REMEMBERED);
    }
}
