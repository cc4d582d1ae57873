//! How does a core's Markdown read where only newlines and links are shown?
//!
//! The marks go, the words stay: headings, emphasis, code, quotes and bullets become plain lines, links and pictures become
//! links. Line ends stay line ends, because a chat has no paragraphs. What is not clearly a mark is left as written.

use super::{Image, Links, Lowered, Pictures, clean, label, line_ends, line_tags, safe_link, written::Written};

/// What may stand in the text.
#[derive(Clone, Copy)]
struct Shows {
    links: Links,
    pictures: Pictures,
}

/// Lowers `markdown` to text.
pub fn lower(markdown: &str, links: Links, pictures: Pictures) -> Lowered {
    let text = line_ends(&clean(markdown));
    let shows = Shows { links, pictures };
    let mut out = Lowered::default();
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        if is_fence(line) {
            fenced = !fenced;
        } else if fenced {
            lines.push(line.to_owned());
        } else if !is_table_rule(line) {
            let mut written = Written::default();
            inline(block(&line_tags(line)).as_str(), shows, &mut written, &mut out);
            lines.push(written.as_str().trim_end().to_owned());
        }
    }
    out.text = lines.join("\n").trim_matches('\n').to_owned();
    out
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// `|---|:--:|` between the head and the rows of a table.
fn is_table_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains('|') && line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

/// The line without the mark that says what kind of line it is.
fn block(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let (blanks, rest) = line.split_at(indent);
    let hashes = rest.bytes().take_while(|b| *b == b'#').count();
    if (1..=6).contains(&hashes) && rest[hashes..].starts_with(' ') {
        return rest[hashes..].trim().trim_end_matches('#').trim_end().to_owned();
    }
    if let Some(quoted) = rest.strip_prefix('>') {
        return block(quoted.strip_prefix(' ').unwrap_or(quoted));
    }
    match rest.strip_prefix("* ").or_else(|| rest.strip_prefix("+ ")) {
        Some(item) => format!("{blanks}- {item}"),
        None => line.to_owned(),
    }
}

/// Writes one line without its inline marks; `found` tells what stood in it.
fn inline(line: &str, shows: Shows, out: &mut Written, found: &mut Lowered) {
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some((length, escaped)) = escape(rest) {
            out.push(escaped);
            rest = &rest[length..];
        } else if let Some((length, code)) = code(rest) {
            out.push_str(code);
            rest = &rest[length..];
        } else if let Some(link) = link(rest) {
            write_link(&link, shows, out, found);
            rest = &rest[link.length..];
        } else if let Some((length, inner)) = emphasis(rest, out.as_str().chars().next_back()) {
            inline(inner, shows, out, found);
            rest = &rest[length..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// `\*` and kin. A backslash before a letter stays: an author's `\n` is two characters.
fn escape(text: &str) -> Option<(usize, char)> {
    let next = text.strip_prefix('\\')?.chars().next()?;
    next.is_ascii_punctuation().then_some((2, next))
}

/// A code span at the start of `text`. Ticks without a partner are shown, all of them at once: looked at one by one, a
/// long row of them would take forever.
fn code(text: &str) -> Option<(usize, &str)> {
    let ticks = text.bytes().take_while(|b| *b == b'`').count();
    if ticks == 0 {
        return None;
    }
    match text[ticks..].find(&text[..ticks]) {
        Some(end) => Some((ticks + end + ticks, text[ticks..ticks + end].trim())),
        None => Some((ticks, &text[..ticks])),
    }
}

struct Link<'a> {
    length: usize,
    words: &'a str,
    url: &'a str,
    picture: bool,
}

/// `[words](address "title")` or `![words](address)`.
fn link(text: &str) -> Option<Link<'_>> {
    let picture = text.starts_with("![");
    let open = if picture { 2 } else { 1 };
    if !picture && !text.starts_with('[') {
        return None;
    }
    let middle = open + closing(&text[open..], '[', ']', LONGEST)?;
    let words = &text[open..middle];
    if !text[middle..].starts_with("](") {
        return None;
    }
    let address = &text[middle + 2..];
    // An address may be longer than words, as long as no other link begins: so a row of openings is read in one go.
    let longest = address.find("](").unwrap_or(address.len()).max(LONGEST);
    let end = middle + 2 + closing(address, '(', ')', longest)?;
    let url = text[middle + 2..end].split_whitespace().next()?;
    Some(Link {
        length: end + 1,
        words,
        url: url.trim_matches(['<', '>']),
        picture,
    })
}

/// No words of a link in a chat are longer; without a bound a text of `[` alone would take forever.
const LONGEST: usize = 1024;

/// Where the bracket that is already open closes, within the `longest` characters that follow; between, brackets come in
/// pairs.
fn closing(text: &str, opens: char, closes: char, longest: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.char_indices().take(longest) {
        if c == opens {
            depth += 1;
        } else if c == closes && depth == 0 {
            return Some(at);
        } else if c == closes {
            depth -= 1;
        }
    }
    None
}

fn write_link(link: &Link<'_>, shows: Shows, out: &mut Written, found: &mut Lowered) {
    // A link cannot hold a link: of a picture inside it only the words are left.
    let shown = self::link(link.words).map_or(link.words, |inner| inner.words);
    let mut words = Written::default();
    let bare = Shows {
        links: match shows.links {
            Links::Keep => Links::Spell(usize::MAX),
            spell @ Links::Spell(_) => spell,
        },
        ..shows
    };
    let mut inside = Lowered::default();
    inline(shown, bare, &mut words, &mut inside);
    found.link_lost |= inside.link_lost;
    let mut words = label(words.as_str());
    if link.picture {
        let image = Image {
            src: link.url.to_owned(),
            alt: words.clone(),
        };
        let left_out = shows.pictures == Pictures::LeftOut && image.url().is_some();
        found.images.push(image);
        if left_out {
            return;
        }
        if words.is_empty() {
            words.push_str("[图片]");
        }
    }
    match safe_link(link.url) {
        Some(url) => {
            found.link_lost |= !shows.links.hold(&url);
            out.push_link(&url, &words, shows.links);
        }
        None => out.push_str(&words),
    }
}

/// `**a**`, `__a__`, `~~a~~`, `*a*`, `_a_`: only where the marks hug their words, and `_` only between words, so that
/// `2 * 3 * 4` and `snake_case_names` stay.
fn emphasis(text: &str, before: Option<char>) -> Option<(usize, &str)> {
    for mark in ["**", "__", "~~", "*", "_"] {
        let Some(inner) = text.strip_prefix(mark) else { continue };
        let Some(end) = inner.find(mark).filter(|end| *end > 0) else {
            continue;
        };
        let after = inner[end + mark.len()..].chars().next();
        let words = &inner[..end];
        let hugs = !words.starts_with(char::is_whitespace) && !words.ends_with(char::is_whitespace);
        let between = !mark.starts_with('_') || !(alphanumeric(before) || alphanumeric(after));
        if hugs && between {
            return Some((end + 2 * mark.len(), words));
        }
    }
    None
}

fn alphanumeric(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(markdown: &str, expected: &str) {
        assert_eq!(
            lower(markdown, Links::Keep, Pictures::Linked).text,
            expected,
            "{markdown}"
        );
    }

    #[test]
    fn marks_go_and_words_stay() {
        check("# 标题\n\n**粗** and *斜* and `code`", "标题\n\n粗 and 斜 and code");
        check("* a\n+ b\n- c\n1. d", "- a\n- b\n- c\n1. d");
        check("> quoted\n> **more**", "quoted\nmore");
        check("```rust\nlet *x* = 1;\n```\nafter", "let *x* = 1;\nafter");
        check("|a|b|\n|---|---|\n|1|2|", "|a|b|\n|1|2|");
        check("a<br>b", "a\nb");
    }

    #[test]
    fn what_is_not_clearly_a_mark_stays() {
        check("2 * 3 * 4", "2 * 3 * 4");
        check("snake_case_name", "snake_case_name");
        check(r"\*kept\*", "*kept*");
        check(r"literal \n stays", r"literal \n stays");
        check("#hashtag [x] (y) **open", "#hashtag [x] (y) **open");
    }

    #[test]
    fn links_and_pictures_become_links() {
        check("[点](https://x \"t\")!", r#"<a href="https://x">点</a>!"#);
        check("[x](javascript:y)", "x");
        check("[![图](https://x/a.png)](https://x)", r#"<a href="https://x">图</a>"#);
        check("[a](b", "[a](b");
        check("[x](https://a/(b))", r#"<a href="https://a/(b)">x</a>"#);
        let lowered = lower("![图](https://x/a.png)", Links::Keep, Pictures::Linked);
        assert_eq!(lowered.text, r#"<a href="https://x/a.png">图</a>"#);
        assert_eq!(lowered.images.len(), 1);
        assert_eq!(
            lower("[点](https://x)", Links::Spell(2048), Pictures::Linked).text,
            "点 https://x"
        );
    }

    #[test]
    fn what_stands_behind_an_address_is_no_part_of_it() {
        for (markdown, expected) in [
            ("[点](https://x.org/p)abc", "点 https://x.org/p abc"),
            (
                "**[付款](https://pay.example.cn)**.net",
                "付款 https://pay.example.cn .net",
            ),
            ("[a](https://x)[b](https://y)`c`", "a https://x b https://y c"),
            (r"![图](https://x/a.png)\!你", "图 https://x/a.png !你"),
            ("[a](https://x) b\n[c](https://y)\nd", "a https://x b\nc https://y\nd"),
        ] {
            let text = lower(markdown, Links::Spell(64), Pictures::Linked).text;
            assert_eq!(text, expected, "{markdown}");
        }
        check("[a](https://x)b", r#"<a href="https://x">a</a>b"#);
    }

    #[test]
    fn a_picture_that_goes_apart_leaves_nothing() {
        let markdown = "a ![图](https://x/a.png) b ![c](d.png) [e](https://y)";
        let lowered = lower(markdown, Links::Keep, Pictures::LeftOut);
        assert_eq!(lowered.text, r#"a  b c <a href="https://y">e</a>"#);
        assert_eq!(lowered.images.len(), 2);
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(text in r"([*_~`#>!\[\]()\\ a|-]|\n|你|https://x){0,60}") {
            let _ = lower(&text, Links::Keep, Pictures::Linked);
        }
    }
}
