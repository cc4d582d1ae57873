//! Which of the operator's entries does a WeCom application need?

use crate::{
    channels::{
        common::settings::{Faults, Ready, name_like},
        contract::{Field, SettingFault},
    },
    settings::{AccountSettings, Hold, Security},
};

/// What the operator enters, in the order of the admin console (管理后台).
pub static FIELDS: &[Field] = &[
    Field {
        name: "corp_id",
        secret: false,
        required: true,
        help_en: "CorpID, ww followed by 16 characters: admin console, 我的企业 → 企业信息 → 企业ID",
        help_zh: "企业ID（CorpID），以 ww 开头：管理后台 → 我的企业 → 企业信息",
    },
    Field {
        name: "agent_id",
        secret: false,
        required: true,
        help_en: "AgentId, a number: admin console, 应用管理 → the application",
        help_zh: "应用的AgentId（数字）：管理后台 → 应用管理 → 应用详情",
    },
    Field {
        name: "secret",
        secret: true,
        required: true,
        help_en: "the application's Secret, on the same page; it belongs to this application alone",
        help_zh: "应用的Secret（同一页面），仅属于该应用",
    },
    Field {
        name: "token",
        secret: true,
        required: true,
        help_en: "Token of 接收消息 → 设置API接收, 3 to 32 letters and digits",
        help_zh: "“接收消息 → 设置API接收”中的Token，3 到 32 位字母或数字",
    },
    Field {
        name: "encoding_aes_key",
        secret: true,
        required: true,
        help_en: "EncodingAESKey of the same page, 43 characters",
        help_zh: "同一页面的EncodingAESKey，43 位",
    },
];

/// Decodes the settings, or says every fault.
pub fn ready(settings: &AccountSettings) -> Result<Ready, Vec<SettingFault>> {
    let mut faults = Faults::default();
    identity(&mut faults, settings);
    faults.strangers(settings, FIELDS, "a WeCom application");
    if !settings.via.is_empty() {
        let expected = "nothing: a WeCom application has its own callback and Secret";
        faults.push("via", &settings.via, expected);
    }
    faults.api_base(settings);
    faults.no_cloud(settings);
    faults.quotas(settings);
    always_sealed(&mut faults, settings);
    let ready = faults.ready(settings, &settings.corp_id);
    ready.map_err(|found| found.into_iter().map(without_plain).collect())
}

fn identity(faults: &mut Faults, settings: &AccountSettings) {
    if settings.corp_id.is_empty() {
        faults.missing("corp_id", "the CorpID: admin console, 我的企业 → 企业信息 → 企业ID");
    } else if !name_like(&settings.corp_id) {
        faults.push("corp_id", &settings.corp_id, "a CorpID: letters, digits, '_' and '-'");
    }
    if settings.agent_id.is_empty() {
        faults.missing("agent_id", "the AgentId: admin console, 应用管理 → the application");
    } else if agent(settings).is_none() {
        faults.push("agent_id", &settings.agent_id, "a number such as 1000002");
    }
    if settings.secret.is_empty() {
        faults.missing("secret", "the Secret: admin console, 应用管理 → the application");
    }
}

/// WeCom knows no callbacks in the clear, and no window of three attempts is documented.
fn always_sealed(faults: &mut Faults, settings: &AccountSettings) {
    if settings.security == Security::Plain {
        faults.push("security", "plain", "\"encrypted\": WeCom seals every callback");
    }
    if let Some(until) = settings.plain_until {
        faults.push("plain_until", until.to_rfc3339(), "nothing: WeCom seals every callback");
    }
    if settings.hold == Hold::Three {
        faults.push("hold", "three", "\"one\": WeCom documents no window of three attempts");
    }
}

/// The way out that other channels have is none here.
fn without_plain(mut fault: SettingFault) -> SettingFault {
    fault.expected = fault.expected.replace(", or security = \"plain\"", "");
    fault
}

/// The AgentId, written as the platform writes it.
pub fn agent(settings: &AccountSettings) -> Option<u32> {
    let text = settings.agent_id.as_str();
    let canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{channels::wecom_app::testing::settings as whole, secret::Secret, settings::Previous};

    fn faulty(settings: &AccountSettings) -> Vec<String> {
        let faults = ready(settings).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.key).collect()
    }

    #[test]
    fn a_whole_account_is_ready_and_its_corp_is_the_receiver() {
        assert_eq!(
            ready(&whole()).map(|it| it.receiver.to_string()).ok(),
            Some(whole().corp_id)
        );
    }

    #[test]
    fn every_fault_is_said_at_once_and_no_secret_with_it() {
        let settings = AccountSettings {
            app_id: "wx1".into(),
            corp_id: "ww 1".into(),
            agent_id: "0x1".into(),
            token: Secret::new("t!"),
            encoding_aes_key: Secret::default(),
            via: "open".into(),
            security: Security::Plain,
            plain_until: Some(chrono::DateTime::UNIX_EPOCH),
            hold: Hold::Three,
            previous: Some(Previous {
                encoding_aes_key: Secret::new("short"),
                grace: "soon".into(),
                ..Previous::default()
            }),
            ..AccountSettings::default()
        };
        let keys = faulty(&settings);
        for key in [
            "corp_id",
            "agent_id",
            "secret",
            "token",
            "app_id",
            "via",
            "security",
            "plain_until",
            "hold",
            "previous.encoding_aes_key",
            "previous.grace",
        ] {
            assert!(keys.contains(&key.to_owned()), "{key} in {keys:?}");
        }
        let told = format!("{:?}", ready(&settings).err());
        assert!(!told.contains("t!") && !told.contains("short"), "{told}");
        let no_key = AccountSettings {
            encoding_aes_key: Secret::default(),
            ..whole()
        };
        let fault = ready(&no_key).err().and_then(|faults| faults.into_iter().next());
        assert_eq!(fault.map(|it| it.expected), Some("43 characters".into()));
    }

    #[test]
    fn an_agent_is_a_number_as_the_console_shows_it() {
        for (text, lawful) in [
            ("1000002", true),
            ("1", true),
            ("0", false),
            ("007", false),
            ("-1", false),
            ("99999999999", false),
        ] {
            let settings = AccountSettings {
                agent_id: text.into(),
                ..whole()
            };
            assert_eq!(faulty(&settings).is_empty(), lawful, "{text}");
        }
    }
}
