//! How do a text and a moment look in canonical JSON? Written where they go, without a detour over a string of their own.

use crate::schema::Timestamp;

/// The last second of the year 9999, and the first of the year 0.
const SECONDS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
const DAY: i64 = 86_400;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a text as it stands between its quotes.
pub fn escaped(out: &mut Vec<u8>, text: &str) {
    if !text.as_bytes().chunks(32).any(has_to_be_escaped) {
        return out.extend_from_slice(text.as_bytes());
    }
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\x08' => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\x0c' => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..b' ' => {
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].map(|digit| HEX[usize::from(digit)]));
            }
            _ => out.push(byte),
        }
    }
}

/// Looks at all of them, so that many can be looked at at once.
fn has_to_be_escaped(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| {
        found | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\')
    })
}

/// Appends a moment with its quotes, as [`Timestamp`] writes itself, without asking for a calendar. `false`: JSON has no name
/// for it, and nothing was appended.
pub fn time(out: &mut Vec<u8>, Timestamp { seconds, nanos }: Timestamp) -> bool {
    if !SECONDS.contains(&seconds) || !(0..1_000_000_000).contains(&nanos) {
        return false;
    }
    let (days, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    out.push(b'"');
    let parts = [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (of_day / 3_600, 2, b':'),
        (of_day / 60 % 60, 2, b':'),
        (of_day % 60, 2, b'.'),
    ];
    for (number, width, end) in parts {
        digits(out, number, width);
        out.push(end);
    }
    match i64::from(nanos) {
        0 => out.truncate(out.len() - 1),
        nanos if nanos % 1_000_000 == 0 => digits(out, nanos / 1_000_000, 3),
        nanos if nanos % 1_000 == 0 => digits(out, nanos / 1_000, 6),
        nanos => digits(out, nanos, 9),
    }
    out.extend_from_slice(b"Z\"");
    true
}

/// Year, month and day, so many days after 1970 began: years are counted from March, so that a leap day is a year's last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Appends the last `width` digits of a number that is not negative.
pub fn digits(out: &mut Vec<u8>, mut number: i64, width: usize) {
    let from = out.len();
    out.resize(from + width, b'0');
    for digit in out[from..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schema::json;

    #[test]
    fn a_moment_is_written_as_it_writes_itself() {
        let mut moments: Vec<Timestamp> = [0, 1, 59, 951_782_400, 951_868_799, 4_107_542_400, 1_752_000_017]
            .into_iter()
            .flat_map(|seconds| [0, 1, 1_000, 120_000_000, 999_999_999].map(|nanos| Timestamp { seconds, nanos }))
            .collect();
        // Each day of four centuries and some.
        moments.extend((-150_000..150_000).map(|day| Timestamp {
            seconds: day * DAY + day.rem_euclid(DAY),
            nanos: 0,
        }));
        moments.extend([*SECONDS.start(), *SECONDS.end()].map(|seconds| Timestamp { seconds, nanos: 7_000 }));
        for moment in moments {
            let mut out = Vec::new();
            assert!(time(&mut out, moment), "{moment:?} has a name");
            let wanted = json::to_vec(&moment).expect("a moment is JSON");
            assert_eq!(String::from_utf8(out), String::from_utf8(wanted));
        }
        for (seconds, nanos) in [(SECONDS.end() + 1, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, 0)] {
            let mut out = Vec::new();
            assert!(!time(&mut out, Timestamp { seconds, nanos }));
            assert_eq!(out, b"");
        }
    }

    fn in_quotes(text: &str) -> Vec<u8> {
        let mut out = vec![b'"'];
        escaped(&mut out, text);
        out.push(b'"');
        out
    }

    #[test]
    fn every_sign_that_is_escaped_is_escaped_as_others_do() {
        for sign in (0..0x300).filter_map(char::from_u32) {
            // Alone, and where whole blocks are looked at.
            for text in [sign.to_string(), format!("{}{sign}好", "a".repeat(40))] {
                assert_eq!(
                    in_quotes(&text),
                    json::to_vec(&text).expect("a text is JSON"),
                    "{sign:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_others_write_it(text in "\\PC*|[ -~\\x00-\\x1f\"\\\\]*") {
            prop_assert_eq!(in_quotes(&text), json::to_vec(&text).expect("a text is JSON"));
        }
    }
}
