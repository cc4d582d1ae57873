//! What becomes of the words that go back, of codes, and of the platform's own sessions?

use std::time::Duration;

use serde_json::{Value, json};

use super::testing::{self, CORP, CUSTOMER, House, KF, NOW, settings, text};
use crate::{
    error::{Code, pages},
    ports::{pull::Bells as _, store::Store as _},
    schema::v1::{
        SendResult,
        conversation::SessionState,
        event::Body,
        send_result::{Road, Status},
    },
    settings::AccountSettings,
};

const SEND: &str = "/cgi-bin/kf/send_msg";
const SEND_ON_EVENT: &str = "/cgi-bin/kf/send_msg_on_event";
const CHANGE: &str = "/cgi-bin/kf/service_state/trans";
const STATE: &str = "/cgi-bin/kf/service_state/get";

fn key() -> String {
    format!("wechat_kf:{CORP}:{KF}:u:{CUSTOMER}")
}

async fn house(settings: AccountSettings, waiting: Vec<Value>) -> (House, tempfile::TempDir) {
    let (house, dir) = testing::house(settings, waiting).await;
    house.settle().await;
    (house, dir)
}

fn entered(code: &str) -> Value {
    json!({ "msgid": format!("e-{code}"), "send_time": NOW / 1_000, "origin": 4, "msgtype": "event", "event": {
        "event_type": "enter_session", "open_kfid": KF, "external_userid": CUSTOMER, "welcome_code": code,
    } })
}

fn spoken() -> Vec<Value> {
    vec![text("m1", "hello", 1_000)]
}

impl House {
    fn sent(&self, path: &str) -> Vec<Value> {
        self.platform.with(|kept| {
            let calls = kept.sent.iter().filter(|(called, _)| called == path);
            calls.map(|(_, body)| body.clone()).collect()
        })
    }

    fn will(&self, path: &'static str, answers: Vec<Value>) {
        self.platform.with(|kept| kept.answers.insert(path, answers));
    }

    async fn state(&self) -> (SessionState, String) {
        let view = self.store.conversation(&key()).await.expect("readable").expect("known");
        let it = view.state.conversation.expect("set");
        let servicer = it.servicer.as_ref().map(|it| it.native_id.clone()).unwrap_or_default();
        (it.session_state(), servicer)
    }

    /// The triggers of what is open, by name, as the last event shows them.
    async fn open(&self) -> Vec<String> {
        let event = self.events().await.last().expect("told").event.clone();
        let mut open: Vec<_> = event.allowances.iter().map(|it| it.trigger.clone()).collect();
        open.sort();
        open
    }

    async fn pulls(&self, more: Vec<Value>) {
        self.platform
            .with(|kept| kept.waiting.entry(KF.into()).or_default().extend(more));
        self.clock.advance(Duration::from_secs(361));
        self.settle().await;
    }
}

fn code(result: &SendResult) -> &str {
    result.error.as_ref().map_or("", |error| error.code.as_str())
}

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
        let message = &result.error.as_ref().expect("why").platform_message;
        assert_eq!(message.contains("lisi"), state == 3, "{message}");
        assert_eq!(house.state().await.1, servicer);
    }
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
    house.will(CHANGE, vec![json!({ "errcode": 0, "msg_code": "A1" })]);
    let assign = json!({ "conversationKey": key(), "session": { "verb": "ASSIGN", "servicer": "lisi" } });
    assert_eq!(house.says(assign).await.status(), Status::Sent);
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
    let nobody = house.says(order("ASSIGN", "")).await;
    assert_eq!((nobody.status(), code(&nobody)), (Status::Failed, "INVALID_REQUEST"));
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
async fn a_code_is_no_allowance_once_the_session_has_left_the_state_that_made_it() {
    let (house, _dir) = house(settings(), spoken()).await;
    let _talk = house.talk();
    house.will(CHANGE, vec![json!({ "errcode": 0, "msg_code": "A1" })]);
    let assign = json!({ "conversationKey": key(), "session": { "verb": "ASSIGN", "servicer": "lisi" } });
    assert_eq!(house.says(assign).await.status(), Status::Sent);
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
    let refused = house.says(json!({ "conversationKey": key(), "text": "a" })).await;
    assert_eq!(
        (refused.status(), code(&refused)),
        (Status::Failed, "SESSION_WITH_HUMAN")
    );
    // The customer speaks to the colleague: that takes nothing back.
    house.pulls(vec![text("m2", "to the colleague", -360_000)]).await;
    assert_eq!(house.state().await.0, SessionState::Human);
    house.pulls(vec![change("3", 3, 700)]).await;
    assert_eq!(house.state().await.0, SessionState::Ended);
}
