//! An account to try things with.

use crate::{secret::Secret, settings::AccountSettings};

/// The values of the public vectors.
pub fn settings() -> AccountSettings {
    AccountSettings {
        id: "desk".into(),
        channel: "wecom_app".into(),
        corp_id: "ww0123456789abcdef".into(),
        agent_id: "1000012".into(),
        secret: Secret::new("s3cret"),
        token: Secret::new("bridgeTok01"),
        encoding_aes_key: Secret::new("GPCHlXDghJjmrhhg3TqXdxTemktdtvO0f2dLeN5mfFA"),
        ..AccountSettings::default()
    }
}
