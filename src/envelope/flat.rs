//! How is an ordinary XML body read quickly? As one pass over the text, where it is as flat as nearly all of them are.
//!
//! One root, its children with one CDATA section or one plain text each, nothing nested, nothing escaped. Whatever is not
//! exactly so is no fault here: [`xml::parse`](super::xml::parse) reads it, and where both read a body they read the same.

use super::tree::{Fields, Node};

const CDATA: &str = "<![CDATA[";

/// The root's children; `None` where it takes a parser to tell.
pub fn read(text: &str) -> Option<Fields> {
    // Line ends other than LF are the parser's.
    if text.contains('\r') {
        return None;
    }
    let (root, mut rest) = opening(text.trim_ascii_start())?;
    // An ordinary message has seven.
    let mut fields = Vec::with_capacity(8);
    loop {
        rest = rest.trim_ascii_start();
        if rest.starts_with("</") {
            let left = closing(rest, root)?;
            return left.trim_ascii_start().is_empty().then_some(Fields(fields));
        }
        let (name, inside) = opening(rest)?;
        let (value, left) = content(inside)?;
        rest = closing(left, name)?;
        fields.push((name.to_owned(), Node::Text(value.to_owned())));
    }
}

/// The name of the element that starts here, without attributes, and what follows its tag.
fn opening(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('<')?;
    let end = inside.bytes().position(|byte| !is_of_name(byte))?;
    let (name, rest) = inside.split_at(end);
    let rest = rest.strip_prefix('>')?;
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        .then_some((name, rest))
}

/// What follows the end tag of that name.
fn closing<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix("</")?.strip_prefix(name)?.strip_prefix('>')
}

/// The text of an element without children, and what follows it.
fn content(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix(CDATA) {
        Some(inside) => {
            let end = end_of_section(inside)?;
            Some((inside.get(..end)?, inside.get(end + 3..)?))
        }
        None => {
            let (value, rest) = text.split_at(text.find('<')?);
            (!value.contains('&')).then_some((value, rest))
        }
    }
}

fn end_of_section(text: &str) -> Option<usize> {
    // By its first character: searching for all three costs more than it finds.
    let mut brackets = text.match_indices(']');
    brackets.find_map(|(at, _)| text.get(at..)?.starts_with("]]>").then_some(at))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::{cipher, xml};

    fn by_parser(text: &str) -> Option<Fields> {
        let mut root = Fields::default();
        xml::scan_any(text, &mut root).ok().map(|()| root)
    }

    /// Texts near what is read here: some exactly so, most with something that is not.
    fn nearly_flat() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => "[a-zA-Z_][a-z0-9_]{0,3}".prop_map(|name| format!("<{name}>")),
            8 => "[a-zA-Z_][a-z0-9_]{0,3}".prop_map(|name| format!("</{name}>")),
            6 => "[a-c\\]>\n ]{0,6}".prop_map(|text| format!("<![CDATA[{text}]]>")),
            6 => "[a-c0-9 \n\\]>\"'=]{0,6}",
            1 => Just("&amp;".to_owned()),
            1 => Just("<a/>".to_owned()),
            1 => Just("<!-- x -->".to_owned()),
            1 => Just("<!DOCTYPE x>".to_owned()),
            1 => Just("\r\n".to_owned()),
        ];
        let leaf = ("[a-c]{1,2}", "([a-c\\]> \n]|&amp;|\r|<b>|</b>|]]>){0,6}", any::<bool>()).prop_map(
            |(name, text, section)| match section {
                true => format!("<{name}><![CDATA[{text}]]></{name}>"),
                false => format!("<{name}>{text}</{name}>"),
            },
        );
        let inside = prop_oneof![6 => leaf, 1 => piece, 1 => "[ \n]{0,2}"];
        (prop::collection::vec(inside, 0..6), "[ \n]{0,2}", "[ \nx]{0,1}")
            .prop_map(|(inside, before, after)| format!("{before}<xml>{}</xml>{after}", inside.concat()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_read_here_the_parser_reads_the_same(text in nearly_flat()) {
            if let Some(fields) = read(&text) {
                prop_assert_eq!(Some(fields), by_parser(&text), "{}", text);
            }
        }

        #[test]
        fn noise_is_read_as_the_parser_reads_it_or_not_at_all(noise in "<x>[<>/!\\[\\]&;#a-c\"' \\-?=CDATAXML]{0,40}</x>") {
            if let Some(fields) = read(&noise) {
                prop_assert_eq!(Some(fields), by_parser(&noise), "{}", noise);
            }
        }
    }

    #[test]
    fn an_ordinary_message_and_its_envelope_are_read_here() {
        let sealed = cipher::seal(&[7; 32], [1; 16], "你好".repeat(300).as_bytes(), "wx1");
        for text in [
            format!("<xml><ToUserName><![CDATA[gh_1]]></ToUserName>\n<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"),
            "<xml>\n <MsgType><![CDATA[text]]></MsgType><Content><![CDATA[<b>]] > ]]]></Content><MsgId>1</MsgId><a></a>\n</xml>\n"
                .to_owned(),
        ] {
            let fields = read(&text);
            assert!(fields.is_some(), "{text}");
            assert_eq!(fields, by_parser(&text));
        }
    }

    #[test]
    fn what_is_not_flat_is_left_to_the_parser() {
        for text in [
            "",
            "<xml>",
            "<xml/>",
            "<xml>x</xml>",
            "<xml a=\"1\"><a>1</a></xml>",
            "<xml><a>1</b></xml>",
            "<xml><a>1</a></xml>x",
            "<xml><a>1</a></xml><xml></xml>",
            "<xml><a><b>1</b></a></xml>",
            "<xml><a>&lt;</a></xml>",
            "<xml><a>1\r\n</a></xml>",
            "<xml><a>x<![CDATA[1]]></a></xml>",
            "<xml><a><![CDATA[1]]><![CDATA[2]]></a></xml>",
            "<xml><a><![CDATA[1]></a></xml>",
            "<!DOCTYPE xml><xml><a>1</a></xml>",
            "<?xml version=\"1.0\"?><xml><a>1</a></xml>",
            "<xml><1>1</1></xml>",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
