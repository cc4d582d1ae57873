//! What does every channel and every core agree on? The message schema, as types, as bytes and as canonical JSON.
//!
//! The types are generated from `proto/wxbridge/v1/wxbridge.proto`; they are the one model of the whole house.

pub mod composed;
pub mod distinct;
mod fields;
pub mod json;
pub mod json_schema;
mod list;
mod rendered;
pub mod rpc;
pub mod strict;
mod time;
mod written;

pub use list::ListValue;
pub use time::Timestamp;
pub use written::{Head, Says, Written};

/// Generated: `wxbridge.v1`.
#[allow(clippy::all, clippy::pedantic, clippy::unwrap_used)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/wxbridge.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/wxbridge.v1.serde.rs"));
}

/// The compiled descriptors, for tools that read them.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
/// The schema's own text.
pub const PROTO: &str = include_str!("../../proto/wxbridge/v1/wxbridge.proto");
