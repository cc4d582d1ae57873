//! Where do settings come from? The compiled-in defaults, a TOML file, the environment: three layers, each value with its
//! origin, laid over one another by the `config` crate.

use std::path::Path;

use config::{Map, Source, Value, ValueKind};
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::fault::ConfigFault;

/// The defaults, commented; the documentation is made from the same text.
pub const DEFAULTS: &str = include_str!("default.toml");
/// Every variable of this prefix is ours: one that means nothing is a fault.
const PREFIX: &str = "WXBRIDGE__";
/// How an environment variable's values say where they come from.
const ENV_ORIGIN: &str = "environment variable ";
/// More entries than any list has; a larger index is a slip of the finger, not a reason to allocate.
const INDEX_MAX: usize = 99;

/// One layer of settings.
#[derive(Clone, Debug)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }
    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// Lays file and environment over the defaults. Faults of form are collected, the rest is still merged, so that the
/// faults of meaning show in the same run.
pub fn merge(
    file: Option<(&str, &str)>,
    env: &[(String, String)],
    faults: &mut Vec<ConfigFault>,
) -> Map<String, Value> {
    let mut builder = config::Config::builder().add_source(Layer(from_toml("defaults", DEFAULTS, faults)));
    if let Some((name, text)) = file {
        builder = builder.add_source(Layer(from_toml(name, text, faults)));
    }
    // One source per variable: the shorter name first, so that a table is there before its keys.
    let mut variables: Vec<_> = env.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort();
    for (name, text) in variables {
        match path_of(name) {
            Some(path) => {
                let value = env_value(&format!("{ENV_ORIGIN}{name}"), text);
                builder = builder.add_source(Layer(Map::from_iter([(path, value)])));
            }
            None => faults.push(ConfigFault {
                origin: format!("{ENV_ORIGIN}{name}"),
                key: String::new(),
                found: "a name that is no setting".into(),
                expected: "WXBRIDGE__SECTION__KEY, tables in lists by index".into(),
            }),
        }
    }
    match builder.build().map(|merged| merged.cache.kind) {
        Ok(ValueKind::Table(table)) => table,
        Ok(_) => Map::new(),
        Err(error) => {
            faults.push(ConfigFault {
                origin: "configuration".into(),
                key: String::new(),
                found: error.to_string(),
                expected: "settings that can be merged".into(),
            });
            Map::new()
        }
    }
}

/// Reads a TOML document; every value's origin is `name:line`.
pub fn from_toml(name: &str, text: &str, faults: &mut Vec<ConfigFault>) -> Map<String, Value> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::of(name, text);
    let broken = !errors.is_empty();
    for error in errors {
        faults.push(ConfigFault {
            origin: lines.origin(error.span().map_or(0, |span| span.start)),
            key: String::new(),
            found: format!("text that is not TOML ({})", error.message()),
            expected: "a TOML document".into(),
        });
    }
    let mut top = Map::new();
    for (key, value) in table.into_inner() {
        // Where a table's head could not be read, its keys stand as if they were sections, without anything in them.
        let section = match value.get_ref() {
            DeValue::Table(fields) => !fields.is_empty(),
            DeValue::Array(items) => !items.is_empty(),
            _ => false,
        };
        if broken && !section {
            continue;
        }
        // The merger reads top-level keys as paths: whatever is more than a name must not reach it.
        if key.get_ref().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            top.insert(key.get_ref().to_string(), lines.value(value));
        } else {
            faults.push(ConfigFault {
                origin: lines.origin(key.span().start),
                key: key.get_ref().to_string(),
                found: "an unknown key".into(),
                expected: "a section of the configuration".into(),
            });
        }
    }
    top
}

/// Reads a JSON document; every value's origin is `name`.
pub fn from_json(name: &str, value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => ValueKind::Nil,
        serde_json::Value::Bool(flag) => ValueKind::Boolean(flag),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => ValueKind::I64(whole),
            (_, Some(whole)) => ValueKind::U64(whole),
            _ => ValueKind::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => ValueKind::String(text),
        serde_json::Value::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| from_json(name, item)).collect())
        }
        serde_json::Value::Object(fields) => ValueKind::Table(
            fields
                .into_iter()
                .map(|(key, item)| (key, from_json(name, item)))
                .collect(),
        ),
    };
    Value::new(Some(&name.to_owned()), kind)
}

/// Whether a value was written in the environment, where everything is text.
pub fn is_env(origin: &str) -> bool {
    origin.starts_with(ENV_ORIGIN)
}

/// How a path to a file is named in a fault.
pub fn name_of(file: &Path) -> String {
    file.display().to_string()
}

struct Lines<'a> {
    name: &'a str,
    /// Where each line ends: looked up for every value, and an accounts file has tens of thousands.
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(name: &'a str, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            name,
            ends: ends.map(|(at, _)| at).collect(),
        }
    }

    fn origin(&self, at: usize) -> String {
        let line = 1 + self.ends.partition_point(|end| *end < at);
        format!("{}:{line}", self.name)
    }

    fn value(&self, value: Spanned<DeValue<'_>>) -> Value {
        let origin = self.origin(value.span().start);
        let kind = match value.into_inner() {
            DeValue::String(text) => ValueKind::String(text.into_owned()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(whole) => ValueKind::I64(whole),
                Err(_) => ValueKind::String(number.as_str().to_owned()),
            },
            DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => ValueKind::Boolean(flag),
            DeValue::Datetime(moment) => ValueKind::String(moment.to_string()),
            DeValue::Array(items) => ValueKind::Array(self.array(items)),
            DeValue::Table(fields) => ValueKind::Table(self.table(fields)),
        };
        Value::new(Some(&origin), kind)
    }

    fn array(&self, items: DeArray<'_>) -> Vec<Value> {
        items.into_iter().map(|item| self.value(item)).collect()
    }

    fn table(&self, fields: DeTable<'_>) -> Map<String, Value> {
        fields
            .into_iter()
            .map(|(key, item)| (key.get_ref().to_string(), self.value(item)))
            .collect()
    }
}

/// Tables of these names stand in lists.
const LISTS: [&str; 2] = ["core", "forwarder"];

/// `WXBRIDGE__CORE__0__URL` is `core[0].url`.
fn path_of(variable: &str) -> Option<String> {
    let mut path = String::new();
    for part in variable.strip_prefix(PREFIX)?.split("__") {
        let part = part.to_ascii_lowercase();
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            let index: usize = part.parse().ok()?;
            if index > INDEX_MAX || path.is_empty() {
                return None;
            }
            path.push_str(&format!("[{index}]"));
        } else if part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            if LISTS.contains(&path.as_str()) {
                // Merged, it would take the place of the whole list.
                return None;
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part);
        } else {
            return None;
        }
    }
    Some(path)
}

/// A list or an inline table where the text is one, else the text.
fn env_value(origin: &str, text: &str) -> Value {
    let plain = || Value::new(Some(&origin.to_owned()), ValueKind::String(text.to_owned()));
    if !text.trim_start().starts_with(['[', '{']) {
        return plain();
    }
    match DeValue::parse(text.trim()) {
        Ok(value) => with_origin(origin, Lines::of("", text).value(value)),
        Err(_) => plain(),
    }
}

fn with_origin(origin: &str, value: Value) -> Value {
    let kind = match value.kind {
        ValueKind::Array(items) => ValueKind::Array(items.into_iter().map(|item| with_origin(origin, item)).collect()),
        ValueKind::Table(fields) => ValueKind::Table(
            fields
                .into_iter()
                .map(|(key, item)| (key, with_origin(origin, item)))
                .collect(),
        ),
        other => other,
    };
    Value::new(Some(&origin.to_owned()), kind)
}
