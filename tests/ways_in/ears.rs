//! How does a core of each kind listen, so that what it heard can be compared?

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tonic::Code;
use wxbridge::schema::v1;

use crate::support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    grpc::{self, GrpcCore},
    until,
};

#[derive(Clone, Copy, Debug)]
pub enum Way {
    Http,
    Grpc,
    Pull,
}

pub const WAYS: [Way; 3] = [Way::Http, Way::Grpc, Way::Pull];

/// Nobody waits long for a core that is away.
pub const HOLD: &str = "reply_budget = \"2s\"";

/// … and nobody at all for one that sets everything aside.
const NOBODY_WAITS: &str = "reply_budget = \"0s\"";

/// Why a core sets an event aside.
pub const WHY: &str = "spoilt";

/// Texts that the core is not ready for when it hears them first.
type Unready = Arc<Mutex<HashSet<String>>>;

/// A core of one of the kinds; it answers each text with the same and an exclamation mark.
pub struct Ear {
    kind: Kind,
    unready: Unready,
    spoilt: Unready,
    hold: &'static str,
}

enum Kind {
    Http(Core),
    Grpc(GrpcCore),
    Pull(Puller),
}

/// A core that pulls.
pub struct Puller {
    unready: Unready,
    heard: Arc<Mutex<Vec<Value>>>,
    pulls: Option<JoinHandle<()>>,
}

impl Ear {
    pub async fn open(way: Way) -> Self {
        let unready = Unready::default();
        let later = unready.clone();
        let is_unready = move |text: &str| later.lock().unwrap().remove(text);
        let spoilt = Unready::default();
        let aside = spoilt.clone();
        let is_spoilt = move |text: &str| aside.lock().unwrap().contains(text);
        let kind = match way {
            Way::Http => Kind::Http(
                Core::start(move |heard| match heard.text() {
                    text if is_unready(text) => Said {
                        come_again_in: Some(1),
                        ..Said::status(503)
                    },
                    text if is_spoilt(text) => Said {
                        body: json!({ "results": [{ "conversationKey": heard.key, "outcome": "PARK", "reason": WHY }] }),
                        ..Said::taken()
                    },
                    "" => Said::taken(),
                    text => Said::reply(&format!("{text}!")),
                })
                .await,
            ),
            Way::Grpc => Kind::Grpc(GrpcCore::start(move |heard| match heard.text() {
                text if is_unready(text) => grpc::Said::code(Code::Unavailable),
                text if is_spoilt(text) => grpc::Said::Taken(parked(heard.key())),
                "" => grpc::Said::taken(),
                text => grpc::Said::reply(&format!("{text}!")),
            })),
            Way::Pull => Kind::Pull(Puller {
                unready: unready.clone(),
                heard: Arc::default(),
                pulls: None,
            }),
        };
        Self {
            kind,
            unready,
            spoilt,
            hold: HOLD,
        }
    }

    /// A core over HTTP that refuses each event until it is set aside, and fails at the Gap.
    pub async fn refusing() -> Self {
        let core = Core::start(|heard| match heard.kind.as_str() {
            "wxbridge.gap.v1" => Said::status(500),
            _ => Said::status(400),
        });
        Self::of(Kind::Http(core.await))
    }

    /// A core over gRPC that sets each event aside at once, and fails at the Gap.
    pub fn parking() -> Self {
        Self::of(Kind::Grpc(GrpcCore::start(|heard| match heard.event.body {
            Some(v1::event::Body::Gap(_)) => grpc::Said::code(Code::Internal),
            _ => grpc::Said::Taken(parked(heard.key())),
        })))
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            unready: Unready::default(),
            spoilt: Unready::default(),
            hold: NOBODY_WAITS,
        }
    }

    /// The core asks for a little time when it hears this text; a core that pulls takes nothing of that page.
    pub fn is_slow_once(&self, text: &str) {
        self.unready.lock().unwrap().insert(text.to_owned());
    }

    /// The core sets this text aside when it hears it: PARK, for which a core that pulls has no word.
    pub fn sets_aside(&self, text: &str) {
        self.spoilt.lock().unwrap().insert(text.to_owned());
    }

    pub fn setup(&self) -> Setup {
        let hold = self.hold;
        match &self.kind {
            Kind::Http(core) => Setup::to_core(core, hold),
            Kind::Grpc(core) => Setup::new().and_core("main", &core.url(), &format!("kind = \"grpc\"\n{hold}")),
            Kind::Pull(_) => {
                let mut setup = Setup::new();
                setup.more = format!("[[core]]\nname = \"main\"\nkind = \"feed\"\n{hold}\n");
                setup
            }
        }
    }

    /// It is there, and listens to this bridge.
    pub async fn comes(&mut self, bridge: &Bridge) {
        match &mut self.kind {
            Kind::Http(core) if !core.is_there() => core.comes_back(),
            Kind::Grpc(core) if !core.is_there() => core.comes_back().await,
            Kind::Http(_) | Kind::Grpc(_) => {}
            Kind::Pull(puller) => puller.begins(bridge),
        }
    }

    pub async fn goes(&mut self) {
        match &mut self.kind {
            Kind::Http(core) => core.goes().await,
            Kind::Grpc(core) => core.goes(),
            Kind::Pull(puller) => puller.ends(),
        }
    }

    /// Every attempt, as it came.
    pub fn attempts(&self) -> Vec<Value> {
        match &self.kind {
            Kind::Http(core) => core.heard().into_iter().map(|heard| heard.event).collect(),
            Kind::Grpc(core) => {
                let heard = core.heard().into_iter();
                heard.map(|heard| serde_json::to_value(&heard.event).unwrap()).collect()
            }
            Kind::Pull(puller) => puller.heard.lock().unwrap().clone(),
        }
    }

    /// Every event it heard, once, without what belongs to an attempt alone.
    pub fn heard(&self) -> Vec<Value> {
        self.once(false)
    }

    /// Those that were handed over again by an operator's order.
    pub fn replayed(&self) -> Vec<Value> {
        self.once(true)
    }

    fn once(&self, replayed: bool) -> Vec<Value> {
        let mut ids = HashSet::new();
        let attempts = self.attempts().into_iter();
        let mut once: Vec<Value> = attempts
            .filter(|event| event["offer"]["replayId"].is_string() == replayed)
            .filter(|event| ids.insert(event["id"].to_string()))
            .collect();
        for event in &mut once {
            event.as_object_mut().unwrap().remove("offer");
        }
        once
    }

    pub async fn hears(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} events"), async || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }
}

impl Puller {
    fn begins(&mut self, bridge: &Bridge) {
        let caller = Caller {
            http: bridge.http.clone(),
            token: bridge.operator_token(),
            urls: ["/v1/events", "/v1/messages", "/v1/events/ack"].map(|path| bridge.internal(path)),
        };
        let (heard, unready) = (self.heard.clone(), self.unready.clone());
        self.pulls = Some(tokio::spawn(async move {
            let mut after = String::new();
            while let Some(page) = caller.page(&after).await {
                let told = page["events"].as_array().cloned().unwrap_or_default();
                heard.lock().unwrap().extend(told.iter().cloned());
                let is_unready = |event: &Value| unready.lock().unwrap().remove(text(event));
                if told.iter().any(is_unready) {
                    continue;
                }
                for event in told.iter().filter(|event| !text(event).is_empty()) {
                    caller.reply(event).await;
                }
                page["next"].as_str().unwrap_or_default().clone_into(&mut after);
                if !told.is_empty() {
                    caller.post(2, &json!({ "core": "main", "cursor": after })).await;
                }
            }
        }));
    }

    fn ends(&mut self) {
        if let Some(pulls) = self.pulls.take() {
            pulls.abort();
        }
    }
}

impl Drop for Puller {
    fn drop(&mut self) {
        self.ends();
    }
}

/// As [`Ear::sets_aside`], over gRPC.
fn parked(key: &str) -> v1::DeliverResponse {
    v1::DeliverResponse {
        results: vec![v1::Ack {
            conversation_key: key.to_owned(),
            outcome: v1::ack::Outcome::Park as i32,
            reason: WHY.to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn text(event: &Value) -> &str {
    event["message"]["summary"].as_str().unwrap_or_default()
}

/// Who calls the bridge for a core that pulls.
struct Caller {
    http: reqwest::Client,
    token: String,
    urls: [String; 3],
}

impl Caller {
    /// `None`: the bridge is gone.
    async fn page(&self, after: &str) -> Option<Value> {
        let url = format!("{}?core=main&wait=5s&after={after}", self.urls[0]);
        let asked = self.http.get(url).bearer_auth(&self.token).send().await.ok()?;
        Some(asked.json().await.unwrap())
    }

    async fn post(&self, which: usize, body: &Value) {
        let request = self.http.post(&self.urls[which]).bearer_auth(&self.token).json(body);
        request.send().await.unwrap();
    }

    async fn reply(&self, event: &Value) {
        if event["offer"]["replayId"].is_null() {
            let reply = json!({
                "conversationKey": event["conversation"]["key"], "text": format!("{}!", text(event)), "inReplyTo": event["id"],
            });
            self.post(1, &reply).await;
        }
    }
}
