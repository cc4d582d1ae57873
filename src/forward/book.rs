//! What is protected? The shared switch and what each forwarder was before, by name: a machine without a store.
//!
//! | event | switch | `legacy_plain` |
//! |---|---|---|
//! | a name is first seen while the switch is on | on | as configured |
//! | a name is first seen while the switch is off | off | false |
//! | another URL, types, mode, company, or another name | unchanged | unchanged |
//! | another key | unchanged | false |
//! | the switch goes off | off | unchanged |
//! | the switch goes on | on | false for all |

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Value, json};

use super::settings::{Forwarder, Kind, Mode};
use crate::secret::{Secret, masked, masked_query};

/// What is remembered of a forwarder.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub url: String,
    pub types: Vec<Kind>,
    pub key: Secret,
    pub mode: Mode,
    pub company_id: String,
    pub encrypt: bool,
    /// It was there, plain, before the four newer types could be protected.
    pub legacy_plain: bool,
    /// It is configured now.
    pub present: bool,
}

impl Known {
    fn of(configured: &Forwarder, legacy_plain: bool) -> Self {
        Self {
            url: configured.url.clone(),
            types: configured.types.clone(),
            key: configured.key.clone(),
            mode: configured.mode,
            company_id: configured.company_id.clone(),
            encrypt: configured.encrypt,
            legacy_plain,
            present: true,
        }
    }

    /// As an operator may see it.
    pub fn shown(&self) -> Value {
        json!({
            "url": masked_query(&self.url, masked),
            "types": self.types.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
            "key": masked(self.key.expose()),
            "mode": self.mode.name(),
            "companyId": self.company_id,
            "encrypt": self.encrypt,
            "legacyPlain": self.legacy_plain,
        })
    }
}

/// Something that somebody may want to read later.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub what: &'static str,
    pub target: String,
    pub before: Value,
    pub after: Value,
}

/// The switch, and every name that was ever seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Book {
    pub on: bool,
    pub known: BTreeMap<String, Known>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            on: true,
            known: BTreeMap::new(),
        }
    }
}

/// What one look at the configuration changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    pub changes: Vec<Change>,
    /// Old and new name: where they had come to goes with them.
    pub renamed: Vec<(String, String)>,
}

impl Book {
    /// Whether batches of this type are signed, and encrypted where that was asked for.
    pub fn protects(&self, name: &str, kind: Kind) -> bool {
        let legacy = self.known.get(name).is_some_and(|known| known.legacy_plain);
        self.on && (kind.always_protectable() || !legacy)
    }

    /// Compares what is configured with what was before.
    pub fn settle(&mut self, configured: &[Forwarder]) -> Settled {
        let mut settled = Settled::default();
        for (old, forwarder) in self.renames(configured) {
            self.rename(&old, forwarder, &mut settled);
        }
        for forwarder in configured {
            settled.changes.extend(self.settle_one(forwarder));
        }
        for (name, known) in &mut self.known {
            if known.present && !configured.iter().any(|it| it.name == *name) {
                known.present = false;
                settled.changes.push(Change {
                    what: "forwarder.remove",
                    target: name.clone(),
                    before: known.shown(),
                    after: Value::Null,
                });
            }
        }
        settled
    }

    /// Names that vanished, and who has come in the place of each: one with its address, key and company is the same one.
    /// Where several have these, their types tell them apart; then their names do, so that no look decides otherwise.
    fn renames<'a>(&self, configured: &'a [Forwarder]) -> Vec<(String, &'a Forwarder)> {
        let is_gone =
            |name: &str, known: &Known| known.present && !configured.iter().any(|forwarder| forwarder.name == name);
        let mut gone: Vec<_> = self.known.iter().filter(|(name, it)| is_gone(name, it)).collect();
        let is_new = |forwarder: &&Forwarder| !self.known.contains_key(&forwarder.name);
        let mut new: Vec<_> = configured.iter().filter(is_new).collect();
        new.sort_by(|a, b| a.name.cmp(&b.name));
        let mut renames = Vec::new();
        // Nobody takes the place of one whose types another one has.
        for all_types in [true, false] {
            new.retain(|forwarder| match nearest(&gone, forwarder, all_types) {
                Some(at) => {
                    renames.push((gone.remove(at).0.clone(), *forwarder));
                    false
                }
                None => true,
            });
        }
        renames
    }

    fn rename(&mut self, old: &str, forwarder: &Forwarder, settled: &mut Settled) {
        let Some(known) = self.known.remove(old) else { return };
        self.known.insert(forwarder.name.clone(), known);
        settled.renamed.push((old.to_owned(), forwarder.name.clone()));
        settled.changes.push(Change {
            what: "forwarder.rename",
            target: forwarder.name.clone(),
            before: json!({ "name": old }),
            after: json!({ "name": forwarder.name }),
        });
    }

    fn settle_one(&mut self, forwarder: &Forwarder) -> Option<Change> {
        let before = self.known.get(&forwarder.name);
        let legacy_plain = match before {
            Some(known) => known.legacy_plain && known.key == forwarder.key,
            None => forwarder.legacy_plain && self.on,
        };
        let after = Known::of(forwarder, legacy_plain);
        let what = match before {
            Some(known) if *known == after => return None,
            Some(known) if known.key != after.key => "forwarder.rotate",
            Some(known) if known.present => "forwarder.update",
            _ => "forwarder.create",
        };
        let change = Change {
            what,
            target: forwarder.name.clone(),
            before: before.map_or(Value::Null, Known::shown),
            after: after.shown(),
        };
        self.known.insert(forwarder.name.clone(), after);
        Some(change)
    }

    /// `None`: it stood so already.
    pub fn switch(&mut self, on: bool) -> Option<Change> {
        if self.on == on {
            return None;
        }
        let mut legacy = Vec::new();
        if on {
            for (name, known) in &mut self.known {
                if std::mem::take(&mut known.legacy_plain) {
                    legacy.push(name.clone());
                }
            }
        }
        self.on = on;
        let mut after = json!({ "on": on });
        if !legacy.is_empty() {
            after["legacyPlainEnded"] = json!(legacy);
        }
        Some(Change {
            what: "forwarder.switch",
            target: "all".to_owned(),
            before: json!({ "on": !on }),
            after,
        })
    }
}

/// Which of those that are gone it could be: the one that shares most types with it, the first of several.
fn nearest(gone: &[(&String, &Known)], forwarder: &Forwarder, all_types: bool) -> Option<usize> {
    let same = |known: &Known| {
        known.url == forwarder.url
            && known.key == forwarder.key
            && known.company_id == forwarder.company_id
            && (known.types == forwarder.types || !all_types)
    };
    let shared = |known: &Known| known.types.iter().filter(|kind| forwarder.types.contains(kind)).count();
    let could = gone.iter().enumerate().filter(|(_, (_, known))| same(known));
    let nearest = could.max_by_key(|(at, (_, known))| (shared(known), Reverse(*at)));
    nearest.map(|(at, _)| at)
}

#[cfg(test)]
mod tests;
