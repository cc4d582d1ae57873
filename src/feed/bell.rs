//! Who wakes those that wait for an event? Whoever hears of the commit; nobody looks at a clock meanwhile.

use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use crate::ports::store::{Stored, Waiting};

/// One bell per feed. Made before the store, and hung up when the feeds are known.
#[derive(Clone, Default)]
pub struct Bells(Arc<OnceLock<Vec<Bell>>>);

#[derive(Clone)]
pub(super) struct Bell {
    core: Arc<str>,
    notify: Arc<Notify>,
}

impl Bells {
    /// A new event was committed. Never blocks.
    pub fn event(&self, stored: &Stored) {
        self.ring(stored.core.as_ref());
    }

    /// What waited was given to another core, or to none.
    pub fn moved(&self, waiting: &Waiting) {
        self.ring(waiting.core.as_ref());
    }

    fn ring(&self, core: Option<&Arc<str>>) {
        let bells = self.0.get().map_or(&[][..], Vec::as_slice);
        if let Some(core) = core
            && let Some(bell) = bells.iter().find(|bell| bell.core == *core)
        {
            bell.ring();
        }
    }

    pub(super) fn hang(&self, cores: impl Iterator<Item = Arc<str>>) -> Vec<Bell> {
        let bells: Vec<Bell> = cores
            .map(|core| Bell {
                core,
                notify: Arc::default(),
            })
            .collect();
        // There is one set of feeds for each set of bells.
        self.0.get_or_init(|| bells.clone()).clone()
    }
}

impl Bell {
    pub fn ring(&self) {
        self.notify.notify_waiters();
    }

    /// Ready with the next ring after this was enabled.
    pub fn rings(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}
