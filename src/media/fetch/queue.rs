//! Whose turn is it? Many accounts, few hands: one account that hangs never has them all.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::ports::clock::Millis;

/// Files by when they are due; each under its account.
pub(super) struct Queue {
    later: BTreeSet<(Millis, String, String)>,
    /// Due, by account; each account stands once in `turns`.
    ready: HashMap<String, VecDeque<String>>,
    turns: VecDeque<String>,
    busy: HashMap<String, usize>,
    running: usize,
    at_once: usize,
    of_one: usize,
}

impl Queue {
    pub fn new(at_once: usize, of_one: usize) -> Self {
        Self {
            later: BTreeSet::new(),
            ready: HashMap::new(),
            turns: VecDeque::new(),
            busy: HashMap::new(),
            running: 0,
            at_once,
            of_one,
        }
    }

    pub fn later(&mut self, at: Millis, handle: String, account: String) {
        self.later.insert((at, handle, account));
    }

    /// When something becomes due that is not.
    pub fn next_due(&self) -> Option<Millis> {
        self.later.first().map(|(at, ..)| *at)
    }

    /// The next to begin; it counts as running until [`Queue::ended`].
    pub fn next(&mut self, now: Millis) -> Option<String> {
        while self.next_due().is_some_and(|at| at <= now)
            && let Some((_, handle, account)) = self.later.pop_first()
        {
            let waiting = self.ready.entry(account.clone()).or_default();
            if waiting.is_empty() {
                self.turns.push_back(account);
            }
            waiting.push_back(handle);
        }
        if self.running >= self.at_once {
            return None;
        }
        // Each account that has no hand free is passed over once.
        for _ in 0..self.turns.len() {
            let account = self.turns.pop_front()?;
            let busy = self.busy.get(&account).copied().unwrap_or(0);
            let waiting = self.ready.get_mut(&account);
            if busy >= self.of_one {
                self.turns.push_back(account);
                continue;
            }
            let handle = waiting.and_then(VecDeque::pop_front);
            match self.ready.get(&account).is_some_and(|left| !left.is_empty()) {
                true => self.turns.push_back(account.clone()),
                false => drop(self.ready.remove(&account)),
            }
            if handle.is_some() {
                *self.busy.entry(account).or_default() += 1;
                self.running += 1;
                return handle;
            }
        }
        None
    }

    pub fn ended(&mut self, account: &str) {
        self.running = self.running.saturating_sub(1);
        if let Some(busy) = self.busy.get_mut(account) {
            *busy -= 1;
            if *busy == 0 {
                self.busy.remove(account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_take_turns_and_none_has_every_hand() {
        let mut queue = Queue::new(3, 2);
        for at in 0..4 {
            queue.later(at, format!("a{at}"), "a".into());
        }
        queue.later(9, "b0".into(), "b".into());
        queue.later(50, "b1".into(), "b".into());
        let begun = |queue: &mut Queue, now| std::iter::from_fn(|| queue.next(now)).collect::<Vec<_>>();
        assert_eq!(begun(&mut queue, 10), ["a0", "b0", "a1"]);
        queue.ended("b");
        assert!(begun(&mut queue, 10).is_empty(), "a has its two, b nothing that is due");
        queue.ended("a");
        assert_eq!(begun(&mut queue, 10), ["a2"]);
        assert_eq!(queue.next_due(), Some(50));
        assert_eq!(begun(&mut queue, 50), ["b1"]);
        queue.ended("a");
        queue.ended("a");
        queue.ended("b");
        assert_eq!(begun(&mut queue, 50), ["a3"]);
        queue.ended("a");
        assert!(queue.busy.is_empty() && queue.ready.is_empty() && queue.turns.is_empty());
    }
}
