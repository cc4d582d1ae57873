//! How does an official account behave? What its customers do, what it may send.

mod deeds;
mod send;

pub use self::{deeds::deed, send::shown};
