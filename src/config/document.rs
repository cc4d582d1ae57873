//! Does the documentation say what the program does? `docs/configuration.md` is made from the default file; `docs/accounts.md`
//! names every field there is, and its example is taken.

use std::collections::BTreeSet;

use super::{
    accounts_file::{self, Form},
    sources::DEFAULTS,
};
use crate::{channels, settings::AccountSettings};

const ACCOUNTS: &str = include_str!("../../docs/accounts.md");

const HEAD: &str = "# Configuration

<!-- Made from src/config/default.toml by `UPDATE=1 cargo test --lib config::document`. -->

`wxbridge serve -c FILE` reads one TOML file; `WXBRIDGE_CONFIG` names it where `-c` does not. Without any file the defaults
below hold. `wxbridge config check` tells every fault at once, with file and line or variable, key, what was found and what
was expected; `wxbridge config show` prints what is in force, secrets as `***`.

Every secret may also stand in a file: `secrets_file` instead of `secrets`, `bearer_file` instead of `bearer`, `key_file`
instead of a forwarder's `key`, and in accounts files `app_secret_file`, `token_file`, `encoding_aes_key_file`, `secret_file`.
Durations look like `48h` or `4000ms`, sizes like `1GiB`.

```toml
";

const VARIABLES: &str = "```

## The same as environment variables

| key | variable | default |
|---|---|---|
";

fn document() -> String {
    let table: toml::Table = toml::from_str(DEFAULTS).expect("the default file is TOML");
    let mut text = format!("{HEAD}{DEFAULTS}{VARIABLES}");
    for (section, keys) in &table {
        for (key, value) in keys.as_table().expect("sections are tables") {
            let variable = format!("WXBRIDGE__{section}__{key}").to_uppercase();
            text.push_str(&format!("| `{section}.{key}` | `{variable}` | `{value}` |\n"));
        }
    }
    text.push_str("| `core[0].url` | `WXBRIDGE__CORE__0__URL` | |\n");
    text.push_str("| `core[0].match.accounts` | `WXBRIDGE__CORE__0__MATCH__ACCOUNTS` | |\n");
    text
}

#[test]
fn the_documentation_is_the_default_file() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, document()).expect("the document can be written");
    }
    let written = std::fs::read_to_string(file).expect("docs/configuration.md");
    assert!(
        written == document(),
        "docs/configuration.md is old: UPDATE=1 makes it anew"
    );
}

#[test]
fn every_field_of_an_account_stands_in_its_documentation() {
    let fields = serde_json::to_value(AccountSettings::default()).expect("settings are JSON");
    let rows: Vec<&str> = ACCOUNTS.lines().filter(|line| line.starts_with("| `")).collect();
    let named: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|names| names.split(',').map(|name| name.trim().trim_matches('`')))
        .collect();
    let known: BTreeSet<&str> = fields
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(named, known);
}

#[test]
fn the_example_of_an_accounts_file_is_taken_and_shows_the_defaults() {
    let example = ACCOUNTS
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    // The secret's file is not on this machine.
    let example = example
        .expect("an example")
        .replace("app_secret_file = \"/run", "app_secret = \"/run");
    let parsed = accounts_file::parse("docs/accounts.md", &example, Form::Toml, false, |account| {
        channels::named(&account.channel)
            .and_then(|channel| channel.open(account).err())
            .unwrap_or_default()
    });
    let shop = parsed.expect("lawful").remove(0);
    let bare = AccountSettings::default();
    let behaviour = |of: &AccountSettings| (of.security, of.hold, of.platform_agents, of.token_mode);
    assert_eq!(behaviour(&shop), behaviour(&bare));
    assert_eq!(
        (shop.cloud_push, shop.entry_json, shop.text_html_breaks),
        (bare.cloud_push, bare.entry_json, bare.text_html_breaks)
    );
}
