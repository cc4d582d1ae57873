//! Does the documentation say what the program does? `docs/configuration.md` is made from the default file.

use super::sources::DEFAULTS;

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
