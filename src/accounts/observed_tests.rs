//! Does a restart know what an operator knew before?

use super::*;
use crate::{
    error::Fault,
    web::testing::{House, NOW},
};

async fn load(house: &House, observer: &Arc<Observer>) -> Arc<Observed> {
    let registry = house.state.registry.clone();
    let loaded = Observed::load(house.store.clone(), registry, observer.clone(), house.clock.clone());
    loaded.await.expect("read")
}

fn other_observer(house: &House) -> Arc<Observer> {
    Arc::new(Observer::with_clock(house.clock.clone()))
}

#[tokio::test]
async fn a_restart_knows_what_was_observed_before() {
    let house = House::new().await;
    let opened = house.bind();
    let observer = house.state.observer.clone();
    let before = load(&house, &observer).await;
    opened.observe(|it| {
        it.last_callback = Some(NOW - 5);
        it.old_key_uses = 3;
        it.warnings.insert(Code::TokenTakenElsewhere, "at noon".into());
        it.suspected = Some((NOW, "45047".into()));
        it.heard(false, NOW);
    });
    observer.callback_refused("shop", &Fault::new(Code::BadSignature, "no token fits"));
    observer.callback_refused("", &Fault::new(Code::AccountUnknown, "no account \"shpo\""));
    let seen = opened.observe(|it| it.clone());
    before.flush().await.expect("written");

    let reborn = house.bind();
    let observer = other_observer(&house);
    load(&house, &observer).await;
    assert_eq!(reborn.observe(|it| it.clone()), seen);
    assert_eq!(observer.refusals.of("shop")[0].detail, "no token fits");
    assert_eq!(observer.refusals.of("")[0].count, 1);
    // What comes now counts on.
    observer.callback_refused("shop", &Fault::new(Code::BadSignature, "again"));
    assert_eq!(observer.refusals.of("shop")[0].count, 2);
}

#[tokio::test]
async fn nothing_is_written_twice_and_nothing_stays_of_what_is_gone() {
    let house = House::new().await;
    let opened = house.bind();
    let observer = house.state.observer.clone();
    let observed = load(&house, &observer).await;
    observed.flush().await.expect("written");
    assert!(changes(&observed.written.lock().expect("lock"), &observed.now_standing()).is_empty());
    opened.observe(|it| it.last_callback = Some(NOW));
    assert_eq!(
        changes(&observed.written.lock().expect("lock"), &observed.now_standing()).len(),
        1
    );
    house.state.registry.replace([]);
    observed.flush().await.expect("written");
    assert!(house.store.records(SPACE).await.expect("read").is_empty());
}

#[tokio::test]
async fn what_was_seen_under_other_settings_is_not_believed() {
    let house = House::new().await;
    let opened = house.bind();
    let observer = house.state.observer.clone();
    let before = load(&house, &observer).await;
    opened.observe(|it| {
        it.last_callback = Some(NOW);
        it.old_key_uses = 3;
    });
    before.flush().await.expect("written");
    let settings = AccountSettings {
        app_secret: crate::secret::Secret::new("ffffffffffffffffffffffffffffffff"),
        ..opened.settings.clone()
    };
    let changed = house.bind_as(&settings);
    load(&house, &other_observer(&house)).await;
    assert_eq!(
        changed.observe(|it| (it.last_callback, it.old_key_uses)),
        (Some(NOW), 0)
    );
}

#[tokio::test]
async fn refusals_that_nobody_repeats_are_forgotten() {
    let house = House::new().await;
    let observer = house.state.observer.clone();
    let observed = load(&house, &observer).await;
    observer.callback_refused("", &Fault::new(Code::AccountUnknown, "who"));
    observed.flush().await.expect("written");
    assert_eq!(house.store.records(SPACE).await.expect("read").len(), 1);
    house.clock.set(NOW + REFUSALS_KEPT + 1);
    observed.flush().await.expect("written");
    assert!(observer.refusals.of("").is_empty());
    assert!(house.store.records(SPACE).await.expect("read").is_empty());
}
