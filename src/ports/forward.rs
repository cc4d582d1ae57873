//! What is there to copy for other systems, and who carries it there? What is stored, as one list; one POST at a time.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    clock::Millis,
    store::{Message, Row, StoreError},
};
use crate::schema::v1;

/// How far somebody has read: the last row of each kind. Rows grow in commit order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub event: Row,
    pub message: Row,
    pub record: Row,
}

/// Which kinds of rows somebody wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    pub events: bool,
    pub messages: bool,
}

impl Place {
    /// Whether `tail` holds anything that was not read, in the kinds that are wanted.
    pub fn is_behind(&self, tail: &Place, streams: Streams) -> bool {
        (streams.events && self.event < tail.event)
            || (streams.messages && self.message < tail.message)
            || self.record < tail.record
    }
}

/// A record that a core made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    pub id: String,
    pub at: Millis,
    /// The name of its type.
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub conversation_key: String,
    /// An object, in the very words it came in.
    pub content: Box<serde_json::value::RawValue>,
}

#[derive(Clone, Debug)]
pub enum Item {
    Event(Box<v1::Event>),
    Message(Box<Message>),
    Made(Made),
}

/// One stored thing, in its place.
#[derive(Clone, Debug)]
pub struct Archived {
    /// When it was committed.
    pub at: Millis,
    pub item: Item,
    /// Behind it: everything before this was read too.
    pub place: Place,
}

/// What lies beyond a place, oldest first.
#[derive(Clone, Debug, Default)]
pub struct ArchivePage {
    pub items: Vec<Archived>,
    /// Behind all of it, and behind whatever is gone.
    pub place: Place,
    /// Rows that were forgotten before they were read.
    pub lost: u64,
}

/// Everything stored, for whoever walks it at a pace of its own. Reading it costs no commit anything.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// The end of everything.
    async fn tail(&self) -> Result<Place, StoreError>;
    /// What lies beyond `from`, in the order of its commits within each kind and by time among kinds; bounded in rows and in
    /// bytes. An empty page whose place is not `from` says that what was there is gone.
    async fn page(&self, from: Place, streams: Streams, rows: usize) -> Result<ArchivePage, StoreError>;
    /// Keeps a core's record.
    async fn keep(&self, made: Made) -> Result<Row, StoreError>;
    /// Forgets cores' records up to `through`, and those made before `before`.
    async fn forget(&self, through: Row, before: Millis) -> Result<u64, StoreError>;
}

/// One POST to a receiver, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    pub url: String,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// 2xx.
    Taken,
    /// Any other status; how long the receiver asks to wait.
    Refused { status: u16, after: Option<Millis> },
    /// No complete answer. The text never repeats the URL.
    Unreachable(String),
}

/// The way to receivers: addresses of the operator's own choice.
#[async_trait]
pub trait Receivers: Send + Sync + 'static {
    async fn post(&self, post: Post, within: Duration) -> Posted;
}
