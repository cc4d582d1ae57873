//! What must be remembered, and in one transaction with what? The durable middle, seen from the house.
//!
//! Every write returns only after its commit is durable. Two adapters are foreseen (SQLite, PostgreSQL); a new one
//! implements [`Store`] and passes the suite beside it.

use std::sync::Arc;

use async_trait::async_trait;

pub use crate::conversation::Arrival;
use crate::{
    ports::clock::Millis,
    schema::{Written, v1},
};

/// The store's own number of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationId(pub i64);

/// The store's own number of an event or message: grows in commit order.
pub type Row = i64;

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue before the writer is full: come back.
    #[error("the store's queue is full")]
    Overloaded,
    /// The disk is below its reserve, or refuses to write.
    #[error("cannot append durably: {0}")]
    CannotAppend(String),
    #[error("store: {0}")]
    Broken(String),
}

/// Told of what was committed, in commit order, from the writer's thread: must not block.
pub trait Listener: Send + Sync + 'static {
    /// A new event waits for its core.
    fn event(&self, event: &Arc<Stored>);
    /// A Gap took the place of an event that was set aside. Whoever set it aside has it already.
    fn gap(&self, _: &Arc<Stored>) {}
    /// A message entered the outbox, or one that waited may go on (its customer acted).
    fn message(&self, conversation: ConversationId);
    /// What waits of a conversation has another core from now on, or none: an account was paused or resumed.
    fn moved(&self, _: &Waiting) {}
    /// A message that the platform had taken did not arrive, as it says now.
    fn undelivered(&self, _: &Arc<Message>) {}
}

/// The records of paused accounts: by id, since when (milliseconds, in decimal).
pub const PAUSED: &str = "paused";

// ───────────── events ─────────────

/// A durable event.
#[derive(Clone, Debug)]
pub struct Stored {
    pub row: Row,
    pub conversation: ConversationId,
    /// Who takes it; `None` = nobody yet, it waits.
    pub core: Option<Arc<str>>,
    /// Complete, with `raw` where we have it; `offer` unset.
    pub event: Written,
}

#[derive(Clone, Debug)]
pub enum Accepted {
    New(Arc<Stored>),
    /// The platform sent it before.
    Again {
        event_id: String,
        row: Row,
    },
}

/// What one pull brought: all of it in one commit, or nothing of it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// In order. What was accepted before is left out.
    pub steps: Vec<PageStep>,
    /// The cursor behind them.
    pub writes: Vec<RecordWrite>,
}

#[derive(Clone, Debug)]
pub enum PageStep {
    Event(Box<Arrival>),
    /// A message that was SENT did not arrive: it becomes FAILED, and its delivery event stands for the item. Where the
    /// message is not ours, the arrival stands.
    NotDelivered {
        account: String,
        message_id: String,
        error: v1::Error,
        otherwise: Box<Arrival>,
    },
    /// Who a customer is: stands in the conversation from now on, where there is one. No event tells it.
    Customer {
        key: String,
        known: Box<v1::Identity>,
    },
}

/// A body that is the platform's but that we could not read.
#[derive(Clone, Debug)]
pub struct Quarantined {
    pub row: Row,
    pub account: String,
    pub received: Millis,
    pub code: String,
    pub detail: String,
    pub query: String,
    pub body: Vec<u8>,
    pub content_type: String,
    /// Fingerprints of the keys tried.
    pub key_ids: String,
}

/// Bodies of one account that could not be read for one reason.
#[derive(Clone, Debug)]
pub struct Unread {
    pub account: String,
    pub code: String,
    pub count: u64,
    /// When the newest came, and what was said of it.
    pub last: Millis,
    pub detail: String,
}

/// How much is set aside.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// By account and reason.
    pub unread: Vec<Unread>,
    pub parked: u64,
    /// Core and reason of the newest event that is parked.
    pub newest_parked: Option<(String, String)>,
}

/// What the core's acceptance of an event commits.
#[derive(Clone, Debug)]
pub struct Take {
    pub conversation: ConversationId,
    pub row: Row,
    pub seq: u32,
    /// Rows and numbers of events of the same conversation that the core took before it, and answered nothing to.
    pub before: Vec<(Row, u32)>,
    pub replies: Vec<NewMessage>,
    /// The platform's request is open until this is committed: it must not wait for others to share the commit.
    pub hurries: bool,
}

#[derive(Clone, Debug)]
pub enum Took {
    Now(Vec<Enqueued>),
    /// An earlier answer took it; its replies stand, these are dropped.
    Before,
}

/// The Gap that stands for an event that was set aside, and what became of the replies to it.
pub type SetAside = (Arc<Stored>, Vec<Enqueued>);

/// Hears what became of a take, or is dropped where nobody can know.
pub type Told = Box<dyn FnOnce(Result<Took, StoreError>) + Send>;

/// One conversation with something undelivered.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub conversation: ConversationId,
    pub key: String,
    pub core: Option<Arc<str>>,
    /// Who had it, or was to have it, when its account was paused; looked up where everything that waits is.
    pub core_before_pause: Option<Arc<str>>,
    pub first_seq: u32,
    pub count: u32,
    pub oldest: Millis,
}

/// The first of what waits in a conversation.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    pub events: Vec<Arc<Stored>>,
    /// Nothing waits behind them. Fewer than were asked for do not say so: what is forgotten while it is read is left out.
    pub all: bool,
}

#[derive(Clone, Debug)]
pub struct Parked {
    pub row: Row,
    pub event_id: String,
    pub key: String,
    pub seq: u32,
    pub core: String,
    pub parked_at: Millis,
    pub reason: String,
    pub event: v1::Event,
}

/// Which stored events, oldest first (or newest first).
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    pub key: Option<String>,
    pub core: Option<String>,
    pub from: Option<Millis>,
    pub to: Option<Millis>,
    /// Rows beyond this one, in the direction of reading.
    pub after: Option<Row>,
    pub newest_first: bool,
    pub limit: usize,
}

/// Stored events as a core is offered them: where one was set aside, parked or not any more, its Gap stands.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    pub events: Vec<Arc<Stored>>,
    /// [`EventQuery::after`] of what follows; a Gap's own row is younger than its place.
    pub next: Option<Row>,
}

// ───────────── messages ─────────────

/// A message of the core's, ready for the outbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// UUIDv7, ours.
    pub id: String,
    pub account: String,
    pub client_message_id: String,
    /// Where it goes, with what is needed to create the conversation when the core speaks first.
    pub address: Address,
    /// As decoded, with key and client id filled in: compared when the same key comes again.
    pub request: v1::SendRequest,
    /// Row of the event it answers.
    pub answers: Option<Row>,
    /// `ACCEPTED` for the outbox; `HANDED_OVER` for a passive answer whose request is open; `FAILED` for a bad reply.
    pub result: v1::SendResult,
    /// The plain passive answer, kept for the platform's next attempt.
    pub passive: Option<Vec<u8>>,
    /// Pieces that the passive answer already carries; the rest goes by the API.
    pub pieces_done: u32,
    pub next_attempt: Millis,
    pub not_after: Millis,
    /// Tell the core of `result` at once, as a delivery event.
    pub tell: bool,
}

#[derive(Clone, Debug)]
pub struct Address {
    pub account: Arc<v1::Account>,
    pub key: String,
    pub customer: v1::Identity,
    pub scope: v1::conversation::Scope,
    pub core: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub enum Enqueued {
    New(Arc<Message>),
    /// Same key, same request: what became of the first.
    Same(Arc<Message>),
    /// Same key, another request.
    Conflict,
}

/// A message as the store holds it.
#[derive(Clone, Debug)]
pub struct Message {
    pub row: Row,
    pub id: String,
    pub account: String,
    pub client_message_id: String,
    pub conversation: ConversationId,
    pub key: String,
    pub request: v1::SendRequest,
    pub answers: Option<Row>,
    pub result: v1::SendResult,
    pub passive: Option<Vec<u8>>,
    pub pieces_done: u32,
    pub attempts: u32,
    pub created: Millis,
    pub next_attempt: Millis,
    pub not_after: Millis,
}

impl Message {
    pub fn status(&self) -> v1::send_result::Status {
        self.result.status()
    }

    /// Nothing further will happen to it.
    pub fn is_final(&self) -> bool {
        use v1::send_result::Status as S;
        matches!(
            self.status(),
            S::HandedOver | S::Sent | S::Failed | S::Unknown | S::Expired | S::Recalled
        )
    }
}

/// One step of a message's life.
#[derive(Clone, Debug)]
pub struct Settle {
    pub message: Row,
    /// Status, road, error, degradations, ids; allowances are filled in by the store.
    pub result: v1::SendResult,
    pub passive: Option<Vec<u8>>,
    pub pieces_done: u32,
    pub attempts: u32,
    pub next_attempt: Millis,
    pub ledger: Vec<LedgerEntry>,
    /// Tell the core, as a delivery event in the same commit.
    pub tell: bool,
}

/// What a send does to the customer's allowances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerEntry {
    /// This many messages went by the API.
    Spent(u32),
    /// The code of this trigger that ends then was used: it lets nothing else pass, and what it let pass counts nowhere else.
    SpentCode(&'static str, Millis),
    /// 45047, as of the call.
    Exhausted(AsOf),
    /// 45015, as of the call.
    Closed(AsOf),
    /// 43004 and kin, as of the call.
    Unfollowed(AsOf),
}

/// What the platform refused says how things stood when it was asked: the customer's last act that was known then. What they
/// did since stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf(pub Millis);

impl AsOf {
    /// Whatever the customer did meanwhile.
    pub const NOW: Self = Self(Millis::MAX);

    /// The customer, whose last act is at `act`, did nothing since.
    pub fn stands(self, act: Millis) -> bool {
        act <= self.0
    }
}

#[derive(Clone, Debug)]
pub enum MessageRef<'a> {
    Id(&'a str),
    Client {
        account: &'a str,
        client_message_id: &'a str,
    },
    Row(Row),
}

/// A conversation as it stands now.
#[derive(Clone, Debug)]
pub struct View {
    pub id: ConversationId,
    pub state: crate::conversation::State,
    /// Everything up to here was taken.
    pub taken_seq: u32,
    pub waiting_sends: u32,
}

// ───────────── records ─────────────

/// Small things kept by name: accounts, tokens, entries, media, warnings, answer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: String,
    pub value: Vec<u8>,
}

/// One write of a record; several commit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordWrite {
    Put {
        space: &'static str,
        key: String,
        value: Vec<u8>,
    },
    /// Fails the whole batch if the key exists.
    Create {
        space: &'static str,
        key: String,
        value: Vec<u8>,
    },
    Delete {
        space: &'static str,
        key: String,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub events: u64,
    pub messages: u64,
    pub gaps: u64,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub events: Millis,
    pub idempotency: Millis,
}

#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Generation of this store; higher after every restore.
    fn epoch(&self) -> u32;

    // ---- in
    /// Dedupe row, conversation state, `seq` and event in one commit.
    async fn accept(&self, arrival: Box<Arrival>) -> Result<Accepted, StoreError>;
    /// Everything of one pull and its cursor in one commit; what was new of it, in order.
    async fn accept_page(&self, page: Page) -> Result<Vec<Arc<Stored>>, StoreError>;
    async fn quarantine(&self, body: Quarantined) -> Result<Row, StoreError>;
    async fn quarantined(&self, after: Option<Row>, limit: usize) -> Result<Vec<Quarantined>, StoreError>;
    async fn aside(&self) -> Result<Aside, StoreError>;
    async fn release_quarantined(&self, row: Row) -> Result<(), StoreError>;

    // ---- to the core
    async fn take(&self, take: Take) -> Result<Took, StoreError>;
    /// The same for whoever goes on meanwhile.
    fn take_aside(&self, take: Take, tell: Told);
    /// Sets an undelivered event aside; the Gap that stands for it is committed with it and returned.
    async fn park(&self, stored: &Stored, reason: String) -> Result<Arc<Stored>, StoreError> {
        Ok(self.park_with(stored, reason, Vec::new()).await?.0)
    }
    /// The same, and what its core replied to it enters the outbox in the same commit.
    async fn park_with(
        &self,
        stored: &Stored,
        reason: String,
        replies: Vec<NewMessage>,
    ) -> Result<SetAside, StoreError>;
    async fn parked(&self, after: Option<Row>, limit: usize) -> Result<Vec<Parked>, StoreError>;
    /// Brings a parked event back with a new id and seq. `None`: not parked.
    async fn unpark(&self, row: Row) -> Result<Option<Arc<Stored>>, StoreError>;
    async fn discard(&self, row: Row) -> Result<bool, StoreError>;
    /// Every conversation with something undelivered.
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError>;
    /// Undelivered events of one conversation from `seq` on, in order.
    async fn pending(&self, conversation: ConversationId, from_seq: u32, limit: usize) -> Result<Pending, StoreError>;
    /// Gives these conversations to `to` (empty: to nobody), with whatever of them waits. Those of a paused account go to nobody.
    async fn reassign(&self, conversations: Vec<ConversationId>, to: Arc<str>) -> Result<(), StoreError>;
    /// From this commit on no event of `account` is any core's, until it is called with `None`; outlives a restart. What had
    /// a core before keeps it until it is reassigned.
    async fn pause(&self, account: &str, since: Option<Millis>) -> Result<(), StoreError>;
    async fn event(&self, id: &str) -> Result<Option<Arc<Stored>>, StoreError>;
    async fn events(&self, query: EventQuery) -> Result<Vec<Arc<Stored>>, StoreError>;
    /// The same, oldest first, as a core is offered them.
    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError>;

    // ---- from the core
    async fn conversation(&self, key: &str) -> Result<Option<View>, StoreError>;
    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError>;
    async fn settle(&self, settle: Settle) -> Result<Arc<Message>, StoreError>;
    async fn message(&self, which: MessageRef<'_>) -> Result<Option<Arc<Message>>, StoreError>;
    /// Messages of one conversation that are not final, in order.
    async fn outbox(&self, conversation: ConversationId) -> Result<Vec<Arc<Message>>, StoreError>;
    /// Every conversation with a message that is not final.
    async fn open_outboxes(&self) -> Result<Vec<ConversationId>, StoreError>;
    /// The passive answer that an event got, if one was rendered.
    async fn passive_answer(&self, event: Row) -> Result<Option<Arc<Message>>, StoreError>;
    /// Messages in answer to these events or to these conversations, newest first: for people who look.
    async fn recent_messages(&self, key: Option<&str>, limit: usize) -> Result<Vec<Arc<Message>>, StoreError>;

    // ---- records
    /// `false`: a `Create` met an existing key, nothing was written.
    async fn write_records(&self, writes: Vec<RecordWrite>) -> Result<bool, StoreError>;
    async fn record(&self, space: &'static str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    async fn records(&self, space: &'static str) -> Result<Vec<Record>, StoreError>;

    // ---- house-keeping
    /// Proves that we can append durably now.
    async fn ready(&self) -> Result<(), StoreError>;
    async fn sweep(&self, now: Millis, keep: Retention) -> Result<Swept, StoreError>;
    /// A consistent copy of the database in a file.
    async fn copy_to(&self, file: &std::path::Path) -> Result<(), StoreError>;
    /// Ends the writer after everything queued is committed.
    async fn close(&self);
}

/// Deletes these records of a space in one commit; says how many that were.
pub async fn forget(
    store: &dyn Store,
    space: &'static str,
    keys: impl IntoIterator<Item = String>,
) -> Result<usize, StoreError> {
    let delete = |key| RecordWrite::Delete { space, key };
    let writes: Vec<_> = keys.into_iter().map(delete).collect();
    let gone = writes.len();
    if gone > 0 {
        store.write_records(writes).await?;
    }
    Ok(gone)
}
