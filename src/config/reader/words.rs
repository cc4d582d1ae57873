//! How does the text of a setting read, and how is what was found shown to an operator?

use std::path::Path;

use config::{Map, Value, ValueKind};

use crate::{ports::clock::Millis, secret::Secret};

/// How a secret shows.
pub(super) const MASK: &str = "***";
pub const ADDRESS: &str = "an address such as \"127.0.0.1:8081\"";
pub const HTTP_URL: &str = "an address such as \"https://bridge.example.com\", without credentials, query or fragment";

/// An absolute http or https address, without its last slash.
pub fn http_url(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then(|| text.trim_end_matches('/').to_owned())
}

/// A duration in milliseconds: `48h`, `4000ms`, `0`.
pub fn duration(text: &str) -> Option<Millis> {
    let span = humantime::parse_duration(text).ok()?;
    Millis::try_from(span.as_millis()).ok()
}

pub(super) fn duration_text(millis: Millis) -> String {
    if millis < 10_000 {
        return format!("{millis}ms");
    }
    humantime::format_duration(std::time::Duration::from_millis(millis.unsigned_abs())).to_string()
}

/// Reads a small text file; memory of it is wiped.
pub fn read_text(path: &Path) -> std::io::Result<Secret> {
    std::fs::read_to_string(path).map(Secret::new)
}

/// The lines of a file that say something.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The text in quotes, cut, and without the credentials of an address.
pub fn quoted(text: &str) -> String {
    let masked = without_credentials(text);
    let text = masked.as_str();
    let short: String = text.chars().take(80).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{dots}")
}

fn without_credentials(text: &str) -> String {
    // Also of what lacks slashes, or a scheme: a password is one wherever it was mistyped.
    let begin = text.find(':').map_or(0, |colon| colon + 1);
    let (scheme, rest) = text.split_at(begin);
    let address = rest.trim_start_matches(['/', '\\']);
    let slashes = rest.strip_suffix(address).unwrap_or_default();
    let host_end = address.find(['/', '\\', '?', '#']).unwrap_or(address.len());
    match address.get(..host_end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}{slashes}{MASK}{}", address.get(at..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

pub(super) fn describe(value: &Value) -> String {
    match &value.kind {
        ValueKind::Nil => "nothing".into(),
        ValueKind::Boolean(flag) => flag.to_string(),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::U64(number) => number.to_string(),
        ValueKind::I128(number) => number.to_string(),
        ValueKind::U128(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::String(text) => quoted(text),
        ValueKind::Table(_) => "a table".into(),
        ValueKind::Array(_) => "a list".into(),
    }
}

pub(super) fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match &value.kind {
        ValueKind::Nil => return None,
        ValueKind::Boolean(flag) => (*flag).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::U64(number) => i64::try_from(*number).ok()?.into(),
        ValueKind::I128(number) => i64::try_from(*number).ok()?.into(),
        ValueKind::U128(number) => i64::try_from(*number).ok()?.into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => text.as_str().into(),
        ValueKind::Array(items) => toml::Value::Array(items.iter().filter_map(to_toml).collect()),
        ValueKind::Table(fields) => toml::Value::Table(
            fields
                .iter()
                .filter_map(|(key, item)| Some((key.clone(), to_toml(item)?)))
                .collect(),
        ),
    })
}

pub(super) fn first_origin(fields: &Map<String, Value>) -> Option<String> {
    let mut keys: Vec<_> = fields.keys().collect();
    keys.sort();
    keys.into_iter()
        .filter_map(|key| fields.get(key))
        .find_map(deepest_origin)
}

/// Where a value was written; of a table that was put together, where its first part was.
pub(super) fn deepest_origin(value: &Value) -> Option<String> {
    match (&value.kind, value.origin()) {
        (_, Some(origin)) => Some(origin.to_owned()),
        (ValueKind::Table(fields), None) => first_origin(fields),
        (ValueKind::Array(items), None) => items.iter().find_map(deepest_origin),
        _ => None,
    }
}
