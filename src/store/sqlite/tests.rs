use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::{
    channels::contract::Dedupe,
    conversation::{Grant, Rules},
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        store::{Address, LedgerEntry, Listener},
    },
    schema::v1::{self, event::Body, send_result::Status},
};

const START: Millis = 1_760_000_000_000;
const DAY: Millis = 86_400_000;

#[derive(Default)]
struct Heard {
    events: Mutex<Vec<Arc<Stored>>>,
    outboxes: Mutex<Vec<ConversationId>>,
}

impl Listener for Heard {
    fn event(&self, event: &Arc<Stored>) {
        self.events.lock().expect("lock").push(event.clone());
    }
    fn message(&self, conversation: ConversationId) {
        self.outboxes.lock().expect("lock").push(conversation);
    }
}

struct Bench {
    dir: TempDir,
    clock: ManualClock,
    heard: Arc<Heard>,
    store: Arc<SqliteStore>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::at(START);
        let heard = Arc::new(Heard::default());
        let store = open(dir.path(), &clock, &heard).expect("a new store");
        Self {
            dir,
            clock,
            heard,
            store,
        }
    }

    /// What a crash at this moment would leave on disk, opened again.
    async fn crashed(&self) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for file in ["wxbridge.db", "wxbridge.db-wal"] {
            std::fs::copy(self.dir.path().join(file), dir.path().join(file)).expect("copied");
        }
        let heard = Arc::new(Heard::default());
        let store = open(dir.path(), &self.clock, &heard).expect("the store after a crash");
        Self {
            dir,
            clock: self.clock.clone(),
            heard,
            store,
        }
    }

    async fn say(&self, who: &str, number: u64) -> Arc<Stored> {
        self.arrive(arrival(who, number)).await
    }

    async fn arrive(&self, arrival: Arrival) -> Arc<Stored> {
        match self.store.accept(arrival.into()).await.expect("accepted") {
            Accepted::New(stored) => stored,
            Accepted::Again { .. } => panic!("new"),
        }
    }

    async fn take(&self, stored: &Stored, replies: Vec<NewMessage>) -> Took {
        let take = Take {
            conversation: stored.conversation,
            row: stored.row,
            seq: stored.event.seq,
            replies,
        };
        self.store.take(take).await.expect("taken")
    }

    async fn waiting(&self, conversation: ConversationId) -> Vec<u32> {
        let pending = self.store.pending(conversation, 0, 100).await.expect("pending");
        pending.iter().map(|stored| stored.event.seq).collect()
    }

    fn heard(&self) -> Vec<Arc<Stored>> {
        self.heard.events.lock().expect("lock").clone()
    }
}

fn open(dir: &Path, clock: &ManualClock, heard: &Arc<Heard>) -> Result<Arc<SqliteStore>, OpenError> {
    SqliteStore::open(Options {
        dir: dir.to_owned(),
        reserve: 0,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: heard.clone(),
    })
}

fn account() -> Arc<v1::Account> {
    Arc::new(v1::Account {
        id: "shop".into(),
        platform_id: "wx1".into(),
        ..Default::default()
    })
}

fn key(who: &str) -> String {
    format!("official_account:wx1:u:{who}")
}

fn text(body: &str) -> Body {
    Body::Message(v1::Message {
        origin: v1::message::Origin::CustomerSent as i32,
        summary: body.to_owned(),
        ..Default::default()
    })
}

fn arrival(who: &str, number: u64) -> Arrival {
    Arrival {
        account: account(),
        key: key(who),
        customer: v1::Identity {
            native_id: who.to_owned(),
            ..Default::default()
        },
        scope: v1::conversation::Scope::Direct,
        dedupe: Some(Dedupe {
            text: format!("wx1:{number}"),
            order: number,
            rest: String::new(),
        }),
        platform_time: Some(START),
        history: false,
        traceparent: String::new(),
        body: text("hello"),
        raw: None,
        entry: None,
        grant: Some(Grant {
            trigger: "message".into(),
            remaining: Some(5),
            expires: START + 2 * DAY,
            ..Default::default()
        }),
        unfollowed: false,
        customer_acted: true,
        customer_spoke: true,
        session: None,
        redelivery_of: String::new(),
        core: Some("main".into()),
        rules: Rules::default(),
    }
}

fn message(who: &str, client: &str) -> NewMessage {
    NewMessage {
        id: format!("id-{client}"),
        account: "shop".into(),
        client_message_id: client.to_owned(),
        address: Address {
            account: account(),
            key: key(who),
            customer: v1::Identity {
                native_id: who.to_owned(),
                ..Default::default()
            },
            scope: v1::conversation::Scope::Direct,
            core: Some("main".into()),
        },
        request: v1::SendRequest {
            what: Some(v1::send_request::What::Text("hi".into())),
            ..Default::default()
        },
        answers: None,
        result: result(Status::Accepted),
        passive: None,
        pieces_done: 0,
        next_attempt: START,
        not_after: START + DAY,
        tell: false,
    }
}

fn result(status: Status) -> v1::SendResult {
    v1::SendResult {
        status: status as i32,
        ..Default::default()
    }
}

fn settle(message: &Message, status: Status) -> Settle {
    Settle {
        message: message.row,
        result: result(status),
        passive: None,
        pieces_done: 0,
        attempts: 1,
        next_attempt: 0,
        ledger: Vec::new(),
        tell: false,
    }
}

async fn enqueued(bench: &Bench, new: NewMessage) -> Arc<Message> {
    match bench.store.enqueue(new).await.expect("enqueued") {
        Enqueued::New(message) => message,
        other => panic!("new, not {other:?}"),
    }
}

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
    let pending = after.store.pending(view.id, 0, 10).await.expect("read");
    assert_eq!(
        pending.iter().map(|stored| stored.event.seq).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
}

#[tokio::test]
async fn what_fails_in_a_batch_is_undone_also_in_memory() {
    let bench = Bench::new();
    bench.say("a", 1).await;
    let failed: Result<(), StoreError> = bench
        .store
        .write(|writer| {
            writer.accept(arrival("a", 2))?;
            Err(Fault::Database(rusqlite::Error::InvalidQuery))
        })
        .await;
    assert!(matches!(failed, Err(StoreError::CannotAppend(_))), "{failed:?}");
    assert_eq!(bench.heard().len(), 1, "what was undone was not told");
    assert_eq!(
        bench.say("a", 2).await.event.seq,
        2,
        "no hole, and the platform's retry is new"
    );
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
    let waiting = bench.store.pending(first.conversation, 0, 9).await.expect("read");
    bench.take(&waiting[0], Vec::new()).await;
    let moved = bench.arrive(to("other", 3)).await;
    assert_eq!(moved.core.as_deref(), Some("other"));
    assert_eq!(moved.event.conversation.as_ref().map(|it| it.first_seq), Some(3));
}

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
async fn a_client_id_names_one_request() {
    let bench = Bench::new();
    let first = enqueued(&bench, message("a", "k")).await;
    let Enqueued::Same(again) = bench.store.enqueue(message("a", "k")).await.expect("enqueued") else {
        panic!("same")
    };
    assert_eq!(again.id, first.id);
    let mut other = message("a", "k");
    other.request.what = Some(v1::send_request::What::Text("bye".into()));
    assert!(matches!(bench.store.enqueue(other).await, Ok(Enqueued::Conflict)));
    let view = bench
        .store
        .conversation(&key("a"))
        .await
        .expect("read")
        .expect("the core spoke first");
    assert_eq!((view.state.core.as_str(), view.waiting_sends), ("main", 1));
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
async fn a_settled_message_moves_the_ledger_and_tells_the_core_in_one_commit() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let message = enqueued(&bench, message("a", "k")).await;
    let step = Settle {
        ledger: vec![LedgerEntry::Spent(2)],
        tell: true,
        pieces_done: u32::MAX,
        passive: Some(b"<xml/>".to_vec()),
        ..settle(&message, Status::Failed)
    };
    let settled = bench.store.settle(step).await.expect("settled");
    assert_eq!(settled.result.allowances[0].remaining, Some(3));
    assert_eq!(settled.pieces_done, u32::MAX);
    let told = bench.heard().pop().expect("told");
    let Some(Body::Delivery(update)) = &told.event.body else {
        panic!("a delivery event")
    };
    assert_eq!(
        update.result.as_ref().map(|result| result.message_id.as_str()),
        Some("id-k")
    );
    assert_eq!(told.event.seq, event.event.seq + 1);
    assert!(bench.store.outbox(event.conversation).await.expect("read").is_empty());

    let after = bench.crashed().await;
    let kept = after
        .store
        .message(MessageRef::Id("id-k"))
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(
        (kept.pieces_done, kept.passive.as_deref()),
        (u32::MAX, Some(&b"<xml/>"[..]))
    );
    let view = after.store.conversation(&key("a")).await.expect("read").expect("known");
    assert_eq!(view.state.allowances(START)[0].remaining, Some(3));
}

#[tokio::test]
async fn a_passive_answer_is_found_by_its_event_until_it_is_cleared() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let new = NewMessage {
        answers: Some(event.row),
        passive: Some(b"x".to_vec()),
        result: result(Status::HandedOver),
        ..message("a", "k")
    };
    let message = enqueued(&bench, new).await;
    assert!(bench.store.outbox(event.conversation).await.expect("read").is_empty());
    assert!(bench.store.passive_answer(event.row).await.expect("read").is_some());
    let back = bench
        .store
        .settle(settle(&message, Status::Accepted))
        .await
        .expect("settled");
    assert_eq!(back.status(), Status::Accepted);
    assert!(bench.store.passive_answer(event.row).await.expect("read").is_none());
    assert_eq!(bench.store.outbox(event.conversation).await.expect("read").len(), 1);
    assert_eq!(bench.store.open_outboxes().await.expect("read"), [event.conversation]);
}

#[tokio::test]
async fn a_held_message_is_woken_when_its_customer_acts_also_after_a_restart() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let message = enqueued(&bench, message("a", "k")).await;
    bench
        .store
        .settle(settle(&message, Status::Held))
        .await
        .expect("settled");
    for bench in [&bench, &bench.crashed().await] {
        bench.heard.outboxes.lock().expect("lock").clear();
        bench.say("b", 2).await;
        assert!(
            bench.heard.outboxes.lock().expect("lock").is_empty(),
            "another customer"
        );
        bench.say("a", 3).await;
        assert_eq!(*bench.heard.outboxes.lock().expect("lock"), [event.conversation]);
    }
}

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
        PRAGMA user_version = 1; COMMIT;";
    let old = rusqlite::Connection::open(&file).expect("the file");
    old.execute_batch(as_version_1).expect("made older");
    drop(old);

    let store = open(bench.dir.path(), &bench.clock, &bench.heard).expect("brought up to date");
    let waiting = store.pending(first.conversation, 0, 9).await.expect("read");
    assert_eq!(waiting.iter().map(|it| it.event.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(store.backlog().await.expect("read").len(), 2);
}

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
        replies: Vec::new(),
    };
    assert!(matches!(store.take(take).await, Ok(Took::Now(_))));
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
    let pending = store.pending(first.conversation, 0, 9).await.expect("read");
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
    let pending = bench.store.pending(first.conversation, 0, 9).await.expect("read");
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
        raw: Some(v1::Raw {
            body: vec![7; 1 << 20],
            ..Default::default()
        }),
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
