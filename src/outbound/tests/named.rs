//! What becomes of a reply whose name stands for another message already, or that names an event which it cannot answer?

use super::*;

fn named(id: &str, text: &str) -> serde_json::Value {
    json!({ "text": text, "clientMessageId": id })
}

#[tokio::test]
async fn a_reply_with_a_used_name_fails_by_itself_and_leaves_the_open_request_to_the_next() {
    let house = awake();
    let event = house.wrote(1);
    let first = house.answer(&event, vec![named("x", "original")]).await;
    house.becomes(&first[0].result, Status::Sent).await;

    let event = house.wrote(2);
    house.windows.open(&event.event.id, START + 4_000, true);
    let replies = vec![named("x", "different"), json!({ "text": "fine" })];
    let messages = house.answer(&event, replies).await;
    assert_eq!(messages[0].client_message_id, format!("{}/0", event.event.id));
    assert_eq!(messages[0].result.status(), Status::Failed);
    assert_eq!(code(&messages[0].result), "IDEMPOTENCY_CONFLICT");
    house.becomes(&messages[1].result, Status::HandedOver).await;
    assert_eq!(house.windows.handed(&event.event.id), ["fine"]);
    let told = house.store.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].message_id, messages[0].result.message_id);
}

#[tokio::test]
async fn of_two_replies_with_one_name_the_second_fails_unless_it_is_the_same() {
    let house = awake();
    let event = house.wrote(1);
    let replies = vec![named("x", "one"), named("x", "two"), named("x", "one")];
    let messages = house.answer(&event, replies).await;
    let ended: Vec<_> = messages
        .iter()
        .map(|it| (it.result.status(), code(&it.result)))
        .collect();
    assert_eq!(
        ended,
        [(Status::Accepted, ""), (Status::Failed, "IDEMPOTENCY_CONFLICT")]
    );
    house.becomes(&messages[0].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["one"]);
}

#[tokio::test]
async fn a_name_that_is_taken_while_the_reply_is_planned_fails_it_too() {
    let house = awake();
    let event = house.wrote(1);
    let prepared = house
        .outbound
        .prepare(&event, vec![Ok(request(named("x", "late")))])
        .await;
    let first = house.answer(&event, vec![named("x", "first")]).await;
    let take = Take {
        conversation: event.conversation,
        row: event.row,
        seq: 1,
        before: Vec::new(),
        replies: prepared.messages(),
        hurries: false,
    };
    let took = house.store.take(take).await.expect("taken");
    prepared.committed(&took);
    until(|| house.store.told().len() == 1, "the core hears of it").await;
    assert_eq!(code(&house.store.told()[0]), "IDEMPOTENCY_CONFLICT");
    house.becomes(&first[0].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["first"]);
}

#[tokio::test]
async fn a_reply_to_an_event_that_is_not_here_fails_by_itself_and_one_to_an_earlier_event_goes() {
    let house = awake();
    let (earlier, event) = (house.wrote(1), house.wrote(2));
    house.windows.open(&event.event.id, START + 4_000, true);
    let replies = vec![
        json!({ "text": "lost", "inReplyTo": "no-such-event" }),
        json!({ "text": "late", "inReplyTo": earlier.event.id() }),
        json!({ "text": "now" }),
    ];
    let messages = house.answer(&event, replies).await;
    assert_eq!(code(&messages[0].result), "INVALID_REQUEST");
    house.becomes(&messages[1].result, Status::Sent).await;
    house.becomes(&messages[2].result, Status::Sent).await;
    assert_eq!(house.platform.sent(), ["late", "now"]);
    assert_eq!(house.store.told().len(), 1);
}
