//! What does the platform allow? Every figure once, with the page it comes from and the day it was read.
//!
//! Quotas have changed twice (unlimited, 20, 5), so they are defaults that `quotas` and `limits` of the account override.

use crate::{
    channels::{
        common::limits::{
            self, Figure, HOUR, MINUTE, Record,
            Shown::{As, Native, No},
            parts,
        },
        contract::{AllowanceRule, MediaLimit},
    },
    ports::clock::Millis,
    settings::AccountSettings,
};

pub use limits::text_bytes;

const KF_INTRO: &str = "https://developers.weixin.qq.com/doc/subscription/guide/product/kf/intro.html";

/// Customer-service messages that an act opens. A payment opens 48 h without count, but no callback tells us of it.
pub const FIGURES: &[Figure] = &[
    figure("message", 5, 48 * HOUR),
    figure("menu", 3, MINUTE),
    figure("scan", 3, MINUTE),
    figure("follow", 3, MINUTE),
];

const fn figure(trigger: &'static str, count: u32, window: Millis) -> Figure {
    Figure {
        trigger,
        count,
        window,
        page: KF_INTRO,
        read: "2026-03",
    }
}

/// What a temporary medium may be.
/// <https://developers.weixin.qq.com/doc/subscription/api/material/temporary/api_uploadtempmedia.html>
/// The page says 10 MB for images in its table and 2 MB in its text; the table is the newer one.
pub const MEDIA: &[MediaLimit] = &[
    MediaLimit {
        kind: "image",
        max_bytes: 10 << 20,
        formats: &[
            ("image/jpeg", "jpg"),
            ("image/jpg", "jpg"),
            ("image/png", "png"),
            ("image/gif", "gif"),
        ],
    },
    MediaLimit {
        kind: "voice",
        max_bytes: 2 << 20,
        formats: &[("audio/amr", "amr"), ("audio/mpeg", "mp3"), ("audio/mp3", "mp3")],
    },
    MediaLimit {
        kind: "video",
        max_bytes: 10 << 20,
        formats: &[("video/mp4", "mp4")],
    },
    MediaLimit {
        kind: "thumb",
        max_bytes: 64 << 10,
        formats: &[("image/jpeg", "jpg"), ("image/jpg", "jpg")],
    },
];

/// What `trigger` opens on this account; `None` where it opens nothing.
pub fn allowance(settings: &AccountSettings, trigger: &str) -> Option<AllowanceRule> {
    limits::allowance(FIGURES, SENDABLE, settings, trigger)
}

parts! {
    text: Native, Native,
        "HTML and Markdown are lowered to newlines and links; long texts are split (API) or cut (passive)";
    image: Native, Native, "a passive answer shows no GIF; without a copy on the platform a link";
    voice: Native, Native, "AMR or MP3, at most 60 s";
    video: Native, Native, "MP4; `name` is the title, `caption` the description; the thumbnail is `thumbHandle`, else `default_thumb`";
    file: As("link"), As("link"), "official accounts cannot send files";
    location: As("text"), As("text"), "a text with a link to the map";
    link: Native, Native, "`news` with one article";
    articles: Native, Native,
        "API and answers to a message: one article, the others as links in a text; answers to an event: up to 8";
    mini_program: Native, As("text"),
        "needs the API, a thumbnail, and a mini-program linked to the account; else a link in a text";
    card: Native, Native,
        "`miniprogrampage` with a thumbnail by API, else `news` with the web link, else a text; buttons are links in a text";
    menu: Native, As("text"), "`msgmenu`; with links among the choices, or passively, a text whose links answer";
    contact: As("text"), As("text"), "the name alone";
    music: Native, Native, "needs a thumbnail, else a link";
    forwarded: As("text"), As("text"), "the words, line by line";
    reference: Native, As("link"),
        "kinds `wxcard`, `mpnews`, `mpnewsarticle` by their id; others as their link, or refused without one";
    template_card: No, No, "belongs to WeCom";
    template: No, No, "not a customer-service message";
    transfer: No, Native, "only in answer to a message, and with `platform_agents = \"allow\"`";
    unsupported: No, No, "";
}

/// What customers can send us.
const INBOUND: &[&str] = &[
    "text",
    "image",
    "voice",
    "video",
    "file",
    "location",
    "link",
    "unsupported",
];

/// What an account can do.
pub const RECORD: Record = Record {
    passive: true,
    recall: false,
    typing: true,
    idempotent_send: false,
    late_failures_reported: false,
    parts: PARTS,
    media: MEDIA,
    articles: 1,
    inbound: INBOUND,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schema::v1::{self, part_capability::Support},
        settings::Quota,
    };

    #[test]
    fn the_figures_are_defaults_that_the_operator_overrides() {
        let mut settings = AccountSettings::default();
        let rule = allowance(&settings, "message").expect("a message opens a window");
        assert_eq!((rule.count, rule.window), (Some(5), 48 * HOUR));
        assert_eq!(allowance(&settings, "menu").map(|rule| rule.window), Some(MINUTE));
        assert_eq!(allowance(&settings, "enter"), None);

        let quota = |count, window: &str| Quota {
            count,
            window: window.into(),
        };
        settings.quotas.insert("message".into(), quota(Some(20), ""));
        settings.quotas.insert("menu".into(), quota(None, "2m"));
        let rule = allowance(&settings, "message").expect("still");
        assert_eq!((rule.count, rule.window), (Some(20), 48 * HOUR));
        let rule = allowance(&settings, "menu").expect("still");
        assert_eq!((rule.count, rule.window), (Some(3), 2 * MINUTE));
    }

    #[test]
    fn the_record_says_what_the_account_can_do() {
        let record = RECORD.of(&v1::Account::default(), &AccountSettings::default());
        assert_eq!(record.read_receipts, "unsupported");
        let of = |name: &str| record.outbound.iter().find(|part| part.r#type == name).expect("listed");
        assert_eq!(of("text").max_bytes, 2048);
        assert_eq!(of("file").support(), Support::Degraded);
        assert_eq!(of("file").degrades_to, "link");
        assert_eq!(of("template").support(), Support::No);
        assert!(of("image").mimes.contains(&"image/png".to_owned()));
    }
}
