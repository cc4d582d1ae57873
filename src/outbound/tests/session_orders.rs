//! Are orders and typing signs carried out beside the words?

use super::*;

#[tokio::test]
async fn an_end_says_its_closing_and_ends_the_session_once() {
    let house = awake();
    let end =
        json!({"conversationKey": KEY, "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    house.becomes(&ended, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["bye"]);
    let events = house.store.events_now();
    let Some(v1::event::Body::Signal(signal)) = &events[0].event.body else {
        panic!("a signal")
    };
    let change = signal.session.as_ref().expect("a change");
    assert_eq!(change.after(), v1::conversation::SessionState::Ended);
    let again = house
        .submit(json!({"conversationKey": KEY, "session": {"verb": "END"}}))
        .await
        .expect("accepted");
    let again = house.becomes(&again, Status::Sent).await;
    assert_eq!((house.store.events_now().len(), again.degradations.len()), (1, 0));
    assert!(
        !events[0].event.dedupe_key.is_empty(),
        "carried out again after a crash, it is heard once"
    );
}

#[tokio::test]
async fn an_end_without_words_ends_the_session_and_loses_nothing() {
    let house = awake();
    let end = json!({"conversationKey": KEY, "session": {"verb": "END"}});
    let ended = house.submit(end).await.expect("accepted");
    let ended = house.becomes(&ended, Status::Sent).await;
    assert_eq!((house.store.events_now().len(), ended.degradations.len()), (1, 0));
}

#[tokio::test]
async fn an_end_whose_words_may_not_be_lost_or_are_refused_for_a_colleague_ends_nothing() {
    let end = |degrade: &str| {
        json!({"conversationKey": KEY, "degrade": degrade,
            "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}})
    };
    let strict = awake();
    strict.platform.will("/send", [says(99999)]);
    let ended = strict.submit(end("REFUSE")).await.expect("accepted");
    let ended = strict.becomes(&ended, Status::Failed).await;
    assert_eq!((code(&ended), strict.store.events_now().len()), ("CONTENT_REJECTED", 0));
    let held = awake();
    held.store.state(KEY, |state| {
        state.conversation.as_mut().expect("set").session_state = v1::conversation::SessionState::Human as i32;
    });
    let ended = held.submit(end("ALLOW")).await.expect("accepted");
    let ended = held.becomes(&ended, Status::Failed).await;
    assert_eq!((code(&ended), held.store.events_now().len()), ("SESSION_WITH_HUMAN", 0));
}

#[tokio::test]
async fn the_platforms_agents_let_go_where_the_operator_allows_it() {
    use crate::settings::{AccountSettings, PlatformAgents};
    let take = || json!({"conversationKey": KEY, "session": {"verb": "TAKE"}});
    let captured = |agents: PlatformAgents| {
        let settings = AccountSettings {
            platform_agents: agents,
            ..Default::default()
        };
        let house = asleep_as(opened_with(settings), None, core());
        house.store.state(KEY, |state| {
            let conversation = state.conversation.as_mut().expect("set");
            conversation.session_state = v1::conversation::SessionState::Human as i32;
            conversation.servicer = Some(v1::Identity {
                native_id: "kf1".into(),
                ..Default::default()
            });
        });
        house.wake();
        house
    };
    let allowed = captured(PlatformAgents::Allow);
    allowed.platform.will("/release", [says(-1), says(0)]);
    let taken = allowed.submit(take()).await.expect("accepted");
    let taken = comes_to(&allowed, &taken, Status::Sent).await;
    assert_eq!((taken.error, taken.degradations.len()), (None, 0));
    let asked = r#"{"customer":"o1","servicer":"kf1"}"#;
    assert_eq!(allowed.platform.asked("/release"), [asked, asked]);
    let events = allowed.store.events_now();
    let Some(v1::event::Body::Signal(signal)) = &events[0].event.body else {
        panic!("a signal")
    };
    let after = signal.session.as_ref().expect("a change").after();
    assert_eq!((events.len(), after), (1, v1::conversation::SessionState::Assistant));

    let forbidden = captured(PlatformAgents::Forbid);
    let taken = forbidden.submit(take()).await.expect("accepted");
    forbidden.becomes(&taken, Status::Failed).await;
    assert!(forbidden.platform.asked("/release").is_empty());
}

#[tokio::test]
async fn a_preview_of_an_order_says_what_would_become_of_it() {
    let house = asleep();
    let preview = async |what: serde_json::Value| {
        let mut asked = json!({ "conversationKey": KEY });
        for (name, value) in what.as_object().expect("fields") {
            asked[name] = value.clone();
        }
        let looked = house.outbound.submit(&Caller::default(), request(asked), true).await;
        code(&looked.expect("looked at")).to_owned()
    };
    let order = |verb: &str| json!({ "session": { "verb": verb, "servicer": "anna" } });
    for (verb, expected) in [
        ("TAKE", ""),
        ("END", ""),
        ("QUEUE", "UNSUPPORTED_PART"),
        ("ASSIGN", "UNSUPPORTED_PART"),
    ] {
        assert_eq!(preview(order(verb)).await, expected, "{verb}");
    }
    assert_eq!(
        preview(json!({ "recallMessageId": "m" })).await,
        "UNSUPPORTED_PART",
        "this account takes nothing back"
    );
    house.store.state(KEY, |state| {
        state.conversation.as_mut().expect("set").session_state = v1::conversation::SessionState::Human as i32;
    });
    assert_eq!(preview(order("TAKE")).await, "SESSION_WITH_HUMAN");
    assert_eq!(preview(order("END")).await, "");
}

/// Lets time pass until the message stands so.
async fn comes_to(house: &House, message: &v1::SendResult, status: Status) -> v1::SendResult {
    let passes = || {
        house.clock.advance(Duration::from_millis(50));
        house.now_of(message).status() == status
    };
    until(passes, "it comes to its end").await;
    house.now_of(message)
}

#[tokio::test]
async fn an_end_ends_its_session_and_says_its_words_once_while_the_store_refuses() {
    let house = awake();
    let slow = house.platform.gate.write().await;
    let end = json!({"conversationKey": KEY, "onAmbiguous": "RETRY",
        "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    until(|| !house.platform.asked("/token").is_empty(), "under way").await;
    house.store.refuses(5);
    drop(slow);
    comes_to(&house, &ended, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["bye"]);
    assert_eq!(house.store.events_now().len(), 1, "the session ended");
}

#[tokio::test]
async fn an_end_ends_its_session_and_says_its_words_once_however_long_the_store_takes_no_event() {
    let house = awake();
    house.store.takes_events(false);
    let soon = crate::schema::Timestamp::from_millis(START + 10_000).to_rfc3339_millis();
    let end = json!({"conversationKey": KEY, "onAmbiguous": "RETRY", "notAfter": soon,
        "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    house.becomes(&ended, Status::Accepted).await;
    // Longer than a step is tried.
    for _ in 0..600 {
        house.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    assert_eq!(house.platform.sent(), ["bye"]);
    house.store.takes_events(true);
    let ended = comes_to(&house, &ended, Status::Sent).await;
    assert_eq!(
        (house.platform.sent(), ended.degradations.len()),
        (vec!["bye".to_owned()], 0)
    );
    assert_eq!(house.store.events_now().len(), 1, "the session ended");
}

#[tokio::test]
async fn an_end_whose_words_were_under_way_when_the_bridge_ended_ends_its_session() {
    let house = asleep();
    let end =
        json!({"conversationKey": KEY, "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    house.store.began(&ended.message_id);
    house.wake();
    let ended = house.becomes(&ended, Status::Unknown).await;
    assert_eq!(code(&ended), "AMBIGUOUS");
    assert_eq!(house.store.events_now().len(), 1, "the session ended");
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn an_end_whose_closing_rides_ends_the_session_too() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let end = json!({"session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let messages = house.answer(&event, vec![end]).await;
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), ["bye"]);
    assert!(house.platform.sent().is_empty());
    assert_eq!(house.store.events_now().len(), 2);
}

#[tokio::test]
async fn an_end_that_is_carried_out_without_its_words_is_no_bad_news() {
    let house = awake();
    house.platform.will("/send", [says(99999)]);
    let end =
        json!({"conversationKey": KEY, "session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye"}}]}}});
    let ended = house.submit(end).await.expect("accepted");
    let ended = house.becomes(&ended, Status::Sent).await;
    assert_eq!((ended.degradations.len(), house.store.told().len()), (1, 0));
}

#[tokio::test]
async fn orders_that_the_platform_does_not_know_are_refused() {
    let house = awake();
    for (json, expected) in [
        (json!({"verb": "QUEUE"}), Status::Failed),
        (json!({"verb": "ASSIGN", "servicer": "anna"}), Status::Failed),
        (json!({"verb": "TAKE"}), Status::Sent),
    ] {
        let result = house
            .submit(json!({"conversationKey": KEY, "session": json}))
            .await
            .expect("accepted");
        house.becomes(&result, expected).await;
    }
    let recall = house
        .submit(json!({"conversationKey": KEY, "recallMessageId": "m"}))
        .await
        .expect("accepted");
    let recall = house.becomes(&recall, Status::Failed).await;
    assert_eq!(code(&recall), "INVALID_REQUEST", "no such message");
    house.store.state(KEY, |state| {
        state.conversation.as_mut().expect("set").session_state = v1::conversation::SessionState::Human as i32;
    });
    for json in [
        json!({"conversationKey": KEY, "session": {"verb": "TAKE"}}),
        json!({"conversationKey": KEY, "text": "x"}),
    ] {
        let result = house.submit(json).await.expect("accepted");
        let result = house.becomes(&result, Status::Failed).await;
        assert_eq!(code(&result), "SESSION_WITH_HUMAN");
    }
}

#[tokio::test]
async fn the_words_of_a_take_are_said_to_nobody_and_missed_in_its_result() {
    let house = awake();
    let take =
        json!({"conversationKey": KEY, "session": {"verb": "TAKE", "closing": {"parts": [{"text": {"body": "hi"}}]}}});
    let looked = house
        .outbound
        .submit(&Caller::default(), request(take.clone()), true)
        .await;
    assert_eq!(looked.expect("looked at").degradations.len(), 1);
    let taken = house.submit(take).await.expect("accepted");
    let taken = house.becomes(&taken, Status::Sent).await;
    assert_eq!(taken.degradations[0].from_type, "closing");
    let strict = json!({"conversationKey": KEY, "degrade": "REFUSE",
        "session": {"verb": "TAKE", "closing": {"parts": [{"text": {"body": "hi"}}]}}});
    let refused = house.submit(strict).await.expect_err("nothing may be lost");
    assert_eq!(refused.code, Code::InvalidRequest);
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn typing_uses_up_nothing() {
    let house = awake();
    house.wrote(1);
    let typing = house
        .submit(json!({"conversationKey": KEY, "typing": true}))
        .await
        .expect("accepted");
    house.becomes(&typing, Status::Sent).await;
    house.becomes(&house.say("a").await, Status::Sent).await;
    house.becomes(&house.say("b").await, Status::Failed).await;
    assert_eq!(house.platform.asked("/typing").len(), 1);
}

#[tokio::test]
async fn a_typing_sign_holds_up_no_words() {
    let house = awake();
    house.platform.will("/typing", [says(-1)]);
    let typing = json!({"conversationKey": KEY, "typing": true});
    let typing = house.submit(typing).await.expect("accepted");
    let words = house.say("a").await;
    house.becomes(&words, Status::Sent).await;
    assert_eq!(house.now_of(&typing).status(), Status::Failed);
}

#[tokio::test]
async fn without_api_the_words_of_an_end_are_cut_and_the_session_ends() {
    let house = awake();
    house.opened.observe(|it| it.api_shut = Some(Code::NotEntitled));
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let end = json!({"session": {"verb": "END", "closing": {"parts": [{"text": {"body": "bye|now"}}]}}});
    let location = json!({"message": {"parts": [{"location": {"latitude": 1.0, "longitude": 2.0}}]}});
    let messages = house.answer(&event, vec![location, end]).await;
    assert_eq!(code(&house.now_of(&messages[0].result)), "UNSUPPORTED_PART");
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), ["bye"]);
    assert!(house.platform.sent().is_empty());
    assert_eq!(house.store.events_now().len(), 2, "the session ended");
}
