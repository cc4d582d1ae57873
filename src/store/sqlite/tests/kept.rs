//! What is kept, for how long, and how is it found?

use super::*;

#[tokio::test]
async fn below_its_reserve_the_store_takes_nothing_new_but_still_ends_what_it_has() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::at(START);
    let heard = Arc::new(Heard::default());
    let store = open(dir.path(), &clock, &heard).expect("open");
    let Accepted::New(stored) = store.accept(arrival("a", 1).into()).await.expect("accepted") else {
        panic!("new")
    };
    store.close().await;
    drop(store);
    let store = SqliteStore::open(Options {
        dir: dir.path().to_owned(),
        trace: None,
        reserve: u64::MAX,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: heard.clone(),
    })
    .expect("open");
    assert!(matches!(
        store.accept(arrival("a", 2).into()).await,
        Err(StoreError::CannotAppend(_))
    ));
    assert!(matches!(store.ready().await, Err(StoreError::CannotAppend(_))));
    let take = Take {
        conversation: stored.conversation,
        row: stored.row,
        seq: 1,
        before: Vec::new(),
        replies: Vec::new(),
        hurries: false,
    };
    assert!(matches!(store.take(take).await, Ok(Took::Now(_))));
}

/// `success` for what ends with the process would be a lie.
#[tokio::test]
async fn a_file_that_was_removed_or_replaced_under_the_daemon_takes_nothing_until_it_is_back() {
    for name in [FILE, "wxbridge.db-wal"] {
        let bench = Bench::new();
        bench.say("a", 1).await;
        let (file, aside) = (bench.dir.path().join(name), bench.dir.path().join("aside"));
        let mut ord = 1;
        let mut takes = async || {
            bench.clock.advance(Duration::from_secs(1));
            ord += 1;
            let accepted = bench.store.accept(arrival("a", ord).into()).await;
            let ready = bench.store.ready().await;
            assert_eq!(accepted.is_ok(), ready.is_ok(), "{accepted:?} {ready:?}");
            accepted.map(|_| ()).map_err(|error| error.to_string())
        };
        takes().await.expect("as ever");
        std::fs::rename(&file, &aside).expect("removed");
        let told = takes().await.expect_err("removed");
        assert!(told.contains(name) && told.contains("removed or replaced"), "{told}");
        std::fs::write(&file, "another").expect("written");
        takes().await.expect_err("replaced");
        std::fs::rename(&aside, &file).expect("brought back");
        takes().await.expect("as ever");
    }
}

#[tokio::test]
async fn what_was_not_taken_within_the_retention_becomes_one_gap() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    bench.say("a", 2).await;
    let taken = bench.say("b", 3).await;
    bench.take(&taken, Vec::new()).await;
    bench.clock.advance(Duration::from_millis(8 * DAY as u64));
    let young = bench
        .arrive(Arrival {
            platform_time: None,
            ..arrival("a", 4)
        })
        .await;
    let keep = Retention {
        events: 7 * DAY,
        idempotency: 3 * DAY,
    };
    let swept = bench.store.sweep(START + 8 * DAY, keep).await.expect("swept");
    assert_eq!((swept.events, swept.gaps), (3, 1));
    let pending = bench
        .store
        .pending(first.conversation, 0, 9)
        .await
        .expect("read")
        .events;
    let Some(Body::Gap(gap)) = &pending[0].event.body else {
        panic!("a gap")
    };
    assert_eq!(
        (gap.from_seq, gap.to_seq, gap.reason()),
        (1, 2, v1::gap::Reason::Retention)
    );
    assert_eq!(pending[1].event.id, young.event.id);
    assert!(bench.store.event(&first.event.id).await.expect("read").is_none());
    let again = bench.store.accept(arrival("a", 1).into()).await.expect("accepted");
    assert!(
        matches!(again, Accepted::New(stored) if stored.event.seq == 4),
        "its identity is forgotten, its number is not"
    );
}

#[tokio::test]
async fn what_came_while_the_clock_was_ahead_is_as_old_as_what_came_next() {
    let keep = Retention {
        events: 7 * DAY,
        idempotency: 7 * DAY,
    };
    // More than one step of a sweep looks at.
    for ahead in [2, 600] {
        let bench = Bench::new();
        let sweep = async || bench.store.sweep(START + 8 * DAY, keep).await.expect("swept");
        bench.clock.set(START + 400 * DAY);
        for number in 0..ahead {
            bench.say("a", number).await;
        }
        enqueued(&bench, message("a", "k")).await;
        let told = enqueued(&bench, message("a", "l")).await;
        bench.store.settle(settle(&told, Status::Sent)).await.expect("settled");
        let first = bench.heard()[0].clone();
        assert_eq!(sweep().await, Swept::default(), "nobody knows how old they are");
        bench.clock.set(START);
        bench.say("b", 1_000).await;
        let done = enqueued(&bench, message("b", "m")).await;
        bench.store.settle(settle(&done, Status::Sent)).await.expect("settled");
        bench.clock.set(START + 5 * DAY);
        bench.say("c", 1_001).await;
        let swept = sweep().await;
        assert_eq!((swept.events, swept.messages, swept.gaps), (ahead + 1, 2, 2), "{ahead}");
        let waits = bench
            .store
            .pending(first.conversation, 0, 9)
            .await
            .expect("read")
            .events;
        let Some(Body::Gap(gap)) = &waits[0].event.body else {
            panic!("a gap")
        };
        assert_eq!((waits.len(), gap.from_seq), (1, 1));
        assert_eq!(u64::from(gap.to_seq), ahead);
        assert_eq!(sweep().await, Swept::default());
    }
}

#[tokio::test]
async fn a_parked_event_outlives_the_retention() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    let gap = bench.store.park(&first, "refused".into()).await.expect("parked");
    bench.take(&gap, Vec::new()).await;
    bench.clock.advance(Duration::from_millis(8 * DAY as u64));
    bench
        .store
        .sweep(
            START + 8 * DAY,
            Retention {
                events: 7 * DAY,
                idempotency: DAY,
            },
        )
        .await
        .expect("swept");
    assert!(bench.store.unpark(first.row).await.expect("asked").is_some());
}

/// What a replay would offer: number, and whether it is a Gap.
async fn offered(bench: &Bench) -> Vec<(u32, bool)> {
    // Page by page, so that it shows where the next one begins.
    let mut query = EventQuery {
        limit: 1,
        ..EventQuery::default()
    };
    let is_gap = |stored: &Arc<Stored>| matches!(stored.event.body, Some(Body::Gap(_)));
    let mut all = Vec::new();
    loop {
        let page = bench.store.offered(query.clone()).await.expect("read");
        if page.events.is_empty() {
            return all;
        }
        all.extend(page.events.iter().map(|it| (it.event.seq, is_gap(it))));
        query.after = page.next;
    }
}

#[tokio::test]
async fn what_was_set_aside_is_not_offered_again_beside_its_gap_whatever_became_of_it() {
    let bench = Bench::new();
    let back = bench.say("a", 1).await;
    let gone = bench.say("a", 2).await;
    bench.say("a", 3).await;
    for stored in [&back, &gone] {
        bench.store.park(stored, "refused".into()).await.expect("parked");
    }
    let gaps_in_their_places = [(1, true), (2, true), (3, false)];
    assert_eq!(offered(&bench).await, gaps_in_their_places);
    assert!(bench.store.discard(gone.row).await.expect("asked"));
    assert_eq!(offered(&bench).await, gaps_in_their_places);
    assert!(bench.store.unpark(back.row).await.expect("asked").is_some());
    assert_eq!(offered(&bench).await, [(1, true), (2, true), (3, false), (4, false)]);
    let all = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    assert_eq!(
        bench.store.events(all).await.expect("read").len(),
        6,
        "who looks sees them"
    );
}

#[tokio::test]
async fn events_are_found_by_conversation_core_and_time() {
    let bench = Bench::new();
    bench.say("a", 1).await;
    bench.clock.advance(Duration::from_secs(10));
    bench.say("a", 2).await;
    bench
        .arrive(Arrival {
            core: Some("other".into()),
            ..arrival("b", 3)
        })
        .await;
    let found = |query: EventQuery| {
        let store = bench.store.clone();
        async move {
            let found = store.events(EventQuery { limit: 10, ..query }).await.expect("read");
            found
                .iter()
                .map(|stored| stored.event.dedupe_key.clone())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(
        found(EventQuery {
            key: Some(key("a")),
            ..Default::default()
        })
        .await,
        ["wx1:1", "wx1:2"]
    );
    assert_eq!(
        found(EventQuery {
            core: Some("other".into()),
            ..Default::default()
        })
        .await,
        ["wx1:3"]
    );
    assert_eq!(
        found(EventQuery {
            from: Some(START + 1),
            newest_first: true,
            ..Default::default()
        })
        .await,
        ["wx1:3", "wx1:2"]
    );
    assert_eq!(
        found(EventQuery {
            to: Some(START + 1),
            ..Default::default()
        })
        .await,
        ["wx1:1"]
    );
    let after = bench
        .store
        .events(EventQuery {
            limit: 1,
            ..Default::default()
        })
        .await
        .expect("read")[0]
        .row;
    assert_eq!(
        found(EventQuery {
            after: Some(after),
            ..Default::default()
        })
        .await,
        ["wx1:2", "wx1:3"]
    );
}

#[tokio::test]
async fn records_of_one_call_are_written_together_or_not_at_all() {
    let bench = Bench::new();
    let create = |key: &str| RecordWrite::Create {
        space: "entries",
        key: key.into(),
        value: b"1".to_vec(),
    };
    assert!(bench.store.write_records(vec![create("a")]).await.expect("written"));
    assert!(
        !bench
            .store
            .write_records(vec![create("b"), create("a")])
            .await
            .expect("asked")
    );
    assert!(bench.store.record("entries", "b").await.expect("read").is_none());
    let delete = RecordWrite::Delete {
        space: "entries",
        key: "a".into(),
    };
    assert!(bench.store.write_records(vec![delete]).await.expect("written"));
    assert!(bench.store.records("entries").await.expect("read").is_empty());
}

#[tokio::test]
async fn a_quarantined_body_is_kept_whole_until_it_is_released() {
    let bench = Bench::new();
    let body = Quarantined {
        row: 0,
        account: "shop".into(),
        received: START,
        code: "UNDECODABLE".into(),
        detail: "why".into(),
        query: "a=b".into(),
        body: vec![0, 255, 60],
        content_type: "text/xml".into(),
        key_ids: "k".into(),
    };
    let row = bench.store.quarantine(body).await.expect("kept");
    let kept = bench.store.quarantined(None, 10).await.expect("read");
    assert_eq!((kept[0].row, kept[0].body.as_slice()), (row, &[0, 255, 60][..]));
    bench.store.release_quarantined(row).await.expect("released");
    assert!(bench.store.quarantined(None, 10).await.expect("read").is_empty());
}

#[tokio::test]
async fn what_is_set_aside_is_summed_up_by_account_and_reason() {
    let bench = Bench::new();
    for (account, code, received) in [
        ("a", "X", 1),
        ("a", "X", 9),
        ("a", "X", 3),
        ("a", "Y", 4),
        ("b", "X", 5),
    ] {
        let body = Quarantined {
            row: 0,
            account: account.into(),
            received,
            code: code.into(),
            detail: format!("came at {received}"),
            query: String::new(),
            body: Vec::new(),
            content_type: String::new(),
            key_ids: String::new(),
        };
        bench.store.quarantine(body).await.expect("kept");
    }
    let (first, second) = (bench.say("u", 1).await, bench.say("u", 2).await);
    for (stored, reason) in [(first, "old"), (second, "new")] {
        bench.store.park(&stored, reason.into()).await.expect("parked");
    }
    let aside = bench.store.aside().await.expect("read");
    let sums: Vec<_> = aside
        .unread
        .iter()
        .map(|sum| {
            (
                sum.account.as_str(),
                sum.code.as_str(),
                sum.count,
                sum.last,
                sum.detail.as_str(),
            )
        })
        .collect();
    assert_eq!(
        sums,
        [
            ("a", "X", 3, 9, "came at 9"),
            ("a", "Y", 1, 4, "came at 4"),
            ("b", "X", 1, 5, "came at 5")
        ]
    );
    assert_eq!(aside.parked, 2);
    let gaps = bench
        .heard
        .gaps
        .lock()
        .expect("lock")
        .iter()
        .map(|gap| gap.event.seq)
        .collect::<Vec<_>>();
    assert_eq!(gaps, [1, 2], "told, and not as events that wait for a core");
    assert_eq!(bench.heard().len(), 2);
    assert_eq!(aside.newest_parked.expect("one").1, "new");
}

#[tokio::test]
async fn what_is_committed_goes_from_the_log_into_the_database_by_and_by() {
    let bench = Bench::new();
    let database = || std::fs::metadata(bench.dir.path().join(FILE)).expect("the file").len();
    let long = "x".repeat(1 << 20);
    for number in 1..=20 {
        let body = text(&long).into();
        bench
            .arrive(Arrival {
                body,
                ..arrival("a", number)
            })
            .await;
    }
    let goes = async {
        let mut number = 1_000;
        while database() < 16 << 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            number += 1;
            bench.say("b", number).await;
        }
    };
    let limit = tokio::time::timeout(Duration::from_secs(20), goes).await;
    limit.expect("the database has what the log had");
}
