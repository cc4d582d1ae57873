//! How is a JSON body read? Into the same tree as XML: digits as written, doubled names kept, lists flat where asked.
//!
//! A reader of our own because the usual one turns numbers into doubles and lets the last of two equal names win, where
//! the platform's identities need every digit and the first value counts.

use super::tree::{DEPTH_MAX, Fields, Node, TreeFault};

/// Reads one object and nothing after it.
pub fn parse(body: &[u8]) -> Result<Fields, TreeFault> {
    let text = std::str::from_utf8(body).map_err(|_| TreeFault::Broken("not UTF-8".into()))?;
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let fields = reader.object(1)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.broken("something follows the object"));
    }
    Ok(fields)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize, in_list: bool) -> Result<Node, TreeFault> {
        match self.peek() {
            Some(b'{') => Ok(Node::Fields(self.object(depth + 1)?, String::new())),
            // `"List":[{…}]` says what repeated elements say in XML, so a list is a level only inside a list.
            Some(b'[') => self.list(depth + usize::from(in_list)),
            Some(b'"') => Ok(Node::Text(self.string()?)),
            _ => self.literal(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Fields, TreeFault> {
        if depth > DEPTH_MAX {
            return Err(TreeFault::deep());
        }
        let mut fields = Vec::new();
        self.expect(b'{')?;
        self.blanks();
        if self.take(b'}') {
            return Ok(Fields(fields));
        }
        loop {
            self.blanks();
            let name = self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            let node = self.value(depth, false)?;
            fields.push((name, node));
            self.blanks();
            if self.take(b'}') {
                return Ok(Fields(fields));
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, TreeFault> {
        if depth > DEPTH_MAX {
            return Err(TreeFault::deep());
        }
        let mut items = Vec::new();
        self.expect(b'[')?;
        self.blanks();
        if self.take(b']') {
            return Ok(Node::List(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth, true)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Node::List(items));
            }
            self.expect(b',')?;
        }
    }

    /// A number or a word, exactly as written.
    fn literal(&mut self) -> Result<Node, TreeFault> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        if serde_json::from_str::<serde::de::IgnoredAny>(word).is_err() {
            return Err(self.broken("expected a value"));
        }
        self.at += end;
        Ok(Node::Literal(word.to_owned()))
    }

    /// A string. Control characters that should have been escaped, and halves of surrogate pairs, do not cost the message.
    fn string(&mut self) -> Result<String, TreeFault> {
        self.expect(b'"')?;
        let mut said = String::new();
        loop {
            let rest = self.rest();
            let end = rest
                .find(['"', '\\'])
                .ok_or_else(|| self.broken("a string without end"))?;
            said.push_str(&rest[..end]);
            self.at += end;
            if self.take(b'"') {
                return Ok(said);
            }
            self.at += 1;
            said.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, TreeFault> {
        let letter = self.peek().ok_or_else(|| self.broken("an escape without end"))?;
        let plain = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.broken("an unknown escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, TreeFault> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let mark = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = mark;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, TreeFault> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.broken("a \\u without four digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn expect(&mut self, byte: u8) -> Result<(), TreeFault> {
        if self.take(byte) {
            return Ok(());
        }
        Err(self.broken(&format!("expected {:?}", char::from(byte))))
    }

    fn take(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn broken(&self, what: &str) -> TreeFault {
        TreeFault::Broken(format!("JSON at byte {}: {what}", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(json: &str) -> Fields {
        parse(json.as_bytes()).expect("well-formed")
    }

    proptest! {
        #[test]
        fn any_text_reads_back_as_written(text: String) {
            let json = serde_json::json!({ "a": text }).to_string();
            let it = fields(&json);
            prop_assert_eq!(it.verbatim("a"), &text);
            prop_assert_eq!(it.to_json(), json);
        }

        #[test]
        fn noise_never_panics(noise in "[\\[\\]{}:,\"\\\\utfa0-9.eE+\\- é]{0,60}") {
            let _ = parse(noise.as_bytes());
            let _ = parse(format!("{{\"a\":{noise}}}").as_bytes());
        }
    }

    #[test]
    fn digits_beyond_a_double_are_kept() {
        let it = fields(r#"{"MsgId":18446744073709551617,"x":31.2304160,"n":null,"t":true}"#);
        assert_eq!(it.value("MsgId"), "18446744073709551617");
        assert_eq!(it.value("x"), "31.2304160");
        assert_eq!(it.value("n"), "");
        assert_eq!(
            it.to_json(),
            r#"{"MsgId":"18446744073709551617","x":31.2304160,"n":null,"t":true}"#
        );
    }

    #[test]
    fn object_or_array_number_or_string_read_the_same() {
        for json in [
            r#"{"List":{"A":1}}"#,
            r#"{"List":[{"A":"1"}]}"#,
            r#"{"List":[{"A":"1"},{"A":2}]}"#,
        ] {
            let it = fields(json);
            assert_eq!(it.group("List").map(|item| item.value("A")), Some("1"), "{json}");
        }
    }

    #[test]
    fn of_doubled_names_the_first_counts_and_all_stay() {
        let it = fields(r#"{"a":1,"a":"2"}"#);
        assert_eq!((it.value("a"), it.to_json().as_str()), ("1", r#"{"a":[1,"2"]}"#));
    }

    #[test]
    fn escapes_pairs_and_half_pairs_are_read() {
        assert_eq!(
            fields(r#"{"a":"\u4f60\ud83d\ude00\/\n\ud83dx\ud83d\u0041"}"#).verbatim("a"),
            "你😀/\n\u{fffd}x\u{fffd}A"
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| r#"{"a":"#.repeat(levels) + "1" + &"}".repeat(levels);
        assert!(parse(nested(8).as_bytes()).is_ok());
        assert_eq!(parse(nested(9).as_bytes()), Err(TreeFault::deep()));
        let lists = format!(r#"{{"a":{}"#, "[".repeat(100_000));
        assert_eq!(parse(lists.as_bytes()), Err(TreeFault::deep()));
    }

    #[test]
    fn what_is_not_one_object_is_broken() {
        for json in [
            "",
            "[]",
            "{",
            "{}x",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":01}"#,
            r#"{"a":nul}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"#,
            r#"{"a":1,}"#,
        ] {
            assert!(matches!(parse(json.as_bytes()), Err(TreeFault::Broken(_))), "{json}");
        }
    }
}
