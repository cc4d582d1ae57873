//! Several events in one request: each conversation has its own Ack, and what befalls a request befalls nobody's event.

use std::collections::{HashMap, HashSet};

use tonic::{Code, Status};
use wxbridge::schema::v1::{self, DeliverResponse, event::Body};

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{GrpcCore, Heard, Said, text_reply},
    peer::Shop,
    until,
};

const CUSTOMERS: usize = 60;

/// Acknowledges each event, and answers texts.
fn acknowledged(heard: &Heard) -> Said {
    let replies = match heard.text() {
        "" => Vec::new(),
        text => vec![text_reply(&format!("{text}!"))],
    };
    Said::Taken(DeliverResponse {
        results: vec![v1::Ack {
            conversation_key: heard.key().to_owned(),
            through_seq: heard.event.seq,
            replies,
            ..Default::default()
        }],
        ..Default::default()
    })
}

/// The binary in front of a core that is away, and what customers said meanwhile.
async fn backlog(core: &mut GrpcCore, bad: &str) -> (Bridge, Shop) {
    core.goes();
    let setup = Setup::new().and_core("main", &core.url(), "kind = \"grpc\"\nreply_budget = \"0s\"");
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    for round in 0..3 {
        for customer in 0..CUSTOMERS {
            let (who, text) = (format!("o{customer}"), format!("o{customer} {round}"));
            let text = if text == bad { "bad".to_owned() } else { text };
            assert_eq!(bridge.text(&shop, &who, &text).await.0, 200);
        }
    }
    (bridge, shop)
}

/// Each event of each conversation in its order, however often it was offered.
fn assert_order(heard: &[Heard]) {
    let mut last = HashMap::<String, u32>::new();
    for one in heard {
        let before = last.entry(one.key().to_owned()).or_default();
        assert!(one.event.seq <= *before + 1, "{} {}", one.key(), one.event.seq);
        *before = one.event.seq.max(*before);
    }
}

fn events(heard: &[Heard]) -> HashSet<String> {
    heard.iter().map(|heard| heard.event.id.clone()).collect()
}

#[tokio::test]
async fn a_backlog_travels_several_at_a_time_and_each_event_gets_its_own_answer() {
    let mut core = GrpcCore::start(acknowledged);
    let (bridge, _shop) = backlog(&mut core, "").await;
    core.comes_back().await;
    let heard = until("the whole backlog", async || {
        let heard = core.heard();
        (events(&heard).len() == 3 * CUSTOMERS).then_some(heard)
    })
    .await;
    assert_order(&heard);
    let most = heard.iter().map(|heard| heard.together).max().unwrap();
    assert!((2..=256).contains(&most), "{most} in one request");
    let together = |two: &[Heard]| {
        let [one, next] = two else { return false };
        one.together > 1 && one.key() == next.key() && one.event.seq + 1 == next.event.seq
    };
    assert!(heard.windows(2).any(together), "what a customer said goes together");
    for heard in &heard {
        let path = format!("/v1/messages?clientMessageId={}%2F0&account=shop", heard.event.id);
        let reply = until("the reply", async || {
            let answer = bridge.operator(reqwest::Method::GET, &path).send().await.unwrap();
            (answer.status() == 200).then_some(answer)
        });
        reply.await;
    }
}

#[tokio::test]
async fn a_core_that_answers_several_events_without_a_word_has_heard_each_once() {
    let mut core = GrpcCore::start(|heard| match heard.together {
        1 => acknowledged(heard),
        _ => Said::AllTaken,
    });
    let (bridge, _shop) = backlog(&mut core, "").await;
    core.comes_back().await;
    let cores = until("nothing that waits", async || {
        let cores = bridge.get("/admin/v1/cores").await;
        (cores["items"][0]["backlogEvents"] == 0).then_some(cores)
    })
    .await;
    let heard = core.heard();
    assert_eq!(events(&heard).len(), 3 * CUSTOMERS);
    assert_eq!(heard.len(), 3 * CUSTOMERS, "each once");
    assert_order(&heard);
    assert!(heard.iter().any(|heard| heard.together > 1), "some went together");
    assert_eq!(cores["items"][0]["state"], "up", "{cores}");
}

#[tokio::test]
async fn an_event_that_is_refused_among_others_is_parked_alone() {
    let mut core = GrpcCore::start(|heard| match heard.text() {
        "bad" => Said::code(Code::InvalidArgument),
        _ => acknowledged(heard),
    });
    let (bridge, shop) = backlog(&mut core, "o7 1").await;
    core.comes_back().await;
    // Those of o7 are: the first, the bad one, the Gap in its place, and the last.
    until("everything else, and the Gap", async || {
        let heard = core.heard();
        let gap = heard.iter().any(|heard| matches!(heard.event.body, Some(Body::Gap(_))));
        let last = heard.iter().any(|heard| heard.text() == "o7 2");
        (gap && last && events(&heard).len() == 3 * CUSTOMERS + 1).then_some(())
    })
    .await;
    let parked = bridge.get("/admin/v1/parked").await;
    let parked = parked["items"].as_array().unwrap();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0]["conversationKey"], shop.conversation("o7"), "{parked:?}");
}

#[tokio::test]
async fn an_event_that_is_too_large_for_the_core_holds_up_nobody() {
    let core = GrpcCore::start(|heard| match heard.text() {
        "large" => Said::Refused(Status::new(
            Code::ResourceExhausted,
            "grpc: received message larger than max (5242912 vs. 4194304)",
        )),
        _ => acknowledged(heard),
    });
    let setup = Setup::new().and_core("main", &core.url(), "kind = \"grpc\"\nreply_budget = \"0s\"");
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    for (who, text) in [("o1", "large"), ("o1", "after"), ("o2", "another")] {
        assert_eq!(bridge.text(&shop, who, text).await.0, 200);
    }
    until("the one behind it", async || {
        core.texts().iter().any(|text| text == "after").then_some(())
    })
    .await;
    let cores = bridge.get("/admin/v1/cores").await;
    assert_eq!(cores["items"][0]["state"], "up", "{cores}");
    let parked = bridge.get("/admin/v1/parked").await;
    let reason = parked["items"][0]["reason"]
        .as_str()
        .unwrap_or_else(|| panic!("{parked}"));
    assert!(reason.contains("larger than max"), "{reason}");
}
