//! How does a token lie in the store? Sealed, by whoever owns the master key: two functions passed in.

use std::sync::Arc;

use crate::vault;

/// Where sealed tokens lie in the store.
pub const SPACE: &str = "platform_tokens";

/// One of the two: `None` where it cannot be done.
pub type Turn = Arc<dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// Seals and opens records; the first argument is the row's name, which is bound into the seal.
#[derive(Clone)]
pub struct Vault {
    pub seal: Turn,
    pub open: Turn,
}

impl From<Arc<vault::Vault>> for Vault {
    fn from(keys: Arc<vault::Vault>) -> Self {
        let opening = keys.clone();
        Self {
            seal: Arc::new(move |key, plain| keys.seal(SPACE, key, plain).ok()),
            open: Arc::new(move |key, sealed| opening.unseal(SPACE, key, sealed).ok().map(|plain| plain.to_vec())),
        }
    }
}
