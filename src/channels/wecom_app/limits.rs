//! What does WeCom allow? Every figure once, with the page it comes from.
//!
//! There is no window and no count per member, only a speed ([`PACE`]).

use super::events::ALWAYS;
use crate::{
    channels::{
        common::limits::{self, HOUR, MINUTE, PartRow, Shown, row},
        contract::{AllowanceRule, MediaLimit, Pace},
    },
    ports::clock::Millis,
    schema::v1,
};

pub use limits::text_bytes;

/// What a temporary medium may be; each has more than 5 bytes.
/// <https://developer.work.weixin.qq.com/document/path/90253>
pub const MEDIA: &[MediaLimit] = &[
    MediaLimit {
        kind: "image",
        max_bytes: 10 << 20,
        formats: &[("image/jpeg", "jpg"), ("image/jpg", "jpg"), ("image/png", "png")],
    },
    MediaLimit {
        kind: "voice",
        max_bytes: 2 << 20,
        formats: &[("audio/amr", "amr")],
    },
    MediaLimit {
        kind: "video",
        max_bytes: 10 << 20,
        formats: &[("video/mp4", "mp4")],
    },
    MediaLimit {
        kind: "file",
        max_bytes: 20 << 20,
        formats: &[],
    },
];

/// A file of up to 5 bytes is refused.
pub const LEAST_BYTES: usize = 6;

/// One download gives at most this much; larger files are read range by range (830002).
/// <https://developer.work.weixin.qq.com/document/path/90254>
pub const DOWNLOAD_RANGE: u64 = 20 << 20;

/// The platform drops what goes over 30 messages a minute or 1000 an hour to one member, and answers "ok": we stay below.
/// <https://developer.work.weixin.qq.com/document/path/90312>
pub const PACE: &[Pace] = &[
    Pace {
        count: 25,
        window: MINUTE,
    },
    Pace {
        count: 900,
        window: HOUR,
    },
];

/// Messages are always lawful: no act opens or closes a window. Written down, so that a member who had left counts as
/// within reach again.
pub fn allowance(trigger: &str) -> Option<AllowanceRule> {
    const TEN_YEARS: Millis = 10 * 365 * 24 * HOUR;
    (trigger == ALWAYS).then_some(AllowanceRule {
        count: None,
        window: TEN_YEARS,
        part_types: SENDABLE,
    })
}

/// Every part of the schema, in its order.
pub const PARTS: &[PartRow] = &[
    row(
        "text",
        Shown::Native,
        Shown::Native,
        "HTML and Markdown are lowered to newlines and links, which WeChat's plug-in shows too; long texts are split (API) or cut (passive)",
    ),
    row("image", Shown::Native, Shown::Native, "JPG or PNG"),
    row("voice", Shown::Native, Shown::Native, "AMR, at most 60 s"),
    row(
        "video",
        Shown::Native,
        Shown::Native,
        "MP4; `name` is the title, `caption` the description",
    ),
    row("file", Shown::Native, Shown::As("link"), "passively a link"),
    row(
        "location",
        Shown::As("text"),
        Shown::As("text"),
        "a text with a link to the map",
    ),
    row("link", Shown::Native, Shown::Native, "`news` with one article"),
    row(
        "articles",
        Shown::Native,
        Shown::Native,
        "`news`, up to 8 in one message, more in several",
    ),
    row(
        "mini_program",
        Shown::Native,
        Shown::As("text"),
        "`miniprogram_notice` where the title has 4 to 12 characters, else `news` that opens it; the mini-program must be linked",
    ),
    row(
        "card",
        Shown::Native,
        Shown::As("link"),
        "`template_card`: `button_interaction` with answers among its buttons, `news_notice` with a picture, else `text_notice`; without link and buttons a text",
    ),
    row(
        "menu",
        Shown::Native,
        Shown::As("text"),
        "`template_card` with buttons, 6 on each card; a tap is a CHOICE; with a mini-program among the choices, or passively, a numbered text",
    ),
    row("contact", Shown::As("text"), Shown::As("text"), "the name alone"),
    row("music", Shown::As("link"), Shown::As("link"), "a link"),
    row(
        "forwarded",
        Shown::As("text"),
        Shown::As("text"),
        "the words, line by line",
    ),
    row(
        "reference",
        Shown::As("link"),
        Shown::As("link"),
        "its link, or refused without one",
    ),
    row(
        "template_card",
        Shown::Native,
        Shown::Native,
        "all five kinds; with the `taskId` of a card sent or clicked before it changes that card, which alone can ride in the request of a click",
    ),
    row("template", Shown::No, Shown::No, "WeCom has none"),
    row("transfer", Shown::No, Shown::No, "WeCom has no agents of its own here"),
    row("unsupported", Shown::No, Shown::No, ""),
];

/// Parts that can be sent.
const SENDABLE: &[&str] = &[
    "text",
    "image",
    "voice",
    "video",
    "file",
    "location",
    "link",
    "articles",
    "mini_program",
    "card",
    "menu",
    "contact",
    "music",
    "forwarded",
    "reference",
    "template_card",
];

/// What members can send us.
const INBOUND: &[&str] = &[
    "text",
    "image",
    "voice",
    "video",
    "file",
    "location",
    "link",
    "mini_program",
    "unsupported",
];

/// Articles of one message.
/// <https://developer.work.weixin.qq.com/document/path/90236>
pub const ARTICLES: usize = 8;

/// The static part of the capability record.
pub fn capabilities(describe: &v1::Account) -> v1::Capabilities {
    let capability = |row| {
        let mut it = limits::capability(row, MEDIA);
        if it.r#type == "articles" {
            it.max_items = 8;
        }
        it
    };
    v1::Capabilities {
        account: Some(describe.clone()),
        passive: true,
        api: true,
        read_receipts: "unsupported".into(),
        quotes: "inline".into(),
        recall: true,
        typing: false,
        idempotent_send: false,
        late_failures_reported: false,
        outbound: PARTS.iter().map(capability).collect(),
        inbound: INBOUND.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1::part_capability::Support;

    #[test]
    fn every_part_of_the_schema_has_a_line() {
        let rows: Vec<&str> = PARTS.iter().map(|row| row.name).collect();
        assert_eq!(rows, limits::schema_parts());
    }

    #[test]
    fn nothing_is_counted() {
        let rule = allowance(ALWAYS).expect("always open");
        assert_eq!(rule.count, None);
        assert_eq!(allowance("message"), None);
    }

    #[test]
    fn the_record_says_what_the_account_can_do() {
        let record = capabilities(&v1::Account::default());
        assert!(record.recall && !record.typing);
        let of = |name: &str| record.outbound.iter().find(|part| part.r#type == name).expect("listed");
        assert_eq!(
            (of("file").support(), of("file").max_bytes),
            (Support::Native, 20 << 20)
        );
        assert_eq!(of("voice").mimes, ["audio/amr"]);
        assert_eq!(of("articles").max_items, 8);
        assert_eq!(of("transfer").support(), Support::No);
    }
}
