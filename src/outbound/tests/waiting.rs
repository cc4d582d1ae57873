//! What waits, for how long, and what does a caller hear of it?

use super::*;
use crate::conversation::ledger::Standing;

#[tokio::test]
async fn what_is_held_goes_when_the_customer_acts() {
    let house = awake();
    house.wrote(1);
    house.becomes(&house.say("a").await, Status::Sent).await;
    let hold = |text: &str| json!({"conversationKey": KEY, "text": text, "noAllowance": "HOLD_FOR_CUSTOMER"});
    let held = house.submit(hold("b")).await.expect("accepted");
    let behind = house.submit(hold("c")).await.expect("accepted");
    house.becomes(&behind, Status::Held).await;
    let failed = house.say("d").await;
    house.becomes(&failed, Status::Failed).await;
    house.clock.advance(Duration::from_secs(3600));
    house.wrote(5);
    house.becomes(&held, Status::Sent).await;
    house.becomes(&behind, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b", "c"]);
    let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
    assert_eq!(told, [Status::Held, Status::Held, Status::Failed]);
}

#[tokio::test]
async fn a_refusal_we_did_not_foresee_holds_until_the_customer_acts() {
    let house = awake();
    house.platform.will("/send", [says(45015)]);
    let held = house
        .submit(json!({"conversationKey": KEY, "text": "a", "noAllowance": "HOLD_FOR_CUSTOMER"}))
        .await;
    let held = held.expect("accepted");
    house.becomes(&held, Status::Held).await;
    house.say("b").await;
    until(|| house.platform.sent().len() == 2, "others pass").await;
    assert_eq!(house.platform.sent(), ["a", "b"], "not tried again by itself");
    house.clock.advance(Duration::from_secs(1));
    house.wrote(5);
    house.becomes(&held, Status::Sent).await;
}

/// A message is refused with this number, and the customer writes while the platform is being asked.
async fn refused_while_the_customer_writes(number: i32) -> (House, v1::SendResult) {
    let house = awake();
    house.wrote(5);
    house.becomes(&house.say("a").await, Status::Sent).await;
    house.clock.advance(Duration::from_secs(1));
    let slow = house.platform.gate.write().await;
    house.platform.will("/send", [says(number)]);
    let held = json!({"conversationKey": KEY, "text": "b", "noAllowance": "HOLD_FOR_CUSTOMER"});
    let held = house.submit(held).await.expect("accepted");
    until(|| house.platform.sent().len() == 2, "under way").await;
    house.clock.advance(Duration::from_secs(1));
    house.wrote(5);
    drop(slow);
    (house, held)
}

#[tokio::test]
async fn what_the_customer_does_while_a_call_is_refused_lets_the_message_go() {
    for number in [45015, 45047] {
        let (house, held) = refused_while_the_customer_writes(number).await;
        house.becomes(&held, Status::Sent).await;
        assert_eq!(house.platform.sent(), ["a", "b", "b"], "{number}");
        let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
        assert_eq!(told, [Status::Held], "{number}");
        let mut left = None;
        house.store.state(KEY, |state| {
            left = Some(state.ledger.as_ref().expect("a ledger").standing(house.clock.now()));
        });
        assert_eq!(
            left,
            Some(Standing::Open(Some(4))),
            "{number}: the refusal was of before"
        );
    }
}

#[tokio::test]
async fn what_is_held_behind_another_says_what_that_one_lacks() {
    let house = awake();
    house.wrote(5);
    house.platform.will("/send", [says(45047)]);
    let hold = |text: &str| json!({"conversationKey": KEY, "text": text, "noAllowance": "HOLD_FOR_CUSTOMER"});
    for text in ["a", "b", "c"] {
        let held = house.submit(hold(text)).await.expect("accepted");
        let result = house.becomes(&held, Status::Held).await;
        assert_eq!(code(&result), "QUOTA_EXHAUSTED", "{text}");
    }
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn what_is_held_too_long_expires() {
    let house = awake();
    house.wrote(0);
    let held = house
        .submit(json!({"conversationKey": KEY, "text": "a", "noAllowance": "HOLD_FOR_CUSTOMER"}))
        .await;
    let held = held.expect("accepted");
    house.becomes(&held, Status::Held).await;
    house.clock.advance(Duration::from_secs(48 * 3600));
    let result = house.becomes(&held, Status::Expired).await;
    assert_eq!(code(&result), "EXPIRED");
}

#[tokio::test]
async fn a_caller_may_wait_for_the_platforms_answer() {
    let house = awake();
    house.platform.will("/send", [says(99999)]);
    let slow = house.platform.gate.write().await;
    let sent = house.say("a").await;
    let (outbound, id) = (house.outbound.clone(), sent.message_id.clone());
    let waiting = tokio::spawn(async move { outbound.wait(&id, Duration::from_secs(5)).await });
    until(|| !house.platform.asked("/token").is_empty(), "under way").await;
    drop(slow);
    let result = waiting.await.expect("waited").expect("known");
    assert_eq!((result.status(), code(&result)), (Status::Failed, "CONTENT_REJECTED"));
}

#[tokio::test]
async fn a_caller_waits_no_longer_than_it_said() {
    let house = asleep();
    let sent = house.say("a").await;
    let (outbound, id) = (house.outbound.clone(), sent.message_id.clone());
    let waiting = tokio::spawn(async move { outbound.wait(&id, Duration::from_secs(5)).await });
    until(
        || !house.outbound.waiting.lock().expect("no panic").is_empty(),
        "waiting",
    )
    .await;
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(
        waiting.await.expect("waited").expect("known").status(),
        Status::Accepted
    );
    assert!(house.outbound.waiting.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_caller_wait_longer() {
    let house = asleep();
    let sent = house.say("a").await;
    let (outbound, id) = (house.outbound.clone(), sent.message_id.clone());
    let waiting = tokio::spawn(async move { outbound.wait(&id, Duration::from_secs(5)).await });
    let waits = || !house.outbound.waiting.lock().expect("no panic").is_empty();
    until(waits, "waiting").await;
    house.clock.set(START - 3_600_000);
    house.clock.advance(Duration::from_secs(5));
    let result = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    let result = result.expect("no longer").expect("waited").expect("known");
    assert_eq!(result.status(), Status::Accepted);
}

#[tokio::test]
async fn told_to_stop_it_ends_what_is_under_way_and_begins_nothing() {
    let house = asleep();
    let run = tokio::spawn(house.outbound.clone().run(house.stop.subscribe()));
    let slow = house.platform.gate.write().await;
    let (one, two) = (house.say("a").await, house.say("b").await);
    until(|| !house.platform.asked("/token").is_empty(), "under way").await;
    house.stop.send(true).expect("it runs");
    drop(slow);
    run.await.expect("it ended");
    assert_eq!(house.now_of(&one).status(), Status::Sent);
    assert_eq!(house.now_of(&two).status(), Status::Accepted);
}

#[tokio::test]
async fn what_the_platform_would_drop_for_coming_too_fast_waits_and_keeps_its_order() {
    let house = asleep_as(opened_slow(), None, core());
    house.wake();
    let long = house
        .submit(json!({"conversationKey": KEY, "text": "a|b|c"}))
        .await
        .expect("accepted");
    let next = house
        .submit(json!({"conversationKey": KEY, "text": "d"}))
        .await
        .expect("accepted");
    until(
        || house.now_of(&long).status() == Status::Accepted && house.platform.sent().len() == 2,
        "two gone",
    )
    .await;
    house.clock.advance(Duration::from_secs(60));
    house.becomes(&long, Status::Sent).await;
    house.becomes(&next, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b", "c", "d"]);
    let third = house
        .submit(json!({"conversationKey": KEY, "text": "e"}))
        .await
        .expect("accepted");
    until(|| house.now_of(&third).status() == Status::Accepted, "it waits").await;
    house.clock.advance(Duration::from_secs(60));
    house.becomes(&third, Status::Sent).await;
}

fn in_millis(millis: i64) -> String {
    crate::schema::Timestamp::from_millis(START + millis).to_rfc3339_millis()
}

#[tokio::test]
async fn what_was_perhaps_said_before_its_time_was_over_is_not_known() {
    let house = awake();
    house.platform.will("/send", [Does::Lost]);
    let asked = json!({"conversationKey": KEY, "text": "a", "onAmbiguous": "RETRY", "notAfter": in_millis(1_500)});
    let sent = house.submit(asked).await.expect("accepted");
    until(|| house.now_of(&sent).error.is_some(), "the answer is lost").await;
    house.clock.advance(Duration::from_millis(1_500));
    let result = house.becomes(&sent, Status::Unknown).await;
    assert_eq!(code(&result), "AMBIGUOUS");
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn what_went_in_part_before_its_time_was_over_says_so() {
    let house = awake();
    house.platform.will("/send", [says(0), says(-1)]);
    let asked = json!({"conversationKey": KEY, "text": "a|b", "notAfter": in_millis(1_500)});
    let sent = house.submit(asked).await.expect("accepted");
    until(|| house.platform.sent().len() == 2, "the second is refused").await;
    house.becomes(&sent, Status::Accepted).await;
    house.clock.advance(Duration::from_millis(1_500));
    let result = house.becomes(&sent, Status::Expired).await;
    let told: Vec<_> = result.degradations.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!((code(&result), told), ("EXPIRED", vec!["1 of its pieces were sent"]));
}

#[tokio::test]
async fn a_try_that_would_come_when_its_time_is_over_is_not_waited_for() {
    for (not_after, status) in [(1_000, Status::Failed), (1_001, Status::Sent)] {
        let house = awake();
        house.platform.will("/send", [says(-1)]);
        let asked = json!({"conversationKey": KEY, "text": "a", "notAfter": in_millis(not_after)});
        let sent = house.submit(asked).await.expect("accepted");
        until(|| house.now_of(&sent).error.is_some(), "refused for now").await;
        house.clock.advance(Duration::from_millis(1_000));
        let result = house.becomes(&sent, status).await;
        assert_eq!(code(&result), if status == Status::Sent { "" } else { "PLATFORM_DOWN" });
    }
}

#[tokio::test]
async fn without_a_token_a_message_waits_or_fails_as_the_refusal_has_it() {
    let house = awake();
    house.platform.will("/token", [Does::NotSent]);
    let waits = house.say("a").await;
    until(|| house.now_of(&waits).error.is_some(), "no token").await;
    assert_eq!(house.now_of(&waits).status(), Status::Accepted);
    house.clock.advance(Duration::from_secs(1));
    house.becomes(&waits, Status::Sent).await;

    let wrong = awake();
    wrong.platform.will("/token", [says(40125)]);
    let failed = wrong.say("a").await;
    let failed = wrong.becomes(&failed, Status::Failed).await;
    assert_eq!(code(&failed), "BAD_SECRET");
    assert!(wrong.platform.sent().is_empty());
}
