//! What lies behind a URL that somebody gave us? Whoever implements it knows which addresses are forbidden.

use std::time::Duration;

use async_trait::async_trait;

/// A file from somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub content_type: String,
    /// The last segment of the path; may be empty.
    pub name: String,
}

/// Why a URL was not fetched. The texts never repeat the URL: it may carry a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    #[error("not a URL that may be fetched: {0}")]
    Forbidden(String),
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// The other side answered no: asking again will not help soon.
    #[error("the other side answered {0}")]
    Refused(u16),
    #[error("not reachable: {0}")]
    Unreachable(String),
}

/// Fetches what others point at.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    async fn fetch(&self, url: &str, max_bytes: usize, within: Duration) -> Result<Fetched, FetchFault>;
}
