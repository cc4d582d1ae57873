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
    for (keys, old) in sides(ready, now) {
        let Some(token) = &keys.token else { continue };
        let ours = signature::of_query(token, &query.timestamp, &query.nonce);
        if signature::matches(&ours, &query.signature) {
            return Ok(old);
        }
    }
    Err(no_token_fits("signature", ready))
}

/// Checks the signature over the sealed text: the token that fits, and whether it is the old one.
fn verify_message(
    ready: &Ready,
    query: &CallbackQuery,
    encrypt: &str,
    now: Millis,
) -> Result<(Arc<str>, bool), Refusal> {
    for (keys, old) in sides(ready, now) {
        let Some(token) = &keys.token else { continue };
        let ours = signature::of_message(token, &query.timestamp, &query.nonce, encrypt);
        if signature::matches(&ours, &query.msg_signature) {
            return Ok((token.clone(), old));
        }
    }
    Err(no_token_fits("msg_signature", ready))
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

/// An operator compares the ends of the tokens with the console's.
fn no_token_fits(which: &str, ready: &Ready) -> Refusal {
    let sides = [Some(&ready.current), ready.previous.as_ref().map(|(keys, _)| keys)];
    let tokens = sides.into_iter().flatten().filter_map(|keys| keys.token.as_deref());
    let ours = tokens.map(masked).collect::<Vec<_>>().join(" or ");
    let detail = match ours.is_empty() {
        true => format!("{which}: this account has no token"),
        false => format!("{which} fits no token of ours, which is {ours} (-40001)"),
    };
    Refusal::reject(403, Code::BadSignature, detail)
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
