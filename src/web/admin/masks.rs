//! What of an account's settings may be seen, and does somebody send that back in the place of a value?

use serde_json::{Value, json};

use super::audit::masked;
use crate::{secret::masked_query, web::State};

/// An account's settings with every secret masked, also of one that cannot be opened; null where there is none.
pub(super) fn settings(state: &State, id: &str) -> Value {
    let broken = state.registry.broken();
    let mut value = match state.registry.get(id) {
        Some(opened) => serde_json::to_value(&opened.settings),
        None => serde_json::to_value(broken.iter().map(|it| &it.settings).find(|it| it.id == id)),
    }
    .unwrap_or_default();
    mask(&mut value);
    value
}

const SECRETS: [&str; 4] = ["app_secret", "token", "encoding_aes_key", "secret"];

/// The setting that holds what [`mask`] shows in a secret's place: somebody sends back what was read.
pub(super) fn starred(patch: &Value) -> Option<&str> {
    let Value::Object(fields) = patch else { return None };
    fields.iter().find_map(|(name, field)| match field {
        Value::String(text) if SECRETS.contains(&name.as_str()) || name == "url" => {
            text.contains("****").then_some(name.as_str())
        }
        _ => starred(field),
    })
}

fn mask(value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for (name, field) in fields.iter_mut() {
        match field {
            Value::String(text) if SECRETS.contains(&name.as_str()) => *text = masked(text),
            Value::String(text) if name == "url" => *text = masked_query(text, masked),
            Value::Object(_) => mask(field),
            _ => {}
        }
    }
    fields.retain(|_, field| !field.is_null() && field != "" && *field != json!([]) && *field != json!({}));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_shows_no_secret_of_an_account() {
        let mut settings = json!({
            "app_secret": "0123456789ab",
            "previous": { "token": "0123456789ab", "grace": "24h" },
            "passthrough": { "url": "http://old.example/?t=hushhush", "mode": "tee" },
            "welcome": null,
        });
        mask(&mut settings);
        let expected = json!({
            "app_secret": "****ab",
            "previous": { "token": "****ab", "grace": "24h" },
            "passthrough": { "url": "http://old.example/?t=****sh", "mode": "tee" },
        });
        assert_eq!(settings, expected);
    }
}
