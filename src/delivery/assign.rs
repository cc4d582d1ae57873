//! Who takes what waits? At start-up, and when an account is paused or resumed: the first core whose rule fits, or nobody.

use std::{collections::HashMap, sync::Arc};

use super::ledger::Ledger;
use crate::{
    cores::Cores,
    ports::store::{ConversationId, StoreError, Waiting},
    schema::v1,
};

/// Conversations given away in one commit.
const BATCH: usize = 1_000;

/// Whose conversation is it? By the account of its key, and whether that account's events wait.
pub trait Owners: Sync {
    /// `None`: it is not bound any more.
    fn account(&self, key: &str) -> Option<v1::Account>;
    fn is_paused(&self, account: &str) -> bool;
}

/// Gives waiting conversations that have no core, or one that is no longer configured, to the core whose rule fits, and
/// takes those of paused accounts from theirs; returns how many changed hands.
pub async fn assign(ledger: &dyn Ledger, cores: &Cores, owners: &dyn Owners) -> Result<usize, StoreError> {
    let mut given: HashMap<Arc<str>, Vec<ConversationId>> = HashMap::new();
    for waiting in ledger.backlog().await? {
        if let Some(core) = taker(&waiting, cores, owners) {
            given.entry(core).or_default().push(waiting.conversation);
        }
    }
    let mut count = 0;
    for (core, conversations) in given {
        count += conversations.len();
        match &*core {
            "" => tracing::info!(
                conversations = conversations.len(),
                "conversations of paused accounts wait"
            ),
            _ => tracing::info!(%core, conversations = conversations.len(), "waiting conversations got a core"),
        }
        for batch in conversations.chunks(BATCH) {
            ledger.reassign(batch.to_vec(), core.clone()).await?;
        }
    }
    Ok(count)
}

/// Who takes it from now on; `None`: who does already.
fn taker(waiting: &Waiting, cores: &Cores, owners: &dyn Owners) -> Option<Arc<str>> {
    let account = owners.account(&waiting.key);
    if account.as_ref().is_some_and(|account| owners.is_paused(&account.id)) {
        return waiting.core.is_some().then(|| Arc::from(""));
    }
    if waiting.core.as_ref().is_some_and(|core| cores.named(core).is_some()) {
        return None;
    }
    match account {
        Some(account) => cores.for_account(&account).map(|core| core.name.clone()),
        // The account was removed, and with it the pause in which this came: it goes where it would have gone without one.
        None => waiting
            .core_before_pause
            .clone()
            .filter(|core| cores.named(core).is_some()),
    }
}
