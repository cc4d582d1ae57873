//! How fast may messages to one customer follow each other? Where a platform drops what comes too fast without a word, we
//! wait before it gets there.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::{
    channels::contract::Pace,
    ports::{clock::Millis, store::ConversationId},
};

/// Beyond this many conversations the quiet ones are forgotten.
const MANY: usize = 1_024;

/// When messages of each conversation went, as far back as a pace looks.
#[derive(Default)]
pub struct Paces(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    gone: HashMap<ConversationId, VecDeque<Millis>>,
    /// The size at which quiet conversations are looked for again.
    sweep_at: usize,
}

impl Paces {
    /// The moment until which the next message waits; `None`: it may go now.
    pub fn wait(&self, paces: &[Pace], conversation: ConversationId, now: Millis) -> Option<Millis> {
        if paces.is_empty() {
            return None;
        }
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = inner.gone.get(&conversation)?;
        paces.iter().filter_map(|pace| pace_end(pace, gone, now)).max()
    }

    /// A message goes now.
    pub fn note(&self, paces: &[Pace], conversation: ConversationId, now: Millis) {
        let Some(longest) = paces.iter().map(|pace| pace.window).max() else {
            return;
        };
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = |at: &Millis| !(now - longest < *at && *at <= now);
        if inner.gone.len() >= inner.sweep_at.max(MANY) {
            inner.gone.retain(|_, gone| gone.back().is_some_and(|last| !old(last)));
            inner.sweep_at = inner.gone.len() * 2;
        }
        let gone = inner.gone.entry(conversation).or_default();
        // A clock that was set back leaves moments that have not been yet: they say nothing any more.
        gone.retain(|at| !old(at));
        gone.push_back(now);
    }
}

/// When this pace lets the next one through, if not now.
fn pace_end(pace: &Pace, gone: &VecDeque<Millis>, now: Millis) -> Option<Millis> {
    let recent = || gone.iter().filter(|at| now - pace.window < **at && **at <= now);
    let count = usize::try_from(pace.count).unwrap_or(usize::MAX).max(1);
    let over = recent().count().checked_sub(count)?;
    recent().nth(over).map(|at| at + pace.window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConversationId = ConversationId(1);
    const PACES: &[Pace] = &[
        Pace { count: 2, window: 100 },
        Pace {
            count: 3,
            window: 1_000,
        },
    ];

    #[test]
    fn what_is_too_fast_waits_for_the_oldest_to_leave_the_window() {
        let paces = Paces::default();
        for at in [1_000, 1_010] {
            assert_eq!(paces.wait(PACES, A, at), None);
            paces.note(PACES, A, at);
        }
        assert_eq!(paces.wait(PACES, A, 1_020), Some(1_100));
        assert_eq!(paces.wait(PACES, ConversationId(2), 1_020), None, "another customer");
        assert_eq!(paces.wait(PACES, A, 1_100), None);
        paces.note(PACES, A, 1_100);
        assert_eq!(paces.wait(PACES, A, 1_200), Some(2_000), "the longer window");
        assert_eq!(paces.wait(PACES, A, 2_000), None);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_up_nobody() {
        let paces = Paces::default();
        for _ in 0..3 {
            paces.note(PACES, A, 1_000_000);
        }
        assert_eq!(paces.wait(PACES, A, 500), None);
    }

    #[test]
    fn quiet_conversations_are_forgotten() {
        let paces = Paces::default();
        for number in 0..MANY as i64 {
            paces.note(PACES, ConversationId(number), 0);
        }
        paces.note(PACES, A, 10_000);
        let known = paces.0.lock().unwrap_or_else(PoisonError::into_inner).gone.len();
        assert_eq!(known, 1);
        assert_eq!(paces.wait(&[], A, 10_000), None, "a channel without a pace");
    }
}
