//! What is wrong with the configuration? Where it was written, which key, what was found, what was expected.

use std::fmt;

use super::chinese;

/// One mistake. Secrets show as `***`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ConfigFault {
    /// `wxbridge.toml:12`, `environment variable WXBRIDGE__…`, or the name of what was handed in.
    pub origin: String,
    /// `core[0].url`; empty where the whole document is meant.
    pub key: String,
    pub found: String,
    pub expected: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            key,
            found,
            expected,
        } = self;
        write!(f, "{origin}: ")?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        write!(f, "found {found}; expected {expected}")
    }
}

impl ConfigFault {
    /// The same in Chinese.
    pub fn in_chinese(&self) -> String {
        let (found, expected) = (chinese::found(&self.found), chinese::expected(&self.expected));
        let key = if self.key.is_empty() {
            String::new()
        } else {
            format!("{}：", self.key)
        };
        let origin = chinese::origin(&self.origin);
        format!("{origin}：{key}当前为 {found}；应为 {expected}")
    }
}

/// Every mistake of a configuration, in the order of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl ConfigFaults {
    /// The same in Chinese.
    pub fn in_chinese(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(ConfigFault::in_chinese).collect();
        lines.join("\n")
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}
