//! How does a refusal of ours look to the core? The code, the sentence, and what to do about it.

use crate::{
    error::{Code, Fault, pages},
    ports::store::StoreError,
    schema::v1,
};

/// An error of our own making: no platform code stands behind it.
pub fn error(code: Code, detail: impl Into<String>) -> v1::Error {
    let page = pages::page(code);
    v1::Error {
        code: code.name().to_owned(),
        platform_code: 0,
        platform_message: detail.into(),
        retryable: matches!(code, Code::PlatformDown | Code::Overloaded),
        remedy: format!("{} / {}", page.remedy_en, page.remedy_zh),
    }
}

pub fn from_fault(fault: Fault) -> v1::Error {
    error(fault.code, fault.detail)
}

/// The store's refusals, as a caller of the API sees them.
pub fn from_store(fault: StoreError) -> Fault {
    Fault::new(Code::Overloaded, fault.to_string())
}
