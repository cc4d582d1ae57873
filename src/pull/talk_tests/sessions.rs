//! How do the platform's own sessions move, by our orders and by its colleagues' hands?

use serde_json::{Value, json};

use super::{
    super::testing::{CORP, CUSTOMER, KF, NOW, settings, text},
    CHANGE, SEND, SEND_ON_EVENT, STATE, code, house, key, spoken,
};
use crate::{
    outbound::Caller,
    ports::store::{RecordWrite, Store as _},
    schema::{
        json::{Unknown, from_value},
        v1::{
            conversation::SessionState,
            event::Body,
            send_result::{Road, Status},
        },
    },
};

#[tokio::test]
async fn an_end_moves_the_session_and_its_words_go_by_the_code_that_comes_back() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    house.will(
        CHANGE,
        vec![json!({ "errcode": 0, "errmsg": "ok", "msg_code": "END1" })],
    );
    let closing = json!({ "parts": [{ "text": { "body": "再见" } }] });
    let order = json!({ "conversationKey": key(), "session": { "verb": "END", "closing": closing } });
    let result = house.says(order.clone()).await;
    assert_eq!(
        (result.status(), result.road()),
        (Status::Sent, Road::KfEvent),
        "{result:?}"
    );
    assert_eq!(house.sent(CHANGE)[0]["service_state"], 4);
    let words = &house.sent(SEND_ON_EVENT)[0];
    assert_eq!(
        (words["code"].as_str(), words["text"]["content"].as_str()),
        (Some("END1"), Some("再见"))
    );
    assert_eq!(house.state().await.0, SessionState::Ended);
    // Ended before, or by somebody else: done, and what could not be said is told.
    house.will(CHANGE, vec![json!({ "errcode": 95016, "errmsg": "no" })]);
    house.will(STATE, vec![json!({ "errcode": 0, "service_state": 4 })]);
    let again = house.says(order).await;
    assert_eq!(again.status(), Status::Sent);
    assert_eq!(again.degradations[0].from_type, "closing");
    // The customer writes again: a new session.
    house.pulls(vec![text("m9", "one more", -300_000)]).await;
    assert_eq!(house.state().await.0, SessionState::New);
}

#[tokio::test]
async fn an_order_that_stands_already_is_carried_out_by_the_code_that_was_kept_for_it() {
    let (house, _dir) = house(settings(), spoken()).await;
    let closing = json!({ "parts": [{ "text": { "body": "再见" } }] });
    let order =
        json!({ "conversationKey": key(), "clientMessageId": "end", "session": { "verb": "END", "closing": closing } });
    let request = from_value(order.clone(), Unknown::Refuse).expect("a request");
    let taken = house.outbound.submit(&Caller::default(), request, false).await;
    // What a try of before left whose news the store refused.
    let kept = RecordWrite::Put {
        space: "ticket",
        key: format!("kf/{CORP}//{}", taken.expect("accepted").message_id),
        value: json!({ "code": "END1", "until": NOW + 15_000 })
            .to_string()
            .into_bytes(),
    };
    house.store.write_records(vec![kept]).await.expect("kept");
    house.will(CHANGE, vec![json!({ "errcode": 95016, "errmsg": "no" })]);
    house.will(STATE, vec![json!({ "errcode": 0, "service_state": 4 })]);
    let _talk = house.talk();
    let result = house.says(order).await;
    assert_eq!(
        (result.status(), result.degradations.len()),
        (Status::Sent, 0),
        "{result:?}"
    );
    assert_eq!(house.sent(SEND_ON_EVENT)[0]["code"], "END1");
    let told = house.events().await;
    let ended = told.iter().find_map(|it| match &it.event.body {
        Some(Body::Signal(signal)) => Some(signal.clone()),
        _ => None,
    });
    let expires = ended.and_then(|it| it.code_expires).map(|at| at.millis());
    assert_eq!(expires, Some(NOW + 15_000), "as the platform gave it");
}

#[tokio::test]
async fn an_assign_to_who_has_the_customer_is_carried_out() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    for (servicer, status) in [("lisi", Status::Sent), ("wangwu", Status::Failed)] {
        house.will(CHANGE, vec![json!({ "errcode": 95016, "errmsg": "no" })]);
        let held = json!({ "errcode": 0, "service_state": 3, "servicer_userid": "lisi" });
        house.will(STATE, vec![held]);
        let order = json!({ "conversationKey": key(), "session": { "verb": "ASSIGN", "servicer": servicer } });
        assert_eq!(house.says(order).await.status(), status, "{servicer}");
        assert_eq!(house.state().await, (SessionState::Human, "lisi".to_owned()));
    }
}

#[tokio::test]
async fn an_end_that_the_platform_does_not_have_says_its_words_and_ends_ours() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    house.will(CHANGE, vec![json!({ "errcode": 95016, "errmsg": "no" })]);
    house.will(STATE, vec![json!({ "errcode": 0, "service_state": 1 })]);
    let closing = json!({ "parts": [{ "text": { "body": "再见" } }] });
    let result = house
        .says(json!({ "conversationKey": key(), "session": { "verb": "END", "closing": closing } }))
        .await;
    assert_eq!((result.status(), result.road()), (Status::Sent, Road::Kf), "{result:?}");
    assert_eq!(house.sent(SEND).len(), 1);
    assert_eq!(house.state().await.0, SessionState::Ended);
}

/// They go by the code that the order brings, whoever holds the customer, and the code carries one text or menu.
#[tokio::test]
async fn a_preview_of_an_order_says_how_its_words_would_go() {
    let end = |closing: Value, degrade: &str| json!({ "conversationKey": key(), "degrade": degrade, "session": { "verb": "END", "closing": { "parts": [closing] } } });
    let words = |body: &str| json!({ "text": { "body": body } });
    for (closing, degrade, status, road, lost) in [
        (words("再见"), "ALLOW", Status::Sent, Road::KfEvent, 0),
        (
            json!({ "link": { "url": "https://shop.example/", "title": "再见" } }),
            "ALLOW",
            Status::Sent,
            Road::KfEvent,
            1,
        ),
        (words(&"字".repeat(1_000)), "ALLOW", Status::Sent, Road::Unspecified, 1),
        (
            words(&"字".repeat(1_000)),
            "REFUSE",
            Status::Failed,
            Road::Unspecified,
            0,
        ),
    ] {
        let (house, _dir) = house(settings(), spoken()).await;
        let _talk = house.talk();
        house.will(
            CHANGE,
            vec![json!({ "errcode": 0 }), json!({ "errcode": 0, "msg_code": "END1" })],
        );
        let assign = json!({ "conversationKey": key(), "session": { "verb": "ASSIGN", "servicer": "lisi" } });
        assert_eq!(house.previewed(assign).await.status(), Status::Sent);
        let result = house.previewed(end(closing, degrade)).await;
        assert_eq!(
            (result.status(), result.road(), result.degradations.len()),
            (status, road, lost),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn queue_assign_and_take_are_the_platforms_moves() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    let order = |verb: &str, servicer: &str| json!({ "conversationKey": key(), "session": { "verb": verb, "servicer": servicer } });
    house.will(
        CHANGE,
        vec![
            json!({ "errcode": 0, "msg_code": "Q1" }),
            json!({ "errcode": 0, "msg_code": "A1" }),
            json!({ "errcode": 95014, "errmsg": "not a servicer" }),
        ],
    );
    assert_eq!(house.says(order("QUEUE", "")).await.status(), Status::Sent);
    assert_eq!(house.state().await.0, SessionState::Queued);
    assert_eq!(house.says(order("ASSIGN", "lisi")).await.status(), Status::Sent);
    assert_eq!(house.state().await, (SessionState::Human, "lisi".to_owned()));
    let event = house.events().await.last().expect("told").event.clone();
    let Some(Body::Signal(signal)) = &event.body else {
        panic!("a signal")
    };
    assert_eq!(signal.code, "A1", "the core may say one text by it");
    let words = house
        .says(json!({ "inReplyTo": event.id, "text": "李四为您服务" }))
        .await;
    assert_eq!(
        (words.status(), words.road()),
        (Status::Sent, Road::KfEvent),
        "{words:?}"
    );
    let refused = house.says(order("ASSIGN", "nobody")).await;
    assert_eq!((refused.status(), code(&refused)), (Status::Failed, "INVALID_REQUEST"));
    house.will(
        STATE,
        vec![json!({ "errcode": 0, "service_state": 3, "servicer_userid": "lisi" })],
    );
    let held = house.says(order("TAKE", "")).await;
    assert_eq!((held.status(), code(&held)), (Status::Failed, "SESSION_WITH_HUMAN"));
    house.will(STATE, vec![json!({ "errcode": 0, "service_state": 1 })]);
    assert_eq!(house.says(order("TAKE", "")).await.status(), Status::Sent);
    assert_eq!(house.state().await, (SessionState::Assistant, String::new()));
}

#[tokio::test]
async fn a_colleague_who_takes_and_ends_in_the_client_is_believed() {
    let change = |id: &str, kind: u32, at: i64| {
        json!({ "msgid": id, "send_time": NOW / 1_000 + at, "origin": 4, "msgtype": "event", "event": {
            "event_type": "session_status_change", "open_kfid": KF, "external_userid": CUSTOMER, "change_type": kind,
            "new_servicer_userid": "lisi", "msg_code": format!("C{id}"),
        } })
    };
    let (house, _dir) = house(settings(), vec![text("m1", "hello", 1_000), change("1", 1, 0)]).await;
    let _talk = house.talk();
    assert_eq!(house.state().await, (SessionState::Human, "lisi".to_owned()));
    let says = async || house.says(json!({ "conversationKey": key(), "text": "a" })).await;
    house.will(SEND, vec![json!({ "errcode": 95018 })]);
    house.will(
        STATE,
        vec![json!({ "errcode": 0, "service_state": 3, "servicer_userid": "lisi" })],
    );
    let refused = says().await;
    assert_eq!(
        (refused.status(), code(&refused)),
        (Status::Failed, "SESSION_WITH_HUMAN")
    );
    // The customer speaks to the colleague: that takes nothing back.
    house.pulls(vec![text("m2", "to the colleague", -360_000)]).await;
    assert_eq!(house.state().await.0, SessionState::Human);
    // An end by itself is told to nobody: that the platform lets a message pass is all there is.
    assert_eq!(says().await.status(), Status::Sent);
    assert_eq!(house.state().await, (SessionState::Assistant, String::new()));
    house.pulls(vec![change("3", 3, 700)]).await;
    assert_eq!(house.state().await.0, SessionState::Ended);
}

#[tokio::test]
async fn words_whose_answer_was_lost_may_have_been_said() {
    for (degrade, expected, lost) in [("REFUSE", Status::Unknown, 0), ("ALLOW", Status::Sent, 1)] {
        let (house, _dir) = house(settings(), spoken()).await;
        let _talk = house.talk();
        let moved = json!({ "errcode": 0, "errmsg": "ok", "msg_code": "END1" });
        house.will(CHANGE, vec![moved]);
        // The first try arrived, and the code does not pass twice.
        house.will(
            SEND_ON_EVENT,
            vec![json!({ "lost": true }), json!({ "errcode": 41050, "errmsg": "used" })],
        );
        let closing = json!({ "parts": [{ "text": { "body": "再见" } }] });
        let order =
            json!({ "conversationKey": key(), "degrade": degrade, "session": { "verb": "END", "closing": closing } });
        let result = house.says(order).await;
        assert_eq!(
            (result.status(), result.degradations.len()),
            (expected, lost),
            "{result:?}"
        );
        let why = match lost {
            0 => code(&result).to_owned(),
            _ => result.degradations[0].reason.clone(),
        };
        assert!(why.starts_with("AMBIGUOUS"), "{why}");
        assert_eq!(house.sent(SEND_ON_EVENT).len(), 2);
    }
}
