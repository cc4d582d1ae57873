//! What is WeCom's own in what WeCom sends: the sealed check, the receiver, the application, the identity of events? What
//! every body becomes stands in `fixtures/wecom_app`; what all channels promise is tried beside the registry.

#[path = "support/door.rs"]
mod door;

use std::sync::Arc;

use door::{TS, forbidden_outside, kept_to_the_byte, opened, quarantined, rejected, sealed};
use proptest::prelude::*;
use wxbridge::{
    channels::{
        contract::{Account, Admitted, CallbackQuery, Inbound, Refusal, Seal},
        named,
    },
    envelope::cipher,
    error::Code,
    secret::Secret,
    settings::{AccountSettings, Previous},
};

const NOW: i64 = 1_752_000_500_000;
const CORP: &str = "ww0123456789abcdef";
const TOKEN: &str = "bridgeTok01";
const KEY: &str = "GPCHlXDghJjmrhhg3TqXdxTemktdtvO0f2dLeN5mfFA";
const OTHER_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
const TEXT: &str = "<xml><ToUserName>ww0123456789abcdef</ToUserName><FromUserName>Li.Si</FromUserName>\
    <CreateTime>1752000400</CreateTime><MsgType>text</MsgType><Content>hi</Content><MsgId>7</MsgId><AgentID>1000012</AgentID></xml>";

fn settings() -> AccountSettings {
    AccountSettings {
        id: "desk".into(),
        channel: "wecom_app".into(),
        corp_id: CORP.into(),
        agent_id: "1000012".into(),
        secret: Secret::new("s3cret"),
        token: Secret::new(TOKEN),
        encoding_aes_key: Secret::new(KEY),
        ..AccountSettings::default()
    }
}

fn open(settings: &AccountSettings) -> Arc<dyn Account> {
    named("wecom_app")
        .expect("registered")
        .open(settings)
        .expect("lawful settings")
}

fn admitted(body: &[u8]) -> Admitted {
    Admitted {
        plain: body.to_vec(),
        seal: Seal::Encrypted {
            token: TOKEN.into(),
            key: Arc::new(cipher::key(KEY).expect("a key")),
            id: CORP.into(),
            nonce: "n".into(),
        },
        stamped: NOW,
        notes: Vec::new(),
    }
}

fn read(body: &str) -> Result<Inbound, Refusal> {
    open(&settings()).read(&admitted(body.as_bytes()), NOW)
}

// ───────────── what is read ─────────────

#[test]
fn a_text_is_kept_to_the_byte_whatever_it_looks_like() {
    kept_to_the_byte(read);
}

#[test]
fn what_is_for_another_application_or_says_nothing_is_quarantined() {
    let other = TEXT.replace("1000012", "1000099");
    let click = other.replace("<MsgType>text", "<Event>click</Event><MsgType>event");
    for (body, code) in [
        (other.as_str(), Code::WrongReceiver),
        (&click, Code::WrongReceiver),
        ("<xml><a>1</a></xml>", Code::Undecodable),
        ("<xml><MsgType>text</MsgType>", Code::Undecodable),
        ("<!DOCTYPE x><xml><MsgType>text</MsgType></xml>", Code::ForbiddenXml),
    ] {
        quarantined(read(body), code);
    }
}

#[test]
fn retries_of_one_event_are_one_and_two_of_one_second_are_two() {
    let event = |key: &str| {
        let body = format!(
            "<xml><FromUserName>sys</FromUserName><CreateTime>1752000400</CreateTime><MsgType>event</MsgType>\
             <Event>change_contact</Event><ChangeType>{key}</ChangeType><UserID>u</UserID></xml>"
        );
        read(&body).expect("read").dedupe
    };
    assert_eq!(event("create_user"), event("create_user"));
    assert_ne!(event("create_user").rest, event("update_user").rest);
}

proptest! {
    #[test]
    fn no_bytes_from_outside_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = open(&settings()).read(&admitted(&body), NOW);
        let mut xml = b"<xml><MsgType>event</MsgType><Event>template_card_event</Event><SelectedItems>".to_vec();
        xml.extend(&body);
        xml.extend(b"</SelectedItems></xml>");
        let _ = open(&settings()).read(&admitted(&xml), NOW);
    }
}

// ───────────── the door ─────────────

fn sealed_with(key: &str, id: &str, message: &str) -> (CallbackQuery, String) {
    let encrypt = sealed(key, id, message);
    let body = format!(
        "<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[1000012]]></AgentID><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
    );
    (signed(&encrypt), body)
}

/// What WeCom's queries say: the signature over the message alone.
fn signed(encrypt: &str) -> CallbackQuery {
    CallbackQuery {
        signature: String::new(),
        encrypt_type: String::new(),
        ..door::signed(TOKEN, encrypt)
    }
}

fn admit(settings: &AccountSettings, query: &CallbackQuery, body: &str, now: i64) -> Result<Admitted, Refusal> {
    open(settings).admit(query, body.as_bytes(), now)
}

/// The published echostr: vector A of the platform's own algorithm.
fn check() -> CallbackQuery {
    CallbackQuery {
        msg_signature: "3e6be3cf9f482348929aa8d4293d0bf9070c887f".into(),
        timestamp: "1766102400".into(),
        nonce: "884412077".into(),
        echostr: "iFAaU6CG7SLwZPYrov0sadEckPToLdcAkgbMasTwo5PxCOGrfk20dVQnTCn2pRYI2pIxUMt/tyqXRZsrj5UrQA==".into(),
        ..CallbackQuery::default()
    }
}

#[test]
fn the_consoles_check_is_answered_with_the_plain_echostr_alone() {
    let now = 1_766_102_400_000;
    let account = open(&settings());
    assert_eq!(account.handshake(&check(), now), Ok(b"6137728914405581230".to_vec()));
    let spelt = AccountSettings {
        encoding_aes_key: Secret::new("GPCHlXDghJjmrhhg3TqXdxTemktdtvO0f2dLeN5mfFB"),
        ..settings()
    };
    assert!(
        open(&spelt).handshake(&check(), now).is_ok(),
        "the same key in another spelling"
    );
    let rotated = AccountSettings {
        token: Secret::new("newtoken"),
        encoding_aes_key: Secret::new(OTHER_KEY),
        previous: Some(Previous {
            token: Secret::new(TOKEN),
            encoding_aes_key: Secret::new(KEY),
            ..Previous::default()
        }),
        ..settings()
    };
    assert!(
        open(&rotated).handshake(&check(), now).is_ok(),
        "the values before a rotation"
    );
    rejected(account.handshake(&check(), now + 301_000), 403, Code::Stale);
    let unsigned = CallbackQuery {
        msg_signature: String::new(),
        ..check()
    };
    rejected(account.handshake(&unsigned, now), 403, Code::BadSignature);
    let no_time = CallbackQuery {
        timestamp: "x".into(),
        ..check()
    };
    rejected(account.handshake(&no_time, now), 403, Code::BadSignature);
}

#[test]
fn an_echostr_whose_plus_became_a_blank_is_understood() {
    let key = cipher::key(KEY).expect("a key");
    let (encrypt, random) = (0..=u8::MAX)
        .map(|byte| (cipher::seal(&key, [byte; 16], b"42", CORP), byte))
        .find(|(encrypt, _)| encrypt.contains('+'))
        .expect("one with a plus");
    let query = CallbackQuery {
        echostr: encrypt.replace('+', " "),
        ..signed(&encrypt)
    };
    let now = 1_752_000_400_000;
    assert_eq!(open(&settings()).handshake(&query, now), Ok(b"42".to_vec()), "{random}");
}

#[test]
fn a_captured_push_cannot_be_read_through_the_check() {
    let now = 1_752_000_400_000;
    let long = "a".repeat(129);
    for (plain, id, code) in [
        (TEXT, CORP, Code::Undecodable),
        ("", CORP, Code::Undecodable),
        ("a b", CORP, Code::Undecodable),
        (&long, CORP, Code::Undecodable),
        ("42", "ww_other", Code::WrongReceiver),
    ] {
        let encrypt = sealed(KEY, id, plain);
        let query = CallbackQuery {
            echostr: encrypt.clone(),
            ..signed(&encrypt)
        };
        rejected(open(&settings()).handshake(&query, now), 403, code);
    }
    for encrypt in ["", "!!!", "YWJj"] {
        let query = CallbackQuery {
            echostr: encrypt.into(),
            ..signed(encrypt)
        };
        rejected(open(&settings()).handshake(&query, now), 403, Code::Undecodable);
    }
}

#[test]
fn the_published_push_is_opened_and_its_answer_closes_with_the_same_values() {
    // Vector B.
    let encrypt = "dXLf8GvLJpHsNFLGnklBcY2VTHk2nRgwZC25Dbe5xkaB+I72MDr5f3vxOpZbQTSHa3FZs/kbH50mgzwwB8VofIa/6m6ovcEd3VeDNoO1KmFP1mCXpyN9zasr1PI0KiqNNaAHCqybJYqWyRNzFA/rZgzFGPF7d0qsdHNVFen2I6CoUU87CuYlU9B26wsDv0Ch8G+d94+tv3IkqJv3nD6gZ/9MMbs5PIxPgrKAQXNtbiVi3xHjA+pLBdfw26LmyLXvcy3vrUb7jycOaDtH8iFzSxvpQkVE88O/KesOelPQIRlrp0p27iZUT+KouYTKSecAHnMDhUpha75zqUYG2Z75/GfWyEIMRhyhDFQ0V719gQD7YYLbW58rgPVTWxX8ILFRdbcbBNWw/mYvOU156h6r3iOVG6iTL7SSSmRqJZSNkRY=";
    let query = CallbackQuery {
        msg_signature: "c18dd95eff2bccd5040949547743e70b47b1733d".into(),
        timestamp: "1766102400".into(),
        nonce: "884412077".into(),
        ..CallbackQuery::default()
    };
    let body = format!("<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>");
    let account = open(&settings());
    let admitted = account
        .admit(&query, body.as_bytes(), 1_766_102_400_000)
        .expect("admitted");
    assert!(admitted.plain.starts_with(b"<xml>") && admitted.plain.len() == 264);
    let answer = account
        .seal(&admitted.seal, b"<xml>1</xml>", NOW, [1; 16])
        .expect("sealed");
    assert_eq!(
        opened(KEY, &answer),
        (b"<xml>1</xml>".to_vec(), CORP.as_bytes().to_vec())
    );
    let bare = account.seal(&admitted.seal, b"success", NOW, [1; 16]).expect("bare");
    assert_eq!(bare, b"success");
}

#[test]
fn an_unsigned_or_wrongly_signed_callback_is_403() {
    let (good, body) = sealed_with(KEY, CORP, TEXT);
    let flipped = good.msg_signature.replace(['0', '1'], "2");
    for (signature, timestamp) in [
        (String::new(), TS),
        (flipped, TS),
        (good.msg_signature.to_uppercase(), TS),
        (good.msg_signature.clone(), "1752000401"),
        (good.msg_signature.clone(), "now"),
        (good.msg_signature.clone(), ""),
    ] {
        let query = CallbackQuery {
            msg_signature: signature,
            timestamp: timestamp.into(),
            ..good.clone()
        };
        rejected(admit(&settings(), &query, &body, NOW), 403, Code::BadSignature);
    }
    let at = |seconds: i64| admit(&settings(), &good, &body, 1_752_000_400_000 + seconds * 1000);
    assert_eq!(at(601).expect("taken").notes, [Code::ClockSkew]);
    rejected(at(6 * 3600 + 1), 403, Code::Stale);
}

#[test]
fn nothing_in_the_clear_and_no_json_is_taken() {
    let (query, _) = sealed_with(KEY, CORP, TEXT);
    rejected(admit(&settings(), &query, TEXT, NOW), 403, Code::PlaintextRefused);
    for body in ["", "   ", "a=1", "{}", "{\"Encrypt\":\"QUJD\"}", "\u{feff}<xml/>"] {
        rejected(admit(&settings(), &query, body, NOW), 400, Code::Undecodable);
    }
    forbidden_outside(|body| admit(&settings(), &query, body, NOW));
}

#[test]
fn an_authentic_box_that_cannot_be_understood_is_quarantined() {
    // A suite's commands are sealed for the suite: not a self-built application's.
    for id in ["ww_other", "dk0123456789abcdef", ""] {
        let (query, body) = sealed_with(KEY, id, TEXT);
        quarantined(admit(&settings(), &query, &body, NOW), Code::WrongReceiver);
    }
    let (query, body) = sealed_with(OTHER_KEY, CORP, TEXT);
    quarantined(admit(&settings(), &query, &body, NOW), Code::Undecodable);
    for encrypt in ["!!!", "YWJj", "AAAAAAAAAAAAAAAAAAAAAA=="] {
        let body = format!("<xml><Encrypt>{encrypt}</Encrypt></xml>");
        quarantined(admit(&settings(), &signed(encrypt), &body, NOW), Code::Undecodable);
    }
}
