//! What are the figures?

use crate::{channels::contract::AllowanceRule, schema::v1, settings::AccountSettings};
pub fn capabilities(_: &v1::Account) -> v1::Capabilities {
    v1::Capabilities::default()
}
pub fn allowance(_: &AccountSettings, _: &str) -> Option<AllowanceRule> {
    None
}
