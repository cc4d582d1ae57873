//! Several events in one request: of whom, how many, and whose answer is whose.

use super::*;

/// An event of the backlog, whose sender waits for nothing.
async fn passed(link: &GrpcLink, core: &Core, key: &str) -> Outcome {
    let mut event = event();
    event.conversation = Some(v1::Conversation {
        key: key.to_owned(),
        ..Default::default()
    });
    let offer = Offer {
        event: &event.into(),
        attempt: 1,
        passive: None,
        replay: None,
        now: 0,
    };
    link.offer(core, offer).await
}

#[tokio::test]
async fn a_core_that_acknowledges_each_conversation_hears_several_at_once() {
    let house = house().await;
    house.told.inner().acknowledges_but = Some("bad");
    let core = core(house.address, 5_000);
    let link = link(&core);
    assert_eq!(name(&passed(&link, &core, "first").await), "taken");
    let keys: Vec<String> = (0..60).map(|n| format!("k{n}")).collect();
    let all = futures_util::future::join_all(keys.iter().map(|key| passed(&link, &core, key))).await;
    for (outcome, key) in all.iter().zip(&keys) {
        let answer = Answer {
            replies: vec![Ok(reply(key))],
            keep_window: false,
        };
        assert_eq!(*outcome, Outcome::Taken(answer), "each its own answer");
    }
    let sizes: Vec<usize> = house.told.inner().heard.iter().map(|(_, it)| it.events.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 61, "each once: {sizes:?}");
    assert!(sizes.len() < 20, "{sizes:?}");

    // A request that failed as a whole says nothing about any of them: all go alone, and for a while all others too.
    let keys = ["a", "b", "c", "d", "bad", "e", "f", "g"];
    let all = futures_util::future::join_all(keys.iter().map(|key| passed(&link, &core, key))).await;
    for outcome in &all {
        assert!(matches!(name(outcome), "taken" | "again" | "failed"), "{outcome:?}");
    }
    let failed = all.iter().filter(|outcome| name(outcome) == "failed").count();
    assert!(failed <= 1, "{all:?}");
    assert!(!link.doors["main"].batches.are_welcome());
    assert_eq!(name(&passed(&link, &core, "bad").await), "failed");
    assert_eq!(name(&passed(&link, &core, "e").await), "taken");
}

/// Events of one conversation, offered as one run.
async fn ran(link: &GrpcLink, core: &Core, key: &str, seqs: std::ops::RangeInclusive<u32>) -> Vec<Outcome> {
    let written: Vec<Written> = seqs
        .map(|seq| {
            let mut event = event();
            event.seq = seq;
            event.conversation.as_mut().expect("a conversation").key = key.to_owned();
            event.into()
        })
        .collect();
    let offer = |event| Offer {
        event,
        attempt: 1,
        passive: None,
        replay: None,
        now: 0,
    };
    link.offer_run(core, written.iter().map(offer).collect()).await
}

#[tokio::test]
async fn a_run_of_one_conversation_travels_in_one_request_in_its_order() {
    let house = house().await;
    house.told.inner().acknowledges_but = Some("bad");
    let core = core(house.address, 5_000);
    let link = link(&core);
    // Whether the core acknowledges is not known yet: one event, and nothing is said of the others.
    assert_eq!(ran(&link, &core, "k", 1..=5).await.len(), 1);
    let both = futures_util::future::join(ran(&link, &core, "k", 2..=6), ran(&link, &core, "l", 1..=3)).await;
    assert_eq!((both.0.len(), both.1.len()), (5, 3));
    assert!(both.0.iter().chain(&both.1).all(|outcome| name(outcome) == "taken"));
    let heard: Vec<Vec<(String, u32)>> = house.told.inner().heard[1..]
        .iter()
        .map(|(_, request)| request.events.iter().map(|it| (key(it).to_owned(), it.seq)).collect())
        .collect();
    let of = |key: &str| {
        let requests = heard.iter().filter(|request| request.iter().any(|it| it.0 == key));
        let found: Vec<Vec<u32>> = requests
            .map(|request| request.iter().filter(|it| it.0 == key).map(|it| it.1).collect())
            .collect();
        found
    };
    assert_eq!(of("k"), [[2, 3, 4, 5, 6]]);
    assert_eq!(of("l"), [[1, 2, 3]]);
    // What befell a whole request says nothing about anything behind the first.
    let failed = ran(&link, &core, "bad", 1..=4).await;
    assert_eq!(failed.iter().map(name).collect::<Vec<_>>(), ["again"]);
}

#[test]
fn each_ack_speaks_of_what_the_one_before_it_left() {
    use v1::ack::Outcome as Says;
    let said = |acks: &[(&str, u32, Says)]| -> String {
        let ack = |(key, through_seq, says): &(&str, u32, Says)| v1::Ack {
            conversation_key: (*key).into(),
            through_seq: *through_seq,
            outcome: *says as i32,
            ..Default::default()
        };
        let response = DeliverResponse {
            results: acks.iter().map(ack).collect(),
            ..Default::default()
        };
        let whose = [
            Share { key: "x", seqs: &[1] },
            Share {
                key: "k",
                seqs: &[5, 6, 7],
            },
        ];
        let outcomes = shares(response, &whose).pop().expect("one for each conversation");
        outcomes.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    use Says::{Ok, Park, Retry};
    for (acks, means) in [
        (&[("k", 7, Ok)][..], "taken taken taken"),
        (&[("k", 9, Ok)], "taken taken taken"),
        (&[("k", 0, Ok)], "taken again"),
        (&[("k", 5, Ok), ("k", 6, Ok), ("k", 7, Ok)], "taken taken taken"),
        (&[("k", 0, Ok), ("k", 0, Ok), ("k", 0, Ok)], "taken taken taken"),
        (&[("k", 6, Ok)], "taken taken again"),
        (&[("k", 4, Ok)], "again"),
        (&[("k", 6, Ok), ("k", 7, Park)], "taken taken park"),
        (&[("k", 0, Ok), ("k", 0, Retry), ("k", 0, Ok)], "taken again"),
        (&[("k", 0, Ok), ("k", 0, Ok)], "taken taken again"),
        (&[("k", 5, Ok), ("k", 6, Retry), ("k", 7, Ok)], "taken again"),
        (&[("k", 0, Retry)], "again"),
        (&[("k", 7, Park)], "park"),
        (&[("k", 4, Ok), ("k", 7, Ok)], "taken taken taken"),
        (&[("k", 4, Park), ("k", 7, Ok)], "park"),
        (&[("k", 4, Retry), ("k", 7, Ok)], "again"),
        (&[("k", 7, Ok), ("k", 7, Park)], "taken taken taken"),
        (&[], "taken taken taken"),
        (&[("x", 1, Ok)], "again"),
        (&[("k", 0, Ok), ("x", 0, Ok)], "taken again"),
    ] {
        assert_eq!(said(acks), means, "{acks:?}");
    }
}

/// The answer to numbers 6, 7 and 8 of conversation k.
fn of_three(response: DeliverResponse) -> Vec<Outcome> {
    let share = Share {
        key: "k",
        seqs: &[6, 7, 8],
    };
    let other = Share { key: "x", seqs: &[1] };
    shares(response, &[share, other]).swap_remove(0)
}

#[test]
fn an_ack_that_is_not_ok_holds_whatever_number_it_names() {
    use v1::ack::Outcome as Says;
    let said = |outcome: Says, through_seq: u32| {
        let ack = v1::Ack {
            conversation_key: "k".into(),
            through_seq,
            outcome: outcome as i32,
            retry_after: Some(pbjson_types::Duration { seconds: 30, nanos: 0 }),
            ..Default::default()
        };
        let outcomes = of_three(DeliverResponse {
            results: vec![ack],
            ..Default::default()
        });
        let told = |outcome: &Outcome| (name(outcome), outcome.after());
        outcomes.iter().map(told).collect::<Vec<_>>()
    };
    for through in [0, 5, 6, 8, 9] {
        assert_eq!(said(Says::Retry, through), [("again", Some(30_000))], "{through}");
        assert_eq!(said(Says::Park, through), [("park", None)], "{through}");
    }
    assert_eq!(said(Says::Ok, 5), [("again", Some(30_000))], "as for a single event");
    assert_eq!(said(Says::Ok, 6), [("taken", None), ("again", Some(30_000))]);
}

#[test]
fn no_ack_at_all_takes_everything_unless_it_answers_a_single_event() {
    let none = of_three(DeliverResponse::default());
    assert_eq!(none, vec![Outcome::Taken(Answer::default()); 3]);
    let replied = of_three(DeliverResponse {
        replies: vec![reply("to whom?")],
        ..Default::default()
    });
    let told: Vec<_> = replied.iter().map(|it| (name(it), it.after())).collect();
    assert_eq!(told, [("again", Some(0))], "each is asked for by itself");
}

#[test]
fn no_reply_is_lost_in_a_request_of_several_events() {
    let ack = |through_seq: u32, text: &str| v1::Ack {
        conversation_key: "k".into(),
        through_seq,
        replies: vec![reply(text)],
        ..Default::default()
    };
    let all = |acks: Vec<v1::Ack>| {
        let outcomes = of_three(DeliverResponse {
            results: acks,
            ..Default::default()
        });
        let replies = outcomes.into_iter().flat_map(|outcome| match outcome {
            Outcome::Taken(answer) => answer.replies,
            other => panic!("{other:?}"),
        });
        replies.collect::<Vec<_>>()
    };
    let of = |texts: &[&str]| texts.iter().map(|text| Ok(reply(text))).collect::<Vec<_>>();
    let backwards = vec![ack(8, "c"), ack(7, "b"), ack(6, "a")];
    assert_eq!(all(backwards), of(&["c", "b", "a"]));
    let last_number = vec![ack(8, "a"), ack(8, "b"), ack(8, "c")];
    assert_eq!(all(last_number), of(&["a", "b", "c"]));
    let beside = DeliverResponse {
        results: vec![ack(8, "a")],
        replies: vec![reply("to whom?")],
        ..Default::default()
    };
    let told: Vec<_> = of_three(beside).iter().map(name).collect();
    assert_eq!(told, ["again"], "each is asked for by itself");
}

#[tokio::test]
async fn a_core_that_answers_for_a_request_as_a_whole_hears_one_event_at_a_time() {
    let house = house().await;
    let core = core(house.address, 5_000);
    let link = link(&core);
    for _ in 0..21 {
        house.told.says(Ok(DeliverResponse::default()));
    }
    passed(&link, &core, "first").await;
    let keys: Vec<String> = (0..20).map(|n| format!("k{n}")).collect();
    futures_util::future::join_all(keys.iter().map(|key| passed(&link, &core, key))).await;
    assert_eq!(house.told.inner().heard.len(), 21);
    house.told.says(Ok(DeliverResponse::default()));
    assert_eq!(ran(&link, &core, "k", 1..=5).await.len(), 1);
    let inner = house.told.inner();
    assert!(inner.heard.len() == 22 && inner.heard.iter().all(|(_, it)| it.events.len() == 1));
}

#[tokio::test]
async fn a_core_that_does_not_say_how_far_it_took_a_conversation_hears_one_event_of_it_at_a_time() {
    let house = house().await;
    let core = core(house.address, 5_000);
    let link = link(&core);
    let silent = v1::Ack {
        conversation_key: "k".into(),
        ..Default::default()
    };
    let answer = DeliverResponse {
        results: vec![silent],
        ..Default::default()
    };
    for from in 1..=3 {
        house.told.says(Ok(answer.clone()));
        let said = ran(&link, &core, "k", from..=5).await;
        assert_eq!(said.iter().map(name).collect::<Vec<_>>(), ["taken"]);
    }
    let heard = house
        .told
        .inner()
        .heard
        .iter()
        .map(|(_, it)| it.events.len())
        .collect::<Vec<_>>();
    assert_eq!(heard, [1, 1, 1]);
}
