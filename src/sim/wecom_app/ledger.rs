//! What does the platform remember of what applications sent? Messages for recalls, cards for their codes, and how much
//! each member had.

use std::collections::{BTreeMap, BTreeSet};

use crate::sim::world::Millis;

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
/// To one member by one application; what is beyond is dropped without a word (/document/path/90312).
const A_MINUTE: usize = 30;
const AN_HOUR: usize = 1000;
const CODE_LIFE: Millis = 72 * HOUR;

/// A message that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub agent: String,
    pub at: Millis,
    /// Members and the line in their chat.
    pub to: Vec<(String, u64)>,
}

/// What a `response_code` may still change.
#[derive(Clone, Debug)]
struct Open {
    agent: String,
    until: Millis,
}

#[derive(Debug, Default)]
pub struct Ledger {
    pub sent: BTreeMap<String, Sent>,
    codes: BTreeMap<String, Open>,
    tasks: BTreeSet<(String, String)>,
    had: BTreeMap<(String, String), Vec<Millis>>,
    said: BTreeMap<(String, String), Millis>,
}

impl Ledger {
    /// A code that changes a card once within 72 hours.
    pub fn open(&mut self, code: &str, agent: &str, now: Millis) {
        let open = Open {
            agent: agent.to_owned(),
            until: now + CODE_LIFE,
        };
        self.codes.insert(code.to_owned(), open);
    }

    /// Uses a code up; `false` when it is none, another's, or too old.
    pub fn spend(&mut self, code: &str, agent: &str, now: Millis) -> bool {
        let good = self
            .codes
            .get(code)
            .is_some_and(|open| open.agent == agent && open.until > now);
        good && self.codes.remove(code).is_some()
    }

    /// `false` when this application had a card with this task before.
    pub fn task(&mut self, agent: &str, task: &str) -> bool {
        self.tasks.insert((agent.to_owned(), task.to_owned()))
    }

    /// Whether one more message reaches the member.
    pub fn reaches(&mut self, agent: &str, member: &str, now: Millis) -> bool {
        let had = self.had.entry((agent.to_owned(), member.to_owned())).or_default();
        had.retain(|at| now - at < HOUR);
        let lately = had.iter().filter(|at| now - **at < MINUTE).count();
        let reaches = lately < A_MINUTE && had.len() < AN_HOUR;
        if reaches {
            had.push(now);
        }
        reaches
    }

    /// Whether the same was sent within `interval` (`enable_duplicate_check`).
    pub fn repeats(&mut self, agent: &str, content: &str, interval: Millis, now: Millis) -> bool {
        let before = self.said.insert((agent.to_owned(), content.to_owned()), now);
        before.is_some_and(|before| now - before < interval)
    }
}

#[cfg(test)]
mod tests {
    use super::{HOUR, Ledger, MINUTE};

    #[test]
    fn a_code_changes_a_card_once_within_72_hours() {
        let mut ledger = Ledger::default();
        ledger.open("a", "ww1-1", 0);
        assert!(!ledger.spend("a", "ww1-2", 1), "another application's");
        assert!(ledger.spend("a", "ww1-1", 1));
        assert!(!ledger.spend("a", "ww1-1", 2), "once");
        ledger.open("b", "ww1-1", 0);
        assert!(!ledger.spend("b", "ww1-1", 72 * HOUR));
    }

    #[test]
    fn the_thirty_first_message_of_a_minute_is_dropped() {
        let mut ledger = Ledger::default();
        for _ in 0..30 {
            assert!(ledger.reaches("ww1-1", "li", 0));
        }
        assert!(!ledger.reaches("ww1-1", "li", 1));
        assert!(ledger.reaches("ww1-1", "wang", 1), "each member alone");
        assert!(ledger.reaches("ww1-1", "li", MINUTE));
    }

    #[test]
    fn a_task_is_used_once_and_repeats_are_known() {
        let mut ledger = Ledger::default();
        assert!(ledger.task("ww1-1", "t"));
        assert!(!ledger.task("ww1-1", "t"));
        assert!(ledger.task("ww1-2", "t"));
        assert!(!ledger.repeats("ww1-1", "好的", MINUTE, 0));
        assert!(ledger.repeats("ww1-1", "好的", MINUTE, 1));
        assert!(!ledger.repeats("ww1-1", "好的", MINUTE, 1 + MINUTE));
    }
}
