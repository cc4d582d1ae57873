//! How does a secret come: as it is, or in a file that is named, and never shown?

use std::path::PathBuf;

use config::ValueKind;

use super::{
    Table,
    words::{MASK, lines, quoted, read_text},
};
use crate::secret::Secret;

impl Table<'_> {
    /// `key`, or the content of the file that `{key}_file` names.
    pub fn secret(&mut self, key: &str) -> Option<Secret> {
        let inline = self.take(key);
        let file = self.secret_file(key);
        if inline.is_some() && file.is_some() {
            self.fault(key, "both this and the key with _file", "one of them");
        }
        if let Some(value) = inline {
            let ValueKind::String(text) = value.kind else {
                self.fault(key, MASK, "a text");
                return None;
            };
            self.show(key, MASK);
            return Some(Secret::new(text));
        }
        file
    }

    /// A list of secrets under `key`, or one per line in the file that `{key}_file` names.
    pub fn secrets(&mut self, key: &str) -> Option<Vec<Secret>> {
        let inline = self.take(key);
        let file = self.secret_file(key);
        if inline.is_some() && file.is_some() {
            self.fault(key, "both this and the key with _file", "one of them");
        }
        let Some(value) = inline else {
            return file.map(|text| lines(text.expose()).map(Secret::new).collect());
        };
        let ValueKind::Array(items) = value.kind else {
            self.fault(key, MASK, "a list of texts");
            return None;
        };
        let mut taken = Vec::new();
        for item in items {
            match item.kind {
                ValueKind::String(text) => taken.push(Secret::new(text)),
                _ => self.fault(key, MASK, "a list of texts"),
            }
        }
        self.show(key, vec![MASK; taken.len()]);
        Some(taken)
    }

    fn secret_file(&mut self, key: &str) -> Option<Secret> {
        let key = format!("{key}_file");
        let no_files = self.reading.no_files;
        if no_files && self.has(&key) {
            self.known.push(key.clone());
            self.fault(
                &key,
                "a path",
                "the secret itself: files are read by `wxbridge account apply` and at start, never for a request",
            );
            return None;
        }
        let path = self.parse(&key, "a path", |text| Some(PathBuf::from(text)))?;
        match read_text(&path) {
            Ok(text) => Some(Secret::new(text.expose().trim())),
            Err(error) => {
                self.fault(
                    &key,
                    quoted(&path.display().to_string()),
                    format!("a readable file ({error})"),
                );
                None
            }
        }
    }
}
