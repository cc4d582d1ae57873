//! Is nobody let in but the platform, and only with what is meant for this account?

use super::{
    each,
    samples::{NOW, account, checks, sealed, signed},
};
use crate::{
    channels::contract::{Account, CallbackQuery, Refusal},
    error::Code,
};

fn refusal(account: &dyn Account, query: &CallbackQuery, body: &[u8]) -> (Option<u16>, Code) {
    match account.admit(query, body, NOW) {
        Err(Refusal::Reject { status, fault }) => (Some(status), fault.code),
        Err(Refusal::Quarantine { fault }) => (None, fault.code),
        Ok(admitted) => panic!("admitted: {admitted:?}"),
    }
}

const SAID: &[u8] = b"<xml><MsgType>event</MsgType><Event>e</Event></xml>";

#[test]
fn what_is_sealed_for_the_account_is_opened_to_the_byte() {
    each(|name, channel| {
        let account = account(channel);
        let (query, body) = sealed(&account.describe().platform_id, SAID);
        let admitted = account
            .admit(&query, &body, NOW)
            .unwrap_or_else(|it| panic!("{name}: {it:?}"));
        assert_eq!(admitted.plain, SAID, "{name}");
        let answer = account.seal(&admitted.seal, b"success", NOW, [1; 16]);
        assert_eq!(
            answer.as_deref(),
            Ok(&b"success"[..]),
            "{name}: the bare acknowledgement is never sealed"
        );
    });
}

#[test]
fn a_wrong_or_missing_signature_is_403_on_both_methods() {
    each(|name, channel| {
        let account = account(channel);
        let platform = account.describe().platform_id.clone();
        let (good, body) = sealed(&platform, SAID);
        let upper = good.msg_signature.to_uppercase();
        let flipped = good.msg_signature.replace(['0', '1', '2', '3'], "f");
        for wrong in [String::new(), "f".repeat(40), flipped, upper, good.signature.clone()] {
            let query = CallbackQuery {
                msg_signature: wrong,
                ..good.clone()
            };
            assert_eq!(
                refusal(&*account, &query, &body),
                (Some(403), Code::BadSignature),
                "{name}"
            );
        }
        for timestamp in ["1752000401", "x", "", "-1752000400"] {
            let query = CallbackQuery {
                timestamp: timestamp.into(),
                ..good.clone()
            };
            assert_eq!(
                refusal(&*account, &query, &body).0,
                Some(403),
                "{name}: timestamp {timestamp:?}"
            );
        }
        for check in checks(&platform) {
            let unsigned = CallbackQuery {
                signature: "f".repeat(40),
                msg_signature: "f".repeat(40),
                ..check
            };
            let refused = matches!(
                account.handshake(&unsigned, NOW),
                Err(Refusal::Reject { status: 403, .. })
            );
            assert!(refused, "{name}: the console's check");
        }
    });
}

#[test]
fn the_consoles_check_has_one_form_and_is_answered_with_the_bare_echo() {
    each(|name, channel| {
        let account = account(channel);
        let answers: Vec<_> = checks(&account.describe().platform_id)
            .iter()
            .filter_map(|check| account.handshake(check, NOW).ok())
            .collect();
        assert_eq!(answers, [b"4375120948345356249".to_vec()], "{name}");
    });
}

#[test]
fn a_plain_body_where_sealed_ones_are_expected_is_refused() {
    each(|name, channel| {
        let account = account(channel);
        let (query, _) = sealed(&account.describe().platform_id, SAID);
        for encrypt_type in ["", "raw", "aes"] {
            let query = CallbackQuery {
                encrypt_type: encrypt_type.into(),
                ..query.clone()
            };
            assert_eq!(
                refusal(&*account, &query, SAID),
                (Some(403), Code::PlaintextRefused),
                "{name}: {encrypt_type}"
            );
        }
    });
}

#[test]
fn what_is_sealed_for_another_receiver_or_by_another_key_is_kept_for_the_operator() {
    each(|name, channel| {
        let account = account(channel);
        let (query, body) = sealed("wx_somebody_else", SAID);
        assert_eq!(refusal(&*account, &query, &body), (None, Code::WrongReceiver), "{name}");
        for encrypt in ["!!!", "YWJj", "AAAAAAAAAAAAAAAAAAAAAA=="] {
            let (query, body) = signed(encrypt);
            assert_eq!(
                refusal(&*account, &query, &body),
                (None, Code::Undecodable),
                "{name}: {encrypt}"
            );
        }
    });
}

#[test]
fn an_old_callback_is_stale_and_a_clock_that_is_off_is_told() {
    each(|name, channel| {
        let account = account(channel);
        let (query, body) = sealed(&account.describe().platform_id, SAID);
        let at = |seconds: i64| account.admit(&query, &body, 1_752_000_400_000 + seconds * 1000);
        assert_eq!(at(600).map(|it| it.notes), Ok(Vec::new()), "{name}");
        assert_eq!(at(-601).map(|it| it.notes), Ok(vec![Code::ClockSkew]), "{name}");
        let stale = at(6 * 3600 + 1).err().map(|it| it.fault().code);
        assert_eq!(stale, Some(Code::Stale), "{name}");
    });
}

/// The query of a URL, decoded once.
fn decoded(raw: &str) -> CallbackQuery {
    let mut query = CallbackQuery::default();
    for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
        let field = match &*name {
            "signature" => &mut query.signature,
            "msg_signature" => &mut query.msg_signature,
            "timestamp" => &mut query.timestamp,
            "nonce" => &mut query.nonce,
            "echostr" => &mut query.echostr,
            other => panic!("{other} in {raw}"),
        };
        *field = value.into_owned();
    }
    query
}

#[test]
fn the_doctors_own_check_of_the_address_is_the_consoles() {
    let checked = std::cell::Cell::new(0);
    each(|name, channel| {
        let account = account(channel);
        let Some((raw, echo)) = account.console_check(NOW, [7; 16]) else {
            return;
        };
        checked.set(checked.get() + 1);
        let query = decoded(&raw);
        assert_eq!(account.handshake(&query, NOW), Ok(echo), "{name}");
        let other = CallbackQuery {
            nonce: "1".into(),
            ..query
        };
        assert!(account.handshake(&other, NOW).is_err(), "{name}: it is signed");
    });
    assert!(checked.get() >= 4, "{checked:?}");
}
