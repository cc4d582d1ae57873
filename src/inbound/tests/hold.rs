//! How long is a request held, and what is it told?

use std::sync::Arc;

use crate::{
    inbound::{Body, Reply, testing::*},
    ports::{clock::Clock as _, store::Stored, turn::Windows as _},
    schema::{Timestamp, v1::send_result::Status},
};

async fn house() -> Arc<House> {
    House::new(settings(), vec![core(4_000)]).await
}

fn success() -> Reply {
    Reply {
        status: 200,
        body: Body::Success,
    }
}

/// The event is there, and its request waits.
async fn held(house: &House, count: usize) -> Arc<Stored> {
    let stored = house.event(count).await;
    assert!(house.windows.look(&stored.event.id).is_some(), "held");
    stored
}

#[tokio::test]
async fn the_cores_answer_rides_in_the_request_sealed_with_what_verified_it() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let stored = held(&house, 1).await;
    let window = house.windows.look(&stored.event.id).expect("open");
    assert_eq!(window.deadline, Some(Timestamp::from_millis(NOW + 4_000)));
    assert!(window.part_types.contains(&"text".to_owned()) && window.platform_attempt == 1);
    let messages = house.core_says(&stored, &["hello"]).await;
    assert_eq!(messages[0].status(), Status::HandedOver);
    let (nonce, answer) = opened(&request.await.expect("answered"));
    assert_eq!(nonce, "n1");
    assert!(
        answer.contains("hello") && answer.contains("<FromUserName><![CDATA[gh_1]]>"),
        "{answer}"
    );
    assert_eq!(house.windows.count(), 0);
    assert!(house.windows.look(&stored.event.id).is_none());
    house.windows.close(&stored.event.id);
}

#[tokio::test]
async fn the_budget_counts_from_the_first_byte() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let stored = held(&house, 1).await;
    house.advance(3_999);
    assert!(house.windows.look(&stored.event.id).is_some());
    tokio::task::yield_now().await;
    assert!(!request.is_finished());
    house.advance(1);
    assert_eq!(request.await.expect("answered"), success());
    assert!(house.windows.look(&stored.event.id).is_none() && house.windows.claim(&stored.event.id).is_none());
    assert_eq!(house.windows.count(), 0);
}

#[tokio::test]
async fn a_taken_event_without_a_reply_lets_the_request_go() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let stored = held(&house, 1).await;
    house.core_says(&stored, &[]).await;
    assert_eq!(request.await.expect("answered"), success());
    assert_eq!(house.clock.now(), NOW);
}

#[tokio::test]
async fn nothing_is_held_without_a_core_or_without_a_passive_road() {
    let house = House::new(settings(), Vec::new()).await;
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n1")).await, success());
    assert_eq!(house.event(1).await.core, None);
    let mut elsewhere = core(4_000);
    elsewhere.matches.accounts = vec!["other".into()];
    let house = House::new(
        settings(),
        vec![elsewhere, {
            let mut never = core(0);
            never.name = "never".into();
            never
        }],
    )
    .await;
    assert_eq!(house.post(&sealed(&text(1, "hi"), "n1")).await, success());
    assert_eq!(house.event(1).await.core.as_deref(), Some("never"));
    assert_eq!(house.windows.count(), 0);
}

#[tokio::test]
async fn a_commit_that_does_not_come_is_503_at_the_outer_bound_and_the_next_attempt_finds_it() {
    let house = house().await;
    let gate = house.ears.gate.lock().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    // The commit is on its way once the window is there.
    until("the window", || house.windows.count() == 1).await;
    house.advance(4_499);
    tokio::task::yield_now().await;
    assert!(!request.is_finished());
    house.advance(1);
    assert_eq!(request.await.expect("answered"), Reply::empty(503));
    drop(gate);
    let stored = house.event(1).await;
    let second = house.send(sealed(&text(1, "hi"), "n2"));
    until("it waits for the answer", || {
        house.windows.look(&stored.event.id).is_some()
    })
    .await;
    house.core_says(&stored, &["hello"]).await;
    assert!(opened(&second.await.expect("answered")).1.contains("hello"));
    assert_eq!(house.heard().len(), 1);
}

#[tokio::test]
async fn the_platforms_retry_joins_and_both_get_the_same_answer_each_with_its_own_seal() {
    let house = house().await;
    let first = house.send(sealed(&text(1, "hi"), "n1"));
    let stored = held(&house, 1).await;
    house.advance(1_000);
    let second = house.send(sealed(&text(1, "hi"), "n2"));
    let attempts = || house.windows.look(&stored.event.id).map(|it| it.platform_attempt);
    until("the retry joins", || attempts() == Some(2)).await;
    house.core_says(&stored, &["hello"]).await;
    let first = opened(&first.await.expect("answered"));
    let second = opened(&second.await.expect("answered"));
    assert_eq!((first.0.as_str(), second.0.as_str()), ("n1", "n2"));
    assert_eq!(first.1, second.1);
    assert_eq!(house.heard().len(), 1);
    let again = opened(&house.post(&sealed(&text(1, "hi"), "n3")).await);
    assert_eq!(again.1, second.1, "after the fact the same");
}

#[tokio::test]
async fn an_answer_that_finds_the_platform_gone_is_kept_for_its_next_attempt() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let stored = held(&house, 1).await;
    request.abort();
    until("the attempt is gone", || house.windows.look(&stored.event.id).is_none()).await;
    let messages = house.core_says(&stored, &["hello"]).await;
    assert_eq!(messages.len(), 1);
    let next = opened(&house.post(&sealed(&text(1, "hi"), "n2")).await);
    assert!(next.1.contains("hello") && next.0 == "n2");
    let again = opened(&house.post(&sealed(&text(1, "hi"), "n3")).await);
    assert_eq!(again.1, next.1);
    assert_eq!((house.heard().len(), house.windows.count()), (1, 0));
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn a_claim_has_the_one_right_and_gives_it_back() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let id = held(&house, 1).await.event.id.clone();
    let claim = house.windows.claim(&id).expect("free");
    assert_eq!((claim.to().to.as_str(), claim.deadline()), ("o1", NOW + 4_000));
    assert!(house.windows.claim(&id).is_none());
    drop(claim);
    house.windows.claim(&id).expect("free again").release();
    let claim = house.windows.claim(&id).expect("and again");
    // Who closes now does not take the answer away from who is about to give it.
    house.windows.close(&id);
    assert!(house.windows.look(&id).is_none() && !request.is_finished());
    assert!(claim.hand_over(b"<xml>hello</xml>".to_vec()));
    assert_eq!(opened(&request.await.expect("answered")).1, "<xml>hello</xml>");
}

#[tokio::test]
async fn who_waits_where_the_answer_is_kept_looks_for_it_and_the_window_is_over() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let id = held(&house, 1).await.event.id.clone();
    let claim = house.windows.claim(&id).expect("free");
    assert_eq!(claim.left_at(), None, "somebody waits");
    claim.keep();
    // No message holds one here.
    assert_eq!(request.await.expect("answered"), success());
    assert!(house.windows.claim(&id).is_none());
}

#[tokio::test]
async fn an_answer_on_its_way_at_the_deadline_still_rides_but_not_beyond_the_outer_bound() {
    let house = house().await;
    let request = house.send(sealed(&text(1, "hi"), "n1"));
    let id = held(&house, 1).await.event.id.clone();
    let claim = house.windows.claim(&id).expect("free");
    house.advance(4_300);
    tokio::task::yield_now().await;
    assert!(claim.hand_over(b"<xml/>".to_vec()));
    assert!(matches!(request.await.expect("answered").body, Body::Passive(_)));

    let request = house.send(sealed(&text(2, "hi"), "n2"));
    let id = held(&house, 2).await.event.id.clone();
    let claim = house.windows.claim(&id).expect("free");
    house.advance(4_500);
    assert_eq!(request.await.expect("answered"), success());
    assert!(!claim.hand_over(b"<xml/>".to_vec()));

    let request = house.send(sealed(&text(3, "hi"), "n3"));
    let id = held(&house, 3).await.event.id.clone();
    let claim = house.windows.claim(&id).expect("free");
    house.advance(4_000);
    claim.release();
    assert_eq!(request.await.expect("answered"), success());
    assert_eq!(house.windows.count(), 0);
}

#[tokio::test]
async fn windows_that_nobody_waits_for_are_forgotten() {
    let house = house().await;
    for number in 1..=3 {
        let request = house.send(sealed(&text(number, "hi"), &format!("n{number}")));
        let stored = held(&house, number as usize).await;
        request.abort();
        until("gone", || house.windows.look(&stored.event.id).is_none()).await;
    }
    assert_eq!(
        house.windows.count(),
        3,
        "an answer may still be kept for the next attempt"
    );
    house.advance(4_000);
    let request = house.send(sealed(&text(9, "hi"), "n9"));
    held(&house, 4).await;
    assert_eq!(house.windows.count(), 1);
    request.abort();
}
