//! What follows from each answer of the platform, and from none?

use super::*;

#[tokio::test]
async fn a_text_refused_midway_fails_and_says_how_much_went() {
    let house = awake();
    house.platform.will("/send", [says(0), says(45047)]);
    let result = house.becomes(&house.say("a|b|c").await, Status::Failed).await;
    assert_eq!(code(&result), "QUOTA_EXHAUSTED");
    assert!(
        result.degradations[0].reason.starts_with("1 of its pieces"),
        "{result:?}"
    );
    assert_eq!(house.platform.sent(), ["a", "b"]);
    assert_eq!(house.store.told().len(), 1);
}

#[tokio::test]
async fn a_text_of_more_pieces_than_are_left_fails_before_the_first() {
    let house = awake();
    house.wrote(2);
    let result = house.becomes(&house.say("a|b|c").await, Status::Failed).await;
    assert_eq!(code(&result), "QUOTA_EXHAUSTED");
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn a_busy_platform_is_asked_again_with_growing_pauses() {
    let house = awake();
    house.platform.will("/send", [says(-1), Does::NotSent]);
    let first = house.say("a").await;
    let second = house.say("b").await;
    until(|| house.platform.sent().len() == 1, "the first try").await;
    house.becomes(&first, Status::Accepted).await;
    house.clock.advance(Duration::from_millis(999));
    tokio::task::yield_now().await;
    assert_eq!(house.platform.sent(), ["a"]);
    house.clock.advance(Duration::from_millis(1));
    until(|| house.platform.sent().len() == 2, "the second try").await;
    until(
        || house.store.all()[0].attempts == 2 && house.now_of(&first).status() == Status::Accepted,
        "noted",
    )
    .await;
    house.clock.advance(Duration::from_secs(2));
    house.becomes(&first, Status::Sent).await;
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "a", "a", "b"]);
}

/// Where the platform counts by the minute, a try within it is lost, and counts too. Its clock says when the minute ends.
#[tokio::test]
async fn what_was_too_much_for_this_minute_waits_for_the_platforms_next() {
    let house = awake();
    house.platform.will("/send", [says(45011)]);
    let first = house.say("a").await;
    let waits = |result: &v1::SendResult| {
        let (all, id) = (house.store.all(), result.message_id.clone());
        let it = all.into_iter().find(|it| it.id == id).expect("stored");
        (it.result.status() == Status::Accepted && it.attempts > 0).then_some(it.next_attempt)
    };
    until(|| waits(&first).is_some(), "put off").await;
    assert_eq!(START % 60_000, 40_000);
    assert_eq!(
        waits(&first),
        Some(START + 20_000),
        "nothing tells the platform's time: ours"
    );
    house.clock.advance(Duration::from_secs(20));
    house.becomes(&first, Status::Sent).await;
    let ahead = START + 20_000 + 45_000;
    house
        .platform
        .will("/send", [Does::SaysAt(json!({ "errcode": 45011 }), ahead)]);
    let second = house.say("b").await;
    until(|| waits(&second).is_some(), "put off").await;
    assert_eq!(waits(&second), Some(START + 20_000 + 15_000), "its clock is 45 s ahead");
    house.clock.advance(Duration::from_secs(15));
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "a", "b", "b"]);
}

/// A block lasts a minute from the refusal on, wherever in the clock's minute that was.
#[tokio::test]
async fn what_was_called_too_often_rests_a_whole_minute() {
    let house = awake();
    house.platform.will("/send", [says(45009), says(45009)]);
    let sent = house.say("a").await;
    for tries in 1..=2 {
        let put_off = || {
            let message = &house.store.all()[0];
            message.attempts == tries && message.result.status() == Status::Accepted
        };
        until(put_off, "put off").await;
        let rests = house.store.all()[0].next_attempt - house.clock.now();
        assert_eq!(rests, 60_000);
        house.clock.advance(Duration::from_secs(60));
    }
    house.becomes(&sent, Status::Sent).await;
}

#[tokio::test]
async fn minutes_that_stay_too_full_fail_the_message_after_ten_of_them() {
    let house = awake();
    house.platform.will("/send", std::iter::repeat_n(says(45011), 50));
    let sent = house.say("a").await;
    for tries in 1..=10 {
        let put_off = || {
            let message = &house.store.all()[0];
            message.attempts == tries && message.result.status() == Status::Accepted
        };
        until(put_off, "put off").await;
        house.clock.advance(Duration::from_secs(60));
    }
    let result = house.becomes(&sent, Status::Failed).await;
    assert_eq!((code(&result), house.platform.sent().len()), ("RATE_LIMITED", 11));
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_hold_up_a_repetition() {
    let house = awake();
    house.platform.will("/send", [says(-1)]);
    let first = house.say("a").await;
    until(
        || house.store.all()[0].attempts == 1 && house.now_of(&first).status() == Status::Accepted,
        "noted",
    )
    .await;
    house.clock.set(START - 10 * 3_600_000);
    let second = house.say("b").await;
    house.becomes(&first, Status::Sent).await;
    house.becomes(&second, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "a", "b"]);
}

#[tokio::test]
async fn a_platform_that_stays_down_fails_the_message_when_its_time_is_over() {
    let house = awake();
    house.platform.will("/send", std::iter::repeat_n(Does::NotSent, 50));
    let not_after = crate::schema::Timestamp::from_millis(START + 10_000).to_rfc3339_millis();
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a", "notAfter": not_after}))
        .await
        .expect("accepted");
    for _ in 0..40 {
        house.clock.advance(Duration::from_millis(500));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let result = house.becomes(&sent, Status::Failed).await;
    assert_eq!(code(&result), "PLATFORM_DOWN");
    assert_eq!(house.platform.sent().len(), 4, "after 0, 1, 3 and 7 seconds");
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_holds_nobody_up() {
    let house = awake();
    house.platform.will("/send", [Does::Lost, Does::Status(502)]);
    let (lost, broken, fine) = (house.say("a").await, house.say("b").await, house.say("c").await);
    house.becomes(&fine, Status::Sent).await;
    for result in [house.now_of(&lost), house.now_of(&broken)] {
        assert_eq!((result.status(), code(&result)), (Status::Unknown, "AMBIGUOUS"));
    }
    assert_eq!(house.platform.sent(), ["a", "b", "c"]);
    assert_eq!(house.store.told().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_repeated_once_where_the_core_wants_that() {
    let house = awake();
    house.platform.will("/send", [Does::Lost, Does::Lost]);
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a", "onAmbiguous": "RETRY"}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Accepted).await;
    until(|| house.store.all()[0].attempts == 1, "one try").await;
    until(|| house.now_of(&sent).status() == Status::Accepted, "waiting").await;
    house.clock.advance(Duration::from_secs(1));
    house.becomes(&sent, Status::Unknown).await;
    assert_eq!(house.platform.sent(), ["a", "a"]);
}

#[tokio::test]
async fn a_call_under_way_at_a_crash_is_ambiguous() {
    let house = asleep();
    house.wrote(5);
    let (one, two) = (house.say("a|b").await, house.say("c").await);
    let mut under_way = step(&house.store.all()[0]);
    under_way.result.status = Status::Sending as i32;
    under_way.pieces_done = 1;
    house.store.settle(under_way).await.expect("settled");
    house.wake();
    let result = house.becomes(&one, Status::Unknown).await;
    assert_eq!(code(&result), "AMBIGUOUS");
    house.becomes(&two, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["c"]);
}

#[tokio::test]
async fn a_crash_in_the_second_try_is_not_followed_by_a_third() {
    let house = asleep();
    let retry = |text: &str, not_after: i64| {
        let not_after = crate::schema::Timestamp::from_millis(not_after).to_rfc3339_millis();
        json!({"conversationKey": KEY, "text": text, "onAmbiguous": "RETRY", "notAfter": not_after})
    };
    let (hour, past) = (START + 3_600_000, START + 1);
    let mut sent = Vec::new();
    for (text, not_after, attempts) in [("a", hour, 1), ("b", hour, 2), ("c", past, 1)] {
        sent.push(house.submit(retry(text, not_after)).await.expect("accepted"));
        let all = house.store.all();
        let mut under_way = step(all.last().expect("stored"));
        under_way.result.status = Status::Sending as i32;
        under_way.attempts = attempts;
        house.store.settle(under_way).await.expect("settled");
    }
    house.clock.advance(Duration::from_millis(1));
    house.wake();
    house.becomes(&sent[0], Status::Sent).await;
    for unknown in &sent[1..] {
        assert_eq!(code(&house.becomes(unknown, Status::Unknown).await), "AMBIGUOUS");
    }
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn a_lost_answer_without_time_for_a_second_try_is_unknown_and_not_failed() {
    let house = awake();
    house.platform.will("/send", [Does::Lost]);
    let not_after = crate::schema::Timestamp::from_millis(START + 500).to_rfc3339_millis();
    let sent = json!({"conversationKey": KEY, "text": "a", "onAmbiguous": "RETRY", "notAfter": not_after});
    let sent = house.submit(sent).await.expect("accepted");
    let result = house.becomes(&sent, Status::Unknown).await;
    assert_eq!(code(&result), "AMBIGUOUS");
}

#[tokio::test]
async fn a_fault_of_ours_in_one_call_closes_no_lane() {
    let house = awake();
    house.platform.will("/send", [Does::Panics]);
    let broken = house.say("a").await;
    until(|| house.platform.sent().len() == 1, "the fault").await;
    until(
        || house.outbound.parts.lanes.next_timer().is_some(),
        "looked at again later",
    )
    .await;
    house.clock.advance(Duration::from_secs(5));
    house.becomes(&broken, Status::Unknown).await;
    let fine = house.say("b").await;
    house.becomes(&fine, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"]);
}

#[tokio::test]
async fn a_quota_that_ended_unforeseen_makes_our_figures_guesses() {
    let house = awake();
    house.wrote(5);
    house.platform.will("/send", [says(45047)]);
    let refused = house.say("a").await;
    assert_eq!(code(&house.becomes(&refused, Status::Failed).await), "QUOTA_EXHAUSTED");
    house.becomes(&house.say("b").await, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"], "a guess is no reason to refuse");
    house.wrote(1);
    house.becomes(&house.say("c").await, Status::Sent).await;
    house.becomes(&house.say("d").await, Status::Failed).await;
    assert_eq!(house.platform.sent(), ["a", "b", "c"], "counted again, and spent");
}

#[tokio::test]
async fn bad_news_are_told_always_and_good_news_where_asked_for() {
    for all in [false, true] {
        let core = Core {
            all_delivery_updates: all,
            ..core()
        };
        let house = asleep_with(None, core);
        house.wake();
        let event = house.wrote(3);
        house.windows.open(&event.event.id, START + 4_000, true);
        house.platform.will("/send", [says(0), Does::Lost, says(99999)]);
        house.answer(&event, vec![json!({"text": "handed over"})]).await;
        for (text, becomes) in [
            ("sent", Status::Sent),
            ("unknown", Status::Unknown),
            ("failed", Status::Failed),
        ] {
            house.becomes(&house.say(text).await, becomes).await;
        }
        house.becomes(&house.say("sent").await, Status::Sent).await;
        let soon = crate::schema::Timestamp::from_millis(START + 1_000).to_rfc3339_millis();
        let held =
            json!({"conversationKey": KEY, "text": "a|b|c|d", "noAllowance": "HOLD_FOR_CUSTOMER", "notAfter": soon});
        let held = house.submit(held).await.expect("accepted");
        house.becomes(&held, Status::Held).await;
        house.clock.advance(Duration::from_secs(1));
        house.becomes(&held, Status::Expired).await;
        let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
        use Status::*;
        match all {
            false => assert_eq!(told, [Unknown, Failed, Held, Expired]),
            true => assert_eq!(told, [HandedOver, Sent, Unknown, Failed, Sent, Held, Expired]),
        }
    }
}

#[tokio::test]
async fn a_code_of_the_platforms_is_kept_for_the_message_that_changes_the_one_before_and_used_once() {
    let house = awake();
    house.platform.will(
        "/send",
        [Does::Says(json!({"errcode": 0, "gives": "rc-1", "about": "card-1"}))],
    );
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a"}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    for _ in 0..2 {
        let change = json!({"conversationKey": KEY, "nativeJson": "{\"changes\":\"card-1\",\"msgtype\":\"x\"}"});
        let change = house.submit(change).await.expect("accepted");
        house.becomes(&change, Status::Sent).await;
    }
    let sent = house.platform.sent();
    assert_eq!(
        sent[1..],
        [
            "{\"changes\":\"card-1\",\"msgtype\":\"x\"} with rc-1",
            "{\"changes\":\"card-1\",\"msgtype\":\"x\"}"
        ]
    );
}

#[tokio::test]
async fn a_bad_reply_fails_under_the_cores_own_name_where_it_has_a_lawful_one() {
    let house = awake();
    let event = house.wrote(5);
    let long = "x".repeat(200);
    let undecodable = |id: &str| {
        let mut reply = crate::ports::core::BadReply::default();
        id.clone_into(&mut reply.client_message_id);
        Err(reply)
    };
    let replies = vec![
        Ok(request(json!({"text": "", "clientMessageId": "x"}))),
        undecodable("y"),
        undecodable(""),
        Ok(request(json!({"text": "", "clientMessageId": long}))),
        undecodable("a\nb"),
    ];
    let prepared = house.outbound.prepare(&event, replies).await;
    let messages = prepared.messages();
    let names: Vec<&str> = messages.iter().map(|it| it.result.client_message_id.as_str()).collect();
    assert_eq!(names, ["x", "y", "event-1/2", "event-1/3", "event-1/4"]);
    assert!(
        messages
            .iter()
            .all(|it| it.tell && it.result.status() == Status::Failed)
    );
}

#[tokio::test]
async fn replies_beyond_the_bound_fail_and_are_told() {
    let house = asleep();
    let event = house.wrote(5);
    for _ in 1..OPEN_MAX {
        house.say("waits").await;
    }
    let replies = vec![
        json!({"text": "the last one"}),
        json!({"text": "too many", "clientMessageId": "c"}),
    ];
    let messages = house.answer(&event, replies).await;
    assert_eq!(messages[0].result.status(), Status::Accepted);
    assert_eq!(
        (messages[1].result.status(), code(&messages[1].result)),
        (Status::Failed, "OVERLOADED")
    );
    let told = house.store.told();
    assert_eq!((told.len(), told[0].client_message_id.as_str()), (1, "c"));
    let refused = house.submit(json!({"conversationKey": KEY, "text": "too many"})).await;
    assert_eq!(refused.expect_err("refused").own_limit, Some(OPEN_AGAIN));
}

#[tokio::test]
async fn every_error_of_a_message_says_what_to_do() {
    let house = awake();
    house.platform.will("/token", [Does::NotSent]);
    let waits = house.say("a").await;
    until(|| house.now_of(&waits).error.is_some(), "no token").await;
    let error = house.now_of(&waits).error.expect("an error");
    assert_eq!(error.code, "PLATFORM_DOWN");
    assert!(error.remedy.contains(" / "), "in both languages: {error:?}");
}
