//! What do the tests of the feeds stand on? The real store, a clock that is set by hand, cores and their tokens.

use std::{path::Path, sync::Mutex, time::Duration};

use super::super::*;
use crate::{
    channels::contract::Dedupe,
    conversation::Rules,
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        store::{Accepted, Arrival, ConversationId, Listener, Store, Stored},
        turn::Claim,
    },
    schema::v1::{self, Event, FetchEventsRequest, FetchEventsResponse, event::Body},
    store::sqlite::{self, SqliteStore},
};

pub(super) const START: Millis = 1_760_000_000_000;
pub(super) const DAY: Millis = 86_400_000;
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// Rings as the switchboard does.
#[derive(Default)]
pub(super) struct Heard(pub(super) Bells);

impl Listener for Heard {
    fn event(&self, event: &Arc<Stored>) {
        self.0.event(event);
    }
    fn message(&self, _: ConversationId) {}
}

/// Windows that a test opens by event id, and hears closed.
#[derive(Default)]
pub(super) struct FakeWindows {
    pub(super) open: Mutex<Vec<String>>,
    pub(super) closed: Mutex<Vec<String>>,
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

pub(super) struct Bench {
    pub(super) dir: tempfile::TempDir,
    pub(super) clock: ManualClock,
    pub(super) store: Arc<SqliteStore>,
    pub(super) feeds: Arc<Feeds>,
    pub(super) windows: Arc<FakeWindows>,
    pub(super) observer: Arc<Observer>,
}

pub(super) fn core(name: &str, kind: Kind) -> Core {
    Core {
        timeout: 0,
        ..Core::sample(name, kind)
    }
}

pub(super) fn usual() -> Vec<Core> {
    vec![
        core("main", Kind::Feed),
        core("other", Kind::Feed),
        core("pushed", Kind::Http),
    ]
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::open(tempfile::tempdir().expect("a folder"), ManualClock::at(START), usual()).await
    }

    pub(super) async fn open(dir: tempfile::TempDir, clock: ManualClock, cores: Vec<Core>) -> Self {
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
    pub(super) async fn again(self, cores: Vec<Core>) -> Self {
        self.store.close().await;
        let Self { dir, clock, .. } = self;
        Self::open(dir, clock, cores).await
    }

    pub(super) async fn say(&self, who: &str, core: &str) -> Arc<Stored> {
        arrive(&self.store, arrival(who, core)).await
    }

    pub(super) async fn page(&self, after: &str) -> FetchEventsResponse {
        self.fetch(after, 1_000, 0).await.expect("a page")
    }

    pub(super) async fn fetch(&self, after: &str, limit: u32, wait: i64) -> Result<FetchEventsResponse, Refusal> {
        self.feeds.fetch(&token("main"), ask("main", after, limit, wait)).await
    }

    /// A page as it goes over HTTP.
    pub(super) async fn json(&self, after: &str) -> FetchEventsResponse {
        let page = self
            .feeds
            .fetch_json(&token("main"), ask("main", after, 1_000, 0))
            .await;
        serde_json::from_slice(&page.expect("a page")).expect("canonical JSON")
    }

    /// Something that a later version may have written: its number has no name.
    pub(super) async fn says_strange(&self, who: &str, core: &str) -> Arc<Stored> {
        let strange = v1::Signal {
            r#type: 9_999,
            ..Default::default()
        };
        let arrival = Arrival {
            body: Body::Signal(strange).into(),
            ..arrival(who, core)
        };
        arrive(&self.store, arrival).await
    }

    /// What is stored of the event stops in the middle of what it says.
    pub(super) fn spoil(&self, event: &Stored) {
        let db = rusqlite::Connection::open(self.dir.path().join("wxbridge.db")).expect("the file");
        let mut body = event.event.bytes().to_vec();
        body.extend_from_slice(&[0xa2, 0x01, 0x02, 0x22, 0x7f]);
        let changed = db.execute("UPDATE event SET body = ?2 WHERE row = ?1", (event.row, body));
        assert_eq!(changed, Ok(1));
    }

    pub(super) async fn ack(&self, cursor: &str, keep_window: bool) -> Result<AckEventsResponse, Refusal> {
        let request = AckEventsRequest {
            core: String::new(),
            cursor: cursor.to_owned(),
            keep_window,
        };
        self.feeds.ack(&token("main"), request).await
    }

    pub(super) async fn waiting(&self, who: &Stored) -> Vec<u32> {
        let pending = self
            .store
            .pending(who.conversation, 0, 1_000)
            .await
            .expect("pending")
            .events;
        pending.iter().map(|stored| stored.event.seq).collect()
    }

    pub(super) fn standing(&self) -> Standing {
        self.feeds.standing("main").expect("it pulls")
    }

    pub(super) async fn sweep(&self, now: Millis) {
        let keep = crate::ports::store::Retention {
            events: 7 * DAY,
            idempotency: 3 * DAY,
        };
        self.store.sweep(now, keep).await.expect("swept");
    }
}

pub(super) fn open(dir: &Path, clock: &ManualClock, heard: &Arc<Heard>) -> Arc<SqliteStore> {
    let options = sqlite::Options {
        dir: dir.to_owned(),
        trace: None,
        reserve: 0,
        clock: Arc::new(clock.clone()),
        chance: Arc::new(SystemChance::default()),
        listener: heard.clone(),
    };
    SqliteStore::open(options).expect("the store")
}

pub(super) async fn arrive(store: &SqliteStore, arrival: Arrival) -> Arc<Stored> {
    match store.accept(arrival.into()).await.expect("accepted") {
        Accepted::New(stored) => stored,
        Accepted::Again { .. } => panic!("new"),
    }
}

pub(super) fn arrival(who: &str, core: &str) -> Arrival {
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
        raw: Some(
            v1::Raw {
                body: b"<xml/>".to_vec(),
                ..Default::default()
            }
            .into(),
        ),
        dedupe: None::<Dedupe>,
        customer_acted: true,
        rules: Rules::default(),
        ..Arrival::of_ours(conversation, core, body)
    }
}

pub(super) fn token(core: &str) -> ApiToken {
    token_of(&serde_json::json!({"id": format!("t-{core}"), "name": "t", "scope": "core", "core": core}))
}

pub(super) fn token_of(fields: &serde_json::Value) -> ApiToken {
    let mut fields = fields.clone();
    fields["created"] = 0.into();
    fields["hash"] = "".into();
    serde_json::from_value(fields).expect("a token")
}

pub(super) fn ask(core: &str, after: &str, limit: u32, wait: i64) -> FetchEventsRequest {
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

pub(super) fn ids(page: &FetchEventsResponse) -> Vec<&str> {
    page.events.iter().map(|event| event.id.as_str()).collect()
}

/// Customer and number of each event.
pub(super) fn seen(page: &FetchEventsResponse) -> Vec<(String, u32)> {
    let who = |event: &Event| {
        let conversation = event.conversation.as_ref().expect("a conversation");
        conversation.key.rsplit(':').next().unwrap_or_default().to_owned()
    };
    page.events.iter().map(|event| (who(event), event.seq)).collect()
}

pub(super) fn code(refusal: Result<impl std::fmt::Debug, Refusal>) -> &'static str {
    refusal.expect_err("refused").code().name()
}
