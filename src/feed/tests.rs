//! Does the machine keep its promises on the real store?

mod places;

use std::{path::Path, sync::Mutex, time::Duration};

use super::*;
use crate::{
    channels::contract::Dedupe,
    conversation::Rules,
    cores::Match,
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        store::{Accepted, Arrival, ConversationId, Listener, Store, Stored},
        turn::Claim,
    },
    schema::v1::{self, event::Body},
    store::sqlite::{self, SqliteStore},
};

const START: Millis = 1_760_000_000_000;
const DAY: Millis = 86_400_000;
const LIMIT: Duration = Duration::from_secs(20);

/// Rings as the switchboard does.
#[derive(Default)]
struct Heard(Bells);

impl Listener for Heard {
    fn event(&self, event: &Arc<Stored>) {
        self.0.event(event);
    }
    fn message(&self, _: ConversationId) {}
}

/// Windows that a test opens by event id, and hears closed.
#[derive(Default)]
struct FakeWindows {
    open: Mutex<Vec<String>>,
    closed: Mutex<Vec<String>>,
}

impl Windows for FakeWindows {
    fn look(&self, event_id: &str) -> Option<v1::PassiveWindow> {
        let open = self.open.lock().expect("lock").iter().any(|id| id == event_id);
        open.then(v1::PassiveWindow::default)
    }
    fn claim(&self, _: &str) -> Option<Box<dyn Claim>> {
        None
    }
    fn close(&self, event_id: &str) {
        self.closed.lock().expect("lock").push(event_id.to_owned());
    }
}

struct Bench {
    dir: tempfile::TempDir,
    clock: ManualClock,
    store: Arc<SqliteStore>,
    feeds: Arc<Feeds>,
    windows: Arc<FakeWindows>,
    observer: Arc<Observer>,
}

fn core(name: &str, kind: Kind) -> Core {
    Core {
        name: name.into(),
        kind,
        url: String::new(),
        secrets: Vec::new(),
        credentials: Default::default(),
        matches: Match::default(),
        reply_budget: 4_000,
        timeout: 0,
        all_delivery_updates: false,
        raw_inline: false,
    }
}

fn usual() -> Vec<Core> {
    vec![
        core("main", Kind::Feed),
        core("other", Kind::Feed),
        core("pushed", Kind::Http),
    ]
}

impl Bench {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().expect("a folder"), ManualClock::at(START), usual()).await
    }

    async fn open(dir: tempfile::TempDir, clock: ManualClock, cores: Vec<Core>) -> Self {
        let heard = Arc::new(Heard::default());
        let store = open(dir.path(), &clock, &heard);
        let windows = Arc::new(FakeWindows::default());
        let observer = Arc::new(Observer::with_clock(Arc::new(clock.clone())));
        let parts = Parts {
            store: store.clone(),
            cores: Cores(cores.into()),
            cursors: Cursors::new(&[7; 32], store.epoch()),
            windows: windows.clone(),
            bells: heard.0.clone(),
            clock: Arc::new(clock.clone()),
            observer: observer.clone(),
        };
        let feeds = Feeds::open(parts).await.expect("opens");
        Self {
            dir,
            clock,
            store,
            feeds,
            windows,
            observer,
        }
    }

    /// An orderly end, and the next start.
    async fn again(self, cores: Vec<Core>) -> Self {
        self.store.close().await;
        let Self { dir, clock, .. } = self;
        Self::open(dir, clock, cores).await
    }

    async fn say(&self, who: &str, core: &str) -> Arc<Stored> {
        arrive(&self.store, arrival(who, core)).await
    }

    async fn page(&self, after: &str) -> FetchEventsResponse {
        self.fetch(after, 1_000, 0).await.expect("a page")
    }

    async fn fetch(&self, after: &str, limit: u32, wait: i64) -> Result<FetchEventsResponse, Refusal> {
        self.feeds.fetch(&token("main"), ask("main", after, limit, wait)).await
    }

    async fn ack(&self, cursor: &str, keep_window: bool) -> Result<AckEventsResponse, Refusal> {
        let request = AckEventsRequest {
            core: String::new(),
            cursor: cursor.to_owned(),
            keep_window,
        };
        self.feeds.ack(&token("main"), request).await
    }

    async fn waiting(&self, who: &Stored) -> Vec<u32> {
        let pending = self.store.pending(who.conversation, 0, 1_000).await.expect("pending");
        pending.iter().map(|stored| stored.event.seq).collect()
    }

    fn standing(&self) -> Standing {
        self.feeds.standing("main").expect("it pulls")
    }

    async fn sweep(&self, now: Millis) {
        let keep = crate::ports::store::Retention {
            events: 7 * DAY,
            idempotency: 3 * DAY,
        };
        self.store.sweep(now, keep).await.expect("swept");
    }
}

fn open(dir: &Path, clock: &ManualClock, heard: &Arc<Heard>) -> Arc<SqliteStore> {
    let options = sqlite::Options {
        dir: dir.to_owned(),
        reserve: 0,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: heard.clone(),
    };
    SqliteStore::open(options).expect("the store")
}

async fn arrive(store: &SqliteStore, arrival: Arrival) -> Arc<Stored> {
    match store.accept(arrival.into()).await.expect("accepted") {
        Accepted::New(stored) => stored,
        Accepted::Again { .. } => panic!("new"),
    }
}

fn arrival(who: &str, core: &str) -> Arrival {
    let account = Arc::new(v1::Account {
        id: "shop".into(),
        channel: "official_account".into(),
        platform_id: "wx1".into(),
        ..Default::default()
    });
    let body = Body::Message(v1::Message {
        origin: v1::message::Origin::CustomerSent as i32,
        summary: "hello".into(),
        parts: vec![v1::Part {
            content: Some(v1::part::Content::Text(v1::Text::default())),
            ..Default::default()
        }],
        ..Default::default()
    });
    let conversation = v1::Conversation {
        key: format!("official_account:wx1:u:{who}"),
        account: Some(v1::Account::clone(&account)),
        customer: Some(v1::Identity {
            native_id: who.to_owned(),
            ..Default::default()
        }),
        scope: v1::conversation::Scope::Direct as i32,
        ..Default::default()
    };
    let core = (!core.is_empty()).then(|| Arc::from(core));
    Arrival {
        raw: Some(v1::Raw {
            body: b"<xml/>".to_vec(),
            ..Default::default()
        }),
        dedupe: None::<Dedupe>,
        customer_acted: true,
        rules: Rules::default(),
        ..Arrival::of_ours(conversation, core, body)
    }
}

fn token(core: &str) -> ApiToken {
    token_of(&serde_json::json!({"id": format!("t-{core}"), "name": "t", "scope": "core", "core": core}))
}

fn token_of(fields: &serde_json::Value) -> ApiToken {
    let mut fields = fields.clone();
    fields["created"] = 0.into();
    fields["hash"] = "".into();
    serde_json::from_value(fields).expect("a token")
}

fn ask(core: &str, after: &str, limit: u32, wait: i64) -> FetchEventsRequest {
    FetchEventsRequest {
        core: core.to_owned(),
        after: after.to_owned(),
        limit,
        wait: (wait > 0).then_some(pbjson_types::Duration {
            seconds: wait,
            nanos: 0,
        }),
    }
}

fn ids(page: &FetchEventsResponse) -> Vec<&str> {
    page.events.iter().map(|event| event.id.as_str()).collect()
}

/// Customer and number of each event.
fn seen(page: &FetchEventsResponse) -> Vec<(String, u32)> {
    let who = |event: &Event| {
        let conversation = event.conversation.as_ref().expect("a conversation");
        conversation.key.rsplit(':').next().unwrap_or_default().to_owned()
    };
    page.events.iter().map(|event| (who(event), event.seq)).collect()
}

fn code(refusal: Result<impl std::fmt::Debug, Refusal>) -> &'static str {
    refusal.expect_err("refused").code().name()
}

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
