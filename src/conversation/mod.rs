//! What is the state of one conversation, and what does an event do to it? Pure: no store, no clock.
//!
//! Both stores keep [`State`] and apply the same functions inside their transactions.

pub mod key;
pub mod ledger;

pub use ledger::{Grant, Ledger};

use crate::{ports::clock::Millis, schema::v1};

/// What the installation's configuration says about conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// A session ends this long after the customer's last act.
    pub session_idle: Millis,
}

/// The durable state of one conversation.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct State {
    /// As the schema shows it; `session_state`, `servicer` and times included.
    #[prost(message, optional, tag = "1")]
    pub conversation: Option<v1::Conversation>,
    /// The last sequence number given out.
    #[prost(uint32, tag = "2")]
    pub seq: u32,
    /// The epoch that `seq` counts in.
    #[prost(uint32, tag = "3")]
    pub epoch: u32,
    #[prost(message, optional, tag = "4")]
    pub entry: Option<v1::Entry>,
    #[prost(message, optional, tag = "5")]
    pub ledger: Option<Ledger>,
    /// Newest time the platform claimed here.
    #[prost(int64, tag = "6")]
    pub last_platform_time: i64,
    /// The core that takes it; empty = nobody yet.
    #[prost(string, tag = "7")]
    pub core: String,
    /// When the customer last acted: idle sessions end by it.
    #[prost(int64, tag = "8")]
    pub last_act: i64,
}
