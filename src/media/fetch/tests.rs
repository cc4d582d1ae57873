//! Does every file come, whatever its sender does, and does no message wait for one? Over the real store and real sockets.

mod coming;

use std::sync::atomic::AtomicUsize;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::*;
use crate::{
    accounts::{Condition, Opened},
    channels::{self, contract::Dedupe},
    egress::{self, Egress},
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        store::{Accepted, Arrival, ConversationId, Listener},
    },
    schema::v1::{self, event::Body, media::State, part::Content},
    secret::Secret,
    settings::AccountSettings,
    store::sqlite::{Options, SqliteStore},
    tokens,
};

const NOW: Millis = 1_800_000_000_000;
const HOUR: u64 = 3_600;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nand the rest";

/// What the other side does with one request.
enum Does {
    Says(Vec<u8>),
    /// Says this, and then nothing more.
    Hangs(Vec<u8>),
    /// Says this, and goes on for ever.
    Endless(Vec<u8>),
}

fn says(head: &str, body: &[u8]) -> Does {
    let head = format!(
        "HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    Does::Says([head.as_bytes(), body].concat())
}

fn file(body: &[u8]) -> Does {
    says(
        "200 OK\r\ncontent-type: image/png\r\ncontent-disposition: attachment; filename=\"a.png\"",
        body,
    )
}

fn json(body: &str) -> Does {
    says("200 OK\r\ncontent-type: text/plain", body.as_bytes())
}

/// The platform, and whoever else is asked: `behaviour` sees the path and how often that path was asked for before.
struct Peer {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    async fn start(behaviour: impl Fn(&str, usize) -> Does + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (behaviour, log) = (Arc::new(behaviour), asked.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, behaviour.clone(), log.clone()));
            }
        });
        Self { base, asked }
    }

    fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().expect("no panic under the lock");
        asked.iter().filter(|it| it.starts_with(path)).count()
    }
}

async fn answer(
    mut socket: TcpStream,
    behaviour: Arc<impl Fn(&str, usize) -> Does + Send + Sync>,
    log: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match socket.read(&mut part).await {
            Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let before = {
        let mut log = log.lock().expect("no panic under the lock");
        log.push(path.clone());
        log.iter().filter(|it| **it == path).count() - 1
    };
    let does = match path.contains("/stable_token") {
        true => json(&format!("{{\"access_token\":\"T{before}\",\"expires_in\":7200}}")),
        false => behaviour(&path, before),
    };
    let (said, then) = match does {
        Does::Says(said) => (said, None),
        Does::Hangs(said) => (said, Some(false)),
        Does::Endless(said) => (said, Some(true)),
    };
    let _ = socket.write_all(&said).await;
    match then {
        None => {}
        Some(false) => std::future::pending().await,
        Some(true) => {
            let block = [b"10000\r\n".as_slice(), &vec![7; 0x10000], b"\r\n"].concat();
            while socket.write_all(&block).await.is_ok() {}
        }
    }
}

struct Ears {
    bell: Bell,
    deaf: AtomicBool,
}

impl Listener for Ears {
    fn event(&self, event: &Arc<Stored>) {
        if !self.deaf.load(Ordering::SeqCst) {
            self.bell.event(event);
        }
    }
    fn message(&self, _: ConversationId) {}
}

struct Rig {
    dir: tempfile::TempDir,
    clock: ManualClock,
    store: Arc<SqliteStore>,
    ears: Arc<Ears>,
    inbox: Mutex<Option<Inbox>>,
    library: Arc<Library>,
    parts: Box<dyn Fn() -> Parts + Send + Sync>,
    sent: AtomicUsize,
}

fn account(id: &str, base: &str) -> Arc<Opened> {
    let settings = AccountSettings {
        id: id.into(),
        channel: "official_account".into(),
        app_id: format!("wx{id}"),
        app_secret: Secret::new("0123456789abcdef0123456789abcdef"),
        token: Secret::new("token"),
        encoding_aes_key: Secret::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"),
        api_base: base.into(),
        ..AccountSettings::default()
    };
    let channel = channels::named("official_account").expect("registered");
    let account = channel.open(&settings).unwrap_or_else(|faults| panic!("{faults:?}"));
    Arc::new(Opened {
        describe: Arc::new(account.describe().clone()),
        account,
        settings,
        condition: Mutex::new(Condition::default()),
    })
}

impl Rig {
    fn new(peer: &Peer) -> Self {
        let clock = ManualClock::at(NOW);
        let time: Arc<dyn Clock> = Arc::new(clock.clone());
        let chance = Arc::new(SystemChance::default());
        let dir = tempfile::tempdir().expect("a folder");
        let (bell, inbox) = channel();
        let ears = Arc::new(Ears {
            bell,
            deaf: AtomicBool::new(false),
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
        let library = Library::new(dir.path(), store.clone(), time.clone(), chance);
        let limits = egress::Limits {
            call: Duration::from_secs(2),
            ..egress::Limits::default()
        };
        let egress = Egress::new(Vec::new(), limits).expect("a client");
        egress.trust([peer.base.as_str()]);
        let observer = Arc::new(Observer::with_clock(time.clone()));
        let keeper = Keeper::new(tokens::Parts {
            platform: egress.clone(),
            hosts: tokens::Hosts {
                weixin_api: String::new(),
                wecom_api: String::new(),
            },
            clock: time.clone(),
            observer: observer.clone(),
            keep: None,
            grants: None,
        });
        let registry = Arc::<Registry>::default();
        registry.replace([account("shop", &peer.base), account("other", &peer.base)]);
        let (kept, shelf) = (store.clone(), library.clone());
        let parts = Box::new(move || Parts {
            store: kept.clone(),
            registry: registry.clone(),
            keeper: keeper.clone(),
            fetch: egress.clone(),
            library: shelf.clone(),
            cores: Cores::default(),
            observer: observer.clone(),
            clock: time.clone(),
            rules: Rules::default(),
            caps: Caps {
                head: Duration::from_secs(2),
                idle: Duration::from_millis(300),
                open: 400,
                ..Caps::default()
            },
        });
        Self {
            dir,
            clock,
            store,
            ears,
            inbox: Mutex::new(Some(inbox)),
            library,
            parts,
            sent: AtomicUsize::new(0),
        }
    }

    /// The fetcher, running until it is aborted; `deaf`: as after a restart, nothing rings.
    async fn run(&self) -> JoinHandle<()> {
        let inbox = self.inbox.lock().expect("no panic under the lock").take();
        let inbox = inbox.unwrap_or_else(|| channel().1);
        let fetcher = Fetcher::new((self.parts)(), inbox).await.expect("the store answers");
        tokio::spawn(fetcher.run())
    }

    /// A message with this content becomes durable.
    async fn said(&self, to: &str, content: Content, thumb: &str) -> Arc<Stored> {
        let number = self.sent.fetch_add(1, Ordering::SeqCst);
        let mut part = v1::Part {
            content: Some(content),
            ..Default::default()
        };
        if !thumb.is_empty() {
            part.ext_json
                .insert("official_account.thumb_media_id".into(), format!("\"{thumb}\""));
        }
        let mut body = Body::Message(v1::Message {
            platform_message_id: format!("m{number}"),
            parts: vec![part],
            ..Default::default()
        });
        inbound::label(&mut body, "official_account", &SystemChance::default());
        let conversation = v1::Conversation {
            key: format!("official_account:wx{to}:u:o1"),
            account: Some(account(to, "http://x").account.describe().clone()),
            ..Default::default()
        };
        let arrival = Arrival {
            dedupe: Some(Dedupe {
                text: format!("d{number}"),
                order: number as u64,
                rest: String::new(),
            }),
            ..Arrival::of_ours(conversation, None, body)
        };
        match self.store.accept(arrival.into()).await.expect("durable") {
            Accepted::New(stored) => stored,
            other => panic!("{other:?}"),
        }
    }

    async fn image(&self, to: &str, media_id: &str, url: &str) -> Arc<Stored> {
        self.said(to, Content::Image(pending(media_id, url)), "").await
    }

    /// What was told of files so far.
    async fn told(&self) -> Vec<v1::Signal> {
        let query = EventQuery {
            limit: 10_000,
            ..EventQuery::default()
        };
        let events = self.store.events(query).await.expect("readable");
        let signals = events.iter().filter_map(|stored| match &stored.event.body {
            Some(Body::Signal(signal)) => Some(signal.clone()),
            _ => None,
        });
        signals.collect()
    }

    /// The first `count` things told.
    async fn tells(&self, count: usize) -> Vec<v1::Signal> {
        for _ in 0..3_000 {
            let told = self.told().await;
            if told.len() >= count {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not {count} told: {:?}", self.told().await);
    }

    async fn jobs(&self) -> usize {
        self.store.records(JOBS).await.expect("readable").len()
    }

    /// Waits until the peer was asked this often for this.
    async fn until_asked(&self, peer: &Peer, path: &str, count: usize) {
        for _ in 0..3_000 {
            if peer.asked(path) >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{path} was asked for {} times, not {count}", peer.asked(path));
    }

    /// Time passes step by step, as it does, until this much was told.
    async fn until_told(&self, count: usize, step: u64) -> Vec<v1::Signal> {
        for _ in 0..3_000 {
            let told = self.told().await;
            if told.len() >= count {
                return told;
            }
            self.clock.advance(Duration::from_secs(step));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not {count} told: {:?}", self.told().await);
    }
}

fn pending(media_id: &str, url: &str) -> v1::Media {
    v1::Media {
        platform_media_id: media_id.into(),
        url: url.into(),
        state: State::Pending as i32,
        ..Default::default()
    }
}

/// The handle that the message gave its file.
fn handle(stored: &Stored) -> String {
    inbound::wanted(&stored.event).first().expect("a file").0.clone()
}

fn state(signal: &v1::Signal) -> State {
    signal.media.as_ref().expect("media").state()
}

const GET: &str = "/cgi-bin/media/get";
