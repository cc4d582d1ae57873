//! What did the operator enter for one account? The `[[account]]` table of the contract, typed, secrets wrapped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// One `[[account]]`. Which fields a channel needs stands in its card; [`crate::channels::contract::Channel::open`] checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    pub id: String,
    pub channel: String,
    pub app_id: String,
    pub app_secret: Secret,
    pub token: Secret,
    pub encoding_aes_key: Secret,
    pub original_id: String,
    pub corp_id: String,
    pub agent_id: String,
    pub secret: Secret,
    pub via: String,
    pub open_kfids: Vec<String>,
    pub start: Option<String>,
    pub auth_type: Option<u32>,
    pub security: Security,
    /// RFC 3339: until then an encrypted account also takes plain bodies.
    pub plain_until: Option<chrono::DateTime<chrono::Utc>>,
    pub previous: Option<Previous>,
    /// Instead of `[platform]`'s host.
    pub api_base: String,
    pub platform_agents: PlatformAgents,
    pub hold: Hold,
    /// `stable` (default) or `classic`: which of the platform's two token calls is used.
    pub token_mode: TokenMode,
    /// Overrides of the dated figures, by trigger.
    pub quotas: BTreeMap<String, Quota>,
    pub welcome: Option<toml::Value>,
    pub passthrough: Option<Passthrough>,
    pub cloud_push: bool,
    pub text_html_breaks: bool,
    pub entry_json: bool,
    /// Media handle of the picture a card gets when it has none.
    pub default_thumb: String,
    /// Overrides of platform limits, e.g. `text_bytes`.
    pub limits: BTreeMap<String, u64>,
}

impl Default for AccountSettings {
    /// Nothing entered: encrypted, no platform agents, and HTML line breaks in a core's text become line ends.
    fn default() -> Self {
        Self {
            id: Default::default(),
            channel: Default::default(),
            app_id: Default::default(),
            app_secret: Default::default(),
            token: Default::default(),
            encoding_aes_key: Default::default(),
            original_id: Default::default(),
            corp_id: Default::default(),
            agent_id: Default::default(),
            secret: Default::default(),
            via: Default::default(),
            open_kfids: Default::default(),
            start: Default::default(),
            auth_type: Default::default(),
            security: Default::default(),
            plain_until: Default::default(),
            previous: Default::default(),
            api_base: Default::default(),
            platform_agents: Default::default(),
            hold: Default::default(),
            token_mode: Default::default(),
            quotas: Default::default(),
            welcome: Default::default(),
            passthrough: Default::default(),
            cloud_push: Default::default(),
            text_html_breaks: true,
            entry_json: Default::default(),
            default_thumb: Default::default(),
            limits: Default::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Serves 兼容 and 安全 mode; only the decrypted copy is believed.
    #[default]
    Encrypted,
    Plain,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlatformAgents {
    #[default]
    Forbid,
    Allow,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    #[default]
    One,
    /// Uses the platform's three attempts as one long window.
    Three,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenMode {
    #[default]
    Stable,
    Classic,
}

/// The system that had this account before: what the platform pushes here is handed to it too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passthrough {
    /// The callback URL that it had at the platform.
    pub url: String,
    pub mode: PassMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassMode {
    /// Its answers are only recorded, beside ours.
    #[default]
    Tee,
    /// Its answers are the platform's, as long as it gives lawful ones in time.
    Answer,
}

/// The values before a rotation, still honoured for `grace` after the new ones were first seen in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Previous {
    pub token: Secret,
    pub encoding_aes_key: Secret,
    /// A duration such as `24h`; empty = 24 h.
    pub grace: String,
    /// Set by us: when the new values were first seen in use, in milliseconds.
    pub new_seen_at: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    pub count: Option<u32>,
    pub window: String,
}

/// What `quotas` may name: the triggers that open an allowance somewhere.
pub const TRIGGERS: [&str; 5] = ["message", "menu", "scan", "follow", "enter"];

/// Whether `text` may be an account's id.
pub fn is_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && text.len() <= 63
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
}
