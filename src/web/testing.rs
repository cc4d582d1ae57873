//! What do the tests of the doors stand on? A store of records and a few prepared answers; a house that does nothing else.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::web::Data;
use async_trait::async_trait;
use futures_util::StreamExt as _;

use super::{
    State,
    auth::{Hosts, WrongTokens},
    needs::*,
};
use crate::{
    accounts::{Condition, Opened},
    api_tokens::{ApiToken, NewToken, Scope, Tokens},
    cores::{Core, Cores, Kind, Match},
    doctor::{Doctor, Probes},
    error::{Code, Fault},
    feed::{self, Feeds},
    forward::{
        NewRecord, Published,
        book::{Book, Change},
    },
    observe::Observer,
    ports::{chance::SystemChance, clock::ManualClock, feed::*, store::*},
    schema::v1,
    secret::Secret,
    settings::AccountSettings,
    tokens::{Token, sha256_hex},
};

pub const NOW: i64 = 1_752_000_000_000;

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
    async fn release_quarantined(&self, row: Row) -> Result<(), StoreError> {
        self.quarantined.lock().expect("lock").retain(|body| body.row != row);
        Ok(())
    }
    async fn take(&self, _: Take) -> Result<Took, StoreError> {
        not_here()
    }
    async fn park(&self, _: &Stored, _: String) -> Result<Arc<Stored>, StoreError> {
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
            },
        })))
    }
    async fn discard(&self, row: Row) -> Result<bool, StoreError> {
        let mut all = self.parked.lock().expect("lock");
        let before = all.len();
        all.retain(|parked| parked.row != row);
        Ok(all.len() < before)
    }
    async fn backlog(&self) -> Result<Vec<Waiting>, StoreError> {
        not_here()
    }
    async fn pending(&self, _: ConversationId, _: u32, _: usize) -> Result<Vec<Arc<Stored>>, StoreError> {
        not_here()
    }
    async fn reassign(&self, _: Vec<ConversationId>, _: Arc<str>) -> Result<(), StoreError> {
        not_here()
    }
    async fn event(&self, _: &str) -> Result<Option<Arc<Stored>>, StoreError> {
        not_here()
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

/// Everything else that the doors need.
pub struct FakeHouse {
    files: Mutex<HashMap<String, Shelved>>,
    folder: tempfile::TempDir,
    pub sent: Mutex<Vec<v1::SendRequest>>,
    pub core: Mutex<&'static str>,
    pub token: Mutex<Option<v1::Error>>,
    pub agents: Mutex<Option<String>>,
}

#[async_trait]
impl Sending for FakeHouse {
    async fn submit(&self, _: &ApiToken, request: v1::SendRequest, preview: bool) -> Result<v1::SendResult, Fault> {
        if request.conversation_key.is_empty() {
            return Err(Fault::new(Code::InvalidRequest, "conversationKey is missing"));
        }
        let status = if preview {
            v1::send_result::Status::Unspecified
        } else {
            v1::send_result::Status::Accepted
        };
        let client_message_id = request.client_message_id.clone();
        if !preview {
            self.sent.lock().expect("lock").push(request);
        }
        Ok(v1::SendResult {
            message_id: "m1".into(),
            client_message_id,
            status: status as i32,
            ..Default::default()
        })
    }
    async fn wait(&self, message_id: &str, at_most: Duration) -> Result<v1::SendResult, Fault> {
        let status = match at_most.is_zero() {
            true => v1::send_result::Status::Accepted,
            false => v1::send_result::Status::Failed,
        };
        Ok(v1::SendResult {
            message_id: message_id.into(),
            status: status as i32,
            ..Default::default()
        })
    }
}

#[async_trait]
impl Shelf for FakeHouse {
    async fn put(&self, file: NewFile, mut bytes: ByteStream) -> Result<v1::Media, Fault> {
        let mut content = Vec::new();
        while let Some(chunk) = bytes.next().await {
            content.extend_from_slice(&chunk.map_err(|error| Fault::new(Code::InvalidRequest, error.to_string()))?);
        }
        let handle = format!("h{}", self.files.lock().expect("lock").len());
        let path = self.folder.path().join(&handle);
        std::fs::write(&path, &content).expect("written");
        let media = v1::Media {
            handle: handle.clone(),
            name: file.name,
            mime: file.mime,
            size: content.len() as u64,
            sha256: "ab".into(),
            ..Default::default()
        };
        let shelved = Shelved {
            media: media.clone(),
            account: file.account,
            path,
        };
        self.files.lock().expect("lock").insert(handle, shelved);
        Ok(media)
    }
    async fn get(&self, handle: &str) -> Result<Kept, Fault> {
        let found = self.files.lock().expect("lock").get(handle).cloned();
        Ok(found.map_or(Kept::Nothing, |found| Kept::Here(Box::new(found))))
    }
}

#[async_trait]
impl AccountDesk for FakeHouse {
    async fn apply(&self, file: &[u8], notation: Notation, _: bool) -> Result<Applied, Unapplied> {
        match notation {
            Notation::Toml if file.starts_with(b"bad") => {
                Err(Unapplied::Faults(vec!["first fault".into(), "second fault".into()]))
            }
            _ => Ok(Applied {
                created: vec!["shop".into()],
                ..Applied::default()
            }),
        }
    }
    async fn remove(&self, id: &str) -> Result<bool, Unapplied> {
        Ok(id == "shop")
    }
    async fn rotate(&self, id: &str, _: Secret, _: Secret) -> Result<bool, Unapplied> {
        Ok(id == "shop")
    }
}

impl CoreLinks for FakeHouse {
    fn lag(&self) -> BTreeMap<String, Lag> {
        [(
            "main".to_owned(),
            Lag {
                events: 3,
                oldest: Some(NOW - 5_000),
            },
        )]
        .into()
    }
    fn state(&self, _: &str) -> CoreState {
        CoreState {
            state: *self.core.lock().expect("lock"),
            last_error: String::new(),
            ..CoreState::default()
        }
    }
}

struct Nothing;

#[async_trait]
impl ReplayRun for Nothing {
    async fn run(&self, _: &str) -> Result<(), Fault> {
        Ok(())
    }
    fn count(&self) -> ReplayCount {
        ReplayCount {
            taken: 2,
            ..ReplayCount::default()
        }
    }
}

impl Replays for FakeHouse {
    fn prepare(&self, _: ReplayWish) -> Result<Arc<dyn ReplayRun>, Fault> {
        Ok(Arc::new(Nothing))
    }
}

#[async_trait]
impl Reread for FakeHouse {
    async fn reread(&self, body: &Quarantined) -> Result<Option<String>, Fault> {
        match body.code.as_str() {
            "UNDECODABLE" => Ok(Some("e1".into())),
            _ => Err(Fault::new(Code::Undecodable, "still not")),
        }
    }
}

#[async_trait]
impl Forwarding for FakeHouse {
    fn is_on(&self) -> bool {
        true
    }
    fn shown(&self) -> Vec<(String, serde_json::Value)> {
        let one = |name: &str| {
            let shown = serde_json::json!({
                "name": name, "url": "https://a.example/", "mode": "hmac-sha256", "encrypt": false, "companyId": "",
                "key": "****ab", "legacyPlain": false, "types": [],
            });
            (name.to_owned(), shown)
        };
        vec![one("archive"), one("crm")]
    }
    async fn switch(&self, on: bool) -> Result<Option<Change>, StoreError> {
        Ok(Book::default().switch(on))
    }
    async fn publish(&self, record: NewRecord) -> Result<Published, StoreError> {
        let id = format!("{} {}", record.conversation_key, record.content);
        let forwarders = vec!["archive".to_owned()];
        Ok(Published { id, forwarders })
    }
}

#[async_trait]
impl Backup for FakeHouse {
    async fn write(&self, _: Option<Secret>) -> Result<std::fs::File, Fault> {
        use std::io::{Seek as _, Write as _};
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"all of it").expect("written");
        file.rewind().expect("rewound");
        Ok(file)
    }
}

#[async_trait]
impl Lending for FakeHouse {
    async fn lend(&self, _: &Arc<Opened>, rejected: Option<&str>) -> Result<Token, v1::Error> {
        if let Some(error) = self.token.lock().expect("lock").clone() {
            return Err(error);
        }
        let value = match rejected.is_some_and(|digest| digest == sha256_hex("AT1")) {
            true => "AT2",
            false => "AT1",
        };
        Ok(Token {
            value: Secret::new(value),
            expires: NOW + 7_200_000,
        })
    }
}

#[async_trait]
impl Probes for FakeHouse {
    async fn token(&self, _: &Arc<Opened>) -> Result<(), v1::Error> {
        self.token.lock().expect("lock").clone().map_or(Ok(()), Err)
    }
    async fn agents(&self, _: &Arc<Opened>) -> Result<Option<String>, v1::Error> {
        Ok(self.agents.lock().expect("lock").clone())
    }
    fn skew(&self) -> Option<i64> {
        Some(1_500)
    }
}

/// A house, its parts at hand, and a token of each scope.
pub struct House {
    pub state: Data<State>,
    pub store: Arc<FakeStore>,
    pub parts: Arc<FakeHouse>,
    pub operator: String,
    pub viewer: String,
    pub core: String,
    pub borrower: String,
}

/// Tokens of an operator, a viewer, a core and somebody who borrows access tokens.
async fn callers(tokens: &Tokens, cores: &Cores) -> [String; 4] {
    let make = |name: &str, scope, accounts: &[&str]| NewToken {
        name: name.into(),
        scope,
        core: None,
        accounts: accounts.iter().map(|glob| (*glob).to_owned()).collect(),
    };
    let create = async |wish| {
        let (_, text) = tokens.create(wish, cores).await.expect("a token");
        text.expose().to_owned()
    };
    [
        create(make("op", Scope::Operator, &[])).await,
        create(make("eye", Scope::Viewer, &[])).await,
        create(make("core", Scope::Core, &["shop-*"])).await,
        create(make("crm", Scope::Token, &["shop*"])).await,
    ]
}

impl House {
    pub async fn new() -> Self {
        let store = Arc::new(FakeStore::default());
        let parts = Arc::new(FakeHouse {
            files: Mutex::default(),
            folder: tempfile::tempdir().expect("a folder"),
            sent: Mutex::default(),
            core: Mutex::new("up"),
            token: Mutex::default(),
            agents: Mutex::default(),
        });
        let clock = Arc::new(ManualClock::at(NOW));
        let chance = Arc::new(SystemChance::default());
        let tokens = Tokens::load(store.clone(), chance.clone(), clock.clone())
            .await
            .expect("tokens");
        let cores = Cores([core("main")].into());
        let observer = Arc::new(Observer::with_clock(clock.clone()));
        let registry = Arc::default();
        let [operator, viewer, core, borrower] = callers(&tokens, &cores).await;
        let feeds = no_feeds(&cores, clock.clone()).await;
        let doctor = Doctor {
            clock: clock.clone(),
            store: store.clone(),
            registry: Arc::clone(&registry),
            observer: observer.clone(),
            cores: cores.clone(),
            links: parts.clone(),
            probes: parts.clone(),
            state_folder: std::env::temp_dir(),
            reserve: 0,
        };
        let state = State {
            clock,
            chance,
            store: store.clone(),
            registry,
            observer,
            cores,
            tokens: Arc::new(tokens),
            hosts: Hosts::new(([127, 0, 0, 1], 8081).into(), &[]),
            wrong_tokens: WrongTokens::default(),
            public_urls: vec!["https://bridge.example.com/".into()],
            sending: parts.clone(),
            media: parts.clone(),
            accounts: parts.clone(),
            lending: parts.clone(),
            lent: super::LentTokens::default(),
            feeds,
            delivery: parts.clone(),
            replaying: parts.clone(),
            replays: super::admin::Running::default(),
            quarantine: parts.clone(),
            forwarding: parts.clone(),
            backup: parts.clone(),
            doctor: Arc::new(doctor),
            readiness: super::Readiness::default(),
        };
        Self {
            state: Data::new(state),
            store,
            parts,
            operator,
            viewer,
            core,
            borrower,
        }
    }

    /// An official account called `shop`.
    pub fn bind(&self) -> Arc<Opened> {
        let settings = AccountSettings {
            id: "shop".into(),
            channel: "official_account".into(),
            app_id: "wx0123456789abcdef".into(),
            app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
            token: Secret::new("token123"),
            encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
            original_id: "gh_0123456789ab".into(),
            ..Default::default()
        };
        self.bind_as(&settings)
    }

    /// One account of these settings, alone.
    pub fn bind_as(&self, settings: &AccountSettings) -> Arc<Opened> {
        let account = crate::accounts::service::open(settings).expect("opens");
        let opened = Arc::new(Opened {
            describe: Arc::new(account.describe().clone()),
            account,
            settings: settings.clone(),
            condition: Condition::default().into(),
        });
        self.state.registry.replace([opened.clone()]);
        opened
    }
}

/// The feeds of a house without a core that pulls.
async fn no_feeds(cores: &Cores, clock: Arc<ManualClock>) -> Arc<Feeds> {
    let chance = Arc::new(SystemChance::default());
    let parts = feed::Parts {
        store: Arc::new(FakeStore::default()),
        cores: cores.clone(),
        cursors: feed::cursor::Cursors::new(&[7; 32], 1),
        windows: crate::inbound::windows::OpenRequests::new(clock.clone(), chance),
        bells: feed::Bells::default(),
        observer: Arc::new(Observer::with_clock(clock.clone())),
        clock,
    };
    Feeds::open(parts).await.expect("opens")
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
    async fn feed_again(&self, _: Arc<str>, _: Vec<Row>, _: String) -> Result<Position, StoreError> {
        not_here()
    }
}

pub fn core(name: &str) -> Core {
    Core {
        name: name.into(),
        kind: Kind::Http,
        credentials: Default::default(),
        url: "http://127.0.0.1:9".into(),
        secrets: Vec::new(),
        matches: Match::default(),
        reply_budget: 0,
        timeout: 0,
        all_delivery_updates: false,
        raw_inline: false,
    }
}
