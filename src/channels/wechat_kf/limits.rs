//! What does the platform allow? Every figure once, with the page it comes from and the day it was read.

use crate::{
    channels::{
        common::limits::{self, Figure, HOUR, PartRow, Shown, row},
        contract::{AllowanceRule, MediaLimit},
    },
    schema::v1,
    settings::AccountSettings,
};

const SEND_PAGE: &str = "https://developer.work.weixin.qq.com/document/path/94677";

/// Messages that the customer's own opens. Whether a tap on a menu opens as many is not documented: what a tap opens is an
/// estimate, which the platform's answer corrects.
pub const FIGURES: &[Figure] = &[
    Figure {
        trigger: "message",
        count: 5,
        window: 48 * HOUR,
        page: SEND_PAGE,
        read: "2024-12",
    },
    Figure {
        trigger: "menu",
        count: 5,
        window: 48 * HOUR,
        page: SEND_PAGE,
        read: "2024-12",
    },
];

/// What a temporary medium may be (<https://developer.work.weixin.qq.com/document/path/90253>); the stand-alone home takes
/// images up to 2 MB (`limits.image_bytes`).
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
    MediaLimit {
        kind: "thumb",
        max_bytes: 10 << 20,
        formats: &[("image/jpeg", "jpg"), ("image/jpg", "jpg"), ("image/png", "png")],
    },
];

/// Bytes of the fields that are cut or refused beyond them.
pub const LINK_TITLE: usize = 128;
pub const LINK_DESC: usize = 512;
pub const URL: usize = 2048;
pub const PAGE_TITLE: usize = 64;
pub const MENU_WORDS: usize = 1024;
pub const MENU_ITEMS: usize = 10;
pub const CLICK: usize = 128;

/// What `trigger` opens on this account; `None` where it opens nothing.
pub fn allowance(settings: &AccountSettings, trigger: &str) -> Option<AllowanceRule> {
    limits::allowance(FIGURES, SENDABLE, settings, trigger)
}

/// Every part of the schema, in its order.
pub const PARTS: &[PartRow] = &[
    row(
        "text",
        Shown::Native,
        Shown::No,
        "HTML and Markdown are lowered to newlines and addresses; long texts are split",
    ),
    row("image", Shown::Native, Shown::No, "JPG, PNG; else a link"),
    row("voice", Shown::Native, Shown::No, "AMR; else a link"),
    row("video", Shown::Native, Shown::No, "MP4; else a link"),
    row("file", Shown::Native, Shown::No, ""),
    row("location", Shown::Native, Shown::No, ""),
    row(
        "link",
        Shown::Native,
        Shown::No,
        "needs a picture (`imageHandle`, or the account's `default_thumb`), else a text with its address",
    ),
    row("articles", Shown::As("link"), Shown::No, "one link after another"),
    row(
        "mini_program",
        Shown::Native,
        Shown::No,
        "needs a thumbnail, else an item of a menu",
    ),
    row(
        "card",
        Shown::Native,
        Shown::No,
        "mini-program card or link; with buttons, or without a picture, a menu",
    ),
    row(
        "menu",
        Shown::Native,
        Shown::No,
        "10 items; a menu that is longer becomes a text",
    ),
    row("contact", Shown::Native, Shown::No, "a member's userid, once in 48 h"),
    row("music", Shown::As("text"), Shown::No, "its address"),
    row("forwarded", Shown::As("text"), Shown::No, "the words, line by line"),
    row(
        "reference",
        Shown::As("text"),
        Shown::No,
        "`ca_link` natively; others as their link, or refused without one",
    ),
    row("template_card", Shown::No, Shown::No, "belongs to WeCom apps"),
    row("template", Shown::No, Shown::No, "not a customer-service message"),
    row(
        "transfer",
        Shown::No,
        Shown::No,
        "session orders QUEUE and ASSIGN do this",
    ),
    row("unsupported", Shown::No, Shown::No, ""),
];

/// Parts an allowance can be spent on.
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
];

/// What customers can send us.
const INBOUND: &[&str] = &[
    "text",
    "image",
    "voice",
    "video",
    "file",
    "location",
    "link",
    "mini_program",
    "menu",
    "contact",
    "forwarded",
    "reference",
    "unsupported",
];

/// The static part of the capability record.
pub fn capabilities(describe: &v1::Account) -> v1::Capabilities {
    v1::Capabilities {
        account: Some(describe.clone()),
        passive: false,
        api: true,
        read_receipts: "unsupported".into(),
        quotes: "inline".into(),
        recall: true,
        typing: false,
        idempotent_send: true,
        late_failures_reported: true,
        outbound: PARTS.iter().map(|row| limits::capability(row, MEDIA)).collect(),
        inbound: INBOUND.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}
