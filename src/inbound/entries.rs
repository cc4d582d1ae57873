//! What was registered under this entry token? The other end of `POST /v1/entries`.

use serde::Deserialize;

use crate::{
    entry,
    ports::{
        clock::Millis,
        store::{Store, StoreError},
    },
    schema::{
        json::{self, Unknown},
        v1::Entry,
    },
};

const SPACE: &str = "entries";

/// A record of that space.
#[derive(Deserialize)]
struct Kept {
    entry: serde_json::Value,
    expires: Option<Millis>,
}

/// The entry with what its token stands for. One that is unknown, expired or unreadable stays as the carrier said it.
pub async fn resolved(
    store: &dyn Store,
    account: &str,
    carried: Option<Entry>,
    now: Millis,
) -> Result<Option<Entry>, StoreError> {
    let Some(mut carried) = carried else { return Ok(None) };
    let Some(token) = entry::token_of(&carried) else {
        return Ok(Some(carried));
    };
    let found = store.record(SPACE, &token).await?;
    match found.map(|value| registered(&value, now)) {
        Some(Ok(registered)) => return Ok(Some(entry::merge(registered, carried))),
        Some(Err(why)) => {
            tracing::warn!(account, token, why, "an entry token is not resolved");
            carried.problems.push(format!("the entry token {token} {why}"));
        }
        None => {
            // Customers can write links: a stranger's token is no fault of the operator's.
            tracing::debug!(account, token, "an unknown entry token");
            carried
                .problems
                .push(format!("the entry token {token} is not registered"));
        }
    }
    Ok(Some(carried))
}

fn registered(value: &[u8], now: Millis) -> Result<Entry, &'static str> {
    let kept: Kept = serde_json::from_slice(value).map_err(|_| "cannot be read")?;
    if kept.expires.is_some_and(|end| end <= now) {
        return Err("has expired");
    }
    json::from_value(kept.entry, Unknown::Ignore).map_err(|_| "cannot be read")
}
