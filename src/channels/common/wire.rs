//! What does the platform call things? The common fields of every push, read tolerantly.
//!
//! Pages: <https://developers.weixin.qq.com/doc/subscription/guide/product/message/Receiving_standard_messages.html>,
//! <https://developers.weixin.qq.com/doc/subscription/guide/product/message/Receiving_event_pushes.html>. Blanks around
//! values and the letter case of names vary between senders and were seen in the wild; a message's text is never trimmed.

use crate::{
    envelope::{Fields, Format},
    ports::clock::Millis,
};

/// One push: its tree, and the fields that every one has.
pub struct Push<'a> {
    pub fields: &'a Fields,
    pub format: Format,
    /// The account's original id, `gh_…`.
    pub to: &'a str,
    /// The customer's OpenID.
    pub from: &'a str,
    pub msg_type: &'a str,
    /// Empty for messages.
    pub event: &'a str,
}

impl<'a> Push<'a> {
    pub fn new(fields: &'a Fields, format: Format) -> Self {
        Self {
            fields,
            format,
            to: fields.value("ToUserName"),
            from: fields.value("FromUserName"),
            msg_type: fields.value("MsgType"),
            event: fields.value("Event"),
        }
    }

    pub fn value(&self, name: &str) -> &'a str {
        self.fields.value(name)
    }

    /// `MsgId`; spelt `MsgID` in job results and in one voice sample.
    pub fn msg_id(&self) -> &'a str {
        self.value("MsgId")
    }

    pub fn event_key(&self) -> &'a str {
        self.value("EventKey")
    }

    pub fn create_time(&self) -> &'a str {
        self.value("CreateTime")
    }

    /// When the platform says it happened; `None` where it claims nonsense.
    pub fn platform_time(&self, now: Millis) -> Option<Millis> {
        claimed(self.create_time(), now)
    }
}

/// A time as the platform writes it: seconds, in some senders milliseconds; `None` where that is nonsense.
pub fn claimed(time: &str, now: Millis) -> Option<Millis> {
    let claimed: i64 = time.parse().ok()?;
    let millis = if claimed > MILLIS_FROM {
        claimed
    } else {
        claimed.checked_mul(1000)?
    };
    (EARLIEST..=now.saturating_add(AHEAD_MAX))
        .contains(&millis)
        .then_some(millis)
}

/// A larger number cannot be seconds.
const MILLIS_FROM: i64 = 100_000_000_000;
/// 2011-01-01: the platform did not exist before.
const EARLIEST: Millis = 1_293_840_000_000;
const AHEAD_MAX: Millis = 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Option<Millis> {
        let xml = format!("<xml><CreateTime> {text} </CreateTime></xml>");
        let fields = crate::envelope::parse(xml.as_bytes()).expect("well-formed");
        Push::new(&fields, Format::Xml).platform_time(1_752_000_100_000)
    }

    #[test]
    fn seconds_and_milliseconds_are_told_apart_and_nonsense_is_nothing() {
        assert_eq!(time("1752000000"), Some(1_752_000_000_000));
        assert_eq!(time("1752000000123"), Some(1_752_000_000_123));
        for text in [
            "",
            "0",
            "-1",
            "x",
            "17520000000",
            "9223372036854775807",
            "99999999999999999999",
            "1.5",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
