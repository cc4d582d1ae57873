//! Is it really the platform, and for this account? Verifies and opens callbacks, the same way on every channel; what the
//! outside sees of each fault is fixed.
//!
//! Order of the checks of a POST: shape (400), timestamp a number (403), signature (403), age (403), box (quarantine).
//! The outer body must be read before its signature can be checked, so what is wrong with it is 400; a body without
//! `Encrypt` on an encrypted account is a plain body.

pub mod check;
pub mod sealed;

use std::sync::Arc;

use super::settings::{Keys, Ready};
use crate::{
    channels::contract::{Admitted, CallbackQuery, Refusal, Seal},
    envelope::{
        self, Format, TreeFault,
        cipher::{self, CipherFault},
        outer, signature,
    },
    error::Code,
    ports::clock::Millis,
    secret::masked,
};

/// The console's check where the `echostr` is in the clear, as on official accounts and mini-programs in every mode
/// (<https://developers.weixin.qq.com/doc/subscription/guide/dev/push/>). Both tokens of a rotation are honoured.
pub fn handshake(ready: &Ready, query: &CallbackQuery, now: Millis) -> Result<Vec<u8>, Refusal> {
    let stamped = timestamp(query)?;
    verify_query(ready, query, now)?;
    fresh(stamped, now, AGE_MAX)?;
    Ok(query.echostr.clone().into_bytes())
}

/// Verifies and opens one POST.
pub fn admit(ready: &Ready, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    if Format::of(body).is_none() {
        return Err(unlike());
    }
    if sealed(query) && (!ready.plain || ready.current.key.is_some()) {
        return admit_sealed(ready, query, body, now);
    }
    let plain_runs = ready.plain || ready.plain_until.is_some_and(|until| now < until);
    if !plain_runs {
        return Err(plaintext());
    }
    admit_plain(ready, query, body, now)
}

/// Opens a push of cloud hosting (云托管), which nobody signs: the listener that it came in by vouches for it.
pub fn unsigned(body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    if Format::of(body).is_none() {
        return Err(unlike());
    }
    plain_body(body)?;
    Ok(Admitted {
        plain: body.to_vec(),
        seal: Seal::Plain,
        stamped: now,
        notes: Vec::new(),
    })
}

/// Nobody signed this body, so what only an attacker sends is not kept for the operator.
fn plain_body(body: &[u8]) -> Result<(), Refusal> {
    match envelope::parse(body) {
        Err(fault @ TreeFault::Forbidden(_)) => Err(Refusal::reject(400, Code::ForbiddenXml, fault.to_string())),
        _ => Ok(()),
    }
}

fn unlike() -> Refusal {
    Refusal::reject(400, Code::Undecodable, "the body is neither XML nor JSON")
}

/// `encrypt_type` decides; where a proxy lost it, the signature over the message tells as much.
fn sealed(query: &CallbackQuery) -> bool {
    match query.encrypt_type.as_str() {
        "" => !query.msg_signature.is_empty(),
        kind => kind.eq_ignore_ascii_case("aes"),
    }
}

fn admit_plain(ready: &Ready, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    let stamped = timestamp(query)?;
    let old = verify_query(ready, query, now)?;
    fresh(stamped, now, PLAIN_AGE_MAX)?;
    plain_body(body)?;
    Ok(Admitted {
        plain: body.to_vec(),
        seal: Seal::Plain,
        stamped,
        notes: notes(stamped, now, old),
    })
}

/// As [`admit`], for a body that must be sealed.
fn admit_sealed(ready: &Ready, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    let stamped = timestamp(query)?;
    let outer = outer::parse(body).map_err(|fault| match fault {
        TreeFault::Forbidden(_) => Refusal::reject(400, Code::ForbiddenXml, fault.to_string()),
        TreeFault::Broken(_) => Refusal::reject(400, Code::Undecodable, fault.to_string()),
    })?;
    let outer = outer.ok_or_else(plaintext)?;
    let (token, old_token) = verify_message(ready, query, &outer.encrypt, now)?;
    fresh(stamped, now, AGE_MAX)?;
    let (plain, key, old_key) = open(ready, &outer.encrypt, now)?;
    Ok(Admitted {
        plain,
        seal: Seal::Encrypted {
            token,
            key,
            id: ready.receiver.clone(),
            nonce: query.nonce.clone(),
        },
        stamped,
        notes: notes(stamped, now, old_token || old_key),
    })
}

/// Closes a passive answer with what verified its request.
pub fn seal(seal: &Seal, plain: &[u8], now: Millis, random: [u8; 16]) -> Vec<u8> {
    // The bare acknowledgement is never sealed, in no mode.
    if plain.is_empty() || plain == b"success" {
        return plain.to_vec();
    }
    match seal {
        Seal::Plain => plain.to_vec(),
        Seal::Encrypted { token, key, id, nonce } => {
            let with = outer::Closing {
                token,
                key,
                id,
                nonce,
                timestamp: now.div_euclid(1000),
                random,
            };
            outer::close(plain, &with)
        }
    }
}

/// The sides of a rotation that are honoured now, and whether each is the old one.
fn sides(ready: &Ready, now: Millis) -> impl Iterator<Item = (&Keys, bool)> {
    let previous = ready
        .previous
        .as_ref()
        .filter(|(_, ends)| ends.is_none_or(|ends| now < ends));
    std::iter::once((&ready.current, false)).chain(previous.map(|(keys, _)| (keys, true)))
}

/// Checks the plain signature; true if only the old token fits.
fn verify_query(ready: &Ready, query: &CallbackQuery, now: Millis) -> Result<bool, Refusal> {
    let fits = |token: &str| {
        let ours = signature::of_query(token, &query.timestamp, &query.nonce);
        signature::matches(&ours, &query.signature)
    };
    signed(ready, now, "signature", fits).map(|(_, old)| old)
}

/// Checks the signature over the sealed text: the token that fits, and whether it is the old one.
fn verify_message(
    ready: &Ready,
    query: &CallbackQuery,
    encrypt: &str,
    now: Millis,
) -> Result<(Arc<str>, bool), Refusal> {
    let fits = |token: &str| {
        let ours = signature::of_message(token, &query.timestamp, &query.nonce, encrypt);
        signature::matches(&ours, &query.msg_signature)
    };
    signed(ready, now, "msg_signature", fits).map(|(token, old)| (token.clone(), old))
}

/// The first token that fits, of those that are honoured now.
fn signed<'a>(
    ready: &'a Ready,
    now: Millis,
    which: &str,
    fits: impl Fn(&str) -> bool,
) -> Result<(&'a Arc<str>, bool), Refusal> {
    let tokens = || sides(ready, now).filter_map(|(keys, old)| Some((keys.token.as_ref()?, old)));
    if let Some(found) = tokens().find(|(token, _)| fits(token)) {
        return Ok(found);
    }
    // An operator compares the ends of the tokens with the console's.
    let ours: Vec<_> = tokens().map(|(token, _)| masked(token)).collect();
    let before = ready.previous.as_ref().and_then(|(keys, _)| keys.token.as_deref());
    let detail = match before.filter(|token| fits(token)) {
        Some(old) => format!(
            "{which} fits the token from before the rotation, {}, whose grace is over; ours is {} (-40001)",
            masked(old),
            ours.join(" or ")
        ),
        None if ours.is_empty() => format!("{which}: this account has no token"),
        None => format!("{which} fits no token of ours, which is {} (-40001)", ours.join(" or ")),
    };
    Err(Refusal::reject(403, Code::BadSignature, detail))
}

/// The message inside, the key that opened it, and whether it is the old one. Tries the keys in turn; the id inside
/// tells which one is right.
fn open(ready: &Ready, encrypt: &str, now: Millis) -> Result<(Vec<u8>, Arc<cipher::Key>, bool), Refusal> {
    let sealed = cipher::decode(encrypt).map_err(undecodable)?;
    let mut refusal = undecodable(CipherFault::Decrypt);
    let mut stranger = None;
    for (keys, old) in sides(ready, now) {
        let Some(key) = &keys.key else { continue };
        match cipher::open(key, sealed.clone()) {
            Ok(opened) if opened.id == ready.receiver.as_bytes() => return Ok((opened.message, key.clone(), old)),
            Ok(opened) => stranger = Some(opened.id),
            Err(fault) => refusal = undecodable(fault),
        }
    }
    Err(stranger.map_or(refusal, |id| {
        let id: String = String::from_utf8_lossy(&id).chars().take(40).collect();
        let detail = format!("the message is sealed for {id:?}, not for this account (-40005)");
        Refusal::quarantine(Code::WrongReceiver, detail)
    }))
}

/// The query's timestamp in milliseconds.
fn timestamp(query: &CallbackQuery) -> Result<Millis, Refusal> {
    let text = &query.timestamp;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| text.parse::<i64>().ok()).flatten();
    seconds
        .and_then(|seconds| seconds.checked_mul(1000))
        .ok_or_else(|| Refusal::reject(403, Code::BadSignature, "the timestamp is not a number"))
}

/// Refuses what is older, or further ahead, than `limit`.
fn fresh(stamped: Millis, now: Millis, limit: Millis) -> Result<(), Refusal> {
    let off = now.abs_diff(stamped);
    if off <= limit.unsigned_abs() {
        return Ok(());
    }
    let detail = format!("the signed timestamp is {} s away from our clock", off / 1000);
    Err(Refusal::reject(403, Code::Stale, detail))
}

/// What the operator should hear of a callback that was taken.
fn notes(stamped: Millis, now: Millis, old: bool) -> Vec<Code> {
    let mut notes = Vec::new();
    if now.abs_diff(stamped) > SKEW_MAX.unsigned_abs() {
        notes.push(Code::ClockSkew);
    }
    if old {
        notes.push(Code::OldKeyStillUsed);
    }
    notes
}

fn plaintext() -> Refusal {
    Refusal::reject(
        403,
        Code::PlaintextRefused,
        "a plain body, where the account is configured as encrypted",
    )
}

fn undecodable(fault: CipherFault) -> Refusal {
    Refusal::quarantine(Code::Undecodable, fault.to_string())
}

/// An authenticated callback further off than this is a replay.
const AGE_MAX: Millis = 6 * 3600 * 1000;
/// A plain signature covers no body, so it lives only as long as the platform's retries need.
const PLAIN_AGE_MAX: Millis = 5 * 60 * 1000;
/// Further off than this, one of the clocks is wrong.
const SKEW_MAX: Millis = 10 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_that_signed_is_named_and_said_to_be_the_old_one_once_its_grace_is_over() {
        let keys = |token: &str| Keys {
            token: Some(token.into()),
            key: None,
        };
        let ready = Ready {
            receiver: "wx1".into(),
            current: keys("the-new-one"),
            previous: Some((keys("the-old-two"), Some(2_000))),
            plain: true,
            plain_until: None,
        };
        let by = |token: &str, now: Millis| {
            let signed = signature::of_query(token, "1", "n");
            let query = CallbackQuery {
                signature: signature::text(&signed).to_owned(),
                timestamp: "1".into(),
                nonce: "n".into(),
                ..CallbackQuery::default()
            };
            match verify_query(&ready, &query, now) {
                Ok(old) => Ok(old),
                Err(Refusal::Reject { fault, .. }) => Err(fault.detail),
                Err(Refusal::Quarantine { fault }) => panic!("{fault:?}"),
            }
        };
        assert_eq!(
            (by("the-new-one", 2_000), by("the-old-two", 1_999)),
            (Ok(false), Ok(true))
        );
        let over = by("the-old-two", 2_000).expect_err("its grace is over");
        assert!(
            over.contains("from before the rotation, ****wo, whose grace is over; ours is ****ne (-40001)"),
            "{over}"
        );
        let (during, after) = (by("another", 1_999), by("another", 2_000));
        assert!(
            during
                .expect_err("unknown")
                .contains("which is ****ne or ****wo (-40001)")
        );
        assert!(after.expect_err("unknown").contains("which is ****ne (-40001)"));
    }
}
