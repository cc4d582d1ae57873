//! What does the official account make of what the platform sends, and whom does it let in? That every captured body becomes
//! what its expectation says is the conformance suite's, for all channels.

#[path = "support/door.rs"]
mod door;

use door::{NONCE, TS, forbidden_outside, kept_to_the_byte, opened, quarantined, rejected, sealed, signed};
use serde_json::Value;
use wxbridge::{
    channels::{
        contract::{Account, Admitted, CallbackQuery, Inbound, Refusal, Seal},
        named,
    },
    envelope::signature,
    error::Code,
    secret::Secret,
    settings::{AccountSettings, PlatformAgents, Previous, Security},
};

const NOW: i64 = 1_752_000_500_000;
const APP: &str = "wx2c2769f8efd9abc2";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const OTHER_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
const TEXT: &str = "<xml><ToUserName>gh_a1b2c3d4e5f6</ToUserName><FromUserName>o1</FromUserName>\
    <CreateTime>1752000400</CreateTime><MsgType>text</MsgType><Content>hi</Content><MsgId>7</MsgId></xml>";

fn settings() -> AccountSettings {
    AccountSettings {
        id: "shop".into(),
        channel: "official_account".into(),
        app_id: APP.into(),
        app_secret: Secret::new("s3cret"),
        token: Secret::new("spamtest"),
        encoding_aes_key: Secret::new(KEY),
        original_id: "gh_a1b2c3d4e5f6".into(),
        ..AccountSettings::default()
    }
}

fn open(settings: &AccountSettings) -> std::sync::Arc<dyn Account> {
    named("official_account")
        .expect("registered")
        .open(settings)
        .expect("lawful settings")
}

fn plain(body: &[u8]) -> Admitted {
    Admitted {
        plain: body.to_vec(),
        seal: Seal::Plain,
        stamped: NOW,
        notes: Vec::new(),
    }
}

fn read(body: &str) -> Result<Inbound, Refusal> {
    open(&settings()).read(&plain(body.as_bytes()), NOW)
}

// ───────────── what they become ─────────────

#[test]
fn a_text_is_kept_to_the_byte_whatever_it_looks_like() {
    kept_to_the_byte(read);
}

#[test]
fn a_transfer_is_offered_only_on_messages_where_the_operator_allows_it() {
    let allowed = AccountSettings {
        platform_agents: PlatformAgents::Allow,
        ..settings()
    };
    let to = |settings: &AccountSettings, body: &str| {
        open(settings).read(&plain(body.as_bytes()), NOW).expect("read").passive
    };
    let click = "<xml><ToUserName>gh_a1b2c3d4e5f6</ToUserName><FromUserName>o1</FromUserName><MsgType>event</MsgType><Event>CLICK</Event></xml>";
    assert!(to(&allowed, TEXT).expect("passive").part_types.contains(&"transfer"));
    assert!(!to(&settings(), TEXT).expect("passive").part_types.contains(&"transfer"));
    assert!(!to(&allowed, click).expect("passive").part_types.contains(&"transfer"));
}

#[test]
fn what_is_meant_for_another_receiver_or_says_nothing_is_quarantined() {
    let other = TEXT.replace("gh_a1b2c3d4e5f6", "gh_other");
    for (body, code) in [
        (other.as_str(), Code::WrongReceiver),
        ("<xml><a>1</a></xml>", Code::Undecodable),
        ("<xml><MsgType>text</MsgType>", Code::Undecodable),
        ("{\"a\":", Code::Undecodable),
    ] {
        quarantined(read(body), code);
    }
}

// ───────────── the door ─────────────

fn sealed_with(key: &str, id: &str, message: &str) -> (CallbackQuery, String) {
    let encrypt = sealed(key, id, message);
    let body = format!(
        "<xml><ToUserName><![CDATA[gh_a1b2c3d4e5f6]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
    );
    (signed("spamtest", &encrypt), body)
}

fn admit(settings: &AccountSettings, query: &CallbackQuery, body: &str, now: i64) -> Result<Admitted, Refusal> {
    open(settings).admit(query, body.as_bytes(), now)
}

#[test]
fn an_encrypted_callback_is_opened_and_its_answer_closes_with_the_same_values() {
    let (query, body) = sealed_with(KEY, APP, TEXT);
    let account = open(&settings());
    let admitted = account.admit(&query, body.as_bytes(), NOW).expect("admitted");
    assert_eq!(admitted.plain, TEXT.as_bytes());
    assert_eq!(
        (admitted.stamped, admitted.notes.as_slice()),
        (1_752_000_400_000, &[][..])
    );
    let answer = account
        .seal(&admitted.seal, b"<xml>1</xml>", NOW, [1; 16])
        .expect("sealed");
    assert_eq!(opened(KEY, &answer).0, b"<xml>1</xml>");
    assert_eq!(
        account.seal(&admitted.seal, b"success", NOW, [1; 16]).expect("bare"),
        b"success"
    );
}

#[test]
fn the_published_compatible_and_safe_mode_bodies_are_admitted() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../fixtures/crypto_vectors.json")).expect("JSON");
    for name in ["C", "D"] {
        let it = vectors.iter().find(|it| it["name"] == name).expect("there");
        let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
        let query = CallbackQuery {
            msg_signature: text("sig4"),
            timestamp: text("ts"),
            nonce: text("nonce"),
            encrypt_type: "aes".into(),
            ..CallbackQuery::default()
        };
        let now = text("ts").parse::<i64>().expect("seconds") * 1000;
        // In compatible mode the clear copy stands beside; an attacker may write anything there.
        let clear = if name == "C" {
            "<MsgType>text</MsgType><Content>forged</Content>"
        } else {
            ""
        };
        let body = format!("<xml>{clear}<Encrypt><![CDATA[{}]]></Encrypt></xml>", text("enc"));
        let admitted = admit(&settings(), &query, &body, now).expect("admitted");
        assert_eq!(admitted.plain, text("msg").into_bytes());
    }
}

#[test]
fn an_unsigned_or_wrongly_signed_callback_is_403() {
    let (good, body) = sealed_with(KEY, APP, TEXT);
    let flipped = good.msg_signature.replace(['0', '1'], "2");
    for (signature, timestamp) in [
        (String::new(), TS),
        (flipped, TS),
        (good.msg_signature.to_uppercase(), TS),
        (good.signature.clone(), TS),
        (good.msg_signature.clone(), "1752000401"),
        (good.msg_signature.clone(), "now"),
        (good.msg_signature.clone(), "+1752000400"),
        (good.msg_signature.clone(), ""),
        (good.msg_signature.clone(), "99999999999999999999"),
    ] {
        let query = CallbackQuery {
            msg_signature: signature,
            timestamp: timestamp.into(),
            ..good.clone()
        };
        rejected(admit(&settings(), &query, &body, NOW), 403, Code::BadSignature);
    }
}

#[test]
fn a_plain_body_on_an_encrypted_account_is_refused_unless_plain_until_runs() {
    let (mut query, sealed) = sealed_with(KEY, APP, TEXT);
    // `aes` with a body in the clear: nothing in it is signed.
    rejected(admit(&settings(), &query, TEXT, NOW), 403, Code::PlaintextRefused);
    query.encrypt_type = "raw".into();
    rejected(admit(&settings(), &query, TEXT, NOW), 403, Code::PlaintextRefused);
    rejected(admit(&settings(), &query, &sealed, NOW), 403, Code::PlaintextRefused);
    let open_until = |millis: i64| AccountSettings {
        plain_until: chrono::DateTime::from_timestamp_millis(millis),
        ..settings()
    };
    let admitted = admit(&open_until(NOW + 1), &query, TEXT, NOW).expect("plain_until runs");
    assert!(matches!(admitted.seal, Seal::Plain));
    rejected(admit(&open_until(NOW), &query, TEXT, NOW), 403, Code::PlaintextRefused);
}

#[test]
fn age_decides_between_taken_noted_and_stale() {
    let (query, body) = sealed_with(KEY, APP, TEXT);
    let at = |seconds: i64| admit(&settings(), &query, &body, 1_752_000_400_000 + seconds * 1000);
    assert_eq!(at(600).expect("taken").notes, []);
    assert_eq!(at(601).expect("taken").notes, [Code::ClockSkew]);
    assert_eq!(at(-601).expect("taken").notes, [Code::ClockSkew]);
    assert_eq!(at(6 * 3600).expect("taken").notes, [Code::ClockSkew]);
    rejected(at(6 * 3600 + 1), 403, Code::Stale);
    rejected(at(-6 * 3600 - 1), 403, Code::Stale);
}

#[test]
fn a_plain_account_takes_five_minutes() {
    let plain = AccountSettings {
        security: Security::Plain,
        encoding_aes_key: Secret::default(),
        ..settings()
    };
    let query = CallbackQuery {
        signature: signature::text(&signature::of_query("spamtest", TS, NONCE)).into(),
        timestamp: TS.into(),
        nonce: NONCE.into(),
        ..CallbackQuery::default()
    };
    let at = |seconds: i64| admit(&plain, &query, TEXT, 1_752_000_400_000 + seconds * 1000);
    assert!(at(300).is_ok());
    rejected(at(301), 403, Code::Stale);
    rejected(at(-301), 403, Code::Stale);
    rejected(
        admit(&plain, &query, "<!DOCTYPE x><xml/>", NOW),
        400,
        Code::ForbiddenXml,
    );
    // What starts right and does not parse is the operator's to look at.
    let broken = admit(&plain, &query, "<xml><a>", NOW).expect("admitted, for the quarantine");
    assert!(matches!(
        open(&plain).read(&broken, NOW),
        Err(Refusal::Quarantine { .. })
    ));
    let unsigned = CallbackQuery {
        signature: String::new(),
        ..query.clone()
    };
    rejected(admit(&plain, &unsigned, TEXT, NOW), 403, Code::BadSignature);
}

#[test]
fn shapes_that_no_platform_sends_are_400_before_any_signature() {
    let (query, _) = sealed_with(KEY, APP, TEXT);
    for body in [
        "",
        "   ",
        "a=1",
        "[1]",
        "<xml><Encrypt>&y;</Encrypt></xml>",
        "\u{feff}<xml/>",
    ] {
        rejected(admit(&settings(), &query, body, NOW), 400, Code::Undecodable);
    }
    rejected(
        admit(&settings(), &query, "<xml><Encrypt>QU", NOW),
        400,
        Code::Undecodable,
    );
    rejected(
        admit(&settings(), &query, "{\"Encrypt\":\"QU", NOW),
        400,
        Code::Undecodable,
    );
    forbidden_outside(|body| admit(&settings(), &query, body, NOW));
}

#[test]
fn an_authentic_box_that_cannot_be_understood_is_quarantined() {
    let (query, body) = sealed_with(KEY, "wx_other", TEXT);
    quarantined(admit(&settings(), &query, &body, NOW), Code::WrongReceiver);
    let (query, body) = sealed_with(OTHER_KEY, APP, TEXT);
    quarantined(admit(&settings(), &query, &body, NOW), Code::Undecodable);
    for encrypt in ["!!!", "YWJj", "AAAAAAAAAAAAAAAAAAAAAA=="] {
        let signed = signature::of_message("spamtest", TS, NONCE, encrypt);
        let query = CallbackQuery {
            msg_signature: signature::text(&signed).into(),
            ..query.clone()
        };
        let body = format!("{{\"Encrypt\":\"{encrypt}\"}}");
        quarantined(admit(&settings(), &query, &body, NOW), Code::Undecodable);
    }
    let (query, body) = sealed_with(KEY, APP, "<!DOCTYPE x><xml/>");
    let admitted = admit(&settings(), &query, &body, NOW).expect("authentic");
    let refusal = open(&settings()).read(&admitted, NOW).expect_err("forbidden inside");
    assert!(matches!(refusal, Refusal::Quarantine { fault } if fault.code == Code::ForbiddenXml));
}

#[test]
fn a_rotation_takes_both_keys_until_the_grace_is_over() {
    let rotated = |seen: Option<i64>| AccountSettings {
        encoding_aes_key: Secret::new(OTHER_KEY),
        token: Secret::new("newtoken"),
        previous: Some(Previous {
            token: Secret::new("spamtest"),
            encoding_aes_key: Secret::new(KEY),
            grace: "1h".into(),
            new_seen_at: seen,
        }),
        ..settings()
    };
    let (query, body) = sealed_with(KEY, APP, TEXT);
    for seen in [None, Some(NOW - 3_599_000)] {
        let admitted = admit(&rotated(seen), &query, &body, NOW).expect("inside the grace");
        assert_eq!(admitted.notes, [Code::OldKeyStillUsed]);
        assert!(matches!(admitted.seal, Seal::Encrypted { token, .. } if &*token == "spamtest"));
    }
    rejected(
        admit(&rotated(Some(NOW - 3_600_000)), &query, &body, NOW),
        403,
        Code::BadSignature,
    );
    let key_only = AccountSettings {
        token: Secret::new("spamtest"),
        ..rotated(None)
    };
    assert_eq!(
        admit(&key_only, &query, &body, NOW).expect("old key").notes,
        [Code::OldKeyStillUsed]
    );
    let (query, body) = sealed_with(OTHER_KEY, APP, TEXT);
    assert_eq!(admit(&key_only, &query, &body, NOW).expect("new values").notes, []);
}

#[test]
fn the_consoles_check_is_answered_with_exactly_its_echo() {
    let vector = CallbackQuery {
        signature: "f464b24fc39322e44b38aa78f5edd27bd1441696".into(),
        timestamp: "1714036504".into(),
        nonce: "1514711492".into(),
        echostr: "4375120948345356249".into(),
        ..CallbackQuery::default()
    };
    let account = open(&AccountSettings {
        token: Secret::new("AAAAA"),
        ..settings()
    });
    let now = 1_714_036_504_000;
    assert_eq!(account.handshake(&vector, now), Ok(b"4375120948345356249".to_vec()));
    let rotated = AccountSettings {
        token: Secret::new("BBBBB"),
        previous: Some(Previous {
            token: Secret::new("AAAAA"),
            ..Previous::default()
        }),
        ..settings()
    };
    assert!(open(&rotated).handshake(&vector, now).is_ok());
    let refused = |query: CallbackQuery, now: i64| match account.handshake(&query, now) {
        Err(Refusal::Reject { status: 403, fault }) => fault.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(
            CallbackQuery {
                signature: String::new(),
                ..vector.clone()
            },
            now
        ),
        Code::BadSignature
    );
    assert_eq!(
        refused(
            CallbackQuery {
                timestamp: "x".into(),
                ..vector.clone()
            },
            now
        ),
        Code::BadSignature
    );
    assert_eq!(refused(vector.clone(), now + 6 * 3_600_000 + 1000), Code::Stale);
}
