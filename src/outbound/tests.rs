mod answers;
mod elsewhere;
mod failing_store;
mod files;
mod named;
mod open_requests;
mod otherwise;
mod pictures;
mod quotes;
mod sequence;
mod session_orders;
mod taken_back;
mod turns;
mod waiting;

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::{
    testing::{Does, FakePlatform, FakeWindows, MemoryStore, opened, opened_elsewhere, opened_slow, opened_with},
    *,
};
use crate::ports::fetch::{FetchFault, Fetched};
use crate::{
    cores::{Core, Kind},
    error::Code,
    media::Label,
    ports::{
        chance::SystemChance,
        clock::ManualClock,
        store::{NewMessage, Stored, Take, Took},
        turn::Replies as _,
    },
    schema::json::{Unknown, from_value},
    tokens,
};

const KEY: &str = "official_account:wx1:u:o1";
const START: Millis = 1_000_000;

struct House {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    platform: Arc<FakePlatform>,
    windows: Arc<FakeWindows>,
    web: Arc<FakeWeb>,
    opened: Arc<Opened>,
    outbound: Arc<Outbound>,
    stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

/// The web: what a test puts there, an address that never answers, and nothing else.
#[derive(Default)]
struct FakeWeb(Mutex<(Vec<&'static str>, usize)>);

impl FakeWeb {
    /// A picture at this address.
    fn has(&self, url: &'static str) {
        self.0.lock().expect("no panic under the lock").0.push(url);
    }

    /// How often something was asked for.
    fn asked(&self) -> usize {
        self.0.lock().expect("no panic under the lock").1
    }
}

#[async_trait::async_trait]
impl Fetch for FakeWeb {
    async fn fetch(&self, url: &str, _: usize, _: Duration) -> Result<Fetched, FetchFault> {
        let there = {
            let mut web = self.0.lock().expect("no panic under the lock");
            web.1 += 1;
            web.0.contains(&url)
        };
        if url.contains("slow") {
            std::future::pending::<()>().await;
        }
        if url.contains("down") {
            return Err(FetchFault::Unreachable("nobody answers".to_owned()));
        }
        there
            .then(|| Fetched {
                bytes: b"\x89PNG\r\n\x1a\n".to_vec(),
                content_type: "image/png".to_owned(),
                name: "1.png".to_owned(),
            })
            .ok_or(FetchFault::Refused(404))
    }
}

fn core() -> Core {
    Core::sample("main", Kind::Http)
}

/// The outbound side over fakes, its dispatcher not running yet.
fn asleep() -> House {
    asleep_with(
        Some(Arc::new(|handle| Some(format!("https://media/{}", handle.len())))),
        core(),
    )
}

fn asleep_with(links: Option<LinkMaker>, core: Core) -> House {
    asleep_as(opened(), links, core)
}

fn asleep_as(opened: Arc<Opened>, links: Option<LinkMaker>, core: Core) -> House {
    let clock = ManualClock::at(START);
    let time: Arc<dyn Clock> = Arc::new(clock.clone());
    let store = MemoryStore::new(time.clone());
    let platform = Arc::new(FakePlatform::default());
    let windows = Arc::new(FakeWindows::default());
    let web = Arc::<FakeWeb>::default();
    let observer = Arc::new(Observer::new());
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
    let registry = Arc::new(Registry::default());
    registry.replace([opened.clone()]);
    let dir = tempfile::tempdir().expect("a folder");
    let lanes = Handle::default();
    store.listen(lanes.clone());
    let outbound = Outbound::new(Parts {
        library: Library::new(
            dir.path(),
            store.clone(),
            time.clone(),
            Arc::new(SystemChance::default()),
        ),
        store: store.clone(),
        registry,
        windows: windows.clone(),
        cores: Cores(Arc::new([core])),
        clock: time,
        observer,
        keeper,
        fetch: web.clone(),
        links,
        rules: Rules::default(),
        lanes,
    });
    House {
        clock,
        store,
        platform,
        windows,
        web,
        opened,
        outbound,
        stop: watch::channel(false).0,
        _dir: dir,
    }
}

fn awake() -> House {
    let house = asleep();
    house.wake();
    house
}

impl House {
    fn wake(&self) {
        tokio::spawn(self.outbound.clone().run(self.stop.subscribe()));
    }

    async fn submit(&self, json: serde_json::Value) -> Result<v1::SendResult, crate::error::Fault> {
        self.outbound.submit(&Caller::default(), request(json), false).await
    }

    async fn say(&self, text: &str) -> v1::SendResult {
        self.submit(json!({"conversationKey": KEY, "text": text}))
            .await
            .expect("accepted")
    }

    /// A file of these bytes, to send.
    async fn kept(&self, bytes: &'static [u8]) -> v1::Media {
        let bytes = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
        let kept = self.outbound.parts.library.put(Label::default(), bytes).await;
        kept.expect("stored")
    }

    fn wrote(&self, count: u32) -> Arc<Stored> {
        self.store.customer_wrote(&self.opened.describe, KEY, count)
    }

    /// What a message has become.
    fn now_of(&self, result: &v1::SendResult) -> v1::SendResult {
        let all = self.store.all();
        all.into_iter()
            .find(|it| it.id == result.message_id)
            .expect("stored")
            .result
    }

    async fn becomes(&self, result: &v1::SendResult, status: Status) -> v1::SendResult {
        until(
            || self.now_of(result).status() == status,
            &format!("{status:?}, it is {:?}", self.now_of(result)),
        )
        .await;
        self.now_of(result)
    }

    /// A core's answer to an event, taken.
    async fn answer(&self, event: &Stored, replies: Vec<serde_json::Value>) -> Vec<NewMessage> {
        let replies = replies.into_iter().map(|json| Ok(request(json))).collect();
        let prepared = self.outbound.prepare(event, replies).await;
        let messages = prepared.messages();
        let take = Take {
            conversation: event.conversation,
            row: event.row,
            seq: 1,
            before: Vec::new(),
            replies: messages.clone(),
            hurries: false,
        };
        let took = self.store.take(take).await.expect("taken");
        prepared.committed(&took);
        messages
    }
}

fn request(json: serde_json::Value) -> v1::SendRequest {
    from_value(json, Unknown::Refuse).expect("a request")
}

fn code(result: &v1::SendResult) -> &str {
    result.error.as_ref().map_or("", |error| &error.code)
}

async fn until(mut holds: impl FnMut() -> bool, what: &str) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("did not come to hold: {what}");
}

fn says(code: i32) -> Does {
    Does::Says(json!({ "errcode": code }))
}

/// Takes `id` back, and says how that ended.
async fn recalled(house: &House, id: &str, expected: Status) -> v1::SendResult {
    let order = json!({"conversationKey": KEY, "recallMessageId": id});
    let result = house.submit(order).await.expect("accepted");
    house.becomes(&result, expected).await
}
