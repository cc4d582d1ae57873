//! What does the platform allow? Every figure once, with the page it comes from and the day it was read.

use crate::{
    channels::{
        common::limits::{
            self, Figure, HOUR, Record,
            Shown::{As, Native, No},
            parts,
        },
        contract::{AllowanceRule, MediaLimit},
    },
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

parts! {
    text: Native, No, "HTML and Markdown are lowered to newlines and addresses; long texts are split";
    image: Native, No, "JPG, PNG; else a link";
    voice: Native, No, "AMR; else a link";
    video: Native, No, "MP4; else a link";
    file: Native, No, "";
    location: Native, No, "";
    link: Native, No, "needs a picture (`imageHandle`, or the account's `default_thumb`), else a text with its address";
    articles: As("link"), No, "one link after another";
    mini_program: Native, No, "needs a thumbnail, else an item of a menu";
    card: Native, No, "mini-program card or link; with buttons, or without a picture, a menu";
    menu: Native, No, "10 items; a menu that is longer becomes a text";
    contact: Native, No, "a member's userid, once in 48 h";
    music: As("text"), No, "its address";
    forwarded: As("text"), No, "the words, line by line";
    reference: As("text"), No, "`ca_link` natively; others as their link, or refused without one";
    template_card: No, No, "belongs to WeCom apps";
    template: No, No, "not a customer-service message";
    transfer: No, No, "session orders QUEUE and ASSIGN do this";
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
    "mini_program",
    "menu",
    "contact",
    "forwarded",
    "reference",
    "unsupported",
];

/// What an account can do.
pub const RECORD: Record = Record {
    passive: false,
    recall: true,
    typing: false,
    idempotent_send: true,
    late_failures_reported: true,
    parts: PARTS,
    media: MEDIA,
    articles: 1,
    inbound: INBOUND,
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::schema::v1;

    #[test]
    fn the_stand_alone_home_says_its_smaller_pictures() {
        let bytes = |limits: BTreeMap<String, u64>| {
            let settings = AccountSettings {
                limits,
                ..AccountSettings::default()
            };
            let record = RECORD.of(&v1::Account::default(), &settings);
            let of = |name: &str| {
                record
                    .outbound
                    .iter()
                    .find(|part| part.r#type == name)
                    .map(|it| it.max_bytes)
            };
            (of("image"), of("video"))
        };
        assert_eq!(bytes(BTreeMap::new()), (Some(10 << 20), Some(10 << 20)));
        let alone = BTreeMap::from([("image_bytes".to_owned(), 2 << 20)]);
        assert_eq!(bytes(alone), (Some(2 << 20), Some(10 << 20)));
        // It lowers the platform's figure and never raises it.
        let more = BTreeMap::from([("image_bytes".to_owned(), 50 << 20)]);
        assert_eq!(bytes(more).0, Some(10 << 20));
    }
}
