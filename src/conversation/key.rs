//! Which conversation is it? The key of the contract: `{channel}:{platform_id}[:{sub_id}]:{u|g|a}:{native id}`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::schema::v1::conversation::Scope;

/// Everything but `[A-Za-z0-9._@-]` is percent-encoded once.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'@').remove(b'-');

/// A key taken apart; the native id decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub channel: String,
    pub platform_id: String,
    pub sub_id: String,
    pub scope: Scope,
    pub native_id: String,
}

/// Channels whose platform does not tell the letter case of its members' ids apart: their keys are written in lower case.
const FOLDED: &[&str] = &["wecom_app"];

/// The native id of an account's own conversation.
pub const ACCOUNT_SELF: &str = "-";

impl Key {
    /// Writes the key.
    pub fn render(&self) -> String {
        let mut key = format!("{}:{}", self.channel, escape(&self.platform_id));
        if !self.sub_id.is_empty() {
            key.push(':');
            key.push_str(&escape(&self.sub_id));
        }
        let letter = match self.scope {
            Scope::Group => 'g',
            Scope::Account => 'a',
            Scope::Direct | Scope::Unspecified => 'u',
        };
        key.push(':');
        key.push(letter);
        key.push(':');
        if FOLDED.contains(&self.channel.as_str()) && !is_opaque(&self.native_id) {
            key.push_str(&escape(&self.native_id.to_ascii_lowercase()));
        } else {
            key.push_str(&escape(&self.native_id));
        }
        key
    }

    /// Reads a key; one that was percent-encoded once more as a whole is accepted too.
    pub fn parse(text: &str) -> Option<Key> {
        Self::parse_exact(text).or_else(|| {
            let decoded = percent_decode_str(text).decode_utf8().ok()?;
            (decoded != text).then(|| Self::parse_exact(&decoded)).flatten()
        })
    }

    fn parse_exact(text: &str) -> Option<Key> {
        let parts: Vec<&str> = text.split(':').collect();
        let (channel, platform_id, sub_id, letter, native) = match parts[..] {
            [channel, platform, letter, native] => (channel, platform, "", letter, native),
            [channel, platform, sub, letter, native] => (channel, platform, sub, letter, native),
            _ => return None,
        };
        let scope = match letter {
            "u" => Scope::Direct,
            "g" => Scope::Group,
            "a" => Scope::Account,
            _ => return None,
        };
        let part = |text: &str| (!text.is_empty()).then(|| unescape(text)).flatten();
        Some(Key {
            channel: part(channel)?,
            platform_id: part(platform_id)?,
            sub_id: if sub_id.is_empty() {
                String::new()
            } else {
                unescape(sub_id)?
            },
            scope,
            native_id: part(native)?,
        })
    }
}

/// An id that WeCom made, of an external contact or of a member that is hidden from us: its letter case tells two apart. The
/// platform writes them as `wm…` or `wo…`, of 32 characters; what companies call their members is shorter.
/// <https://developer.work.weixin.qq.com/document/path/92114>
fn is_opaque(native_id: &str) -> bool {
    let made = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    matches!(native_id.get(..2), Some("wm" | "wo")) && native_id.len() >= 20 && native_id.bytes().all(made)
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Undoes [`escape`]; a text that [`escape`] could not have written is no part of a key.
fn unescape(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?.into_owned();
    (escape(&decoded).eq_ignore_ascii_case(text)).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(native: &str) -> Key {
        Key {
            channel: "official_account".into(),
            platform_id: "wx1".into(),
            sub_id: String::new(),
            scope: Scope::Direct,
            native_id: native.into(),
        }
    }

    #[test]
    fn plain_characters_stand_and_others_are_encoded_once() {
        assert_eq!(key("o-A_b.c@d").render(), "official_account:wx1:u:o-A_b.c@d");
        assert_eq!(key("a:b/微").render(), "official_account:wx1:u:a%3Ab%2F%E5%BE%AE");
    }

    #[test]
    fn a_key_reads_back_also_when_encoded_once_more() {
        let original = key("a:b/微");
        let text = original.render();
        assert_eq!(Key::parse(&text), Some(original.clone()));
        let twice = utf8_percent_encode(&text, ESCAPED).to_string();
        assert_eq!(Key::parse(&twice), Some(original));
    }

    #[test]
    fn wecom_ids_differ_by_no_letter_case_and_stay_as_they_were_said() {
        let member = Key {
            channel: "wecom_app".into(),
            platform_id: "wwA1".into(),
            sub_id: "1000012".into(),
            ..key("Li.Si")
        };
        assert_eq!(member.render(), "wecom_app:wwA1:1000012:u:li.si");
        let asked = Key::parse("wecom_app:wwA1:1000012:u:Li.Si").expect("a key");
        assert_eq!((asked.render(), asked.native_id.as_str()), (member.render(), "Li.Si"));
    }

    #[test]
    fn ids_that_wecom_made_keep_their_letter_case() {
        let contact = |native: &str| Key {
            channel: "wecom_app".into(),
            platform_id: "wwA1".into(),
            sub_id: "1000012".into(),
            ..key(native)
        };
        for native in ["wmEAlECwAAHrbWYDOK5u3Jf13xlYDsAA", "woAJ2GCAAAXtWyujaWJHDDGi0mACAAAA"] {
            let written = contact(native).render();
            assert_eq!(written, format!("wecom_app:wwA1:1000012:u:{native}"));
            assert_eq!(Key::parse(&written).map(|key| key.render()), Some(written));
            assert_ne!(contact(native).render(), contact(&native.to_ascii_lowercase()).render());
        }
        let shortest = format!("wm{}", "A".repeat(18));
        assert!(contact(&shortest).render().ends_with(&shortest));
        let shorter = &shortest[..19];
        for member in ["woMei", "WMLi", "Wolfgang.Amadeus.Mozart.Jun", shorter] {
            assert_eq!(contact(member).render(), contact(&member.to_ascii_lowercase()).render());
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        for text in [
            "",
            "a",
            "a:b:u",
            "a:b:x:c",
            "a:b:u:",
            ":b:u:c",
            "a:b:c:d:u:e",
            "a:b:u:c d",
        ] {
            assert_eq!(Key::parse(text), None, "{text:?}");
        }
    }
}
