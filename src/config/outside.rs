//! What does a configuration name that stands elsewhere? Certificates, keys and key rings are files of their own: whoever can
//! read them says what is wrong with them, and that is told with everything else, where the file was named.

use super::{Store, Tls};
use crate::cores::Core;

/// What is wrong with a place that a section names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// The key that led there.
    pub key: &'static str,
    pub found: String,
    pub expected: &'static str,
}

/// Looks at what is named. `Err` is what is wrong with it, for an operator.
pub trait Outside: Sync {
    fn tls(&self, tls: &Tls) -> Result<(), String>;

    /// What a core is called with.
    fn core(&self, core: &Core) -> Result<(), String>;

    /// Its folder and key ring.
    fn store(&self, store: &Store) -> Result<(), Misplaced>;
}
