//! What does an account look like after a change that names some settings alone? What the change leaves out stays, secrets too.

use serde_json::Value;

use super::{Check, Form, parse, to_json};
use crate::{
    config::fault::{ConfigFault, ConfigFaults},
    settings::AccountSettings,
};

/// How faults name a change that is no file.
const ORIGIN: &str = "accounts";
/// Where [`to_json`] puts the only account.
const ONLY: &str = "account[0].";

/// `before` with a JSON merge patch (RFC 7396) of what an accounts file says of it: `null` takes a setting out. Which account
/// it is does not change, nor its channel.
pub fn patched(before: &AccountSettings, patch: &Value, check: Check) -> Result<AccountSettings, ConfigFaults> {
    let faults = unchangeable(before, patch);
    if !faults.is_empty() {
        return Err(ConfigFaults(faults));
    }
    let mut document = to_json(std::slice::from_ref(before)).map_err(|error| unreadable(before, &error.to_string()))?;
    if let Some(account) = document.pointer_mut("/account/0") {
        json_patch::merge(account, patch);
    }
    let read = parse(ORIGIN, &document.to_string(), Form::Json, false, check);
    let mut accounts = read.map_err(|faults| named(before, faults))?;
    accounts.pop().ok_or_else(|| unreadable(before, "no account"))
}

fn unchangeable(before: &AccountSettings, patch: &Value) -> Vec<ConfigFault> {
    let Value::Object(fields) = patch else {
        return vec![fault(before, "", "no object", "a JSON object of settings")];
    };
    let kept = [("id", &before.id), ("channel", &before.channel)];
    let others = kept
        .iter()
        .filter(|(key, value)| fields.get(*key).is_some_and(|given| given != value.as_str()));
    others
        .map(|(key, value)| fault(before, key, "something else", format!("{value:?}, or nothing")))
        .collect()
}

/// The reader names the place in a document that whoever wrote the change never saw.
fn named(before: &AccountSettings, faults: ConfigFaults) -> ConfigFaults {
    let one = |it: ConfigFault| {
        let key = it.key.strip_prefix(ONLY).unwrap_or(&it.key);
        fault(before, key, it.found, it.expected)
    };
    ConfigFaults(faults.0.into_iter().map(one).collect())
}

fn unreadable(before: &AccountSettings, why: &str) -> ConfigFaults {
    ConfigFaults(vec![fault(before, "", why, "a JSON object of settings")])
}

fn fault(of: &AccountSettings, key: &str, found: impl Into<String>, expected: impl Into<String>) -> ConfigFault {
    let key = match key {
        "" => format!("account {}", of.id),
        key => format!("account {}: {key}", of.id),
    };
    ConfigFault {
        origin: ORIGIN.to_owned(),
        key,
        found: found.into(),
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{config::chinese, secret::Secret};

    fn shop() -> AccountSettings {
        AccountSettings {
            id: "shop".into(),
            channel: "official_account".into(),
            app_id: "wx1".into(),
            app_secret: Secret::new("hush"),
            token: Secret::new("token"),
            original_id: "gh_1".into(),
            ..AccountSettings::default()
        }
    }

    fn lawful(_: &AccountSettings) -> Vec<crate::channels::contract::SettingFault> {
        Vec::new()
    }

    #[test]
    fn what_a_change_leaves_out_stays_and_null_takes_out() {
        let patch = json!({ "app_id": "wx2", "original_id": null, "limits": { "text_bytes": 600 } });
        let after = patched(&shop(), &patch, lawful).expect("lawful");
        let expected = AccountSettings {
            app_id: "wx2".into(),
            original_id: String::new(),
            limits: [("text_bytes".to_owned(), 600)].into(),
            ..shop()
        };
        assert_eq!(after, expected);
        assert_eq!(patched(&shop(), &json!({}), lawful), Ok(shop()));
    }

    #[test]
    fn which_account_it_is_stays() {
        let same = json!({ "id": "shop", "channel": "official_account" });
        assert_eq!(patched(&shop(), &same, lawful), Ok(shop()));
        for (patch, key) in [
            (json!({ "id": "other" }), "account shop: id"),
            (json!({ "channel": null }), "account shop: channel"),
            (json!(["id"]), "account shop"),
            (json!({ "colour": 1 }), "account shop: colour"),
        ] {
            let told = patched(&shop(), &patch, lawful).expect_err("refused");
            assert_eq!(told.0[0].key, key, "{told}");
            assert!(chinese::is_known(&told.0[0].expected), "{told}");
        }
    }
}
