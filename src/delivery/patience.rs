//! How long has an event been failing by itself, also before this process began? Noted in the store now and then: 72 h are
//! longer than many a process lives.

use std::collections::HashMap;

use crate::ports::{
    clock::Millis,
    store::{RecordWrite, Store, StoreError, forget},
};

/// By the event's id; so long in decimal digits.
const SPACE: &str = "failing";
/// A crash forgets no more than this of it.
pub const STRIDE: Millis = 10 * 60_000;

/// What earlier processes noted.
pub async fn noted(store: &dyn Store) -> Result<HashMap<String, Millis>, StoreError> {
    let records = store.records(SPACE).await?.into_iter();
    let read = records.filter_map(|record| {
        let so_far = std::str::from_utf8(&record.value).ok()?.parse().ok()?;
        Some((record.key, so_far))
    });
    Ok(read.collect())
}

pub async fn note(store: &dyn Store, event: &str, so_far: Millis) -> Result<(), StoreError> {
    let write = RecordWrite::Put {
        space: SPACE,
        key: event.to_owned(),
        value: so_far.to_string().into_bytes(),
    };
    store.write_records(vec![write]).await.map(drop)
}

/// Forgets the notes of events that are not there any more; says how many went.
pub async fn forget_old(store: &dyn Store) -> Result<usize, StoreError> {
    let mut gone = Vec::new();
    for record in store.records(SPACE).await? {
        if store.event(&record.key).await?.is_none() {
            gone.push(record.key);
        }
    }
    forget(store, SPACE, gone).await
}
