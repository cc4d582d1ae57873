//! Which channels exist? THE REGISTRY: one line per channel.
//!
//! Everything that lists channels walks [`REGISTRY`]; nothing else names one.

pub mod common;
#[cfg(test)]
mod conformance_tests;
pub mod contract;
pub mod mini_program;
pub mod official_account;
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

/// The channel of that name.
pub fn named(name: &str) -> Option<&'static dyn Channel> {
    REGISTRY.iter().copied().find(|channel| channel.card().name == name)
}
