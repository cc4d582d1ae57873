//! What becomes of the words that go back?

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::testing::{CUSTOMER, KF, NOW, settings, text},
    SEND, STATE, code, house, key, spoken,
};
use crate::{
    error::{Code, pages},
    schema::v1::{
        conversation::SessionState,
        event::Body,
        send_result::{Road, Status},
    },
};

#[tokio::test]
async fn a_message_goes_under_an_id_of_ours_to_the_place_that_the_customer_wrote_to() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    assert_eq!(house.state().await.0, SessionState::New);
    let result = house.says(json!({ "conversationKey": key(), "text": "你好" })).await;
    assert_eq!((result.status(), result.road()), (Status::Sent, Road::Kf), "{result:?}");
    let sent = house.sent(SEND);
    assert_eq!(
        (sent[0]["touser"].as_str(), sent[0]["open_kfid"].as_str()),
        (Some(CUSTOMER), Some(KF))
    );
    let msgid = sent[0]["msgid"].as_str().expect("an id").to_owned();
    assert!(msgid.len() <= 32);
    assert_eq!(
        house.state().await.0,
        SessionState::Assistant,
        "0 becomes 1 by speaking"
    );
    // What the platform says later of this very message.
    let fail = json!({ "msgid": "f1", "send_time": NOW / 1_000, "origin": 4, "msgtype": "event", "event": {
        "event_type": "msg_send_fail", "open_kfid": KF, "external_userid": CUSTOMER, "fail_msgid": msgid, "fail_type": 10,
    } });
    house.pulls(vec![fail.clone(), json!({ "again": fail })]).await;
    let events = house.events().await;
    let told: Vec<_> = events
        .iter()
        .filter_map(|it| match &it.event.body {
            Some(Body::Delivery(update)) => update.result.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].status(), code(&told[0])), (Status::Failed, "REFUSED_BY_USER"));
    assert_eq!(told[0].message_id, result.message_id);
}

#[tokio::test]
async fn five_messages_and_no_sixth_before_the_customer_writes_again() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    for _ in 0..5 {
        let result = house.says(json!({ "conversationKey": key(), "text": "hi" })).await;
        assert_eq!(result.status(), Status::Sent);
    }
    let sixth = house.says(json!({ "conversationKey": key(), "text": "hi" })).await;
    assert_eq!((sixth.status(), code(&sixth)), (Status::Failed, "QUOTA_EXHAUSTED"));
    assert_eq!(house.sent(SEND).len(), 5, "refused before the platform is called");
    let tap = json!({ "msgid": "t1", "open_kfid": KF, "external_userid": CUSTOMER, "send_time": NOW / 1_000 + 300, "origin": 3,
        "msgtype": "text", "text": { "content": "yes", "menu_id": "y" } });
    house.pulls(vec![tap]).await;
    let tried = house.says(json!({ "conversationKey": key(), "text": "hi" })).await;
    assert_eq!(
        tried.status(),
        Status::Sent,
        "whether a tap counts is not documented: tried"
    );
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_id_at_most_twice() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    let lost = json!({ "lost": true });
    house.will(SEND, vec![lost.clone(), lost.clone()]);
    let result = house.says(json!({ "conversationKey": key(), "text": "a" })).await;
    assert_eq!(result.status(), Status::Sent);
    let ids: Vec<Value> = house.sent(SEND).iter().map(|it| it["msgid"].clone()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| *id == ids[0]));
    house.will(
        SEND,
        vec![lost.clone(), json!({ "errcode": 40058, "errmsg": "invalid msgid" })],
    );
    let result = house.says(json!({ "conversationKey": key(), "text": "b" })).await;
    assert_eq!(
        (result.status(), code(&result)),
        (Status::Unknown, "AMBIGUOUS"),
        "it may say that the first arrived: never FAILED"
    );
    let why = result.error.expect("said");
    assert_eq!(
        (why.platform_code, why.platform_message.as_str(), why.retryable),
        (40058, "invalid msgid", false)
    );
    assert!(
        why.remedy.contains(pages::page(Code::Ambiguous).remedy_en),
        "{}",
        why.remedy
    );
    house.will(SEND, vec![lost.clone(), lost.clone(), lost]);
    let result = house.says(json!({ "conversationKey": key(), "text": "c" })).await;
    assert_eq!((result.status(), code(&result)), (Status::Unknown, "AMBIGUOUS"));
    assert_eq!(house.sent(SEND).len(), 3 + 2 + 3);
}

#[tokio::test]
async fn what_the_state_forbids_is_asked_about_and_named() {
    for (state, servicer, expected) in [
        (0, "", "WINDOW_CLOSED"),
        (1, "", "WINDOW_CLOSED"),
        (2, "", "SESSION_WITH_HUMAN"),
        (3, "lisi", "SESSION_WITH_HUMAN"),
        (4, "", "SESSION_ENDED"),
    ] {
        let (house, _dir) = house(settings(), spoken()).await;
        let _talk = house.talk();
        house.will(
            SEND,
            vec![json!({ "errcode": 95018, "errmsg": "send msg session status invalid" })],
        );
        house.will(
            STATE,
            vec![json!({ "errcode": 0, "service_state": state, "servicer_userid": servicer })],
        );
        let result = house.says(json!({ "conversationKey": key(), "text": "a" })).await;
        assert_eq!(
            (result.status(), code(&result)),
            (Status::Failed, expected),
            "state {state}"
        );
        let why = result.error.as_ref().expect("why");
        assert_eq!(why.platform_message.contains("lisi"), state == 3, "{why:?}");
        let held = expected == "SESSION_WITH_HUMAN";
        assert_eq!(why.remedy.contains("see who holds it"), held, "{why:?}");
        assert_eq!(why.remedy.contains("until the customer writes again"), !held, "{why:?}");
        assert_eq!(house.state().await.1, servicer);
    }
}

#[tokio::test]
async fn what_the_state_of_nobody_forbids_is_kept_for_the_customer() {
    for state in [0, 1] {
        let (house, _dir) = house(settings(), spoken()).await;
        let _talk = house.talk();
        let refusal = json!({ "errcode": 95018, "errmsg": "send msg session status invalid" });
        house.will(SEND, vec![refusal]);
        house.will(STATE, vec![json!({ "errcode": 0, "service_state": state })]);
        let answer = json!({ "conversationKey": key(), "text": "answer", "noAllowance": "HOLD_FOR_CUSTOMER" });
        let held = house.says(answer).await;
        assert_eq!((held.status(), code(&held)), (Status::Held, "WINDOW_CLOSED"), "{state}");
        assert!(held.allowances.is_empty(), "{held:?}");
        house.pulls(vec![text("m2", "are you there?", -361_000)]).await;
        let limit = tokio::time::Instant::now() + Duration::from_secs(20);
        while house.sent(SEND).len() < 2 {
            assert!(tokio::time::Instant::now() < limit, "not sent, state {state}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(house.sent(SEND)[1]["text"]["content"], "answer");
    }
}
