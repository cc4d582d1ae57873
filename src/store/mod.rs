//! Where is it kept? Adapters of [`crate::ports::store::Store`].

pub mod ids;
pub mod sqlite;
