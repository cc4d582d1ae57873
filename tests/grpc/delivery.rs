//! `Core.Deliver`: what the core hears, and what its answers do.

use std::collections::HashMap;

use tonic::Code;

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{GrpcCore, Said, text_reply},
    peer::{Shop, element},
    until,
};
use wxbridge::schema::v1::{self, DeliverResponse, gap::Reason};

const GRPC: &str = "kind = \"grpc\"\nbearer = \"core's own\"";

/// The binary in front of this core, with one account.
async fn house(core: &GrpcCore, lines: &str) -> (Bridge, Shop) {
    let setup = Setup::new().and_core("main", &core.url(), &format!("{GRPC}\n{lines}"));
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    (bridge, shop)
}

#[tokio::test]
async fn a_reply_in_the_response_is_the_passive_reply() {
    let core = GrpcCore::start(|heard| Said::reply(&format!("{}!", heard.text())));
    let (bridge, shop) = house(&core, "").await;
    let (status, body) = bridge.text(&shop, "o1", "在吗").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!((status, element(&reply, "Content").as_deref()), (200, Some("在吗!")));

    let heard = core.hears(1).await.remove(0);
    assert_eq!(heard.said("authorization"), "Bearer core's own");
    assert_eq!(heard.said("traceparent"), heard.event.traceparent);
    assert!(!heard.said("grpc-timeout").is_empty());
    assert_eq!(heard.key(), shop.conversation("o1"));
    let offer = heard.event.offer.as_ref().unwrap();
    assert_eq!(offer.attempt, 1);
    assert!(offer.passive.as_ref().unwrap().deadline.is_some());
    assert_eq!((heard.event.seq, heard.event.raw), (1, None));
}

#[tokio::test]
async fn a_window_may_be_kept_open_for_a_reply_in_an_ack() {
    let core = GrpcCore::start(|heard| {
        Said::Taken(DeliverResponse {
            results: vec![v1::Ack {
                conversation_key: heard.key().to_owned(),
                through_seq: heard.event.seq,
                replies: vec![text_reply("in the Ack")],
                ..Default::default()
            }],
            ..Default::default()
        })
    });
    let (bridge, shop) = house(&core, "").await;
    let (_, body) = bridge.text(&shop, "o1", "x").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("in the Ack"));
}

#[tokio::test]
async fn each_conversation_is_heard_in_order_and_none_waits_for_another() {
    // The second event of o0 is never answered: only o0 waits.
    let core = GrpcCore::start(|heard| match heard.text() {
        "o0-1" => Said::Never,
        _ => Said::taken(),
    });
    let (bridge, shop) = house(&core, "reply_budget = \"0s\"").await;
    for round in 0..5 {
        for who in 0..8 {
            let told = bridge.text(&shop, &format!("o{who}"), &format!("o{who}-{round}")).await;
            assert_eq!(told, (200, "success".to_owned()));
        }
    }
    until("all but one conversation", async || {
        (core.texts().len() == 7 * 5 + 2).then_some(())
    })
    .await;
    let mut seqs: HashMap<String, Vec<u32>> = HashMap::new();
    for heard in core.heard() {
        seqs.entry(heard.key().to_owned()).or_default().push(heard.event.seq);
    }
    for (key, seqs) in seqs {
        let stuck = key == shop.conversation("o0");
        let wanted: &[u32] = if stuck { &[1, 2] } else { &[1, 2, 3, 4, 5] };
        assert_eq!(seqs, wanted, "{key}");
    }
}

#[tokio::test]
async fn an_event_refused_three_times_is_parked_and_a_gap_takes_its_place() {
    let core = GrpcCore::start(|heard| match heard.text() {
        "bad" => Said::code(Code::InvalidArgument),
        _ => Said::taken(),
    });
    let (bridge, shop) = house(&core, "reply_budget = \"0s\"").await;
    for text in ["good", "bad", "better"] {
        bridge.text(&shop, "o1", text).await;
    }
    let heard = core.hears(6).await;
    let told: Vec<(u32, &str, u32)> = heard
        .iter()
        .map(|it| (it.event.seq, it.text(), it.event.offer.as_ref().unwrap().attempt))
        .collect();
    let bad = [(2, "bad", 1), (2, "bad", 2), (2, "bad", 3)];
    assert_eq!(told[1..4], bad);
    assert_eq!(
        (told[0], told[4], told[5]),
        ((1, "good", 1), (2, "", 1), (3, "better", 1))
    );
    match &heard[4].event.body {
        Some(v1::event::Body::Gap(gap)) => {
            assert_eq!((gap.from_seq, gap.to_seq, gap.reason()), (2, 2, Reason::Parked));
        }
        other => panic!("{other:?}"),
    }
    let parked = bridge.get("/admin/v1/parked").await;
    assert_eq!(parked["items"].as_array().unwrap().len(), 1, "{parked}");
}

#[tokio::test]
async fn a_core_that_is_away_misses_nothing_and_parks_nothing() {
    let mut core = GrpcCore::start(|_| Said::taken());
    let (bridge, shop) = house(&core, "reply_budget = \"0s\"").await;
    bridge.text(&shop, "o1", "before").await;
    core.hears(1).await;
    core.goes();
    for n in 0..5 {
        assert_eq!(bridge.text(&shop, "o1", &format!("away {n}")).await.0, 200);
    }
    until("the core is down", async || {
        let cores = bridge.get("/admin/v1/cores").await;
        (cores["items"][0]["state"] == "down").then_some(())
    })
    .await;
    core.comes_back().await;
    let wanted = ["before", "away 0", "away 1", "away 2", "away 3", "away 4"];
    until("all of it", async || (core.texts().len() == wanted.len()).then_some(())).await;
    assert_eq!(core.texts(), wanted);

    // Statuses that say "not our core" are the same as nobody there.
    core.behaves(|_| Said::code(Code::Unauthenticated));
    bridge.text(&shop, "o1", "later").await;
    until("the core is down again", async || {
        let cores = bridge.get("/admin/v1/cores").await;
        (cores["items"][0]["state"] == "down").then_some(())
    })
    .await;
    core.behaves(|_| Said::code(Code::AlreadyExists));
    until("taken as a duplicate", async || {
        let cores = bridge.get("/admin/v1/cores").await;
        (cores["items"][0]["state"] == "up").then_some(())
    })
    .await;
    let parked = bridge.get("/admin/v1/parked").await;
    assert_eq!(parked["items"].as_array().unwrap().len(), 0, "{parked}");
}
