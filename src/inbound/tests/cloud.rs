//! Are pushes that nobody signed taken where they may be, and nowhere else?

use super::super::testing::{House, NOW, Push, core, plain, settings, until};
use crate::{
    inbound::{Body, Reply},
    ports::store::Store as _,
    secret::Secret,
    settings::AccountSettings,
};

fn cloud_account() -> AccountSettings {
    AccountSettings {
        cloud_push: true,
        token: Secret::default(),
        encoding_aes_key: Secret::default(),
        ..settings()
    }
}

/// As cloud hosting pushes it: no query, JSON.
fn pushed(body: &str) -> Push {
    Push {
        query: String::new(),
        body: body.to_owned(),
    }
}

const SAID: &str = r#"{"ToUserName":"gh_1","FromUserName":"o1","CreateTime":1752000499,"MsgType":"text","Content":"hello","MsgId":24812345678901234}"#;
const PROBE: &str = r#"{"action":"CheckContainerPath"}"#;

const SUCCESS: Reply = Reply {
    status: 200,
    body: Body::Success,
};

#[tokio::test]
async fn a_push_of_cloud_hosting_becomes_an_event_and_comes_again_without_harm() {
    let house = House::new(cloud_account(), vec![core(0)]).await;
    assert_eq!(house.post(&pushed(SAID)).await, SUCCESS);
    assert_eq!(house.post(&pushed(SAID)).await, SUCCESS);
    // Beside it stands the news that JSON has no passive road.
    until("both are heard", || house.heard().len() == 2).await;
    let mut keys: Vec<_> = house.heard().iter().map(|it| it.event.dedupe_key.clone()).collect();
    keys.sort();
    assert_eq!(keys[1], "wx2c2769f8efd9abc2:24812345678901234");
    assert_ne!(keys[0], keys[1]);
    assert_eq!(house.opened().observe(|it| it.last_callback), Some(NOW));
}

#[tokio::test]
async fn the_probe_of_the_console_is_answered_and_is_no_event() {
    let house = House::new(cloud_account(), vec![core(0)]).await;
    assert_eq!(house.post(&pushed(PROBE)).await, SUCCESS);
    assert!(house.heard().is_empty());
    let strict = House::new(settings(), vec![core(0)]).await;
    assert_eq!(strict.post(&pushed(PROBE)).await, Reply::empty(403));
}

#[tokio::test]
async fn only_accounts_that_are_set_so_take_unsigned_pushes() {
    let house = House::new(settings(), vec![core(0)]).await;
    assert_eq!(house.post(&pushed(SAID)).await, Reply::empty(403));
    let refused = house.observer.refusals.of("shop");
    assert_eq!(refused[0].code.name(), "PLAINTEXT_REFUSED");
    assert!(house.heard().is_empty());
}

#[tokio::test]
async fn by_the_public_listener_an_account_without_a_token_takes_nothing() {
    let house = House::new(cloud_account(), vec![core(0)]).await;
    assert_eq!(house.post(&plain(SAID, "1")).await, Reply::empty(403));
    assert!(house.heard().is_empty());
}

#[tokio::test]
async fn what_is_hostile_is_refused_and_what_is_odd_is_kept_and_read_again() {
    let house = House::new(cloud_account(), vec![core(0)]).await;
    let evil = pushed("<!DOCTYPE x [<!ENTITY a \"b\">]><xml>&a;</xml>");
    assert_eq!(house.post(&evil).await, Reply::empty(400));
    assert_eq!(house.post(&pushed("hello")).await, Reply::empty(400));
    assert_eq!(house.post(&pushed("{\"MsgType\":\"te")).await, SUCCESS);
    let kept = house.store.quarantined(None, 10).await.expect("read");
    assert_eq!((kept.len(), kept[0].key_ids.as_str()), (1, "cloud"));
    let mut mended = kept[0].clone();
    mended.body = SAID.as_bytes().to_vec();
    assert!(house.inbound.reread(&mended).await.expect("read again").is_some());
}
