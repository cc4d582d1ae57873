//! `hold = "three"`: the platform's three attempts are one window.

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::{
    inbound::{Body, Reply, testing::*},
    ports::{
        store::{Store, Stored},
        turn::Windows as _,
    },
    schema::{Timestamp, v1::send_result::Status},
    settings::{AccountSettings, Hold},
};

async fn house() -> Arc<House> {
    let account = AccountSettings {
        hold: Hold::Three,
        ..settings()
    };
    House::new(account, vec![core(4_000)]).await
}

/// The platform's attempt `nth`, waiting in the window.
async fn attempt(house: &Arc<House>, nth: u32) -> (JoinHandle<Reply>, Arc<Stored>) {
    let request = house.send(sealed(&text(1, "hi"), &format!("n{nth}")));
    let stored = house.event(1).await;
    let id = stored.event.id.clone();
    let joined = || house.windows.look(&id).is_some_and(|it| it.platform_attempt == nth);
    until("the attempt is in the window", joined).await;
    // The writer binds the window before it answers the request: behind one more commit, that answer has been heard.
    Store::ready(&*house.store).await.expect("the store works");
    (request, stored)
}

/// The platform gives an attempt up after five seconds.
async fn give_up(house: &House, request: JoinHandle<Reply>) {
    house.advance(5_000);
    tokio::task::yield_now().await;
    assert!(!request.is_finished(), "left unanswered");
    request.abort();
    assert!(request.await.is_err_and(|error| error.is_cancelled()));
}

#[tokio::test]
async fn two_attempts_are_left_unanswered_and_the_third_gets_the_answer() {
    let house = house().await;
    let (first, stored) = attempt(&house, 1).await;
    let window = house.windows.look(&stored.event.id).expect("open");
    assert_eq!(window.deadline, Some(Timestamp::from_millis(NOW + 14_000)));
    give_up(&house, first).await;
    assert!(house.windows.look(&stored.event.id).is_some(), "between two attempts");
    let (second, _) = attempt(&house, 2).await;
    give_up(&house, second).await;
    let (third, _) = attempt(&house, 3).await;
    house.advance(1_000);
    let messages = house.core_says(&stored, &["hello"]).await;
    assert_eq!(messages[0].status(), Status::HandedOver);
    let (nonce, answer) = opened(&third.await.expect("answered"));
    assert!(nonce == "n3" && answer.contains("hello"));
    assert_eq!((house.heard().len(), house.windows.count()), (1, 0));
}

#[tokio::test]
async fn whose_window_went_with_its_process_has_the_attempts_that_are_left() {
    for missed in [1, 2] {
        let house = house().await;
        let (first, stored) = attempt(&house, 1).await;
        house.windows.close(&stored.event.id);
        assert_eq!(first.await.expect("answered"), Reply::ok(Body::Success));
        house.advance(u64::from(missed) * 5_000);
        let mut nth = missed + 1;
        let (mut next, _) = attempt(&house, nth).await;
        let window = house.windows.look(&stored.event.id).expect("open");
        assert_eq!(window.deadline, Some(Timestamp::from_millis(NOW + 14_000)));
        if nth == 2 {
            give_up(&house, next).await;
            nth = 3;
            (next, _) = attempt(&house, nth).await;
        }
        house.core_says(&stored, &["hello"]).await;
        assert!(opened(&next.await.expect("answered")).1.contains("hello"));
    }
}

#[tokio::test]
async fn an_early_answer_goes_into_the_attempt_that_is_open() {
    let house = house().await;
    let (first, stored) = attempt(&house, 1).await;
    house.core_says(&stored, &["quick"]).await;
    assert!(opened(&first.await.expect("answered")).1.contains("quick"));

    let other = self::house().await;
    let (first, stored) = attempt(&other, 1).await;
    give_up(&other, first).await;
    let (second, _) = attempt(&other, 2).await;
    other.core_says(&stored, &["later"]).await;
    assert_eq!(opened(&second.await.expect("answered")).0, "n2");
}

#[tokio::test]
async fn an_answer_between_two_attempts_is_kept_for_the_next() {
    let house = house().await;
    let (first, stored) = attempt(&house, 1).await;
    give_up(&house, first).await;
    let messages = house.core_says(&stored, &["hello"]).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(house.windows.count(), 0);
    let reply = house.post(&sealed(&text(1, "hi"), "n2")).await;
    assert!(opened(&reply).1.contains("hello"));
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn an_attempt_that_does_not_come_within_eight_seconds_is_lost() {
    let house = house().await;
    let (first, stored) = attempt(&house, 1).await;
    give_up(&house, first).await;
    house.advance(7_999);
    assert!(house.windows.look(&stored.event.id).is_some());
    drop(house.windows.claim(&stored.event.id).expect("possible"));
    house.advance(1);
    assert!(house.windows.look(&stored.event.id).is_none());
    assert!(house.windows.claim(&stored.event.id).is_none());
    // One that comes all the same has what is left of the time, as long as no core has taken the event.
    let late = house.send(sealed(&text(1, "hi"), "n2"));
    until("it waits", || house.windows.look(&stored.event.id).is_some()).await;
    house.advance(1_000);
    assert_eq!(late.await.expect("answered").body, Body::Success);
    assert_eq!(house.windows.count(), 0);
}

#[tokio::test]
async fn the_third_attempt_ends_with_the_deadline_or_its_own_bound() {
    let house = house().await;
    let (first, _) = attempt(&house, 1).await;
    give_up(&house, first).await;
    let (second, _) = attempt(&house, 2).await;
    give_up(&house, second).await;
    let (third, stored) = attempt(&house, 3).await;
    house.advance(4_000);
    assert_eq!(third.await.expect("answered").body, Body::Success);
    assert!(house.windows.claim(&stored.event.id).is_none());

    // An impatient platform: its third attempt begins after a second.
    let house = self::house().await;
    let (first, _) = attempt(&house, 1).await;
    first.abort();
    let (second, _) = attempt(&house, 2).await;
    second.abort();
    house.advance(1_000);
    let (third, stored) = attempt(&house, 3).await;
    house.advance(4_500);
    assert_eq!(third.await.expect("answered").body, Body::Success);
    assert!(house.windows.look(&stored.event.id).is_none());
    assert_eq!(house.windows.count(), 0);
}

#[tokio::test]
async fn a_taken_event_without_a_reply_ends_it_all() {
    let house = house().await;
    let (first, stored) = attempt(&house, 1).await;
    house.core_says(&stored, &[]).await;
    assert_eq!(first.await.expect("answered").body, Body::Success);

    let house = self::house().await;
    let (first, stored) = attempt(&house, 1).await;
    give_up(&house, first).await;
    house.core_says(&stored, &[]).await;
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n2")).await.body, Body::Success);
    assert_eq!(house.windows.count(), 0);
}
