//! What time is it? Asked of a trait, so that five seconds, a minute and 48 hours are tested without waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;

/// Wall time in milliseconds since the Unix epoch: the one unit of time inside the house.
pub type Millis = i64;

/// The time, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Millis;
    /// Returns when `now()` has reached `at`; at once if it already has.
    async fn sleep_until(&self, at: Millis);
}

/// The machine's clock. Waiting uses the monotonic timer, so a wall clock that jumps delays nobody for long:
/// it looks again at least every minute.
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
        loop {
            let left = at - self.now();
            if left <= 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left.min(60_000).unsigned_abs())).await;
        }
    }
}

/// A clock that tests set by hand.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<AtomicI64>,
    moved: Arc<tokio::sync::Notify>,
}

impl ManualClock {
    pub fn at(now: Millis) -> Self {
        Self {
            now: Arc::new(AtomicI64::new(now)),
            moved: Arc::default(),
        }
    }

    /// Moves time and wakes whoever waits for it.
    pub fn advance(&self, by: Duration) {
        self.now
            .fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
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
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Registered before the look, so that a move between look and wait is not missed.
            moved.as_mut().enable();
            if self.now() >= at {
                return;
            }
            moved.await;
        }
    }
}
