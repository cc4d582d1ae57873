//! What must a channel be able to do whose platform tells who a customer is only when it is asked?

use std::collections::BTreeMap;

use super::{Answer, Call, PullFault};

/// How customers are asked about, several in one call.
pub trait Faces: Send + Sync {
    /// So many in one call.
    fn at_once(&self) -> usize;
    /// Asks who these customers are.
    fn who(&self, ids: &[&str]) -> Call;
    /// Those whom the platform knows.
    fn read_who(&self, answer: &Answer) -> Result<Vec<Profile>, PullFault>;
}

/// Who a customer is, as far as the platform tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// As items name the customer.
    pub id: String,
    /// `unionid`, where it is given.
    pub aliases: BTreeMap<String, String>,
    pub display_name: String,
    pub avatar_url: String,
}
