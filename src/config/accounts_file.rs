//! What stands in an accounts file? `[[account]]` tables in TOML, or the same as JSON `{"account":[…]}`: read alike, every
//! fault at once.

use std::collections::{BTreeMap, BTreeSet};

use config::{Value, ValueKind};

use super::{
    fault::{ConfigFault, ConfigFaults},
    reader::{HTTP_URL, Reading, Table, duration, http_url},
    sources,
};
use crate::{
    channels::{self, contract::SettingFault},
    schema::distinct::Distinct,
    secret::Secret,
    settings::{
        AccountSettings, Hold, PassMode, Passthrough, PlatformAgents, Previous, Quota, Security, TRIGGERS, TokenMode,
        is_id,
    },
};

/// What an id may look like; also what stands in the callback URL.
pub const ID: &str = "an id: [a-z0-9][a-z0-9_-]{0,62}";

/// How the document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Toml,
    Json,
}

impl Form {
    /// Told by the first character: an object is JSON, everything else TOML.
    pub fn of(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            Form::Json
        } else {
            Form::Toml
        }
    }
}

/// What a channel says against an account's settings.
pub type Check = fn(&AccountSettings) -> Vec<SettingFault>;

/// Reads an accounts document called `name`, with everything that `check` has against each account. With `files`, `*_file`
/// keys are followed: for files of the operator's own machine, never for what arrives over the network.
pub fn parse(
    name: &str,
    text: &str,
    form: Form,
    files: bool,
    check: Check,
) -> Result<Vec<AccountSettings>, ConfigFaults> {
    let reading = Reading {
        no_files: !files,
        ..Reading::default()
    };
    let accounts = match document(name, text, form, &reading) {
        Some(fields) => read_all(Table::new(&reading, "", name, fields), &reading, check),
        None => Vec::new(),
    };
    match reading.faults.into_inner() {
        faults if faults.is_empty() => Ok(accounts),
        faults => Err(ConfigFaults(faults)),
    }
}

fn document(name: &str, text: &str, form: Form, reading: &Reading) -> Option<config::Map<String, Value>> {
    if form == Form::Toml {
        return Some(sources::from_toml(name, text, &mut reading.faults.borrow_mut()));
    }
    let found = match serde_json::from_str(text) {
        Ok(Distinct(value)) => match sources::from_json(name, value).kind {
            ValueKind::Table(fields) => return Some(fields),
            _ => "no object".to_owned(),
        },
        Err(error) if error.is_data() => format!("a name twice at line {}, column {}", error.line(), error.column()),
        // Line and column only: the parser's message may quote the text.
        Err(error) => format!("no JSON at line {}, column {}", error.line(), error.column()),
    };
    reading.fault(name, "", found, "a JSON object {\"account\":[…]}");
    None
}

fn read_all(mut root: Table<'_>, reading: &Reading, check: Check) -> Vec<AccountSettings> {
    root.require("account", "a list of accounts, [[account]]");
    let mut ids = BTreeSet::new();
    let accounts = root
        .tables("account")
        .into_iter()
        .map(|mut table| {
            let before = reading.faults.borrow().len();
            let account = read_account(&mut table);
            if !account.id.is_empty() && !ids.insert(account.id.clone()) {
                table.fault(
                    "id",
                    format!("{:?} a second time", account.id),
                    "an id that no other has",
                );
            }
            examine(&table, reading, before, check(&account));
            table.finish();
            account
        })
        .collect();
    root.finish();
    accounts
}

/// What the channel found, beside the faults from `before` on: a value that could not be read is not missing as well.
fn examine(table: &Table<'_>, reading: &Reading, before: usize, found: Vec<SettingFault>) {
    let known: BTreeSet<String> = {
        let faults = reading.faults.borrow();
        faults.iter().skip(before).map(|fault| fault.key.clone()).collect()
    };
    // Which channel it is decides over everything else.
    if known.contains(&format!("{}.channel", table.path)) {
        return;
    }
    for fault in found {
        let key = format!("{}.{}", table.path, fault.key);
        if !known.contains(&key) && !known.contains(&format!("{key}_file")) {
            table.fault_below(&fault.key, fault.found, fault.expected);
        }
    }
}

fn read_account(it: &mut Table<'_>) -> AccountSettings {
    it.require("id", ID);
    it.require("channel", "a channel such as \"official_account\"");
    let mut account = AccountSettings {
        id: it
            .parse("id", ID, |text| is_id(text).then(|| text.to_owned()))
            .unwrap_or_default(),
        ..AccountSettings::default()
    };
    read_credentials(it, &mut account);
    read_behaviour(it, &mut account);
    account
}

fn read_credentials(it: &mut Table<'_>, account: &mut AccountSettings) {
    let texts = [
        ("channel", &mut account.channel),
        ("app_id", &mut account.app_id),
        ("original_id", &mut account.original_id),
        ("corp_id", &mut account.corp_id),
        ("via", &mut account.via),
        ("default_thumb", &mut account.default_thumb),
    ];
    for (key, field) in texts {
        // Pasted from a console: what surrounds the value is never part of it.
        *field = it
            .parse(key, "a text", |text| Some(text.to_owned()))
            .unwrap_or_default();
    }
    account.agent_id = it
        .text_or_number("agent_id", "a number such as 1000002, or the same as a text")
        .unwrap_or_default();
    let secrets = [
        ("app_secret", &mut account.app_secret),
        ("token", &mut account.token),
        ("encoding_aes_key", &mut account.encoding_aes_key),
        ("secret", &mut account.secret),
    ];
    for (key, field) in secrets {
        // Pasted too, like the values above.
        *field = pasted(it, key);
        // The dots of an example: the platform would say so only when somebody is to be answered.
        if field
            .expose()
            .bytes()
            .any(|byte| !byte.is_ascii() || byte.is_ascii_control())
        {
            it.fault(key, "***", "the value that the console shows: ASCII on one line");
        }
    }
    account.previous = it.table("previous").map(read_previous);
}

fn pasted(it: &mut Table<'_>, key: &str) -> Secret {
    Secret::new(it.secret(key).unwrap_or_default().expose().trim())
}

fn read_previous(mut it: Table<'_>) -> Previous {
    let previous = Previous {
        token: pasted(&mut it, "token"),
        encoding_aes_key: pasted(&mut it, "encoding_aes_key"),
        grace: it
            .parse_or_empty("grace", "a duration such as \"24h\"", |text| {
                duration(text).map(|_| text.to_owned())
            })
            .unwrap_or_default(),
        new_seen_at: None,
    };
    it.finish();
    previous
}

fn read_behaviour(it: &mut Table<'_>, account: &mut AccountSettings) {
    let any = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    account.open_kfids = it.list("open_kfids", "an open_kfid", any).unwrap_or_default();
    account.start = it
        .one_of("start", &[("latest", "latest"), ("earliest", "earliest")])
        .map(str::to_owned);
    account.auth_type = it
        .whole("auth_type", 1..=8)
        .and_then(|number| u32::try_from(number).ok());
    let securities = [("encrypted", Security::Encrypted), ("plain", Security::Plain)];
    account.security = it.one_of("security", &securities).unwrap_or_default();
    account.plain_until = it.parse_or_empty("plain_until", "a moment such as \"2026-01-31T00:00:00Z\"", |text| {
        chrono::DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
    });
    account.api_base = it.parse_or_empty("api_base", HTTP_URL, http_url).unwrap_or_default();
    let agents = [("forbid", PlatformAgents::Forbid), ("allow", PlatformAgents::Allow)];
    account.platform_agents = it.one_of("platform_agents", &agents).unwrap_or_default();
    account.hold = it
        .one_of("hold", &[("one", Hold::One), ("three", Hold::Three)])
        .unwrap_or_default();
    let modes = [("stable", TokenMode::Stable), ("classic", TokenMode::Classic)];
    account.token_mode = it.one_of("token_mode", &modes).unwrap_or_default();
    account.cloud_push = it.flag("cloud_push").unwrap_or(false);
    account.text_html_breaks = it.flag("text_html_breaks").unwrap_or(true);
    account.entry_json = it.flag("entry_json").unwrap_or(false);
    account.quotas = it.table("quotas").map(read_quotas).unwrap_or_default();
    let limits = it.table("limits").map(|limits| read_limits(limits, &account.channel));
    account.limits = limits.unwrap_or_default();
    account.welcome = read_welcome(it);
    account.passthrough = it.table("passthrough").map(read_passthrough);
}

fn read_quotas(mut it: Table<'_>) -> BTreeMap<String, Quota> {
    let mut quotas = BTreeMap::new();
    for trigger in TRIGGERS {
        let Some(mut table) = it.table(trigger) else { continue };
        let quota = Quota {
            count: table
                .whole("count", 0..=10_000)
                .and_then(|count| u32::try_from(count).ok()),
            window: table
                .parse("window", "a duration such as \"48h\"", |text| {
                    duration(text).filter(|&millis| millis > 0).map(|_| text.to_owned())
                })
                .unwrap_or_default(),
        };
        table.finish();
        quotas.insert(trigger.to_owned(), quota);
    }
    it.finish();
    quotas
}

/// A limit that the channel has not would stay without effect, and whoever wrote it would not know.
fn read_limits(mut it: Table<'_>, channel: &str) -> BTreeMap<String, u64> {
    // Of a channel that there is not, that is what is told.
    let names = channels::named(channel).map_or_else(|| it.names(), |channel| channel.limits());
    let mut limits = BTreeMap::new();
    for name in names {
        if let Some(limit) = it.whole(&name, 1..=u64::MAX) {
            limits.insert(name, limit);
        }
    }
    it.finish();
    limits
}

/// A text, or `{ text, menu = ["…"] }`.
fn read_welcome(it: &mut Table<'_>) -> Option<toml::Value> {
    let value = it.any("welcome")?;
    let lawful = match &value {
        toml::Value::String(text) => !text.is_empty(),
        toml::Value::Table(fields) => fields.iter().all(|(key, value)| match (key.as_str(), value) {
            ("text", toml::Value::String(_)) => true,
            ("menu", toml::Value::Array(items)) => items.iter().all(toml::Value::is_str),
            _ => false,
        }),
        _ => false,
    };
    if !lawful {
        it.fault(
            "welcome",
            "something else",
            "a text, or { text = \"…\", menu = [\"…\"] }",
        );
    } else if !fits_one_code(&value) {
        it.fault("welcome", "more than one message holds", ONE_WELCOME);
    }
    lawful.then_some(value)
}

const ONE_WELCOME: &str =
    "a text of at most 2048 bytes, or one of 1024 with at most 10 menu items of 128: a code sends one message";

/// A welcome code sends one message: a text, or a menu with its words and items. More would be refused for each customer, or
/// cut (<https://developer.work.weixin.qq.com/document/path/95122>, sizes: <https://developer.work.weixin.qq.com/document/path/94677>).
fn fits_one_code(welcome: &toml::Value) -> bool {
    let text = welcome.as_str().or_else(|| welcome.get("text")?.as_str());
    let items = welcome.get("menu").and_then(toml::Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice);
    let most = if items.is_empty() { 2048 } else { 1024 };
    let short = |item: &toml::Value| item.as_str().is_some_and(|item| (1..=128).contains(&item.len()));
    text.unwrap_or_default().len() <= most && items.len() <= 10 && items.iter().all(short)
}

pub const OLD_URL: &str = "an http or https URL without user and password, as it stood in the platform's console";

/// As it stood in the console: with its query, and with its last slash.
fn old_url(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    plain.then(|| text.to_owned())
}

/// The old system's address, if it may be one.
pub fn passthrough_to(url: &str, mode: PassMode) -> Option<Passthrough> {
    old_url(url).map(|url| Passthrough { url, mode })
}

fn read_passthrough(mut it: Table<'_>) -> Passthrough {
    it.require("url", OLD_URL);
    // Who answers live customers is never guessed.
    it.require("mode", "\"answer\" or \"tee\"");
    let modes = [("answer", PassMode::Answer), ("tee", PassMode::Tee)];
    let passthrough = Passthrough {
        url: it.parse("url", OLD_URL, old_url).unwrap_or_default(),
        mode: it.one_of("mode", &modes).unwrap_or_default(),
    };
    it.finish();
    passthrough
}

/// The accounts as a JSON document that [`parse`] reads back: for handing a file's content to a running daemon. It holds the
/// secrets in the clear.
pub fn to_json(accounts: &[AccountSettings]) -> Result<serde_json::Value, serde_json::Error> {
    let mut written = Vec::with_capacity(accounts.len());
    for account in accounts {
        let mut fields = serde_json::to_value(account)?;
        if let Some(previous) = fields.get_mut("previous").and_then(serde_json::Value::as_object_mut) {
            previous.remove("new_seen_at");
            previous.retain(|_, value| said(value));
        }
        if let Some(fields) = fields.as_object_mut() {
            // An empty `previous` says "none", which is more than silence.
            fields.retain(|key, value| said(value) || (key == "previous" && value.is_object()));
        }
        written.push(fields);
    }
    Ok(serde_json::json!({ "account": written }))
}

fn said(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::String(text) => !text.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        serde_json::Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// Turns what a channel says about one account's settings into faults of the document.
pub fn fault_of(origin: &str, id: &str, fault: &SettingFault) -> ConfigFault {
    #[cfg(test)]
    assert!(
        super::chinese::is_known(&fault.expected),
        "{fault:?} has no line in Chinese"
    );
    ConfigFault {
        origin: origin.to_owned(),
        key: format!("account {id}: {}", fault.key),
        found: fault.found.clone(),
        expected: fault.expected.clone(),
    }
}

mod patched;

pub use patched::patched;

#[cfg(test)]
mod tests;
