//! What does the platform hear that comes again after the process died inside its request? The answer, as if nothing had
//! happened: an account without the customer-service API has no other road.

use std::time::Duration;

use crate::support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    peer::{Shop, msg_id},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_platforms_next_attempt_gets_the_answer_of_an_event_that_a_kill_met() {
    let core = Core::start(|heard| Said::reply(&format!("to {}", heard.text())).after(Duration::from_secs(60))).await;
    let mut bridge = Bridge::start(Setup::to_core(&core, "reply_budget = \"4s\"")).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    let inner = shop.text("o1", msg_id(), "hi");
    let first = tokio::spawn({
        let (url, push) = (bridge.public("/callback/shop"), shop.sealed(&inner));
        async move {
            crate::support::client()
                .post(format!("{url}?{}", push.query))
                .body(push.body)
                .send()
                .await
        }
    });
    core.hears(1).await;
    bridge.kill();
    assert!(first.await.unwrap().is_err(), "nobody answered the first attempt");
    core.behaves(|heard| Said::reply(&format!("to {}", heard.text())).after(Duration::from_secs(3)));
    bridge.spawn();
    bridge.ready().await;
    let (status, answer) = bridge.pushed(&shop, &shop.sealed(&inner)).await;
    assert_eq!(status, 200);
    assert!(shop.open_reply(&answer).unwrap().contains("to hi"), "{answer}");
}
