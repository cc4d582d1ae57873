//! What do operators and gauges see of the machine?

use std::sync::Arc;

use super::{State, slot::Role};
use crate::{delivery::gate::CoreState, ports::clock::Millis};

/// What waits for one core.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// `None`: nobody takes them yet.
    pub core: Option<Arc<str>>,
    pub count: u64,
    pub conversations: u64,
    pub oldest: Option<Millis>,
}

impl State {
    pub fn backlog(&self) -> Vec<Backlog> {
        let mut all: Vec<Backlog> = self
            .slots
            .iter()
            .map(|slot| Backlog {
                core: slot.name.clone(),
                ..Backlog::default()
            })
            .collect();
        for lane in self.lanes.values().filter(|lane| lane.count > 0) {
            let of = &mut all[usize::from(lane.slot)];
            of.count += u64::from(lane.count);
            of.conversations += 1;
            of.oldest = Some(of.oldest.map_or(lane.oldest, |oldest| oldest.min(lane.oldest)));
        }
        all
    }

    /// How many events wait for one core.
    pub fn waiting_for(&self, slot: u16) -> u64 {
        let lanes = self.lanes.values().filter(|lane| lane.slot == slot);
        lanes.map(|lane| u64::from(lane.count)).sum()
    }

    pub fn core_state(&self, name: &str) -> Option<CoreState> {
        let slot = self.slots.iter().find(|slot| slot.name.as_deref() == Some(name))?;
        matches!(slot.role, Role::Http(_)).then(|| slot.gate.state(slot.in_flight + slot.committing))
    }

    pub fn stop(&mut self) {
        self.stopping = true;
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// A core has taken something that is not committed yet.
    pub fn is_committing(&self) -> bool {
        self.slots.iter().any(|slot| slot.committing > 0)
    }

    #[cfg(test)]
    pub fn sizes(&self) -> (usize, (usize, usize)) {
        (self.lanes.len(), self.memory.used())
    }
}
