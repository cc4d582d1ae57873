//! How does a command end? With one of the contract's exit codes, and a sentence on standard error.

use serde_json::{Value, json};

use super::lang::Lang;
use crate::config::ConfigFaults;

/// A red finding, a failed send, or any other refusal.
pub const FAILED: u8 = 1;
pub const USAGE: u8 = 64;
/// The daemon cannot be reached.
pub const UNREACHABLE: u8 = 69;
/// The store is taken by another process.
pub const TAKEN: u8 = 75;
/// The token was refused.
pub const REFUSED: u8 = 77;
/// The configuration or an accounts file has faults.
pub const CONFIG: u8 = 78;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub struct Failure {
    pub exit: u8,
    /// Empty where everything was said already.
    pub message: String,
    /// The same for who reads Chinese; empty where there is one text for all.
    pub in_chinese: String,
    /// The same as JSON: the problem details of the API where it refused, `{"faults":[…]}` of a file.
    pub problem: Option<Value>,
}

pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    pub fn new(exit: u8, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            in_chinese: String::new(),
            problem: None,
        }
    }

    /// In both languages.
    pub fn told(exit: u8, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            in_chinese: zh.into(),
            ..Self::new(exit, en)
        }
    }

    /// What the operator reads.
    pub fn text(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh if !self.in_chinese.is_empty() => &self.in_chinese,
            _ => &self.message,
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FAILED, message)
    }
}

impl From<ConfigFaults> for Failure {
    fn from(faults: ConfigFaults) -> Self {
        Self {
            problem: Some(json!({ "faults": faults.0 })),
            ..Self::told(CONFIG, faults.to_string(), faults.in_chinese())
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
