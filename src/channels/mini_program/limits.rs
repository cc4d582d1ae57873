//! What does the platform allow a mini-program? Every figure once, with the page it comes from and the day it was read.

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

parts! {
    text: Native, No, "HTML and Markdown are lowered to newlines and links; long texts are split";
    image: Native, No, "without a copy on the platform a link";
    voice: As("link"), No, "mini-programs cannot send voices";
    video: As("link"), No, "mini-programs cannot send videos";
    file: As("link"), No, "mini-programs cannot send files";
    location: As("text"), No, "a text with a link to the map";
    link: Native, No, "`link`";
    articles: As("link"), No, "one is a `link`, several are links in a text";
    mini_program: Native, No,
        "`miniprogrampage`, own pages with a thumbnail; without one a link in a text; of another mini-program its title";
    card: Native, No,
        "`miniprogrampage` of an own page with a thumbnail, else `link` with the web link, else a text; buttons are links in a text";
    menu: As("text"), No, "a text whose links answer";
    contact: As("text"), No, "the name alone";
    music: As("link"), No, "";
    forwarded: As("text"), No, "the words, line by line";
    reference: As("link"), No, "its link, or refused without one";
    template_card: No, No, "belongs to WeCom";
    template: No, No, "not a customer-service message";
    transfer: No, Native, "only in answer to a message, and with `platform_agents = \"allow\"`";
    unsupported: No, No, "";
}

/// What customers can send us. Voices, videos and the like are typed if they should come, but no page offers them.
const INBOUND: &[&str] = &["text", "image", "mini_program", "unsupported"];

/// What an account can do.
pub const RECORD: Record = Record {
    passive: false,
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
    use crate::schema::v1::{self, part_capability::Support};

    #[test]
    fn a_message_opens_two_days_and_entering_one_minute() {
        let rule = |trigger| allowance(&AccountSettings::default(), trigger).map(|rule| (rule.count, rule.window));
        assert_eq!(rule("message"), Some((Some(5), 48 * HOUR)));
        assert_eq!(rule("enter"), Some((Some(2), MINUTE)));
        assert_eq!(rule("menu"), None);
    }

    #[test]
    fn the_record_says_what_the_account_can_do() {
        let record = RECORD.of(&v1::Account::default(), &AccountSettings::default());
        assert!(record.api && !record.passive);
        let of = |name: &str| record.outbound.iter().find(|part| part.r#type == name).expect("listed");
        assert_eq!(of("voice").degrades_to, "link");
        assert_eq!(of("menu").support(), Support::Degraded);
        assert_eq!(of("image").max_bytes, 10 << 20);
    }
}
