//! How do bytes look on the wire? The simulator's own sealing, XML, multipart and file kinds.

pub mod file;
pub mod multipart;
pub mod seal;
pub mod xml;
