//! Where does an event stand that does not simply come last? Gaps, conversations that move, what is read a second time.

use super::*;
use crate::ports::feed::FeedStore as _;

#[tokio::test]
async fn what_was_taken_is_read_again_from_an_old_cursor() {
    let bench = Bench::new().await;
    for who in ["a", "b", "c"] {
        bench.say(who, "main").await;
        bench.say(who, "other").await;
    }
    let first = bench.fetch("", 1, 0).await.expect("a page");
    let all = bench.page("").await;
    bench.ack(&all.next, false).await.expect("acked");
    bench.say("d", "main").await;
    let again = bench.page(&first.next).await;
    assert_eq!(ids(&again)[..ids(&all).len() - 1], ids(&all)[1..]);
    assert_eq!(
        seen(&again).last(),
        Some(&("d".into(), 1)),
        "and goes on with what waits"
    );
    let committed = bench.ack(&first.next, false).await.expect("acked").committed;
    assert_eq!(committed, all.next, "an old cursor takes nothing back");
    assert_eq!(bench.standing().waiting, 1);
}

#[tokio::test]
async fn what_moved_before_it_was_taken_is_read_again_where_it_was_taken() {
    let bench = Bench::new().await;
    let first = bench.say("a", "main").await;
    bench.clock.advance(Duration::from_secs(60));
    bench.store.pause("shop", Some(START)).await.expect("paused");
    let moved = vec![first.conversation];
    bench
        .store
        .reassign(moved.clone(), "".into())
        .await
        .expect("taken away");
    bench.store.pause("shop", None).await.expect("resumed");
    bench.say("b", "main").await;
    let early = bench.page("").await;
    assert_eq!(seen(&early), [("b".into(), 1)]);
    bench.ack(&early.next, false).await.expect("acked");
    bench.store.reassign(moved, "main".into()).await.expect("given back");
    let second = bench.say("a", "main").await;
    bench.store.park(&second, "set aside".into()).await.expect("parked");
    bench.say("a", "main").await;
    let late = bench.page(&early.next).await;
    assert_eq!(seen(&late), [("a".into(), 1), ("a".into(), 2), ("a".into(), 3)]);
    bench.ack(&late.next, false).await.expect("acked");

    let again = bench.page(&early.next).await;
    assert_eq!((ids(&again), &again.next), (ids(&late), &late.next));
    let one = bench.fetch(&early.next, 1, 0).await.expect("a page");
    assert_eq!(ids(&bench.page(&one.next).await), ids(&late)[1..], "page by page");
    // In a pause as well: what was taken is no less theirs.
    bench.store.pause("shop", Some(START)).await.expect("paused");
    bench.say("a", "main").await;
    assert_eq!(ids(&bench.page(&early.next).await), ids(&late));

    // The first alone is forgotten, and its own row stands before the cursor.
    bench.sweep(START + 7 * DAY + 1_000).await;
    let old = bench.fetch(&early.next, 10, 0).await;
    assert!(matches!(old, Err(Refusal::TooOld { .. })), "{old:?}");
}

#[tokio::test]
async fn a_cursor_before_what_is_forgotten_is_too_old_and_says_where_to_go_on() {
    let bench = Bench::new().await;
    let lost = bench.say("a", "main").await;
    bench.say("a", "main").await;
    let first = bench.fetch("", 1, 0).await.expect("a page");
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench.say("a", "main").await;
    bench.say("b", "main").await;
    bench.sweep(START + 8 * DAY).await;

    let Err(Refusal::TooOld { oldest_available }) = bench.fetch(&first.next, 10, 0).await else {
        panic!("too old")
    };
    let page = bench.page(&oldest_available).await;
    assert_eq!(seen(&page), [("b".into(), 1), ("a".into(), 2), ("a".into(), 3)]);
    let Some(Body::Gap(gap)) = &page.events[1].body else {
        panic!("a gap before what came later")
    };
    assert_eq!(
        (gap.from_seq, gap.to_seq, gap.reason()),
        (1, 2, v1::gap::Reason::Retention)
    );
    assert_eq!(page.oldest_available, oldest_available);
    assert_eq!(
        ids(&bench.page("").await),
        ids(&page),
        "without a cursor nothing is too old"
    );
    assert_eq!(bench.standing().waiting, 3);
    bench.ack(&page.next, false).await.expect("acked");
    assert!(bench.waiting(&lost).await.is_empty());
    assert_eq!(bench.standing().waiting, 0);
}

#[tokio::test]
async fn what_is_forgotten_at_a_place_behind_others_hides_nothing_that_waits() {
    let bench = Bench::new().await;
    let orphan = bench.say("old", "").await;
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench.say("b", "main").await;
    let cursor = bench.page("").await.next;
    bench.say("b", "main").await;
    let given = vec![orphan.conversation];
    bench.store.reassign(given, "main".into()).await.expect("given");
    bench.sweep(START + 8 * DAY).await;
    assert_eq!(
        seen(&bench.page(&cursor).await),
        [("b".into(), 2), ("old".into(), 1)],
        "and a Gap in the place of what is gone"
    );
}

#[tokio::test]
async fn a_quiet_cores_cursor_does_not_grow_old_with_the_events_of_others() {
    let bench = Bench::new().await;
    bench.say("x", "other").await;
    bench.say("a", "main").await;
    let page = bench.page("").await;
    bench.ack(&page.next, false).await.expect("acked");
    bench.say("x", "other").await;
    bench.clock.advance(Duration::from_secs(8 * 86_400));
    bench.sweep(START + 8 * DAY).await;
    assert!(bench.page(&page.next).await.events.is_empty());
}

#[tokio::test]
async fn a_conversation_that_is_given_to_a_core_comes_behind_its_cursors() {
    let bench = Bench::new().await;
    let orphan = bench.say("a", "").await;
    bench.say("a", "").await;
    bench.say("b", "main").await;
    let page = bench.page("").await;
    assert_eq!(seen(&page), [("b".into(), 1)]);
    bench
        .store
        .reassign(vec![orphan.conversation], "main".into())
        .await
        .expect("given");
    assert_eq!(seen(&bench.page(&page.next).await), [("a".into(), 1), ("a".into(), 2)]);
    assert_eq!(bench.standing().waiting, 3);
    // The numbers that this took are never an event's, not even after a crash.
    let behind = bench.page("").await.next;
    let bench = bench.again(usual()).await;
    bench.say("b", "main").await;
    assert_eq!(seen(&bench.page(&behind).await), [("b".into(), 2)]);

    bench
        .store
        .reassign(vec![orphan.conversation], "other".into())
        .await
        .expect("given");
    assert_eq!(seen(&bench.page("").await), [("b".into(), 1), ("b".into(), 2)]);
    let others = bench
        .feeds
        .fetch(&token("other"), ask("", "", 10, 0))
        .await
        .expect("a page");
    assert_eq!(seen(&others), [("a".into(), 1), ("a".into(), 2)]);
    let waiting = |core| bench.feeds.standing(core).expect("it pulls").waiting;
    assert_eq!((waiting("main"), waiting("other")), (2, 2));
}

#[tokio::test]
async fn the_oldest_that_waits_is_another_one_when_the_first_is_given_away() {
    let bench = Bench::new().await;
    let first = bench.say("a", "main").await;
    bench.clock.advance(Duration::from_secs(60));
    bench.say("b", "main").await;
    assert_eq!(bench.standing().oldest, Some(START));
    let given = vec![first.conversation];
    bench.store.reassign(given, "other".into()).await.expect("given");
    assert_eq!(bench.standing().oldest, Some(START + 60_000));
}

#[tokio::test]
async fn a_parked_events_gap_comes_before_what_has_a_later_number() {
    let bench = Bench::new().await;
    let first = bench.say("a", "main").await;
    bench.say("a", "main").await;
    let seen_all = bench.page("").await;
    bench.store.park(&first, "set aside".into()).await.expect("parked");
    let page = bench.page(&seen_all.next).await;
    assert_eq!(seen(&page), [("a".into(), 1), ("a".into(), 2)]);
    assert!(matches!(page.events[0].body, Some(Body::Gap(_))));
    assert_eq!(bench.standing().waiting, 2);
    let parked = bench
        .store
        .unpark(first.row)
        .await
        .expect("unparked")
        .expect("it was parked");
    assert_eq!(ids(&bench.page(&page.next).await), [parked.event.id.as_str()]);
}

#[tokio::test]
async fn a_core_that_begins_to_pull_gets_what_waits_for_it_and_one_that_stops_leaves_no_trace() {
    let pushed = |name| vec![core(name, Kind::Http)];
    let bench = Bench::new().await.again(pushed("main")).await;
    for who in ["a", "b", "a"] {
        bench.say(who, "main").await;
    }
    assert!(bench.feeds.standing("main").is_none());
    let bench = bench.again(usual()).await;
    assert_eq!(bench.standing().waiting, 3);
    let page = bench.page("").await;
    assert_eq!(seen(&page), [("a".into(), 1), ("b".into(), 1), ("a".into(), 2)]);
    let early = bench.fetch("", 1, 0).await.expect("a page").next;
    let bench = bench.again(pushed("main")).await.again(usual()).await;
    assert_eq!(
        seen(&bench.page(&page.next).await),
        seen(&page),
        "behind every cursor of the feed before"
    );
    let old = bench.fetch(&early, 10, 0).await;
    assert!(
        matches!(old, Err(Refusal::TooOld { .. })),
        "the places of the feed before mean nothing"
    );
    assert_eq!(seen(&bench.page("").await), seen(&page));
}

#[tokio::test]
async fn a_restored_copy_begins_its_feeds_anew() {
    let bench = Bench::new().await;
    bench.say("a", "main").await;
    bench.say("a", "main").await;
    let first = bench.fetch("", 1, 0).await.expect("a page");
    bench.ack(&first.next, false).await.expect("acked");
    bench.store.close().await;
    let Bench { dir, clock, .. } = bench;
    sqlite::raise_epoch(&dir.path().join(sqlite::FILE), START).expect("raised");
    let bench = Bench::open(dir, clock, usual()).await;
    assert!(matches!(
        bench.fetch(&first.next, 10, 0).await,
        Err(Refusal::TooOld { .. })
    ));
    assert_eq!(seen(&bench.page("").await), [("a".into(), 1)], "numbered anew");
}

#[tokio::test]
async fn a_page_holds_as_many_bytes_as_a_grpc_client_takes() {
    let bench = Bench::new().await;
    for _ in 0..4 {
        let mut big = arrival("a", "main");
        let raw = v1::Raw {
            body: vec![b'x'; pulled::BYTES / 2],
            ..Default::default()
        };
        big.raw = Some(raw.into());
        arrive(&bench.store, big).await;
    }
    let page = bench.page("").await;
    assert_eq!((page.events.len(), page.more), (1, true));
    let mut after = page.next;
    for _ in 0..3 {
        after = bench.page(&after).await.next;
    }
    assert!(!bench.page(&after).await.more);
}

#[tokio::test]
async fn a_replay_says_whether_it_was_taken_or_cut_short() {
    let bench = Bench::new().await;
    let first = bench.say("a", "main").await;
    bench.ack(&bench.page("").await.next, false).await.expect("acked");
    let again = |id: &'static str| {
        let (feeds, row) = (bench.feeds.clone(), first.row);
        tokio::spawn(async move { feeds.again("main", id, vec![row]).await.expect("put") })
    };
    let replay = again("r-1");
    let page = bench.fetch("", 10, 20).await.expect("a page");
    assert_eq!(page.events.len(), 1);
    bench.ack(&page.next, false).await.expect("acked");
    assert!(replay.await.expect("ran"));
    let replay = again("r-2");
    assert_eq!(bench.fetch("", 10, 20).await.expect("a page").events.len(), 1);
    bench.feeds.close();
    assert!(
        !replay.await.expect("ran"),
        "or the next part of it would follow at once"
    );
}

#[tokio::test]
async fn a_replay_stands_in_the_feed_with_its_name_and_moves_nothing() {
    let bench = Bench::new().await;
    let first = bench.say("a", "main").await;
    let page = bench.page("").await;
    bench.ack(&page.next, false).await.expect("acked");
    bench.say("a", "main").await;
    let rows = vec![first.row, 1_000];
    bench
        .store
        .feed_again("main".into(), rows, "r-1".into())
        .await
        .expect("put");
    let again = bench.page(&page.next).await;
    let shown: Vec<_> = again
        .events
        .iter()
        .map(|event| {
            (
                event.seq,
                event.offer.as_ref().map_or("", |offer| offer.replay_id.as_str()),
            )
        })
        .collect();
    assert_eq!(shown, [(2, ""), (1, "r-1")]);
    assert_eq!(bench.standing().waiting, 2);
    let last = bench.ack(&again.next, false).await.expect("acked").committed;
    assert_eq!(last, again.next);
    assert_eq!((bench.standing().waiting, bench.waiting(&first).await), (0, Vec::new()));
}
