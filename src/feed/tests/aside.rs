//! Does one event that cannot be shown hold up a feed? It is set aside as a push would do it, and the page comes.

use super::*;
use crate::ports::feed::FeedStore as _;

/// A Gap that stands for one event that was set aside.
fn gap(event: &v1::Event) -> (u32, v1::gap::Reason, &[String]) {
    match &event.body {
        Some(Body::Gap(gap)) => (gap.to_seq, gap.reason(), &gap.parked_event_ids),
        other => panic!("a gap: {other:?}"),
    }
}

#[tokio::test]
async fn what_has_no_name_in_json_is_parked_and_the_page_comes_with_a_gap() {
    let bench = Bench::new().await;
    let strange = bench.says_strange("a", "main").await;
    bench.say("a", "main").await;
    bench.say("b", "main").await;
    let page = bench.json("").await;
    assert_eq!(seen(&page), [("b".into(), 1), ("a".into(), 1), ("a".into(), 2)]);
    let id = strange.event.id.clone();
    assert_eq!(gap(&page.events[1]), (1, v1::gap::Reason::Parked, &[id.clone()][..]));
    for event in &page.events {
        assert_eq!(
            event.offer.as_ref().map(|offer| offer.attempt),
            Some(1),
            "none went before"
        );
    }
    let parked = bench.store.parked(None, 10).await.expect("read");
    assert_eq!(parked.len(), 1);
    assert_eq!((&parked[0].event_id, parked[0].seq), (&id, 1));
    assert!(parked[0].reason.contains("9999"), "{}", parked[0].reason);
    assert_eq!(*bench.windows.closed.lock().expect("lock"), [id]);
    let counted = bench.observer.metrics.deliveries.with_label_values(&["main", "parked"]);
    assert_eq!(counted.get(), 1);
    bench.ack(&page.next, false).await.expect("acked");
    assert_eq!(bench.standing().waiting, 0);
    assert!(bench.waiting(&strange).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_parked_in_both_forms_of_a_page() {
    for json in [false, true] {
        let bench = Bench::new().await;
        let spoilt = bench.say("a", "main").await;
        bench.say("b", "main").await;
        let other = bench.say("c", "main").await;
        bench.spoil(&spoilt);
        bench.spoil(&other);
        let page = if json {
            bench.json("").await
        } else {
            bench.page("").await
        };
        assert_eq!(
            seen(&page),
            [("b".into(), 1), ("a".into(), 1), ("c".into(), 1)],
            "{json}"
        );
        let id = spoilt.event.id.clone();
        assert_eq!(gap(&page.events[1]), (1, v1::gap::Reason::Parked, &[id][..]));
        assert_eq!(bench.store.parked(None, 10).await.expect("read").len(), 2);
    }
}

#[tokio::test]
async fn what_came_back_from_being_set_aside_is_read_again_once() {
    let bench = Bench::new().await;
    bench.say("b", "main").await;
    let start = bench.page("").await;
    let spoilt = bench.say("a", "main").await;
    bench
        .store
        .park(&spoilt, "as an operator".into())
        .await
        .expect("parked");
    assert!(bench.store.unpark(spoilt.row).await.expect("asked").is_some());
    let all = bench.page("").await;
    bench.ack(&all.next, false).await.expect("acked");
    let again = bench.page(&start.next).await;
    assert_eq!(
        seen(&again),
        [("a".into(), 1), ("a".into(), 2)],
        "the Gap, and what came back"
    );
}

#[tokio::test]
async fn what_cannot_be_shown_a_second_time_is_left_out() {
    let bench = Bench::new().await;
    bench.say("a", "main").await;
    let first = bench.page("").await;
    let strange = bench.says_strange("a", "main").await;
    bench.say("a", "main").await;
    let all = bench.page("").await;
    assert_eq!(all.events.len(), 3, "as a message it has a form");
    bench.ack(&all.next, false).await.expect("acked");
    assert_eq!(seen(&bench.json(&first.next).await), [("a".into(), 3)]);

    let again = vec![strange.row];
    let last = bench.store.feed_again("main".into(), again, "again".into()).await;
    last.expect("put there");
    let page = bench.json("").await;
    assert!(page.events.is_empty(), "{page:?}");
    bench.ack(&page.next, false).await.expect("acked");
    assert_eq!(bench.standing().waiting, 0);
    assert!(bench.store.parked(None, 10).await.expect("read").is_empty());
}
