//! Which core has what waits? Looked at before delivery begins, and whenever an account is paused or resumed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    accounts::{Opened, Registry},
    conversation::key::Key,
    cores::Cores,
    delivery::{self, Owners},
    ports::store::{Store, StoreError},
    schema::v1,
};

pub struct Assigner {
    store: Arc<dyn Store>,
    cores: Cores,
    registry: Arc<Registry>,
    /// One look at a time: an older one must not undo what a newer one did.
    turn: tokio::sync::Mutex<()>,
}

impl Assigner {
    pub fn new(store: Arc<dyn Store>, cores: Cores, registry: Arc<Registry>) -> Self {
        Self {
            store,
            cores,
            registry,
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Gives what waits for nobody to the core whose rule fits, and takes from every core what is of paused accounts.
    pub async fn assign(&self) -> Result<usize, StoreError> {
        let _turn = self.turn.lock().await;
        let owners = Bound {
            registry: &self.registry,
            seen: Mutex::default(),
        };
        let ledger = delivery::ledger::of(self.store.clone());
        delivery::assign(&*ledger, &self.cores, &owners).await
    }
}

/// Channel, platform id and sub id.
type Place = (String, String, String);

/// The bound accounts, each place of theirs looked up once.
struct Bound<'a> {
    registry: &'a Registry,
    seen: Mutex<HashMap<Place, Option<Arc<Opened>>>>,
}

impl Owners for Bound<'_> {
    fn account(&self, key: &str) -> Option<v1::Account> {
        let key = Key::parse(key)?;
        let place = (key.channel, key.platform_id, key.sub_id);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains_key(&place) {
            let found = self.registry.by_platform(&place.0, &place.1, &place.2);
            seen.insert(place.clone(), found);
        }
        let opened = seen.get(&place)?.as_ref()?;
        Some(v1::Account::clone(&opened.at(&place.2)))
    }

    fn is_paused(&self, account: &str) -> bool {
        self.registry.paused(account).is_some()
    }
}
