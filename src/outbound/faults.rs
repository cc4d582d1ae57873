//! How does a refusal of ours look to the core? The code, the sentence, and what to do about it.

use crate::{
    error::{Code, Fault, pages},
    ports::store::StoreError,
    schema::v1,
};

/// An error of our own making: no platform code stands behind it.
pub fn error(code: Code, detail: impl Into<String>) -> v1::Error {
    explained(v1::Error {
        code: code.name().to_owned(),
        platform_code: 0,
        platform_message: detail.into(),
        retryable: matches!(code, Code::PlatformDown | Code::Overloaded),
        ..Default::default()
    })
}

pub fn too_late() -> v1::Error {
    error(Code::Expired, "notAfter passed before it could go")
}

/// With what to do about it: an error that says nothing of that gets the words of its code's page.
pub fn explained(mut error: v1::Error) -> v1::Error {
    if error.remedy.is_empty()
        && let Some(code) = Code::parse(&error.code)
    {
        let page = pages::page(code);
        error.remedy = format!("{}{}{}", page.remedy_en, pages::BOTH, page.remedy_zh);
    }
    error
}

pub fn from_fault(fault: Fault) -> v1::Error {
    error(fault.code, fault.detail)
}

/// The store's refusals, as a caller of the API sees them.
pub fn from_store(fault: StoreError) -> Fault {
    Fault::new(Code::Overloaded, fault.to_string())
}
