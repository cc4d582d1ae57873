//! How does the console check a callback address? The same GET, made by us: for a doctor who wants to know whether it would pass.

use url::form_urlencoded;

use super::super::settings::Ready;
use crate::{
    envelope::{cipher, signature},
    ports::{chance::hex, clock::Millis},
};

/// In the clear, as for official accounts and mini-programs.
pub fn plain(ready: &Ready, now: Millis, random: [u8; 16]) -> Option<(String, Vec<u8>)> {
    let token = ready.current.token.as_ref()?;
    let (timestamp, nonce, echo) = words(now, random);
    let signed = signature::of_query(token, &timestamp, &nonce);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("signature", signature::text(&signed))
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce)
        .append_pair("echostr", &echo)
        .finish();
    Some((query, echo.into_bytes()))
}

/// Sealed, as for WeCom.
pub fn sealed(ready: &Ready, now: Millis, random: [u8; 16]) -> Option<(String, Vec<u8>)> {
    let (token, key) = (ready.current.token.as_ref()?, ready.current.key.as_ref()?);
    let (timestamp, nonce, echo) = words(now, random);
    let encrypt = cipher::seal(key, random, echo.as_bytes(), &ready.receiver);
    let signed = signature::of_message(token, &timestamp, &nonce, &encrypt);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("msg_signature", signature::text(&signed))
        .append_pair("timestamp", &timestamp)
        .append_pair("nonce", &nonce)
        .append_pair("echostr", &encrypt)
        .finish();
    Some((query, echo.into_bytes()))
}

/// Timestamp, nonce and echo.
fn words(now: Millis, random: [u8; 16]) -> (String, String, String) {
    let digits = u64::from_le_bytes([random[0], random[1], random[2], random[3], 0, 0, 0, 0]);
    (now.div_euclid(1000).to_string(), digits.to_string(), hex(&random))
}
