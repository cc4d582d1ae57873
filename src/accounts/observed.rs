//! What of the things that are observed outlives a restart? What an operator and the doctor rely on: the last callback, what
//! was refused, old keys still in use, warnings. Written once a minute where it changed, never by a callback.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{Condition, Opened, Registry, Unheard};
use crate::{
    error::Code,
    observe::{Observer, refusals::Refusal},
    ports::{
        clock::{Clock, Millis},
        store::{RecordWrite, Store, StoreError},
    },
    settings::AccountSettings,
};

const SPACE: &str = "observed";
/// Stands for callbacks of no account; no id looks like it.
const STRANGERS: &str = "?";
const MINUTE: Millis = 60_000;
/// A refusal that nobody repeated for so long says nothing any more.
const REFUSALS_KEPT: Millis = 7 * 24 * 60 * MINUTE;
/// Records in one commit: callbacks wait behind it.
const AT_ONCE: usize = 500;

/// One account, as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kept {
    /// Of the settings under which it was observed.
    settings: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_callback: Option<Millis>,
    old_key_uses: u64,
    /// Names of codes, so that a later version may know others.
    warnings: BTreeMap<String, String>,
    refusals: Vec<Refused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unheard: Option<Unheard>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspected: Option<(Millis, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    code: String,
    count: u64,
    last: Millis,
    detail: String,
}

/// The minute's writer.
pub struct Observed {
    store: Arc<dyn Store>,
    registry: Arc<Registry>,
    observer: Arc<Observer>,
    clock: Arc<dyn Clock>,
    /// As it stands in the store.
    written: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Observed {
    /// Gives the bound accounts what an earlier run observed of them; before anything new is.
    pub async fn load(
        store: Arc<dyn Store>,
        registry: Arc<Registry>,
        observer: Arc<Observer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, StoreError> {
        let mut written = BTreeMap::new();
        for record in store.records(SPACE).await? {
            match serde_json::from_slice::<Kept>(&record.value) {
                Ok(kept) => {
                    restore_refusals(&observer, &record.key, &kept);
                    if let Some(opened) = registry.get(&record.key) {
                        restore(&opened, kept);
                    }
                }
                Err(error) => tracing::warn!(account = record.key, %error, "what was observed of it cannot be read"),
            }
            written.insert(record.key, record.value);
        }
        Ok(Arc::new(Self {
            store,
            registry,
            observer,
            clock,
            written: Mutex::new(written),
        }))
    }

    /// Writes minute by minute, until the task is dropped.
    pub async fn keep(self: Arc<Self>) {
        loop {
            self.clock.sleep_until(self.clock.now() + MINUTE).await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "what was observed of accounts is not written yet");
            }
        }
    }

    /// Writes what changed since it was written last.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let now = self.now_standing();
        let writes = {
            let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            changes(&written, &now)
        };
        for some in writes.chunks(AT_ONCE) {
            self.store.write_records(some.to_vec()).await?;
        }
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    fn now_standing(&self) -> BTreeMap<String, Vec<u8>> {
        self.observer.refusals.forget_before(self.clock.now() - REFUSALS_KEPT);
        let mut standing = BTreeMap::new();
        let mut put = |id: &str, kept: Kept| {
            // Texts and numbers alone: it can be written.
            if let Ok(value) = serde_json::to_vec(&kept) {
                standing.insert(id.to_owned(), value);
            }
        };
        for opened in self.registry.all() {
            let id = &opened.settings.id;
            put(id, kept(&opened, self.observer.refusals.of(id)));
        }
        // What this version cannot open was refused under its name all the same.
        for broken in self.registry.broken().iter() {
            let refusals = self.observer.refusals.of(&broken.settings.id);
            put(&broken.settings.id, refused(refusals));
        }
        let strangers = self.observer.refusals.of("");
        if !strangers.is_empty() {
            put(STRANGERS, refused(strangers));
        }
        standing
    }
}

fn changes(written: &BTreeMap<String, Vec<u8>>, now: &BTreeMap<String, Vec<u8>>) -> Vec<RecordWrite> {
    let put = |(key, value): (&String, &Vec<u8>)| RecordWrite::Put {
        space: SPACE,
        key: key.clone(),
        value: value.clone(),
    };
    let changed = now
        .iter()
        .filter(|(key, value)| written.get(*key) != Some(*value))
        .map(put);
    let here: HashSet<&String> = now.keys().collect();
    let gone = written.keys().filter(|key| !here.contains(key));
    changed
        .chain(gone.map(|key| RecordWrite::Delete {
            space: SPACE,
            key: key.clone(),
        }))
        .collect()
}

fn kept(opened: &Opened, refusals: Vec<Refusal>) -> Kept {
    let condition = opened.observe(|condition| condition.clone());
    let warnings = condition.warnings.into_iter();
    Kept {
        settings: fingerprint(&opened.settings),
        last_callback: condition.last_callback,
        old_key_uses: condition.old_key_uses,
        warnings: warnings.map(|(code, said)| (code.name().to_owned(), said)).collect(),
        unheard: condition.unheard,
        suspected: condition.suspected,
        ..refused(refusals)
    }
}

fn refused(refusals: Vec<Refusal>) -> Kept {
    let one = |refusal: Refusal| Refused {
        code: refusal.code.name().to_owned(),
        count: refusal.count,
        last: refusal.last,
        detail: refusal.detail,
    };
    Kept {
        refusals: refusals.into_iter().map(one).collect(),
        ..Kept::default()
    }
}

/// What was observed under other settings may not hold under these: then only the last callback stands.
fn restore(opened: &Opened, kept: Kept) {
    let same = kept.settings == fingerprint(&opened.settings);
    opened.observe(|condition| {
        condition.last_callback = condition.last_callback.max(kept.last_callback);
        if !same {
            return;
        }
        let warnings = kept.warnings.into_iter();
        *condition = Condition {
            unheard: kept.unheard,
            suspected: kept.suspected,
            old_key_uses: kept.old_key_uses,
            warnings: warnings
                .filter_map(|(code, said)| Some((Code::parse(&code)?, said)))
                .collect(),
            ..condition.clone()
        };
    });
}

fn restore_refusals(observer: &Observer, key: &str, kept: &Kept) {
    let account = if key == STRANGERS { "" } else { key };
    for refused in &kept.refusals {
        let Some(code) = Code::parse(&refused.code) else {
            continue;
        };
        let refusal = Refusal {
            code,
            count: refused.count,
            last: refused.last,
            detail: refused.detail.clone(),
        };
        observer.refusals.restore(account, refusal);
    }
}

/// Tells one set of settings from another without holding it.
fn fingerprint(settings: &AccountSettings) -> String {
    let text = serde_json::to_string(settings).map(zeroize::Zeroizing::new);
    text.map(|text| crate::tokens::sha256_hex(&text)).unwrap_or_default()
}

#[cfg(test)]
#[path = "observed_tests.rs"]
mod tests;
