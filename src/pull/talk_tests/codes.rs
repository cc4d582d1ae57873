//! What may be said by a code, and by whom, before it is dead?

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    super::testing::{self, CUSTOMER, House, KF, NOW, settings, text},
    SEND, SEND_ON_EVENT, STATE, code, house, key, spoken,
};
use crate::{
    ports::pull::Bells as _,
    schema::v1::{
        conversation::SessionState,
        send_result::{Road, Status},
    },
    settings::AccountSettings,
};

fn entered(code: &str) -> Value {
    json!({ "msgid": format!("e-{code}"), "send_time": NOW / 1_000, "origin": 4, "msgtype": "event", "event": {
        "event_type": "enter_session", "open_kfid": KF, "external_userid": CUSTOMER, "welcome_code": code,
    } })
}

#[tokio::test]
async fn the_welcome_code_carries_one_answer_to_its_event_and_the_next_goes_by_an_allowance() {
    let (house, _dir) = house(settings(), vec![entered("W1"), text("m1", "hello", 0)]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    assert_eq!(event.allowances[0].trigger, "welcome_code");
    let hello = json!({ "inReplyTo": event.id, "text": "欢迎" });
    let result = house.says(hello.clone()).await;
    assert_eq!(
        (result.status(), result.road()),
        (Status::Sent, Road::Welcome),
        "{result:?}"
    );
    let sent = house.sent(SEND_ON_EVENT);
    assert_eq!(sent[0]["code"], "W1");
    assert!(sent[0].get("touser").is_none());
    let second = house.says(hello).await;
    assert_eq!((second.status(), second.road()), (Status::Sent, Road::Kf));
    assert_eq!(house.sent(SEND_ON_EVENT).len(), 1);
    assert_eq!(house.sent(SEND).len(), 1);
}

/// Who only came in may be told one thing: the platform is not asked for what we know that it refuses.
#[tokio::test]
async fn where_nothing_but_a_dead_code_is_known_the_platform_is_not_called() {
    let (house, _dir) = house(settings(), vec![entered("W1")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    let hello = json!({ "inReplyTo": event.id, "text": "欢迎" });
    assert_eq!(house.says(hello.clone()).await.status(), Status::Sent);
    let second = house.says(hello.clone()).await;
    assert_eq!((second.status(), code(&second)), (Status::Failed, "QUOTA_EXHAUSTED"));
    let mut held = hello;
    held["noAllowance"] = "HOLD_FOR_CUSTOMER".into();
    let held = house.says(held).await;
    assert_eq!((held.status(), code(&held)), (Status::Held, "QUOTA_EXHAUSTED"));
    assert_eq!((house.sent(SEND_ON_EVENT).len(), house.sent(SEND).len()), (1, 0));

    let (house, _dir) = self::house(settings(), vec![entered("W2")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    house.clock.advance(Duration::from_secs(20));
    let late = house.says(json!({ "inReplyTo": event.id, "text": "欢迎" })).await;
    assert_eq!((late.status(), code(&late)), (Status::Failed, "WINDOW_CLOSED"));
    assert_eq!((house.sent(SEND_ON_EVENT).len(), house.sent(SEND).len()), (0, 0));
}

#[tokio::test]
async fn a_code_that_the_platform_refused_is_tried_by_nobody_again() {
    let (house, _dir) = house(settings(), vec![entered("W1")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    let refusal = json!({ "errcode": 40058, "errmsg": "invalid code" });
    house.will(SEND_ON_EVENT, vec![refusal]);
    let hello = json!({ "inReplyTo": event.id, "text": "欢迎" });
    let refused = house.says(hello.clone()).await;
    assert_eq!((refused.status(), code(&refused)), (Status::Failed, "INVALID_REQUEST"));
    assert!(refused.allowances.is_empty(), "{refused:?}");
    let second = house.says(hello).await;
    assert_eq!((second.status(), code(&second)), (Status::Failed, "QUOTA_EXHAUSTED"));
    assert_eq!((house.sent(SEND_ON_EVENT).len(), house.sent(SEND).len()), (1, 0));
}

/// The code of a session that was handed over is good in that state alone.
#[tokio::test]
async fn the_code_of_a_state_that_the_session_left_is_not_tried() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    house.assigned().await;
    let event = house.events().await.last().expect("told").event.clone();
    house.will(STATE, vec![json!({ "errcode": 0, "service_state": 1 })]);
    let take = json!({ "conversationKey": key(), "session": { "verb": "TAKE" } });
    assert_eq!(house.says(take).await.status(), Status::Sent);
    assert_eq!(house.open().await, ["message"]);
    let words = house.says(json!({ "inReplyTo": event.id, "text": "我来" })).await;
    assert_eq!((words.status(), words.road()), (Status::Sent, Road::Kf), "{words:?}");
    assert!(house.sent(SEND_ON_EVENT).is_empty(), "the code was dead");
}

#[tokio::test]
async fn a_dead_code_is_not_burnt_and_a_refused_one_falls_back() {
    let (house, _dir) = house(settings(), vec![entered("W1"), text("m1", "hello", 0)]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    house.will(
        SEND_ON_EVENT,
        vec![json!({ "errcode": 40058, "errmsg": "invalid code" })],
    );
    let result = house.says(json!({ "inReplyTo": event.id, "text": "a" })).await;
    assert_eq!((result.status(), result.road()), (Status::Sent, Road::Kf));
    house.clock.advance(Duration::from_secs(21));
    let late = house.says(json!({ "inReplyTo": event.id, "text": "b" })).await;
    assert_eq!((late.status(), late.road()), (Status::Sent, Road::Kf));
    assert_eq!(house.sent(SEND_ON_EVENT).len(), 1);
}

/// So many texts' worth of words.
fn long(pieces: usize) -> String {
    "字".repeat(682 * pieces)
}

#[tokio::test]
async fn a_preview_knows_the_code_and_what_it_carries() {
    let (house, _dir) = house(settings(), vec![entered("W1")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    let hello = json!({ "inReplyTo": event.id, "text": "欢迎" });
    let first = house.previewed(hello.clone()).await;
    assert_eq!((first.status(), first.road()), (Status::Sent, Road::Welcome));
    let second = house.previewed(hello).await;
    assert_eq!((second.status(), code(&second)), (Status::Failed, "QUOTA_EXHAUSTED"));

    let (house, _dir) = self::house(settings(), vec![entered("W2")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    house.clock.advance(Duration::from_secs(20));
    let late = house.previewed(json!({ "inReplyTo": event.id, "text": "欢迎" })).await;
    assert_eq!((late.status(), code(&late)), (Status::Failed, "WINDOW_CLOSED"));

    // Whoever holds the customer: the code of the transfer lets one text pass, and for what is sent beside it only the
    // platform knows whether that colleague is still there.
    let (house, _dir) = self::house(settings(), spoken()).await;
    let _talk = house.talk();
    house.assigned().await;
    let event = house.events().await.last().expect("told").event.clone();
    let beside = house.previewed(json!({ "conversationKey": key(), "text": "a" })).await;
    assert_eq!((beside.road(), code(&beside)), (Road::Kf, ""));
    let words = house.previewed(json!({ "inReplyTo": event.id, "text": "a" })).await;
    assert_eq!((words.status(), words.road()), (Status::Sent, Road::KfEvent));
    let several = house.previewed(json!({ "inReplyTo": event.id, "text": long(2) })).await;
    assert_eq!((several.road(), code(&several)), (Road::Kf, ""));
}

/// No code carries a picture: a text of nothing else is a link that one carries.
#[tokio::test]
async fn a_picture_that_no_code_carries_is_a_link_in_a_text() {
    let (house, _dir) = house(settings(), vec![entered("W1")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    let picture = json!({ "text": { "body": "<img src='https://shop.example/a.png'>", "format": "HTML" } });
    let welcome = json!({ "inReplyTo": event.id, "message": { "parts": [picture] } });
    let sent = house.previewed(welcome).await;
    assert_eq!((sent.status(), sent.road()), (Status::Sent, Road::Welcome), "{sent:?}");
    assert_eq!(sent.degradations[0].to_type, "link");
}

/// The first of them would use the code up, and the customer would have half a sentence.
#[tokio::test]
async fn of_several_messages_none_goes_where_a_code_alone_is_open() {
    let (house, _dir) = house(settings(), vec![entered("W1")]).await;
    let _talk = house.talk();
    let event = house.events().await[0].event.clone();
    let mut several = json!({ "inReplyTo": event.id, "text": long(2) });
    let refused = house.previewed(several.clone()).await;
    assert_eq!((refused.status(), code(&refused)), (Status::Failed, "QUOTA_EXHAUSTED"));
    several["noAllowance"] = "HOLD_FOR_CUSTOMER".into();
    let held = house.previewed(several).await;
    assert_eq!((held.status(), code(&held)), (Status::Held, "QUOTA_EXHAUSTED"));
    assert_eq!((house.sent(SEND_ON_EVENT).len(), house.sent(SEND).len()), (0, 0));
    let hello = house.previewed(json!({ "inReplyTo": event.id, "text": "欢迎" })).await;
    assert_eq!(
        (hello.status(), hello.road()),
        (Status::Sent, Road::Welcome),
        "not used up"
    );
}

#[tokio::test]
async fn beside_counted_messages_a_code_is_one_more() {
    for (pieces, sent) in [(6, Status::Sent), (7, Status::Failed)] {
        let (house, _dir) = house(settings(), vec![entered("W1"), text("m1", "hello", 0)]).await;
        let _talk = house.talk();
        let event = house.events().await[0].event.clone();
        let result = house
            .previewed(json!({ "inReplyTo": event.id, "text": long(pieces) }))
            .await;
        assert_eq!(result.status(), sent, "{result:?}");
        let gone = (house.sent(SEND_ON_EVENT).len(), house.sent(SEND).len());
        assert_eq!(gone, if sent == Status::Sent { (1, 5) } else { (0, 0) });
    }
}

#[tokio::test]
async fn where_the_code_is_refused_all_go_by_the_allowance_or_none() {
    for (pieces, status, gone) in [(5, Status::Sent, 5), (6, Status::Failed, 0)] {
        let (house, _dir) = house(settings(), vec![entered("W1"), text("m1", "hello", 0)]).await;
        let _talk = house.talk();
        let event = house.events().await[0].event.clone();
        house.will(
            SEND_ON_EVENT,
            vec![json!({ "errcode": 40058, "errmsg": "invalid code" })],
        );
        let result = house.says(json!({ "inReplyTo": event.id, "text": long(pieces) })).await;
        assert_eq!(result.status(), status, "{result:?}");
        assert_eq!(house.sent(SEND).len(), gone);
    }
}

#[tokio::test]
async fn the_welcome_is_said_when_the_core_leaves_the_code_unused_and_only_then() {
    let greeting = AccountSettings {
        welcome: Some(toml::Value::String("您好".into())),
        ..settings()
    };
    for answered in [false, true] {
        let (house, _dir) = house(greeting.clone(), vec![entered("W1")]).await;
        let _talk = house.talk();
        if answered {
            let event = house.events().await[0].event.id.clone();
            house.says(json!({ "inReplyTo": event, "text": "mine" })).await;
        }
        let limit = tokio::time::Instant::now() + Duration::from_secs(20);
        house.clock.set(NOW + 11_900);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let before = house.sent(SEND_ON_EVENT).len();
        assert_eq!(before, usize::from(answered), "the core has twelve seconds");
        house.clock.set(NOW + 12_001);
        while !answered && house.sent(SEND_ON_EVENT).is_empty() {
            assert!(tokio::time::Instant::now() < limit, "no welcome");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let said = house.sent(SEND_ON_EVENT);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0]["text"]["content"], if answered { "mine" } else { "您好" });
    }
}

#[tokio::test]
async fn the_welcome_is_said_where_what_the_core_answered_greets_nobody() {
    let greeting = AccountSettings {
        welcome: Some(toml::Value::String("您好".into())),
        ..settings()
    };
    for (answer, status) in [
        (json!({ "typing": true }), Status::Failed),
        (json!({ "text": "mine", "route": "PASSIVE_ONLY" }), Status::Expired),
    ] {
        let (house, _dir) = house(greeting.clone(), vec![entered("W1")]).await;
        let _talk = house.talk();
        let mut answer = answer;
        answer["inReplyTo"] = house.events().await[0].event.id.clone().into();
        assert_eq!(house.says(answer.clone()).await.status(), status, "{answer}");
        house.clock.set(NOW + 12_001);
        let limit = tokio::time::Instant::now() + Duration::from_secs(20);
        while house.sent(SEND_ON_EVENT).is_empty() {
            assert!(tokio::time::Instant::now() < limit, "no welcome after {answer}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(house.sent(SEND_ON_EVENT)[0]["text"]["content"], "您好");
    }
}

#[tokio::test]
async fn a_restart_forgets_nobody_who_waits_for_a_welcome_and_greets_nobody_twice() {
    let greeting = AccountSettings {
        welcome: Some(toml::Value::String("您好".into())),
        ..settings()
    };
    let (first, dir) = house(greeting.clone(), vec![entered("W1")]).await;
    let (platform, clock) = (first.platform.clone(), first.clock.clone());
    first.close().await;
    clock.set(NOW + 5_000);
    let second = House::on(dir.path(), greeting.clone(), platform.clone(), clock.clone()).await;
    let talk = second.talk();
    second.pull.greet_again().await;
    clock.set(NOW + 12_001);
    let limit = tokio::time::Instant::now() + Duration::from_secs(20);
    while second.sent(SEND_ON_EVENT).is_empty() {
        assert!(tokio::time::Instant::now() < limit, "no welcome");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    second.pull.greet_again().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(second.sent(SEND_ON_EVENT).len(), 1);
    drop(talk);
}

#[tokio::test]
async fn a_code_is_no_allowance_once_the_session_has_left_the_state_that_made_it() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    house.assigned().await;
    assert_eq!(house.open().await, ["message", "msg_code"]);
    let change = |id: &str, kind: u32, at: i64, code: &str| {
        json!({ "msgid": id, "send_time": NOW / 1_000 + at, "origin": 4, "msgtype": "event", "event": {
            "event_type": "session_status_change", "open_kfid": KF, "external_userid": CUSTOMER, "change_type": kind,
            "old_servicer_userid": "lisi", "new_servicer_userid": "wangwu", "msg_code": code,
        } })
    };
    house.pulls(vec![change("2", 2, 355, "")]).await;
    assert_eq!(
        house.open().await,
        ["message", "msg_code"],
        "passed on, it is the same state"
    );
    house.pulls(vec![change("3", 3, 720, "E1")]).await;
    assert_eq!(house.open().await, ["message", "msg_code"], "the code of the end");
    house.clock.advance(Duration::from_secs(5));
    let again = vec![text("m2", "one more thing", -725_000)];
    house
        .platform
        .with(|kept| kept.waiting.entry(KF.into()).or_default().extend(again));
    house.pull.ring("kf", testing::bell()).await.expect("durable");
    house.settle().await;
    assert_eq!(house.state().await.0, SessionState::New);
    assert_eq!(house.open().await, ["message"]);
}
