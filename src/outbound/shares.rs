//! How many lanes of one account run at a time? Its share, so that a platform that hangs for one keeps no other waiting.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::lanes::Handle;
use crate::ports::store::ConversationId;

/// Lanes of one account at the same time.
pub(super) const SHARE: usize = 64;

/// Who runs, and who waits for its account's share.
#[derive(Default)]
pub struct Shares(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    accounts: HashMap<String, Account>,
    /// Woken because their account has a share for them, and not here yet.
    woken: HashMap<ConversationId, String>,
}

#[derive(Default)]
struct Account {
    running: usize,
    waiting: BTreeSet<ConversationId>,
    /// Whose turn it was last: the next one comes behind it.
    last: Option<ConversationId>,
}

impl Shares {
    /// Where it has none, the lane is woken when one is free.
    pub fn take(self: &Arc<Self>, account: &str, conversation: ConversationId, lanes: &Handle) -> Option<Share> {
        let mut inner = self.lock();
        inner.woken.remove(&conversation);
        let of = inner.accounts.entry(account.to_owned()).or_default();
        if of.running >= SHARE {
            of.waiting.insert(conversation);
            return None;
        }
        of.running += 1;
        of.waiting.remove(&conversation);
        Some(Share {
            shares: self.clone(),
            account: account.to_owned(),
            lanes: lanes.clone(),
        })
    }

    /// A lane has nothing to send now. Where it was woken for a share, the next one is.
    pub fn pass_on(&self, conversation: ConversationId, lanes: &Handle) {
        let next = {
            let mut inner = self.lock();
            let account = inner.woken.remove(&conversation);
            account.and_then(|account| inner.wake(&account))
        };
        if let Some(next) = next {
            lanes.message(next);
        }
    }

    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.accounts.is_empty() && inner.woken.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn give_back(&mut self, account: &str) -> Option<ConversationId> {
        let of = self.accounts.get_mut(account)?;
        of.running -= 1;
        self.wake(account)
    }

    /// The next that waits, where there is a share for it.
    fn wake(&mut self, account: &str) -> Option<ConversationId> {
        let of = self.accounts.get_mut(account)?;
        if of.running >= SHARE {
            return None;
        }
        let behind = of
            .last
            .and_then(|last| of.waiting.range((Excluded(last), Unbounded)).next());
        let Some(next) = behind.or(of.waiting.first()).copied() else {
            if of.running == 0 {
                self.accounts.remove(account);
            }
            return None;
        };
        of.waiting.remove(&next);
        of.last = Some(next);
        self.woken.insert(next, account.to_owned());
        Some(next)
    }
}

/// One lane's; given back when dropped.
pub struct Share {
    shares: Arc<Shares>,
    account: String,
    lanes: Handle,
}

impl Drop for Share {
    fn drop(&mut self) {
        let next = self.shares.lock().give_back(&self.account);
        if let Some(next) = next {
            self.lanes.message(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lanes of one account that have their share, and two that wait.
    fn full() -> (Arc<Shares>, Handle, Vec<Share>) {
        let (shares, lanes) = (Arc::new(Shares::default()), Handle::default());
        let take = |id| shares.take("one", ConversationId(id), &lanes);
        let taken: Vec<Share> = (0..64).filter_map(take).collect();
        assert_eq!(taken.len(), 64);
        assert!(take(100).is_none() && take(101).is_none());
        (shares, lanes, taken)
    }

    #[test]
    fn another_account_has_its_own() {
        let (shares, lanes, _taken) = full();
        assert!(shares.take("two", ConversationId(200), &lanes).is_some());
    }

    #[test]
    fn who_waits_is_woken_in_turn() {
        let (shares, lanes, mut taken) = full();
        assert_eq!(lanes.next(0), None);
        taken.pop();
        assert_eq!(lanes.next(0), Some(ConversationId(100)));
        let share = shares.take("one", ConversationId(100), &lanes).expect("free");
        assert!(
            shares.take("one", ConversationId(100), &lanes).is_none(),
            "there is no more"
        );
        drop(share);
        assert_eq!(lanes.next(0), Some(ConversationId(101)), "behind the last one");
    }

    #[test]
    fn a_share_that_is_not_needed_is_passed_on() {
        let (shares, lanes, mut taken) = full();
        taken.pop();
        assert_eq!(lanes.next(0), Some(ConversationId(100)));
        shares.pass_on(ConversationId(100), &lanes);
        assert_eq!(lanes.next(0), Some(ConversationId(101)));
        shares.pass_on(ConversationId(101), &lanes);
        shares.pass_on(ConversationId(101), &lanes);
        assert_eq!(lanes.next(0), None);
        drop(taken);
        let inner = shares.lock();
        assert!(inner.accounts.is_empty() && inner.woken.is_empty(), "nothing is left");
    }
}
