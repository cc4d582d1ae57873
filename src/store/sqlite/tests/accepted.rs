//! Is every arrival one event, with its number and its allowance, whatever fails beside it?

use super::*;

#[tokio::test]
async fn the_same_message_is_one_event_however_often_it_comes() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    assert_eq!((first.event.seq, first.event.epoch), (1, bench.store.epoch()));
    let Accepted::Again { event_id, row } = bench.store.accept(arrival("a", 1).into()).await.expect("accepted") else {
        panic!("the platform sent it before")
    };
    assert_eq!((event_id, row), (first.event.id.clone(), first.row));
    assert_eq!(bench.say("a", 2).await.event.seq, 2);
    assert_eq!(bench.say("b", 3).await.event.seq, 1);
    assert_eq!(bench.heard().len(), 3);
    let found = bench.store.event(&first.event.id).await.expect("read").expect("found");
    assert_eq!(found.event, first.event);
}

#[tokio::test]
async fn a_crash_loses_no_event_no_number_and_no_allowance() {
    let bench = Bench::new();
    for number in 1..=5 {
        bench.say("a", number).await;
    }
    let after = bench.crashed().await;
    assert_eq!(after.store.epoch(), bench.store.epoch());
    let view = after.store.conversation(&key("a")).await.expect("read").expect("known");
    assert_eq!((view.state.seq, view.taken_seq), (5, 0));
    assert_eq!(view.state.allowances(START)[0].remaining, Some(5));
    assert!(matches!(
        after.store.accept(arrival("a", 5).into()).await,
        Ok(Accepted::Again { .. })
    ));
    assert_eq!(after.say("a", 6).await.event.seq, 6);
    let pending = after.store.pending(view.id, 0, 10).await.expect("read").events;
    assert_eq!(
        pending.iter().map(|stored| stored.event.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
}

#[tokio::test]
async fn what_fails_in_a_batch_is_undone_also_in_memory() {
    let bench = Bench::new();
    bench.say("a", 1).await;
    failing(&bench, 2).await;
    assert_eq!(bench.heard().len(), 1, "what was undone was not told");
    assert_eq!(
        bench.say("a", 2).await.event.seq,
        2,
        "no hole, and the platform's retry is new"
    );
}

#[tokio::test]
async fn what_is_accepted_is_written_down_without_being_read() {
    let bench = Bench::new();
    let stored = bench.say("a", 1).await;
    assert!(!stored.event.is_read());
    assert_eq!((stored.event.id(), stored.event.number()), (&*stored.event.id, 1));
    let read = bench.store.event(stored.event.id()).await.expect("read");
    assert_eq!(read.expect("there").event.bytes(), stored.event.bytes());
}

#[tokio::test]
async fn a_conversation_shows_its_account_as_it_came_last() {
    let bench = Bench::new();
    let usual = account();
    let renamed = Arc::new(v1::Account {
        sub_id: "other".into(),
        ..v1::Account::clone(&usual)
    });
    for (number, account) in [&usual, &usual, &renamed, &renamed, &usual].into_iter().enumerate() {
        let stored = bench
            .arrive(Arrival {
                account: account.clone(),
                ..arrival("a", number as u64)
            })
            .await;
        let shown = stored.event.conversation.as_ref().and_then(|it| it.account.as_ref());
        assert_eq!(shown, Some(&**account), "{number}");
        let view = bench.store.conversation(&key("a")).await.expect("read").expect("there");
        assert_eq!(view.state.view().account.as_ref(), Some(&**account), "{number}");
    }
}

async fn failing(bench: &Bench, number: u64) {
    let failed: Result<(), StoreError> = bench
        .store
        .write(move |writer| {
            writer.accept(&arrival("a", number))?;
            Err(Fault::Database(rusqlite::Error::InvalidQuery))
        })
        .await;
    assert!(matches!(failed, Err(StoreError::CannotAppend(_))), "{failed:?}");
}

#[tokio::test]
async fn what_fails_in_a_batch_undoes_nothing_of_the_batches_before() {
    let bench = Bench::new();
    // The second event of a conversation changes nothing in its row.
    for (who, number) in [("a", 1), ("a", 2), ("b", 3), ("b", 4)] {
        bench.say(who, number).await;
    }
    failing(&bench, 5).await;
    assert_eq!(bench.say("a", 5).await.event.seq, 3, "no number is given out twice");
    assert_eq!(bench.waiting(ConversationId(1)).await, [1, 2, 3]);
    failing(&bench, 6).await;
    bench.store.close().await;
    let store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("opened again");
    for (who, number) in [("a", 6), ("b", 7)] {
        store.accept(arrival(who, number).into()).await.expect("accepted");
    }
    let seqs: Vec<_> = bench.heard().iter().map(|stored| stored.event.seq).collect();
    assert_eq!(seqs, [1, 2, 1, 2, 3, 4, 3]);
}

#[tokio::test]
async fn where_no_transaction_can_be_begun_nothing_is_done_and_the_retry_is_new() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    let set = bench
        .store
        .write(|writer| Ok(writer.db.busy_timeout(Duration::from_millis(20))?));
    set.await.expect("set");
    let other = rusqlite::Connection::open(bench.dir.path().join(FILE)).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("held");
    // A job that is not run lets go of it as well.
    let refused = bench.store.write(move |writer| {
        other.execute_batch("ROLLBACK")?;
        Ok(writer.accept(&arrival("a", 2))?)
    });
    let refused = refused.await;
    assert!(matches!(refused, Err(StoreError::CannotAppend(_))), "{refused:?}");
    assert_eq!(bench.say("a", 2).await.event.seq, 2);
    assert_eq!(bench.say("b", 3).await.event.seq, 1);
    assert_eq!(bench.waiting(first.conversation).await, [1, 2]);
}

#[tokio::test]
async fn a_conversation_that_cannot_be_read_fails_alone() {
    let bench = Bench::new();
    bench.say("a", 1).await;
    bench
        .store
        .write(|writer| {
            writer
                .db
                .execute("INSERT INTO conversation (key, state) VALUES (?1, x'ff')", [key("bad")])?;
            Ok(())
        })
        .await
        .expect("written");
    let bad = bench.store.accept(arrival("bad", 2).into());
    let good = bench.store.accept(arrival("a", 3).into());
    let (bad, good) = tokio::join!(bad, good);
    assert!(matches!(bad, Err(StoreError::Broken(_))), "{bad:?}");
    assert!(matches!(good, Ok(Accepted::New(_))), "{good:?}");
}

#[tokio::test]
async fn a_conversation_changes_core_only_when_nothing_of_it_waits() {
    let bench = Bench::new();
    let to = |core: &str, number| Arrival {
        core: Some(core.into()),
        ..arrival("a", number)
    };
    let first = bench.arrive(to("main", 1)).await;
    assert_eq!(bench.arrive(to("other", 2)).await.core.as_deref(), Some("main"));
    bench.take(&first, Vec::new()).await;
    let waiting = bench
        .store
        .pending(first.conversation, 0, 9)
        .await
        .expect("read")
        .events;
    bench.take(&waiting[0], Vec::new()).await;
    let moved = bench.arrive(to("other", 3)).await;
    assert_eq!(moved.core.as_deref(), Some("other"));
    assert_eq!(moved.event.conversation.as_ref().map(|it| it.first_seq), Some(3));
}
