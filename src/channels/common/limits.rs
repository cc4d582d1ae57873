//! What can a channel's tables say of figures, media and parts? The rows, and what is read out of them.
//!
//! Quotas have changed twice (unlimited, 20, 5), so they are defaults that `quotas` and `limits` of the account override.

use crate::{
    channels::contract::{AllowanceRule, MediaLimit},
    ports::clock::Millis,
    schema::v1::{self, part_capability::Support},
    settings::{AccountSettings, PlatformAgents},
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

/// How `limits` of an account name it.
const TEXT: &str = "text_bytes";

/// How they name the bytes of a file of this kind.
fn of_kind(kind: &str) -> String {
    format!("{kind}_bytes")
}

/// Bytes of one text on this account.
pub fn text_bytes(settings: &AccountSettings) -> usize {
    let bytes = settings.limits.get(TEXT).copied().unwrap_or(TEXT_BYTES);
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

/// Writes `PARTS`, every part of the schema in its order, and `SENDABLE`, those that an allowance can be spent on:
/// `part: by API, passively, "note";` a line each.
macro_rules! parts {
    ($( $name:ident: $api:expr, $passive:expr, $note:literal; )*) => {
        /// Every part of the schema, in its order.
        pub const PARTS: &[$crate::channels::common::limits::PartRow] =
            &[ $( $crate::channels::common::limits::row(stringify!($name), $api, $passive, $note), )* ];
        /// The parts that can be sent by the API.
        const SENDABLE: &[&str] =
            &$crate::channels::common::limits::sendable::<{ $crate::channels::common::limits::count(PARTS) }>(PARTS);
    };
}
pub(in crate::channels) use parts;

/// How many parts can be sent by the API.
pub const fn count(parts: &[PartRow]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < parts.len() {
        count += !matches!(parts[at].api, Shown::No) as usize;
        at += 1;
    }
    count
}

/// Their names.
pub const fn sendable<const N: usize>(parts: &[PartRow]) -> [&'static str; N] {
    let (mut names, mut at, mut next) = ([""; N], 0, 0);
    while at < parts.len() {
        if !matches!(parts[at].api, Shown::No) {
            names[next] = parts[at].name;
            next += 1;
        }
        at += 1;
    }
    names
}

/// What an account of a channel can do: the static part of its capability record.
pub struct Record {
    /// An answer inside the request carries content.
    pub passive: bool,
    pub recall: bool,
    pub typing: bool,
    pub idempotent_send: bool,
    pub late_failures_reported: bool,
    pub parts: &'static [PartRow],
    pub media: &'static [MediaLimit],
    /// Articles of one message.
    pub articles: u32,
    /// What customers can send us.
    pub inbound: &'static [&'static str],
}

impl Record {
    /// The names that `limits` of an account may have.
    pub fn limits(&self) -> Vec<String> {
        let texts = self.parts.iter().any(|row| row.name == "text");
        let files = self.media.iter().map(|media| of_kind(media.kind));
        texts.then(|| TEXT.to_owned()).into_iter().chain(files).collect()
    }

    /// The record of one account, with the figures that its operator lowered.
    pub fn of(&self, describe: &v1::Account, settings: &AccountSettings) -> v1::Capabilities {
        let line = |row| {
            let mut it = capability(row, self.media);
            it.max_bytes = match it.r#type.as_str() {
                "text" => text_bytes(settings) as u64,
                kind => lowered(settings, kind, it.max_bytes),
            };
            if it.r#type == "transfer" && settings.platform_agents == PlatformAgents::Forbid {
                it.set_support(Support::No);
            }
            if it.r#type == "articles" {
                it.max_items = self.articles;
            }
            it
        };
        v1::Capabilities {
            account: Some(describe.clone()),
            passive: self.passive,
            api: true,
            read_receipts: "unsupported".into(),
            quotes: "inline".into(),
            recall: self.recall,
            typing: self.typing,
            idempotent_send: self.idempotent_send,
            late_failures_reported: self.late_failures_reported,
            outbound: self.parts.iter().map(line).collect(),
            inbound: self.inbound.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        }
    }
}

/// The most bytes of a medium of this kind: `limits = { image_bytes = … }` of the account lowers the platform's figure.
pub fn lowered(settings: &AccountSettings, kind: &str, most: u64) -> u64 {
    let own = settings.limits.get(&of_kind(kind));
    own.map_or(most, |own| most.min(*own))
}

/// A line as the schema shows it.
fn capability(row: &PartRow, media: &[MediaLimit]) -> v1::PartCapability {
    let (support, degrades_to) = match (row.api, row.passive) {
        (Shown::Native, _) | (_, Shown::Native) => (Support::Native, ""),
        (Shown::As(other), _) | (_, Shown::As(other)) => (Support::Degraded, other),
        (Shown::No, Shown::No) => (Support::No, ""),
    };
    let media = media.iter().find(|media| media.kind == row.name);
    v1::PartCapability {
        r#type: row.name.into(),
        support: support.into(),
        max_bytes: media.map_or(0, |media| media.max_bytes),
        mimes: media.map_or_else(Vec::new, |media| {
            media.formats.iter().map(|(mime, _)| (*mime).to_owned()).collect()
        }),
        max_items: 0,
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
