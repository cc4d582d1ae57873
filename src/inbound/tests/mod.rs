//! The inbound side over the real store, with a clock that stands still.

mod addresses;
mod bells;
mod cloud;
mod hold;
mod passing;
mod take;
mod three;
