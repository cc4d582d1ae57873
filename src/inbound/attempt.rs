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

    /// Until somebody answers, nobody will any more, or the time is over.
    pub async fn wait(mut self) -> Said {
        while let Some(until) = self.desk.next(self.window, self.id, self.nth, self.outer) {
            let clock = self.desk.clock.clone();
            tokio::select! {
                biased;
                said = &mut self.said => return said.unwrap_or(Said::Success),
                () = clock.sleep_until(until) => {}
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
