//! What is a store in memory?

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use crate::{
    conversation::{Ledger, State},
    outbound::Handle,
    ports::{
        clock::{Clock, Millis},
        store::*,
    },
    schema::v1,
};

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
    /// So many of the next commits fail.
    refuses: usize,
    /// Below its reserve a disk takes no event.
    takes_no_events: bool,
    /// What waits cannot be read.
    unreadable: bool,
    /// How often somebody looked what waits.
    looks: usize,
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

    /// A run that ended had begun to send this message.
    pub fn began(&self, id: &str) {
        self.with(|inner| {
            let begun = inner.messages.iter_mut().find(|it| it.id == id);
            begun.expect("stored").result.status = v1::send_result::Status::Sending as i32;
        });
    }

    /// So many of the next commits fail: events and steps of messages.
    pub fn refuses(&self, commits: usize) {
        self.with(|inner| inner.refuses = commits);
    }

    /// Below its reserve a disk takes no event, and steps of messages all the same.
    pub fn takes_events(&self, takes: bool) {
        self.with(|inner| inner.takes_no_events = !takes);
    }

    /// What waits cannot be read, or can again.
    pub fn readable(&self, readable: bool) {
        self.with(|inner| inner.unreadable = !readable);
    }

    /// How often somebody looked what waits.
    pub fn looks(&self) -> usize {
        self.with(|inner| inner.looks)
    }

    /// How many of the next commits fail still.
    pub fn refusals(&self) -> usize {
        self.with(|inner| inner.refuses)
    }

    fn looked(&self) -> Result<(), StoreError> {
        self.with(|inner| {
            inner.looks += 1;
            match inner.unreadable {
                true => Err(StoreError::Broken("as the test wants".into())),
                false => Ok(()),
            }
        })
    }

    fn refused(&self) -> Result<(), StoreError> {
        self.with(|inner| match inner.refuses.checked_sub(1) {
            Some(left) => {
                inner.refuses = left;
                Err(StoreError::CannotAppend("as the test wants".into()))
            }
            None => Ok(()),
        })
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
        self.customer_said(account, key, count, v1::Message::default())
    }

    pub fn customer_said(&self, account: &v1::Account, key: &str, count: u32, said: v1::Message) -> Arc<Stored> {
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
        let stored =
            self.with(|inner| inner.append(id, key, account.clone(), v1::event::Body::Message(said), String::new()));
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

    fn append(
        &mut self,
        id: ConversationId,
        key: &str,
        account: v1::Account,
        body: v1::event::Body,
        dedupe_key: String,
    ) -> Arc<Stored> {
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
                dedupe_key,
                ..Default::default()
            }
            .into(),
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
        self.refused()?;
        if self.with(|inner| inner.takes_no_events) {
            return Err(StoreError::CannotAppend("as the test wants".into()));
        }
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
            let (account, body) = ((*arrival.account).clone(), arrival.body.body());
            Accepted::New(inner.append(id, &arrival.key, account, body, dedupe))
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
    async fn aside(&self) -> Result<Aside, StoreError> {
        unused()
    }
    async fn release_quarantined(&self, _: Row) -> Result<(), StoreError> {
        unused()
    }
    async fn take(&self, take: Take) -> Result<Took, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|inner| Took::Now(take.replies.into_iter().map(|new| inner.enqueue(new, now)).collect())))
    }
    fn take_aside(&self, _: Take, tell: Told) {
        tell(unused());
    }
    async fn park_with(&self, _: &Stored, _: String, _: Vec<NewMessage>) -> Result<SetAside, StoreError> {
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
    async fn pending(&self, _: ConversationId, _: u32, _: usize) -> Result<Pending, StoreError> {
        unused()
    }
    async fn reassign(&self, _: Vec<ConversationId>, _: Arc<str>) -> Result<(), StoreError> {
        unused()
    }
    async fn pause(&self, _: &str, _: Option<Millis>) -> Result<(), StoreError> {
        unused()
    }
    async fn event(&self, id: &str) -> Result<Option<Arc<Stored>>, StoreError> {
        Ok(self.with(|inner| inner.events.iter().find(|it| it.event.id == id).cloned()))
    }
    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError> {
        let events = self.events(query).await?;
        let next = events.last().map(|last| last.row);
        Ok(Offered { events, next })
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<Arc<Stored>>, StoreError> {
        let here = |it: &Arc<Stored>| it.event.conversation.as_ref().map(|it| it.key.clone()) == query.key;
        Ok(self.with(|inner| {
            inner
                .events
                .iter()
                .rev()
                .filter(|it| here(it))
                .take(query.limit)
                .cloned()
                .collect()
        }))
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
        self.refused()?;
        let now = self.clock.now();
        Ok(self.with(|inner| {
            let at = settle.message as usize;
            let conversation = inner.messages[at].conversation;
            let act = inner.states[conversation.0 as usize].last_act;
            let ledger = inner.states[conversation.0 as usize]
                .ledger
                .get_or_insert_with(Ledger::default);
            for entry in settle.ledger {
                match entry {
                    LedgerEntry::Spent(count) => ledger.spend(count, now),
                    LedgerEntry::SpentCode(trigger, expires) => ledger.spend_code(trigger, expires),
                    LedgerEntry::Exhausted(as_of) if as_of.stands(act) => ledger.exhausted(now),
                    LedgerEntry::Closed(as_of) if as_of.stands(act) => ledger.closed(now),
                    LedgerEntry::Unfollowed(as_of) if as_of.stands(act) => ledger.unfollow(),
                    LedgerEntry::Exhausted(_) | LedgerEntry::Closed(_) | LedgerEntry::Unfollowed(_) => {}
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
        self.looked()?;
        Ok(self.with(|inner| {
            let open = inner
                .messages
                .iter()
                .filter(|it| it.conversation == conversation && !it.is_final());
            open.cloned().map(Arc::new).collect()
        }))
    }
    async fn open_outboxes(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.looked()?;
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
