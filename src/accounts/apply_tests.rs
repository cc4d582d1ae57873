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
            expected: "an AppID: letters, digits, '_' and '-'".into(),
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
fn an_account_borrows_from_one_that_stands_on_its_own() {
    let kf = |id: &str, lender: &str| AccountSettings {
        channel: "wechat_kf".into(),
        app_id: String::new(),
        corp_id: format!("ww-{id}"),
        ..via(account(id, ""), lender)
    };
    let same_company = |mut settings: AccountSettings| {
        settings.corp_id = "ww1".into();
        settings.app_id = format!("kf-{}", settings.id);
        settings
    };
    let faults_of = |wanted: &[AccountSettings]| {
        try_apply(&Accounts::new(), wanted, false)
            .err()
            .unwrap_or_default()
            .len()
    };
    assert_eq!(faults_of(&[same_company(kf("k", "k"))]), 1, "itself");
    assert_eq!(
        faults_of(&[same_company(kf("a", "b")), same_company(kf("b", "a"))]),
        2,
        "each other"
    );
    assert_eq!(
        faults_of(&[same_company(kf("own", "")), same_company(kf("more", "own"))]),
        0
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
