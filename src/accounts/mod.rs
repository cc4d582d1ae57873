//! Which accounts are bound, and what do we know of each? Read on every callback, changed rarely.

pub mod apply;
pub mod observed;
pub mod service;

pub use service::Service;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};

use crate::{
    channels::contract::{Account, Admitted, SettingFault},
    conversation::key::Key,
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

/// What was observed of an account: [`observed`] says what outlives a restart, [`service`] what outlives a change of settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Why the API road is shut (`NOT_ENTITLED`, …), learned from the platform's codes; `None` = believed open.
    pub api_shut: Option<Code>,
    /// By which code it was shut, and when a harmless call that worked opened it again; no message has gone since.
    pub reopened: Option<(Code, Millis)>,
    /// The newest callback that was read came as JSON, which the platforms document no answer with content to.
    pub json: bool,
    /// Warnings by code, with the sentence for the operator.
    pub warnings: BTreeMap<Code, String>,
    pub last_callback: Option<Millis>,
    /// Callbacks still verified or opened with the values before a rotation.
    pub old_key_uses: u64,
    pub bound_at: Option<Millis>,
    /// Customers' events since their last message.
    pub unheard: Option<Unheard>,
    /// When it was last seen that somebody else sends to our customers, and by what.
    pub suspected: Option<(Millis, String)>,
    /// What the account's admin ticked, where it was bound by a scan.
    pub permission_sets: Vec<u32>,
}

/// Customers tap and follow, and say nothing that reaches us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unheard {
    pub events: u64,
    /// The first of them.
    pub since: Millis,
}

impl Condition {
    /// A customer did something; `spoke`: said something.
    pub fn heard(&mut self, spoke: bool, now: Millis) {
        if spoke {
            self.unheard = None;
            return;
        }
        let unheard = self.unheard.get_or_insert(Unheard { events: 0, since: now });
        unheard.events += 1;
    }
}

/// The accounts, by id.
#[derive(Default)]
pub struct Registry {
    by_id: ArcSwap<HashMap<String, Arc<Opened>>>,
    broken: ArcSwap<Vec<Broken>>,
    /// Since when the events of an account wait, by id: an operator paused it.
    paused: ArcSwap<BTreeMap<String, Millis>>,
    /// The accounts that are bound via another one, by its id.
    via: ArcSwap<HashMap<String, Vec<Arc<Opened>>>>,
}

impl Registry {
    pub fn get(&self, id: &str) -> Option<Arc<Opened>> {
        self.by_id.load().get(id).cloned()
    }

    /// The account behind a conversation key. One that names the place goes before one that has all that nobody names.
    pub fn by_platform(&self, channel: &str, platform_id: &str, sub_id: &str) -> Option<Arc<Opened>> {
        let by_id = self.by_id.load();
        let owners = || {
            by_id
                .values()
                .filter(|it| it.describe.channel == channel && it.account.owns(platform_id, sub_id))
        };
        let named = |opened: &&Arc<Opened>| opened.account.claims().iter().any(|(_, claimed)| claimed == sub_id);
        owners().find(named).or_else(|| owners().next()).cloned()
    }

    /// Who reads a callback that came in at `opened`: an account bound via it, where it is that one's.
    pub fn via(&self, opened: &Arc<Opened>, admitted: &Admitted) -> Arc<Opened> {
        let via = self.via.load();
        let bound = via.get(&opened.settings.id).map_or(&[][..], Vec::as_slice);
        let takes = |it: &&Arc<Opened>| it.account.takes(admitted);
        // One of customer service may lend to another of the same company: what neither names is the lender's.
        let own = || Some(opened).filter(takes);
        let unserved = || bound.iter().find(|it| it.account.takes_unserved(admitted));
        let reader = bound.iter().find(takes).or_else(own).or_else(unserved);
        reader.unwrap_or(opened).clone()
    }

    /// The accounts bound via this one.
    pub fn bound_via(&self, id: &str) -> Vec<Arc<Opened>> {
        self.via.load().get(id).cloned().unwrap_or_default()
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

    /// Since when this account is paused.
    pub fn paused(&self, id: &str) -> Option<Millis> {
        self.paused.load().get(id).copied()
    }

    /// All paused accounts, and since when.
    pub fn all_paused(&self) -> BTreeMap<String, Millis> {
        BTreeMap::clone(&self.paused.load())
    }

    pub(crate) fn replace_paused(&self, paused: BTreeMap<String, Millis>) {
        self.paused.store(Arc::new(paused));
    }

    /// Notes that an account is paused, or no more.
    pub(crate) fn note_paused(&self, id: &str, since: Option<Millis>) {
        self.paused.rcu(|paused| {
            let mut paused = BTreeMap::clone(paused);
            match since {
                Some(since) => paused.insert(id.to_owned(), since),
                None => paused.remove(id),
            };
            paused
        });
    }

    pub(crate) fn replace_broken(&self, broken: Vec<Broken>) {
        self.broken.store(Arc::new(broken));
    }

    /// Puts the whole set in place at once.
    pub fn replace(&self, accounts: impl IntoIterator<Item = Arc<Opened>>) {
        let by_id: HashMap<String, Arc<Opened>> = accounts
            .into_iter()
            .map(|opened| (opened.settings.id.clone(), opened))
            .collect();
        let mut via: HashMap<String, Vec<Arc<Opened>>> = HashMap::new();
        for opened in by_id.values().filter(|opened| !opened.settings.via.is_empty()) {
            via.entry(opened.settings.via.clone()).or_default().push(opened.clone());
        }
        self.via.store(Arc::new(via));
        self.by_id.store(Arc::new(by_id));
    }
}

impl Opened {
    /// The conversation with this key is its own.
    pub fn has(&self, key: &str) -> bool {
        Key::parse(key)
            .is_some_and(|key| key.channel == self.describe.channel && self.account.owns(&key.platform_id, &key.sub_id))
    }

    /// The account as the conversations of one of its places show it.
    pub fn at(&self, sub_id: &str) -> Arc<v1::Account> {
        if self.describe.sub_id == sub_id {
            return self.describe.clone();
        }
        Arc::new(v1::Account {
            sub_id: sub_id.to_owned(),
            ..(*self.describe).clone()
        })
    }

    /// Looks at or changes what was observed.
    pub fn observe<T>(&self, look: impl FnOnce(&mut Condition) -> T) -> T {
        look(&mut self.condition.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
