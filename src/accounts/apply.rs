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
            let expected = "another account, or none: remove or rebind this one first / 请先移除或改绑该账号";
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

/// Accounts bound via one that is not there, or that is another company's, or of a kind that binds nobody.
fn via_nobody(accounts: &Accounts, named: &BTreeSet<String>) -> Vec<ConfigFault> {
    let bound = accounts
        .iter()
        .filter(|(id, it)| named.contains(*id) && !it.settings.via.is_empty());
    bound
        .filter_map(|(id, it)| {
            let kinds = channels::named(&it.settings.channel).map_or(&[][..], |channel| channel.via());
            let via = accounts.get(&it.settings.via).map(|via| &via.settings);
            let same =
                via.is_some_and(|via| via.corp_id == it.settings.corp_id && kinds.contains(&via.channel.as_str()));
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
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn account(id: &str, token: &str) -> AccountSettings {
        AccountSettings {
            id: id.into(),
            channel: "official_account".into(),
            app_id: format!("wx-{id}"),
            token: Secret::new(token),
            ..AccountSettings::default()
        }
    }

    fn open(settings: &AccountSettings) -> Result<Vec<Claim>, Vec<SettingFault>> {
        if settings.app_id.is_empty() {
            return Err(vec![SettingFault {
                key: "app_id".into(),
                found: "nothing".into(),
                expected: "an appid".into(),
            }]);
        }
        Ok(vec![Claim {
            platform_id: settings.app_id.clone(),
            sub_id: String::new(),
        }])
    }

    fn try_apply(stored: &Accounts, wanted: &[AccountSettings], prune: bool) -> Result<Plan, Vec<ConfigFault>> {
        let claims = stored
            .iter()
            .filter_map(|(id, it)| Some((id.clone(), open(&it.settings).ok()?)));
        let world = World {
            claims: claims.collect(),
            open: &open,
            now: 7,
        };
        plan(stored, wanted.to_vec(), prune, &world)
    }

    fn apply(stored: &Accounts, wanted: &[AccountSettings], prune: bool) -> Plan {
        try_apply(stored, wanted, prune).expect("lawful")
    }

    #[test]
    fn applying_twice_changes_nothing_the_second_time() {
        let wanted = [account("a", "t"), account("b", "t")];
        let first = apply(&Accounts::new(), &wanted, false);
        assert_eq!(first.changes.created, ["a", "b"]);
        let second = apply(&first.accounts, &wanted, false);
        assert!(second.changes.is_empty());
        assert_eq!(second.changes.unchanged, ["a", "b"]);
        assert_eq!(second.accounts, first.accounts);
    }

    #[test]
    fn what_the_file_does_not_name_stays_unless_pruned_and_scanned_accounts_stay_always() {
        let mut stored = apply(&Accounts::new(), &["a", "b", "c"].map(|id| account(id, "t")), false).accounts;
        stored.get_mut("c").expect("there").by_scan = true;
        let kept = apply(&stored, &[account("a", "new")], false);
        assert_eq!(
            (kept.changes.updated.as_slice(), kept.accounts.len()),
            (&["a".to_owned()][..], 3)
        );
        let pruned = apply(&stored, &[account("a", "t")], true);
        assert_eq!(pruned.changes.removed, ["b"]);
        assert_eq!(pruned.accounts.keys().collect::<Vec<_>>(), ["a", "c"]);
    }

    fn via(account: AccountSettings, via: &str) -> AccountSettings {
        AccountSettings {
            via: via.into(),
            ..account
        }
    }

    #[test]
    fn pruning_keeps_what_an_account_that_stays_is_bound_via() {
        let platform = AccountSettings {
            channel: "open_platform".into(),
            ..account("op", "t")
        };
        let application = AccountSettings {
            channel: "wecom_app".into(),
            ..account("app", "t")
        };
        let kf = AccountSettings {
            channel: "wechat_kf".into(),
            ..via(account("kf", ""), "app")
        };
        let file = [
            account("a", "t"),
            platform,
            application,
            kf.clone(),
            via(account("scanned", ""), "op"),
        ];
        let mut stored = apply(&Accounts::new(), &file, false).accounts;
        stored.get_mut("scanned").expect("there").by_scan = true;
        let pruned = apply(&stored, &[account("a", "t")], true);
        assert_eq!(pruned.changes.removed, ["app", "kf"], "nobody is left behind them");
        assert_eq!(pruned.accounts.keys().collect::<Vec<_>>(), ["a", "op", "scanned"]);
        assert_eq!(
            apply(&stored, &[kf], true).changes.removed,
            ["a"],
            "named alone, it keeps its application"
        );
        assert!(lends(&stored, "a").is_empty());
        let told = lends(&stored, "op");
        assert!(
            told.len() == 1 && told[0].to_string().contains("account scanned: via"),
            "{told:?}"
        );
    }

    #[test]
    fn every_fault_is_told_and_nothing_is_applied() {
        let stored = apply(&Accounts::new(), &[account("a", "t")], false).accounts;
        let mut thief = account("b", "t");
        thief.app_id = "wx-a".into();
        let mut empty = account("c", "t");
        empty.app_id = String::new();
        let faults = try_apply(&stored, &[thief, empty.clone(), empty, account("D", "t")], false).expect_err("faults");
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        for part in [
            "account b: app_id: found wx-a; expected one account for it: a claims it too",
            "account c: app_id: found nothing",
            "account c: id: found \"c\" a second time",
            "account D: id: found \"D\"",
        ] {
            assert!(told.iter().any(|fault| fault.contains(part)), "{part} in {told:#?}");
        }
        assert_eq!(told.len(), 4, "{told:#?}");
    }

    #[test]
    fn an_appid_may_move_to_another_id_when_its_account_is_pruned() {
        let stored = apply(&Accounts::new(), &[account("a", "t")], false).accounts;
        let mut heir = account("b", "t");
        heir.app_id = "wx-a".into();
        assert!(try_apply(&stored, std::slice::from_ref(&heir), false).is_err());
        assert_eq!(apply(&stored, &[heir], true).changes.removed, ["a"]);
    }

    #[test]
    fn a_rotation_keeps_the_old_values_and_a_file_that_is_silent_does_not_end_it() {
        let before = account("a", "old");
        let mut running = rotated(&before, Some("new"), None);
        let previous = running.previous.as_mut().expect("kept");
        assert_eq!((previous.token.expose(), previous.grace.as_str()), ("old", "24h"));
        previous.new_seen_at = Some(5);
        let stored = apply(&Accounts::new(), &[running.clone()], false).accounts;

        let silent = apply(&stored, &[account("a", "new")], false);
        assert_eq!(silent.changes.unchanged, ["a"]);
        let mut repeated = account("a", "new");
        repeated.previous = running.previous.clone().map(|previous| Previous {
            new_seen_at: None,
            ..previous
        });
        assert_eq!(apply(&stored, &[repeated], false).changes.unchanged, ["a"]);
        let mut ended = account("a", "new");
        ended.previous = Some(Previous::default());
        let ended = apply(&stored, &[ended], false);
        assert_eq!(ended.changes.updated, ["a"]);
        assert_eq!(ended.accounts["a"].settings.previous, None);
        let other = apply(&stored, &[account("a", "third")], false);
        assert_eq!(other.accounts["a"].settings.previous, None, "the file is the law");
    }

    #[test]
    fn a_file_from_before_a_rotation_does_not_shut_out_what_the_console_has_by_now() {
        let stored = apply(
            &Accounts::new(),
            &[rotated(&account("a", "old"), Some("new"), None)],
            false,
        )
        .accounts;
        let turned = apply(&stored, &[account("a", "old")], false);
        assert_eq!(turned.changes.updated, ["a"]);
        let settings = &turned.accounts["a"].settings;
        let previous = settings.previous.as_ref().expect("both are honoured");
        assert_eq!((settings.token.expose(), previous.token.expose()), ("old", "new"));
        let again = apply(&turned.accounts, &[account("a", "old")], false);
        assert_eq!(again.changes.unchanged, ["a"]);
        assert_eq!(
            apply(&turned.accounts, &[account("a", "new")], false).accounts["a"]
                .settings
                .previous
                .as_ref()
                .expect("and back")
                .token
                .expose(),
            "old"
        );
    }

    #[test]
    fn what_an_authorisation_told_stays_where_the_file_is_silent() {
        let told = AccountSettings {
            original_id: "gh_1".into(),
            ..via(account("a", ""), "op")
        };
        let platform = AccountSettings {
            channel: "open_platform".into(),
            ..account("op", "t")
        };
        let stored = apply(&Accounts::new(), &[platform, told.clone()], false).accounts;
        let silent = AccountSettings {
            original_id: String::new(),
            ..told.clone()
        };
        assert_eq!(
            apply(&stored, std::slice::from_ref(&silent), false).changes.unchanged,
            ["a"]
        );
        // Another account, or another way to it: nothing of the old one is known of it.
        let other = AccountSettings {
            app_id: "wx-other".into(),
            ..silent
        };
        assert_eq!(apply(&stored, &[other], false).accounts["a"].settings.original_id, "");
        assert_eq!(
            apply(&stored, &[account("a", "t")], false).accounts["a"]
                .settings
                .original_id,
            ""
        );
    }

    #[test]
    fn a_rotation_that_is_corrected_before_it_was_used_keeps_what_the_platform_has() {
        let before = account("a", "old");
        let typo = rotated(&before, Some("typo"), None);
        let corrected = rotated(&typo, Some("new"), None);
        let token = |settings: &AccountSettings| settings.previous.as_ref().map(|it| it.token.expose().to_owned());
        assert_eq!(token(&corrected).as_deref(), Some("old"));
        assert_eq!(rotated(&corrected, Some("old"), None), before, "taken back");
        let mut used = typo;
        if let Some(previous) = &mut used.previous {
            previous.new_seen_at = Some(5);
        }
        assert_eq!(token(&rotated(&used, Some("new"), None)).as_deref(), Some("typo"));
    }

    #[test]
    fn rotating_to_the_same_values_is_no_rotation() {
        let before = account("a", "same");
        assert_eq!(rotated(&before, Some(" same "), None), before);
    }
}
