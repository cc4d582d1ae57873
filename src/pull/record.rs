//! What is remembered of each place? Where we stand, what was rung for, and since when we listen.

use serde::{Deserialize, Serialize};

use crate::{
    accounts::Opened,
    ports::{
        clock::Millis,
        store::{Record, RecordWrite},
    },
};

/// By `{account}/{platform id}/{sub id}`.
pub const PLACES: &str = "pull_places";
pub const BELLS: &str = "pull_bells";
/// By `{account}/{platform id}`.
pub const ACCOUNTS: &str = "pull_accounts";

/// An account that was given other credentials starts anew.
pub fn account_key(opened: &Opened) -> String {
    format!("{}/{}", opened.settings.id, opened.describe.platform_id)
}

/// One place of an account. Its cursor is of the credential and the place, and is used nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PlaceKey {
    pub account: String,
    pub account_key: String,
    pub sub_id: String,
}

impl PlaceKey {
    pub fn of(opened: &Opened, sub_id: &str) -> Self {
        Self {
            account: opened.settings.id.clone(),
            account_key: account_key(opened),
            sub_id: sub_id.to_owned(),
        }
    }

    pub fn text(&self) -> String {
        format!("{}/{}", self.account_key, self.sub_id)
    }
}

/// Where we stand at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Behind everything that is on disk; empty = nothing was pulled yet.
    pub cursor: String,
    /// What was said before is left alone.
    pub since: Option<Millis>,
    /// The last pull that the platform answered.
    pub pulled: Option<Millis>,
}

/// What was rung for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub token: String,
    pub at: Millis,
}

/// What is known of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// When its places were found for the first time: places found later are read from their beginning.
    pub listed: Option<Millis>,
}

pub fn put<T: Serialize>(space: &'static str, key: String, value: &T) -> RecordWrite {
    // Structs of strings and numbers: nothing of theirs can fail to be written.
    let value = serde_json::to_vec(value).unwrap_or_default();
    RecordWrite::Put { space, key, value }
}

/// What a record says; one that cannot be read says nothing, and what it stood for is found anew.
pub fn read<T: for<'de> Deserialize<'de> + Default>(value: &[u8]) -> T {
    serde_json::from_slice(value).unwrap_or_default()
}

/// The records below an account, by sub id.
pub fn below<'a>(records: &'a [Record], account_key: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    records.iter().filter_map(move |record| {
        let sub_id = record.key.strip_prefix(account_key)?.strip_prefix('/')?;
        Some((sub_id, record.value.as_slice()))
    })
}
