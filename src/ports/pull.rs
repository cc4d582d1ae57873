//! Who is told that something waits to be pulled? Between the callback that rings and the one who walks to the platform.

use async_trait::async_trait;

use super::store::StoreError;
use crate::channels::contract::Bell;

/// Hears the platform's bells.
#[async_trait]
pub trait Bells: Send + Sync + 'static {
    /// Durable when it returns: a bell that was answered is not forgotten by a crash.
    async fn ring(&self, account: &str, bell: Bell) -> Result<(), StoreError>;

    /// Which places the account has may have changed. Nothing need be kept: every start asks anew.
    fn changed(&self, _account: &str) {}
}
