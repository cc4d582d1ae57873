//! Which of the operator's entries does an official account need?

use crate::channels::{
    common::settings::{VIA, Wants},
    contract::Field,
};

/// What the operator enters, in the order of the platform's console (基本配置).
pub static FIELDS: &[Field] = &[
    Field {
        name: "app_id",
        secret: false,
        required: true,
        help_en: "AppID, wx followed by 16 characters",
        help_zh: "开发者ID（AppID），以 wx 开头",
    },
    Field {
        name: "app_secret",
        secret: true,
        required: true,
        help_en: "AppSecret, for the customer-service API",
        help_zh: "开发者密码（AppSecret），用于调用客服接口",
    },
    Field {
        name: "token",
        secret: true,
        required: true,
        help_en: "the server configuration's Token, 3 to 32 letters and digits",
        help_zh: "服务器配置中的令牌（Token），3 到 32 位字母或数字",
    },
    Field {
        name: "encoding_aes_key",
        secret: true,
        required: true,
        help_en: "EncodingAESKey, 43 characters; may be left out with security = \"plain\"",
        help_zh: "消息加解密密钥（EncodingAESKey），43 位；security = \"plain\" 时可不填",
    },
    Field {
        name: "original_id",
        secret: false,
        required: false,
        help_en: "original id gh_…; when given, callbacks for any other receiver are set aside",
        help_zh: "原始ID（gh_…）；填写后，发给其他账号的回调会被隔离",
    },
    VIA,
];

pub static WANTS: Wants = Wants {
    noun: "an official account",
    console: "基本配置",
    fields: FIELDS,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        channels::common::settings,
        secret::Secret,
        settings::{AccountSettings, Previous, Security},
    };

    fn whole() -> AccountSettings {
        AccountSettings {
            id: "shop".into(),
            channel: "official_account".into(),
            app_id: "wxb11529c136998cb6".into(),
            app_secret: Secret::new("s3cret"),
            token: Secret::new("pamtest"),
            encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
            ..AccountSettings::default()
        }
    }

    fn faulty(settings: &AccountSettings) -> Vec<String> {
        settings::ready(settings, &WANTS)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|fault| fault.key)
            .collect()
    }

    #[test]
    fn a_whole_account_is_ready() {
        assert!(settings::ready(&whole(), &WANTS).is_ok());
    }

    #[test]
    fn every_fault_is_said_at_once_and_no_secret_with_it() {
        let settings = AccountSettings {
            app_id: "wx 1".into(),
            token: Secret::new("t!"),
            encoding_aes_key: Secret::new("abcde"),
            corp_id: "ww1".into(),
            api_base: "ftp://x".into(),
            previous: Some(Previous {
                encoding_aes_key: Secret::new("short"),
                grace: "soon".into(),
                ..Previous::default()
            }),
            ..AccountSettings::default()
        };
        let faults = settings::ready(&settings, &WANTS).err().expect("faulty");
        let keys: Vec<&str> = faults.iter().map(|fault| fault.key.as_str()).collect();
        for key in [
            "app_id",
            "app_secret",
            "token",
            "encoding_aes_key",
            "corp_id",
            "api_base",
            "previous.encoding_aes_key",
            "previous.grace",
        ] {
            assert!(keys.contains(&key), "{key} in {keys:?}");
        }
        assert!(
            faults
                .iter()
                .all(|fault| !fault.found.contains("abcde") && !fault.found.contains("short"))
        );
    }

    #[test]
    fn a_plain_account_needs_no_key() {
        let mut settings = whole();
        settings.encoding_aes_key = Secret::default();
        assert_eq!(faulty(&settings), ["encoding_aes_key"]);
        settings.security = Security::Plain;
        assert!(faulty(&settings).is_empty());
    }
}
