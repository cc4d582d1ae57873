//! Which events did a replay that takes no answer hand to a core that is pushed to? Its replies to them over the API are
//! refused, as those in the answer to the push are.
//!
//! A reply over the API names the event and not the offer of it: what counts is how the event was last offered. It is
//! remembered while the core has it in hand and for a while after, since some take an event first and answer it then; whoever
//! answers later than that answers the event itself.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use lru::LruCache;

use super::replay::Progress;
use crate::ports::clock::Millis;

/// A reply that comes so long after the core took the event is none to the replay.
pub const AFTER: Millis = 10 * 60_000;
/// More than a core answers in that time.
const EVENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

/// What the cores hold of such replays, by event.
pub struct Quiet {
    held: Mutex<LruCache<String, Held>>,
    /// There was ever such a replay: most runs never look further.
    used: AtomicBool,
}

struct Held {
    core: Arc<str>,
    replay: Arc<Progress>,
    taken: Option<Millis>,
}

impl Default for Quiet {
    fn default() -> Self {
        Self {
            held: Mutex::new(LruCache::new(EVENTS)),
            used: AtomicBool::new(false),
        }
    }
}

impl Quiet {
    fn lock(&self) -> MutexGuard<'_, LruCache<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event is about to go to this core by a replay that takes no answer.
    pub fn replayed(&self, event_id: &str, core: &Arc<str>, replay: &Arc<Progress>) {
        self.used.store(true, Ordering::Relaxed);
        let held = Held {
            core: core.clone(),
            replay: replay.clone(),
            taken: None,
        };
        self.lock().put(event_id.to_owned(), held);
    }

    /// The core has it, or will not have it.
    pub fn ended(&self, event_id: &str, now: Millis) {
        if let Some(held) = self.lock().peek_mut(event_id) {
            held.taken = Some(now);
        }
    }

    /// The event goes to its core by itself, which may answer it.
    pub fn offered(&self, event_id: &str) {
        if self.used.load(Ordering::Relaxed) {
            self.lock().pop(event_id);
        }
    }

    /// Whether this core's reply to the event would be one to a replay that takes none; counted.
    pub fn refuses(&self, core: &str, event_id: &str, now: Millis) -> bool {
        let mut all = self.lock();
        let Some(held) = all.peek(event_id).filter(|held| &*held.core == core) else {
            return false;
        };
        // A clock that was set back keeps nobody silent for longer.
        if held.taken.is_some_and(|at| !(0..AFTER).contains(&(now - at))) {
            all.pop(event_id);
            return false;
        }
        held.replay.replies_refused.fetch_add(1, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_way_it_was_offered_counts() {
        let (quiet, progress, core) = (Quiet::default(), Arc::new(Progress::default()), Arc::from("main"));
        quiet.offered("e");
        assert!(!quiet.refuses("main", "e", 0));
        quiet.replayed("e", &core, &progress);
        assert!(quiet.refuses("main", "e", 0) && quiet.refuses("main", "e", AFTER * 2));
        assert!(!quiet.refuses("other", "e", 0) && !quiet.refuses("main", "f", 0));
        assert_eq!(progress.replies_refused.load(Ordering::Relaxed), 2);
        quiet.offered("e");
        assert!(!quiet.refuses("main", "e", 0));
    }

    #[test]
    fn who_answers_long_after_it_was_taken_answers_the_event_itself() {
        let (quiet, progress, core) = (Quiet::default(), Arc::new(Progress::default()), Arc::from("main"));
        quiet.replayed("e", &core, &progress);
        quiet.ended("e", 10);
        assert!(quiet.refuses("main", "e", 9 + AFTER));
        assert!(!quiet.refuses("main", "e", 10 + AFTER));
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (quiet, progress, core) = (Quiet::default(), Arc::new(Progress::default()), Arc::from("main"));
        for number in 0..=EVENTS.get() {
            quiet.replayed(&number.to_string(), &core, &progress);
        }
        assert!(!quiet.refuses("main", "0", 0) && quiet.refuses("main", "1", 0));
    }
}
