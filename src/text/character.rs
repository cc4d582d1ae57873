//! What does a reader take for one character? Rarely one code point: a family, a flag or an accented letter is several, and
//! half of one is another picture.

use unicode_segmentation::UnicodeSegmentation as _;

/// Bytes of the longest character that is kept whole; a family of four with their skins has 41. Of letters with marks
/// without end the marks are cut.
const LONGEST: usize = 64;

/// The bytes of the first character of `text`, 0 where it is empty. A line's end is one byte: `\r\n` are two characters.
pub fn first(text: &str) -> usize {
    let point = text.chars().next().map_or(0, char::len_utf8);
    if text.starts_with(['\r', '\n']) {
        return point;
    }
    let near = &text[..text.floor_char_boundary(LONGEST)];
    let whole = near.graphemes(true).next().map_or(0, str::len);
    // What reaches the end of what was looked at may go on behind it.
    let ends = whole < near.len() || near.len() == text.len();
    if ends { whole } else { point }
}

/// The longest beginning of `text` of at most `bytes` bytes that ends with a whole character.
pub fn beginning(text: &str, bytes: usize) -> &str {
    let mut end = 0;
    while end < text.len() {
        let next = end + first(&text[end..]);
        if next > bytes {
            break;
        }
        end = next;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: &str = "👨\u{200d}👩\u{200d}👧\u{200d}👦";

    #[test]
    fn what_is_seen_as_one_is_one() {
        for one in ["a", "好", "e\u{301}", "🇨🇳", "👍🏽", "❤\u{fe0f}", FAMILY, "\n", "\r"] {
            assert_eq!(first(&format!("{one}好")), one.len(), "{one}");
            assert_eq!(first(one), one.len(), "{one}");
        }
        assert_eq!((first(""), first("\r\n")), (0, 1));
    }

    #[test]
    fn marks_without_end_do_not_make_one_character() {
        let text = format!("e{}", "\u{301}".repeat(1_000));
        assert_eq!(first(&text), 1);
        assert_eq!(beginning(&text, 21).len(), 21);
    }

    #[test]
    fn a_beginning_ends_with_a_whole_character() {
        let text = format!("好{FAMILY}!");
        assert_eq!(beginning(&text, text.len()), text);
        assert_eq!(beginning(&text, 3 + FAMILY.len()), format!("好{FAMILY}"));
        assert_eq!(beginning(&text, 2 + FAMILY.len()), "好");
        assert_eq!(beginning(&text, 2), "");
    }
}
