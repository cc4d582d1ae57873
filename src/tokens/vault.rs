//! How does a token lie in the store? Sealed, by whoever owns the master key: two functions passed in.

use std::sync::Arc;

/// One of the two: `None` where it cannot be done.
pub type Turn = Arc<dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// Seals and opens records; the first argument is the row's name, which is bound into the seal.
#[derive(Clone)]
pub struct Vault {
    pub seal: Turn,
    pub open: Turn,
}
