//! How is something said? What the renderers of several channels share.

pub mod instead;
pub mod linked;
pub mod links;
pub mod out;
pub mod send;
pub mod words;
pub mod xml;
