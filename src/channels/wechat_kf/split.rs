//! Where does each item of a page begin and end? Found without reading what is inside, so that every item is kept as the
//! platform wrote it, and one that is broken or hostile spoils no other.

/// A page taken apart; values as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Split<'a> {
    pub errcode: &'a str,
    pub errmsg: &'a str,
    pub next_cursor: &'a str,
    pub has_more: &'a str,
    pub items: Vec<&'a str>,
    /// There is a `msg_list`, and it is neither a list nor `null`: what the page holds is not known.
    pub listless: bool,
}

/// `None` where it is no JSON object, or breaks off.
pub fn split(text: &str) -> Option<Split<'_>> {
    let mut scan = Scan { text, at: 0 };
    let mut page = Split::default();
    scan.blanks();
    scan.expect(b'{')?;
    scan.blanks();
    if scan.take(b'}') {
        return Some(page);
    }
    loop {
        scan.blanks();
        let name = scan.value()?;
        scan.blanks();
        scan.expect(b':')?;
        scan.blanks();
        match name {
            "\"msg_list\"" if scan.peek() == Some(b'[') => page.items = scan.list()?,
            "\"msg_list\"" => page.listless |= scan.value()? != "null",
            "\"errcode\"" => page.errcode = scan.value()?,
            "\"errmsg\"" => page.errmsg = scan.value()?,
            "\"next_cursor\"" => page.next_cursor = scan.value()?,
            "\"has_more\"" => page.has_more = scan.value()?,
            _ => {
                scan.value()?;
            }
        }
        scan.blanks();
        if scan.take(b'}') {
            return Some(page);
        }
        scan.expect(b',')?;
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn list(&mut self) -> Option<Vec<&'a str>> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        self.blanks();
        if self.take(b']') {
            return Some(items);
        }
        loop {
            self.blanks();
            items.push(self.value()?);
            self.blanks();
            if self.take(b']') {
                return Some(items);
            }
            self.expect(b',')?;
        }
    }

    /// Passes over one value, however deep: by counting, not by descending.
    fn value(&mut self) -> Option<&'a str> {
        let begin = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                _ if depth > 0 => self.at += 1,
                _ => {
                    let rest = &self.text.as_bytes()[self.at..];
                    let end = rest
                        .iter()
                        .position(|it| matches!(it, b',' | b'}' | b']') || it.is_ascii_whitespace());
                    self.at += end.filter(|end| *end > 0)?;
                }
            }
            if depth == 0 {
                return self.text.get(begin..self.at);
            }
        }
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let end = rest.iter().position(|it| matches!(it, b'"' | b'\\'))?;
            self.at += end;
            if self.take(b'"') {
                return Some(());
            }
            // What is escaped ends no string.
            self.at += 2;
            if self.at > self.text.len() {
                return None;
            }
        }
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|it| it.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn items_are_kept_as_they_were_written() {
        let text = r#" {"errcode":0,"msg_list":[ {"a":1.10,"s":"]}\"\\"} , 7,"x",[{}],null ],"next_cursor":"c","has_more":1} "#;
        let page = split(text).expect("a page");
        assert_eq!(
            page.items,
            [r#"{"a":1.10,"s":"]}\"\\"}"#, "7", r#""x""#, "[{}]", "null"]
        );
        assert_eq!((page.next_cursor, page.has_more), ("\"c\"", "1"));
        assert!(split(r#"{"msg_list":null}"#).is_some_and(|it| it.items.is_empty()));
        assert!(split("{}").is_some_and(|it| it.items.is_empty()));
        for broken in [
            "",
            "[]",
            "{",
            r#"{"msg_list":[{"a":1}"#,
            r#"{"a":"\"#,
            r#"{"msg_list":[,]}"#,
            r#"{"a":]}"#,
        ] {
            assert_eq!(split(broken), None, "{broken}");
        }
        let deep = format!(r#"{{"msg_list":[{}{}]}}"#, "[".repeat(300_000), "]".repeat(300_000));
        assert_eq!(split(&deep).map(|it| it.items.len()), Some(1));
    }

    proptest! {
        #[test]
        fn any_texts_are_split_as_a_parser_would(texts: Vec<String>) {
            let items: Vec<Value> = texts.iter().map(|text| json!({ "text": { "content": text } })).collect();
            let page = json!({ "errmsg": "ok", "msg_list": items, "next_cursor": "c" }).to_string();
            let split = split(&page).expect("a page");
            let read: Vec<Value> = split.items.iter().map(|it| serde_json::from_str(it).expect("JSON")).collect();
            prop_assert_eq!(read, items);
        }

        #[test]
        fn noise_never_panics(noise in "[\\[\\]{}:,\"\\\\a0 é微]{0,60}") {
            let _ = split(&noise);
            let _ = split(&format!("{{\"msg_list\":{noise}}}"));
        }
    }
}
