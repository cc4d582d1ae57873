//! Is it really WeCom? Nothing is in the clear: the console's check comes sealed too, and bodies are sealed XML.
//!
//! <https://developer.work.weixin.qq.com/document/path/90238>, <https://developer.work.weixin.qq.com/document/path/90930>.
//! What an enterprise's own application gets is sealed for the enterprise (CorpID), the check and every push.

use super::{admit_sealed, fresh, open, timestamp, verify_message};
use crate::{
    channels::{
        common::settings::Ready,
        contract::{Admitted, CallbackQuery, Refusal},
    },
    envelope::Format,
    error::Code,
    ports::clock::Millis,
};

/// The console's check: the plain text of the `echostr`, and nothing that a captured push could be read by.
pub fn handshake(ready: &Ready, query: &CallbackQuery, now: Millis) -> Result<Vec<u8>, Refusal> {
    let stamped = timestamp(query)?;
    // A proxy that decoded `%2B` leaves a plus, which reads as a blank; Base64 has no blanks.
    let echostr = query.echostr.replace(' ', "+");
    verify_message(ready, query, &echostr, now)?;
    fresh(stamped, now, CHECK_AGE_MAX)?;
    let (plain, ..) = open(ready, &echostr, now).map_err(refused)?;
    if is_echo(&plain) {
        return Ok(plain);
    }
    let detail = "the sealed text is no echostr: 1 to 128 letters, digits, '_' or '-'";
    Err(Refusal::reject(403, Code::Undecodable, detail))
}

/// Nobody keeps what a GET brings.
fn refused(refusal: Refusal) -> Refusal {
    Refusal::reject(403, refusal.fault().code, refusal.fault().detail.clone())
}

fn is_echo(plain: &[u8]) -> bool {
    let lawful = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=128).contains(&plain.len()) && plain.iter().all(lawful)
}

/// Verifies and opens one POST.
pub fn admit(ready: &Ready, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    if Format::of(body) != Some(Format::Xml) {
        return Err(Refusal::reject(400, Code::Undecodable, "the body is not XML"));
    }
    admit_sealed(ready, query, body, now)
}

/// An operator presses the button and waits for the answer.
const CHECK_AGE_MAX: Millis = 5 * 60 * 1000;
