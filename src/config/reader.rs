//! How is a table of settings read so that every fault is told at once? A reader that notes what it could not take and
//! goes on, and at the end names the keys that nobody asked for.

mod secrets;
mod words;

use std::{
    cell::RefCell,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use config::{Map, Value, ValueKind};
use ipnet::IpNet;

use super::{fault::ConfigFault, outside::Outside, sources};
use crate::{ports::clock::Millis, secret::masked_query};
pub use words::{ADDRESS, HTTP_URL, duration, http_url, lines, quoted, read_text};
use words::{deepest_origin, describe, duration_text, first_origin, to_toml};

/// What reading leaves behind beside the values.
#[derive(Default)]
pub struct Reading {
    pub faults: RefCell<Vec<ConfigFault>>,
    /// Things that are lawful and that an operator should know.
    pub notes: RefCell<Vec<String>>,
    /// Whether `*_file` keys may be followed: not in what arrives over the network.
    pub no_files: bool,
    /// Who looks at what is named and stands elsewhere; `None`: nobody.
    pub outside: Option<&'static dyn Outside>,
}

impl Reading {
    pub fn fault(&self, origin: &str, key: &str, found: impl Into<String>, expected: impl Into<String>) {
        let expected = expected.into();
        #[cfg(test)]
        assert!(super::chinese::is_known(&expected), "{expected} has no line in Chinese");
        self.faults.borrow_mut().push(ConfigFault {
            origin: origin.to_owned(),
            key: key.to_owned(),
            found: found.into(),
            expected,
        });
    }

    pub fn note(&self, text: impl Into<String>) {
        self.notes.borrow_mut().push(text.into());
    }

    /// How many faults there are so far.
    pub fn count(&self) -> usize {
        self.faults.borrow().len()
    }
}

/// One table being read. Values come out as `Some`, or `None` with a fault noted where there should have been one.
pub struct Table<'r> {
    reading: &'r Reading,
    pub path: String,
    pub origin: String,
    fields: Map<String, Value>,
    known: Vec<String>,
    /// What `config show` prints: the values as taken, secrets masked.
    shown: toml::Table,
}

impl<'r> Table<'r> {
    pub fn new(reading: &'r Reading, path: &str, origin: &str, fields: Map<String, Value>) -> Self {
        Self {
            reading,
            path: path.to_owned(),
            origin: origin.to_owned(),
            fields,
            known: Vec::new(),
            shown: toml::Table::new(),
        }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes a fault of `key`, where it was written.
    pub fn fault(&self, key: &str, found: impl Into<String>, expected: impl Into<String>) {
        let origin = self.fields.get(key).and_then(Value::origin).unwrap_or(&self.origin);
        self.reading.fault(origin, &self.full(key), found, expected);
    }

    /// Notes a fault of the table itself.
    pub fn fault_here(&self, found: impl Into<String>, expected: impl Into<String>) {
        self.reading.fault(&self.origin, &self.path, found, expected);
    }

    /// Who looks at what is named here, unless it was faulty already when `faults` were counted before it was read.
    pub fn outside(&self, faults: usize) -> Option<&'static dyn Outside> {
        self.reading.outside.filter(|_| self.reading.count() == faults)
    }

    /// How many faults were told so far.
    pub fn faults(&self) -> usize {
        self.reading.count()
    }

    /// Notes a fault of a key in a table below (`previous.token`), where it was written, else where that table was.
    pub fn fault_below(&self, path: &str, found: impl Into<String>, expected: impl Into<String>) {
        let mut origin = self.origin.as_str();
        let mut fields = Some(&self.fields);
        for key in path.split('.') {
            let value = fields.and_then(|fields| fields.get(key));
            origin = value.and_then(Value::origin).unwrap_or(origin);
            fields = match value.map(|value| &value.kind) {
                Some(ValueKind::Table(below)) => Some(below),
                _ => None,
            };
        }
        self.reading.fault(origin, &self.full(path), found, expected);
    }

    /// The text that stands under `key`, as a value is read, without asking for it.
    pub fn written(&self, key: &str) -> Option<String> {
        match &self.fields.get(key)?.kind {
            ValueKind::String(text) => Some(text.trim().to_owned()),
            _ => None,
        }
    }

    /// Something was written under `key`.
    pub fn has(&mut self, key: &str) -> bool {
        self.known.push(key.to_owned());
        self.fields
            .get(key)
            .is_some_and(|value| !matches!(value.kind, ValueKind::Nil))
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.known.push(key.to_owned());
        self.fields
            .get(key)
            .filter(|value| !matches!(value.kind, ValueKind::Nil))
            .cloned()
    }

    /// Shows what is in force under a key that was not written.
    pub fn show_default(&mut self, key: &str, value: &str) {
        if !self.has(key) {
            self.show(key, value);
        }
    }

    fn show(&mut self, key: &str, value: impl Into<toml::Value>) {
        self.shown.insert(key.to_owned(), value.into());
    }

    /// Shows the address under `key` without the values of its query.
    pub fn mask_query(&mut self, key: &str) {
        if let Some(toml::Value::String(url)) = self.shown.get(key) {
            self.show(key, masked_query(url, |_| words::MASK.to_owned()));
        }
    }

    /// A fault unless `key` was written.
    pub fn require(&mut self, key: &str, expected: &str) {
        if !self.has(key) {
            self.reading.fault(&self.origin, &self.full(key), "nothing", expected);
        }
    }

    pub fn text(&mut self, key: &str) -> Option<String> {
        self.parse(key, "a text", |text| Some(text.to_owned()))
    }

    /// A text that `read` understands.
    pub fn parse<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = self.take(key)?;
        let ValueKind::String(text) = &value.kind else {
            self.fault(key, describe(&value), expected);
            return None;
        };
        self.show(key, text.as_str());
        let taken = read(text.trim());
        if taken.is_none() {
            self.fault(key, quoted(text), expected);
        }
        taken
    }

    /// A text, or a whole number as a text: an id that is written in digits.
    pub fn text_or_number(&mut self, key: &str, expected: &str) -> Option<String> {
        let number = match self.fields.get(key).map(|value| &value.kind) {
            Some(ValueKind::I64(number)) => number.to_string(),
            Some(ValueKind::U64(number)) => number.to_string(),
            _ => return self.parse(key, expected, |text| Some(text.to_owned())),
        };
        self.take(key)?;
        self.show(key, number.as_str());
        Some(number)
    }

    /// Like [`Table::parse`], an empty text meaning "none".
    pub fn parse_or_empty<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let wanted = format!("{expected}, or nothing");
        self.parse(key, &wanted, |text| match text {
            "" => Some(None),
            text => read(text).map(Some),
        })
        .flatten()
    }

    pub fn one_of<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        self.parse(key, &names.join(" or "), |text| {
            choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
        })
    }

    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.take(key)?;
        let taken = match &value.kind {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) if self.in_env(key) => text.trim().parse().ok(),
            _ => None,
        };
        match taken {
            Some(flag) => self.show(key, flag),
            None => self.fault(key, describe(&value), "true or false"),
        }
        taken
    }

    pub fn whole(&mut self, key: &str, lawful: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(key)?;
        let taken = match &value.kind {
            ValueKind::I64(number) => u64::try_from(*number).ok(),
            ValueKind::U64(number) => Some(*number),
            ValueKind::String(text) if self.in_env(key) => text.trim().parse().ok(),
            _ => None,
        };
        match taken.filter(|number| lawful.contains(number)) {
            Some(number) => {
                self.show(key, i64::try_from(number).unwrap_or(i64::MAX));
                Some(number)
            }
            None => {
                let expected = match *lawful.end() {
                    u64::MAX => format!("a whole number from {}", lawful.start()),
                    end => format!("a whole number from {} to {end}", lawful.start()),
                };
                self.fault(key, describe(&value), expected);
                None
            }
        }
    }

    fn in_env(&self, key: &str) -> bool {
        self.fields
            .get(key)
            .and_then(Value::origin)
            .is_some_and(sources::is_env)
    }

    /// A duration between `least` and `most`.
    pub fn duration(&mut self, key: &str, least: Millis, most: Millis, example: &str) -> Option<Millis> {
        let expected = match (least, most) {
            (0 | 1, Millis::MAX) => format!("a duration such as \"{example}\""),
            (0 | 1, most) => format!("a duration of at most {}, such as \"{example}\"", duration_text(most)),
            (least, _) => format!("a duration of at least {}, such as \"{example}\"", duration_text(least)),
        };
        if let Some(Value {
            kind: ValueKind::I64(0),
            ..
        }) = self.fields.get(key)
            && least == 0
        {
            self.known.push(key.to_owned());
            self.show(key, "0ms");
            return Some(0);
        }
        self.parse(key, &expected, |text| {
            duration(text).filter(|millis| (least..=most).contains(millis))
        })
    }

    pub fn listen(&mut self, key: &str) -> Option<SocketAddr> {
        self.parse(key, ADDRESS, |text| text.parse().ok())
    }

    /// A list of texts that `read` understands, each fault told by its index.
    pub fn list<T>(&mut self, key: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let value = self.take(key)?;
        let ValueKind::Array(items) = &value.kind else {
            self.fault(key, describe(&value), format!("a list, each item {expected}"));
            return None;
        };
        let mut taken = Vec::with_capacity(items.len());
        let mut shown = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let read = match &item.kind {
                ValueKind::String(text) => {
                    shown.push(toml::Value::from(text.as_str()));
                    read(text.trim())
                }
                _ => None,
            };
            match read {
                Some(read) => taken.push(read),
                None => {
                    let origin = item.origin().unwrap_or(&self.origin);
                    let at = format!("{}[{index}]", self.full(key));
                    self.reading.fault(origin, &at, describe(item), expected);
                }
            }
        }
        self.show(key, shown);
        Some(taken)
    }

    /// Networks; a single address is a network of one.
    pub fn networks(&mut self, key: &str) -> Option<Vec<IpNet>> {
        self.list(key, "a network such as \"10.0.0.0/8\"", |text| {
            text.parse()
                .ok()
                .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        })
    }

    /// An absolute http or https address, without its last slash.
    pub fn url(&mut self, key: &str) -> Option<String> {
        self.parse(key, HTTP_URL, http_url)
    }

    /// A path to a file that can be read; an empty text means "none".
    pub fn file(&mut self, key: &str) -> Option<PathBuf> {
        self.parse_or_empty(key, "a readable file", |text| {
            std::fs::File::open(text).ok().map(|_| PathBuf::from(text))
        })
    }

    /// The table under `key`; `None` where nothing was written.
    pub fn table(&mut self, key: &str) -> Option<Table<'r>> {
        let value = self.take(key)?;
        // One of a document that was put together has no place of its own; what stands in it has.
        let origin = deepest_origin(&value).unwrap_or_else(|| self.origin.clone());
        match value.kind {
            ValueKind::Table(fields) => Some(Table::new(self.reading, &self.full(key), &origin, fields)),
            _ => {
                self.fault(key, describe(&value), "a table");
                None
            }
        }
    }

    /// The list of tables under `key`.
    pub fn tables(&mut self, key: &str) -> Vec<Table<'r>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let ValueKind::Array(items) = value.kind else {
            self.fault(key, describe(&value), format!("a list of tables, [[{key}]]"));
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{}[{index}]", self.full(key));
            let described = describe(&item);
            let origin = item.origin().map(str::to_owned);
            match item.kind {
                ValueKind::Table(fields) => {
                    let origin = origin
                        .or_else(|| first_origin(&fields))
                        .unwrap_or_else(|| self.origin.clone());
                    tables.push(Table::new(self.reading, &path, &origin, fields));
                }
                ValueKind::Nil => {
                    let origin = self.origin.clone();
                    self.reading.fault(
                        &origin,
                        &path,
                        "nothing",
                        "a table: the index after the last one is the next",
                    );
                }
                _ => self
                    .reading
                    .fault(origin.as_deref().unwrap_or(&self.origin), &path, described, "a table"),
            }
        }
        tables
    }

    /// Any value at all, as TOML.
    pub fn any(&mut self, key: &str) -> Option<toml::Value> {
        let value = self.take(key)?;
        let plain = to_toml(&value);
        if let Some(plain) = &plain {
            self.show(key, plain.clone());
        }
        plain
    }

    /// The keys that were written, for tables whose keys are names.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.fields.keys().cloned().collect();
        names.sort();
        names
    }

    /// Puts what a table below showed in its place.
    pub fn show_table(&mut self, key: &str, table: Table<'r>) {
        let shown = table.finish();
        self.show(key, shown);
    }

    pub fn show_tables(&mut self, key: &str, tables: Vec<toml::Table>) {
        if !tables.is_empty() {
            self.show(key, tables);
        }
    }

    /// Names the keys that nobody asked for; gives what is shown.
    pub fn finish(self) -> toml::Table {
        let mut strangers: Vec<_> = self.fields.keys().filter(|key| !self.known.contains(key)).collect();
        strangers.sort();
        for key in strangers {
            let mut known = self.known.clone();
            known.sort();
            known.dedup();
            let origin = self
                .fields
                .get(key)
                .and_then(deepest_origin)
                .unwrap_or_else(|| self.origin.clone());
            self.reading.fault(
                &origin,
                &self.full(key),
                "an unknown key",
                match known.as_slice() {
                    [] => "no key here".to_owned(),
                    known => format!("one of: {}", known.join(", ")),
                },
            );
        }
        self.shown
    }
}
