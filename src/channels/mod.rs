//! Which channels exist? THE REGISTRY: one line per channel.
//!
//! Everything that lists channels walks [`REGISTRY`]; nothing else names one. Kinds of accounts without customers stand in
//! [`AUTHORITIES`].

pub mod common;
#[cfg(test)]
mod conformance_tests;
pub mod contract;
pub mod mini_program;
pub mod official_account;
pub mod open_platform;
pub mod wechat_kf;
pub mod wecom_app;

use contract::Channel;

/// Every channel there is.
pub static REGISTRY: &[&dyn Channel] = &[
    &official_account::CHANNEL,
    &mini_program::CHANNEL,
    &wecom_app::CHANNEL,
    &wechat_kf::CHANNEL,
];

/// Kinds of accounts without customers: others are bound via them by a scan.
pub static AUTHORITIES: &[&dyn Channel] = &[&open_platform::CHANNEL];

/// Every kind of account that can be entered.
pub fn all() -> impl Iterator<Item = &'static dyn Channel> {
    REGISTRY.iter().chain(AUTHORITIES).copied()
}

/// Whether accounts of this channel that are bound via another one are so because somebody authorised it.
pub fn is_authorised(channel: &str) -> bool {
    let via = named(channel).map_or(&[][..], |channel| channel.via());
    AUTHORITIES.iter().any(|authority| via.contains(&authority.card().name))
}

/// The channel of that name.
pub fn named(name: &str) -> Option<&'static dyn Channel> {
    all().find(|channel| channel.card().name == name)
}
