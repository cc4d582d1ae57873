//! How does a file come in that may be larger than memory? As it arrives; and what was announced of it?

use futures_util::{StreamExt as _, stream};
use hyper::header::HeaderMap;

use super::line::Answer;
use crate::{
    ports::fetch::{Bytes, Incoming},
    text::file_name as called,
};

/// The longest name that is believed to be one.
const MAX_NAME: usize = 120;

/// The answer's body to come. Texts of faults never carry the URL.
pub(super) fn incoming(name: String, answer: Answer) -> Incoming {
    Incoming {
        content_type: text(&answer.head.headers, "content-type")
            .unwrap_or_default()
            .to_owned(),
        length: answer.length(),
        name,
        bytes: body(answer),
    }
}

/// Nothing is read before it is asked for, and whoever asks at the end hears again that it is the end.
fn body(answer: Answer) -> Bytes {
    let pieces = stream::unfold(Some(answer), |answer| async move {
        let mut answer = answer?;
        match answer.piece().await {
            Some(Ok(piece)) => Some((Ok(piece), Some(answer))),
            Some(Err(fault)) => Some((Err(fault.to_string()), None)),
            None => {
                answer.done();
                None
            }
        }
    });
    Box::pin(pieces.fuse())
}

/// A header that is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Where a range begins and the size of the whole, out of `Content-Range: bytes 0-9/100`.
pub(super) fn part(headers: &HeaderMap) -> (Option<u64>, Option<u64>) {
    let range = text(headers, "content-range").and_then(|range| range.strip_prefix("bytes "));
    let Some((place, whole)) = range.and_then(|range| range.rsplit_once('/')) else {
        return (None, None);
    };
    let from = place.split_once('-').map_or("", |(from, _)| from);
    (from.trim().parse().ok(), whole.trim().parse().ok())
}

/// The file name of `Content-Disposition`; empty where there is none. The platforms write raw UTF-8 into `filename`, which is
/// no text by the rules of headers.
pub(super) fn disposition(headers: &HeaderMap) -> String {
    let Some(value) = headers.get("content-disposition") else {
        return String::new();
    };
    file_name(&String::from_utf8_lossy(value.as_bytes()))
}

fn file_name(disposition: &str) -> String {
    let of = |wanted: &str| {
        parameters(disposition).find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    };
    let extended = of("filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, coded) = rest.split_once('\'')?;
        let utf8 = charset.eq_ignore_ascii_case("utf-8");
        utf8.then(|| {
            percent_encoding::percent_decode_str(coded)
                .decode_utf8_lossy()
                .into_owned()
        })
    });
    plain(&extended.or_else(|| of("filename")).unwrap_or_default())
}

/// `name=value` after each semicolon that no quotes hold.
fn parameters(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text.split_once(';').map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, left) = after.split_once(';').unwrap_or((after, ""));
                (value.trim().to_owned(), left)
            }
        };
        rest = left.trim_start().trim_start_matches(';');
        Some((name.trim(), value))
    })
}

/// Up to the closing quote, and what stands behind it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

/// A name of the other side, as a file may be called.
pub(super) fn plain(name: &str) -> String {
    called(name, MAX_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_platforms_write_them_and_are_one_segment() {
        for (disposition, name) in [
            ("attachment; filename=\"MEDIA-ID.jpg\"", "MEDIA-ID.jpg"),
            ("attachment; filename=报价.pdf", "报价.pdf"),
            ("attachment; FileName=\"a;b=\\\"c\\\".txt\"; size=3", "a;b=\"c\".txt"),
            (
                "attachment; filename=\"x.pdf\"; filename*=UTF-8\'\'%E6%8A%A5.pdf",
                "报.pdf",
            ),
            ("attachment; filename=\"../../etc/pass\u{7}wd\"", "passwd"),
            ("attachment; filename=\"C:\\\\a\\\\b.png\"", "b.png"),
            ("attachment", ""),
            ("inline; filename", ""),
            ("", ""),
        ] {
            assert_eq!(file_name(disposition), name, "{disposition}");
        }
        assert_eq!(plain(&"长".repeat(500)).chars().count(), MAX_NAME);
    }
}
