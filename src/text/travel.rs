//! Which characters travel, and what does a text say without the others?

/// Whether a message can carry it. A passive answer is XML 1.0, which has no place for some
/// (<https://www.w3.org/TR/xml/#charsets>); in JSON a control character would be written `\u0001`, and the platform refuses
/// every `\uXXXX` with 40033. One rule for both: a text says the same by either road.
pub fn travels(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    }
}

/// Whether a name or a line may show it: the characters that turn the reading order (<https://www.unicode.org/reports/tr9/>,
/// 2.1 to 2.5) let `gpj.exe` look like a picture, and a line of output like another one.
pub fn shows(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The last segment of a path, as a file may be called: without what no file system or header wants, at most so many
/// characters.
pub fn file_name(path: &str, most: usize) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| shows(*c)).take(most).collect()
}

/// The text without the characters that do not travel.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| travels(*c)).collect()
}

/// Whether nothing that travels can be seen of it: the customer would get an empty message, or hear that the account is out
/// of order.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || !travels(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_roads_cannot_carry_is_left_out() {
        assert_eq!(
            clean("a\u{0}\u{1b}\u{7f}\u{9f}\u{fffe}\u{ffff}b\t\r\n你😀"),
            "ab\t\r\n你😀"
        );
        for blank in ["", " \n\u{3000}", "\u{0}", "\u{1b}", "\u{fffe}", "\u{b}\n\u{8}"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        assert!(!is_blank("\u{1}a"));
    }

    #[test]
    fn a_file_is_called_by_one_segment_that_reads_as_it_is() {
        for (path, name) in [
            ("../../etc/pass\nwd", "passwd"),
            (r"C:\a\b.png", "b.png"),
            ("价目\u{202e}gnp.exe", "价目gnp.exe"),
            ("a\u{2066}b\u{2069}.txt", "ab.txt"),
            ("😀长名字", "😀长名"),
        ] {
            assert_eq!(file_name(path, if path.contains('😀') { 3 } else { 255 }), name);
        }
    }

    proptest! {
        #[test]
        fn a_text_is_blank_before_cleaning_if_it_is_blank_after(text in "[\u{0}-\u{a1}\u{fffe}\u{3000}]{0,6}") {
            prop_assert_eq!(is_blank(&text), clean(&text).trim().is_empty());
        }
    }
}
