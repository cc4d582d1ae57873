//! The inbound side over the real store, with a clock that stands still.

mod hold;
mod take;
mod three;
