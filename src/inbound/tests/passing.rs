//! Can a live account be compared with the system that had it, without a message lost or an answer late?

use std::sync::Arc;

use super::super::testing::{APP, House, KEY, NOW, TOKEN, core, opened, plain, sealed, settings, text, until};
use crate::{
    envelope::{cipher, outer},
    inbound::{Body, Reply},
    observe::handed::Handed,
    settings::{AccountSettings, PassMode, Passthrough, Security},
};

async fn house(mode: PassMode, reply_budget: i64) -> Arc<House> {
    let passthrough = Some(Passthrough {
        url: "http://old.example/wx".into(),
        mode,
    });
    let settings = AccountSettings {
        passthrough,
        ..settings()
    };
    House::new(settings, vec![core(reply_budget)]).await
}

async fn noted(house: &House, count: usize) -> Vec<Handed> {
    let handed = || house.observer.handed_on.list(Some("shop"));
    until("both are compared", || handed().len() >= count).await;
    handed()
}

fn says(said: &str) -> String {
    format!("<xml><MsgType>text</MsgType><Content>{said}</Content></xml>")
}

/// An answer of the old system, sealed as ours would be.
fn theirs(said: &str) -> Vec<u8> {
    let closing = outer::Closing {
        token: TOKEN,
        key: &cipher::key(KEY).expect("a key"),
        id: APP,
        nonce: "n",
        timestamp: NOW / 1_000,
        random: [b'x'; 16],
    };
    outer::close(says(said).as_bytes(), &closing)
}

#[tokio::test]
async fn the_old_answer_is_the_platforms_and_the_core_hears_all_the_same() {
    let house = house(PassMode::Answer, 4_000).await;
    house.before.say(200, &theirs("old words"));
    let push = sealed(&text(1, "hello"), "1");
    let reply = house.post(&push).await;
    assert_eq!(opened_content(&reply), "old words");
    let event = house.event(1).await;
    let heard = house.before.heard.lock().expect("lock")[0].clone();
    assert_eq!((heard.query, heard.body), (push.query.clone(), push.body.into_bytes()));
    let noted = noted(&house, 1).await;
    assert_eq!((noted[0].returned, noted[0].old.text.as_str()), ("old", "old words"));
    assert_eq!((noted[0].ours.kind.as_str(), noted[0].same), ("success", false));
    assert_eq!(noted[0].event_id, event.event.id);
    let sum = house.observer.answers.sum("shop", 0);
    assert_eq!((sum.received, sum.answered), (1, 1));
}

fn opened_content(reply: &Reply) -> String {
    let Body::Passive(bytes) = &reply.body else {
        panic!("no passive answer: {reply:?}");
    };
    let answer = crate::envelope::parse(bytes).expect("XML");
    let key = crate::envelope::cipher::key(KEY).expect("a key");
    let sealed = crate::envelope::cipher::decode(answer.value("Encrypt")).expect("base64");
    let inside = crate::envelope::cipher::open(&key, sealed).expect("ours");
    crate::envelope::parse(&inside.message)
        .expect("XML")
        .value("Content")
        .to_owned()
}

#[tokio::test]
async fn an_old_system_that_is_down_or_answers_a_page_costs_no_message_and_no_notice() {
    let house = house(PassMode::Answer, 4_000).await;
    *house.before.says.lock().expect("lock") = Some(Err("connection refused".into()));
    let success = Reply {
        status: 200,
        body: Body::Success,
    };
    assert_eq!(house.post(&sealed(&text(1, "a"), "1")).await, success);
    house.before.say(502, b"<html>bad gateway</html>");
    assert_eq!(house.post(&sealed(&text(2, "b"), "2")).await, success);
    house.before.say(200, b"{\"ok\":true}");
    assert_eq!(house.post(&sealed(&text(3, "c"), "3")).await, success);
    house.event(3).await;
    let noted = noted(&house, 3).await;
    let faults: Vec<&str> = noted.iter().map(|it| it.fault.as_str()).collect();
    assert!(
        faults[0].contains("JSON") && faults[1].contains("502") && faults[2].contains("refused"),
        "{faults:?}"
    );
    assert!(noted.iter().all(|it| it.returned == "ours"));
}

#[tokio::test]
async fn an_old_system_that_never_answers_is_not_waited_for_beyond_our_bound() {
    let house = house(PassMode::Answer, 4_000).await;
    let asked = house.send(sealed(&text(1, "hello"), "1"));
    house.event(1).await;
    until("it is asked", || !house.before.heard.lock().expect("lock").is_empty()).await;
    house.advance(4_499);
    assert!(!asked.is_finished());
    house.advance(1);
    assert_eq!(asked.await.expect("an answer").body, Body::Success);
}

#[tokio::test]
async fn what_is_not_durable_is_not_handed_on() {
    let house = house(PassMode::Answer, 4_000).await;
    house.before.say(200, b"success");
    crate::ports::store::Store::close(&*house.store).await;
    assert_eq!(house.post(&sealed(&text(1, "hello"), "1")).await.status, 503);
    let forged = sealed(&text(2, "hello"), "2");
    let forged = super::super::testing::Push {
        query: forged.query.replace("msg_signature=", "msg_signature=0"),
        ..forged
    };
    assert_eq!(house.post(&forged).await.status, 403);
    assert!(house.before.heard.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn what_is_only_compared_never_delays_and_stands_beside_ours() {
    let house = house(PassMode::Tee, 4_000).await;
    let asked = house.send(sealed(&text(1, "hello"), "1"));
    let event = house.event(1).await;
    house.before.say(200, &theirs("hi"));
    house.core_says(&event, &["hi"]).await;
    let reply = asked.await.expect("an answer");
    assert!(
        opened(&reply).1.contains("hi"),
        "our core's answer, though the old system is silent"
    );
    // That one was asked before it had anything to say.
    let asked = house.send(sealed(&text(2, "hello"), "2"));
    let event = house.event(2).await;
    house.core_says(&event, &["hi"]).await;
    asked.await.expect("an answer");
    let same = noted(&house, 1).await;
    assert_eq!(
        (same[0].same, same[0].returned, same[0].old.kind.as_str()),
        (true, "ours", "text")
    );
}

#[tokio::test]
async fn plain_bodies_and_bodies_that_we_cannot_read_are_handed_on_too() {
    let passthrough = Some(Passthrough {
        url: "http://old.example/".into(),
        mode: PassMode::Answer,
    });
    let settings = AccountSettings {
        passthrough,
        security: Security::Plain,
        ..settings()
    };
    let house = House::new(settings, vec![core(4_000)]).await;
    house.before.say(200, says("plain words").as_bytes());
    let reply = house.post(&plain(&text(1, "hello"), "1")).await;
    assert_eq!(reply.body, Body::Passive(says("plain words").into_bytes()));
    let reply = house.post(&plain("<xml><MsgType>te", "2")).await;
    assert_eq!(reply.body, Body::Passive(says("plain words").into_bytes()));
    let quarantined = crate::ports::store::Store::quarantined(&*house.store, None, 10).await;
    assert_eq!(quarantined.expect("read").len(), 1);
}

#[tokio::test]
async fn a_platform_that_hangs_up_leaves_nothing_behind() {
    for mode in [PassMode::Tee, PassMode::Answer] {
        let house = house(mode, 4_000).await;
        house.before.say(200, b"success");
        if mode == PassMode::Answer {
            *house.before.says.lock().expect("lock") = None;
        }
        let asked = house.send(sealed(&text(1, "hello"), "1"));
        house.event(1).await;
        until("it is handed on", || {
            !house.before.heard.lock().expect("lock").is_empty()
        })
        .await;
        asked.abort();
        assert!(asked.await.is_err());
        let sum = house.observer.answers.sum("shop", 0);
        assert_eq!((sum.received, sum.answered), (1, 0), "{mode:?}");
        if mode == PassMode::Tee {
            assert_eq!(noted(&house, 1).await[0].returned, "none");
        }
    }
}
