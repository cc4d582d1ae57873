//! Which cores are configured? The `[[core]]` tables.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::reader::{HTTP_URL, Reading, Table};
use crate::{
    cores::{Core, Cores, Credentials, Kind, Match},
    ports::clock::Millis,
    secret::Secret,
};

/// The platform closes after 5 s and we answer by 4.5 s: what is left of that for a core.
const REPLY_BUDGET_MOST: Millis = 4200;
const REPLY_BUDGET: Millis = 4000;
const TIMEOUT: Millis = 30_000;
const TIMEOUT_MOST: Millis = 10 * 60_000;
/// With fewer nobody signs.
const KEY_BYTES_FEWEST: usize = 16;
/// Standard Webhooks asks for keys of at least this many bytes.
const KEY_BYTES_LEAST: usize = 24;
/// The channels that the contract names; a `match` that names another never fits.
const CHANNELS: [&str; 5] = [
    "official_account",
    "mini_program",
    "wecom_app",
    "wechat_kf",
    "open_platform",
];

pub fn read_cores(root: &mut Table<'_>, reading: &Reading) -> Cores {
    let mut names = BTreeSet::new();
    let mut shown = Vec::new();
    let mut cores = Vec::new();
    for mut table in root.tables("core") {
        let core = read_core(&mut table, reading);
        unique(&table, &mut names);
        shown.push(table.finish());
        cores.extend(core);
    }
    root.show_tables("core", shown);
    Cores(cores.into())
}

/// Tells a name that stood before, whatever else is wrong with either table.
pub(super) fn unique(table: &Table<'_>, names: &mut BTreeSet<String>) {
    if let Some(name) = table.written("name").and_then(|text| name(&text))
        && !names.insert(name.clone())
    {
        table.fault("name", format!("{name:?} a second time"), "a name that no other has");
    }
}

fn read_core(it: &mut Table<'_>, reading: &Reading) -> Option<Core> {
    let faults = it.faults();
    it.require("name", NAME);
    let name = it.parse("name", NAME, name);
    let kinds = [("http", Kind::Http), ("grpc", Kind::Grpc), ("feed", Kind::Feed)];
    let kind = if it.has("kind") {
        it.one_of("kind", &kinds)
    } else {
        Some(Kind::Http)
    };
    let url = read_url(it, kind);
    let credentials = match kind {
        Some(Kind::Grpc) => read_credentials(it),
        _ => Credentials::default(),
    };
    let secrets = read_secrets(it, kind, reading);
    let matches = it
        .table("match")
        .map_or_else(|| Some(Match::default()), |table| read_match(it, table));
    let reply_budget = it.duration("reply_budget", 0, REPLY_BUDGET_MOST, "4000ms");
    let timeout = it.duration("timeout", 1, TIMEOUT_MOST, "30s");
    let updates = it.one_of("delivery_updates", &[("problems", false), ("all", true)]);
    let raw = it.one_of("raw", &[("off", false), ("inline", true)]);
    for (key, value) in [
        ("kind", "http"),
        ("reply_budget", "4000ms"),
        ("timeout", "30s"),
        ("delivery_updates", "problems"),
        ("raw", "off"),
    ] {
        it.show_default(key, value);
    }
    let core = Core {
        name: Arc::from(name?),
        kind: kind?,
        url: url?,
        secrets,
        credentials,
        matches: matches?,
        reply_budget: reply_budget.unwrap_or(REPLY_BUDGET),
        timeout: timeout.unwrap_or(TIMEOUT),
        all_delivery_updates: updates.unwrap_or(false),
        raw_inline: raw.unwrap_or(false),
    };
    if let Some(fault) = it.outside(faults).and_then(|outside| outside.core(&core).err()) {
        it.fault_here(fault, "a core that can be called");
    }
    Some(core)
}

pub(super) const NAME: &str = "a name of letters, digits, \"_\" and \"-\", at most 63";

pub(super) fn name(text: &str) -> Option<String> {
    let lawful = (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    lawful.then(|| text.to_owned())
}

/// A core that pulls has no address.
fn read_url(it: &mut Table<'_>, kind: Option<Kind>) -> Option<String> {
    if kind == Some(Kind::Feed) {
        return Some(String::new());
    }
    if kind == Some(Kind::Grpc) {
        it.require("url", GRPC_URL);
        return it.parse("url", GRPC_URL, grpc_url);
    }
    it.require("url", HTTP_URL);
    // The path is the operator's: it is kept as written, last slash and query included.
    let url = it.parse(
        "url",
        "an address such as \"https://core.example/wxbridge\", without credentials",
        whole_url,
    );
    it.mask_query("url");
    url
}

/// What [`grpc_url`] wants.
pub const GRPC_URL: &str =
    "an address such as \"https://core.example:443\", or http on loopback, without path and credentials";

/// What we say to a core over gRPC is not signed: it crosses a network in TLS or not at all.
pub fn grpc_url(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let near = match url.host()? {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(ip) => ip.is_loopback(),
        url::Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
    };
    let safe = url.scheme() == "https" || (url.scheme() == "http" && near);
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    (safe && bare && anonymous).then(|| text.to_owned())
}

/// Keys that only a gRPC core knows.
fn read_credentials(it: &mut Table<'_>) -> Credentials {
    let credentials = Credentials {
        ca_file: it.file("ca_file"),
        cert_file: it.file("cert_file"),
        key_file: it.file("key_file"),
        bearer: it.secret("bearer").filter(|bearer| !bearer.is_empty()),
    };
    for (key, other) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
        if it.has(key) && !it.has(other) {
            it.fault(other, "nothing", format!("a PEM file: {key} goes with it"));
        }
    }
    credentials
}

/// An address kept as it was written, path, last slash and query included.
pub(super) fn whole_url(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    plain.then(|| text.to_owned())
}

fn read_secrets(it: &mut Table<'_>, kind: Option<Kind>, reading: &Reading) -> Vec<Secret> {
    let before = it.faults();
    let secrets = it.secrets("secrets").unwrap_or_default();
    let read = it.faults() == before;
    let key = if it.has("secrets_file") {
        "secrets_file"
    } else {
        "secrets"
    };
    // What could not be read is not missing as well.
    if secrets.is_empty() && read && kind == Some(Kind::Http) {
        let written = if it.has(key) { "none" } else { "nothing" };
        it.fault(key, written, "at least one key whsec_…: what we send is signed");
    }
    for secret in &secrets {
        let bytes = secret
            .expose()
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok());
        match bytes {
            Some(bytes) if bytes.len() >= KEY_BYTES_LEAST => {}
            Some(bytes) if bytes.len() >= KEY_BYTES_FEWEST => reading.note(format!(
                "{}.{key}: a key of {} bytes; Standard Webhooks asks for at least {KEY_BYTES_LEAST}",
                it.path,
                bytes.len()
            )),
            Some(_) => it.fault(key, "***", format!("a key of at least {} bytes", KEY_BYTES_FEWEST)),
            None => it.fault(key, "***", "whsec_ followed by base64"),
        }
    }
    secrets
}

fn read_match<'r>(core: &mut Table<'r>, mut it: Table<'r>) -> Option<Match> {
    let channels = it.list("channels", "a channel such as \"official_account\"", |text| {
        (text.contains('*') || CHANNELS.contains(&text)).then(|| text.to_owned())
    });
    let any = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let accounts = it.list("accounts", "an account id, * for any run of characters", any);
    let sub_ids = it.list("sub_ids", "a sub id, * for any run of characters", any);
    core.show_table("match", it);
    Some(Match {
        channels: channels.unwrap_or_default(),
        accounts: accounts.unwrap_or_default(),
        sub_ids: sub_ids.unwrap_or_default(),
    })
}
