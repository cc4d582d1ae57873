//! A house that pulls, around a real store on disk and a platform made of a list: each of its steps can be made to fail, and
//! the house can be torn down at any of them and built anew on the same disk.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Parts, Pull};
use crate::{
    accounts::{Registry, Service},
    channels::contract::Bell,
    cores::{Core, Cores, Kind},
    inbound::windows::OpenRequests,
    media::Library,
    observe::Observer,
    outbound::{self, Outbound},
    ports::{
        chance::SystemChance,
        clock::{Clock, ManualClock, Millis},
        fetch::{Fetch, FetchFault, Fetched},
        platform::{Answer, Call, CallBody, NoAnswer, Platform},
        store::{ConversationId, EventQuery, Listener, Store as _, Stored},
    },
    secret::Secret,
    settings::AccountSettings,
    store::sqlite::{Options, SqliteStore},
    tokens::{self, Keeper},
    vault::Vault,
};

pub const NOW: Millis = 1_766_200_000_000;
pub const CORP: &str = "ww0123456789abcdef";
pub const KF: &str = "wkTESTkf000001";
pub const CUSTOMER: &str = "wmTESTcustomer000001";

pub fn settings() -> AccountSettings {
    AccountSettings {
        id: "kf".into(),
        channel: "wechat_kf".into(),
        corp_id: CORP.into(),
        secret: Secret::new("s3cret"),
        token: Secret::new("spamtest"),
        encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
        start: Some("earliest".into()),
        ..AccountSettings::default()
    }
}

/// A text of the customer's, said `ago` milliseconds before [`NOW`].
pub fn text(id: &str, words: &str, ago: Millis) -> Value {
    json!({
        "msgid": id, "open_kfid": KF, "external_userid": CUSTOMER, "send_time": (NOW - ago) / 1_000, "origin": 3,
        "msgtype": "text", "text": { "content": words },
    })
}

/// So many texts, a minute old.
pub fn many(count: usize) -> Vec<Value> {
    (0..count)
        .map(|at| text(&format!("m{at:04}"), &format!("word {at}"), 60_000))
        .collect()
}

/// Something waits at [`KF`].
pub fn bell() -> Bell {
    Bell {
        sub_id: Some(KF.into()),
        token: "ENCtok".into(),
    }
}

/// A house on a disk of its own, and what waits at [`KF`].
pub async fn house(settings: AccountSettings, waiting: Vec<Value>) -> (House, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let platform = Arc::new(FakeKf::default());
    platform.with(|kept| kept.waiting.insert(KF.into(), waiting));
    let house = House::on(dir.path(), settings, platform, ManualClock::at(NOW)).await;
    (house, dir)
}

/// The platform: what waits at each place, and how it is cut into pages.
#[derive(Default)]
pub struct FakeKf {
    pub inner: Mutex<Kept>,
    /// Calls until the one that fails as [`Kept::fails`] says; 0 = none.
    pub calls: AtomicU32,
}

#[derive(Default)]
pub struct Kept {
    pub waiting: BTreeMap<String, Vec<Value>>,
    /// Items of the pages, in turn; then pages of 100.
    pub cuts: Vec<usize>,
    pub asked: Vec<Value>,
    /// Other calls, by path, and what they are answered.
    pub answers: HashMap<&'static str, Vec<Value>>,
    pub sent: Vec<(String, Value)>,
    /// The error of the next pages, in turn.
    pub refuse: Vec<i64>,
    pub at_once: usize,
    pub most_at_once: usize,
}

impl FakeKf {
    pub fn with<T>(&self, look: impl FnOnce(&mut Kept) -> T) -> T {
        look(&mut self.inner.lock().expect("no panic under the lock"))
    }

    fn page(&self, body: &Value) -> Value {
        self.with(|kept| {
            kept.asked.push(body.clone());
            if !kept.refuse.is_empty() {
                let code = kept.refuse.remove(0);
                if code != 0 {
                    return json!({ "errcode": code, "errmsg": "refused" });
                }
            }
            let place = body["open_kfid"].as_str().unwrap_or_default();
            let from: usize = body["cursor"].as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
            let step = kept.cuts.get(kept.asked.len() - 1).copied().unwrap_or(100);
            let all = kept.waiting.get(place).cloned().unwrap_or_default();
            let to = (from + step).min(all.len());
            let items = &all[from.min(to)..to];
            json!({
                "errcode": 0, "errmsg": "ok", "next_cursor": to.to_string(), "has_more": u8::from(to < all.len()),
                "msg_list": if items.is_empty() { Value::Null } else { items.into() },
            })
        })
    }
}

#[async_trait]
impl Platform for FakeKf {
    async fn ask(&self, _: &str, call: &Call, _: Option<&str>) -> Result<Answer, NoAnswer> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        // Who somebody is is asked beside the pulls.
        let pulls = usize::from(!call.path.ends_with("batchget"));
        self.with(|kept| {
            kept.at_once += pulls;
            kept.most_at_once = kept.most_at_once.max(kept.at_once);
        });
        tokio::task::yield_now().await;
        let body: Value = match &call.body {
            CallBody::Json(bytes) => serde_json::from_slice(bytes).expect("JSON"),
            _ => Value::Null,
        };
        let said = match call.path {
            "/cgi-bin/gettoken" => json!({ "errcode": 0, "access_token": "T", "expires_in": 7200 }),
            "/cgi-bin/kf/sync_msg" => self.page(&body),
            "/cgi-bin/kf/account/list" => self.with(|kept| {
                let all: Vec<Value> = kept
                    .waiting
                    .keys()
                    .map(|id| json!({ "open_kfid": id, "manage_privilege": true }))
                    .collect();
                json!({ "errcode": 0, "errmsg": "ok", "account_list": all })
            }),
            path => self.with(|kept| {
                kept.sent.push((path.to_owned(), body));
                let queue = kept.answers.get_mut(path);
                let said = queue.filter(|it| !it.is_empty()).map(|it| it.remove(0));
                said.unwrap_or_else(|| json!({ "errcode": 0, "errmsg": "ok" }))
            }),
        };
        self.with(|kept| kept.at_once -= pulls);
        if said["lost"] == true {
            return Err(NoAnswer::Lost("timeout".to_owned()));
        }
        Ok(Answer {
            status: 200,
            date: None,
            content_type: "application/json".into(),
            body: said.to_string().into_bytes(),
        })
    }
}

struct NoFetch;

#[async_trait]
impl Fetch for NoFetch {
    async fn fetch(&self, _: &str, _: usize, _: Duration) -> Result<Fetched, FetchFault> {
        Err(FetchFault::Refused(404))
    }
}

struct Lanes(outbound::Handle);

impl Listener for Lanes {
    fn event(&self, _: &Arc<Stored>) {}
    fn message(&self, conversation: ConversationId) {
        self.0.message(conversation);
    }
}

pub struct House {
    pub clock: ManualClock,
    pub store: Arc<SqliteStore>,
    pub registry: Arc<Registry>,
    pub platform: Arc<FakeKf>,
    pub outbound: Arc<Outbound>,
    pub pull: Arc<Pull>,
    pub observer: Arc<Observer>,
    service: Service,
}

/// The accounts of a store, with this one among them.
async fn bound(store: &Arc<SqliteStore>, time: &Arc<dyn Clock>, settings: AccountSettings) -> (Arc<Registry>, Service) {
    let registry = Arc::new(Registry::default());
    let ring = Secret::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let vault = Vault::from_text(Path::new("ring"), &ring, SystemChance::default()).expect("a key ring");
    let service = Service::load(store.clone(), Arc::new(vault), registry.clone(), time.clone());
    let service = service.await.expect("accounts");
    service.apply(vec![settings], false).await.expect("applied");
    (registry, service)
}

fn core() -> Core {
    Core {
        reply_budget: 0,
        ..Core::sample("main", Kind::Http)
    }
}

impl House {
    /// Builds on `dir`, which may hold what an earlier house left.
    pub async fn on(dir: &Path, settings: AccountSettings, platform: Arc<FakeKf>, clock: ManualClock) -> Self {
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let chance = Arc::new(SystemChance::default());
        let lanes = outbound::Handle::default();
        let store = SqliteStore::open(Options {
            dir: dir.to_owned(),
            trace: None,
            reserve: 0,
            clock: time.clone(),
            chance: chance.clone(),
            listener: Arc::new(Lanes(lanes.clone())),
        })
        .expect("a store");
        let (registry, service) = bound(&store, &time, settings).await;
        let observer = Arc::new(Observer::with_clock(time.clone()));
        let keeper = Keeper::new(tokens::Parts {
            platform: platform.clone(),
            hosts: tokens::Hosts {
                weixin_api: "http://weixin".into(),
                wecom_api: "http://wecom".into(),
            },
            clock: time.clone(),
            observer: observer.clone(),
            keep: None,
            grants: None,
        });
        let cores = Cores([core()].into());
        let outbound = Outbound::new(outbound::Parts {
            library: Library::new(dir, store.clone(), time.clone(), chance.clone()),
            store: store.clone(),
            registry: registry.clone(),
            windows: OpenRequests::new(time.clone(), chance.clone()),
            cores: cores.clone(),
            clock: time.clone(),
            observer: observer.clone(),
            keeper: keeper.clone(),
            fetch: Arc::new(NoFetch),
            links: None,
            rules: Default::default(),
            lanes,
        });
        let pull = Pull::new(Parts {
            store: store.clone(),
            registry: registry.clone(),
            cores: Arc::new(cores),
            keeper,
            outbound: outbound.clone(),
            observer: observer.clone(),
            clock: time,
            chance,
            rules: crate::conversation::Rules {
                session_idle: 48 * 3_600_000,
            },
            pulls: 4,
            sweep: 300_000,
        });
        Self {
            clock,
            store,
            registry,
            platform,
            outbound,
            pull,
            observer,
            service,
        }
    }

    /// Enters the account anew.
    pub async fn apply(&self, settings: AccountSettings) {
        self.service.apply(vec![settings], false).await.expect("applied");
    }

    /// Every event, in the order of its commit.
    pub async fn events(&self) -> Vec<Arc<Stored>> {
        let query = EventQuery {
            limit: 100_000,
            ..EventQuery::default()
        };
        self.store.events(query).await.expect("readable")
    }

    /// The words of every text, in order.
    pub async fn words(&self) -> Vec<String> {
        use crate::schema::v1::event::Body;
        let said = |it: &Arc<Stored>| match &it.event.body {
            Some(Body::Message(message)) => Some(message.summary.clone()),
            _ => None,
        };
        self.events().await.iter().filter_map(said).collect()
    }

    /// Runs turns until none is due.
    pub async fn settle(&self) {
        self.pull.look_around().await;
        for _ in 0..10_000 {
            let Some(job) = self.pull.desk.next(self.pull.now()) else {
                return;
            };
            self.pull.clone().work(job).await;
        }
        panic!("it never settles");
    }

    /// The outbox at work, until the house is dropped.
    pub fn talk(&self) -> tokio::sync::watch::Sender<bool> {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        tokio::spawn(self.outbound.clone().run(stopped));
        stop
    }

    /// One message of the core's, followed until it comes to an end; the clock runs meanwhile.
    pub async fn says(&self, request: Value) -> crate::schema::v1::SendResult {
        use crate::{
            outbound::Caller,
            ports::store::{MessageRef, Store as _},
            schema::json::{Unknown, from_value},
        };
        let request = from_value(request, Unknown::Refuse).expect("a request");
        let taken = self
            .outbound
            .submit(&Caller::default(), request, false)
            .await
            .expect("lawful");
        for _ in 0..2_000 {
            let message = self
                .store
                .message(MessageRef::Id(&taken.message_id))
                .await
                .expect("readable");
            let message = message.expect("kept");
            if message.is_final() || message.status() == crate::schema::v1::send_result::Status::Held {
                return message.result.clone();
            }
            self.clock.advance(Duration::from_millis(20));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("never final");
    }

    pub async fn close(self) {
        self.store.close().await;
    }
}
