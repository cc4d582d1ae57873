//! Does every message of a conversation go once and in its turn, and is what cannot go refused at once?

use super::*;

#[tokio::test]
async fn one_account_has_its_share_and_all_of_it_goes() {
    let house = awake();
    house.becomes(&house.say("first").await, Status::Sent).await;
    let slow = house.platform.gate.write().await;
    let mut sent = Vec::new();
    for who in 0..70 {
        let to = format!("official_account:wx1:u:c{who}");
        let message = house.submit(json!({ "conversationKey": to, "text": "hi" })).await;
        sent.push(message.expect("accepted"));
    }
    until(|| house.platform.sent().len() > 64, "its share is under way").await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.platform.sent().len(), 1 + 64);
    drop(slow);
    for message in &sent {
        house.becomes(message, Status::Sent).await;
    }
    assert_eq!(house.platform.sent().len(), 71);
}

#[tokio::test]
async fn messages_of_one_conversation_go_in_order_one_at_a_time() {
    let house = awake();
    let mut last = None;
    for index in 0..20 {
        last = Some(house.say(&format!("m{index}")).await);
    }
    house.becomes(&last.expect("sent"), Status::Sent).await;
    let expected: Vec<String> = (0..20).map(|index| format!("m{index}")).collect();
    assert_eq!(house.platform.sent(), expected);
    assert!(!house.platform.overlapped());
    assert!(house.store.told().is_empty(), "good news are told only where asked for");
}

#[tokio::test]
async fn the_same_key_and_request_is_one_message_another_request_a_conflict() {
    let house = awake();
    let first = json!({"conversationKey": KEY, "text": "a", "clientMessageId": "k"});
    let one = house.submit(first.clone()).await.expect("accepted");
    house.becomes(&one, Status::Sent).await;
    let again = house.submit(first).await.expect("the same");
    assert_eq!((again.message_id, again.status), (one.message_id, Status::Sent as i32));
    let other = house
        .submit(json!({"conversationKey": KEY, "text": "b", "clientMessageId": "k"}))
        .await;
    assert_eq!(other.map_err(|fault| fault.code), Err(Code::IdempotencyConflict));
    assert_eq!(house.platform.sent(), ["a"]);
}

#[tokio::test]
async fn what_the_request_alone_shows_is_a_fault() {
    let house = asleep();
    for (json, expected) in [
        (json!({"text": "x"}), Code::InvalidRequest),
        (
            json!({"conversationKey": "official_account:other:u:o1", "text": "x"}),
            Code::AccountUnknown,
        ),
        (json!({"inReplyTo": "nobody's", "text": "x"}), Code::InvalidRequest),
        (
            json!({"conversationKey": KEY, "message": {"parts": [{"image": {"handle": "gone"}}]}}),
            Code::InvalidRequest,
        ),
    ] {
        let refused = house.submit(json.clone()).await;
        assert_eq!(refused.map_err(|fault| fault.code), Err(expected), "{json}");
    }
    let stranger = Caller {
        core: None,
        accounts: vec!["other-*".into()],
    };
    let refused = house
        .outbound
        .submit(&stranger, request(json!({"conversationKey": KEY, "text": "x"})), false)
        .await;
    assert_eq!(refused.map_err(|fault| fault.code), Err(Code::Forbidden));
}

#[tokio::test]
async fn a_card_in_sobots_words_is_sent_and_kept_as_it_was_asked() {
    let house = awake();
    let info = json!({"cardGuide": "Kettle", "cardLink": "https://shop.example/k", "cardTrigger": 1}).to_string();
    let part = json!({"card": {}, "extJson": {"sobot.card_info": info}});
    let sent = house
        .submit(json!({"conversationKey": KEY, "message": {"parts": [part]}}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["Kettle"]);
    let Some(v1::send_request::What::Message(asked)) = &house.store.all()[0].request.what else {
        panic!("a message")
    };
    assert_eq!(asked.parts[0].ext_json["sobot.card_info"], info, "no field is lost");
}

#[tokio::test]
async fn a_preview_sends_nothing_and_has_no_status() {
    let house = awake();
    let ask = |text: &str| request(json!({"conversationKey": KEY, "text": text}));
    let preview = house
        .outbound
        .submit(&Caller::default(), ask("a"), true)
        .await
        .expect("a preview");
    assert_eq!(
        (preview.status, preview.road()),
        (0, v1::send_result::Road::CustomerService)
    );
    house.wrote(1);
    let preview = house
        .outbound
        .submit(&Caller::default(), ask("a|b"), true)
        .await
        .expect("a preview");
    assert_eq!((preview.status, code(&preview)), (0, "QUOTA_EXHAUSTED"));
    assert!(house.store.all().is_empty() && house.platform.sent().is_empty());
}
