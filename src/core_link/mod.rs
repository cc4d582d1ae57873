//! How does an event travel to a core and what does the answer mean? HTTP push: CloudEvents, Standard Webhooks.
//!
//! One attempt only; when to make it and what follows from it is [`crate::delivery`]'s.

pub mod answer;
pub mod cloudevents;
pub mod http;
pub mod signing;

pub use http::{HttpLink, LinkError};
