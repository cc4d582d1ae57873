//! What can follow from an error code of the platform? The rows of each channel's table, and what is read out of one.

pub mod weixin;

use crate::{
    channels::contract::{Lasts, Learned, PlatformCode},
    error::Code,
};

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same again after a while: nothing was sent.
    Retry,
    /// The same again once the platform's next minute has begun: until then it refuses every try, and counts it.
    NextMinute,
    /// The same again after a minute: so long the platform blocks.
    Blocked,
    /// With a fresh token, once.
    Token,
    /// After a fresh upload, once.
    Upload,
    Final,
}

impl Class {
    /// In English and in Chinese.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Class::Retry => ("retried with back-off", "逐步延长间隔重试"),
            Class::NextMinute => ("retried in the next minute", "下一分钟重试"),
            Class::Blocked => ("retried after a minute", "一分钟后重试"),
            Class::Token => ("token refreshed, retried once", "刷新令牌后重试一次"),
            Class::Upload => ("uploaded again, retried once", "重新上传后重试一次"),
            Class::Final => ("final", "不再重试"),
        }
    }
}

/// Codes of the platform that mean the same to us.
#[derive(Clone, Copy)]
pub struct Row {
    pub codes: &'static [i64],
    pub meaning_en: &'static str,
    pub meaning_zh: &'static str,
    pub code: Code,
    pub class: Class,
    pub learned: Option<Learned>,
    pub remedy_en: &'static str,
    pub remedy_zh: &'static str,
}

/// A channel's table.
pub type Table = &'static [Row];

/// The row of a code; `None` for codes no page knows.
pub fn row(table: Table, code: i64) -> Option<&'static Row> {
    table.iter().find(|row| row.codes.contains(&code))
}

/// How long a refusal lasts, whatever is tried meanwhile.
pub fn lasts(table: Table, code: i64) -> Lasts {
    match row(table, code).map(|row| row.class) {
        Some(Class::NextMinute) => Lasts::UntilNextMinute,
        Some(Class::Blocked) => Lasts::Minute,
        _ => Lasts::Unknown,
    }
}

/// Every number of a table.
pub fn numbers(table: Table) -> Vec<i64> {
    table.iter().flat_map(|row| row.codes).copied().collect()
}

/// The row of a number, for people.
pub fn explain(table: Table, number: i64) -> Option<PlatformCode> {
    let row = row(table, number)?;
    let (follows_en, follows_zh) = row.class.names();
    Some(PlatformCode {
        meaning_en: row.meaning_en,
        meaning_zh: row.meaning_zh,
        code: row.code,
        follows_en,
        follows_zh,
        remedy_en: row.remedy_en,
        remedy_zh: row.remedy_zh,
    })
}

/// The account may not use the API, and why.
pub const fn learns(code: Code) -> Option<Learned> {
    Some(Learned::NoApi(code))
}

/// Two tables as one.
pub const fn join<const N: usize>(own: &[Row], shared: &[Row]) -> [Row; N] {
    let (mut all, mut at) = ([own[0]; N], 0);
    while at < N {
        all[at] = if at < own.len() {
            own[at]
        } else {
            shared[at - own.len()]
        };
        at += 1;
    }
    all
}

/// Writes a `TABLE`: `[numbers] meaning, Code, Class, learned, remedy;` each, meaning and remedy in English and in Chinese. With
/// `and table;` before them, the rows of that table stand behind.
macro_rules! table {
    (and $shared:expr; $($own:tt)*) => {
        mod own {
            use super::*;
            $crate::channels::common::codes::table! { $($own)* }
        }
        /// Every code that the platform's pages name for the calls we make, and those beside them.
        pub static TABLE: &[$crate::channels::common::codes::Row] =
            &$crate::channels::common::codes::join::<{ own::TABLE.len() + $shared.len() }>(own::TABLE, $shared);
    };
    ($( [$($n:literal),+] $means_en:literal, $means_zh:literal, $code:ident, $class:ident, $learned:expr,
        $en:literal, $zh:literal; )*) => {
        /// Every code that the platform's pages name for the calls we make, and those beside them.
        pub const TABLE: &[$crate::channels::common::codes::Row] = &[ $( $crate::channels::common::codes::Row {
            codes: &[$($n),+],
            meaning_en: $means_en,
            meaning_zh: $means_zh,
            code: $crate::error::Code::$code,
            class: $crate::channels::common::codes::Class::$class,
            learned: $learned,
            remedy_en: $en,
            remedy_zh: $zh,
        }, )* ];
    };
}
pub(in crate::channels) use table;
