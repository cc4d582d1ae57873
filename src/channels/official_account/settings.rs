//! Which of the operator's entries does an official account need, and what is wrong with them? Every fault at once.

use std::sync::Arc;

use crate::{
    channels::contract::{Field, SettingFault},
    envelope::cipher,
    ports::clock::Millis,
    secret::Secret,
    settings::{AccountSettings, Security},
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
];

/// The values one side of a rotation verifies and opens with.
#[derive(Clone)]
pub struct Keys {
    pub token: Option<Arc<str>>,
    pub key: Option<Arc<cipher::Key>>,
}

/// Everything of the settings that callbacks need, decoded.
pub struct Ready {
    pub app_id: Arc<str>,
    pub current: Keys,
    /// With the moment after which it is not honoured any more.
    pub previous: Option<(Keys, Option<Millis>)>,
    pub plain: bool,
    pub plain_until: Option<Millis>,
}

/// Decodes the settings, or says every fault.
pub fn ready(settings: &AccountSettings) -> Result<Ready, Vec<SettingFault>> {
    let mut faults = Faults::default();
    faults.identity(settings);
    faults.strangers(settings);
    faults.quotas(settings);
    let plain = settings.security == Security::Plain;
    let current = faults.keys("", &settings.token, &settings.encoding_aes_key, !plain);
    if settings.token.is_empty() {
        faults.missing("token", "3 to 32 letters and digits");
    }
    let previous = settings.previous.as_ref().map(|previous| {
        let keys = faults.keys("previous.", &previous.token, &previous.encoding_aes_key, false);
        let grace = faults.grace(&previous.grace);
        (keys, previous.new_seen_at.map(|seen| seen.saturating_add(grace)))
    });
    if !faults.0.is_empty() {
        return Err(faults.0);
    }
    Ok(Ready {
        app_id: settings.app_id.as_str().into(),
        current,
        previous,
        plain,
        plain_until: settings.plain_until.map(|until| until.timestamp_millis()),
    })
}

#[derive(Default)]
struct Faults(Vec<SettingFault>);

impl Faults {
    fn push(&mut self, key: impl Into<String>, found: impl Into<String>, expected: &str) {
        self.0.push(SettingFault {
            key: key.into(),
            found: found.into(),
            expected: expected.into(),
        });
    }

    fn missing(&mut self, key: &str, expected: &str) {
        self.push(key, "nothing", expected);
    }

    fn identity(&mut self, settings: &AccountSettings) {
        if settings.app_id.is_empty() {
            self.missing("app_id", "the AppID of the console's 基本配置 page");
        } else if !name_like(&settings.app_id) {
            self.push("app_id", &settings.app_id, "an AppID: letters, digits, '_' and '-'");
        }
        if settings.app_secret.is_empty() {
            self.missing("app_secret", "the AppSecret of the console's 基本配置 page");
        }
        if !settings.original_id.is_empty() && !name_like(&settings.original_id) {
            self.push(
                "original_id",
                &settings.original_id,
                "an original id such as gh_a1b2c3d4e5f6",
            );
        }
        let base = &settings.api_base;
        let http = url::Url::parse(base).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !base.is_empty() && !http {
            self.push("api_base", base, "an address that begins with http:// or https://");
        }
    }

    /// Fields of other channels: whoever writes them here means another channel.
    fn strangers(&mut self, settings: &AccountSettings) {
        let foreign = [
            ("corp_id", !settings.corp_id.is_empty(), settings.corp_id.clone()),
            ("agent_id", !settings.agent_id.is_empty(), settings.agent_id.clone()),
            ("secret", !settings.secret.is_empty(), "***".into()),
            (
                "open_kfids",
                !settings.open_kfids.is_empty(),
                settings.open_kfids.join(", "),
            ),
            (
                "start",
                settings.start.is_some(),
                settings.start.clone().unwrap_or_default(),
            ),
            (
                "auth_type",
                settings.auth_type.is_some(),
                settings.auth_type.map(|it| it.to_string()).unwrap_or_default(),
            ),
        ];
        for (key, set, found) in foreign {
            if set {
                self.push(key, found, "nothing: an official account has no such field");
            }
        }
        if !settings.via.is_empty() {
            self.push(
                "via",
                &settings.via,
                "nothing: authorisation through an open platform is not served by this version",
            );
        }
    }

    fn quotas(&mut self, settings: &AccountSettings) {
        for (trigger, quota) in &settings.quotas {
            if !TRIGGERS.contains(&trigger.as_str()) {
                self.push(
                    format!("quotas.{trigger}"),
                    trigger,
                    "one of message, menu, scan, follow",
                );
            }
            if !quota.window.is_empty() && humantime::parse_duration(&quota.window).is_err() {
                self.push(
                    format!("quotas.{trigger}.window"),
                    &quota.window,
                    "a duration such as \"48h\"",
                );
            }
        }
    }

    fn keys(&mut self, under: &str, token: &Secret, aes: &Secret, key_required: bool) -> Keys {
        let given = token.expose();
        let lawful = (3..=32).contains(&given.len()) && given.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !given.is_empty() && !lawful {
            self.push(format!("{under}token"), "***", "3 to 32 letters and digits");
        }
        let key = match aes.expose() {
            "" if key_required => {
                self.missing(
                    &format!("{under}encoding_aes_key"),
                    "43 characters, or security = \"plain\"",
                );
                None
            }
            "" => None,
            text => cipher::key(text)
                .map_err(|_| {
                    let found = format!("*** ({} characters)", text.chars().count());
                    self.push(format!("{under}encoding_aes_key"), found, "exactly 43 of a-z A-Z 0-9");
                })
                .ok(),
        };
        Keys {
            token: (!given.is_empty()).then(|| given.into()),
            key: key.map(Arc::new),
        }
    }

    fn grace(&mut self, text: &str) -> Millis {
        if text.is_empty() {
            return DEFAULT_GRACE;
        }
        match humantime::parse_duration(text) {
            Ok(grace) => Millis::try_from(grace.as_millis()).unwrap_or(Millis::MAX),
            Err(_) => {
                self.push("previous.grace", text, "a duration such as \"24h\"");
                DEFAULT_GRACE
            }
        }
    }
}

fn name_like(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

const DEFAULT_GRACE: Millis = 24 * 3600 * 1000;
const TRIGGERS: &[&str] = &["message", "menu", "scan", "follow"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Previous;

    pub fn whole() -> AccountSettings {
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
        ready(settings)
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|fault| fault.key)
            .collect()
    }

    #[test]
    fn a_whole_account_is_ready() {
        assert!(ready(&whole()).is_ok());
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
        let faults = ready(&settings).err().expect("faulty");
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
