//! The expected values were computed by Python's hashlib, hmac and cryptography.

use super::*;
use crate::secret::Secret;

const NOW: Millis = 1_752_000_000_000;
const RECORDS: [&str; 2] = [r#"{"id":"e1","text":"您好"}"#, r#"{"id":"e2"}"#];
const BODY: &str = r#"{"sys_code":"C-1001","type":"msg","content":[{"id":"e1","text":"您好"},{"id":"e2"}]}"#;
const RANDOM: &str = "000102030405060708090a0b0c0d0e0f";

/// 0, 1, 2, …
struct Counting;

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for (place, byte) in (0..).zip(bytes) {
            *byte = place;
        }
    }
}

fn to(mode: Mode, encrypt: bool) -> Forwarder {
    Forwarder {
        name: "a".into(),
        url: "https://archive.example/records".into(),
        types: vec![Kind::Msg],
        key: Secret::new("a shared key"),
        mode,
        company_id: "C-1001".into(),
        encrypt,
        legacy_plain: false,
    }
}

fn posted(to: &Forwarder, protect: bool) -> Post {
    post(to, Kind::Msg, &RECORDS, protect, NOW, &Counting).expect("a batch")
}

fn headers(sign: &str) -> Vec<(&'static str, String)> {
    vec![
        ("X-Log-TimeStamp", NOW.to_string()),
        ("X-Log-RandomCode", RANDOM.to_owned()),
        ("X-Log-Sign", sign.to_owned()),
    ]
}

#[test]
fn a_plain_batch_has_no_headers_whatever_was_asked_for() {
    for forwarder in [to(Mode::SobotMd5, false), to(Mode::HmacSha256, true)] {
        let post = posted(&forwarder, false);
        assert_eq!(String::from_utf8(post.body).expect("text"), BODY);
        assert_eq!(post.headers, []);
        assert_eq!(
            (&*post.url, post.content_type),
            ("https://archive.example/records", JSON)
        );
    }
}

#[test]
fn sobots_signature_is_the_md5_of_company_time_code_and_key() {
    let post = posted(&to(Mode::SobotMd5, false), true);
    assert_eq!(post.headers, headers("aa4c6d8ca81b91f81ec862d8c359ca8a"));
    assert_eq!(post.body, BODY.as_bytes());
}

#[test]
fn the_hmac_covers_time_code_and_body() {
    let post = posted(&to(Mode::HmacSha256, false), true);
    let sign = "0159d7c2233d33bc8d56f47ed9dde221397303f7d67a61689b95a80f3da13c4a";
    assert_eq!(post.headers, headers(sign));
    assert_eq!(post.body, BODY.as_bytes());
}

#[test]
fn an_encrypted_body_is_base64_of_nonce_ciphertext_and_tag_and_signed_as_sent() {
    let post = posted(&to(Mode::HmacSha256, true), true);
    assert_eq!(
        String::from_utf8(post.body).expect("base64"),
        "AAECAwQFBgcICQoLNQcMvuk0dXMpp3I03t3yTokEh7cIB+oBodpGN/UG1dzNHWaUYAsWzXyO33836NF71lUZJOEq08wyXQlsOuK9S1KY1vUm0b6Q1PFk\
         nhiWTU7RoR6Da73KKK7wCRPTSgsRvSXaiBFD"
    );
    let sign = "abd937b224ab5d733aaf8168b454cb2fa8547ca6415a6e6bb5732bf2747708e5";
    assert_eq!(post.headers, headers(sign));
    assert_eq!(post.content_type, TEXT);
}

#[test]
fn a_company_is_written_as_json() {
    let odd = Forwarder {
        company_id: "a\"b\\".into(),
        ..to(Mode::HmacSha256, false)
    };
    let post = posted(&odd, false);
    let read: serde_json::Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!(read["sys_code"], "a\"b\\");
    assert_eq!(read["content"][1]["id"], "e2");
}
