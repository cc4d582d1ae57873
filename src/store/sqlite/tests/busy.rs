//! Does everything hold while many write at once?

use super::*;

#[tokio::test]
async fn many_at_once_keep_every_order() {
    let bench = Bench::new();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2_000_u64 {
        let store = bench.store.clone();
        tasks.spawn(async move {
            let who = format!("c{}", number % 50);
            store.accept(arrival(&who, number + 1).into()).await.expect("accepted");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    let backlog = bench.store.backlog().await.expect("read");
    assert_eq!(backlog.len(), 50);
    for waiting in backlog {
        assert_eq!(bench.waiting(waiting.conversation).await, (1..=40).collect::<Vec<_>>());
    }
    let rows: Vec<_> = bench.heard().iter().map(|stored| stored.row).collect();
    assert!(rows.is_sorted(), "told in commit order");
}

#[tokio::test]
async fn states_are_folded_a_few_at_a_time_and_a_crash_in_between_loses_none() {
    let bench = Bench::new();
    for number in 1..=200_u64 {
        bench.say(&format!("c{}", number % 100), number).await;
    }
    bench.clock.advance(Duration::from_secs(11));
    // The fold begins with this batch and is not done with it.
    bench.say("c0", 201).await;
    let folded = |bench: &Bench| {
        let db = rusqlite::Connection::open(bench.dir.path().join("wxbridge.db")).expect("open");
        db.query_row("SELECT value FROM meta WHERE name = 'folded'", [], |row| {
            row.get::<_, i64>(0)
        })
        .expect("read")
    };
    assert_eq!(folded(&bench), 0);
    let after = bench.crashed().await;
    for (who, seq) in [("c0", 3), ("c1", 2), ("c99", 2)] {
        let view = after.store.conversation(&key(who)).await.expect("read").expect("known");
        assert_eq!(view.state.seq, seq, "{who}");
    }
    bench.say("c1", 202).await;
    assert_eq!(folded(&bench), 201, "everything up to where it began");
    let after = bench.crashed().await;
    assert_eq!(after.say("c1", 203).await.event.seq, 4);
}

#[tokio::test]
async fn a_long_log_goes_into_the_database_while_others_write() {
    let bench = Bench::new();
    let file = bench.dir.path().join(FILE);
    let size = || std::fs::metadata(&file).expect("the file").len();
    let large = |number| Arrival {
        raw: Some(
            v1::Raw {
                body: vec![7; 1 << 20],
                ..Default::default()
            }
            .into(),
        ),
        ..arrival("a", number)
    };
    for number in 1..=20 {
        bench.arrive(large(number)).await;
    }
    // The last pages are the writer's, and it copies them after a commit.
    for number in 21..=2_000 {
        if size() > 16 << 20 {
            return;
        }
        bench.say("a", number).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the database has {} bytes", size());
}
