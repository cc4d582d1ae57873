//! Which of the operator's entries does an open platform need?

use crate::{
    channels::{
        common::settings::{Faults, Wants},
        contract::{Field, SettingFault},
    },
    settings::{AccountSettings, Security},
};

/// What the operator enters, in the order of the platform's console (开发配置 → 开发资料).
pub static FIELDS: &[Field] = &[
    Field {
        name: "app_id",
        secret: false,
        required: true,
        help_en: "AppID of the third-party platform",
        help_zh: "第三方平台的 AppID",
    },
    Field {
        name: "app_secret",
        secret: true,
        required: true,
        help_en: "AppSecret of the third-party platform",
        help_zh: "第三方平台的 AppSecret",
    },
    Field {
        name: "token",
        secret: true,
        required: true,
        help_en: "消息校验Token, one for both addresses",
        help_zh: "消息校验Token，两个接收URL共用",
    },
    Field {
        name: "encoding_aes_key",
        secret: true,
        required: true,
        help_en: "消息加解密Key, 43 characters",
        help_zh: "消息加解密Key，43 位",
    },
    Field {
        name: "auth_type",
        secret: false,
        required: false,
        help_en: "who may authorise: 1 official accounts, 2 mini-programs, 3 both (default), 6 all",
        help_zh: "可授权的账号类型：1 公众号，2 小程序，3 两者（默认），6 全部",
    },
];

pub static WANTS: Wants = Wants {
    noun: "an open platform",
    console: "开发资料",
    fields: FIELDS,
};

/// Official accounts and mini-programs.
pub const BOTH: u32 = 3;

/// What is wrong beyond what every channel with an AppID looks at.
pub fn check(settings: &AccountSettings) -> Result<(), Vec<SettingFault>> {
    let mut faults = Faults::default();
    if !settings.via.is_empty() {
        faults.push("via", &settings.via, "nothing: others are bound via an open platform");
    }
    if let Some(kind) = settings.auth_type.filter(|kind| !matches!(kind, 1..=6 | 8)) {
        faults.push("auth_type", kind.to_string(), "1, 2, 3 (both), 4, 5, 6 or 8");
    }
    if settings.security == Security::Plain || settings.plain_until.is_some() {
        faults.push("security", "plain", "\"encrypted\": an open platform has no plain mode");
    }
    if faults.0.is_empty() { Ok(()) } else { Err(faults.0) }
}
