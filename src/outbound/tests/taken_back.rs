//! What can be taken back, and what is said where it cannot?

use super::*;

#[tokio::test]
async fn a_message_of_two_pieces_is_taken_back_by_both_its_ids_and_the_core_hears_of_it() {
    let house = awake();
    let with_id = |id: &str| Does::Says(json!({"errcode": 0, "msgid": id}));
    house.platform.will("/send", [with_id("m1"), with_id("m2")]);
    let sent = house
        .submit(json!({"conversationKey": KEY, "text": "a|b"}))
        .await
        .expect("accepted");
    house.becomes(&sent, Status::Sent).await;
    house.platform.will("/recall", [Does::Lost]);
    let order = json!({"conversationKey": KEY, "recallMessageId": sent.message_id});
    let order = house.submit(order).await.expect("accepted");
    until(
        || house.platform.asked("/recall").len() == 1 && house.now_of(&order).error.is_some(),
        "the first try",
    )
    .await;
    house.clock.advance(Duration::from_secs(1));
    house.becomes(&order, Status::Sent).await;
    assert_eq!(
        house.platform.asked("/recall"),
        ["m1", "m1", "m2"],
        "a lost answer is asked for again"
    );
    let told = house.store.told();
    let result = told.last().expect("told");
    assert_eq!(
        (result.message_id.as_str(), result.status()),
        (sent.message_id.as_str(), Status::Recalled)
    );
    recalled(&house, &sent.message_id, Status::Sent).await;
    assert_eq!(house.platform.asked("/recall").len(), 3, "taken back already");
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_said() {
    let house = awake();
    house.platform.will(
        "/send",
        [
            Does::Says(json!({"errcode": 0})),
            Does::Says(json!({"errcode": 0, "msgid": "stays"})),
        ],
    );
    for _ in 0..2 {
        let sent = house
            .submit(json!({"conversationKey": KEY, "text": "a"}))
            .await
            .expect("accepted");
        house.becomes(&sent, Status::Sent).await;
        let failed = recalled(&house, &sent.message_id, Status::Failed).await;
        assert_eq!(code(&failed), "UNSUPPORTED_PART");
    }
    let stranger = house
        .submit(json!({"conversationKey": "official_account:wx1:u:o2", "text": "a"}))
        .await
        .expect("accepted");
    house.becomes(&stranger, Status::Sent).await;
    let failed = recalled(&house, &stranger.message_id, Status::Failed).await;
    assert_eq!(code(&failed), "INVALID_REQUEST", "another conversation's");
}

#[tokio::test]
async fn a_held_message_is_taken_back_without_a_call() {
    let house = awake();
    house.platform.will("/send", [says(45015)]);
    let hold = json!({"conversationKey": KEY, "text": "later", "noAllowance": "HOLD_FOR_CUSTOMER"});
    let held = house.submit(hold).await.expect("accepted");
    house.becomes(&held, Status::Held).await;
    recalled(&house, &held.message_id, Status::Sent).await;
    house.becomes(&held, Status::Recalled).await;
    assert!(house.platform.asked("/recall").is_empty());
}
