//! How is an XML body read? Into a tree, without document types and entities, and without touching a text but its line ends.
//!
//! What is forbidden is what the parser meets as markup; the same characters inside CDATA are a customer's words.

use std::borrow::Cow;

use quick_xml::{Error, Reader, errors::SyntaxError, events::Event};

use super::{
    flat,
    tree::{DEPTH_MAX, Fields, Node, TreeFault},
};

/// Reads a whole document; the root's children are the fields.
pub fn parse(body: &[u8]) -> Result<Fields, TreeFault> {
    let mut root = Fields::default();
    scan(body, &mut root)?;
    Ok(root)
}

/// As [`parse`], but what was read before a fault stays in `root`.
pub fn scan(body: &[u8], root: &mut Fields) -> Result<(), TreeFault> {
    let text = std::str::from_utf8(body).map_err(|_| TreeFault::Broken("not UTF-8".into()))?;
    match flat::read(text) {
        Some(fields) => {
            *root = fields;
            Ok(())
        }
        None => scan_any(text, root),
    }
}

/// As [`scan`], for a document of any shape.
pub(super) fn scan_any(text: &str, root: &mut Fields) -> Result<(), TreeFault> {
    let mut reader = Reader::from_str(text);
    let mut stack = Stack::default();
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(tag) => {
                let name = tag.name();
                stack.push(
                    name.as_ref(),
                    [format!("<{}>", line_ends(&tag)), format!("</{}>", name.as_ref())],
                )?;
            }
            Event::Empty(tag) => {
                stack.push(tag.name().as_ref(), [format!("<{}/>", line_ends(&tag)), String::new()])?;
                stack.pop(root)?;
            }
            Event::End(_) => stack.pop(root)?,
            Event::Text(text) => stack.say(&line_ends(&text))?,
            Event::CData(text) => stack.say(&line_ends(&text))?,
            Event::GeneralRef(reference) => stack.say(resolve(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::DocType(_) => return Err(TreeFault::Forbidden("a document type".into())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return stack.finish(),
        }
    }
}

/// An XML processor hands on every line end as LF (XML 1.0, 2.11).
fn line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The character behind `&…;`. A number that names no character becomes U+FFFD: old clients write such nicknames, and a
/// message is worth more than one of them.
fn resolve(name: &str) -> Result<char, TreeFault> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return Ok(code
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    match name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        // Only a declaration is forbidden; a name that none stands behind is a document that does not parse.
        _ => Err(TreeFault::Broken("an entity that nothing declares".into())),
    }
}

/// `<!` that opens neither CDATA nor a comment is a declaration, wherever it stands.
fn broken(error: quick_xml::Error) -> TreeFault {
    match error {
        Error::Syntax(SyntaxError::InvalidBangMarkup | SyntaxError::UnclosedDoctype) => {
            TreeFault::Forbidden("a declaration".into())
        }
        other => TreeFault::Broken(other.to_string()),
    }
}

/// The elements that are open.
#[derive(Default)]
struct Stack {
    open: Vec<Element>,
    done: bool,
}

struct Element {
    name: String,
    /// How it begins and ends, as it was written.
    tags: [String; 2],
    /// What stands in it, with the tags of its children; sections and references are read.
    written: String,
    /// Words of its own.
    speaks: bool,
    fields: Vec<(String, Node)>,
}

impl Element {
    /// Where words stand beside elements, the elements are part of the words: a text that nobody wrapped in CDATA.
    fn node(fields: Vec<(String, Node)>, written: String, speaks: bool) -> Node {
        match fields.is_empty() || speaks {
            true => Node::Text(written),
            false => Node::Fields(Fields(fields), written),
        }
    }
}

impl Stack {
    fn push(&mut self, name: &str, tags: [String; 2]) -> Result<(), TreeFault> {
        if self.done {
            return Err(TreeFault::Broken("more than one root element".into()));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(TreeFault::deep());
        }
        self.open.push(Element {
            name: name.to_owned(),
            tags,
            written: String::new(),
            speaks: false,
            fields: Vec::new(),
        });
        Ok(())
    }

    /// Closes the innermost element and hands it to its parent; the root's children go straight into `root`, so that
    /// they are there even if the document breaks later.
    fn pop(&mut self, root: &mut Fields) -> Result<(), TreeFault> {
        let Some(element) = self.open.pop() else {
            return Err(TreeFault::Broken("an end without a start".into()));
        };
        let [begins, ends] = &element.tags;
        let to = match self.open.as_mut_slice() {
            [] => {
                self.done = true;
                return Ok(());
            }
            [_] => &mut root.0,
            [.., parent] => {
                parent.written.extend([begins.as_str(), &element.written, ends]);
                &mut parent.fields
            }
        };
        to.push((
            element.name,
            Element::node(element.fields, element.written, element.speaks),
        ));
        Ok(())
    }

    fn say(&mut self, text: &str) -> Result<(), TreeFault> {
        match self.open.last_mut() {
            Some(element) => {
                element.speaks |= !text.trim().is_empty();
                element.written.push_str(text);
            }
            None if text.trim().is_empty() => {}
            None => return Err(TreeFault::Broken("text outside the root element".into())),
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), TreeFault> {
        if self.done && self.open.is_empty() {
            Ok(())
        } else {
            Err(TreeFault::Broken("the document ends too early".into()))
        }
    }
}

/// Writes a text so that it reads back the same: `]]>` is split over two sections.
pub fn cdata(text: &str, to: &mut String) {
    to.push_str("<![CDATA[");
    let mut pieces = text.split("]]>");
    to.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        to.push_str("]]]]><![CDATA[>");
        to.push_str(piece);
    }
    to.push_str("]]>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(xml: &str) -> Fields {
        parse(xml.as_bytes()).expect("well-formed")
    }

    proptest! {
        #[test]
        fn a_text_without_carriage_returns_reads_back_as_written(text in "[^\r]*") {
            let mut xml = String::from("<xml><Content>");
            cdata(&text, &mut xml);
            xml.push_str("</Content></xml>");
            let read = fields(&xml);
            prop_assert_eq!(read.verbatim("Content"), text);
        }

        #[test]
        fn noise_never_panics(noise in "[<>/!\\[\\]&;#a-c\"' \\-?=CDATAXML]{0,80}") {
            let _ = parse(noise.as_bytes());
        }
    }

    #[test]
    fn text_keeps_its_blanks_and_values_can_be_had_without() {
        let it = fields(
            "<xml>\n <MsgType>\n <![CDATA[text]]> </MsgType><Content> a&amp;b&#x1F600;\r\n<![CDATA[<b>]]>\r </Content></xml>",
        );
        assert_eq!(it.value("msgtype"), "text");
        assert_eq!(it.verbatim("Content"), " a&b😀\n<b>\n ");
    }

    /// Such a text comes where somebody between the platform and us forgets the section around it.
    #[test]
    fn a_text_with_elements_in_it_is_read_as_it_was_written() {
        for (inside, text, json) in [
            ("a<b>c</b>", "a<b>c</b>", r#""a<b>c</b>""#),
            (r#"<a href="x">y</a>"#, r#"<a href="x">y</a>"#, r#"{"a":"y"}"#),
            (
                "1 &lt; 2 <![CDATA[<i>]]> <b x='1'\r\n y='2'>c<br/></b>\r\n<p></p>",
                "1 < 2 <i> <b x='1'\n y='2'>c<br/></b>\n<p></p>",
                r#""1 < 2 <i> <b x='1'\n y='2'>c<br/></b>\n<p></p>""#,
            ),
            ("<p>a<b>c</b></p>", "<p>a<b>c</b></p>", r#"{"p":"a<b>c</b>"}"#),
            ("\n <c>3</c>\n", "\n <c>3</c>\n", r#"{"c":"3"}"#),
        ] {
            let it = fields(&format!("<xml>\n<Content>{inside}</Content> <MsgId>1</MsgId></xml>"));
            assert_eq!(it.verbatim("Content"), text);
            assert_eq!(it.to_json(), format!(r#"{{"Content":{json},"MsgId":"1"}}"#));
        }
        let group = fields("<x><g>\n<a>1</a><a>2</a></g></x>");
        let group = group.group("g").expect("a group");
        assert_eq!(group.all("a").map(Node::text).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn repeated_elements_keep_all_values_and_the_first_counts() {
        let it = fields("<x><a>1</a><a>2</a><b><c>3</c><c/></b></x>");
        assert_eq!(it.value("a"), "1");
        assert_eq!(it.all("a").map(Node::text).collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(it.to_json(), r#"{"a":["1","2"],"b":{"c":["3",""]}}"#);
    }

    #[test]
    fn doctype_and_declarations_are_forbidden_only_as_markup() {
        for xml in [
            "<!DOCTYPE x [<!ENTITY a 'b'>]><xml><a>1</a></xml>",
            "<!DOCTYPE x><xml/>",
            "<!doctype x><xml/>",
            "<!DOCTYPE x [",
            "<xml/><!DOCTYPE x>",
            "<xml><!ENTITY a 'b'><a>1</a></xml>",
            "<!ENTITY a 'b'><xml/>",
        ] {
            assert!(matches!(parse(xml.as_bytes()), Err(TreeFault::Forbidden(_))), "{xml}");
        }
        let words = "<!DOCTYPE x [<!ENTITY a 'b'>]> &xxe;";
        assert_eq!(
            fields(&format!("<xml><a><![CDATA[{words}]]></a></xml>")).verbatim("a"),
            words
        );
    }

    #[test]
    fn eight_levels_are_read_and_nine_are_forbidden() {
        let nested = |levels: usize| "<a>".repeat(levels) + &"</a>".repeat(levels);
        assert!(parse(nested(8).as_bytes()).is_ok());
        assert_eq!(parse(nested(9).as_bytes()), Err(TreeFault::deep()));
        assert_eq!(parse("<a>".repeat(100_000).as_bytes()), Err(TreeFault::deep()));
    }

    #[test]
    fn what_is_not_one_whole_document_is_broken() {
        for xml in [
            "<xml>",
            "<xml><a></xml>",
            "<xml></xml><xml/>",
            "<xml/>x",
            "<xml",
            "</xml>",
            "<xml>&lt</xml>",
            "<xml><a>&xxe;</a></xml>",
            "< >",
        ] {
            assert!(matches!(parse(xml.as_bytes()), Err(TreeFault::Broken(_))), "{xml}");
        }
        assert!(matches!(parse(b"<xml><a>\xff</a></xml>"), Err(TreeFault::Broken(_))));
    }

    #[test]
    fn a_number_that_names_no_character_does_not_cost_the_message() {
        assert_eq!(
            fields("<x><a>b&#xD800;&#99999999999;c</a></x>").value("a"),
            "b\u{fffd}\u{fffd}c"
        );
    }
}
