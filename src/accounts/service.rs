//! How do accounts come, change and go? Through one service, which keeps the sealed records, the registry and the channels'
//! opinion of each account in step.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Broken, Condition, Opened, Registry,
    apply::{Accounts, Bound, Changes, Claim, Plan, World, lends, lent, plan, rotated},
};
use crate::{
    channels::{self, contract::SettingFault},
    config::{ConfigFault, ConfigFaults},
    ports::{
        clock::{Clock, Millis},
        store::{PAUSED, RecordWrite, Store, StoreError},
    },
    settings::{AccountSettings, Passthrough},
    vault::{Vault, VaultError},
};

/// Where accounts rest in the store.
const SPACE: &str = "accounts";

#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("{0}")]
    Faults(ConfigFaults),
    #[error("account {id}: {error}")]
    Vault { id: String, error: VaultError },
    #[error("account {id}: the stored record cannot be read: {error}")]
    Unreadable { id: String, error: serde_json::Error },
    #[error("no account {0}")]
    Unknown(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The accounts of the running daemon.
pub struct Service {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    /// What the store holds; also the gate that lets one change at a time through.
    stored: Arc<Mutex<Accounts>>,
}

impl Service {
    /// Reads the stored accounts and opens each into `registry`. Records sealed with an older key are sealed anew.
    pub async fn load(
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AccountsError> {
        let mut accounts = Accounts::new();
        let mut anew = Vec::new();
        for record in store.records(SPACE).await? {
            let bound = unseal(&vault, &record.key, &record.value)?;
            if vault.is_stale(&record.value) {
                anew.push(put(&vault, &record.key, &bound)?);
            }
            accounts.insert(record.key, bound);
        }
        if !anew.is_empty() {
            store.write_records(anew).await?;
        }
        publish(&registry, &accounts);
        let mut paused = paused(&*store).await?;
        // Removed, and the pause was not lifted before the end: an account of that name that comes later is another one.
        for (id, _) in paused.extract_if(.., |id, _| !accounts.contains_key(id)) {
            store.pause(&id, None).await?;
        }
        registry.replace_paused(paused);
        Ok(Self {
            store,
            vault,
            registry,
            clock,
            stored: Arc::new(Mutex::new(accounts)),
        })
    }

    /// Makes the accounts what `wanted` says: all of it, or nothing and every fault.
    pub async fn apply(&self, wanted: Vec<AccountSettings>, prune: bool) -> Result<Changes, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        self.apply_to(stored, wanted, prune).await
    }

    /// An account that was bound by a scan: made, or kept under its id with what the scan tells of it.
    pub async fn bind(&self, scanned: AccountSettings) -> Result<Changes, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        let id = scanned.id.clone();
        let wanted = match stored.get(&id) {
            Some(before) => AccountSettings {
                channel: scanned.channel,
                app_id: scanned.app_id,
                original_id: scanned.original_id,
                via: scanned.via,
                ..before.settings.clone()
            },
            None => scanned,
        };
        let mut plan = self.plan(&stored, vec![wanted], false)?;
        if plan.changes.created.contains(&id)
            && let Some(bound) = plan.accounts.get_mut(&id)
        {
            bound.by_scan = true;
        }
        self.commit(stored, plan).await
    }

    /// Forgets one account. Its conversations and events stay. One that others are bound via cannot go before them.
    pub async fn remove(&self, id: &str) -> Result<Changes, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        let mut accounts = stored.clone();
        accounts
            .remove(id)
            .ok_or_else(|| AccountsError::Unknown(id.to_owned()))?;
        let bound_via_it = lends(&accounts, id);
        if !bound_via_it.is_empty() {
            return Err(AccountsError::Faults(ConfigFaults(bound_via_it)));
        }
        let changes = Changes {
            removed: vec![id.to_owned()],
            ..Changes::default()
        };
        self.commit(stored, Plan { accounts, changes }).await
    }

    /// Lets the events of one account wait, or gives them to their cores again from now on; what waited when it was paused is
    /// the caller's to move. `false`: it was so before.
    pub async fn pause(&self, id: &str, pause: bool) -> Result<bool, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        if !stored.contains_key(id) {
            return Err(AccountsError::Unknown(id.to_owned()));
        }
        if self.registry.paused(id).is_some() == pause {
            return Ok(false);
        }
        let since = pause.then(|| self.clock.now());
        let (store, registry, id) = (self.store.clone(), self.registry.clone(), id.to_owned());
        // In a task of its own, like every change: who asked may hang up between the two.
        let work = tokio::spawn(async move {
            store.pause(&id, since).await?;
            registry.note_paused(&id, since);
            drop(stored);
            Ok(true)
        });
        work.await
            .unwrap_or_else(|error| Err(StoreError::Broken(format!("pausing ended early: {error}")).into()))
    }

    /// Gives one account new callback values; the old ones are honoured for a while after the new ones are seen in use.
    pub async fn rotate(
        &self,
        id: &str,
        token: Option<&str>,
        encoding_aes_key: Option<&str>,
    ) -> Result<Changes, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        let bound = stored.get(id).ok_or_else(|| AccountsError::Unknown(id.to_owned()))?;
        let wanted = rotated(&bound.settings, token, encoding_aes_key);
        self.apply_to(stored, vec![wanted], false).await
    }

    /// The values after a rotation arrived for the first time: from now on the grace runs. Durable, and only the first time.
    pub async fn note_new_key_seen(&self, id: &str) -> Result<(), AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        let mut accounts = stored.clone();
        let running = accounts.get_mut(id).and_then(|bound| bound.settings.previous.as_mut());
        let Some(previous) = running.filter(|previous| previous.new_seen_at.is_none()) else {
            return Ok(());
        };
        previous.new_seen_at = Some(self.clock.now());
        let changes = Changes {
            updated: vec![id.to_owned()],
            ..Changes::default()
        };
        self.commit(stored, Plan { accounts, changes }).await.map(|_| ())
    }

    /// Gives one account the settings that `edit` makes of those it has.
    pub async fn change(
        &self,
        id: &str,
        edit: impl FnOnce(&AccountSettings) -> Result<AccountSettings, ConfigFaults>,
    ) -> Result<Changes, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        let bound = stored.get(id).ok_or_else(|| AccountsError::Unknown(id.to_owned()))?;
        let wanted = edit(&bound.settings).map_err(AccountsError::Faults)?;
        self.apply_to(stored, vec![wanted], false).await
    }

    /// Hands one account's callbacks to the system before us too, or no longer.
    pub async fn pass(&self, id: &str, passthrough: Option<Passthrough>) -> Result<Changes, AccountsError> {
        let stored = self.stored.clone().lock_owned().await;
        let bound = stored.get(id).ok_or_else(|| AccountsError::Unknown(id.to_owned()))?;
        let wanted = AccountSettings {
            passthrough,
            ..bound.settings.clone()
        };
        self.apply_to(stored, vec![wanted], false).await
    }

    async fn apply_to(
        &self,
        stored: OwnedMutexGuard<Accounts>,
        wanted: Vec<AccountSettings>,
        prune: bool,
    ) -> Result<Changes, AccountsError> {
        let plan = self.plan(&stored, wanted, prune)?;
        self.commit(stored, plan).await
    }

    fn plan(&self, stored: &Accounts, wanted: Vec<AccountSettings>, prune: bool) -> Result<Plan, AccountsError> {
        let world = World {
            claims: self.claims(),
            open: &|settings| open(settings).map(|account| claims(&*account)),
            now: self.clock.now(),
        };
        plan(stored, wanted, prune, &world).map_err(|faults| AccountsError::Faults(ConfigFaults(faults)))
    }

    fn claims(&self) -> BTreeMap<String, Vec<Claim>> {
        self.registry
            .all()
            .iter()
            .map(|opened| (opened.settings.id.clone(), claims(&*opened.account)))
            .collect()
    }

    /// Durable first, visible after. In a task of its own: who asked may hang up between the two.
    async fn commit(&self, mut stored: OwnedMutexGuard<Accounts>, plan: Plan) -> Result<Changes, AccountsError> {
        let Plan { accounts, changes } = plan;
        if changes.is_empty() {
            return Ok(changes);
        }
        let mut writes = Vec::new();
        for id in changes.created.iter().chain(&changes.updated) {
            if let Some(bound) = accounts.get(id) {
                writes.push(put(&self.vault, id, bound)?);
            }
        }
        writes.extend(changes.removed.iter().map(|id| RecordWrite::Delete {
            space: SPACE,
            key: id.clone(),
        }));
        let (store, registry) = (self.store.clone(), self.registry.clone());
        let work = tokio::spawn(async move {
            store.write_records(writes).await?;
            publish(&registry, &accounts);
            *stored = accounts;
            // An account of that name that comes later is another one.
            for id in changes.removed.iter().filter(|id| registry.paused(id).is_some()) {
                store.pause(id, None).await?;
                registry.note_paused(id, None);
            }
            Ok(changes)
        });
        work.await
            .unwrap_or_else(|error| Err(StoreError::Broken(format!("applying accounts ended early: {error}")).into()))
    }
}

/// The paused accounts, and since when.
async fn paused(store: &dyn Store) -> Result<BTreeMap<String, Millis>, StoreError> {
    let records = store.records(PAUSED).await?.into_iter();
    let since = |value: &[u8]| std::str::from_utf8(value).ok()?.parse().ok();
    Ok(records
        .map(|record| {
            let since = since(&record.value).unwrap_or_default();
            (record.key, since)
        })
        .collect())
}

fn put(vault: &Vault, id: &str, bound: &Bound) -> Result<RecordWrite, AccountsError> {
    let text = serde_json::to_vec(bound).map(zeroize::Zeroizing::new);
    let text = text.map_err(|error| AccountsError::Unreadable {
        id: id.to_owned(),
        error,
    })?;
    let value = vault.seal(SPACE, id, &text).map_err(|error| AccountsError::Vault {
        id: id.to_owned(),
        error,
    })?;
    Ok(RecordWrite::Put {
        space: SPACE,
        key: id.to_owned(),
        value,
    })
}

fn unseal(vault: &Vault, id: &str, sealed: &[u8]) -> Result<Bound, AccountsError> {
    let text = vault.unseal(SPACE, id, sealed).map_err(|error| AccountsError::Vault {
        id: id.to_owned(),
        error,
    })?;
    serde_json::from_slice(&text).map_err(|error| AccountsError::Unreadable {
        id: id.to_owned(),
        error,
    })
}

/// Opens an account with the channel that it names.
pub fn open(settings: &AccountSettings) -> Result<Arc<dyn channels::contract::Account>, Vec<SettingFault>> {
    match channels::named(&settings.channel) {
        Some(channel) => channel.open(settings),
        None => {
            let known: Vec<_> = channels::all().map(|channel| channel.card().name).collect();
            Err(vec![SettingFault {
                key: "channel".into(),
                found: format!("{:?}, a channel not available in this version", settings.channel),
                expected: format!("one of: {}", known.join(", ")),
            }])
        }
    }
}

/// Everything that the channel has against these settings.
pub fn faults_of(settings: &AccountSettings) -> Vec<SettingFault> {
    open(settings).err().unwrap_or_default()
}

fn claims(account: &dyn channels::contract::Account) -> Vec<Claim> {
    let claimed = account.claims().into_iter();
    claimed
        .map(|(platform_id, sub_id)| Claim { platform_id, sub_id })
        .collect()
}

/// Puts the accounts in place. One whose settings did not change stays the same object, with all that was observed of it.
fn publish(registry: &Registry, accounts: &Accounts) {
    let mut opened = Vec::with_capacity(accounts.len());
    let mut broken = Vec::new();
    for (id, bound) in accounts {
        let before = registry.get(id);
        let settings = lent(&bound.settings, accounts);
        match before {
            Some(before) if before.settings == settings => opened.push(before),
            before => match open(&settings) {
                Ok(account) => opened.push(Arc::new(Opened {
                    describe: Arc::new(account.describe().clone()),
                    account,
                    condition: std::sync::Mutex::new(condition(before.as_deref(), bound, &settings)),
                    settings,
                })),
                Err(faults) => broken.push(Broken {
                    settings: bound.settings.clone(),
                    faults,
                    bound_at: bound.bound_at,
                }),
            },
        }
    }
    registry.replace(opened);
    registry.replace_broken(broken);
}

/// What was observed under the settings before, as far as it still says something: what the platform refused was refused to
/// the old credentials, so new ones start believed.
fn condition(before: Option<&Opened>, bound: &Bound, new: &AccountSettings) -> Condition {
    let fresh = Condition {
        bound_at: Some(bound.bound_at),
        ..Condition::default()
    };
    let Some(before) = before else { return fresh };
    let observed = before.observe(|condition| condition.clone());
    let old = &before.settings;
    let same_api = old.app_id == new.app_id && old.app_secret == new.app_secret && old.secret == new.secret;
    let same_keys = old.token == new.token && old.encoding_aes_key == new.encoding_aes_key;
    let all_same = same_api && same_keys && old.api_base == new.api_base;
    Condition {
        api_shut: observed.api_shut.filter(|_| same_api),
        reopened: observed.reopened.filter(|_| same_api),
        json: observed.json,
        warnings: if all_same { observed.warnings } else { fresh.warnings },
        last_callback: observed.last_callback,
        old_key_uses: if same_keys { observed.old_key_uses } else { 0 },
        bound_at: fresh.bound_at,
        unheard: observed.unheard,
        suspected: observed.suspected,
        permission_sets: observed.permission_sets,
    }
}

impl AccountsError {
    /// Every fault of what was handed in; empty where something else went wrong.
    pub fn faults(&self) -> &[ConfigFault] {
        match self {
            AccountsError::Faults(faults) => &faults.0,
            _ => &[],
        }
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
