//! What do tests of the outbound side talk to? A store, an account, a platform and open requests, all in memory.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    accounts::{Condition, Opened},
    channels::contract::{
        AccessToken, Account, Admitted, AllowanceRule, Basis, CallbackQuery, Downloaded, Inbound, Learned, Pace,
        PassiveTo, Piece, Pieces, Refusal, Roads, Say, Seal, Ticket, To, Upload, Verdict, What,
    },
    conversation::{Ledger, State},
    error::{Code, Fault},
    outbound::Handle,
    ports::{
        clock::{Clock, Millis},
        platform::{Answer, Call, CallBody, Method, NoAnswer, Platform},
        store::*,
        turn::{Claim, Windows},
    },
    schema::v1,
    settings::AccountSettings,
};

// ───────────── store ─────────────

/// A store in memory: what the outbound side uses of it.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    records: BTreeMap<(&'static str, String), Vec<u8>>,
    messages: Vec<Message>,
    states: Vec<State>,
    events: Vec<Arc<Stored>>,
    told: Vec<v1::SendResult>,
    steps: Vec<(Row, v1::send_result::Status, u32)>,
    listener: Option<Handle>,
}

impl MemoryStore {
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            inner: Mutex::default(),
        })
    }

    pub fn listen(&self, handle: Handle) {
        self.with(|inner| inner.listener = Some(handle));
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().expect("no panic under the lock"))
    }

    /// Delivery updates that the core would get, in order.
    pub fn told(&self) -> Vec<v1::SendResult> {
        self.with(|inner| inner.told.clone())
    }

    /// Every step committed.
    pub fn steps(&self) -> Vec<(Row, v1::send_result::Status, u32)> {
        self.with(|inner| inner.steps.clone())
    }

    pub fn all(&self) -> Vec<Message> {
        self.with(|inner| inner.messages.clone())
    }

    pub fn events_now(&self) -> Vec<Arc<Stored>> {
        self.with(|inner| inner.events.clone())
    }

    pub fn state(&self, key: &str, change: impl FnOnce(&mut State)) -> ConversationId {
        self.with(|inner| {
            let id = inner.conversation(key);
            change(&mut inner.states[id.0 as usize]);
            id
        })
    }

    /// The customer wrote: an event, `count` messages allowed, and what waits may go on.
    pub fn customer_wrote(&self, account: &v1::Account, key: &str, count: u32) -> Arc<Stored> {
        let now = self.clock.now();
        let id = self.state(key, |state| {
            state.last_act = now;
            state
                .ledger
                .get_or_insert_with(Ledger::default)
                .open(crate::conversation::Grant {
                    trigger: "message".into(),
                    remaining: Some(count),
                    expires: now + 48 * 3_600_000,
                    ..Default::default()
                });
        });
        let stored = self.with(|inner| {
            inner.append(
                id,
                key,
                account.clone(),
                v1::event::Body::Message(v1::Message::default()),
            )
        });
        if let Some(handle) = self.with(|inner| inner.listener.clone()) {
            handle.message(id);
        }
        stored
    }
}

impl Inner {
    fn conversation(&mut self, key: &str) -> ConversationId {
        let at = self
            .states
            .iter()
            .position(|state| state.conversation.as_ref().is_some_and(|it| it.key == key));
        ConversationId(at.unwrap_or_else(|| {
            self.states.push(State {
                conversation: Some(v1::Conversation {
                    key: key.to_owned(),
                    session_state: v1::conversation::SessionState::Assistant as i32,
                    ..Default::default()
                }),
                ..Default::default()
            });
            self.states.len() - 1
        }) as i64)
    }

    fn append(&mut self, id: ConversationId, key: &str, account: v1::Account, body: v1::event::Body) -> Arc<Stored> {
        let row = self.events.len() as Row + 1;
        let stored = Arc::new(Stored {
            row,
            conversation: id,
            core: None,
            event: v1::Event {
                id: format!("event-{row}"),
                conversation: Some(v1::Conversation {
                    key: key.to_owned(),
                    account: Some(account),
                    ..Default::default()
                }),
                body: Some(body),
                ..Default::default()
            },
        });
        self.events.push(stored.clone());
        stored
    }

    fn note(&mut self, message: &Message, tell: bool) {
        self.steps.push((message.row, message.status(), message.pieces_done));
        if tell {
            self.told.push(message.result.clone());
        }
        if !message.is_final()
            && let Some(listener) = &self.listener
        {
            listener.message(message.conversation);
        }
    }

    fn enqueue(&mut self, new: NewMessage, now: Millis) -> Enqueued {
        let before = self
            .messages
            .iter()
            .find(|it| it.account == new.account && it.client_message_id == new.client_message_id);
        if let Some(before) = before {
            return match before.request == new.request {
                true => Enqueued::Same(Arc::new(before.clone())),
                false => Enqueued::Conflict,
            };
        }
        let message = Message {
            row: self.messages.len() as Row,
            id: new.id,
            account: new.account,
            client_message_id: new.client_message_id,
            conversation: self.conversation(&new.address.key),
            key: new.address.key,
            request: new.request,
            answers: new.answers,
            result: new.result,
            passive: new.passive,
            pieces_done: new.pieces_done,
            attempts: 0,
            created: now,
            next_attempt: new.next_attempt,
            not_after: new.not_after,
        };
        self.messages.push(message.clone());
        self.note(&message, new.tell);
        Enqueued::New(Arc::new(message))
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn epoch(&self) -> u32 {
        1
    }
    async fn accept(&self, arrival: Box<Arrival>) -> Result<Accepted, StoreError> {
        use crate::channels::contract::SessionEffect as E;
        use v1::conversation::SessionState as S;
        Ok(self.with(|inner| {
            let dedupe = arrival.dedupe.as_ref().map(|it| it.text.clone()).unwrap_or_default();
            if let Some(before) = inner
                .events
                .iter()
                .find(|it| !dedupe.is_empty() && it.event.dedupe_key == dedupe)
            {
                return Accepted::Again {
                    event_id: before.event.id.clone(),
                    row: before.row,
                };
            }
            let id = inner.conversation(&arrival.key);
            if let Some(effect) = arrival.session {
                let state = match effect {
                    E::Ended => S::Ended,
                    E::Captured { .. } => S::Human,
                    E::Released => S::Assistant,
                    E::Moved { state, .. } => state,
                    E::Kept => S::New,
                };
                inner.states[id.0 as usize]
                    .conversation
                    .as_mut()
                    .expect("set")
                    .session_state = state as i32;
            }
            Accepted::New(inner.append(id, &arrival.key, (*arrival.account).clone(), arrival.body))
        }))
    }
    async fn accept_page(&self, _: crate::ports::store::Page) -> Result<Vec<Arc<Stored>>, StoreError> {
        unused()
    }
    async fn quarantine(&self, _: Quarantined) -> Result<Row, StoreError> {
        unused()
    }
    async fn quarantined(&self, _: Option<Row>, _: usize) -> Result<Vec<Quarantined>, StoreError> {
        unused()
    }
    async fn release_quarantined(&self, _: Row) -> Result<(), StoreError> {
        unused()
    }
    async fn take(&self, take: Take) -> Result<Took, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|inner| Took::Now(take.replies.into_iter().map(|new| inner.enqueue(new, now)).collect())))
    }
    async fn park(&self, _: &Stored, _: String) -> Result<Arc<Stored>, StoreError> {
        unused()
    }
    async fn parked(&self, _: Option<Row>, _: usize) -> Result<Vec<Parked>, StoreError> {
        unused()
    }
    async fn unpark(&self, _: Row) -> Result<Option<Arc<Stored>>, StoreError> {
        unused()
    }
    async fn discard(&self, _: Row) -> Result<bool, StoreError> {
        unused()
    }
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        unused()
    }
    async fn pending(&self, _: ConversationId, _: u32, _: usize) -> Result<Vec<Arc<Stored>>, StoreError> {
        unused()
    }
    async fn reassign(&self, _: Vec<ConversationId>, _: Arc<str>) -> Result<(), StoreError> {
        unused()
    }
    async fn event(&self, id: &str) -> Result<Option<Arc<Stored>>, StoreError> {
        Ok(self.with(|inner| inner.events.iter().find(|it| it.event.id == id).cloned()))
    }
    async fn events(&self, _: EventQuery) -> Result<Vec<Arc<Stored>>, StoreError> {
        unused()
    }
    async fn conversation(&self, key: &str) -> Result<Option<View>, StoreError> {
        Ok(self.with(|inner| {
            let at = inner
                .states
                .iter()
                .position(|it| it.conversation.as_ref().is_some_and(|it| it.key == key))?;
            let id = ConversationId(at as i64);
            let waiting = inner
                .messages
                .iter()
                .filter(|it| it.conversation == id && !it.is_final())
                .count();
            Some(View {
                id,
                state: inner.states[at].clone(),
                taken_seq: 0,
                waiting_sends: waiting as u32,
            })
        }))
    }
    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|inner| inner.enqueue(message, now)))
    }
    async fn settle(&self, settle: Settle) -> Result<Arc<Message>, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|inner| {
            let at = settle.message as usize;
            let conversation = inner.messages[at].conversation;
            let ledger = inner.states[conversation.0 as usize]
                .ledger
                .get_or_insert_with(Ledger::default);
            for entry in settle.ledger {
                match entry {
                    LedgerEntry::Spent(count) => ledger.spend(count, now),
                    LedgerEntry::SpentCode(trigger) => ledger.spend_code(trigger),
                    LedgerEntry::Exhausted => ledger.exhausted(now),
                    LedgerEntry::Closed => ledger.closed(now),
                    LedgerEntry::Unfollowed => ledger.unfollow(),
                }
            }
            let message = &mut inner.messages[at];
            message.result = settle.result;
            message.passive = settle.passive;
            message.pieces_done = settle.pieces_done;
            message.attempts = settle.attempts;
            message.next_attempt = settle.next_attempt;
            let message = message.clone();
            inner.steps.push((message.row, message.status(), message.pieces_done));
            if settle.tell {
                inner.told.push(message.result.clone());
            }
            Arc::new(message)
        }))
    }
    async fn message(&self, which: MessageRef<'_>) -> Result<Option<Arc<Message>>, StoreError> {
        Ok(self.with(|inner| {
            let found = inner.messages.iter().find(|it| match which {
                MessageRef::Id(id) => it.id == id,
                MessageRef::Row(row) => it.row == row,
                MessageRef::Client {
                    account,
                    client_message_id,
                } => it.account == account && it.client_message_id == client_message_id,
            });
            found.cloned().map(Arc::new)
        }))
    }
    async fn outbox(&self, conversation: ConversationId) -> Result<Vec<Arc<Message>>, StoreError> {
        Ok(self.with(|inner| {
            let open = inner
                .messages
                .iter()
                .filter(|it| it.conversation == conversation && !it.is_final());
            open.cloned().map(Arc::new).collect()
        }))
    }
    async fn open_outboxes(&self) -> Result<Vec<ConversationId>, StoreError> {
        Ok(self.with(|inner| {
            inner
                .messages
                .iter()
                .filter(|it| !it.is_final())
                .map(|it| it.conversation)
                .collect()
        }))
    }
    async fn passive_answer(&self, event: Row) -> Result<Option<Arc<Message>>, StoreError> {
        Ok(self.with(|inner| {
            let found = inner
                .messages
                .iter()
                .find(|it| it.answers == Some(event) && it.passive.is_some());
            found.cloned().map(Arc::new)
        }))
    }
    async fn recent_messages(&self, _: Option<&str>, _: usize) -> Result<Vec<Arc<Message>>, StoreError> {
        unused()
    }
    async fn write_records(&self, writes: Vec<RecordWrite>) -> Result<bool, StoreError> {
        let written = self.with(|inner| {
            let taken = writes.iter().any(|write| match write {
                RecordWrite::Create { space, key, .. } => inner.records.contains_key(&(space, key.clone())),
                _ => false,
            });
            if taken {
                return false;
            }
            for write in writes {
                match write {
                    RecordWrite::Put { space, key, value } | RecordWrite::Create { space, key, value } => {
                        inner.records.insert((space, key), value);
                    }
                    RecordWrite::Delete { space, key } => {
                        inner.records.remove(&(space, key));
                    }
                }
            }
            true
        });
        Ok(written)
    }
    async fn record(&self, space: &'static str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.with(|inner| inner.records.get(&(space, key.to_owned())).cloned()))
    }
    async fn records(&self, space: &'static str) -> Result<Vec<Record>, StoreError> {
        Ok(self.with(|inner| {
            let of_space = inner.records.iter().filter(|((it, _), _)| *it == space);
            of_space
                .map(|((_, key), value)| Record {
                    key: key.clone(),
                    value: value.clone(),
                })
                .collect()
        }))
    }
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn sweep(&self, _: Millis, _: Retention) -> Result<Swept, StoreError> {
        unused()
    }
    async fn copy_to(&self, _: &std::path::Path) -> Result<(), StoreError> {
        unused()
    }
    async fn close(&self) {}
}

fn unused<T>() -> Result<T, StoreError> {
    Err(StoreError::Broken("the outbound side does not use this".into()))
}

// ───────────── account ─────────────

/// An account whose texts are cut at `|`, whose files need an id, and whose refusals are named by `errcode`.
pub struct FakeAccount {
    pub describe: v1::Account,
    pub settings: AccountSettings,
}

pub fn opened() -> Arc<Opened> {
    opened_with(AccountSettings::default())
}

/// An account whose platform drops what comes fast.
pub fn opened_slow() -> Arc<Opened> {
    opened_with(AccountSettings {
        limits: BTreeMap::from([("slow".to_owned(), 1)]),
        ..Default::default()
    })
}

fn opened_with(settings: AccountSettings) -> Arc<Opened> {
    let describe = v1::Account {
        id: "shop".into(),
        channel: "official_account".into(),
        platform_id: "wx1".into(),
        ..Default::default()
    };
    let settings = AccountSettings {
        id: "shop".into(),
        channel: "official_account".into(),
        app_id: "wx1".into(),
        app_secret: crate::secret::Secret::new("secret"),
        ..settings
    };
    Arc::new(Opened {
        account: Arc::new(FakeAccount {
            describe: describe.clone(),
            settings: settings.clone(),
        }),
        settings,
        describe: Arc::new(describe),
        condition: Mutex::new(Condition::default()),
    })
}

fn piece(part_type: &'static str, content: &str) -> Piece {
    Piece {
        part_type,
        native: json!(content),
        passive_only: part_type == "transfer",
    }
}

fn named(code: Code, platform_code: i32) -> v1::Error {
    v1::Error {
        code: code.name().into(),
        platform_code,
        ..Default::default()
    }
}

impl Basis for FakeAccount {
    fn describe(&self) -> &v1::Account {
        &self.describe
    }
    fn settings(&self) -> &AccountSettings {
        &self.settings
    }
    fn handshake(&self, _: &CallbackQuery, _: Millis) -> Result<Vec<u8>, Refusal> {
        Ok(Vec::new())
    }
    fn admit(&self, _: &CallbackQuery, _: &[u8], _: Millis) -> Result<Admitted, Refusal> {
        Err(Refusal::reject(403, Code::BadSignature, "not here"))
    }
    fn seal(&self, _: &Seal, plain: &[u8], _: Millis, _: [u8; 16]) -> Result<Vec<u8>, Fault> {
        Ok(plain.to_vec())
    }
    fn uploaded(&self, answer: &Answer) -> Result<String, Verdict> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        body["media_id"]
            .as_str()
            .map(str::to_owned)
            .ok_or(Verdict::Unknown(named(Code::PlatformDown, 0)))
    }
    fn download(&self, _: &str, _: &str) -> Option<Call> {
        None
    }
    fn downloaded(&self, _: &Call, _: &Answer) -> Downloaded {
        Downloaded::File
    }
    fn token_call(&self) -> Call {
        Call {
            method: Method::Post,
            path: "/token",
            query: Vec::new(),
            body: CallBody::Json(b"{}".to_vec()),
        }
    }
    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match body["access_token"].as_str() {
            Some(value) => Ok(AccessToken {
                value: value.to_owned(),
                lives_for: body["expires_in"].as_i64().unwrap_or(7200) * 1000,
            }),
            None => Err(Verdict::Failed {
                error: named(Code::BadSecret, 40125),
                learned: None,
            }),
        }
    }
    fn capabilities(&self) -> v1::Capabilities {
        v1::Capabilities {
            passive: true,
            api: true,
            ..Default::default()
        }
    }
}

impl Account for FakeAccount {
    fn read(&self, _: &Admitted, _: Millis) -> Result<Inbound, Refusal> {
        Err(Refusal::reject(403, Code::BadSignature, "not here"))
    }
    fn pieces(&self, say: &Say, _: Roads) -> Result<Pieces, Fault> {
        use v1::part::Content;
        let (mut pieces, mut lost) = (Vec::new(), Vec::new());
        match &say.what {
            What::Typing => pieces.push(piece("typing", "typing")),
            What::Native(native) => match &say.ticket {
                Some(ticket) => pieces.push(piece("native", &format!("{native} with {}", ticket.code))),
                None => pieces.push(piece("native", &native.to_string())),
            },
            What::Parts { parts, .. } => {
                for part in parts {
                    match &part.content {
                        Some(Content::Text(text)) => pieces.extend(text.body.split('|').map(|it| piece("text", it))),
                        Some(Content::Image(media)) if !media.platform_media_id.is_empty() => {
                            pieces.push(piece("image", &media.platform_media_id));
                        }
                        Some(Content::Image(media) | Content::File(media)) if !media.url.is_empty() => {
                            lost.push(v1::Degradation {
                                to_type: "link".into(),
                                ..Default::default()
                            });
                            pieces.push(piece("text", &media.url));
                        }
                        Some(Content::Transfer(_)) => pieces.push(piece("transfer", "")),
                        _ => return Err(Fault::new(Code::UnsupportedPart, "no such part here")),
                    }
                }
            }
        }
        Ok(Pieces {
            pieces,
            degradations: lost,
        })
    }
    fn passive(&self, piece: &Piece, to: &PassiveTo, _: Millis) -> Option<Vec<u8>> {
        to.part_types
            .contains(&piece.part_type)
            .then(|| piece.native.as_str().unwrap_or_default().as_bytes().to_vec())
    }
    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        Call {
            method: Method::Post,
            path: if piece.part_type == "typing" {
                "/typing"
            } else {
                "/send"
            },
            query: Vec::new(),
            body: CallBody::Json(
                json!({"touser": recipient, "say": piece.native})
                    .to_string()
                    .into_bytes(),
            ),
        }
    }
    fn upload(&self, file: &Upload) -> Result<Call, Fault> {
        match file.mime.as_str() {
            "image/webp" => return Err(Fault::new(Code::UnsupportedPart, "no webp here")),
            "image/huge" => return Err(Fault::new(Code::MediaTooLarge, "too large here")),
            _ => {}
        }
        Ok(Call {
            method: Method::Post,
            path: "/upload",
            query: vec![("type", file.kind.to_owned())],
            body: CallBody::File {
                name: file.name.clone(),
                mime: file.mime.clone(),
                bytes: file.bytes.clone(),
            },
        })
    }
    fn judge(&self, _: &Call, answer: &Answer) -> Verdict {
        if answer.status >= 500 {
            return Verdict::Unknown(named(Code::Ambiguous, 0));
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = body["errcode"].as_i64().unwrap_or(0) as i32;
        let failed = |code, number, learned| Verdict::Failed {
            error: named(code, number),
            learned,
        };
        match code {
            0 => Verdict::Done {
                message_id: body["msgid"].as_str().map(str::to_owned),
            },
            -1 => Verdict::RetryLater(named(Code::PlatformDown, -1)),
            40001 => Verdict::RefreshToken(named(Code::BadSecret, code)),
            40007 => Verdict::UploadAgain(named(Code::MediaExpired, code)),
            45015 => failed(Code::WindowClosed, code, Some(Learned::WindowClosed)),
            45047 => failed(Code::QuotaExhausted, code, Some(Learned::QuotaExhausted)),
            48001 => failed(Code::NotEntitled, code, Some(Learned::NoApi(Code::NotEntitled))),
            _ => failed(Code::ContentRejected, code, None),
        }
    }
    fn pace(&self) -> &'static [Pace] {
        match self.settings.limits.contains_key("slow") {
            true => &[Pace {
                count: 2,
                window: 60_000,
            }],
            false => &[],
        }
    }
    fn wants_ticket(&self, say: &Say) -> Option<String> {
        match &say.what {
            What::Native(native) => Some(native["changes"].as_str()?.to_owned()),
            _ => None,
        }
    }
    fn ticket(&self, _: &Call, answer: &Answer) -> Option<Ticket> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        body["gives"].is_string().then(|| Ticket {
            code: text("gives"),
            about: text("about"),
            ..Default::default()
        })
    }
    fn recall(&self, id: &str, _: &To<'_>) -> Option<Call> {
        (id != "stays").then(|| Call {
            method: Method::Post,
            path: "/recall",
            query: Vec::new(),
            body: CallBody::Json(id.as_bytes().to_vec()),
        })
    }
    fn instead(&self, _: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
        let text = v1::part::Content::Text(v1::Text {
            body: "web link".into(),
            ..Default::default()
        });
        let part = v1::Part {
            content: Some(text),
            ..Default::default()
        };
        let what = What::Parts {
            parts: vec![part],
            quote: None,
        };
        (error.platform_code == 45064).then(|| {
            let say = Say {
                what,
                ..Default::default()
            };
            (say, v1::Degradation::default())
        })
    }
    fn allowance(&self, _: &str) -> Option<AllowanceRule> {
        None
    }
}

// ───────────── platform ─────────────

/// What the platform does with the next call on a path.
#[derive(Clone, Debug)]
pub enum Does {
    Says(Value),
    Status(u16),
    NotSent,
    Lost,
    /// A fault of our own in the middle of a call.
    Panics,
}

/// A platform that does what it was told, then says yes.
#[derive(Default)]
pub struct FakePlatform {
    inner: Mutex<Script>,
    /// Held while a test wants calls to wait.
    pub gate: tokio::sync::RwLock<()>,
}

#[derive(Default)]
struct Script {
    next: HashMap<&'static str, VecDeque<Does>>,
    asked: Vec<(&'static str, String, Option<String>)>,
    tokens: u32,
    in_flight: HashMap<String, u32>,
    overlapped: bool,
}

impl FakePlatform {
    pub fn will(&self, path: &'static str, does: impl IntoIterator<Item = Does>) {
        self.with(|script| script.next.entry(path).or_default().extend(does));
    }

    /// What was said on `/send`, in order.
    pub fn sent(&self) -> Vec<String> {
        self.asked("/send")
            .iter()
            .map(|body| {
                serde_json::from_str::<Value>(body).expect("JSON")["say"]
                    .as_str()
                    .expect("a text")
                    .to_owned()
            })
            .collect()
    }

    pub fn asked(&self, path: &str) -> Vec<String> {
        self.with(|script| {
            let on_path = script.asked.iter().filter(|(it, ..)| *it == path);
            on_path.map(|(_, body, _)| body.clone()).collect()
        })
    }

    pub fn tokens_used(&self, path: &str) -> Vec<String> {
        self.with(|script| {
            let on_path = script.asked.iter().filter(|(it, ..)| *it == path);
            on_path.filter_map(|(.., token)| token.clone()).collect()
        })
    }

    /// Two messages to one customer were under way at the same time.
    pub fn overlapped(&self) -> bool {
        self.with(|script| script.overlapped)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Script) -> T) -> T {
        look(&mut self.inner.lock().expect("no panic under the lock"))
    }
}

#[async_trait]
impl Platform for FakePlatform {
    async fn ask(&self, _: &str, call: &Call, token: Option<&str>) -> Result<Answer, NoAnswer> {
        let body = match &call.body {
            CallBody::Json(json) => String::from_utf8_lossy(json).into_owned(),
            CallBody::File { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
            CallBody::Empty => String::new(),
        };
        let to = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|it| it["touser"].as_str().map(str::to_owned));
        self.with(|script| {
            script.asked.push((call.path, body, token.map(str::to_owned)));
            if let Some(to) = &to {
                let under_way = script.in_flight.entry(to.clone()).or_default();
                *under_way += 1;
                script.overlapped |= *under_way > 1;
            }
        });
        drop(self.gate.read().await);
        tokio::task::yield_now().await;
        let does = self.with(|script| {
            if let Some(to) = to {
                *script.in_flight.entry(to).or_default() -= 1;
            }
            let next = script.next.get_mut(call.path).and_then(VecDeque::pop_front);
            next.unwrap_or_else(|| match call.path {
                "/token" => {
                    script.tokens += 1;
                    Does::Says(json!({"access_token": format!("T{}", script.tokens), "expires_in": 7200}))
                }
                "/upload" => Does::Says(json!({"media_id": "M1"})),
                _ => Does::Says(json!({"errcode": 0})),
            })
        });
        let answer = |status, body: Vec<u8>| Answer {
            status,
            date: None,
            content_type: "application/json".into(),
            body,
        };
        match does {
            Does::Says(value) => Ok(answer(200, value.to_string().into_bytes())),
            Does::Status(status) => Ok(answer(status, Vec::new())),
            Does::NotSent => Err(NoAnswer::NotSent("refused".into())),
            Does::Lost => Err(NoAnswer::Lost("cut".into())),
            Does::Panics => panic!("as the test wants"),
        }
    }
}

// ───────────── open requests ─────────────

/// Requests of the platform that are still open.
#[derive(Default)]
pub struct FakeWindows(Arc<Mutex<HashMap<String, Window>>>);

#[derive(Clone)]
struct Window {
    deadline: Millis,
    claimed: bool,
    /// The connection is still there.
    connected: bool,
    handed: Vec<Vec<u8>>,
}

impl FakeWindows {
    pub fn open(&self, event: &str, deadline: Millis, connected: bool) {
        let window = Window {
            deadline,
            claimed: false,
            connected,
            handed: Vec::new(),
        };
        self.0
            .lock()
            .expect("no panic under the lock")
            .insert(event.to_owned(), window);
    }

    pub fn handed(&self, event: &str) -> Vec<String> {
        let windows = self.0.lock().expect("no panic under the lock");
        let handed = windows.get(event).map(|it| it.handed.clone()).unwrap_or_default();
        handed
            .into_iter()
            .map(|it| String::from_utf8(it).expect("UTF-8"))
            .collect()
    }
}

impl Windows for FakeWindows {
    fn look(&self, _: &str) -> Option<v1::PassiveWindow> {
        None
    }
    fn claim(&self, event_id: &str) -> Option<Box<dyn Claim>> {
        let mut windows = self.0.lock().expect("no panic under the lock");
        let window = windows.get_mut(event_id).filter(|it| !it.claimed)?;
        window.claimed = true;
        Some(Box::new(FakeClaim {
            windows: self.0.clone(),
            event: event_id.to_owned(),
            deadline: window.deadline,
            to: PassiveTo {
                to: "o1".into(),
                from: "gh_1".into(),
                part_types: &["text", "image", "transfer"],
                to_message: true,
                json: false,
            },
        }))
    }
    fn close(&self, event_id: &str) {
        self.0.lock().expect("no panic under the lock").remove(event_id);
    }
}

struct FakeClaim {
    windows: Arc<Mutex<HashMap<String, Window>>>,
    event: String,
    deadline: Millis,
    to: PassiveTo,
}

impl Claim for FakeClaim {
    fn to(&self) -> &PassiveTo {
        &self.to
    }
    fn deadline(&self) -> Millis {
        self.deadline
    }
    fn hand_over(self: Box<Self>, plain: Vec<u8>) -> bool {
        let mut windows = self.windows.lock().expect("no panic under the lock");
        match windows.get_mut(&self.event) {
            Some(window) if window.connected => {
                window.handed.push(plain);
                true
            }
            _ => false,
        }
    }
    fn release(self: Box<Self>) {
        if let Some(window) = self
            .windows
            .lock()
            .expect("no panic under the lock")
            .get_mut(&self.event)
        {
            window.claimed = false;
        }
    }
}
