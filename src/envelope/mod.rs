//! How do the platforms wrap what they say? Signatures, the cipher, the outer body, and the tree inside.
//!
//! Pure functions over bytes that strangers sent. Nothing here panics on them, nothing looks at a clock or a setting. The
//! platform's page: <https://developers.weixin.qq.com/doc/subscription/guide/dev/push/encryption.html>.

pub mod cipher;
mod flat;
pub mod json;
pub mod outer;
pub mod signature;
pub mod tree;
pub mod xml;

pub use tree::{Fields, Node, TreeFault};

/// XML or JSON, told by the first byte that is not a space; never by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Xml,
    Json,
}

impl Format {
    /// `None` where a body is empty or starts like neither.
    pub fn of(body: &[u8]) -> Option<Self> {
        match body.iter().find(|byte| !byte.is_ascii_whitespace())? {
            b'<' => Some(Format::Xml),
            b'{' => Some(Format::Json),
            _ => None,
        }
    }
}

/// Reads a whole body into a tree.
pub fn parse(body: &[u8]) -> Result<Fields, TreeFault> {
    match Format::of(body) {
        Some(Format::Xml) => xml::parse(body),
        Some(Format::Json) => json::parse(body),
        None => Err(TreeFault::Broken("the body starts with neither '<' nor '{'".into())),
    }
}

#[cfg(test)]
mod tests {
    //! The public vectors of the platform's pages and samples: ours must equal theirs byte for byte.

    use serde_json::Value;

    use super::*;

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../../fixtures/crypto_vectors.json")).expect("the fixture is JSON")
    }

    fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
        vector[field].as_str().unwrap_or_default()
    }

    #[test]
    fn every_published_signature_is_ours() {
        for it in vectors() {
            let (token, ts, nonce) = (text(&it, "token"), text(&it, "ts"), text(&it, "nonce"));
            if it.get("sig3").is_some() {
                assert!(
                    signature::matches(&signature::of_query(token, ts, nonce), text(&it, "sig3")),
                    "{it}"
                );
            }
            if it.get("sig4").is_some() {
                let ours = signature::of_message(token, ts, nonce, text(&it, "enc"));
                assert!(signature::matches(&ours, text(&it, "sig4")), "{it}");
            }
        }
    }

    #[test]
    fn every_published_box_opens_to_its_text_and_seals_to_its_bytes() {
        let mut boxes = 0;
        for it in vectors().iter().filter(|it| it.get("enc").is_some()) {
            let key = cipher::key(text(it, "aes_key")).expect("a published key");
            let opened = cipher::open(&key, cipher::decode(text(it, "enc")).expect("Base64")).expect("opens");
            assert_eq!(opened.message, text(it, "msg").as_bytes(), "{}", it["name"]);
            assert_eq!(opened.id, text(it, "id").as_bytes(), "{}", it["name"]);
            assert_eq!(Some(opened.message.len() as u64), it["msg_len"].as_u64());
            let random: [u8; 16] = text(it, "rnd").as_bytes().try_into().expect("16 bytes");
            assert_eq!(
                cipher::seal(&key, random, &opened.message, text(it, "id")),
                text(it, "enc")
            );
            boxes += 1;
        }
        assert_eq!(boxes, 11);
    }

    #[test]
    fn a_box_sealed_with_another_key_does_not_open_to_the_same_id() {
        let all = vectors();
        let sealed = all.iter().find(|it| it["name"] == "C").expect("vector C");
        let other = cipher::key("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C").expect("a published key");
        let opened = cipher::open(&other, cipher::decode(text(sealed, "enc")).expect("Base64"));
        assert!(
            opened
                .is_err_and(|fault| matches!(fault, cipher::CipherFault::Decrypt | cipher::CipherFault::IllegalBuffer))
        );
    }

    #[test]
    fn the_first_byte_that_is_no_blank_tells_the_format() {
        assert_eq!(Format::of(b" \r\n<xml/>"), Some(Format::Xml));
        assert_eq!(Format::of(b"{"), Some(Format::Json));
        for body in [&b""[..], b"  ", b"a=1", b"[1]", b"\"<\"", b"\xef\xbb\xbf<xml/>"] {
            assert_eq!(Format::of(body), None, "{body:?}");
        }
    }
}
