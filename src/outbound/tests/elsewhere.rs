//! What becomes of what waits when the account's id comes to stand for another place of the platform's?

use super::*;

const THERE: &str = "official_account:wx2:u:o1";

impl House {
    /// The account's id stands for another app from now on.
    fn moves(&self) {
        self.outbound.parts.registry.replace([opened_elsewhere()]);
    }
}

async fn tried_once(house: &House, path: &str, result: &v1::SendResult) {
    let tried = || house.platform.asked(path).len() == 1 && house.now_of(result).error.is_some();
    until(tried, "the first try").await;
}

#[tokio::test]
async fn what_waits_goes_to_nobody_else_and_the_core_hears_that_it_failed() {
    let house = awake();
    house.platform.will("/send", [Does::Says(json!({"errcode": -1}))]);
    let stuck = house.say("stuck").await;
    tried_once(&house, "/send", &stuck).await;
    let behind = house.say("behind").await;
    let typing = house.submit(json!({"conversationKey": KEY, "typing": true})).await;
    let typing = typing.expect("accepted");
    house.moves();
    house.clock.advance(Duration::from_secs(2));
    for waited in [&stuck, &behind, &typing] {
        let failed = house.becomes(waited, Status::Failed).await;
        assert_eq!(code(&failed), "ACCOUNT_UNKNOWN");
        let why = failed.error.expect("why").platform_message;
        assert!(why.contains("another platform id"), "{why}");
        assert!(house.store.told().iter().any(|it| it.message_id == waited.message_id));
    }
    assert_eq!(house.platform.sent(), ["stuck"], "the try before");
    let here = house.submit(json!({"conversationKey": THERE, "text": "here"})).await;
    house.becomes(&here.expect("accepted"), Status::Sent).await;
}

#[tokio::test]
async fn an_id_that_comes_back_to_its_place_sends_what_waits() {
    let house = asleep();
    house.moves();
    house.outbound.parts.registry.replace([opened()]);
    let waits = house.say("waits").await;
    house.wake();
    house.becomes(&waits, Status::Sent).await;
}

#[tokio::test]
async fn of_a_lost_answer_nothing_more_is_known() {
    let house = awake();
    house.platform.will("/send", [Does::Lost]);
    let order = json!({"conversationKey": KEY, "text": "once", "onAmbiguous": "RETRY"});
    let lost = house.submit(order).await.expect("accepted");
    tried_once(&house, "/send", &lost).await;
    house.moves();
    house.clock.advance(Duration::from_secs(2));
    let unknown = house.becomes(&lost, Status::Unknown).await;
    assert_eq!(code(&unknown), "AMBIGUOUS");
    assert_eq!(house.platform.sent().len(), 1);
}

#[tokio::test]
async fn nothing_is_taken_back_elsewhere() {
    let house = awake();
    let with_id = Does::Says(json!({"errcode": 0, "msgid": "m1"}));
    house.platform.will("/send", [with_id]);
    let sent = house.say("a").await;
    house.becomes(&sent, Status::Sent).await;
    house.platform.will("/recall", [Does::Lost]);
    let order = json!({"conversationKey": KEY, "recallMessageId": sent.message_id});
    let order = house.submit(order).await.expect("accepted");
    tried_once(&house, "/recall", &order).await;
    house.moves();
    house.clock.advance(Duration::from_secs(2));
    let failed = house.becomes(&order, Status::Failed).await;
    assert_eq!(code(&failed), "ACCOUNT_UNKNOWN");
    assert_eq!(house.platform.asked("/recall").len(), 1);
}

#[tokio::test]
async fn a_reply_to_an_event_of_the_place_before_fails() {
    let house = awake();
    let event = house.wrote(1);
    house.moves();
    let replies = house.answer(&event, vec![json!({"text": "to whom?"})]).await;
    let result = &replies[0].result;
    assert_eq!((result.status(), code(result)), (Status::Failed, "ACCOUNT_UNKNOWN"));
    assert!(replies[0].tell);
    assert!(house.platform.sent().is_empty());
}
