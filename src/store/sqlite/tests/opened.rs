//! What does a store know when it is opened, and who may open it?

use super::*;

#[tokio::test]
async fn a_second_daemon_is_told_that_the_store_is_taken() {
    let bench = Bench::new();
    let second = open(bench.dir.path(), &bench.clock, &bench.heard);
    assert!(matches!(second, Err(OpenError::Taken(_))));
    bench.store.close().await;
    let Bench {
        dir,
        clock,
        heard,
        store,
    } = bench;
    drop(store);
    assert!(open(dir.path(), &clock, &heard).is_ok());
}

/// The folder of a daemon that was killed: the newest messages are in the log alone.
async fn killed() -> (tempfile::TempDir, ManualClock, Arc<Heard>) {
    let mut bench = Bench::new();
    for ord in 1..=300 {
        bench.say("a", ord).await;
    }
    bench.store.close().await;
    bench.store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("opens");
    for ord in 301..=320 {
        bench.say("a", ord).await;
    }
    let copy = tempfile::tempdir().expect("a folder");
    for name in [FILE, LOG] {
        std::fs::copy(bench.dir.path().join(name), copy.path().join(name)).expect("copied");
    }
    bench.store.close().await;
    (copy, bench.clock, bench.heard)
}

const LOG: &str = "wxbridge.db-wal";

fn refused(dir: &Path, clock: &ManualClock, heard: &Arc<Heard>) -> String {
    let options = Options {
        dir: dir.to_owned(),
        trace: Some("operator.token".to_owned()),
        reserve: 0,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: heard.clone(),
    };
    SqliteStore::open(options).err().expect("refused").to_string()
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_its_log_left_as_it_was() {
    let (dir, clock, heard) = killed().await;
    let (file, log) = (dir.path().join(FILE), dir.path().join(LOG));
    let good = std::fs::read(&log).expect("read");
    let whole = std::fs::read(&file).expect("read");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("cut");
    let told = refused(dir.path(), &clock, &heard);
    assert!(told.contains("took nothing away") && told.contains("backup"), "{told}");
    assert_eq!(std::fs::read(&log).expect("read"), good);
    assert_eq!(std::fs::read(&file).expect("read"), whole[..whole.len() / 2]);
    std::fs::write(&file, whole).expect("copied whole");
    let store = open(dir.path(), &clock, &heard).expect("opens");
    assert_eq!(store.backlog().await.expect("read")[0].count, 320);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_keeps_its_number_and_no_store_from_opening() {
    for seq in [310, 320] {
        let (dir, clock, heard) = killed().await;
        let file = dir.path().join(FILE);
        let db = rusqlite::Connection::open(&file).expect("opens");
        let spoilt = db.execute("UPDATE event SET body = x'ff' WHERE seq = ?1", [seq]);
        assert_eq!(spoilt, Ok(1));
        drop(db);
        for again in [false, true] {
            if again {
                raise_epoch(&file, START).expect("restored");
            }
            let store = open(dir.path(), &clock, &heard).expect("opens");
            let next = store
                .accept(arrival("a", 400 + u64::from(again)).into())
                .await
                .expect("accepted");
            let Accepted::New(next) = next else { panic!("new") };
            assert_eq!(next.event.seq, if again { 322 } else { 321 });
            store.close().await;
        }
    }
}

#[tokio::test]
async fn a_store_put_in_the_place_of_one_that_runs_is_not_touched_by_its_end() {
    let (other, clock, heard) = killed().await;
    let bench = Bench::new();
    bench.say("a", 1).await;
    let names = [FILE, LOG];
    let bytes = |dir: &Path| names.map(|name| std::fs::read(dir.join(name)).expect("read"));
    let good = bytes(other.path());
    for name in names {
        std::fs::remove_file(bench.dir.path().join(name)).expect("removed");
        std::fs::copy(other.path().join(name), bench.dir.path().join(name)).expect("copied");
    }
    let Bench { store, dir, .. } = bench;
    store.close().await;
    drop(store);
    assert!(bytes(dir.path()) == good, "as it was put there");
    let store = open(dir.path(), &clock, &heard).expect("opens");
    assert_eq!(store.backlog().await.expect("read")[0].count, 320);
}

#[tokio::test]
async fn a_database_that_is_missed_is_not_made_anew_and_its_log_stays() {
    let (dir, clock, heard) = killed().await;
    let (file, log) = (dir.path().join(FILE), dir.path().join(LOG));
    let good = std::fs::read(&log).expect("read");
    let whole = std::fs::read(&file).expect("read");
    std::fs::write(&file, "").expect("emptied");
    assert!(refused(dir.path(), &clock, &heard).contains("wxbridge.db-wal beside it"));
    std::fs::remove_file(&file).expect("removed");
    assert!(refused(dir.path(), &clock, &heard).contains("wxbridge.db-wal beside it"));
    assert_eq!(std::fs::read(&log).expect("read"), good);
    std::fs::write(&file, whole).expect("brought back");
    let store = open(dir.path(), &clock, &heard).expect("opens");
    assert_eq!(store.backlog().await.expect("read")[0].count, 320);
    store.close().await;
    drop(store);

    // Nothing of it is left, but the folder has been used.
    std::fs::remove_file(&file).expect("removed");
    let _ = std::fs::remove_file(&log);
    assert!(refused(dir.path(), &clock, &heard).contains("operator.token beside it"));
    assert!(!file.exists());
    rusqlite::Connection::open(&file)
        .and_then(|bare| bare.pragma_update(None, "journal_mode", "WAL"))
        .expect("without its log, a database is as good as empty");
    assert!(refused(dir.path(), &clock, &heard).contains("operator.token beside it"));
}

#[tokio::test]
async fn a_database_that_another_program_writes_is_taken() {
    let bench = Bench::new();
    bench.store.close().await;
    let other = rusqlite::Connection::open(bench.dir.path().join(FILE)).expect("the file");
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; INSERT INTO meta VALUES ('x', 1);")
        .expect("held");
    let second = open(bench.dir.path(), &bench.clock, &bench.heard);
    assert!(matches!(second, Err(OpenError::Taken(dir)) if dir == bench.dir.path().display().to_string()));
}

#[tokio::test]
async fn a_store_of_version_1_keeps_what_waits_in_its_order() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    bench.say("b", 2).await;
    bench.say("a", 3).await;
    bench.store.close().await;
    let file = bench.dir.path().join(FILE);
    let as_version_1 = "BEGIN; ALTER TABLE pending RENAME TO pending_2; \
        CREATE TABLE pending (conversation INTEGER NOT NULL, seq INTEGER NOT NULL, event INTEGER NOT NULL, \
        PRIMARY KEY (conversation, seq)) WITHOUT ROWID; \
        INSERT INTO pending SELECT conversation, seq, event FROM pending_2; DROP TABLE pending_2; \
        DROP TABLE feed; DROP TABLE feed_core; DROP TABLE taken; DROP TABLE feed_taken; \
        DROP TABLE set_aside; PRAGMA user_version = 1; COMMIT;";
    let old = rusqlite::Connection::open(&file).expect("the file");
    old.execute_batch(as_version_1).expect("made older");
    drop(old);

    let store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("brought up to date");
    let waiting = store.pending(first.conversation, 0, 9).await.expect("read").events;
    assert_eq!(waiting.iter().map(|it| it.event.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(store.backlog().await.expect("read").len(), 2);
}

#[tokio::test]
async fn what_was_taken_far_behind_the_newest_is_taken_after_a_start_too() {
    let bench = Bench::new();
    let mut said = Vec::new();
    for ord in 1..=5 {
        said.push(bench.say("a", ord).await);
    }
    // So many that the first ones are far behind.
    let many = (0..2_100).map(|ord| bench.say("b", 1_000 + ord));
    futures_util::future::join_all(many).await;
    for stored in &said[..3] {
        bench.take(stored, Vec::new()).await;
    }
    let waits = async |store: &SqliteStore| {
        let waiting = store.pending(said[0].conversation, 0, 9).await.expect("read").events;
        waiting.iter().map(|it| it.event.seq).collect::<Vec<_>>()
    };
    assert_eq!(waits(&bench.store).await, [4, 5]);
    bench.store.close().await;
    let file = rusqlite::Connection::open(bench.dir.path().join(FILE)).expect("the file");
    let noted = |file: &rusqlite::Connection| -> u32 {
        file.query_row("SELECT count(*) FROM taken", [], |row| row.get(0))
            .expect("counted")
    };
    assert_eq!(noted(&file), 3);
    let store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("opened");
    assert_eq!(waits(&store).await, [4, 5]);
    assert_eq!(noted(&file), 0, "a start carries the notes out");
}

#[tokio::test]
async fn a_store_of_version_4_goes_on() {
    let bench = Bench::new();
    bench.say("a", 1).await;
    bench.store.close().await;
    let file = bench.dir.path().join(FILE);
    let old = rusqlite::Connection::open(&file).expect("the file");
    old.execute_batch("DROP TABLE feed_taken; DROP TABLE set_aside; PRAGMA user_version = 4;")
        .expect("made older");
    drop(old);
    for _ in 0..2 {
        let store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("brought up to date");
        assert_eq!(store.backlog().await.expect("read").len(), 1);
        store.close().await;
    }
    let file = rusqlite::Connection::open(&file).expect("the file");
    file.prepare("SELECT core, position, event FROM feed_taken")
        .expect("made");
}

#[tokio::test]
async fn a_store_of_version_5_knows_what_is_parked_as_set_aside() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    bench.store.park(&first, "refused".into()).await.expect("parked");
    bench.store.close().await;
    let file = bench.dir.path().join(FILE);
    let old = rusqlite::Connection::open(&file).expect("the file");
    old.execute_batch("DROP TABLE set_aside; PRAGMA user_version = 5;")
        .expect("made older");
    drop(old);
    let store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("brought up to date");
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    let found = store.offered(query).await.expect("read");
    assert_eq!(found.events.len(), 1, "the Gap");
}

#[tokio::test]
async fn the_connection_that_writes_is_at_full() {
    let bench = Bench::new();
    assert_eq!(bench.store.synchronous().await.expect("read"), 2);
    bench.store.ready().await.expect("ready");
}

#[tokio::test]
async fn a_restored_copy_counts_anew_in_a_later_epoch() {
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    bench.say("a", 2).await;
    bench.say("a", 3).await;
    bench.take(&first, Vec::new()).await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("wxbridge.db");
    bench.store.copy_to(&file).await.expect("copied");
    // The clock went back: still later than the store's own epoch.
    let epoch = raise_epoch(&file, START - DAY).expect("raised");
    assert_eq!(epoch, bench.store.epoch() + 1);
    let heard = Arc::new(Heard::default());
    let store = open(dir.path(), &bench.clock, &heard).expect("open");
    assert_eq!(store.epoch(), epoch);
    let pending = store.pending(first.conversation, 0, 9).await.expect("read").events;
    let numbers: Vec<_> = pending
        .iter()
        .map(|stored| (stored.event.epoch, stored.event.seq))
        .collect();
    assert_eq!(numbers, [(epoch, 1), (epoch, 2)]);
    assert_eq!(pending[0].event.conversation.as_ref().map(|it| it.first_seq), Some(1));
    let Accepted::New(next) = store.accept(arrival("a", 4).into()).await.expect("accepted") else {
        panic!("new")
    };
    assert_eq!((next.event.epoch, next.event.seq), (epoch, 3));
    let Accepted::New(other) = store.accept(arrival("b", 5).into()).await.expect("accepted") else {
        panic!("new")
    };
    assert_eq!((other.event.epoch, other.event.seq), (epoch, 1));
}

#[tokio::test]
async fn numbers_that_places_in_a_feed_took_are_no_events_after_a_crash() {
    use crate::ports::feed::FeedStore as _;
    let bench = Bench::new();
    bench.store.open_feeds(vec!["second".into()]).await.expect("opened");
    let given = bench.say("a", 1).await;
    let moved = bench.store.reassign(vec![given.conversation], "second".into());
    moved.await.expect("given");
    let bench = bench.crashed().await;
    assert_eq!(bench.say("b", 2).await.row, given.row + 2);
}
