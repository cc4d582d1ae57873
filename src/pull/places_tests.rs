//! Are places that come, go and come again pulled from where they stood, and do the numbers tell it?

use std::time::Duration;

use serde_json::json;

use super::testing::{CUSTOMER, House, KF, Kept, bell, house, many, settings, text};
use crate::{ports::pull::Bells as _, settings::AccountSettings};

#[tokio::test]
async fn the_numbers_tell_pages_items_and_who_waits_and_name_no_customer() {
    let (house, _dir) = house(settings(), many(250)).await;
    house.settle().await;
    house.platform.with(|kept| kept.waiting.insert(KF.into(), many(251)));
    house.pull.ring("kf", bell()).await.expect("durable");
    // The token is not honoured, and then the platform has enough of us for a while.
    house.platform.with(|kept| kept.refuse = vec![95007, 45009]);
    house.settle().await;
    house.clock.advance(Duration::from_secs(61));
    house.settle().await;
    let shown = house.observer.metrics.render();
    for line in [
        "wxbridge_pulls_total{channel=\"wechat_kf\",result=\"committed\"} 4",
        "wxbridge_pulls_total{channel=\"wechat_kf\",result=\"token\"} 1",
        "wxbridge_pulls_total{channel=\"wechat_kf\",result=\"too_often\"} 1",
        "wxbridge_pull_items_total{by=\"sweep\",channel=\"wechat_kf\"} 250",
        "wxbridge_pull_items_total{by=\"bell\",channel=\"wechat_kf\"} 1",
        "wxbridge_pull_seconds_count 4",
        "wxbridge_pulls_waiting 0",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line} is not in\n{shown}");
    }
    assert!(!shown.contains(CUSTOMER) && !shown.contains(KF), "{shown}");
}

#[tokio::test]
async fn a_change_of_the_accounts_that_we_may_pull_is_looked_up_at_once() {
    let (house, _dir) = house(settings(), many(1)).await;
    house.settle().await;
    house.platform.with(|kept| {
        let mut item = text("n1", "at the new place", 1_000);
        item["open_kfid"] = "wk2".into();
        kept.waiting.insert("wk2".into(), vec![item]);
    });
    house.settle().await;
    assert_eq!(house.words().await.len(), 1, "nobody said anything yet");
    house.pull.changed("kf");
    house.settle().await;
    assert_eq!(house.words().await, ["word 0", "at the new place"]);
    // What was taken away is asked no more, not even by the sweep.
    house.platform.with(|kept| kept.waiting.remove("wk2"));
    house.pull.changed("kf");
    house.settle().await;
    house.platform.with(|kept| kept.asked.clear());
    house.clock.advance(Duration::from_secs(400));
    house.settle().await;
    let asked = house.platform.with(|kept| kept.asked.clone());
    assert!(asked.iter().all(|it| it["open_kfid"] == KF), "{asked:?}");
    assert!(!asked.is_empty());
}

#[tokio::test]
async fn a_place_that_the_operator_names_later_is_pulled_soon_and_one_named_again_goes_on_from_its_cursor() {
    let named = |ids: &[&str]| AccountSettings {
        open_kfids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..settings()
    };
    let (house, dir) = house(named(&[KF, "wk2"]), many(3)).await;
    house.settle().await;
    let platform = house.platform.clone();
    let cursor = |kept: &mut Kept| {
        let asked = kept.asked.iter().rev().find(|it| it["open_kfid"] == KF);
        asked.map(|it| it["cursor"].clone())
    };
    house.apply(named(&["wk2"])).await;
    platform.with(|kept| kept.asked.clear());
    house.clock.advance(Duration::from_secs(400));
    house.settle().await;
    assert_eq!(platform.with(cursor), None, "not named any more");
    let clock = house.clock.clone();
    house.close().await;
    let house = House::on(dir.path(), named(&["wk2"]), platform.clone(), clock).await;
    house.settle().await;
    house.apply(named(&["wk2", KF])).await;
    house.settle().await;
    assert_eq!(platform.with(cursor), Some(json!("3")));
}
