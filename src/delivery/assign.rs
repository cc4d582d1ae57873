//! Who takes what nobody takes yet? At start-up, conversations without a core get the first one whose rule fits.

use std::{collections::HashMap, sync::Arc};

use super::ledger::Ledger;
use crate::{
    cores::Cores,
    ports::store::{ConversationId, StoreError},
    schema::v1,
};

/// Conversations given away in one commit.
const BATCH: usize = 1_000;

/// Gives waiting conversations that have no core, or one that is no longer configured, to the core whose rule fits;
/// returns how many. `account_of` knows the account of a conversation key.
pub async fn assign(
    ledger: &dyn Ledger,
    cores: &Cores,
    account_of: &(dyn Fn(&str) -> Option<v1::Account> + Send + Sync),
) -> Result<usize, StoreError> {
    let mut given: HashMap<Arc<str>, Vec<ConversationId>> = HashMap::new();
    for waiting in ledger.backlog().await? {
        if waiting.core.as_ref().is_some_and(|core| cores.named(core).is_some()) {
            continue;
        }
        let account = account_of(&waiting.key);
        if let Some(core) = account.as_ref().and_then(|account| cores.for_account(account)) {
            given.entry(core.name.clone()).or_default().push(waiting.conversation);
        }
    }
    let mut count = 0;
    for (core, conversations) in given {
        count += conversations.len();
        tracing::info!(%core, conversations = conversations.len(), "waiting conversations got a core");
        for batch in conversations.chunks(BATCH) {
            ledger.reassign(batch.to_vec(), core.clone()).await?;
        }
    }
    Ok(count)
}
