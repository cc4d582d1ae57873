//! Is it really the platform? The console's check comes sealed, unlike that of official accounts, and bodies always do
//! (<https://developer.work.weixin.qq.com/document/path/90930>).

use crate::{
    channels::{
        common::{door, settings::Ready},
        contract::{Admitted, CallbackQuery, Refusal},
    },
    envelope::Format,
    error::Code,
    ports::clock::Millis,
};

/// A captured check is dead after this.
const CHECK_AGE_MAX: Millis = 5 * 60 * 1000;

/// The console's check: the text inside `echostr`, but only one that can be nothing else, so that no captured body is read
/// through it.
pub fn handshake(ready: &Ready, query: &CallbackQuery, now: Millis) -> Result<Vec<u8>, Refusal> {
    let stamped = door::timestamp(query)?;
    // A proxy that decoded before us turned the plus signs of base64 into blanks.
    let sealed = query.echostr.replace(' ', "+");
    door::verify_message(ready, query, &sealed, now)?;
    door::fresh(stamped, now, CHECK_AGE_MAX)?;
    let refused = |refusal: Refusal| Refusal::reject(403, refusal.fault().code, refusal.fault().detail.clone());
    let (echo, _, _) = door::open(ready, &sealed, now).map_err(refused)?;
    let lawful = (1..=128).contains(&echo.len())
        && echo
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !lawful {
        return Err(Refusal::reject(
            403,
            Code::Undecodable,
            "the echostr holds no such text",
        ));
    }
    Ok(echo)
}

/// Verifies and opens one POST.
pub fn admit(ready: &Ready, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
    if Format::of(body) != Some(Format::Xml) {
        return Err(Refusal::reject(400, Code::Undecodable, "the body is not XML"));
    }
    door::admit_sealed(ready, query, body, now)
}
