//! How often may one cause be logged? Once a second; what was left out is counted.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use crate::ports::clock::Millis;

/// Remembers when each cause was last logged. There are as many causes as accounts, cores and forwarders, times what can
/// happen to each.
pub struct Throttle<C>(Mutex<HashMap<C, Said>>);

/// When it was last logged, and how often it was left out since.
type Said = (Millis, u64);

impl<C> Default for Throttle<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Eq + Hash> Throttle<C> {
    /// May `cause` be logged now? If so, how often it was left out since the last time.
    pub fn permits(&self, cause: C, now: Millis) -> Option<u64> {
        let mut causes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match causes.get_mut(&cause) {
            Some((last, left_out)) if (0..1_000).contains(&(now - *last)) => {
                *left_out += 1;
                None
            }
            Some((last, left_out)) => {
                *last = now;
                Some(std::mem::take(left_out))
            }
            None => {
                causes.insert(cause, (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cause_is_logged_once_a_second() {
        let throttle = Throttle::default();
        assert_eq!(throttle.permits((0, "a"), 5_000), Some(0));
        assert_eq!(throttle.permits((0, "a"), 5_999), None);
        assert_eq!(throttle.permits((0, "b"), 5_999), Some(0));
        assert_eq!(throttle.permits((1, "a"), 5_999), Some(0));
        assert_eq!(throttle.permits((0, "a"), 6_000), Some(1));
        assert_eq!(
            throttle.permits((0, "a"), 1_000),
            Some(0),
            "a clock set back does not silence us"
        );
    }
}
