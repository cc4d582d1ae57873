//! Does the machine keep its promises on the real store?

mod aside;
mod bench;
mod places;

use std::time::Duration;

use bench::*;

use super::*;
use crate::{
    ports::store::Store as _,
    schema::v1::{self, FetchEventsRequest, event::Body},
    store::sqlite,
};

#[tokio::test]
async fn a_core_reads_its_own_events_in_order_until_it_takes_them() {
    let bench = Bench::new().await;
    let first = bench.say("a", "main").await;
    bench.say("b", "main").await;
    bench.say("x", "other").await;
    bench.say("y", "pushed").await;
    bench.say("a", "main").await;
    assert_eq!(bench.standing().waiting, 3);
    let two = bench.fetch("", 2, 0).await.expect("a page");
    assert_eq!(seen(&two), [("a".into(), 1), ("b".into(), 1)]);
    assert!(two.more);
    let rest = bench.page(&two.next).await;
    assert_eq!(seen(&rest), [("a".into(), 2)]);
    assert!(!rest.more);
    assert_eq!(seen(&bench.page("").await).len(), 3, "what is not taken is read again");

    let acked = bench.ack(&two.next, false).await.expect("acked");
    assert_eq!(acked.committed, two.next);
    assert_eq!(bench.waiting(&first).await, [2]);
    assert_eq!(seen(&bench.page("").await), [("a".into(), 2)]);
    assert_eq!(bench.standing().waiting, 1);
    bench.ack(&rest.next, false).await.expect("acked");
    assert_eq!(bench.ack(&two.next, false).await.expect("again").committed, rest.next);
    let nothing = bench.page("").await;
    assert_eq!(
        (nothing.events.len(), nothing.next.as_str(), nothing.more),
        (0, rest.next.as_str(), false)
    );
    assert!(bench.waiting(&first).await.is_empty());
    assert_eq!(bench.standing().oldest, None);
    let taken = bench.observer.metrics.deliveries.with_label_values(&["main", "taken"]);
    assert_eq!(taken.get(), 3);
}

#[tokio::test]
async fn a_page_that_asks_for_no_number_is_as_long_as_is_published() {
    let bench = Bench::new().await;
    for _ in 0..=PAGE {
        bench.say("a", "main").await;
    }
    let page = bench.fetch("", 0, 0).await.expect("a page");
    assert_eq!((page.events.len(), page.more), (PAGE as usize, true));
}

#[tokio::test]
async fn an_event_tells_its_attempt_and_keeps_the_platforms_body_to_itself() {
    let bench = Bench::new().await;
    bench.say("a", "main").await;
    for attempt in [1, 2] {
        let page = bench.page("").await;
        let event = &page.events[0];
        assert_eq!(event.offer.as_ref().map(|offer| offer.attempt), Some(attempt));
        assert_eq!(event.raw, None);
    }
}

#[tokio::test]
async fn a_long_poll_ends_with_the_commit_and_an_idle_one_with_its_time() {
    let bench = Bench::new().await;
    let (poll, said) = tokio::join!(bench.fetch("", 10, 20), async {
        while bench.standing().polling == 0 {
            tokio::task::yield_now().await;
        }
        bench.say("x", "other").await;
        bench.say("a", "main").await
    });
    assert_eq!(ids(&poll.expect("a page")), [said.event.id.as_str()]);
    let next = bench.page("").await.next;
    let (poll, ()) = tokio::join!(bench.fetch(&next, 10, 20), async {
        while bench.standing().polling == 0 {
            tokio::task::yield_now().await;
        }
        bench.clock.advance(Duration::from_secs(21));
    });
    let poll = poll.expect("an empty page");
    assert_eq!((poll.events.len(), poll.next), (0, next.clone()));
    let (poll, ()) = tokio::join!(bench.fetch(&next, 10, 20), async {
        while bench.standing().polling == 0 {
            tokio::task::yield_now().await;
        }
        bench.feeds.close();
    });
    assert!(poll.expect("an empty page").events.is_empty(), "the house closes");
}

#[tokio::test]
async fn one_token_has_so_many_polls_and_others_are_not_held_up_by_them() {
    let bench = Bench::new().await;
    let feeds = &bench.feeds;
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..SEATS {
        let feeds = feeds.clone();
        polls.spawn(async move { feeds.fetch(&token("main"), ask("main", "", 10, 30)).await });
    }
    while bench.standing().polling < SEATS {
        tokio::task::yield_now().await;
    }
    let refused = bench.fetch("", 10, 0).await;
    assert!(matches!(refused, Err(Refusal::TooMany { retry_after_seconds: 1 })));
    assert_eq!(code(refused), "OVERLOADED");
    feeds
        .fetch(&token("other"), ask("", "", 10, 0))
        .await
        .expect("another token");
    bench.say("a", "main").await;
    while let Some(ended) = polls.join_next().await {
        assert_eq!(ended.expect("joined").expect("a page").events.len(), 1);
    }
    bench.fetch("", 10, 0).await.expect("there is room again");
}

#[tokio::test]
async fn windows_are_closed_with_the_acknowledgement_unless_they_are_kept() {
    let bench = Bench::new().await;
    let stored = [
        bench.say("a", "main").await,
        bench.say("b", "main").await,
        bench.say("c", "main").await,
    ];
    let open: Vec<String> = stored.iter().take(2).map(|it| it.event.id.clone()).collect();
    bench.windows.open.lock().expect("lock").clone_from(&open);
    let page = bench.page("").await;
    let shown: Vec<bool> = page
        .events
        .iter()
        .map(|event| event.offer.as_ref().is_some_and(|offer| offer.passive.is_some()))
        .collect();
    assert_eq!(shown, [true, true, false]);
    let first = bench.fetch("", 1, 0).await.expect("a page");
    bench.ack(&first.next, true).await.expect("acked");
    assert!(bench.windows.closed.lock().expect("lock").is_empty());
    bench.ack(&page.next, false).await.expect("acked");
    assert_eq!(*bench.windows.closed.lock().expect("lock"), open);
}

#[tokio::test]
async fn tokens_and_names_that_do_not_fit_are_told_so_and_nothing_is_lost() {
    let bench = Bench::new().await;
    bench.say("a", "main").await;
    let page = bench.page("").await;
    let feeds = &bench.feeds;
    let fetch = async |token: ApiToken, core: &str| feeds.fetch(&token, ask(core, "", 10, 0)).await;
    assert_eq!(code(fetch(token("other"), "main").await), "FORBIDDEN");
    let stranger = AckEventsRequest {
        core: "main".into(),
        cursor: page.next.clone(),
        keep_window: false,
    };
    assert_eq!(code(feeds.ack(&token("other"), stranger.clone()).await), "FORBIDDEN");
    let unnamed = AckEventsRequest {
        core: String::new(),
        ..stranger
    };
    assert_eq!(
        code(feeds.ack(&token("other"), unnamed).await),
        "INVALID_REQUEST",
        "another's cursor"
    );
    assert_eq!(code(fetch(token("pushed"), "").await), "INVALID_REQUEST");
    assert_eq!(code(fetch(token("gone"), "").await), "NOT_FOUND");
    let viewer = token_of(&serde_json::json!({"id": "v", "name": "v", "scope": "viewer"}));
    assert_eq!(code(fetch(viewer, "main").await), "FORBIDDEN");
    let operator = token_of(&serde_json::json!({"id": "o", "name": "o", "scope": "operator"}));
    assert_eq!(
        code(fetch(operator.clone(), "").await),
        "INVALID_REQUEST",
        "which of two?"
    );
    assert_eq!(fetch(operator, "main").await.expect("a page").events.len(), 1);
    let narrow = token_of(&serde_json::json!(
        {"id": "n", "name": "n", "scope": "core", "core": "main", "accounts": ["shop-*"]}
    ));
    assert_eq!(
        code(fetch(narrow, "").await),
        "FORBIDDEN",
        "it would take what it does not see"
    );
    assert_eq!(bench.standing().waiting, 1);
}

#[tokio::test]
async fn a_cursor_that_we_did_not_write_is_refused_wherever_it_comes() {
    let bench = Bench::new().await;
    bench.say("a", "main").await;
    let page = bench.page("").await;
    let elsewhere = Cursors::new(&[8; 32], bench.store.epoch()).write("main", 1_000);
    for cursor in ["1", "AAAA", elsewhere.as_str(), &page.next[1..]] {
        assert_eq!(code(bench.fetch(cursor, 10, 0).await), "INVALID_REQUEST", "{cursor}");
        assert_eq!(code(bench.ack(cursor, false).await), "INVALID_REQUEST", "{cursor}");
    }
    assert_eq!(code(bench.ack("", false).await), "INVALID_REQUEST");
    let other_life = Cursors::new(&[7; 32], bench.store.epoch() - 1).write("main", 1_000);
    for refused in [
        bench.fetch(&other_life, 10, 0).await.map(|_| ()),
        bench.ack(&other_life, false).await.map(|_| ()),
    ] {
        let Err(Refusal::TooOld { oldest_available }) = refused else {
            panic!("too old")
        };
        assert_eq!(ids(&bench.page(&oldest_available).await), ids(&page));
    }
    let negative = FetchEventsRequest {
        wait: Some(pbjson_types::Duration { seconds: -1, nanos: 0 }),
        ..ask("main", "", 10, 0)
    };
    assert_eq!(
        code(bench.feeds.fetch(&token("main"), negative).await),
        "INVALID_REQUEST"
    );
    assert_eq!(bench.standing().waiting, 1);
}

#[tokio::test]
async fn a_restart_keeps_what_was_taken_what_waits_and_every_cursor() {
    let bench = Bench::new().await;
    for who in ["a", "b", "a"] {
        bench.say(who, "main").await;
    }
    let first = bench.fetch("", 1, 0).await.expect("a page");
    let all = bench.page("").await;
    bench.ack(&first.next, false).await.expect("acked");
    let bench = bench.again(usual()).await;
    let standing = bench.standing();
    assert_eq!(
        (standing.waiting, standing.last_ack, standing.here),
        (2, Some(START), None)
    );
    assert_eq!(ids(&bench.page("").await), ids(&all)[1..]);
    assert!(bench.page(&all.next).await.events.is_empty());
    bench.ack(&all.next, false).await.expect("acked");
    let bench = bench.again(usual()).await;
    bench.say("a", "main").await;
    assert_eq!(
        seen(&bench.page(&all.next).await),
        [("a".into(), 3)],
        "behind every cursor of before"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_appears_behind_a_cursor_while_many_write() {
    const WRITERS: usize = 16;
    const EACH: usize = 60;
    let bench = Bench::new().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let store = bench.store.clone();
        writers.spawn(async move {
            for number in 0..EACH {
                // Conversations shared by two writers, and a stranger's events in between.
                let core = if number % 7 == 6 { "other" } else { "main" };
                let who = format!("{core}-{}", (writer + number % 2) % 8);
                arrive(&store, arrival(&who, core)).await;
            }
        });
    }
    let wanted = WRITERS * EACH - WRITERS * (EACH / 7);
    let mut found: Vec<(String, u32)> = Vec::new();
    let mut after = String::new();
    let read = async {
        while found.len() < wanted {
            let page = bench.fetch(&after, 7, 30).await.expect("a page");
            found.extend(seen(&page));
            after = page.next;
        }
    };
    tokio::time::timeout(LIMIT, read).await.expect("every event is read");
    while let Some(ended) = writers.join_next().await {
        ended.expect("written");
    }
    assert!(bench.page(&after).await.events.is_empty());
    let mut last = std::collections::HashMap::new();
    for (who, seq) in &found {
        let before = last.insert(who.clone(), *seq).unwrap_or(0);
        assert_eq!(*seq, before + 1, "{who}: in order, once, without a hole");
    }
    assert_eq!(bench.standing().waiting, wanted as u64);
    bench.ack(&after, false).await.expect("acked");
    assert_eq!(bench.standing().waiting, 0);
}

#[tokio::test]
async fn a_token_whose_globs_cover_its_core_pulls_and_one_that_sees_less_does_not() {
    let of = |accounts: &[&str], globs: &[&str]| {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        super::sees_all(&own(globs), &own(accounts))
    };
    for (accounts, globs, sees) in [
        (&[][..], &[][..], true),
        (&[], &["*"], true),
        (&[], &["shop-*"], false),
        (&["shop-1"], &["shop-*"], true),
        (&["shop-*"], &["*"], true),
        (&["shop-*"], &["s*"], true),
        (&["shop-*"], &["shop-*"], true),
        (&["shop-*"], &["shop-1*"], false),
        (&["s*"], &["shop-*"], false),
        (&["shop-1", "second"], &["shop-*"], false),
        (&["shop-1", "second"], &["shop-*", "second"], true),
    ] {
        assert_eq!(of(accounts, globs), sees, "{accounts:?} {globs:?}");
    }
    let bench = Bench::new().await;
    let seeing = |glob: &str| {
        token_of(&serde_json::json!({"id": "t", "name": "t", "scope": "core", "core": "main", "accounts": [glob]}))
    };
    let everything = bench.feeds.fetch(&seeing("*"), ask("main", "", 10, 0)).await;
    everything.expect("it sees every account");
    assert_eq!(
        code(
            bench
                .feeds
                .fetch(&seeing("shop"), ask("main", "", 10, 0))
                .await
                .map(|_| ())
        ),
        "FORBIDDEN"
    );
}
