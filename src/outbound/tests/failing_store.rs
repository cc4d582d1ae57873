//! What becomes of what waits while the store cannot be read, or takes no step?

use super::*;

/// Longer than a lane waits for a store that did not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Lets whoever can go on go on.
async fn settled() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_an_earlier_run_left_goes_once_the_store_can_be_read() {
    let house = asleep();
    // Nobody of this run hears of it.
    house.store.listen(Handle::default());
    let left = house.say("a").await;
    house.store.readable(false);
    house.wake();
    until(|| house.store.looks() == 1, "it looks").await;
    house.clock.advance(PAUSE - Duration::from_millis(1));
    settled().await;
    assert_eq!(house.store.looks(), 1, "not again before its time");
    house.clock.advance(Duration::from_millis(1));
    until(|| house.store.looks() == 2, "it looks again").await;
    house.store.readable(true);
    house.clock.advance(PAUSE);
    house.becomes(&left, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn a_lane_that_cannot_be_read_is_read_again() {
    let house = awake();
    until(|| house.store.looks() == 1, "it runs").await;
    house.store.readable(false);
    let waits = house.say("a").await;
    until(|| house.store.looks() == 2, "it looks").await;
    house.store.readable(true);
    house.clock.advance(PAUSE - Duration::from_millis(1));
    settled().await;
    assert_eq!(house.store.looks(), 2, "not again before its time");
    house.clock.advance(Duration::from_millis(1));
    house.becomes(&waits, Status::Sent).await;
}

#[tokio::test]
async fn a_step_that_is_not_committed_is_tried_for_a_dozen_seconds_ever_more_slowly() {
    let house = asleep();
    let account = house.opened.describe.clone();
    let event = || {
        let signal = v1::Signal::default();
        let customer = v1::Identity::default();
        house.outbound.own_event(
            account.clone(),
            KEY.to_owned(),
            customer,
            v1::conversation::Scope::Direct,
            signal,
        )
    };
    let all = 100;
    house.store.refuses(all);
    let (outbound, arrival) = (house.outbound.clone(), event());
    let trying = tokio::spawn(async move { outbound.append(arrival).await });
    let mut tries = Vec::new();
    for passed in 0..300 {
        settled().await;
        let made = all - house.store.refusals();
        if made > tries.len() {
            tries.push(passed * 50);
        }
        house.clock.advance(Duration::from_millis(50));
    }
    assert_eq!(tries, [0, 50, 150, 350, 750, 1_550, 3_150, 6_350, 12_750]);
    assert!(trying.await.expect("no panic").is_err(), "given up");
    house.store.refuses(1);
    let (outbound, arrival) = (house.outbound.clone(), event());
    let trying = tokio::spawn(async move { outbound.append(arrival).await });
    until(|| house.store.refusals() == 0, "tried").await;
    house.clock.advance(Duration::from_millis(50));
    assert!(trying.await.expect("no panic").is_ok());
    assert_eq!(house.store.events_now().len(), 1);
}
