//! How does a core know that an event is from us? Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`.
//!
//! Every key of the core signs, so that keys can be rotated without a moment in which either side is wrong
//! (the Standard Webhooks specification, "Zero downtime secret rotation").

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use ring::hmac;

use crate::secret::Secret;

/// Padding is written, and not insisted on when read: keys are copied by people.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a `whsec_…` key is not one; never shows the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a signing key starts with whsec_")]
    Prefix,
    #[error("after whsec_ a signing key is base64")]
    Base64,
    #[error("a signing key has at least 16 bytes")]
    Short,
}

/// All keys of one core.
#[derive(Clone, Debug, Default)]
pub struct Signer(Vec<hmac::Key>);

impl Signer {
    pub fn new(secrets: &[Secret]) -> Result<Self, KeyError> {
        secrets.iter().map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The value of `webhook-signature`; `None` where the core has no keys.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let timestamp = timestamp.to_string();
        let mut line = String::with_capacity(self.0.len() * 48);
        for key in &self.0 {
            let mut mac = hmac::Context::with_key(key);
            for piece in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(piece);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str("v1,");
            BASE64.encode_string(mac.sign(), &mut line);
        }
        Some(line)
    }
}

/// Reads one key.
fn key(secret: &Secret) -> Result<hmac::Key, KeyError> {
    let text = secret.expose().strip_prefix("whsec_").ok_or(KeyError::Prefix)?;
    let bytes = zeroize::Zeroizing::new(BASE64.decode(text).map_err(|_| KeyError::Base64)?);
    if bytes.len() < 16 {
        return Err(KeyError::Short);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(keys: &[&str]) -> Signer {
        Signer::new(&keys.iter().map(|key| Secret::new(*key)).collect::<Vec<_>>()).expect("lawful keys")
    }

    /// The example that the Standard Webhooks libraries test themselves with.
    #[test]
    fn the_published_vector_comes_out() {
        let signed = signer(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.as_deref(),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
    }

    #[test]
    fn every_key_signs() {
        let one = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let two = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let both = signer(&[one, two]).sign("id", 1, b"body").expect("signed");
        let each = [one, two].map(|key| signer(&[key]).sign("id", 1, b"body").expect("signed"));
        assert_eq!(both, each.join(" "));
    }

    #[test]
    fn without_keys_nothing_is_signed() {
        assert_eq!(Signer::default().sign("id", 1, b""), None);
    }

    #[test]
    fn a_key_that_is_none_is_named_by_its_fault() {
        for (text, fault) in [
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", KeyError::Prefix),
            ("whsec_not base64", KeyError::Base64),
            ("whsec_c2hvcnQ=", KeyError::Short),
        ] {
            assert_eq!(Signer::new(&[Secret::new(text)]).err(), Some(fault), "{text}");
        }
    }
}
