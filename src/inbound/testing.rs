//! A small house around the inbound side: the real store, an official account, and a core that a test plays.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Body, Inbound, Parts, Post, Reply, windows::OpenRequests};
use crate::ports::{
    fetch::{Fetch, FetchFault, Fetched},
    old_url::{self, Answered, OldUrl},
};
use crate::{
    accounts::{Opened, Registry, Service},
    cores::{Core, Cores, Kind},
    envelope::{cipher, signature},
    media::Library,
    observe::Observer,
    outbound::{self, Outbound, testing::FakePlatform},
    ports::{
        chance::SystemChance,
        clock::{Clock, ManualClock, Millis},
        store::{ConversationId, Listener, Message, Store as _, Stored, Take},
        turn::{Replies as _, Windows as _},
    },
    schema::v1,
    secret::Secret,
    settings::AccountSettings,
    store::sqlite::{Options, SqliteStore},
    tokens::{self, Keeper},
    vault::Vault,
};

pub const NOW: Millis = 1_752_000_500_000;
pub const APP: &str = "wx2c2769f8efd9abc2";
pub const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
pub const OTHER_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
pub const TOKEN: &str = "spamtest";

pub fn settings() -> AccountSettings {
    AccountSettings {
        id: "shop".into(),
        channel: "official_account".into(),
        app_id: APP.into(),
        app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
        token: Secret::new(TOKEN),
        encoding_aes_key: Secret::new(KEY),
        ..AccountSettings::default()
    }
}

pub fn core(reply_budget: Millis) -> Core {
    Core {
        reply_budget,
        ..Core::sample("main", Kind::Http)
    }
}

/// Hears what the daemon's listener hears, in its order.
pub struct Ears {
    windows: Arc<OpenRequests>,
    heard: Mutex<Vec<Arc<Stored>>>,
    /// While a test holds it, no commit is told to anybody.
    pub gate: tokio::sync::Mutex<()>,
}

impl Listener for Ears {
    fn event(&self, event: &Arc<Stored>) {
        drop(self.gate.blocking_lock());
        self.windows.bind(event);
        self.heard.lock().expect("no panic under the lock").push(event.clone());
    }
    fn message(&self, _: ConversationId) {}
}

/// Remembers who rang.
#[derive(Default)]
pub struct Belfry(
    pub Mutex<Vec<(String, crate::channels::contract::Bell)>>,
    /// Accounts whose places are to be asked for anew.
    pub Mutex<Vec<String>>,
);

#[async_trait::async_trait]
impl crate::ports::pull::Bells for Belfry {
    async fn ring(
        &self,
        account: &str,
        bell: crate::channels::contract::Bell,
    ) -> Result<(), crate::ports::store::StoreError> {
        self.0
            .lock()
            .expect("no panic under the lock")
            .push((account.to_owned(), bell));
        Ok(())
    }

    fn changed(&self, account: &str) {
        self.1.lock().expect("no panic under the lock").push(account.to_owned());
    }
}

/// The system that had the account before.
#[derive(Default)]
pub struct Before {
    /// What it says; `None`: it never answers.
    pub says: Mutex<Option<Result<Answered, String>>>,
    pub heard: Mutex<Vec<old_url::Push>>,
}

impl Before {
    pub fn say(&self, status: u16, body: &[u8]) {
        let body = body.to_vec();
        *self.says.lock().expect("no panic under the lock") = Some(Ok(Answered { status, body }));
    }
}

#[async_trait::async_trait]
impl OldUrl for Before {
    async fn hand(&self, push: &old_url::Push, _: Duration) -> Result<Answered, String> {
        self.heard.lock().expect("no panic under the lock").push(push.clone());
        let says = self.says.lock().expect("no panic under the lock").clone();
        match says {
            Some(says) => says,
            None => std::future::pending().await,
        }
    }
}

/// No open platform, and nobody who authorised one.
struct Nobody;

#[async_trait::async_trait]
impl super::addressed::Authorizers for Nobody {
    fn whose(
        &self,
        _: &Arc<Opened>,
        _: &str,
        _: &crate::channels::contract::Admitted,
        _: Millis,
    ) -> super::addressed::Addressed {
        super::addressed::Addressed::Nobodys
    }
    fn again(&self, _: &Arc<Opened>, _: &crate::channels::contract::Admitted) -> Option<Arc<Opened>> {
        None
    }
    async fn notice(
        &self,
        _: &Arc<Opened>,
        _: &crate::channels::contract::Admitted,
    ) -> Result<(), super::addressed::Untaken> {
        Ok(())
    }
}

struct NoFetch;

#[async_trait::async_trait]
impl Fetch for NoFetch {
    async fn fetch(&self, _: &str, _: usize, _: Duration) -> Result<Fetched, FetchFault> {
        Err(FetchFault::Refused(404))
    }
}

pub struct House {
    pub clock: ManualClock,
    pub store: Arc<SqliteStore>,
    pub ears: Arc<Ears>,
    pub windows: Arc<OpenRequests>,
    pub registry: Arc<Registry>,
    pub service: Arc<Service>,
    pub outbound: Arc<Outbound>,
    pub observer: Arc<Observer>,
    pub platform: Arc<FakePlatform>,
    pub inbound: Arc<Inbound>,
    pub bells: Arc<Belfry>,
    pub before: Arc<Before>,
    _dir: tempfile::TempDir,
}

/// The accounts, with one of these settings.
async fn bound(
    store: &Arc<SqliteStore>,
    registry: &Arc<Registry>,
    time: &Arc<dyn Clock>,
    settings: AccountSettings,
) -> Arc<Service> {
    let ring = Secret::new("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=");
    let vault = Vault::from_text(Path::new("ring"), &ring, SystemChance::default()).expect("a key ring");
    let service = Service::load(store.clone(), Arc::new(vault), registry.clone(), time.clone());
    let service = Arc::new(service.await.expect("accounts"));
    service.apply(vec![settings], false).await.expect("applied");
    service
}

fn keeper(platform: &Arc<FakePlatform>, clock: &Arc<dyn Clock>, observer: &Arc<Observer>) -> Arc<Keeper> {
    Keeper::new(tokens::Parts {
        platform: platform.clone(),
        hosts: tokens::Hosts {
            weixin_api: "http://weixin".into(),
            wecom_api: "http://wecom".into(),
        },
        clock: clock.clone(),
        observer: observer.clone(),
        keep: None,
        grants: None,
    })
}

impl House {
    pub async fn new(settings: AccountSettings, cores: Vec<Core>) -> Arc<Self> {
        let clock = ManualClock::at(NOW);
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let chance = Arc::new(SystemChance::default());
        let dir = tempfile::tempdir().expect("a folder");
        let windows = OpenRequests::new(time.clone(), chance.clone());
        let ears = Arc::new(Ears {
            windows: windows.clone(),
            heard: Mutex::default(),
            gate: tokio::sync::Mutex::default(),
        });
        let store = SqliteStore::open(Options {
            dir: dir.path().to_owned(),
            trace: None,
            reserve: 0,
            clock: time.clone(),
            chance: chance.clone(),
            listener: ears.clone(),
        })
        .expect("a store");
        let registry = Arc::new(Registry::default());
        let service = bound(&store, &registry, &time, settings).await;
        let observer = Arc::new(Observer::with_clock(time.clone()));
        let platform = Arc::new(FakePlatform::default());
        let keeper = keeper(&platform, &time, &observer);
        let cores = Arc::new(Cores(cores.into()));
        let outbound = Outbound::new(outbound::Parts {
            library: Library::new(dir.path(), store.clone(), time.clone(), chance.clone()),
            store: store.clone(),
            registry: registry.clone(),
            windows: windows.clone(),
            cores: cores.as_ref().clone(),
            clock: time.clone(),
            observer: observer.clone(),
            keeper: keeper.clone(),
            fetch: Arc::new(NoFetch),
            links: None,
            rules: Default::default(),
            lanes: outbound::Handle::default(),
        });
        let (bells, before) = (Arc::new(Belfry::default()), Arc::new(Before::default()));
        let inbound = Inbound::new(Parts {
            store: store.clone(),
            registry: registry.clone(),
            service: service.clone(),
            cores,
            windows: windows.clone(),
            bells: bells.clone(),
            authorizers: Arc::new(Nobody),
            outbound: outbound.clone(),
            keeper,
            old_urls: before.clone(),
            observer: observer.clone(),
            clock: time,
            chance,
            session_idle: 48 * 3_600_000,
            trusted_proxies: vec![std::net::IpAddr::from([127, 0, 0, 1]).into()],
        });
        Arc::new(Self {
            clock,
            store,
            ears,
            windows,
            registry,
            service,
            outbound,
            observer,
            platform,
            inbound,
            bells,
            before,
            _dir: dir,
        })
    }

    pub fn opened(&self) -> Arc<Opened> {
        self.registry.get("shop").expect("bound")
    }

    pub fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// One push, to its answer.
    pub async fn post(&self, push: &Push) -> Reply {
        let call = match self.inbound.call("shop", self.inbound.now(), None) {
            Ok(call) => call,
            Err(reply) => return reply,
        };
        let post = Post {
            query: &push.query,
            body: push.body.as_bytes(),
            content_type: "text/xml",
            traceparent: None,
            handed_on: false,
            unsigned: push.query.is_empty(),
        };
        call.post(post).await
    }

    /// One push whose answer is waited for beside the test.
    pub fn send(self: &Arc<Self>, push: Push) -> tokio::task::JoinHandle<Reply> {
        let house = self.clone();
        tokio::spawn(async move { house.post(&push).await })
    }

    pub fn heard(&self) -> Vec<Arc<Stored>> {
        self.ears.heard.lock().expect("no panic under the lock").clone()
    }

    /// The event that the core has heard last, when there are `count` of them.
    pub async fn event(&self, count: usize) -> Arc<Stored> {
        until("the core hears", || self.heard().len() >= count).await;
        self.heard()[count - 1].clone()
    }

    /// What delivery does when the core answers: commit, hand over, close.
    pub async fn core_says(&self, stored: &Arc<Stored>, texts: &[&str]) -> Vec<Arc<Message>> {
        let request = |text: &&str| {
            Ok(v1::SendRequest {
                what: Some(v1::send_request::What::Text((*text).to_owned())),
                ..Default::default()
            })
        };
        let prepared = self.outbound.prepare(stored, texts.iter().map(request).collect()).await;
        let take = Take {
            conversation: stored.conversation,
            row: stored.row,
            seq: stored.event.seq,
            before: Vec::new(),
            replies: prepared.messages(),
            hurries: false,
        };
        let took = self.store.take(take).await.expect("taken");
        prepared.committed(&took);
        self.windows.close(&stored.event.id);
        self.store.recent_messages(None, 10).await.expect("messages")
    }
}

/// Waits for a condition, with a limit.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {what}");
}

/// A signed push.
#[derive(Clone, Debug)]
pub struct Push {
    pub query: String,
    pub body: String,
}

pub fn text(id: u64, said: &str) -> String {
    format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1752000499</CreateTime>\
         <MsgType>text</MsgType><Content>{said}</Content><MsgId>{id}</MsgId></xml>"
    )
}

/// Sealed as the platform does it, stamped `at`.
pub fn sealed_with(key: &str, message: &str, nonce: &str, at: Millis) -> Push {
    let encrypt = cipher::seal(&cipher::key(key).expect("a key"), [b'x'; 16], message.as_bytes(), APP);
    let timestamp = (at / 1000).to_string();
    let signed = signature::of_message(TOKEN, &timestamp, nonce, &encrypt);
    Push {
        query: format!(
            "signature=00&timestamp={timestamp}&nonce={nonce}&encrypt_type=aes&msg_signature={}",
            signature::text(&signed)
        ),
        body: format!("<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"),
    }
}

pub fn sealed(message: &str, nonce: &str) -> Push {
    sealed_with(KEY, message, nonce, NOW)
}

/// Plain mode.
pub fn plain(message: &str, nonce: &str) -> Push {
    let timestamp = (NOW / 1000).to_string();
    let signed = signature::of_query(TOKEN, &timestamp, nonce);
    Push {
        query: format!(
            "signature={}&timestamp={timestamp}&nonce={nonce}",
            signature::text(&signed)
        ),
        body: message.to_owned(),
    }
}

/// What a passive answer says, its seal checked: `(nonce, plain XML)`.
pub fn opened(reply: &Reply) -> (String, String) {
    let Body::Passive(bytes) = &reply.body else {
        panic!("no passive answer: {reply:?}");
    };
    opened_xml(bytes)
}

pub fn opened_xml(bytes: &[u8]) -> (String, String) {
    let answer = crate::envelope::parse(bytes).expect("XML");
    let (encrypt, nonce) = (answer.value("Encrypt"), answer.value("Nonce").to_owned());
    let signed = signature::of_message(TOKEN, answer.value("TimeStamp"), &nonce, encrypt);
    assert_eq!(answer.value("MsgSignature"), signature::text(&signed));
    let sealed = cipher::decode(encrypt).expect("base64");
    let inside = cipher::open(&cipher::key(KEY).expect("a key"), sealed).expect("sealed with the same key");
    assert_eq!(inside.id, APP.as_bytes());
    (nonce, String::from_utf8(inside.message).expect("UTF-8"))
}
