//! Who changed what, and when? One record for each act, secrets masked, each bound to the one before by its hash: nothing in
//! between can be changed, taken out or put in without it showing.
//!
//! The hash of a record is SHA-256 over the hash of the one before, a line end, and the record's JSON without its own hash.
//! Beside the records stands the *head*: the number and hash of the last one, and what came before the first one that is still
//! kept, so that a cut at either end shows as well. Who can write the store can also make a new chain; who keeps an export, or only
//! a head, elsewhere can show that.

pub mod chain;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    ports::{
        clock::{Clock, Millis},
        store::{Record, RecordWrite, Store, StoreError},
    },
    schema::Timestamp,
};
use chain::{Head, Verified};

const SPACE: &str = "audit";
/// Of the head, in a space of its own.
const HEAD: &str = "audit_head";
const ONLY: &str = "head";
/// Records in one commit: callbacks wait behind it.
const AT_ONCE: usize = 500;

/// One act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Act {
    /// From 1, without holes.
    #[serde(default)]
    pub number: u64,
    pub time: Timestamp,
    /// The token's name, `configuration`, or `retention`.
    pub who: String,
    /// `account.update`, `token.create` …
    pub what: String,
    pub target: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub before: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// Hex.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hash: String,
}

/// An act before it is written down.
#[derive(Clone, Debug, Default)]
pub struct Deed {
    pub who: String,
    pub what: String,
    pub target: String,
    pub before: Value,
    pub after: Value,
}

/// The log.
pub struct Audit {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Of what is in the store; also the gate that lets one writer at a time through.
    head: Mutex<Head>,
}

impl Audit {
    pub async fn load(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        let head = head(&*store).await?;
        Ok(Arc::new(Self {
            store,
            clock,
            head: Mutex::new(head),
        }))
    }

    /// Writes acts down that already happened: where that fails the log of the daemon has them.
    pub async fn note(&self, deeds: Vec<Deed>) {
        for deed in &deeds {
            tracing::info!(who = %deed.who, what = %deed.what, on = %deed.target, "an act for the audit log");
        }
        if let Err(error) = self.write(deeds).await {
            tracing::error!(%error, "audit records could not be written");
        }
    }

    async fn write(&self, deeds: Vec<Deed>) -> Result<(), StoreError> {
        let mut head = self.head.lock().await;
        for some in deeds.chunks(AT_ONCE) {
            let mut next = head.clone();
            let mut writes = Vec::with_capacity(some.len() + 1);
            for deed in some {
                let act = next.bind(self.act(deed));
                writes.push(put(SPACE, key(act.number), &act)?);
            }
            writes.push(put(HEAD, ONLY.to_owned(), &next)?);
            self.store.write_records(writes).await?;
            *head = next;
        }
        Ok(())
    }

    fn act(&self, deed: &Deed) -> Act {
        Act {
            number: 0,
            time: Timestamp::from_millis(self.clock.now()),
            who: deed.who.clone(),
            what: deed.what.clone(),
            target: deed.target.clone(),
            before: deed.before.clone(),
            after: deed.after.clone(),
            hash: String::new(),
        }
    }

    /// All of it, oldest first.
    pub async fn all(&self) -> Result<Vec<Act>, StoreError> {
        Ok(acts(self.store.records(SPACE).await?))
    }

    /// Whether the chain holds from its first record to its head.
    pub async fn verify(&self) -> Result<Verified, StoreError> {
        // No act between the reading of the one and of the other.
        let _gate = self.head.lock().await;
        let (head, all) = (head(&*self.store).await?, self.all().await?);
        Ok(chain::verify(&all, Some(&head)))
    }

    /// Forgets acts before this moment; the chain begins behind them.
    pub async fn forget_before(&self, moment: Millis) -> Result<usize, StoreError> {
        let mut head = self.head.lock().await;
        let all = self.all().await?;
        let old: Vec<Act> = all.into_iter().take_while(|act| act.time.millis() < moment).collect();
        for some in old.chunks(AT_ONCE) {
            let mut next = head.clone();
            let mut writes: Vec<RecordWrite> = Vec::with_capacity(some.len() + 1);
            for act in some {
                next.begin_behind(act);
                writes.push(RecordWrite::Delete {
                    space: SPACE,
                    key: key(act.number),
                });
            }
            writes.push(put(HEAD, ONLY.to_owned(), &next)?);
            self.store.write_records(writes).await?;
            *head = next;
        }
        Ok(old.len())
    }
}

/// Numbers in the order of their texts.
fn key(number: u64) -> String {
    format!("{number:020}")
}

fn put<T: Serialize>(space: &'static str, key: String, value: &T) -> Result<RecordWrite, StoreError> {
    let value = serde_json::to_vec(value).map_err(|error| StoreError::Broken(error.to_string()))?;
    Ok(RecordWrite::Put { space, key, value })
}

async fn head(store: &dyn Store) -> Result<Head, StoreError> {
    let Some(value) = store.record(HEAD, ONLY).await? else {
        return Ok(Head::default());
    };
    serde_json::from_slice(&value).map_err(|error| StoreError::Broken(format!("the head of the audit log: {error}")))
}

/// What cannot be read stands as an act of nobody, so that it shows.
fn acts(mut records: Vec<Record>) -> Vec<Act> {
    records.sort_by(|a, b| a.key.cmp(&b.key));
    let act = |record: Record| serde_json::from_slice(&record.value).unwrap_or_else(|_| unreadable(&record.key));
    records.into_iter().map(act).collect()
}

fn unreadable(key: &str) -> Act {
    Act {
        number: 0,
        time: Timestamp::from_millis(0),
        who: String::new(),
        what: "unreadable".into(),
        target: key.to_owned(),
        before: Value::Null,
        after: Value::Null,
        hash: String::new(),
    }
}

#[cfg(test)]
mod tests;
