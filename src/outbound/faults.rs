//! How does a refusal of ours look to the core? The code, the sentence, and what to do about it.

use crate::{
    error::{Code, Fault},
    ports::store::StoreError,
    schema::v1,
};

/// An error of our own making: no platform code stands behind it.
pub fn error(code: Code, detail: impl Into<String>) -> v1::Error {
    v1::Error {
        code: code.name().to_owned(),
        platform_code: 0,
        platform_message: detail.into(),
        retryable: matches!(code, Code::PlatformDown | Code::Overloaded),
        remedy: remedy(code).to_owned(),
    }
}

pub fn from_fault(fault: Fault) -> v1::Error {
    error(fault.code, fault.detail)
}

/// The store's refusals, as a caller of the API sees them.
pub fn from_store(fault: StoreError) -> Fault {
    Fault::new(Code::Overloaded, fault.to_string())
}

/// The next thing to do.
fn remedy(code: Code) -> &'static str {
    match code {
        Code::WindowClosed => "wait until the customer acts, or ask for HOLD_FOR_CUSTOMER",
        Code::QuotaExhausted => "merge messages, wait until the customer acts, or ask for HOLD_FOR_CUSTOMER",
        Code::Unsubscribed => "the customer must follow the account again",
        Code::SessionWithHuman => "wait until the platform's agent lets go, or order TAKE",
        Code::NotEntitled => "verify the account, or answer inside the passive window",
        Code::ScopeNotGranted => "have the account's admin grant the permission set again",
        Code::UnsupportedPart => "send another kind of part; the account's capabilities list them",
        Code::TooLong => "shorten the text, or allow degradation",
        Code::MediaTooLarge => "send a smaller file, or configure a public address for signed media links",
        Code::MediaExpired => "send the file again, or name it by its handle",
        Code::PlatformDown => "send it again later, or give it more time with notAfter",
        Code::Ambiguous => "ask the customer, or send with onAmbiguous = RETRY where twice is better than never",
        Code::Expired => "answer sooner, allow the API road, or give it more time with notAfter",
        Code::AccountUnknown => "bind the account, or correct the conversation key",
        Code::InvalidRequest => "correct the request as the sentence says",
        _ => "",
    }
}
