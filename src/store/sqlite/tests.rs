mod accepted;
mod archive;
mod busy;
mod handed;
mod kept;
mod opened;
mod outbox;
mod paused;
mod told;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::{
    channels::contract::Dedupe,
    conversation::{Grant, Opening, Rules},
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
    gaps: Mutex<Vec<Arc<Stored>>>,
    outboxes: Mutex<Vec<ConversationId>>,
    moved: Mutex<Vec<Waiting>>,
    undelivered: Mutex<Vec<Arc<Message>>>,
}

impl Listener for Heard {
    fn event(&self, event: &Arc<Stored>) {
        self.events.lock().expect("lock").push(event.clone());
    }
    fn gap(&self, gap: &Arc<Stored>) {
        self.gaps.lock().expect("lock").push(gap.clone());
    }
    fn message(&self, conversation: ConversationId) {
        self.outboxes.lock().expect("lock").push(conversation);
    }
    fn moved(&self, waiting: &Waiting) {
        self.moved.lock().expect("lock").push(waiting.clone());
    }
    fn undelivered(&self, message: &Arc<Message>) {
        self.undelivered.lock().expect("lock").push(message.clone());
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
            before: Vec::new(),
            replies,
            hurries: false,
        };
        self.store.take(take).await.expect("taken")
    }

    async fn waiting(&self, conversation: ConversationId) -> Vec<u32> {
        let pending = self.store.pending(conversation, 0, 100).await.expect("pending").events;
        pending.iter().map(|stored| stored.event.seq).collect()
    }

    fn heard(&self) -> Vec<Arc<Stored>> {
        self.heard.events.lock().expect("lock").clone()
    }
}

fn open(dir: &Path, clock: &ManualClock, heard: &Arc<Heard>) -> Result<Arc<SqliteStore>, OpenError> {
    SqliteStore::open(Options {
        dir: dir.to_owned(),
        trace: None,
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
        body: text("hello").into(),
        raw: None,
        entry: None,
        grant: Some(Opening::from(Grant {
            trigger: "message".into(),
            remaining: Some(5),
            expires: START + 2 * DAY,
            ..Default::default()
        })),
        unfollowed: false,
        customer_acted: true,
        customer_spoke: true,
        session: None,
        ordered: None,
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
