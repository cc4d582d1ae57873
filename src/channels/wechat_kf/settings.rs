//! Which of the operator's entries does a credential of WeChat customer service need, and what is wrong with them?
//!
//! Two homes: inside WeCom a self-built app speaks for the accounts that its console lists under
//! 通过API管理微信客服账号, the stand-alone one has its own credentials (<https://developer.work.weixin.qq.com/document/path/94638>).
//! An app has one callback address: bound `via` that app's account, `kf_*` events come in there.

use std::sync::Arc;

use crate::{
    channels::{
        common::settings::{self as common, Faults, name_like},
        contract::{Field, SettingFault},
    },
    settings::{AccountSettings, Security},
};

/// What the operator enters, in the order of the consoles.
pub static FIELDS: &[Field] = &[
    Field {
        name: "corp_id",
        secret: false,
        required: true,
        help_en: "enterprise id, ww followed by 16 characters",
        help_zh: "企业ID，以 ww 开头",
    },
    Field {
        name: "secret",
        secret: true,
        required: false,
        help_en: "the app's Secret (inside WeCom), or the Secret of 开发配置 (kf.weixin.qq.com); not with via",
        help_zh: "联合版填写自建应用的 Secret，独立版填写“开发配置”中的 Secret；使用 via 时不填",
    },
    Field {
        name: "token",
        secret: true,
        required: false,
        help_en: "the callback's Token, 3 to 32 letters and digits; not with via",
        help_zh: "回调配置中的 Token，3 到 32 位字母或数字；使用 via 时不填",
    },
    Field {
        name: "encoding_aes_key",
        secret: true,
        required: false,
        help_en: "the callback's EncodingAESKey, 43 characters; not with via",
        help_zh: "回调配置中的 EncodingAESKey，43 位；使用 via 时不填",
    },
    Field {
        name: "via",
        secret: false,
        required: false,
        help_en: "id of the wecom_app account whose app serves these accounts, in place of the three above",
        help_zh: "为这些客服账号服务的 wecom_app 账号 ID，可代替以上三项",
    },
    Field {
        name: "open_kfids",
        secret: false,
        required: false,
        help_en: "the kf accounts to serve, wk…; left out: all that the app may manage",
        help_zh: "要接入的客服账号（wk…）；不填则接入全部可管理的客服账号",
    },
    Field {
        name: "start",
        secret: false,
        required: false,
        help_en: "latest (default): leave alone what was said before binding; earliest: read the last three days",
        help_zh: "latest（默认）：忽略绑定之前的消息；earliest：读取最近三天的消息",
    },
];

/// Everything of the settings that callbacks need, decoded; `None` where they come in at another account.
pub fn ready(settings: &AccountSettings) -> Result<Option<common::Ready>, Vec<SettingFault>> {
    let mut faults = Faults::default();
    if settings.corp_id.is_empty() {
        faults.missing("corp_id", "the 企业ID of the console, ww…");
    } else if !name_like(&settings.corp_id) {
        faults.push(
            "corp_id",
            &settings.corp_id,
            "an enterprise id: letters, digits, '_' and '-'",
        );
    }
    faults.strangers(settings, FIELDS, "a WeChat customer-service credential");
    faults.no_cloud(settings);
    faults.api_base(settings);
    faults.quotas(settings);
    if settings.security == Security::Plain || settings.plain_until.is_some() {
        faults.push("security", "plain", "\"encrypted\": WeCom has no plain mode");
    }
    if let Some(start) = settings
        .start
        .as_deref()
        .filter(|it| !matches!(*it, "latest" | "earliest"))
    {
        faults.push("start", start, "latest or earliest");
    }
    if settings.via.is_empty() {
        if settings.secret.is_empty() {
            faults.missing("secret", "the app's Secret, or via = \"<wecom_app account>\"");
        }
        return faults.ready(settings, &settings.corp_id).map(Some);
    }
    for (key, set) in [
        ("token", !settings.token.is_empty()),
        ("encoding_aes_key", !settings.encoding_aes_key.is_empty()),
    ] {
        if set {
            faults.push(key, "***", "nothing: callbacks come in at the account that via names");
        }
    }
    if faults.0.is_empty() { Ok(None) } else { Err(faults.0) }
}

/// The ids that the operator named.
pub fn named(settings: &AccountSettings) -> Arc<[String]> {
    settings.open_kfids.as_slice().into()
}
