//! What is told about a core? One finding for each thing that was looked at, in English and Chinese, and how long it took.

use serde_json::{Value, json};

pub use crate::doctor::{Lang, Level};

/// One text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub en: String,
    pub zh: String,
}

impl Words {
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }

    pub fn pick(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Zh => &self.zh,
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub id: &'static str,
    pub level: Level,
    pub seen: Words,
    /// What is to be changed; empty where nothing is.
    pub act: Words,
}

impl Finding {
    pub fn green(id: &'static str, seen: Words) -> Self {
        Self {
            id,
            level: Level::Green,
            seen,
            act: Words::default(),
        }
    }

    pub fn yellow(id: &'static str, seen: Words, act: Words) -> Self {
        Self {
            id,
            level: Level::Yellow,
            seen,
            act,
        }
    }

    pub fn red(id: &'static str, seen: Words, act: Words) -> Self {
        Self {
            id,
            level: Level::Red,
            seen,
            act,
        }
    }
}

/// How long the core took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    pub answers: usize,
    pub median_ms: f64,
    pub slowest_ms: f64,
    /// How many replies were read.
    pub replies: usize,
}

/// Everything that was found, in the order of looking.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub measured: Measured,
}

impl Report {
    /// Nothing is red.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.level != Level::Red)
    }

    pub fn json(&self, lang: Lang) -> Value {
        let items: Vec<Value> = self.findings.iter().map(|finding| item(finding, lang)).collect();
        json!({
            "holds": self.holds(),
            "items": items,
            "measured": {
                "answers": self.measured.answers,
                "replies": self.measured.replies,
                "medianMs": self.measured.median_ms,
                "slowestMs": self.measured.slowest_ms,
            },
        })
    }
}

fn item(finding: &Finding, lang: Lang) -> Value {
    let mut item = json!({ "id": finding.id, "level": finding.level, "seen": finding.seen.pick(lang) });
    let act = finding.act.pick(lang);
    if !act.is_empty() {
        item["do"] = act.into();
    }
    item
}
