//! Which core takes a conversation? The `[[core]]` tables and their `match`: the first that fits, in the order written.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{ports::clock::Millis, schema::v1, secret::Secret};

/// One `[[core]]`, durations read.
#[derive(Clone, Debug, PartialEq)]
pub struct Core {
    pub name: Arc<str>,
    pub kind: Kind,
    pub url: String,
    /// Standard Webhooks keys (`whsec_…`): all are signed with, for rotation.
    pub secrets: Vec<Secret>,
    pub credentials: Credentials,
    pub matches: Match,
    /// How long a callback may wait for this core; 0 = never hold.
    pub reply_budget: Millis,
    /// How long the core may take to take an event.
    pub timeout: Millis,
    /// SENT and HANDED_OVER come as events too.
    pub all_delivery_updates: bool,
    /// The platform's body rides on every event.
    pub raw_inline: bool,
}

/// How we and a core of kind `grpc` know each other; empty for every other kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Credentials {
    /// Who signed the core's certificate; `None` = the authorities of the system.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key, for a core that asks for one.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub bearer: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Http,
    Grpc,
    /// The core pulls.
    Feed,
}

impl Kind {
    /// We call the core; otherwise it calls us.
    pub fn is_pushed(self) -> bool {
        matches!(self, Kind::Http | Kind::Grpc)
    }
}

/// Empty lists fit everything; entries may use `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    pub channels: Vec<String>,
    pub accounts: Vec<String>,
    pub sub_ids: Vec<String>,
}

impl Match {
    pub fn fits(&self, account: &v1::Account) -> bool {
        let one = |patterns: &[String], text: &str| patterns.is_empty() || patterns.iter().any(|p| glob(p, text));
        one(&self.channels, &account.channel) && one(&self.accounts, &account.id) && one(&self.sub_ids, &account.sub_id)
    }
}

/// The cores of the installation, in order.
#[derive(Clone, Debug, Default)]
pub struct Cores(pub Arc<[Core]>);

impl Cores {
    pub fn for_account(&self, account: &v1::Account) -> Option<&Core> {
        self.0.iter().find(|core| core.matches.fits(account))
    }

    /// Whether some core may hear what this account does. Where its events bring a sub id of their own, any may come.
    pub fn may_hear(&self, account: &v1::Account) -> bool {
        let any_sub_id = |matches: &Match| Match {
            sub_ids: Vec::new(),
            ..matches.clone()
        };
        self.0.iter().any(|core| match account.sub_id.is_empty() {
            true => any_sub_id(&core.matches).fits(account),
            false => core.matches.fits(account),
        })
    }

    pub fn named(&self, name: &str) -> Option<&Core> {
        self.0.iter().find(|core| &*core.name == name)
    }
}

/// `*` stands for any run of characters; everything else for itself.
pub fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => {
            text.starts_with(head)
                && (head.len()..=text.len())
                    .filter(|&at| text.is_char_boundary(at))
                    .any(|at| glob(tail, &text[at..]))
        }
    }
}

#[cfg(test)]
impl Core {
    /// A core that tests change as they need it: everybody's, without keys, at no address.
    pub fn sample(name: &str, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            url: String::new(),
            secrets: Vec::new(),
            credentials: Credentials::default(),
            matches: Match::default(),
            reply_budget: 4_000,
            timeout: 30_000,
            all_delivery_updates: false,
            raw_inline: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_any_run() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("shop-*", "shop-1", true),
            ("shop-*", "shop", false),
            ("*-cn", "shop-cn", true),
            ("a*b*c", "a-b-b-c", true),
            ("shop", "shop-1", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
