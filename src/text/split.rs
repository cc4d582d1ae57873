//! Where may a long text be cut? Between lines first, then between characters; never inside a link or an entity.

use super::{character, is_web, left_of};

/// The smallest limit that is honoured: below it not even an entity would fit.
pub const LEAST: usize = 64;

/// Cuts `text` into pieces of at most `limit` bytes (and `limit` is at least 64). A line that fits into a piece is
/// never cut; the newlines around a cut are dropped, pieces of nothing but white space too. Of a link that alone is
/// longer than `limit` the words stay, and below them its address, where that fits ([`loses_address`] says where not).
pub fn split(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(LEAST);
    let (text, _) = unlink_long(text, limit);
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (piece, left) = first(rest, limit);
        if !piece.trim().is_empty() {
            pieces.push(piece.to_owned());
        }
        rest = left;
    }
    pieces
}

/// Whether a link of `text` is so long that nothing but its words is left.
pub fn loses_address(text: &str, limit: usize) -> bool {
    text.len() > limit && unlink_long(text, limit.max(LEAST)).1
}

/// The first piece and the rest.
fn first(text: &str, limit: usize) -> (&str, &str) {
    let text = text.trim_matches('\n');
    if text.len() <= limit {
        return (text, "");
    }
    let mut end = 0;
    let mut line = None;
    while end < text.len() {
        let next = end + atom(&text[end..], limit);
        if next > limit {
            break;
        }
        if &text[end..next] == "\n" {
            line = Some(end);
        }
        end = next;
    }
    let end = line.filter(|at| line_fits(&text[*at + 1..], limit)).unwrap_or(end);
    (text[..end].trim_end_matches('\n'), text[end..].trim_start_matches('\n'))
}

/// Whether the first line of `text` fits into a piece: if not, it is cut anyway, and filling up this piece saves one.
fn line_fits(text: &str, limit: usize) -> bool {
    text.find('\n').unwrap_or(text.len()) <= limit
}

/// Length in bytes of what must stay together at the start of `text`: a link, an address that fits into a piece, an entity
/// or a character.
fn atom(text: &str, limit: usize) -> usize {
    link(text)
        .map(|(length, _)| length)
        .or_else(|| spelled(text, limit))
        .or_else(|| entity(text))
        .unwrap_or_else(|| character::first(text).max(1))
}

/// A whole `<a …>…</a>` at the start of `text`: its length, and its words. Each look stops at the next opening, so that
/// a text of nothing but openings is read in one go.
fn link(text: &str) -> Option<(usize, &str)> {
    if !opens_link(text) {
        return None;
    }
    let words = text[1..].find(['<', '>']).map(|at| at + 1)?;
    if !text[words..].starts_with('>') {
        return None;
    }
    let words = words + 1;
    let end = words + find_close(&text[words..])?;
    Some((end + CLOSE.len(), &text[words..end]))
}

const CLOSE: &str = "</a>";

fn opens_link(text: &str) -> bool {
    matches!(text.as_bytes(), [b'<', b'a' | b'A', blank, ..] if blank.is_ascii_whitespace())
}

fn find_close(text: &str) -> Option<usize> {
    for (at, _) in text.match_indices('<') {
        let tag = &text[at..];
        if tag
            .get(..CLOSE.len())
            .is_some_and(|tag| tag.eq_ignore_ascii_case(CLOSE))
        {
            return Some(at);
        }
        if opens_link(tag) {
            return None;
        }
    }
    None
}

/// An address of the web that stands in the text as it is.
fn spelled(text: &str, limit: usize) -> Option<usize> {
    if !is_web(text) {
        return None;
    }
    let most = text.as_bytes().iter().take(limit + 1);
    let end = most
        .take_while(|byte| byte.is_ascii_graphic() && **byte != b'<')
        .count();
    (end <= limit).then_some(end)
}

/// `&name;` or `&#1234;`.
fn entity(text: &str) -> Option<usize> {
    const LONGEST: usize = 34;
    let body = text.strip_prefix('&')?;
    let end = body.bytes().take(LONGEST).position(|b| b == b';')?;
    let named = end > 0
        && body.as_bytes()[..end]
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'#');
    named.then_some(end + 2)
}

/// Without the links that no piece holds, and whether an address went with one.
fn unlink_long(text: &str, limit: usize) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut lost) = (text, false);
    while !rest.is_empty() {
        let length = atom(rest, limit);
        let (atom, left) = rest.split_at(length);
        match link(rest) {
            Some((_, words)) if length > limit => {
                out.push_str(left_of(words, limit));
                match address(atom).filter(|address| address.len() <= limit) {
                    Some(address) => {
                        out.push('\n');
                        out.push_str(address);
                        out.push_str(if left.starts_with('\n') { "" } else { "\n" });
                    }
                    None => lost = true,
                }
            }
            _ => out.push_str(atom),
        }
        rest = left;
    }
    (out, lost)
}

/// Where a link leads, if that is an address that a chat shows as one by itself.
fn address(link: &str) -> Option<&str> {
    const HREF: &str = "href=\"";
    let start = link.find(HREF)? + HREF.len();
    let url = link[start..].split('"').next()?;
    is_web(url).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_stays_whole() {
        assert_eq!(split("a\n\nb", 64), ["a\n\nb"]);
        assert!(split("\n \n", 64).is_empty());
        assert!(split("", 64).is_empty());
    }

    #[test]
    fn lines_that_fit_are_not_cut() {
        let line = "x".repeat(40);
        assert_eq!(split(&format!("{line}\n{line}\n\n{line}"), 64), [line.as_str(); 3]);
        assert_eq!(split(&format!("{line}\n{line}"), 81), [format!("{line}\n{line}")]);
    }

    #[test]
    fn a_line_that_never_fits_fills_the_piece_before_it() {
        let text = format!("「q」\n- - - -\n{}", "x".repeat(120));
        let pieces = split(&text, 80);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].len(), 80);
    }

    #[test]
    fn characters_links_and_entities_stay_whole() {
        let link = r#"<a href="https://a.example/">点这里</a>"#;
        let text = format!("{}{link}", "好".repeat(20));
        assert_eq!(split(&text, 64), ["好".repeat(20), link.to_owned()]);
        let text = format!("{}&amp;b", "x".repeat(62));
        assert_eq!(split(&text, 64), ["x".repeat(62), "&amp;b".to_owned()]);
        assert_eq!(split(&"好".repeat(40), 64), ["好".repeat(21), "好".repeat(19)]);
        let flag = "🇨🇳";
        assert_eq!(split(&flag.repeat(10), 70), [flag.repeat(8), flag.repeat(2)]);
    }

    #[test]
    fn a_link_longer_than_a_piece_leaves_its_words() {
        let text = format!(r#"a <a href="https://x/{}">go</a> b"#, "y".repeat(100));
        assert_eq!(split(&text, 64), ["a go b"]);
        assert!(loses_address(&text, 64));
    }

    #[test]
    fn an_address_that_fits_into_a_piece_is_not_torn() {
        let (url, words) = (format!("https://x/{}", "y".repeat(50)), "w".repeat(30));
        let text = format!(r#"a <a href="{url}">{words}</a> b"#);
        assert_eq!(split(&text, 64), [format!("a {words}"), format!("{url}\n b")]);
        assert!(!loses_address(&text, 64));
        assert_eq!(
            split(&format!("{words} {url}。"), 64),
            [format!("{words} "), format!("{url}。")]
        );
    }

    fn texts() -> impl Strategy<Value = String> {
        let bit = prop_oneof![
            4 => "[a-z ]{1,30}",
            2 => "\n{1,3}",
            2 => "[好é😀]{1,15}",
            1 => "(👨\u{200d}👩\u{200d}👧|e\u{301}|\r\n){1,5}",
            1 => Just("&nbsp;".to_owned()),
            1 => Just(r#"<a href="https://x.example/y">链 接</a>"#.to_owned()),
            1 => Just("<a <&".to_owned()),
        ];
        prop::collection::vec(bit, 0..40).prop_map(|bits| bits.concat())
    }

    proptest! {
        #[test]
        fn pieces_fit_and_together_are_the_text(text in texts(), limit in 64usize..200) {
            let pieces = split(&text, limit);
            let mut rest = text.as_str();
            // The strange opening may begin a "link" longer than a piece, which loses its tag; those are another test.
            prop_assume!(unlink_long(&text, limit).0 == text);
            for piece in &pieces {
                prop_assert!(piece.len() <= limit);
                prop_assert!(!piece.starts_with('\n') && !piece.ends_with('\n'));
                let at = rest.find(piece.as_str());
                prop_assert!(at.is_some(), "{piece:?} is not in {rest:?}");
                let at = at.unwrap_or_default();
                prop_assert!(rest[..at].trim().is_empty(), "lost {:?}", &rest[..at]);
                rest = &rest[at + piece.len()..];
                let opened = piece.matches("<a href").count();
                prop_assert!(piece.matches("</a>").count() <= opened || text.contains("<a <"));
                prop_assert_eq!(piece.matches("&nbsp").count(), piece.matches("&nbsp;").count());
            }
            prop_assert!(rest.trim().is_empty(), "lost {rest:?}");
        }
    }
}
