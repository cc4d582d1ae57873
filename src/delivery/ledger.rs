//! Which few things does delivery ask of the store? A narrow view of it, so that a test needs to write no more than that.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;

use super::patience;
use crate::ports::{
    clock::Millis,
    store::{
        ConversationId, Enqueued, EventQuery, NewMessage, Offered, Pending, SetAside, Store, StoreError, Stored, Take,
        Told, Took, Waiting,
    },
};

/// The store, as delivery sees it; each method promises what [`Store`]'s of the same name does.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError>;
    /// The first undelivered events of a conversation.
    async fn pending(&self, conversation: ConversationId, limit: usize) -> Result<Pending, StoreError>;
    async fn take(&self, take: Take) -> Result<Took, StoreError>;
    fn take_aside(&self, take: Take, tell: Told);
    async fn park_with(
        &self,
        stored: &Stored,
        reason: String,
        replies: Vec<NewMessage>,
    ) -> Result<SetAside, StoreError>;
    async fn reassign(&self, conversations: Vec<ConversationId>, to: Arc<str>) -> Result<(), StoreError>;
    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError>;
    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError>;
    /// How long each event had been failing by itself when that was last noted.
    async fn failing(&self) -> Result<HashMap<String, Millis>, StoreError>;
    async fn note_failing(&self, event: &str, so_far: Millis) -> Result<(), StoreError>;
}

/// A store, seen narrowly.
pub fn of(store: Arc<dyn Store>) -> Arc<dyn Ledger> {
    Arc::new(Whole(store))
}

struct Whole(Arc<dyn Store>);

#[async_trait]
impl Ledger for Whole {
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        self.0.backlog().await
    }
    async fn pending(&self, conversation: ConversationId, limit: usize) -> Result<Pending, StoreError> {
        // From the first on: what was taken is not pending, and a number of ours would not survive a new epoch.
        self.0.pending(conversation, 0, limit).await
    }
    async fn take(&self, take: Take) -> Result<Took, StoreError> {
        self.0.take(take).await
    }
    fn take_aside(&self, take: Take, tell: Told) {
        self.0.take_aside(take, tell);
    }
    async fn park_with(
        &self,
        stored: &Stored,
        reason: String,
        replies: Vec<NewMessage>,
    ) -> Result<SetAside, StoreError> {
        self.0.park_with(stored, reason, replies).await
    }
    async fn reassign(&self, conversations: Vec<ConversationId>, to: Arc<str>) -> Result<(), StoreError> {
        self.0.reassign(conversations, to).await
    }
    async fn offered(&self, query: EventQuery) -> Result<Offered, StoreError> {
        self.0.offered(query).await
    }
    async fn enqueue(&self, message: NewMessage) -> Result<Enqueued, StoreError> {
        self.0.enqueue(message).await
    }
    async fn failing(&self) -> Result<HashMap<String, Millis>, StoreError> {
        patience::noted(&*self.0).await
    }
    async fn note_failing(&self, event: &str, so_far: Millis) -> Result<(), StoreError> {
        patience::note(&*self.0, event, so_far).await
    }
}
