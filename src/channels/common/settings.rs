//! What did the operator enter, decoded, and what is wrong with it? Every fault at once.

use std::sync::Arc;

use crate::{
    channels::contract::{Field, SettingFault},
    envelope::cipher,
    ports::clock::Millis,
    secret::Secret,
    settings::{AccountSettings, Security, TRIGGERS},
};

/// The values one side of a rotation verifies and opens with.
#[derive(Clone)]
pub struct Keys {
    pub token: Option<Arc<str>>,
    pub key: Option<Arc<cipher::Key>>,
}

/// Everything of the settings that callbacks need, decoded.
pub struct Ready {
    /// The id that sealed messages end with: the app id, or the corp id.
    pub receiver: Arc<str>,
    pub current: Keys,
    /// With the moment after which it is not honoured any more.
    pub previous: Option<(Keys, Option<Millis>)>,
    pub plain: bool,
    pub plain_until: Option<Millis>,
}

/// What a channel with an AppID on `api.weixin.qq.com` wants of its settings.
pub struct Wants {
    /// Of whom one speaks: `an official account`.
    pub noun: &'static str,
    /// Where AppID and AppSecret stand in the console.
    pub console: &'static str,
    pub fields: &'static [Field],
}

/// Instead of everything that is secret.
pub const VIA: Field = Field {
    name: "via",
    secret: false,
    required: false,
    help_en: "id of the open_platform account that this one is authorised to, in place of secret, token and key",
    help_zh: "已授权的 open_platform 账号 ID，可代替密钥、令牌与消息加解密密钥",
};

/// Decodes the settings of a channel with an AppID, or says every fault. `None`: callbacks come in at the account that
/// `via` names.
pub fn ready(settings: &AccountSettings, wants: &Wants) -> Result<Option<Ready>, Vec<SettingFault>> {
    let mut faults = Faults::default();
    faults.identity(settings, wants.console);
    faults.strangers(settings, wants.fields, wants.noun);
    faults.api_base(settings);
    faults.quotas(settings);
    if settings.via.is_empty() {
        return faults.ready(settings, &settings.app_id).map(Some);
    }
    faults.borrowed(settings);
    if faults.0.is_empty() { Ok(None) } else { Err(faults.0) }
}

/// Collects faults.
#[derive(Default)]
pub struct Faults(pub Vec<SettingFault>);

impl Faults {
    pub fn push(&mut self, key: impl Into<String>, found: impl Into<String>, expected: impl Into<String>) {
        self.0.push(SettingFault {
            key: key.into(),
            found: found.into(),
            expected: expected.into(),
        });
    }

    pub fn missing(&mut self, key: &str, expected: impl Into<String>) {
        self.push(key, "nothing", expected);
    }

    /// Token, key and rotation, sealed for `receiver`; with what was found before, every fault.
    pub fn ready(mut self, settings: &AccountSettings, receiver: &str) -> Result<Ready, Vec<SettingFault>> {
        // What only cloud hosting pushes is signed with nothing.
        let plain = settings.security == Security::Plain;
        let bare = plain || settings.cloud_push;
        let current = self.keys("", &settings.token, &settings.encoding_aes_key, !bare);
        if settings.token.is_empty() && !settings.cloud_push {
            self.missing("token", "3 to 32 letters and digits");
        }
        let previous = settings.previous.as_ref().map(|previous| {
            let keys = self.keys("previous.", &previous.token, &previous.encoding_aes_key, false);
            let grace = self.grace(&previous.grace);
            (keys, previous.new_seen_at.map(|seen| seen.saturating_add(grace)))
        });
        if !self.0.is_empty() {
            return Err(self.0);
        }
        Ok(Ready {
            receiver: receiver.into(),
            current,
            previous,
            plain,
            plain_until: settings.plain_until.map(|until| until.timestamp_millis()),
        })
    }

    fn identity(&mut self, settings: &AccountSettings, console: &str) {
        if settings.app_id.is_empty() {
            self.missing("app_id", format!("the AppID of the console's {console} page"));
        } else if !name_like(&settings.app_id) {
            self.push("app_id", &settings.app_id, "an AppID: letters, digits, '_' and '-'");
        }
        if settings.app_secret.is_empty() && settings.via.is_empty() {
            self.missing("app_secret", format!("the AppSecret of the console's {console} page"));
        }
        if !settings.original_id.is_empty() && !name_like(&settings.original_id) {
            let expected = "an original id such as gh_a1b2c3d4e5f6";
            self.push("original_id", &settings.original_id, expected);
        }
    }

    /// What an account that is bound via another one has there.
    pub fn borrowed(&mut self, settings: &AccountSettings) {
        let own = [
            ("app_secret", !settings.app_secret.is_empty()),
            ("token", !settings.token.is_empty()),
            ("encoding_aes_key", !settings.encoding_aes_key.is_empty()),
            ("previous", settings.previous.is_some()),
        ];
        for (key, _) in own.into_iter().filter(|(_, set)| *set) {
            self.push(key, "***", "nothing: the account that via names has it");
        }
        if settings.security == Security::Plain || settings.plain_until.is_some() {
            self.push(
                "security",
                "plain",
                "\"encrypted\": what comes via an open platform is always sealed",
            );
        }
    }

    /// For channels that cloud hosting has no pushes of.
    pub fn no_cloud(&mut self, settings: &AccountSettings) {
        if settings.cloud_push {
            self.push(
                "cloud_push",
                "true",
                "false: cloud hosting pushes for official accounts and mini-programs alone",
            );
        }
    }

    pub fn api_base(&mut self, settings: &AccountSettings) {
        let base = &settings.api_base;
        let http = url::Url::parse(base).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !base.is_empty() && !http {
            self.push("api_base", base, "an address that begins with http:// or https://");
        }
    }

    /// Fields of other channels, those that `ours` does not list: whoever writes them here means another channel.
    pub fn strangers(&mut self, settings: &AccountSettings, ours: &[Field], noun: &str) {
        let hidden = |secret: &Secret| if secret.is_empty() { String::new() } else { "***".into() };
        let auth_type = settings.auth_type.map(|it| it.to_string()).unwrap_or_default();
        let all = [
            ("app_id", settings.app_id.clone()),
            ("app_secret", hidden(&settings.app_secret)),
            ("original_id", settings.original_id.clone()),
            ("corp_id", settings.corp_id.clone()),
            ("agent_id", settings.agent_id.clone()),
            ("secret", hidden(&settings.secret)),
            ("open_kfids", settings.open_kfids.join(", ")),
            ("start", settings.start.clone().unwrap_or_default()),
            ("auth_type", auth_type),
        ];
        for (key, found) in all {
            if !found.is_empty() && !ours.iter().any(|field| field.name == key) {
                self.push(key, found, format!("nothing: {noun} has no such field"));
            }
        }
    }

    /// One set of figures may serve accounts of several channels: what this one has no allowance for stays without effect.
    pub fn quotas(&mut self, settings: &AccountSettings) {
        for (trigger, quota) in &settings.quotas {
            if !TRIGGERS.contains(&trigger.as_str()) {
                let expected = format!("one of {}", TRIGGERS.join(", "));
                self.push(format!("quotas.{trigger}"), trigger, expected);
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

    pub fn keys(&mut self, under: &str, token: &Secret, aes: &Secret, key_required: bool) -> Keys {
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

    pub fn grace(&mut self, text: &str) -> Millis {
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

/// Whether `text` looks like an id of the platform.
pub fn name_like(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

const DEFAULT_GRACE: Millis = 24 * 3600 * 1000;
