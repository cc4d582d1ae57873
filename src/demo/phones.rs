//! Which phones does the demo show? One for each channel of the registry that it knows how to set up: an account at the
//! simulator, the same account at the bridge, and a customer.

use serde_json::{Value, json};

use crate::channels;

/// One channel's phone: who writes to whom.
#[derive(Clone, Copy, Debug)]
pub struct Phone {
    pub channel: &'static str,
    /// The account's id at the bridge.
    pub account: &'static str,
    /// The account's id at the simulator: AppID, `{corp_id}-{agent_id}`, `open_kfid`.
    pub sim: &'static str,
    /// The customer whose phone is shown.
    pub openid: &'static str,
    /// What the phone calls the account.
    pub name: &'static str,
    kind: Kind,
}

/// How the account is named at the platform.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Weixin { original_id: &'static str },
    Application { agent_id: i64 },
    CustomerService,
}

// The same in every run, so that a conversation kept with `--dir` goes on.
const CORP: &str = "wwde30de30de30de30";
const KNOWN: &[Phone] = &[
    Phone {
        channel: "official_account",
        account: "demo",
        sim: "wxde30de30de30de30",
        openid: "oDe30Customer00000000000001",
        name: "微桥体验号",
        kind: Kind::Weixin {
            original_id: "gh_de30de30de30",
        },
    },
    Phone {
        channel: "mini_program",
        account: "demo-mini-program",
        sim: "wxde30de30de30de31",
        openid: "oDe31Customer00000000000001",
        name: "微桥小程序",
        kind: Kind::Weixin {
            original_id: "gh_de30de30de31",
        },
    },
    Phone {
        channel: "wecom_app",
        account: "demo-wecom",
        sim: "wwde30de30de30de30-1000002",
        openid: "zhang.san",
        name: "微桥应用",
        kind: Kind::Application { agent_id: 1_000_002 },
    },
    Phone {
        channel: "wechat_kf",
        account: "demo-kf",
        sim: "wkDe30CustomerService000001",
        openid: "wmDe30Customer00000000000001",
        name: "微桥客服",
        kind: Kind::CustomerService,
    },
];

/// The phones of all channels there are, in the order of the registry.
pub fn phones() -> Vec<Phone> {
    let channels = channels::REGISTRY.iter().map(|channel| channel.card().name);
    channels
        .filter_map(|name| KNOWN.iter().find(|phone| phone.channel == name))
        .copied()
        .collect()
}

impl Phone {
    /// What the simulator is asked to make.
    pub fn at_sim(&self) -> Value {
        let (channel, name) = (self.channel, self.name);
        match self.kind {
            Kind::Weixin { original_id } => {
                json!({ "channel": channel, "app_id": self.sim, "original_id": original_id, "name": name })
            }
            Kind::Application { agent_id } => {
                json!({ "channel": channel, "corp_id": CORP, "agent_id": agent_id, "name": name })
            }
            Kind::CustomerService => {
                json!({ "channel": channel, "corp_id": CORP, "name": name, "open_kfids": [self.sim] })
            }
        }
    }

    /// What the simulator is asked once the bridge has the account: it checks the address as the real platform does.
    pub fn callback(&self, public: &str) -> Value {
        let mut change = self.at_sim();
        change["callback_url"] = format!("{public}/callback/{}", self.account).into();
        change
    }

    /// A customer-service account's own settings at the simulator.
    pub fn desk(&self) -> Option<Value> {
        matches!(self.kind, Kind::CustomerService).then(|| {
            json!({
                "open_kfid": self.sim, "name": self.name, "ends_anywhere": true,
                "servicers": [{ "userid": "lisi" }],
            })
        })
    }

    pub fn customer(&self) -> Value {
        json!({ "account": self.sim, "openid": self.openid, "name": "小桥" })
    }

    /// The account as an operator enters it, with the secrets that the simulator made.
    pub fn at_bridge(&self, made: &Value, sim: &str) -> Value {
        let secret = |name: &str| made.get(name).cloned().unwrap_or_default();
        let mut entered = json!({
            "id": self.account, "channel": self.channel, "api_base": sim,
            "token": secret("token"), "encoding_aes_key": secret("encoding_aes_key"),
        });
        match self.kind {
            Kind::Weixin { original_id } => {
                entered["app_id"] = self.sim.into();
                entered["app_secret"] = secret("secret");
                entered["original_id"] = original_id.into();
            }
            Kind::Application { agent_id } => {
                entered["corp_id"] = CORP.into();
                entered["agent_id"] = agent_id.to_string().into();
                entered["secret"] = secret("secret");
            }
            Kind::CustomerService => {
                entered["corp_id"] = CORP.into();
                entered["secret"] = secret("secret");
                entered["open_kfids"] = json!([self.sim]);
            }
        }
        entered
    }
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, channels, phones};

    #[test]
    fn every_channel_of_the_registry_has_a_phone() {
        let shown: Vec<_> = phones().iter().map(|phone| phone.channel).collect();
        let there: Vec<_> = channels::REGISTRY.iter().map(|channel| channel.card().name).collect();
        assert_eq!(shown, there);
    }

    #[test]
    fn no_two_phones_are_one() {
        for (at, one) in KNOWN.iter().enumerate() {
            for other in KNOWN.iter().skip(at + 1) {
                assert!(one.channel != other.channel && one.account != other.account && one.sim != other.sim);
            }
        }
    }
}
