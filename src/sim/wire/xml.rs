//! How does the platform write and read XML? A tree, written with CDATA, read without any DTD.

use quick_xml::{Reader, events::Event};
use serde_json::{Map, Value};

/// A value of a push: what XML wraps in CDATA, a bare number, or children in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Text(String),
    Number(String),
    Children(Vec<(String, Node)>),
}

impl Node {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn number(number: impl ToString) -> Self {
        Self::Number(number.to_string())
    }
}

/// `<xml>…</xml>` around `fields`.
pub fn write(fields: &[(String, Node)]) -> String {
    let mut out = String::from("<xml>");
    write_fields(&mut out, fields);
    out.push_str("</xml>");
    out
}

fn write_fields(out: &mut String, fields: &[(String, Node)]) {
    for (name, node) in fields {
        out.push('<');
        out.push_str(name);
        out.push('>');
        match node {
            Node::Text(text) => {
                out.push_str("<![CDATA[");
                out.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
                out.push_str("]]>");
            }
            Node::Number(number) => out.push_str(number),
            Node::Children(children) => write_fields(out, children),
        }
        out.push_str("</");
        out.push_str(name);
        out.push('>');
    }
}

/// The JSON form of the same push: numbers as numbers, repeated names as a list.
pub fn to_json(fields: &[(String, Node)]) -> Value {
    let mut map = Map::new();
    for (name, node) in fields {
        let value = match node {
            Node::Text(text) => Value::String(text.clone()),
            Node::Number(number) => serde_json::from_str(number).unwrap_or_else(|_| Value::String(number.clone())),
            Node::Children(children) => to_json(children),
        };
        match map.get_mut(name) {
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                map.insert(name.clone(), value);
            }
        }
    }
    Value::Object(map)
}

/// A driver's JSON as fields of a push: objects nest, lists repeat the name, numbers stay bare.
pub fn from_json(value: &Value) -> Vec<(String, Node)> {
    let Value::Object(map) = value else {
        return Vec::new();
    };
    map.iter().flat_map(|(name, value)| named(name, value)).collect()
}

fn named(name: &str, value: &Value) -> Vec<(String, Node)> {
    let node = match value {
        Value::Array(items) => return items.iter().flat_map(|item| named(name, item)).collect(),
        Value::Object(_) => Node::Children(from_json(value)),
        Value::String(text) => Node::text(text.clone()),
        Value::Null => Node::text(""),
        other => Node::number(other),
    };
    vec![(name.to_owned(), node)]
}

/// One element as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a child, without the blanks around it.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }
}

/// Reads one well-formed document; the reason when it is not one.
pub fn read(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|error| format!("malformed XML: {error}"))? {
            Event::Start(start) if root.is_none() => open.push(element(start.name().as_ref())),
            Event::Empty(empty) if root.is_none() => close(element(empty.name().as_ref()), &mut open, &mut root),
            Event::End(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                close(done, &mut open, &mut root);
            }
            Event::Text(text) => add(&text.xml10_content(), &mut open)?,
            Event::CData(text) => match open.last_mut() {
                Some(current) => current.text.push_str(&text.xml10_content()),
                None => return Err("text outside the root element".to_owned()),
            },
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(letter)) => letter.to_string(),
                    Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                        .ok_or("an undeclared entity")?
                        .to_owned(),
                    Err(error) => return Err(format!("malformed XML: {error}")),
                };
                add(&resolved, &mut open)?;
            }
            Event::DocType(_) => return Err("a DOCTYPE".to_owned()),
            Event::Start(_) | Event::Empty(_) => return Err("more than one root element".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err("malformed XML: it ends too early".to_owned()),
    }
}

fn element(name: &str) -> Element {
    Element {
        name: name.to_owned(),
        ..Element::default()
    }
}

fn close(done: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None => *root = Some(done),
    }
}

fn add(text: &str, open: &mut [Element]) -> Result<(), String> {
    match open.last_mut() {
        Some(current) => current.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside the root element".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Node, read, to_json, write};

    fn fields() -> Vec<(String, Node)> {
        vec![
            ("Content".to_owned(), Node::text("a]]>b & <c>")),
            ("CreateTime".to_owned(), Node::number(17)),
            (
                "Info".to_owned(),
                Node::Children(vec![
                    ("Item".to_owned(), Node::text("1")),
                    ("Item".to_owned(), Node::text("2")),
                ]),
            ),
        ]
    }

    #[test]
    fn what_is_written_reads_back() {
        let root = read(&write(&fields())).expect("well formed");
        assert_eq!(root.value("Content"), Some("a]]>b & <c>"));
        assert_eq!(root.value("CreateTime"), Some("17"));
        assert_eq!(root.child("Info").map(|info| info.children.len()), Some(2));
    }

    #[test]
    fn json_keeps_numbers_and_repeats() {
        assert_eq!(
            to_json(&fields()),
            serde_json::json!({"Content": "a]]>b & <c>", "CreateTime": 17, "Info": {"Item": ["1", "2"]}})
        );
    }

    #[test]
    fn entities_resolve_and_bad_documents_are_refused() {
        assert_eq!(
            read("<x>a&amp;b&#10;</x>").map(|root| root.text),
            Ok("a&b\n".to_owned())
        );
        for bad in [
            "",
            "<x>",
            "<x></y>",
            "<x/>rest",
            "<x/><y/>",
            "<!DOCTYPE x><x/>",
            "<x>&who;</x>",
            "plain",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
