//! When is an event offered again? The contract's schedule, as values.

use crate::ports::clock::Millis;

/// Waits after the first, second … failure; after the last of them, [`TAIL`] with jitter.
const STEPS: [Millis; 8] = [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const TAIL: Millis = 60_000;
const JITTER: f64 = 0.2;
/// A core's `Retry-After` is honoured up to here.
const AFTER_MAX: Millis = 600_000;

/// The shortest wait there is.
pub const FIRST: Millis = STEPS[0];
/// An event whose own failures last this long is set aside.
pub const PATIENCE: Millis = 72 * 3_600_000;
/// More than two attempts of one event can lie apart while its core works: what lies beyond was not the event's own.
pub const LONGEST_PAUSE: Millis = AFTER_MAX + 5 * 60_000;

/// How long to wait after `failures` (from 1) in a row. `draw` in `0..1` spreads the tail.
pub fn wait(failures: u32, after: Option<Millis>, draw: f64) -> Millis {
    let scheduled = || {
        let step = usize::try_from(failures.max(1) - 1).unwrap_or(usize::MAX);
        let spread = (TAIL as f64 * (1.0 - JITTER + 2.0 * JITTER * draw)) as Millis;
        STEPS.get(step).copied().unwrap_or(spread)
    };
    // What the core asks for replaces our guess, but never makes us hurry more than we ever do.
    after.map_or_else(scheduled, |after| after.clamp(FIRST, AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_the_contract_says() {
        let waits: Vec<Millis> = (1..=8).map(|failures| wait(failures, None, 0.9)).collect();
        assert_eq!(waits, [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000]);
    }

    #[test]
    fn the_tail_is_spread_by_a_fifth() {
        assert_eq!(wait(9, None, 0.0), 48_000);
        assert_eq!(wait(100, None, 0.5), 60_000);
        assert!(wait(u32::MAX, None, 0.999_999) <= 72_000);
    }

    #[test]
    fn what_the_core_asks_for_is_honoured_up_to_ten_minutes() {
        assert_eq!(wait(1, Some(7_000), 0.5), 7_000);
        assert_eq!(wait(9, Some(1_000), 0.5), 1_000);
        assert_eq!(wait(1, Some(Millis::MAX), 0.5), 600_000);
        assert_eq!(wait(1, Some(0), 0.5), 200);
    }
}
