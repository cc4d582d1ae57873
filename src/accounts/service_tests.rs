use std::path::Path;

use super::*;
use crate::{
    ports::{chance::SystemChance, clock::ManualClock},
    secret::Secret,
    settings::Previous,
    web::testing::FakeStore,
};

const A: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const B: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn account(id: &str) -> AccountSettings {
    AccountSettings {
        id: id.into(),
        channel: "official_account".into(),
        app_id: format!("wx{:0>16}", id.len()),
        app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
        token: Secret::new("hushtoken"),
        encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
        ..AccountSettings::default()
    }
}

struct House {
    store: Arc<FakeStore>,
    clock: ManualClock,
    registry: Arc<Registry>,
}

impl House {
    fn new() -> Self {
        Self {
            store: Arc::default(),
            clock: ManualClock::at(1000),
            registry: Arc::default(),
        }
    }

    async fn start(&mut self, keys: &str) -> Result<Service, AccountsError> {
        self.registry = Arc::default();
        let vault = Vault::from_text(Path::new("ring"), &Secret::new(keys), SystemChance::default());
        let vault = Arc::new(vault.expect("a key ring"));
        Service::load(
            self.store.clone(),
            vault,
            self.registry.clone(),
            Arc::new(self.clock.clone()),
        )
        .await
    }

    async fn sealed(&self) -> Vec<Vec<u8>> {
        let records = self.store.records(SPACE).await.expect("read");
        records.into_iter().map(|record| record.value).collect()
    }
}

#[tokio::test]
async fn accounts_rest_sealed_and_are_open_again_after_a_restart() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    let changes = service
        .apply(vec![account("a"), account("bb")], false)
        .await
        .expect("lawful");
    assert_eq!(changes.created, ["a", "bb"]);
    for sealed in house.sealed().await {
        assert!(!String::from_utf8_lossy(&sealed).contains("hushtoken"));
    }
    let service = house.start(A).await.expect("again");
    let opened = house.registry.get("a").expect("open");
    assert_eq!(opened.settings, account("a"));
    assert_eq!(opened.observe(|condition| condition.bound_at), Some(1000));
    let again = service.apply(vec![account("a")], false).await.expect("lawful");
    assert_eq!(again.unchanged, ["a"]);
    assert!(
        Arc::ptr_eq(&opened, &house.registry.get("a").expect("open")),
        "the same object"
    );
}

#[tokio::test]
async fn one_fault_keeps_all_of_it_from_happening() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    let mut bad = account("bb");
    bad.encoding_aes_key = Secret::new("short");
    let mut later = account("ccc");
    later.channel = "wecom_bot".into();
    let error = service
        .apply(vec![account("a"), bad, later], false)
        .await
        .expect_err("faults");
    let told: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
    assert!(
        told.iter()
            .any(|fault| fault.contains("account bb: encoding_aes_key: found ***")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|fault| fault.contains("channel not available in this version")),
        "{told:?}"
    );
    assert!(house.registry.all().is_empty() && house.sealed().await.is_empty());
}

#[tokio::test]
async fn a_lost_key_is_told_and_another_one_seals_everything_anew() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    service.apply(vec![account("a")], false).await.expect("lawful");
    let lost = house
        .start(B)
        .await
        .err()
        .map(|error| error.to_string())
        .expect("the key is not there");
    assert!(
        lost.contains("account a: sealed with key") && lost.contains("not in the key ring"),
        "{lost}"
    );
    house.start(&format!("{A}\n{B}")).await.expect("both are there");
    house.start(B).await.expect("sealed anew with the newer one");
}

#[tokio::test]
async fn a_rotation_is_durable_and_its_first_use_is_noted_once() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    service.apply(vec![account("a")], false).await.expect("lawful");
    house
        .registry
        .get("a")
        .expect("open")
        .observe(|condition| condition.last_callback = Some(7));
    service.rotate("a", Some("newtoken"), None).await.expect("rotated");
    house.clock.set(2000);
    service.note_new_key_seen("a").await.expect("noted");
    house.clock.set(3000);
    service.note_new_key_seen("a").await.expect("no more");
    service.note_new_key_seen("nobody").await.expect("nothing to note");
    let opened = house.registry.get("a").expect("open");
    assert_eq!(
        opened.observe(|condition| condition.last_callback),
        Some(7),
        "what was observed stays"
    );
    house.start(A).await.expect("again");
    let settings = house.registry.get("a").expect("open").settings.clone();
    assert_eq!(settings.token.expose(), "newtoken");
    let previous = settings.previous.expect("honoured for a while");
    assert_eq!(
        (previous.token.expose(), previous.new_seen_at),
        ("hushtoken", Some(2000))
    );
    let unknown = service.rotate("nobody", Some("newtoken"), None).await;
    assert!(matches!(unknown, Err(AccountsError::Unknown(_))));
}

#[tokio::test]
async fn an_account_that_no_longer_opens_stays_listed_with_its_faults() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    service.apply(vec![account("a")], false).await.expect("lawful");
    let mut bound = Bound {
        settings: account("old"),
        bound_at: 5,
        by_scan: false,
    };
    bound.settings.encoding_aes_key = Secret::new("short");
    let vault = Vault::from_text(Path::new("ring"), &Secret::new(A), SystemChance::default()).expect("a key ring");
    let write = put(&vault, "old", &bound).expect("sealed");
    house.store.write_records(vec![write]).await.expect("written");
    let service = house.start(A).await.expect("the others run");
    assert_eq!(house.registry.all().len(), 1);
    let broken = house.registry.broken();
    assert_eq!(
        (broken[0].settings.id.as_str(), broken[0].faults[0].key.as_str()),
        ("old", "encoding_aes_key")
    );
    let key = account("old").encoding_aes_key;
    let mend = |before: &AccountSettings| {
        Ok(AccountSettings {
            encoding_aes_key: key,
            ..before.clone()
        })
    };
    assert_eq!(service.change("old", mend).await.expect("mended").updated, ["old"]);
    let mended = house.registry.get("old").expect("opens");
    assert!(house.registry.broken().is_empty() && mended.settings == account("old"));
    let same = service.change("old", |before| Ok(before.clone())).await;
    assert!(same.expect("lawful").is_empty());
    let unknown = service.change("nobody", |before| Ok(before.clone())).await;
    assert!(matches!(unknown, Err(AccountsError::Unknown(_))));
}

#[tokio::test]
async fn a_removed_account_is_gone_and_its_appid_free() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    service.apply(vec![account("a")], false).await.expect("lawful");
    let mut heir = account("b");
    heir.previous = Some(Previous::default());
    assert!(
        service.apply(vec![heir.clone()], false).await.is_err(),
        "the same appid"
    );
    assert_eq!(service.remove("a").await.expect("there").removed, ["a"]);
    assert!(house.registry.get("a").is_none() && house.sealed().await.is_empty());
    assert!(matches!(service.remove("a").await, Err(AccountsError::Unknown(_))));
    service.apply(vec![heir], false).await.expect("free again");
}

#[tokio::test]
async fn an_account_that_others_are_bound_via_goes_after_them() {
    let mut house = House::new();
    let service = house.start(A).await.expect("empty");
    let platform = AccountSettings {
        channel: "open_platform".into(),
        ..account("op")
    };
    let shop = AccountSettings {
        id: "shop".into(),
        channel: "official_account".into(),
        app_id: "wxshop".into(),
        via: "op".into(),
        ..AccountSettings::default()
    };
    service.apply(vec![platform, shop], false).await.expect("lawful");
    let refused = service.remove("op").await.expect_err("the shop would be mute");
    assert!(refused.to_string().contains("account shop: via: found op"), "{refused}");
    assert!(house.registry.get("op").is_some());
    service.remove("shop").await.expect("there");
    assert_eq!(service.remove("op").await.expect("nobody is left").removed, ["op"]);
}

#[test]
fn changes_can_be_made_from_any_task() {
    fn sendable<T: Send>(_: &T) {}
    fn look(service: &Service) {
        sendable(&service.apply(Vec::new(), false));
        sendable(&service.note_new_key_seen("a"));
    }
    let _ = look;
}
