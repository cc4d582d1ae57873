//! Which events does a core hold by a replay that takes no answer? Its replies to them are refused, as those in the response to
//! a replay that is pushed are.
//!
//! A reply over the API names the event and not the offer of it: what counts is how the event was last handed out. It is
//! remembered while the core has it in hand and for a while after it was taken, since some acknowledge first; whoever answers
//! later than that answers the event itself.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;

use crate::ports::{clock::Millis, feed::Position};

/// A reply that comes so long after the acknowledgement is none to the replay.
pub const AFTER: Millis = 10 * 60_000;
/// More than all replays at once put into a core's hand.
const EVENTS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4_095);
/// More than are remembered for operators.
const REPLAYS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

/// What one core holds.
pub struct Quiet(Mutex<Inner>);

struct Inner {
    held: LruCache<String, Held>,
    /// Replays that take answers. One of an earlier run is not among them.
    open: LruCache<String, ()>,
    refused: LruCache<String, u64>,
}

struct Held {
    replay: String,
    position: Position,
    taken: Option<Millis>,
}

impl Default for Quiet {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            held: LruCache::new(EVENTS),
            open: LruCache::new(REPLAYS),
            refused: LruCache::new(REPLAYS),
        }))
    }
}

impl Quiet {
    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// This replay takes answers.
    pub fn open(&self, replay: &str) {
        self.with(|inner| inner.open.put(replay.to_owned(), ()));
    }

    /// The event goes to the core, by this replay or by itself.
    pub fn handed(&self, event_id: &str, replay: Option<&str>, position: Position) {
        self.with(|inner| match replay.filter(|id| !inner.open.contains(*id)) {
            Some(replay) => {
                let held = Held {
                    replay: replay.to_owned(),
                    position,
                    taken: None,
                };
                inner.held.put(event_id.to_owned(), held);
            }
            None => _ = inner.held.pop(event_id),
        });
    }

    /// Everything up to there is taken.
    pub fn taken(&self, through: Position, now: Millis) {
        self.with(|inner| {
            for (_, held) in inner.held.iter_mut().filter(|(_, held)| held.position <= through) {
                held.taken.get_or_insert(now);
            }
        });
    }

    /// Whether a reply to the event would be one to a replay that takes none; counted.
    pub fn refuses(&self, event_id: &str, now: Millis) -> bool {
        self.with(|inner| {
            let Some(held) = inner.held.peek(event_id) else {
                return false;
            };
            // A clock that was set back keeps nobody silent for longer.
            if held.taken.is_some_and(|at| !(0..AFTER).contains(&(now - at))) {
                inner.held.pop(event_id);
                return false;
            }
            let replay = held.replay.clone();
            *inner.refused.get_or_insert_mut(replay, || 0) += 1;
            true
        })
    }

    /// Replies to this replay that were refused.
    pub fn refused(&self, replay: &str) -> u64 {
        self.with(|inner| inner.refused.peek(replay).copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_way_it_was_handed_out_counts() {
        let quiet = Quiet::default();
        quiet.handed("e", None, 1);
        assert!(!quiet.refuses("e", 0));
        quiet.handed("e", Some("r-1"), 2);
        assert!(quiet.refuses("e", 0) && quiet.refuses("e", AFTER * 2));
        assert_eq!((quiet.refused("r-1"), quiet.refused("r-2")), (2, 0));
        assert!(!quiet.refuses("other", 0));
        quiet.open("r-2");
        quiet.handed("e", Some("r-2"), 3);
        assert!(!quiet.refuses("e", 0), "it was started so");
    }

    #[test]
    fn who_answers_long_after_it_was_taken_answers_the_event_itself() {
        let quiet = Quiet::default();
        quiet.handed("e", Some("r-1"), 2);
        quiet.taken(1, 0);
        assert!(quiet.refuses("e", AFTER), "it is still in hand");
        quiet.taken(2, 10);
        quiet.taken(3, 20);
        assert!(quiet.refuses("e", 9 + AFTER));
        assert!(!quiet.refuses("e", 10 + AFTER));
    }
}
