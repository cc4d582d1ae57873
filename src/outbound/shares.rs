//! How many lanes of one account run at a time? Its share, so that a platform that hangs for one keeps no other waiting.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, PoisonError},
};

use super::lanes::Handle;
use crate::ports::store::ConversationId;

/// Lanes of one account at the same time.
const SHARE: usize = 64;

/// Who runs, and who waits for its account's share.
#[derive(Default)]
pub struct Shares(Mutex<HashMap<String, Account>>);

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
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = accounts.entry(account.to_owned()).or_default();
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

    fn give_back(&self, account: &str) -> Option<ConversationId> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = accounts.get_mut(account)?;
        of.running -= 1;
        if of.running == 0 && of.waiting.is_empty() {
            accounts.remove(account);
            return None;
        }
        let behind = of
            .last
            .and_then(|last| of.waiting.range((Excluded(last), Unbounded)).next());
        let next = behind.or(of.waiting.first()).copied()?;
        of.waiting.remove(&next);
        of.last = Some(next);
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
        if let Some(next) = self.shares.give_back(&self.account) {
            self.lanes.message(next);
        }
    }
}
