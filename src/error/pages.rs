//! What does an operator read about a code? Cause and remedy, in English and Chinese.

/// The page of one code.
pub struct Page {
    pub cause_en: &'static str,
    pub remedy_en: &'static str,
    pub cause_zh: &'static str,
    pub remedy_zh: &'static str,
}
