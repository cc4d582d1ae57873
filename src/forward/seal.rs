//! What does a batch look like on its way? `{"sys_code":…,"type":…,"content":[…]}`, plain, signed, or encrypted and signed.
//!
//! Whatever is protected carries three headers: `X-Log-TimeStamp` in milliseconds, `X-Log-RandomCode`, `X-Log-Sign`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    hmac,
};

use super::settings::{Forwarder, Kind, Mode};
use crate::ports::{
    chance::{Chance, hex},
    clock::Millis,
    forward::Post,
};

pub const TIMESTAMP: &str = "X-Log-TimeStamp";
pub const NONCE: &str = "X-Log-RandomCode";
pub const SIGN: &str = "X-Log-Sign";

const JSON: &str = "application/json; charset=utf-8";
/// An encrypted body is base64 and no JSON.
const TEXT: &str = "text/plain; charset=utf-8";

/// A body could not be encrypted: it is longer than the cipher takes, or the key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch cannot be encrypted")]
pub struct Unsealable;

/// One attempt's POST, signed now with the key of now.
pub fn post(
    to: &Forwarder,
    kind: Kind,
    records: &[&str],
    protect: bool,
    now: Millis,
    chance: &dyn Chance,
) -> Result<Post, Unsealable> {
    let plain = body(&to.company_id, kind, records);
    let mut post = Post {
        url: to.url.clone(),
        content_type: JSON,
        headers: Vec::new(),
        body: plain,
    };
    if !protect {
        return Ok(post);
    }
    if to.encrypt && to.mode == Mode::HmacSha256 {
        let mut nonce = [0; NONCE_LEN];
        chance.fill(&mut nonce);
        post.body = encrypted(to.key.expose(), nonce, post.body)?;
        post.content_type = TEXT;
    }
    let mut random = [0; 16];
    chance.fill(&mut random);
    let (timestamp, random) = (now.to_string(), hex(&random));
    let sign = match to.mode {
        Mode::SobotMd5 => md5_of(&to.company_id, &timestamp, &random, to.key.expose()),
        Mode::HmacSha256 => hmac_of(&timestamp, &random, &post.body, to.key.expose()),
    };
    post.headers = vec![(TIMESTAMP, timestamp), (NONCE, random), (SIGN, sign)];
    Ok(post)
}

/// Records are JSON already.
fn body(company_id: &str, kind: Kind, records: &[&str]) -> Vec<u8> {
    let company = serde_json::Value::from(company_id);
    format!(
        "{{\"sys_code\":{company},\"type\":\"{}\",\"content\":[{}]}}",
        kind.name(),
        records.join(",")
    )
    .into_bytes()
}

/// `md5(companyId + timestamp + randomCode + appKey)`, 32 lower-case hex digits. It does not cover the body.
fn md5_of(company_id: &str, timestamp: &str, random: &str, key: &str) -> String {
    let mut md5 = Md5::new();
    for part in [company_id, timestamp, random, key] {
        md5.update(part.as_bytes());
    }
    hex(&md5.finalize())
}

/// Hex HMAC-SHA256 over `timestamp.nonce.body`, the body as sent.
fn hmac_of(timestamp: &str, random: &str, body: &[u8], key: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let mut signer = hmac::Context::with_key(&key);
    signer.update(format!("{timestamp}.{random}.").as_bytes());
    signer.update(body);
    hex(signer.sign().as_ref())
}

/// base64 of nonce ‖ ciphertext ‖ tag, AES-256-GCM under SHA-256 of the key.
fn encrypted(key: &str, nonce: [u8; NONCE_LEN], mut body: Vec<u8>) -> Result<Vec<u8>, Unsealable> {
    let key = digest(&SHA256, key.as_bytes());
    let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).map_err(|_| Unsealable)?;
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)
        .map_err(|_| Unsealable)?;
    let whole = [&nonce[..], &body, tag.as_ref()].concat();
    Ok(STANDARD.encode(whole).into_bytes())
}

#[cfg(test)]
mod tests;
