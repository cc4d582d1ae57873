//! What does the platform allow a mini-program? Every figure once, with the page it comes from and the day it was read.

use crate::{
    channels::{
        common::limits::{self, Figure, HOUR, MINUTE, PartRow, Shown, row},
        contract::{AllowanceRule, MediaLimit},
    },
    ports::clock::Millis,
    schema::v1,
    settings::AccountSettings,
};

const SEND_GUIDE: &str =
    "https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/send.html";

/// Customer-service messages that an act opens. Older copies say 3 after a message and 1 on entering.
pub const FIGURES: &[Figure] = &[figure("message", 5, 48 * HOUR), figure("enter", 2, MINUTE)];

const fn figure(trigger: &'static str, count: u32, window: Millis) -> Figure {
    Figure {
        trigger,
        count,
        window,
        page: SEND_GUIDE,
        read: "2025-01",
    }
}

const PICTURES: &[(&str, &str)] = &[
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
];

/// What a temporary medium may be: pictures alone, a card's thumbnail is one too. The page's table says 10 MB, older
/// copies 2 MB.
/// <https://developers.weixin.qq.com/miniprogram/dev/server/API/kf-mgnt/kf-message/api_uploadtempmedia.html>
pub const MEDIA: &[MediaLimit] = &[
    MediaLimit {
        kind: "image",
        max_bytes: 10 << 20,
        formats: PICTURES,
    },
    MediaLimit {
        kind: "thumb",
        max_bytes: 10 << 20,
        formats: PICTURES,
    },
];

/// What `trigger` opens on this account; `None` where it opens nothing.
pub fn allowance(settings: &AccountSettings, trigger: &str) -> Option<AllowanceRule> {
    limits::allowance(FIGURES, SENDABLE, settings, trigger)
}

/// Every part of the schema, in its order.
pub const PARTS: &[PartRow] = &[
    line(
        "text",
        Shown::Native,
        "HTML and Markdown are lowered to newlines and links; long texts are split",
    ),
    line("image", Shown::Native, "without a copy on the platform a link"),
    line("voice", Shown::As("link"), "mini-programs cannot send voices"),
    line("video", Shown::As("link"), "mini-programs cannot send videos"),
    line("file", Shown::As("link"), "mini-programs cannot send files"),
    line("location", Shown::As("text"), "a text with a link to the map"),
    line("link", Shown::Native, "`link`"),
    line(
        "articles",
        Shown::As("link"),
        "one is a `link`, several are links in a text",
    ),
    line(
        "mini_program",
        Shown::Native,
        "`miniprogrampage`, own pages with a thumbnail; without one a link in a text; of another mini-program its title",
    ),
    line(
        "card",
        Shown::Native,
        "`miniprogrampage` of an own page with a thumbnail, else `link` with the web link, else a text; buttons are links in a text",
    ),
    line("menu", Shown::As("text"), "a text whose links answer"),
    line("contact", Shown::As("text"), "the name alone"),
    line("music", Shown::As("link"), ""),
    line("forwarded", Shown::As("text"), "the words, line by line"),
    line("reference", Shown::As("link"), "its link, or refused without one"),
    line("template_card", Shown::No, "belongs to WeCom"),
    line("template", Shown::No, "not a customer-service message"),
    row(
        "transfer",
        Shown::No,
        Shown::Native,
        "only in answer to a message, and with `platform_agents = \"allow\"`",
    ),
    line("unsupported", Shown::No, ""),
];

/// Nothing but `transfer` rides in a request.
const fn line(name: &'static str, api: Shown, note: &'static str) -> PartRow {
    row(name, api, Shown::No, note)
}

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

/// What customers can send us. Voices, videos and the like are typed if they should come, but no page offers them.
const INBOUND: &[&str] = &["text", "image", "mini_program", "unsupported"];

/// The static part of the capability record.
pub fn capabilities(describe: &v1::Account) -> v1::Capabilities {
    v1::Capabilities {
        account: Some(describe.clone()),
        passive: false,
        api: true,
        read_receipts: "unsupported".into(),
        quotes: "inline".into(),
        recall: false,
        typing: true,
        idempotent_send: false,
        late_failures_reported: false,
        outbound: PARTS.iter().map(|row| limits::capability(row, MEDIA)).collect(),
        inbound: INBOUND.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1::part_capability::Support;

    #[test]
    fn a_message_opens_two_days_and_entering_one_minute() {
        let rule = |trigger| allowance(&AccountSettings::default(), trigger).map(|rule| (rule.count, rule.window));
        assert_eq!(rule("message"), Some((Some(5), 48 * HOUR)));
        assert_eq!(rule("enter"), Some((Some(2), MINUTE)));
        assert_eq!(rule("menu"), None);
    }

    #[test]
    fn every_part_of_the_schema_has_a_line() {
        let rows: Vec<&str> = PARTS.iter().map(|row| row.name).collect();
        assert_eq!(rows, limits::schema_parts());
    }

    #[test]
    fn the_record_says_what_the_account_can_do() {
        let record = capabilities(&v1::Account::default());
        assert!(record.api && !record.passive);
        let of = |name: &str| record.outbound.iter().find(|part| part.r#type == name).expect("listed");
        assert_eq!(of("voice").degrades_to, "link");
        assert_eq!(of("menu").support(), Support::Degraded);
        assert_eq!(of("image").max_bytes, 10 << 20);
    }
}
