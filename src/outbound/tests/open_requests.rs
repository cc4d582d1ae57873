//! Does an answer ride in the open request once, and where does it go when that one closes?

use super::*;

#[tokio::test]
async fn the_first_reply_rides_and_the_rest_goes_by_the_api() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house
        .answer(
            &event,
            vec![json!({"text": "a|b"}), json!({"text": "c"}), json!({"text": ""})],
        )
        .await;
    assert_eq!(messages[0].client_message_id, "event-1/0");
    assert_eq!(messages[1].client_message_id, "event-1/1");
    assert_eq!(messages[2].result.status(), Status::Failed);
    house.becomes(&messages[0].result, Status::Sent).await;
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
    assert_eq!(house.platform.sent(), ["b", "c"]);
    assert_eq!(house.store.told().len(), 1, "the bad one alone");
}

#[tokio::test]
async fn a_typing_sign_does_not_stand_behind_the_answer_that_it_announced() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let replies = vec![
        json!({"typing": true}),
        json!({"text": "a"}),
        json!({"typing": true}),
        json!({"text": "b"}),
    ];
    let messages = house.answer(&event, replies).await;
    let overtaken = house.now_of(&messages[0].result);
    assert_eq!((overtaken.status(), code(&overtaken)), (Status::Expired, "EXPIRED"));
    assert_eq!(house.now_of(&messages[1].result).status(), Status::HandedOver);
    house.becomes(&messages[2].result, Status::Sent).await;
    house.becomes(&messages[3].result, Status::Sent).await;
    assert_eq!(house.platform.asked("/typing").len(), 1);
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
}

#[tokio::test]
async fn one_short_reply_is_handed_over_and_final() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
    let again = house.outbound.take_kept(event.row).await;
    assert_eq!(
        again.as_deref(),
        Some(&b"a"[..]),
        "a repeated callback gets the same answer"
    );
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn nothing_leaves_when_the_commit_did_not_happen() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let prepared = house
        .outbound
        .prepare(&event, vec![Ok(request(json!({"text": "a"})))])
        .await;
    prepared.abandoned();
    let messages = house.answer(&event, vec![json!({"text": "b"})]).await;
    assert_eq!(
        messages[0].result.status(),
        Status::HandedOver,
        "the claim was given back"
    );
    assert_eq!(house.windows.handed(&event.event.id), ["b"]);
    let before = house
        .outbound
        .prepare(&event, vec![Ok(request(json!({"text": "c"})))])
        .await;
    before.committed(&Took::Before);
    assert_eq!(house.windows.handed(&event.event.id), ["b"]);
}

#[tokio::test]
async fn a_closed_request_keeps_the_answer_and_after_eight_seconds_the_api_carries_it_once() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house
        .answer(&event, vec![json!({"text": "a"}), json!({"text": "b"})])
        .await;
    house.becomes(&messages[0].result, Status::Accepted).await;
    house.clock.advance(Duration::from_millis(7_999));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(house.platform.sent().is_empty(), "the next attempt may still come");
    house.clock.advance(Duration::from_millis(1));
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"]);
    assert_eq!(house.outbound.take_kept(event.row).await, None, "it has gone");
}

#[tokio::test]
async fn the_eight_seconds_count_from_when_the_platform_left() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 14_000, true);
    house.windows.left(&event.event.id, START + 5_000);
    house.clock.advance(Duration::from_secs(11));
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    assert_eq!(messages[0].result.status(), Status::Accepted, "nobody has it yet");
    house.clock.advance(Duration::from_millis(1_999));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(house.platform.sent().is_empty(), "the next attempt may still come");
    house.clock.advance(Duration::from_millis(1));
    house.becomes(&messages[0].result, Status::Sent).await;
}

#[tokio::test]
async fn what_finds_nobody_is_handed_over_when_the_next_attempt_takes_it() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    house.windows.left(&event.event.id, START);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    assert_eq!(messages[0].result.status(), Status::Accepted);
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    house.clock.advance(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(house.platform.sent().is_empty() && house.windows.handed(&event.event.id).is_empty());
}

#[tokio::test]
async fn a_closed_request_keeps_the_answer_and_the_next_attempt_takes_it_once() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    house.becomes(&messages[0].result, Status::Accepted).await;
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    house.clock.advance(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn without_api_a_kept_answer_that_nobody_fetched_expires_and_a_long_one_is_cut() {
    let house = awake();
    house.opened.observe(|it| it.api_shut = Some(Code::NotEntitled));
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let kept = house.answer(&event, vec![json!({"text": "a"})]).await;
    house.becomes(&kept[0].result, Status::Accepted).await;
    house.clock.advance(Duration::from_secs(8));
    house.becomes(&kept[0].result, Status::Expired).await;

    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 14_000, true);
    let messages = house
        .answer(
            &event,
            vec![json!({"text": "a|b", "degrade": "REFUSE"}), json!({"text": "c|d"})],
        )
        .await;
    assert_eq!(code(&house.now_of(&messages[0].result)), "TOO_LONG");
    let cut = house.now_of(&messages[1].result);
    assert_eq!((cut.status(), cut.degradations.len()), (Status::HandedOver, 1));
    assert_eq!(house.windows.handed(&event.event.id), ["c"]);
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn what_a_passive_answer_leaves_unsaid_is_told_with_it_and_before_it() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let marked = json!({"inReplyTo": event.event.id, "text": "marked"});
    let preview = house
        .outbound
        .submit(&Caller::default(), request(marked.clone()), true)
        .await
        .expect("a preview");
    assert_eq!(preview.degradations.len(), 1);
    let sent = house.submit(marked).await.expect("accepted");
    let sent = house.becomes(&sent, Status::HandedOver).await;
    assert_eq!(sent.degradations, preview.degradations);
    let by_api = house.say("marked").await;
    assert!(house.becomes(&by_api, Status::Sent).await.degradations.is_empty());
}

#[tokio::test]
async fn a_send_in_answer_to_an_event_rides_while_its_request_is_kept_open() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let sent = house
        .submit(json!({"inReplyTo": event.event.id, "text": "a"}))
        .await
        .expect("accepted");
    assert_eq!(sent.status(), Status::HandedOver);
    assert_eq!(house.windows.handed(&event.event.id), ["a"]);
    let late = house
        .submit(json!({"inReplyTo": event.event.id, "text": "b"}))
        .await
        .expect("accepted");
    house.becomes(&late, Status::Sent).await;
    let too_late = json!({"inReplyTo": event.event.id, "text": "c", "route": "PASSIVE_ONLY"});
    let too_late = house.submit(too_late).await.expect("accepted");
    house.becomes(&too_late, Status::Expired).await;
    assert_eq!(house.platform.sent(), ["b"]);
}

#[tokio::test]
async fn a_picture_that_is_not_uploaded_in_time_goes_by_the_api() {
    let house = awake();
    let event = house.wrote(5);
    let media = house.kept(b"\x89PNG\r\n\x1a\n").await;
    house.windows.open(&event.event.id, START + 4_000, true);
    let slow = house.platform.gate.write().await;
    let (outbound, at, handle) = (house.outbound.clone(), event.clone(), media.handle.clone());
    let preparing = tokio::spawn(async move {
        let reply = request(json!({"message": {"parts": [{"image": {"handle": handle}}]}}));
        outbound.prepare(&at, vec![Ok(reply)]).await.messages()
    });
    until(|| !house.platform.asked("/token").is_empty(), "the upload began").await;
    house.clock.advance(Duration::from_secs(4));
    let messages = preparing.await.expect("prepared");
    assert_eq!(messages[0].result.status(), Status::Accepted);
    drop(slow);
    let quick = house
        .answer(
            &event,
            vec![json!({"message": {"parts": [{"image": {"handle": media.handle}}]}})],
        )
        .await;
    house.becomes(&quick[0].result, Status::Sent).await;
    assert_eq!(
        (house.platform.sent(), house.platform.asked("/upload").len()),
        (vec!["M1".to_owned()], 1)
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_had_at_first_is_asked_for_again_while_the_request_is_open() {
    let house = awake();
    let event = house.wrote(5);
    let media = house.kept(b"\x89PNG\r\n\x1a\n").await;
    house.windows.open(&event.event.id, START + 4_000, true);
    house.platform.will("/upload", [says(-1)]);
    let image = json!({"message": {"parts": [{"image": {"handle": media.handle}}]}});
    let waiting = async {
        until(|| house.platform.asked("/upload").len() == 1, "the first upload").await;
        house.clock.advance(Duration::from_millis(300));
    };
    let (messages, ()) = tokio::join!(house.answer(&event, vec![image]), waiting);
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    assert_eq!(house.platform.asked("/upload").len(), 2);
    assert!(house.platform.sent().is_empty());
}

#[tokio::test]
async fn a_kept_answer_that_is_fetched_is_told_as_handed_over_once() {
    let core = Core {
        all_delivery_updates: true,
        ..core()
    };
    let house = asleep_with(None, core);
    house.wake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house.answer(&event, vec![json!({"text": "a"})]).await;
    house.becomes(&messages[0].result, Status::Accepted).await;
    assert!(house.outbound.take_kept(event.row).await.is_some());
    house.becomes(&messages[0].result, Status::HandedOver).await;
    let told: Vec<_> = house.store.told().iter().map(v1::SendResult::status).collect();
    assert_eq!(told, [Status::HandedOver]);
}

#[tokio::test]
async fn an_answer_that_was_kept_after_its_lane_was_read_is_said_once() {
    let house = asleep();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, false);
    let messages = house.answer(&event, vec![json!({"text": "a|b"})]).await;
    until(|| house.store.all()[0].pieces_done == 0, "kept").await;
    let mut as_read = house.store.all()[0].clone();
    (as_read.pieces_done, as_read.next_attempt) = (1, START);
    let turn = house.outbound.turn_of(&Arc::new(as_read), None).await;
    assert!(matches!(turn, Ok(super::dispatch::Turn::WaitsUntil(at)) if at == START + 8_000));
    assert!(house.platform.sent().is_empty());
    house.clock.advance(Duration::from_secs(8));
    house.wake();
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["a", "b"]);
}

#[tokio::test]
async fn a_repeated_callback_gets_the_same_answer_while_the_rest_goes_and_when_it_is_held() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let slow = house.platform.gate.write().await;
    house.platform.will("/send", [says(45047)]);
    let messages = house
        .answer(&event, vec![json!({"text": "a|b", "noAllowance": "HOLD_FOR_CUSTOMER"})])
        .await;
    until(|| !house.platform.asked("/token").is_empty(), "the rest is under way").await;
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    drop(slow);
    house.becomes(&messages[0].result, Status::Held).await;
    assert_eq!(house.outbound.take_kept(event.row).await.as_deref(), Some(&b"a"[..]));
    house.clock.advance(Duration::from_secs(1));
    house.wrote(5);
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(
        house.platform.sent(),
        ["b", "b"],
        "the piece that rode is not said again"
    );
}

#[tokio::test]
async fn an_answer_whose_time_is_over_does_not_ride_and_the_next_one_does() {
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let end = crate::schema::Timestamp::from_millis(START).to_rfc3339_millis();
    let late = json!({"text": "a", "notAfter": end});
    let messages = house.answer(&event, vec![late, json!({"text": "b"})]).await;
    house.becomes(&messages[0].result, Status::Expired).await;
    assert_eq!(house.now_of(&messages[1].result).status(), Status::HandedOver);
    assert_eq!(house.windows.handed(&event.event.id), ["b"]);
    let told: Vec<_> = messages.iter().map(|it| it.tell).collect();
    assert_eq!(told, [true, false]);
    assert!(house.platform.sent().is_empty());
}

/// Nothing else may carry it, so the request is left to it, wherever in the answer it stands.
#[tokio::test]
async fn what_can_only_ride_gets_the_open_request_and_the_others_go_by_the_api() {
    let transfer = || json!({"message": {"parts": [{"transfer": {}}]}});
    let house = awake();
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house
        .answer(&event, vec![json!({"text": "a"}), json!({"text": "b"}), transfer()])
        .await;
    house.becomes(&messages[1].result, Status::Sent).await;
    assert_eq!(house.now_of(&messages[2].result).status(), Status::HandedOver);
    assert_eq!(house.windows.handed(&event.event.id), [""]);
    assert_eq!(house.platform.sent(), ["a", "b"]);

    let house = awake();
    house.opened.observe(|it| it.api_shut = Some(Code::NotEntitled));
    let event = house.wrote(5);
    house.windows.open(&event.event.id, START + 4_000, true);
    let messages = house.answer(&event, vec![json!({"text": "a"}), transfer()]).await;
    assert_eq!(house.now_of(&messages[0].result).status(), Status::HandedOver);
    assert_eq!(
        house.windows.handed(&event.event.id),
        ["a"],
        "it has no other road either"
    );
}
