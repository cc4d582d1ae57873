//! What lies behind a URL that somebody gave us? Whoever implements it knows which addresses are forbidden.

use std::{pin::Pin, time::Duration};

use async_trait::async_trait;
use futures_util::{Stream, stream};

/// A file from somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub bytes: Vec<u8>,
    pub content_type: String,
    /// The last segment of the path; may be empty.
    pub name: String,
}

/// A body as it comes, piece by piece; an error says in words why it broke off.
pub type Bytes = Pin<Box<dyn Stream<Item = Result<bytes::Bytes, String>> + Send>>;

/// A file on its way: what was announced of it, and its bytes as they come. Nothing of it is held in memory, nothing of it
/// need be true.
pub struct Incoming {
    pub content_type: String,
    /// As the other side names it; may be empty.
    pub name: String,
    /// The announced length.
    pub length: Option<u64>,
    pub bytes: Bytes,
}

impl Incoming {
    /// A file that is there already.
    pub fn whole(content_type: String, name: String, bytes: Vec<u8>) -> Self {
        Self {
            content_type,
            name,
            length: Some(bytes.len() as u64),
            bytes: Box::pin(stream::iter([Ok(bytes.into())])),
        }
    }
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
    /// Its bytes are not the file's.
    #[error("it comes compressed ({0}), though it was asked for as it is")]
    Encoded(String),
    #[error("not reachable: {0}")]
    Unreachable(String),
}

/// Fetches what others point at.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    async fn fetch(&self, url: &str, max_bytes: usize, within: Duration) -> Result<Fetched, FetchFault>;

    /// The same, streamed: returns with the head of the answer, `within` is for that. How much is read, and how long, is the
    /// caller's to end; what announces more than `max_bytes` is refused at once.
    async fn open(&self, url: &str, max_bytes: u64, within: Duration) -> Result<Incoming, FetchFault> {
        let most = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let file = self.fetch(url, most, within).await?;
        Ok(Incoming::whole(file.content_type, file.name, file.bytes))
    }
}
