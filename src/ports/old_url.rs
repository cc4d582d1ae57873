//! What does the system say that had an account before us? Asked as the platform would ask it.

use std::time::Duration;

use async_trait::async_trait;

/// Stands on what we hand on, so that nobody who gets it back hands it on again.
pub const MARK: &str = "wxbridge-passthrough";

/// A push as the platform made it, and the URL where it went before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    pub url: String,
    /// The raw query of the push: what the signature stands on.
    pub query: String,
    pub content_type: String,
    pub body: Vec<u8>,
}

/// What it answered, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub body: Vec<u8>,
}

#[async_trait]
pub trait OldUrl: Send + Sync + 'static {
    /// One try; an error says in words why there is no complete answer, and never repeats the URL.
    async fn hand(&self, push: &Push, within: Duration) -> Result<Answered, String>;
}
