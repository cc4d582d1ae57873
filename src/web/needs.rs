//! What do the doors need from the rest of the house? Small traits; the parts that do the work implement them.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::Stream;
use serde::Serialize;

use crate::{
    accounts::Opened,
    api_tokens::ApiToken,
    component::links::Invitation,
    error::Fault,
    forward::{NewRecord, Published, book::Change},
    ports::{
        clock::Millis,
        store::{Quarantined, StoreError},
    },
    schema::{Timestamp, v1},
    secret::Secret,
    settings::Passthrough,
    tokens::Token,
};

/// The outbox.
#[async_trait]
pub trait Sending: Send + Sync + 'static {
    /// Durable when it returns; with `preview` nothing is kept or sent.
    async fn submit(&self, caller: &ApiToken, request: v1::SendRequest, preview: bool)
    -> Result<v1::SendResult, Fault>;
    /// The message's result when it is final, or as it stands when the time is over.
    async fn wait(&self, message_id: &str, at_most: Duration) -> Result<v1::SendResult, Fault>;
}

pub type ByteStream = Pin<Box<dyn Stream<Item = std::io::Result<actix_web::web::Bytes>> + Send>>;

/// A file to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewFile {
    pub account: String,
    pub name: String,
    /// Empty: found out from name and bytes.
    pub mime: String,
}

/// A file that is kept.
#[derive(Clone, Debug)]
pub struct Shelved {
    pub media: v1::Media,
    /// Empty = of no account.
    pub account: String,
    pub path: std::path::PathBuf,
}

/// What a handle leads to.
#[derive(Clone, Debug)]
pub enum Kept {
    Here(Box<Shelved>),
    /// On its way from the platform.
    Coming,
    Nothing,
}

/// The media store.
#[async_trait]
pub trait Shelf: Send + Sync + 'static {
    async fn put(&self, file: NewFile, bytes: ByteStream) -> Result<v1::Media, Fault>;
    async fn get(&self, handle: &str) -> Result<Kept, Fault>;
}

/// How an accounts file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    Toml,
    Json,
}

/// What an accounts file changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    pub created: Vec<String>,
    pub updated: Vec<String>,
    pub unchanged: Vec<String>,
    pub removed: Vec<String>,
}

/// Why accounts were not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unapplied {
    /// Every fault of what was entered.
    Faults(Vec<String>),
    Failed(Fault),
}

/// Where accounts are entered, changed and removed.
#[async_trait]
pub trait AccountDesk: Send + Sync + 'static {
    async fn apply(&self, file: &[u8], notation: Notation, prune: bool) -> Result<Applied, Unapplied>;
    /// `false`: no such account.
    async fn remove(&self, id: &str) -> Result<bool, Unapplied>;
    /// `false`: no such account.
    async fn rotate(&self, id: &str, token: Secret, encoding_aes_key: Secret) -> Result<bool, Unapplied>;
    /// Changes what a JSON merge patch of the account's settings names. Whether that changed anything; `None`: no such account.
    async fn change(&self, id: &str, patch: &serde_json::Value) -> Result<Option<bool>, Unapplied>;
    /// Hands the account's callbacks to the system before us too, or no longer. `false`: no such account.
    async fn pass(&self, id: &str, passthrough: Option<Passthrough>) -> Result<bool, Unapplied>;
    /// Lets the account's events wait, or hands them over again with whatever waited. Whether that changed anything; `None`: no
    /// such account.
    async fn pause(&self, id: &str, pause: bool) -> Result<Option<bool>, Unapplied>;
}

/// The platform's access tokens, for other systems of the company.
#[async_trait]
pub trait Lending: Send + Sync + 'static {
    /// The token that holds now; `rejected` is the SHA-256 (hex) of one that failed there.
    async fn lend(&self, opened: &Arc<Opened>, rejected: Option<&str>) -> Result<Token, v1::Error>;
}

/// One core, as an operator sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CoreState {
    /// `up` | `slow` | `down` | `unknown`
    pub state: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_error: String,
    /// Of a core that pulls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fetch: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ack: Option<Timestamp>,
}

/// What waits for one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    pub events: u64,
    /// When the oldest was accepted.
    pub oldest: Option<Millis>,
}

/// The way to the cores.
pub trait CoreLinks: Send + Sync + 'static {
    /// By core name; what waits for nobody stands under `""`.
    fn lag(&self) -> BTreeMap<String, Lag>;
    fn state(&self, core: &str) -> CoreState;
}

/// Which stored events are handed to a core again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayWish {
    pub core: String,
    pub conversation: Option<String>,
    pub from: Option<Millis>,
    pub to: Option<Millis>,
    pub allow_replies: bool,
}

/// How far a replay has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayCount {
    pub taken: u64,
    pub passed_over: u64,
    pub replies_taken: u64,
    pub replies_refused: u64,
}

/// One replay, about to run.
#[async_trait]
pub trait ReplayRun: Send + Sync + 'static {
    /// Runs to its last event.
    async fn run(&self, id: &str) -> Result<(), Fault>;
    fn count(&self) -> ReplayCount;
}

/// Hands stored events to a core again.
pub trait Replays: Send + Sync + 'static {
    fn prepare(&self, wish: ReplayWish) -> Result<Arc<dyn ReplayRun>, Fault>;
}

/// Decodes a quarantined body again, with today's keys. `Ok`: it became an event, whose id is returned, or was told
/// before (`None`).
#[async_trait]
pub trait Reread: Send + Sync + 'static {
    async fn reread(&self, body: &Quarantined) -> Result<Option<String>, Fault>;
}

/// A copy of the installation in one file.
#[async_trait]
pub trait Backup: Send + Sync + 'static {
    /// The file, at its start. Without a passphrase it holds the master key in the clear, and says so.
    async fn write(&self, passphrase: Option<Secret>) -> Result<std::fs::File, Fault>;
}

/// One type of one forwarder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    pub forwarder: String,
    pub kind: &'static str,
    /// Failed attempts in a row.
    pub failures: u32,
    pub last_error: String,
    /// When the oldest record that waits was made.
    pub waiting_since: Option<Millis>,
    /// Forgotten by the retention before they were copied, since the start.
    pub lost: u64,
}

/// Copies for other systems.
#[async_trait]
pub trait Forwarding: Send + Sync + 'static {
    /// Whether what is forwarded is protected.
    fn is_on(&self) -> bool;
    /// Every forwarder by name, secrets masked.
    fn shown(&self) -> Vec<(String, serde_json::Value)>;
    /// How far each type of each forwarder is.
    fn copies(&self) -> Vec<Copies>;
    /// Durable when it returns; `None`: it stood so already.
    async fn switch(&self, on: bool) -> Result<Option<Change>, StoreError>;
    /// Durable when it returns, if anybody wants it.
    async fn publish(&self, record: NewRecord) -> Result<Published, StoreError>;
}

/// One account that authorised an open platform, as an operator sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerView {
    pub app_id: String,
    /// `bound` | `unclaimed` | `needs_reauth` | `revoked`
    pub state: &'static str,
    /// Empty: no account serves it.
    pub account: String,
    pub name: String,
    pub principal: String,
    pub channel: String,
    pub original_id: String,
    pub verified: bool,
    pub permission_sets: Vec<SetView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A permission set by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetView {
    pub id: u32,
    pub name_zh: &'static str,
    pub name_en: &'static str,
    pub exclusive: bool,
}

/// Open platforms, and who authorised them.
#[async_trait]
pub trait OpenPlatforms: Send + Sync + 'static {
    /// A link that binds one account, once.
    async fn invite(&self, platform: &str, account: &str, expires: Millis) -> Result<Invitation, Fault>;
    /// By AppID.
    fn authorizers(&self, platform: &str) -> Result<Vec<AuthorizerView>, Fault>;
}
