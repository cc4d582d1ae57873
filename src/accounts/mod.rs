//! Which accounts are bound, and what do we know of each? Read on every callback, changed rarely.

pub mod apply;
pub mod service;

pub use service::Service;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use arc_swap::ArcSwap;

use crate::{
    channels::contract::{Account, SettingFault},
    error::Code,
    ports::clock::Millis,
    schema::v1,
    settings::AccountSettings,
};

/// One account as the running daemon knows it.
pub struct Opened {
    pub account: Arc<dyn Account>,
    pub settings: AccountSettings,
    /// Shared with every event of the account.
    pub describe: Arc<v1::Account>,
    pub condition: Mutex<Condition>,
}

/// A bound account that this version cannot open: listed with its faults, and nothing is taken for it.
#[derive(Clone, Debug)]
pub struct Broken {
    pub settings: AccountSettings,
    pub faults: Vec<SettingFault>,
    pub bound_at: Millis,
}

/// What was observed of an account since start, and what of it outlives a change of settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Why the API road is shut (`NOT_ENTITLED`, …), learned from the platform's codes; `None` = believed open.
    pub api_shut: Option<Code>,
    /// Warnings by code, with the sentence for the operator.
    pub warnings: BTreeMap<Code, String>,
    pub last_callback: Option<Millis>,
    /// Callbacks still verified or opened with the values before a rotation.
    pub old_key_uses: u64,
    pub bound_at: Option<Millis>,
}

/// The accounts, by id.
#[derive(Default)]
pub struct Registry {
    by_id: ArcSwap<HashMap<String, Arc<Opened>>>,
    broken: ArcSwap<Vec<Broken>>,
}

impl Registry {
    pub fn get(&self, id: &str) -> Option<Arc<Opened>> {
        self.by_id.load().get(id).cloned()
    }

    /// The account behind a conversation key.
    pub fn by_platform(&self, channel: &str, platform_id: &str, sub_id: &str) -> Option<Arc<Opened>> {
        self.by_id
            .load()
            .values()
            .find(|opened| {
                let it = &opened.describe;
                it.channel == channel && it.platform_id == platform_id && it.sub_id == sub_id
            })
            .cloned()
    }

    /// All accounts, by id.
    pub fn all(&self) -> Vec<Arc<Opened>> {
        let by_id = self.by_id.load();
        let ids: BTreeSet<&String> = by_id.keys().collect();
        ids.into_iter().filter_map(|id| by_id.get(id).cloned()).collect()
    }

    /// The bound accounts that do not open, by id.
    pub fn broken(&self) -> Arc<Vec<Broken>> {
        self.broken.load_full()
    }

    pub(crate) fn replace_broken(&self, broken: Vec<Broken>) {
        self.broken.store(Arc::new(broken));
    }

    /// Puts the whole set in place at once.
    pub fn replace(&self, accounts: impl IntoIterator<Item = Arc<Opened>>) {
        let by_id = accounts
            .into_iter()
            .map(|opened| (opened.settings.id.clone(), opened))
            .collect();
        self.by_id.store(Arc::new(by_id));
    }
}

impl Opened {
    /// Looks at or changes what was observed.
    pub fn observe<T>(&self, look: impl FnOnce(&mut Condition) -> T) -> T {
        look(&mut self.condition.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
