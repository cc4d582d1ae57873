//! Whose turn is it? One lane per conversation: in order, one message in flight; lanes never wait for each other.
//!
//! A lane is remembered only while it runs, waits for its turn, is blocked or has a time set; its messages stay in the store.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::ports::{
    clock::{Looked, Millis},
    store::ConversationId,
};

/// Tells the dispatcher that a conversation has something to send; made before the store whose writer calls it.
#[derive(Clone, Default)]
pub struct Handle(Arc<Lanes>);

#[derive(Default)]
struct Lanes {
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Default)]
struct Inner {
    ready: VecDeque<ConversationId>,
    lanes: HashMap<ConversationId, Lane>,
    timers: BinaryHeap<Reverse<(Millis, ConversationId)>>,
    /// The one time that counts per conversation; others in the heap are stale.
    due: HashMap<ConversationId, Millis>,
    /// When it was last asked whose turn it is.
    looked: Looked,
}

#[derive(Default)]
struct Lane {
    running: bool,
    queued: bool,
    /// Something came while it ran or was blocked.
    again: bool,
    blocks: u32,
}

impl Handle {
    /// A message entered this outbox, or one that waited may go on. Never blocks.
    pub fn message(&self, conversation: ConversationId) {
        self.with(|inner| inner.call(conversation));
        self.0.wake.notify_one();
    }

    /// Keeps the lane from starting until the guard is dropped: a passive answer is on its way into the open request.
    pub(super) fn block(&self, conversation: ConversationId) -> Block {
        self.with(|inner| inner.lanes.entry(conversation).or_default().blocks += 1);
        Block {
            handle: self.clone(),
            conversation,
        }
    }

    /// A passive answer of this conversation is on its way: whoever runs its lane leaves it for now, and is called again.
    pub(super) fn yields(&self, conversation: ConversationId) -> bool {
        self.with(|inner| match inner.lanes.get_mut(&conversation) {
            Some(lane) if lane.blocks > 0 => {
                lane.again = true;
                true
            }
            _ => false,
        })
    }

    /// The next lane to run; it runs until [`Handle::done`].
    pub(super) fn next(&self, now: Millis) -> Option<ConversationId> {
        self.with(|inner| inner.next(now))
    }

    /// A lane has run as far as it could; `again_at`: when time alone lets it go on.
    pub(super) fn done(&self, conversation: ConversationId, again_at: Option<Millis>) {
        self.with(|inner| inner.done(conversation, again_at));
        self.0.wake.notify_one();
    }

    pub(super) fn next_timer(&self) -> Option<Millis> {
        self.with(|inner| inner.timers.peek().map(|Reverse((at, _))| *at))
    }

    pub(super) async fn woken(&self) {
        self.0.wake.notified().await;
    }

    /// Nothing is remembered.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.with(|inner| inner.lanes.is_empty() && inner.due.is_empty() && inner.ready.is_empty())
    }

    fn unblock(&self, conversation: ConversationId) {
        self.with(|inner| {
            if let Some(lane) = inner.lanes.get_mut(&conversation) {
                lane.blocks = lane.blocks.saturating_sub(1);
                if lane.blocks == 0 && std::mem::take(&mut lane.again) {
                    inner.call(conversation);
                } else {
                    inner.forget_idle(conversation);
                }
            }
        });
        self.0.wake.notify_one();
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn call(&mut self, conversation: ConversationId) {
        let lane = self.lanes.entry(conversation).or_default();
        if lane.running || lane.blocks > 0 {
            lane.again = true;
        } else if !std::mem::replace(&mut lane.queued, true) {
            self.ready.push_back(conversation);
        }
    }

    fn next(&mut self, now: Millis) -> Option<ConversationId> {
        self.follow(now);
        while let Some(Reverse((at, conversation))) = self.timers.peek().copied()
            && (at <= now || self.due.get(&conversation) != Some(&at))
        {
            self.timers.pop();
            if self.due.get(&conversation) == Some(&at) {
                self.due.remove(&conversation);
                self.call(conversation);
            }
        }
        while let Some(conversation) = self.ready.pop_front() {
            let Some(lane) = self.lanes.get_mut(&conversation) else {
                continue;
            };
            lane.queued = false;
            if lane.blocks > 0 || lane.running {
                lane.again = true;
                continue;
            }
            lane.running = true;
            return Some(conversation);
        }
        None
    }

    /// A clock that was set back would hold up all that waits until it has come again: their times go with it.
    fn follow(&mut self, now: Millis) {
        let Some(back) = self.looked.set_back(now) else { return };
        for at in self.due.values_mut() {
            *at = at.saturating_sub(back);
        }
        self.timers = self.due.iter().map(|(id, at)| Reverse((*at, *id))).collect();
    }

    fn done(&mut self, conversation: ConversationId, again_at: Option<Millis>) {
        match again_at {
            Some(at) => {
                if self.due.insert(conversation, at) != Some(at) {
                    self.timers.push(Reverse((at, conversation)));
                }
            }
            None => {
                self.due.remove(&conversation);
            }
        }
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        lane.running = false;
        if lane.blocks == 0 && std::mem::take(&mut lane.again) {
            self.call(conversation);
        }
        self.forget_idle(conversation);
    }

    fn forget_idle(&mut self, conversation: ConversationId) {
        if let Some(lane) = self.lanes.get(&conversation)
            && !(lane.running || lane.queued || lane.again || lane.blocks > 0)
        {
            self.lanes.remove(&conversation);
        }
    }
}

/// A lane that may not start.
pub(super) struct Block {
    handle: Handle,
    conversation: ConversationId,
}

impl Drop for Block {
    fn drop(&mut self) {
        self.handle.unblock(self.conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConversationId = ConversationId(1);
    const B: ConversationId = ConversationId(2);

    #[test]
    fn a_lane_runs_once_at_a_time_and_again_for_what_came_meanwhile() {
        let lanes = Handle::default();
        lanes.message(A);
        lanes.message(A);
        lanes.message(B);
        assert_eq!((lanes.next(0), lanes.next(0), lanes.next(0)), (Some(A), Some(B), None));
        lanes.message(A);
        assert_eq!(lanes.next(0), None, "it runs already");
        lanes.done(A, None);
        assert_eq!(lanes.next(0), Some(A));
        lanes.done(A, None);
        assert_eq!(lanes.next(0), None);
    }

    #[test]
    fn a_lane_wakes_at_the_latest_time_set() {
        let lanes = Handle::default();
        lanes.message(A);
        assert_eq!(lanes.next(0), Some(A));
        lanes.done(A, Some(100));
        assert_eq!((lanes.next(99), lanes.next_timer()), (None, Some(100)));
        assert_eq!(lanes.next(100), Some(A));
        lanes.done(A, None);
        assert_eq!((lanes.next(1000), lanes.next_timer()), (None, None));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_up_no_lane() {
        let lanes = Handle::default();
        for lane in [A, B] {
            lanes.message(lane);
        }
        assert_eq!((lanes.next(100_000), lanes.next(100_000)), (Some(A), Some(B)));
        lanes.done(A, Some(102_000));
        lanes.done(B, Some(105_000));
        assert_eq!(lanes.next(100_100), None);
        assert_eq!((lanes.next(10_000), lanes.next_timer()), (None, Some(11_900)));
        assert_eq!(lanes.next(11_900), Some(A));
        lanes.done(A, None);
        assert_eq!((lanes.next(11_900), lanes.next_timer()), (None, Some(14_900)));
        assert_eq!(lanes.next(14_900), Some(B));
    }

    #[test]
    fn a_lane_that_yields_to_a_block_is_called_again() {
        let lanes = Handle::default();
        lanes.message(A);
        assert_eq!(lanes.next(0), Some(A));
        assert!(!lanes.yields(A));
        let block = lanes.block(A);
        assert!(lanes.yields(A));
        lanes.done(A, None);
        assert_eq!(lanes.next(0), None, "blocked");
        drop(block);
        assert_eq!(lanes.next(0), Some(A));
    }

    #[test]
    fn a_blocked_lane_starts_when_the_block_falls() {
        let lanes = Handle::default();
        let block = lanes.block(A);
        lanes.message(A);
        assert_eq!(lanes.next(0), None);
        drop(block);
        assert_eq!(lanes.next(0), Some(A));
        lanes.done(A, None);
        drop(lanes.block(A));
        assert_eq!(lanes.next(0), None, "nothing came");
        assert!(lanes.with(|inner| inner.lanes.is_empty()), "nothing is remembered");
    }
}
