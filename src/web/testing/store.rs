//! What do the doors read in tests? A store of records, and what a test puts in.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use crate::{
    ports::{clock::Millis, feed::*, store::*},
    schema::v1,
};

/// Records, and what a test puts in.
#[derive(Default)]
pub struct FakeStore {
    records: Mutex<BTreeMap<(&'static str, String), Vec<u8>>>,
    pub views: Mutex<HashMap<String, View>>,
    pub messages: Mutex<Vec<Arc<Message>>>,
    pub events: Mutex<Vec<Arc<Stored>>>,
    pub parked: Mutex<Vec<Parked>>,
    pub quarantined: Mutex<Vec<Quarantined>>,
    pub broken: Mutex<bool>,
    /// It takes what it is given, and never answers.
    pub stalled: Mutex<bool>,
    pub waiting: Mutex<Vec<Waiting>>,
}

fn not_here<T>() -> Result<T, StoreError> {
    Err(StoreError::Broken("not in this store".into()))
}

#[async_trait]
impl Store for FakeStore {
    fn epoch(&self) -> u32 {
        1
    }
    async fn accept(&self, _: Box<Arrival>) -> Result<Accepted, StoreError> {
        not_here()
    }
    async fn accept_page(&self, _: crate::ports::store::Page) -> Result<Vec<Arc<Stored>>, StoreError> {
        not_here()
    }
    async fn quarantine(&self, _: Quarantined) -> Result<Row, StoreError> {
        not_here()
    }
    async fn quarantined(&self, after: Option<Row>, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        let all = self.quarantined.lock().expect("lock");
        Ok(all
            .iter()
            .filter(|body| after.is_none_or(|after| body.row > after))
            .take(limit)
            .cloned()
            .collect())
    }
    async fn aside(&self) -> Result<Aside, StoreError> {
        let mut unread = BTreeMap::<_, Unread>::new();
        for body in self.quarantined.lock().expect("lock").iter() {
            let of = (body.account.clone(), body.code.clone());
            let kind = unread.entry(of.clone()).or_insert(Unread {
                account: of.0,
                code: of.1,
                count: 0,
                last: Millis::MIN,
                detail: String::new(),
            });
            kind.count += 1;
            if body.received > kind.last {
                (kind.last, kind.detail) = (body.received, body.detail.clone());
            }
        }
        let parked = self.parked.lock().expect("lock");
        Ok(Aside {
            unread: unread.into_values().collect(),
            parked: parked.len() as u64,
            newest_parked: parked.last().map(|it| (it.core.clone(), it.reason.clone())),
        })
    }
    async fn release_quarantined(&self, row: Row) -> Result<(), StoreError> {
        self.quarantined.lock().expect("lock").retain(|body| body.row != row);
        Ok(())
    }
    async fn take(&self, _: Take) -> Result<Took, StoreError> {
        not_here()
    }
    fn take_aside(&self, _: Take, tell: Told) {
        tell(not_here());
    }
    async fn park_with(&self, _: &Stored, _: String, _: Vec<NewMessage>) -> Result<SetAside, StoreError> {
        not_here()
    }
    async fn parked(&self, after: Option<Row>, limit: usize) -> Result<Vec<Parked>, StoreError> {
        let all = self.parked.lock().expect("lock");
        Ok(all
            .iter()
            .filter(|parked| after.is_none_or(|after| parked.row > after))
            .take(limit)
            .cloned()
            .collect())
    }
    async fn unpark(&self, row: Row) -> Result<Option<Arc<Stored>>, StoreError> {
        let mut all = self.parked.lock().expect("lock");
        let Some(at) = all.iter().position(|parked| parked.row == row) else {
            return Ok(None);
        };
        let parked = all.remove(at);
        Ok(Some(Arc::new(Stored {
            row: row + 100,
            conversation: ConversationId(1),
            core: None,
            event: v1::Event {
                id: "back".into(),
                redelivery_of: parked.event_id,
                seq: 9,
                ..Default::default()
            }
            .into(),
        })))
    }
    async fn discard(&self, row: Row) -> Result<bool, StoreError> {
        let mut all = self.parked.lock().expect("lock");
        let before = all.len();
        all.retain(|parked| parked.row != row);
        Ok(all.len() < before)
    }
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        Ok(self.waiting.lock().expect("lock").clone())
    }
    async fn pending(&self, _: ConversationId, _: u32, _: usize) -> Result<Pending, StoreError> {
        not_here()
    }
    async fn reassign(&self, _: Vec<ConversationId>, _: Arc<str>) -> Result<(), StoreError> {
        not_here()
    }
    async fn pause(&self, account: &str, since: Option<Millis>) -> Result<(), StoreError> {
        let key = account.to_owned();
        let write = match since {
            Some(since) => RecordWrite::Put {
                space: crate::ports::store::PAUSED,
                key,
                value: since.to_string().into_bytes(),
            },
            None => RecordWrite::Delete {
                space: crate::ports::store::PAUSED,
                key,
            },
        };
        self.write_records(vec![write]).await.map(|_| ())
    }
    async fn event(&self, id: &str) -> Result<Option<Arc<Stored>>, StoreError> {
        let all = self.events.lock().expect("lock");
        Ok(all.iter().find(|stored| stored.event.id == id).cloned())
    }
    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError> {
        let events = self.events(query).await?;
        let next = events.last().map(|last| last.row);
        Ok(Offered { events, next })
    }

    async fn events(&self, query: EventQuery) -> Result<Vec<Arc<Stored>>, StoreError> {
        let all = self.events.lock().expect("lock");
        Ok(all.iter().rev().take(query.limit).cloned().collect())
    }
    async fn conversation(&self, key: &str) -> Result<Option<View>, StoreError> {
        Ok(self.views.lock().expect("lock").get(key).cloned())
    }
    async fn enqueue(&self, _: NewMessage) -> Result<Enqueued, StoreError> {
        not_here()
    }
    async fn settle(&self, _: Settle) -> Result<Arc<Message>, StoreError> {
        not_here()
    }
    async fn message(&self, which: MessageRef<'_>) -> Result<Option<Arc<Message>>, StoreError> {
        let all = self.messages.lock().expect("lock");
        let fits = |message: &&Arc<Message>| match which {
            MessageRef::Id(id) => message.id == id,
            MessageRef::Client {
                account,
                client_message_id,
            } => message.account == account && message.client_message_id == client_message_id,
            MessageRef::Row(row) => message.row == row,
        };
        Ok(all.iter().find(fits).cloned())
    }
    async fn outbox(&self, _: ConversationId) -> Result<Vec<Arc<Message>>, StoreError> {
        not_here()
    }
    async fn open_outboxes(&self) -> Result<Vec<ConversationId>, StoreError> {
        not_here()
    }
    async fn passive_answer(&self, _: Row) -> Result<Option<Arc<Message>>, StoreError> {
        not_here()
    }
    async fn recent_messages(&self, _: Option<&str>, limit: usize) -> Result<Vec<Arc<Message>>, StoreError> {
        Ok(self
            .messages
            .lock()
            .expect("lock")
            .iter()
            .rev()
            .take(limit)
            .cloned()
            .collect())
    }
    async fn write_records(&self, writes: Vec<RecordWrite>) -> Result<bool, StoreError> {
        let mut records = self.records.lock().expect("lock");
        let exists = |write: &RecordWrite| match write {
            RecordWrite::Create { space, key, .. } => records.contains_key(&(*space, key.clone())),
            _ => false,
        };
        if writes.iter().any(exists) {
            return Ok(false);
        }
        for write in writes {
            match write {
                RecordWrite::Put { space, key, value } | RecordWrite::Create { space, key, value } => {
                    records.insert((space, key), value);
                }
                RecordWrite::Delete { space, key } => {
                    records.remove(&(space, key));
                }
            }
        }
        Ok(true)
    }
    async fn record(&self, space: &'static str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .records
            .lock()
            .expect("lock")
            .get(&(space, key.to_owned()))
            .cloned())
    }
    async fn records(&self, space: &'static str) -> Result<Vec<Record>, StoreError> {
        let records = self.records.lock().expect("lock");
        let of_space = records.iter().filter(|((of, _), _)| *of == space);
        Ok(of_space
            .map(|((_, key), value)| Record {
                key: key.clone(),
                value: value.clone(),
            })
            .collect())
    }
    async fn ready(&self) -> Result<(), StoreError> {
        let stalled = *self.stalled.lock().expect("lock");
        if stalled {
            std::future::pending::<()>().await;
        }
        match *self.broken.lock().expect("lock") {
            true => Err(StoreError::CannotAppend("the disk is full".into())),
            false => Ok(()),
        }
    }
    async fn sweep(&self, _: i64, _: Retention) -> Result<Swept, StoreError> {
        not_here()
    }
    async fn copy_to(&self, _: &std::path::Path) -> Result<(), StoreError> {
        not_here()
    }
    async fn close(&self) {}
}

#[async_trait]
impl FeedStore for FakeStore {
    async fn open_feeds(&self, _: Vec<Arc<str>>) -> Result<Vec<Arc<Gauge>>, StoreError> {
        Ok(Vec::new())
    }
    async fn feed_page(&self, _: Ask) -> Result<FeedPage, StoreError> {
        not_here()
    }
    async fn feed_take(&self, _: Arc<str>, _: Position) -> Result<FeedTaken, StoreError> {
        not_here()
    }
    async fn feed_park(&self, _: Arc<str>, _: Position, _: String) -> Result<bool, StoreError> {
        not_here()
    }
    async fn feed_again(&self, _: Arc<str>, _: Vec<Row>, _: String) -> Result<Position, StoreError> {
        not_here()
    }
}
