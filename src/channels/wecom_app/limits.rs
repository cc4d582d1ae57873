//! What does WeCom allow? Every figure once, with the page it comes from.
//!
//! There is no window and no count per member, only a speed ([`PACE`]).

use super::events::ALWAYS;
use crate::{
    channels::{
        common::limits::{
            self, HOUR, MINUTE, Record,
            Shown::{As, Native, No},
            parts,
        },
        contract::{AllowanceRule, MediaLimit, Pace},
    },
    ports::clock::Millis,
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

parts! {
    text: Native, Native,
        "HTML and Markdown are lowered to newlines and links, which WeChat's plug-in shows too; long texts are split (API) or cut (passive)";
    image: Native, Native, "JPG or PNG";
    voice: Native, Native, "AMR, at most 60 s";
    video: Native, Native, "MP4; `name` is the title, `caption` the description";
    file: Native, As("link"), "passively a link";
    location: As("text"), As("text"), "a text with a link to the map";
    link: Native, Native, "`news` with one article";
    articles: Native, Native, "`news`, up to 8 in one message, more in several";
    mini_program: Native, As("text"),
        "`miniprogram_notice` where the title has 4 to 12 characters, else `news` that opens it; the mini-program must be linked";
    card: Native, As("link"),
        "`template_card`: `button_interaction` with answers among its buttons, `news_notice` with a picture, else `text_notice`; without link and buttons a text";
    menu: Native, As("text"),
        "`template_card` with buttons, 6 on each card; a tap is a CHOICE; with a mini-program among the choices, or passively, a numbered text";
    contact: As("text"), As("text"), "the name alone";
    music: As("link"), As("link"), "a link";
    forwarded: As("text"), As("text"), "the words, line by line";
    reference: As("link"), As("link"), "its link, or refused without one";
    template_card: Native, Native,
        "all five kinds; with the `taskId` of a card sent or clicked before it changes that card, which alone can ride in the request of a click";
    template: No, No, "WeCom has none";
    transfer: No, No, "WeCom has no agents of its own here";
    unsupported: No, No, "";
}

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

/// Bytes of a link's fields, and of a video's words; more is cut by the platform without a word.
/// <https://developer.work.weixin.qq.com/document/path/90236>
pub const TITLE: usize = 128;
pub const DESCRIPTION: usize = 512;
pub const URL: usize = 2048;

/// What an account can do.
pub const RECORD: Record = Record {
    passive: true,
    recall: true,
    typing: false,
    idempotent_send: false,
    late_failures_reported: false,
    parts: PARTS,
    media: MEDIA,
    articles: ARTICLES as u32,
    inbound: INBOUND,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schema::v1::{self, part_capability::Support},
        settings::AccountSettings,
    };

    #[test]
    fn nothing_is_counted() {
        let rule = allowance(ALWAYS).expect("always open");
        assert_eq!(rule.count, None);
        assert_eq!(allowance("message"), None);
    }

    #[test]
    fn the_record_says_what_the_account_can_do() {
        let record = RECORD.of(&v1::Account::default(), &AccountSettings::default());
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
