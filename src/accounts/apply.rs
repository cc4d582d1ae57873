//! What would change if these accounts were applied, and what speaks against it? Pure: nothing is stored or opened here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    channels::{self, contract::SettingFault},
    config::{
        ConfigFault,
        accounts_file::{ID, fault_of},
    },
    ports::clock::Millis,
    settings::{AccountSettings, Previous, is_id},
};

/// How long the values before a rotation are honoured when nobody says otherwise.
pub const GRACE: &str = "24h";
/// How faults name a set of accounts whose file is not known any more.
const ORIGIN: &str = "accounts";

/// One account as it rests in the store, sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    pub settings: AccountSettings,
    pub bound_at: Millis,
    /// Bound by scanning a code: no file names it, so no pruning removes it.
    #[serde(default)]
    pub by_scan: bool,
}

/// The accounts by id.
pub type Accounts = BTreeMap<String, Bound>;

/// What applying did, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub created: Vec<String>,
    pub updated: Vec<String>,
    pub unchanged: Vec<String>,
    pub removed: Vec<String>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }
}

/// The appid, or the corp with its agent or kf account: what only one account may claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub platform_id: String,
    pub sub_id: String,
}

/// The set as it will be, and how it differs.
#[derive(Debug, PartialEq)]
pub struct Plan {
    pub accounts: Accounts,
    pub changes: Changes,
}

/// What an account claims, or every fault of its settings.
pub type Open = dyn Fn(&AccountSettings) -> Result<Vec<Claim>, Vec<SettingFault>> + Sync;

/// What the plan needs to know of the world.
pub struct World<'a> {
    /// What the stored accounts claim; one that does not open claims nothing.
    pub claims: BTreeMap<String, Vec<Claim>>,
    pub open: &'a Open,
    pub now: Millis,
}

/// Plans to make `stored` what `wanted` says. Accounts that it does not name stay, unless `prune`.
pub fn plan(
    stored: &Accounts,
    wanted: Vec<AccountSettings>,
    prune: bool,
    world: &World<'_>,
) -> Result<Plan, Vec<ConfigFault>> {
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    let mut claims = world.claims.clone();
    let mut accounts = stored.clone();
    let mut changes = Changes::default();
    for mut settings in wanted {
        let id = settings.id.clone();
        if !is_id(&id) {
            faults.push(fault(&id, "id", format!("{id:?}"), ID));
            continue;
        }
        if !named.insert(id.clone()) {
            faults.push(fault(
                &id,
                "id",
                format!("{id:?} a second time"),
                "an id that no other has",
            ));
            continue;
        }
        let before = stored.get(&id);
        keep_grace(before.map(|bound| &bound.settings), &mut settings);
        keep_learnt(before.map(|bound| &bound.settings), &mut settings);
        match (world.open)(&settings) {
            Ok(claimed) => {
                claims.insert(id.clone(), claimed);
            }
            Err(of_channel) => faults.extend(of_channel.iter().map(|fault| fault_of(ORIGIN, &id, fault))),
        }
        match before {
            Some(before) if before.settings == settings => changes.unchanged.push(id),
            Some(before) => {
                let bound = Bound {
                    settings,
                    ..before.clone()
                };
                accounts.insert(id.clone(), bound);
                changes.updated.push(id);
            }
            None => {
                let bound = Bound {
                    settings,
                    bound_at: world.now,
                    by_scan: false,
                };
                accounts.insert(id.clone(), bound);
                changes.created.push(id);
            }
        }
    }
    if prune {
        changes.removed = unnamed(&accounts, &named);
        for id in &changes.removed {
            accounts.remove(id);
            claims.remove(id);
        }
    }
    faults.extend(claimed_twice(&claims, &named));
    faults.extend(via_nobody(&accounts, &named));
    if faults.is_empty() {
        Ok(Plan { accounts, changes })
    } else {
        Err(faults)
    }
}

/// What pruning removes: what is neither named nor bound by a scan, and what nothing that stays is bound via.
fn unnamed(accounts: &Accounts, named: &BTreeSet<String>) -> Vec<String> {
    let stays = |id: &String, bound: &Bound| bound.by_scan || named.contains(id);
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    for (_, bound) in accounts.iter().filter(|(id, bound)| stays(id, bound)) {
        kept.insert(&bound.settings.via);
    }
    let gone = accounts
        .iter()
        .filter(|(id, bound)| !stays(id, bound) && !kept.contains(id.as_str()));
    gone.map(|(id, _)| id.clone()).collect()
}

/// Why this account cannot go: the accounts that are bound via it.
pub fn lends(accounts: &Accounts, id: &str) -> Vec<ConfigFault> {
    let bound = accounts.iter().filter(|(_, it)| it.settings.via == id);
    bound
        .map(|(other, _)| {
            let expected = "another account, or none: remove or rebind this one first";
            fault(other, "via", id, expected)
        })
        .collect()
}

/// The settings of `before` with new callback values, the old ones honoured for a while.
pub fn rotated(before: &AccountSettings, token: Option<&str>, encoding_aes_key: Option<&str>) -> AccountSettings {
    let mut settings = before.clone();
    if let Some(token) = token {
        settings.token = crate::secret::Secret::new(token.trim());
    }
    if let Some(key) = encoding_aes_key {
        settings.encoding_aes_key = crate::secret::Secret::new(key.trim());
    }
    if same_values(&settings, before) {
        return settings;
    }
    // Values that nobody has used yet are no side of a rotation: the platform still has those before them.
    let kept = before.previous.as_ref().filter(|it| it.new_seen_at.is_none());
    let previous = kept.cloned().unwrap_or_else(|| replaced(before));
    let taken_back = previous.token == settings.token && previous.encoding_aes_key == settings.encoding_aes_key;
    settings.previous = (!taken_back).then_some(previous);
    settings
}

fn same_values(one: &AccountSettings, other: &AccountSettings) -> bool {
    one.token == other.token && one.encoding_aes_key == other.encoding_aes_key
}

/// A file that says nothing about `previous` does not end a rotation that runs, and what we noted about one stays. One that is
/// older than a rotation turns it round: the platform may have either pair, so both are honoured. A file with yet other values
/// and without `previous` drops the old values at once; `previous = {}` ends a rotation by hand.
fn keep_grace(before: Option<&AccountSettings>, settings: &mut AccountSettings) {
    if settings.previous.is_none()
        && let Some(before) = before.filter(|before| is_older(settings, before))
    {
        settings.previous = Some(replaced(before));
        return;
    }
    let running = before
        .filter(|before| same_values(before, settings))
        .and_then(|before| before.previous.as_ref());
    match (&mut settings.previous, running) {
        (None, Some(running)) => settings.previous = Some(running.clone()),
        (Some(given), _) if given.token.is_empty() && given.encoding_aes_key.is_empty() => settings.previous = None,
        (Some(given), Some(running))
            if given.token == running.token && given.encoding_aes_key == running.encoding_aes_key =>
        {
            given.new_seen_at = running.new_seen_at;
        }
        _ => {}
    }
}

/// The values that a rotation of `before` replaced.
fn is_older(settings: &AccountSettings, before: &AccountSettings) -> bool {
    let replaced = before.previous.as_ref();
    !same_values(settings, before)
        && replaced.is_some_and(|it| it.token == settings.token && it.encoding_aes_key == settings.encoding_aes_key)
}

/// The values of `before` as those that others replace now.
fn replaced(before: &AccountSettings) -> Previous {
    Previous {
        token: before.token.clone(),
        encoding_aes_key: before.encoding_aes_key.clone(),
        grace: GRACE.into(),
        new_seen_at: None,
    }
}

/// What an authorisation told of the account stays where the file leaves it out.
fn keep_learnt(before: Option<&AccountSettings>, settings: &mut AccountSettings) {
    let same = |before: &&AccountSettings| {
        !settings.via.is_empty() && before.via == settings.via && before.app_id == settings.app_id
    };
    if let Some(before) = before.filter(same)
        && settings.original_id.is_empty()
    {
        settings.original_id.clone_from(&before.original_id);
    }
}

/// Accounts bound via one that is not there, that borrows itself, is another company's, or of a kind that binds nobody.
fn via_nobody(accounts: &Accounts, named: &BTreeSet<String>) -> Vec<ConfigFault> {
    let bound = accounts
        .iter()
        .filter(|(id, it)| named.contains(*id) && !it.settings.via.is_empty());
    bound
        .filter_map(|(id, it)| {
            let kinds = channels::named(&it.settings.channel).map_or(&[][..], |channel| channel.via());
            let via = accounts.get(&it.settings.via).map(|via| &via.settings);
            // One that borrows itself has nothing to lend; and two that are bound via each other could never be removed.
            let same = via.is_some_and(|via| {
                via.corp_id == it.settings.corp_id && kinds.contains(&via.channel.as_str()) && via.via.is_empty()
            });
            let company = if it.settings.corp_id.is_empty() {
                ""
            } else {
                " of the same corp_id"
            };
            let expected = format!("the id of a bound {} account{company}", kinds.join(" or "));
            (!same).then(|| fault(id, "via", &it.settings.via, expected))
        })
        .collect()
}

/// The settings with what an account bound via another one borrows there: the secret its tokens come from, and where the
/// platform is.
pub fn lent(settings: &AccountSettings, accounts: &Accounts) -> AccountSettings {
    let mut settings = settings.clone();
    if let Some(via) = accounts.get(&settings.via).filter(|_| !settings.via.is_empty()) {
        let via = &via.settings;
        if settings.secret.is_empty() {
            settings.secret = via.secret.clone();
        }
        if settings.api_base.is_empty() {
            settings.api_base.clone_from(&via.api_base);
        }
    }
    settings
}

fn claimed_twice(claims: &BTreeMap<String, Vec<Claim>>, named: &BTreeSet<String>) -> Vec<ConfigFault> {
    let mut holders: BTreeMap<&Claim, Vec<&String>> = BTreeMap::new();
    for (id, claimed) in claims {
        for claim in claimed {
            holders.entry(claim).or_default().push(id);
        }
    }
    holders
        .into_iter()
        .filter(|(_, ids)| ids.len() > 1)
        .filter_map(|(claim, ids)| {
            let told = ids.iter().copied().find(|id| named.contains(*id))?;
            let others: Vec<_> = ids.iter().filter(|id| **id != told).map(|id| id.as_str()).collect();
            let what = format!("{} {}", claim.platform_id, claim.sub_id);
            let expected = format!("one account for it: {} claims it too", others.join(", "));
            // Where an account is a place within its platform, the place is what is doubled.
            let key = if claim.sub_id.is_empty() { "app_id" } else { "agent_id" };
            Some(fault(told, key, what.trim_end(), expected))
        })
        .collect()
}

fn fault(id: &str, key: &str, found: impl Into<String>, expected: impl Into<String>) -> ConfigFault {
    let fault = SettingFault {
        key: key.into(),
        found: found.into(),
        expected: expected.into(),
    };
    fault_of(ORIGIN, id, &fault)
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
