//! What is said of a message that is quoted by its id?

use super::*;

/// The customer says `words`.
fn asked(house: &House, words: &str, platform_id: &str) -> Arc<Stored> {
    let said = v1::Message {
        platform_message_id: platform_id.to_owned(),
        summary: words.to_owned(),
        ..Default::default()
    };
    house.store.customer_said(&house.opened.describe, KEY, 9, said)
}

fn quoting(quote: serde_json::Value) -> serde_json::Value {
    json!({"conversationKey": KEY, "message": {"parts": [{"text": {"body": "199"}}], "quote": quote}})
}

async fn said(house: &House, quote: serde_json::Value) -> String {
    let sent = house.submit(quoting(quote)).await.expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    house.platform.sent().pop().expect("sent")
}

#[tokio::test]
async fn a_message_quoted_by_an_id_is_quoted_with_its_words() {
    let house = awake();
    let event = asked(&house, "how much?", "17");
    let ours = house.say("a fair price").await;
    house.becomes(&ours, Status::Sent).await;
    assert_eq!(said(&house, json!({"eventId": event.event.id})).await, "<how much?>199");
    assert_eq!(said(&house, json!({"messageId": "17"})).await, "<how much?>199");
    assert_eq!(
        said(&house, json!({"messageId": ours.message_id})).await,
        "<a fair price>199"
    );
    let part = json!({"eventId": event.event.id, "summary": "much"});
    assert_eq!(said(&house, part).await, "<much>199", "the core's own words come first");
    assert_eq!(
        said(&house, json!({"messageId": "long ago"})).await,
        "<>199",
        "left to the renderer"
    );
}

#[tokio::test]
async fn a_card_or_a_menu_cannot_be_quoted() {
    let house = awake();
    house.wrote(5);
    for what in [json!({"card": {"title": "T"}}), json!({"menu": {"head": "H"}})] {
        let parts = json!({"conversationKey": KEY, "message": {"parts": [what]}});
        let card = house.submit(parts).await.expect("accepted");
        house.becomes(&card, Status::Sent).await;
        let before = house.platform.sent().len();
        let quote = quoting(json!({"messageId": card.message_id}));
        let preview = house
            .outbound
            .submit(&Caller::default(), request(quote.clone()), true)
            .await;
        assert_eq!(code(&preview.expect("a preview")), "NOT_QUOTABLE");
        let refused = house.submit(quote).await.expect("accepted");
        let refused = house.becomes(&refused, Status::Failed).await;
        assert_eq!(code(&refused), "NOT_QUOTABLE");
        assert_eq!(house.platform.sent().len(), before, "nothing was sent");
    }
}

#[tokio::test]
async fn what_another_conversation_said_is_not_told_by_a_quote() {
    let house = awake();
    house.wrote(5);
    let other = house
        .store
        .customer_wrote(&house.opened.describe, "official_account:wx1:u:o2", 5);
    assert_eq!(said(&house, json!({"eventId": other.event.id})).await, "<>199");
}

#[tokio::test]
async fn an_answer_in_the_open_request_quotes_too() {
    let house = asleep();
    let event = asked(&house, "how much?", "17");
    house.windows.open(&event.event.id, START + 4_000, true);
    let quote = json!({"message": {"parts": [{"text": {"body": "199"}}], "quote": {"eventId": event.event.id}}});
    house.answer(&event, vec![quote]).await;
    assert_eq!(house.windows.handed(&event.event.id), ["<how much?>199"]);
}
