//! What becomes of a core's text on a channel that shows plain text and, at best, links? Channel-neutral.
//!
//! A chat window of WeChat knows newlines and `<a href>`, nothing else. Here a core's HTML or Markdown is lowered to
//! that, and a long text is split without tearing a link, an entity or a character.

pub mod character;
pub mod html;
pub mod markdown;
pub mod parts;
pub mod split;
mod travel;
mod written;

pub use travel::{clean, file_name, is_blank, shows, travels};

/// Bytes of the longest text that is looked at: over thirty messages, more than any window lets through.
pub const LONGEST_TEXT: usize = 64 << 10;

/// What a channel can do with a link inside a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// `<a href="…">label</a>` is shown as a link (official account, mini-program, WeCom).
    Keep,
    /// Only bare addresses are (WeChat kf): `label address`, of addresses that have at most so many bytes; of others the
    /// label alone, because half an address leads nowhere.
    Spell(usize),
}

impl Links {
    /// Whether a link to `url` can be written as one. What is kept as a link is looked at where the text is split.
    pub fn hold(self, url: &str) -> bool {
        match self {
            Links::Keep => true,
            Links::Spell(most) => url.len() <= most,
        }
    }
}

/// What stands in a text where a picture of the web stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// A link to it.
    Linked,
    /// Nothing: the picture is sent beside the text.
    LeftOut,
}

/// A text after lowering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lowered {
    pub text: String,
    /// The pictures that stood in it; the text now holds a link, the alternative words or nothing in their place.
    pub images: Vec<Image>,
    /// The address of a link was too long to be spelled: its words are left.
    pub link_lost: bool,
}

/// A picture that stood inside a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub src: String,
    pub alt: String,
}

impl Image {
    /// Its address, where it has one of the web.
    pub fn url(&self) -> Option<String> {
        safe_link(&self.src).filter(|url| is_web(url))
    }
}

/// LF line ends, no newlines at either end; blank lines inside stay.
pub fn tidy(text: &str) -> String {
    line_ends(text).trim_matches('\n').to_owned()
}

/// CRLF and CR to LF.
pub fn line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Line tags in a text that claims to be plain, because robot editors write them: `<br>`, `</p>` and `</li>` become one
/// newline each, their opening halves vanish. Every other `<` stays.
pub fn line_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        match line_tag(tag) {
            Some((length, newline)) => {
                if newline {
                    out.push('\n');
                }
                rest = &tag[length..];
            }
            None => {
                out.push('<');
                rest = &tag[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Length of the line tag that `text` begins with, and whether it ends a line.
fn line_tag(text: &str) -> Option<(usize, bool)> {
    /// No line tag is longer; without a bound a text of `<` alone would take forever.
    const LONGEST: usize = 16;
    let end = text.bytes().take(LONGEST).position(|b| b == b'>')?;
    let inner = text[1..end].trim_end().trim_end_matches('/').trim_end();
    let is = |name: &str| inner.eq_ignore_ascii_case(name);
    if is("br") || is("/br") || is("/p") || is("/li") {
        Some((end + 1, true))
    } else if is("p") || is("li") {
        Some((end + 1, false))
    } else {
        None
    }
}

/// At most `max` characters, none of them half of what a reader takes for one; what was cut is marked by one more, `…`.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", character::beginning(text, at)),
        None => text.to_owned(),
    }
}

/// An address that may stand in a link, made safe to stand between quotes; `None` for anything a tap must not run
/// (`javascript:`, `data:` …) and for addresses relative to a page that a chat does not have.
pub fn safe_link(url: &str) -> Option<String> {
    const SCHEMES: &[&str] = &["http", "https", "weixin", "tel", "mailto"];
    // Browsers skip these inside a scheme, so a filter that does not is fooled by `java\tscript:`.
    let url: String = url.trim().chars().filter(|c| !c.is_control()).collect();
    let url = match url.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => url,
    };
    let (scheme, rest) = url.split_once(':')?;
    let known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (known && !rest.is_empty()).then(|| attribute(&url))
}

/// Whether it is an address of the web.
pub fn is_web(url: &str) -> bool {
    let starts = |prefix: &str| {
        url.get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    starts("http://") || starts("https://")
}

/// `text` as the value of a quoted attribute. Percent-encoding, not entities: the chat does not decode those.
pub fn attribute(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '"' => out.push_str("%22"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            ' ' => out.push_str("%20"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// `text` as the label of a link: one line, and no tag that could close the link early.
pub fn label(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('<', "＜")
}

/// What stands for a link that has no words and whose address is lost.
const NAMELESS: &str = "[链接]";

/// A link to `url` (already safe) as the channel shows one.
pub fn anchor(url: &str, text: &str, links: Links) -> String {
    let text = label(text);
    match links {
        Links::Keep if text.is_empty() => format!(r#"<a href="{url}">{url}</a>"#),
        Links::Keep => format!(r#"<a href="{url}">{text}</a>"#),
        Links::Spell(most) if url.len() > most => left_of(&text, most).to_owned(),
        Links::Spell(_) if text.is_empty() || text == url => url.to_owned(),
        Links::Spell(_) => format!("{text} {url}"),
    }
}

/// What is left of a link whose address has more than `most` bytes: its words, unless they are such an address themselves.
fn left_of(words: &str, most: usize) -> &str {
    match words.trim().is_empty() || is_web(words.trim()) && words.len() > most {
        true => NAMELESS,
        false => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_tags_become_one_newline_each_and_other_brackets_stay() {
        for (from, to) in [
            ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
            ("<p>a</p><p>b</p>", "a\nb\n"),
            ("<li>a</li><li>b</li>", "a\nb\n"),
            ("1 < 2 <b>x</b> <brx>", "1 < 2 <b>x</b> <brx>"),
            (r"a\nb", r"a\nb"),
            ("<", "<"),
        ] {
            assert_eq!(line_tags(from), to, "{from}");
        }
    }

    /// Seconds of processor time of this thread: a machine that has other things to do does not count.
    fn busy() -> i64 {
        rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec
    }

    #[test]
    fn texts_made_to_be_slow_are_not() {
        for bit in [
            "<",
            "<a ",
            "<a href=x>",
            "[",
            "![",
            "[](",
            "(",
            "*",
            "**a",
            "_a",
            "`",
            "` ",
            "&",
            "[](https://",
            "[](((",
        ] {
            let started = busy();
            let text = bit.repeat(LONGEST_TEXT / bit.len());
            let _ = line_tags(&text);
            let _ = markdown::lower(&text, Links::Keep, Pictures::Linked);
            let _ = html::lower(&text, Links::Keep, Pictures::Linked);
            let _ = split::split(&text, 2048);
            // What grows with the square of the length takes minutes.
            let took = busy() - started;
            assert!(took < 30, "{bit}: {took} s");
        }
    }

    #[test]
    fn only_the_ends_lose_their_newlines() {
        assert_eq!(tidy("\r\n\na\r\n\r\nb\rc\n"), "a\n\nb\nc");
    }

    #[test]
    fn links_that_run_code_or_lead_nowhere_are_refused() {
        for bad in [
            "javascript:alert(1)",
            " JaVa\tScript:x",
            "data:text/html,x",
            "vbscript:x",
            "/relative",
            "page",
            "https:",
            "",
        ] {
            assert_eq!(safe_link(bad), None, "{bad}");
        }
        assert_eq!(safe_link("//a.example/x").as_deref(), Some("https://a.example/x"));
        assert_eq!(
            safe_link("https://a.example/?q=\"<x>\"").as_deref(),
            Some("https://a.example/?q=%22%3Cx%3E%22")
        );
    }

    #[test]
    fn shortening_counts_characters_and_marks_the_cut() {
        assert_eq!(shorten("多少钱", 3), "多少钱");
        assert_eq!(shorten("多少钱?", 3), "多少钱…");
        assert_eq!(shorten("好👍🏽!", 2), "好…");
    }
}
