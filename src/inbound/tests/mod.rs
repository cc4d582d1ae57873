//! The inbound side over the real store, with a clock that stands still.

mod bells;
mod hold;
mod take;
mod three;
