//! Is an event taken once, and is one that nobody takes put aside?

use super::*;

#[tokio::test]
async fn an_event_is_taken_once_and_its_replies_with_it() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    let Took::Now(replies) = bench.take(&first, vec![message("a", "r1")]).await else {
        panic!("now")
    };
    assert!(matches!(replies[..], [Enqueued::New(_)]));
    assert!(matches!(
        bench.take(&first, vec![message("a", "r2")]).await,
        Took::Before
    ));
    let gone = bench
        .store
        .message(MessageRef::Client {
            account: "shop",
            client_message_id: "r2",
        })
        .await;
    assert!(gone.expect("read").is_none());
    assert_eq!(bench.store.outbox(first.conversation).await.expect("read").len(), 1);
    assert!(bench.store.backlog().await.expect("read").is_empty());
}

#[tokio::test]
async fn what_was_replied_to_an_event_enters_the_outbox_as_it_is_set_aside() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    let sorry = vec![message("a", "sorry")];
    let (gap, replies) = bench
        .store
        .park_with(&first, "refused".into(), sorry)
        .await
        .expect("parked");
    assert!(matches!(gap.event.body, Some(Body::Gap(_))));
    assert!(matches!(replies[..], [Enqueued::New(_)]));
    assert_eq!(bench.store.outbox(first.conversation).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_parked_event_leaves_a_gap_in_its_place_and_comes_back_as_a_new_one() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    bench.say("a", 2).await;
    let gap = bench.store.park(&first, "refused".into()).await.expect("parked");
    assert_eq!(bench.waiting(first.conversation).await, [1, 2]);
    let Some(Body::Gap(said)) = &gap.event.body else {
        panic!("a gap")
    };
    assert_eq!((said.from_seq, said.to_seq), (1, 1));
    assert_eq!(said.parked_event_ids, std::slice::from_ref(&first.event.id));
    assert_eq!(gap.event.traceparent.len(), 55, "{:?}", gap.event.traceparent);

    let parked = bench.store.parked(None, 10).await.expect("read");
    assert_eq!((parked.len(), parked[0].reason.as_str()), (1, "refused"));
    let heard = bench.heard().len();
    let back = bench
        .store
        .unpark(first.row)
        .await
        .expect("unparked")
        .expect("it was parked");
    assert_eq!(bench.heard().len(), heard + 1, "the listener offers it");
    assert_eq!((back.event.seq, back.event.late), (3, true));
    assert_eq!(back.event.redelivery_of, first.event.id);
    assert!(bench.store.unpark(first.row).await.expect("asked").is_none());
    assert!(!bench.store.discard(first.row).await.expect("asked"));
}

#[tokio::test]
async fn takes_that_share_a_commit_are_each_answered_for_themselves() {
    let bench = Bench::new();
    let mut stored = Vec::new();
    for number in 0..40 {
        stored.push(bench.say(&format!("c{number}"), number).await);
    }
    bench.take(&stored[7], Vec::new()).await;
    let takes = stored.iter().map(|stored| bench.take(stored, Vec::new()));
    let took = futures_util::future::join_all(takes).await;
    for (number, took) in took.into_iter().enumerate() {
        assert_eq!(matches!(took, Took::Before), number == 7, "{number}: {took:?}");
    }
    for stored in &stored {
        assert!(bench.waiting(stored.conversation).await.is_empty());
    }
    assert!(bench.store.backlog().await.expect("read").is_empty());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_can_be_set_aside_and_looked_at_among_others() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    let second = bench.say("a", 2).await;
    let file = bench.dir.path().join("wxbridge.db");
    let db = rusqlite::Connection::open(file).expect("opens");
    // A message whose one part says that it is longer than it is.
    db.execute(
        "UPDATE event SET body = CAST(body || x'a20102227f' AS BLOB) WHERE row = ?1",
        [first.row],
    )
    .expect("spoilt");
    let waiting = bench
        .store
        .pending(first.conversation, 0, 10)
        .await
        .expect("pending")
        .events;
    assert!(waiting[0].event.event().is_err());
    assert_eq!(waiting[0].event.head().id, first.event.id);
    let gap = bench
        .store
        .park(&waiting[0], "unreadable".to_owned())
        .await
        .expect("parked");
    assert_eq!(gap.event.seq, 1);
    bench.store.park(&second, "also".to_owned()).await.expect("parked");
    let parked = bench.store.parked(None, 10).await.expect("listed");
    let listed: Vec<_> = parked
        .iter()
        .map(|it| (it.seq, it.event_id.as_str(), it.event.seq))
        .collect();
    assert_eq!(
        listed,
        [(1, first.event.id.as_str(), 0), (2, second.event.id.as_str(), 2)]
    );
    assert_eq!(bench.waiting(first.conversation).await, [1, 2], "Gaps in their places");

    // It cannot come back, and whoever shares the commit with the attempt does not notice.
    let tried = bench.store.unpark(first.row);
    let (tried, said) = tokio::join!(tried, bench.store.accept(arrival("b", 7).into()));
    assert!(matches!(tried, Err(StoreError::Broken(_))), "{tried:?}");
    assert!(said.is_ok(), "{said:?}");
    assert_eq!(bench.store.parked(None, 10).await.expect("listed").len(), 2);
    assert!(bench.store.discard(first.row).await.expect("asked"));
}

#[tokio::test]
async fn a_run_is_taken_whole_with_the_reply_to_its_last() {
    let bench = Bench::new();
    let mut stored = Vec::new();
    for number in 0..5 {
        stored.push(bench.say("a", number).await);
    }
    let take = |last: usize, from: usize| Take {
        conversation: stored[last].conversation,
        row: stored[last].row,
        seq: stored[last].event.seq,
        before: stored[from..last].iter().map(|it| (it.row, it.event.seq)).collect(),
        replies: Vec::new(),
        hurries: false,
    };
    let took = bench.store.take(take(2, 0)).await.expect("taken");
    assert!(matches!(took, Took::Now(_)));
    assert_eq!(bench.waiting(stored[0].conversation).await, [4, 5]);
    // What was taken before is passed over; what was not goes with the rest.
    let took = bench.store.take(take(3, 0)).await.expect("taken");
    assert!(matches!(took, Took::Now(_)));
    assert_eq!(bench.waiting(stored[0].conversation).await, [5]);
    let took = bench.store.take(take(2, 1)).await.expect("heard before");
    assert!(matches!(took, Took::Before));
    assert_eq!(bench.waiting(stored[0].conversation).await, [5]);
    let left = bench.store.backlog().await.expect("read");
    assert_eq!((left.len(), left[0].count, left[0].first_seq), (1, 1, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_among_many_hears_of_their_own_conversation_alone() {
    let bench = Bench::new();
    let mut first = Vec::new();
    for who in 0..70 {
        first.push(bench.say(&format!("c{who}"), who).await);
        bench.say(&format!("c{who}"), 100 + who).await;
    }
    bench.take(&first[3], Vec::new()).await;
    let store = &bench.store;
    let asked = first.iter().map(|stored| store.pending(stored.conversation, 0, 9));
    let found = futures_util::future::join_all(asked).await;
    for (number, (stored, found)) in first.iter().zip(found).enumerate() {
        let found = found.expect("read").events;
        assert!(found.iter().all(|it| it.conversation == stored.conversation));
        let seqs: Vec<u32> = found.iter().map(|it| it.event.seq).collect();
        assert_eq!(seqs, if number == 3 { vec![2] } else { vec![1, 2] }, "{number}");
    }
    let limited = store.pending(first[0].conversation, 0, 1).await.expect("read");
    assert_eq!((limited.events.len(), limited.events[0].event.seq), (1, 1));
    let later = store.pending(first[0].conversation, 2, 9).await.expect("read");
    assert_eq!((later.events.len(), later.events[0].event.seq), (1, 2));
    assert_eq!((limited.all, later.all), (false, true));
    assert!(
        store
            .pending(ConversationId(i64::MAX), 0, 9)
            .await
            .expect("read")
            .events
            .is_empty()
    );
    store.close().await;
    let asked = first.iter().map(|stored| store.pending(stored.conversation, 0, 9));
    for found in futures_util::future::join_all(asked).await {
        assert!(found.is_err(), "nobody waits in vain");
    }
}
