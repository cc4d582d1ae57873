//! What can a channel's tables say of figures, media and parts? The rows, and what is read out of them.
//!
//! Quotas have changed twice (unlimited, 20, 5), so they are defaults that `quotas` and `limits` of the account override.

use crate::{
    channels::contract::{AllowanceRule, MediaLimit},
    ports::clock::Millis,
    schema::v1::{self, part_capability::Support},
    settings::AccountSettings,
};

/// One dated figure: what an act of the customer opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    pub trigger: &'static str,
    pub count: u32,
    pub window: Millis,
    pub page: &'static str,
    /// When the page was last read.
    pub read: &'static str,
}

pub const MINUTE: Millis = 60_000;
pub const HOUR: Millis = 60 * MINUTE;

/// Bytes of one text. The platform gives no number for customer-service messages; 2048 is what is observed.
pub const TEXT_BYTES: u64 = 2048;

/// Bytes of one text on this account.
pub fn text_bytes(settings: &AccountSettings) -> usize {
    let bytes = settings.limits.get("text_bytes").copied().unwrap_or(TEXT_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What `trigger` opens on this account, by the figures of its channel; `None` where it opens nothing.
pub fn allowance(
    figures: &[Figure],
    part_types: &'static [&'static str],
    settings: &AccountSettings,
    trigger: &str,
) -> Option<AllowanceRule> {
    let figure = figures.iter().find(|figure| figure.trigger == trigger)?;
    let own = settings.quotas.get(trigger);
    let window = own.and_then(|quota| humantime::parse_duration(quota.window.trim()).ok());
    Some(AllowanceRule {
        count: Some(own.and_then(|quota| quota.count).unwrap_or(figure.count)),
        window: window.map_or(figure.window, |window| {
            Millis::try_from(window.as_millis()).unwrap_or(Millis::MAX)
        }),
        part_types,
    })
}

/// What one road makes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Native,
    /// As this instead.
    As(&'static str),
    No,
}

/// One line of the table of parts.
pub struct PartRow {
    pub name: &'static str,
    pub api: Shown,
    pub passive: Shown,
    pub note: &'static str,
}

/// A line.
pub const fn row(name: &'static str, api: Shown, passive: Shown, note: &'static str) -> PartRow {
    PartRow {
        name,
        api,
        passive,
        note,
    }
}

/// A line as the schema shows it.
pub fn capability(row: &PartRow, media: &[MediaLimit]) -> v1::PartCapability {
    let (support, degrades_to) = match (row.api, row.passive) {
        (Shown::Native, _) | (_, Shown::Native) => (Support::Native, ""),
        (Shown::As(other), _) | (_, Shown::As(other)) => (Support::Degraded, other),
        (Shown::No, Shown::No) => (Support::No, ""),
    };
    let media = media.iter().find(|media| media.kind == row.name);
    let max_bytes = match row.name {
        "text" => TEXT_BYTES,
        _ => media.map_or(0, |media| media.max_bytes),
    };
    v1::PartCapability {
        r#type: row.name.into(),
        support: support.into(),
        max_bytes,
        mimes: media.map_or_else(Vec::new, |media| {
            media.formats.iter().map(|(mime, _)| (*mime).to_owned()).collect()
        }),
        max_items: u32::from(row.name == "articles"),
        degrades_to: degrades_to.into(),
    }
}

/// The names of the schema's parts, in its order.
#[cfg(test)]
pub fn schema_parts() -> Vec<&'static str> {
    let part = crate::schema::PROTO
        .split("message Part {")
        .nth(1)
        .and_then(|rest| rest.split("ext_json").next())
        .unwrap_or_default();
    part.lines()
        .filter_map(|line| line.split(" = ").next()?.split_whitespace().nth(1))
        .filter(|name| *name != "content")
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect()
}
