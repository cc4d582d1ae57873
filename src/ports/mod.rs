//! What do we need from outside, and from each other across a seam? Traits and the data that crosses them.

pub mod chance;
pub mod clock;
pub mod core;
pub mod feed;
pub mod fetch;
pub mod forward;
pub mod old_url;
pub mod platform;
pub mod pull;
pub mod store;
pub mod turn;
