//! What time is it? Asked of a trait, so that five seconds, a minute and 48 hours are tested without waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;

/// Wall time in milliseconds since the Unix epoch: the one unit of time inside the house.
pub type Millis = i64;

/// The time, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Millis;
    /// Returns when `now()` has reached `at`; at once if it already has. Where a clock can be set back, it also returns when
    /// as much time has passed as there was left at the call.
    async fn sleep_until(&self, at: Millis);
}

/// The machine's clock. Waiting uses the monotonic timer, so a wall clock that is set back delays nobody; it looks again at
/// least every minute, so one that is set forward is noticed.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Millis {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: Millis) {
        let (asked, wish) = (Instant::now(), at.saturating_sub(self.now()));
        while let Some(rest) = rest(at.saturating_sub(self.now()), wish, asked.elapsed()) {
            tokio::time::sleep(rest).await;
        }
    }
}

/// Notices that a clock was set back: what waits for a moment by it would else wait until that has come again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looked(Millis);

impl Looked {
    /// How far it was set back since the last look; less than a second is none.
    pub fn set_back(&mut self, now: Millis) -> Option<Millis> {
        let back = std::mem::replace(&mut self.0, now).saturating_sub(now);
        (back >= SET_BACK).then_some(back)
    }
}

/// Clocks are put right by less all the time.
const SET_BACK: Millis = 1_000;

/// How long to sleep before looking again: `left` by the wall clock, and no longer in all than `wish`.
fn rest(left: Millis, wish: Millis, waited: Duration) -> Option<Duration> {
    let wish = Duration::from_millis(u64::try_from(wish).unwrap_or(0));
    let rest = wish
        .checked_sub(waited)?
        .min(Duration::from_millis(u64::try_from(left).ok()?));
    (!rest.is_zero()).then(|| rest.min(LOOK_AGAIN))
}

/// After this a clock that was set forward is noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A clock that tests set by hand.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<AtomicI64>,
    /// What has passed, whatever the clock was set to.
    passed: Arc<AtomicI64>,
    moved: Arc<tokio::sync::Notify>,
}

impl ManualClock {
    pub fn at(now: Millis) -> Self {
        Self {
            now: Arc::new(AtomicI64::new(now)),
            passed: Arc::default(),
            moved: Arc::default(),
        }
    }

    /// Moves time and wakes whoever waits for it.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.passed.fetch_add(by, Ordering::SeqCst);
        self.now.fetch_add(by, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Sets the time, also backwards.
    pub fn set(&self, now: Millis) {
        self.now.store(now, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Millis {
        self.now.load(Ordering::SeqCst)
    }

    async fn sleep_until(&self, at: Millis) {
        let passed = || self.passed.load(Ordering::SeqCst);
        let enough = passed().saturating_add(at.saturating_sub(self.now()));
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before the look, so that a move between look and wait is not missed.
            moved.as_mut().enable();
            if self.now() >= at || passed() >= enough {
                return;
            }
            moved.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_longer_than_they_asked_for() {
        let seconds = Duration::from_secs;
        assert_eq!(rest(5_000, 5_000, seconds(0)), Some(seconds(5)));
        // Set back by an hour after two of five seconds.
        assert_eq!(rest(3_603_000, 5_000, seconds(2)), Some(seconds(3)));
        assert_eq!(rest(3_600_000, 5_000, seconds(5)), None);
        // Set forward: over at once.
        assert_eq!(rest(-1, 5_000, seconds(2)), None);
        assert_eq!(rest(0, 0, seconds(0)), None);
        assert_eq!(rest(Millis::MAX, Millis::MAX, seconds(9)), Some(seconds(60)));
    }

    #[test]
    fn a_clock_that_is_set_back_is_noticed_once() {
        let mut looked = Looked::default();
        let seen = [5_000, 6_000, 5_001, 4_001, 4_001, 9_000].map(|now| looked.set_back(now));
        assert_eq!(seen, [None, None, None, Some(1_000), None, None]);
    }

    #[tokio::test]
    async fn the_machines_clock_waits_as_long_as_it_is_told() {
        let started = Instant::now();
        SystemClock.sleep_until(SystemClock.now() + 30).await;
        assert!(started.elapsed() >= Duration::from_millis(25));
        SystemClock.sleep_until(0).await;
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
