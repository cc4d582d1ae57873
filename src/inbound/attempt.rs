//! How long does one connection of the platform stay open, and what is it told?

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{
    window::{OUTER, Said},
    windows::Desk,
};
use crate::ports::{clock::Millis, store::Stored};

/// One connection in its window. Dropping it says that the platform hung up.
pub struct Attempt {
    desk: Arc<Desk>,
    window: u64,
    id: u64,
    /// Which of the platform's attempts it is, from 1.
    nth: u32,
    /// Nothing is answered after this moment.
    outer: Millis,
    /// As late as it is at least: a clock that is set back makes nobody wait again for what was waited for.
    reached: Millis,
    said: oneshot::Receiver<Said>,
    never_bound: bool,
}

impl Attempt {
    pub(super) fn new(
        desk: Arc<Desk>,
        window: u64,
        id: u64,
        nth: u32,
        first: Millis,
        said: oneshot::Receiver<Said>,
    ) -> Self {
        Self {
            desk,
            window,
            id,
            nth,
            outer: first + OUTER,
            reached: first,
            said,
            never_bound: false,
        }
    }

    /// Another attempt has brought the event of this window: the store's listener hears of an event before anybody is
    /// told that it came again.
    pub fn joined(&self) -> bool {
        self.desk.is_bound(self.window)
    }

    /// The event was brought by somebody who is gone, and no core has taken it: this attempt waits for its answer. `false`:
    /// nobody is waited for.
    pub fn takes_up(&mut self, stored: &Stored) -> bool {
        let nth = self.desk.again(self.window, stored);
        self.nth = nth.unwrap_or(self.nth);
        nth.is_some()
    }

    /// No event comes of this attempt: the window does not wait for one.
    pub fn leave(mut self) {
        self.never_bound = true;
    }

    fn next(&self) -> Option<Millis> {
        self.desk.next(self.window, self.id, self.nth, self.outer, self.reached)
    }

    /// Until somebody answers, nobody will any more, or the time is over.
    pub async fn wait(mut self) -> Said {
        let clock = self.desk.clock.clone();
        loop {
            let now = clock.now();
            self.reached = self.reached.max(now);
            let Some(until) = self.next() else { break };
            tokio::select! {
                biased;
                said = &mut self.said => return said.unwrap_or(Said::Success),
                () = clock.sleep_until(now + (until - self.reached)) => self.reached = until,
            }
        }
        // Said already, or being sealed this moment; an attempt that left alone hears nothing.
        (&mut self.said).await.unwrap_or(Said::Success)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.desk.left(self.window, self.id, self.never_bound);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::{
        accounts::{Condition, Opened, service},
        channels::contract::{PassiveTo, Seal},
        cores::Cores,
        inbound::{
            testing::{NOW, core, settings},
            windows::{OpenRequests, Request},
        },
        ports::{chance::SystemChance, clock::Clock},
    };

    const HOUR: Millis = 3_600_000;

    /// Somebody sets it back by an hour during every wait.
    struct SetBack {
        now: AtomicI64,
        waited: AtomicI64,
    }

    #[async_trait::async_trait]
    impl Clock for SetBack {
        fn now(&self) -> Millis {
            self.now.load(Ordering::Relaxed)
        }

        async fn sleep_until(&self, at: Millis) {
            let wish = at - self.now.fetch_sub(HOUR, Ordering::Relaxed);
            let waited = self.waited.fetch_add(wish, Ordering::Relaxed) + wish;
            assert!(waited <= OUTER, "{waited} ms");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_holds_nobody_beyond_the_bound() {
        let account = service::open(&settings()).expect("opens");
        let opened = Arc::new(Opened {
            describe: Arc::new(account.describe().clone()),
            account,
            settings: settings(),
            condition: Condition::default().into(),
        });
        let clock = Arc::new(SetBack {
            now: NOW.into(),
            waited: 0.into(),
        });
        let windows = OpenRequests::new(clock.clone(), Arc::new(SystemChance::default()));
        let attempt = windows.open(Request {
            opened: &opened,
            dedupe: "1",
            to: &PassiveTo {
                to: "o1".into(),
                from: "gh_1".into(),
                part_types: &["text"],
                to_message: true,
                json: false,
            },
            seal: &Seal::Plain,
            first: NOW,
            cores: &Arc::new(Cores([core(800)].into())),
            budget: 800,
        });
        assert_eq!(attempt.wait().await, Said::Success);
        assert_eq!(clock.waited.load(Ordering::Relaxed), 800);
    }
}
