//! What does a body say, XML or JSON alike? A small tree: names in order, repeated names kept, digits untouched.

use std::collections::HashMap;

use serde_json::to_string as quote;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Text, byte for byte.
    Text(String),
    /// A JSON number, `true`, `false` or `null`, as it was written.
    Literal(String),
    /// A group, and its text where somebody looks for one: the inside of an XML element as it was written. JSON has none.
    Fields(Fields, String),
    /// A JSON list. XML says the same by repeating an element.
    List(Vec<Node>),
}

/// Named values in the order of the body; a name may stand more than once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Vec<(String, Node)>);

/// Why a body gives no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeFault {
    /// Document types, entities, or nesting beyond [`DEPTH_MAX`]: what no platform sends and attackers like.
    #[error("forbidden: {0}")]
    Forbidden(String),
    #[error("not well-formed: {0}")]
    Broken(String),
}

/// The deepest documented body has 7 levels.
pub const DEPTH_MAX: usize = 8;

impl TreeFault {
    pub(super) fn deep() -> Self {
        TreeFault::Forbidden(format!("nested deeper than {DEPTH_MAX} levels"))
    }
}

impl Node {
    /// Its text; of a list that of its first value, of a group how it was written.
    pub fn text(&self) -> &str {
        match self {
            Node::Text(text) => text,
            Node::Literal(text) if text == "null" => "",
            Node::Literal(text) => text,
            Node::List(items) => items.first().map_or("", Node::text),
            Node::Fields(_, written) => written,
        }
    }

    fn fields(&self) -> Option<&Fields> {
        match self {
            Node::Fields(fields, _) => Some(fields),
            Node::List(items) => items.first().and_then(Node::fields),
            Node::Text(_) | Node::Literal(_) => None,
        }
    }

    fn write(&self, to: &mut String) {
        match self {
            Node::Text(text) => to.push_str(&quote(text).unwrap_or_default()),
            // A reader's double would change the digits of a longer number.
            Node::Literal(text) if text.bytes().filter(u8::is_ascii_digit).count() > 15 => {
                to.push_str(&quote(text).unwrap_or_default());
            }
            Node::Literal(text) => to.push_str(text),
            Node::Fields(fields, _) => fields.write(to),
            Node::List(items) => list(to, items.iter()),
        }
    }
}

impl Fields {
    /// The first value of that name. Letter case is free, because the platform's own spelling varies (`MsgId`, `MsgID`);
    /// the exact spelling wins.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let exact = self.0.iter().find(|(key, _)| key == name);
        exact
            .or_else(|| self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
            .map(|(_, node)| node)
    }

    /// Every value of that name, lists taken apart: object or array, repeated or not, all read the same.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .flat_map(|(_, node)| match node {
                Node::List(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            })
    }

    /// The groups of that name.
    pub fn groups<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Fields> {
        self.all(name).filter_map(Node::fields)
    }

    /// The first group of that name.
    pub fn group(&self, name: &str) -> Option<&Fields> {
        self.get(name).and_then(Node::fields)
    }

    /// The first value's text without blanks around it; empty where there is none.
    pub fn value(&self, name: &str) -> &str {
        self.verbatim(name).trim()
    }

    /// The first value's text, byte for byte.
    pub fn verbatim(&self, name: &str) -> &str {
        self.get(name).map_or("", Node::text)
    }

    /// As [`value`](Self::value), taken out where it is a text: one of many kilobytes is not copied.
    pub fn take(&mut self, name: &str) -> String {
        let exact = self.0.iter_mut().find(|(key, _)| key == name);
        match exact {
            Some((_, Node::Text(text))) if text.trim().len() == text.len() => std::mem::take(text),
            _ => self.value(name).to_owned(),
        }
    }

    /// All of it as one JSON object; names that repeat become a list, digits are kept.
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(256);
        self.write(&mut json);
        json
    }

    fn write(&self, to: &mut String) {
        // By a map, not by looking back: a hostile body may hold a name a hundred thousand times.
        let mut at = HashMap::with_capacity(self.0.len());
        let mut named: Vec<(&str, Vec<&Node>)> = Vec::with_capacity(self.0.len());
        for (name, node) in &self.0 {
            let index = *at.entry(name.as_str()).or_insert_with(|| {
                named.push((name, Vec::new()));
                named.len() - 1
            });
            named[index].1.push(node);
        }
        to.push('{');
        for (index, (name, nodes)) in named.iter().enumerate() {
            if index > 0 {
                to.push(',');
            }
            to.push_str(&quote(name).unwrap_or_default());
            to.push(':');
            match nodes[..] {
                [one] => one.write(to),
                _ => list(to, nodes.iter().copied()),
            }
        }
        to.push('}');
    }
}

fn list<'a>(to: &mut String, items: impl Iterator<Item = &'a Node>) {
    to.push('[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            to.push(',');
        }
        item.write(to);
    }
    to.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_very_many_names_is_written_in_one_go() {
        let many =
            |name: fn(usize) -> String| Fields((0..200_000).map(|i| (name(i), Node::Text(String::new()))).collect());
        assert!(many(|i| i.to_string()).to_json().starts_with(r#"{"0":"","1":"","#));
        assert!(many(|_| "a".into()).to_json().starts_with(r#"{"a":["","","#));
    }
}
