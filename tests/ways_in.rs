//! Does a core hear the same, whichever way it chose? One story through HTTP push, gRPC push and pull.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    grpc::{self, GrpcCore},
    peer::{Shop, element, msg_id},
    until,
};

#[derive(Clone, Copy, Debug)]
enum Way {
    Http,
    Grpc,
    Pull,
}

const WAYS: [Way; 3] = [Way::Http, Way::Grpc, Way::Pull];

/// Nobody waits long for a core that is away.
const HOLD: &str = "reply_budget = \"2s\"";

/// A core of one of the kinds; it answers each text with the same and an exclamation mark.
enum Ear {
    Http(Core),
    Grpc(GrpcCore),
    Pull(Puller),
}

/// A core that pulls.
#[derive(Default)]
struct Puller {
    heard: Arc<Mutex<Vec<Value>>>,
    pulls: Option<JoinHandle<()>>,
}

impl Ear {
    async fn open(way: Way) -> Self {
        match way {
            Way::Http => Self::Http(
                Core::start(|heard| match heard.text() {
                    "" => Said::taken(),
                    text => Said::reply(&format!("{text}!")),
                })
                .await,
            ),
            Way::Grpc => Self::Grpc(GrpcCore::start(|heard| match heard.text() {
                "" => grpc::Said::taken(),
                text => grpc::Said::reply(&format!("{text}!")),
            })),
            Way::Pull => Self::Pull(Puller::default()),
        }
    }

    fn setup(&self) -> Setup {
        match self {
            Self::Http(core) => Setup::to_core(core, HOLD),
            Self::Grpc(core) => Setup::new().and_core("main", &core.url(), &format!("kind = \"grpc\"\n{HOLD}")),
            Self::Pull(_) => {
                let mut setup = Setup::new();
                setup.more = format!("[[core]]\nname = \"main\"\nkind = \"feed\"\n{HOLD}\n");
                setup
            }
        }
    }

    /// It is there, and listens to this bridge.
    async fn comes(&mut self, bridge: &Bridge) {
        match self {
            Self::Http(core) if !core.is_there() => core.comes_back(),
            Self::Grpc(core) if !core.is_there() => core.comes_back().await,
            Self::Http(_) | Self::Grpc(_) => {}
            Self::Pull(puller) => puller.begins(bridge),
        }
    }

    async fn goes(&mut self) {
        match self {
            Self::Http(core) => core.goes().await,
            Self::Grpc(core) => core.goes(),
            Self::Pull(puller) => puller.ends(),
        }
    }

    /// Every event it heard, once, without what belongs to an attempt alone.
    fn heard(&self) -> Vec<Value> {
        let events: Vec<Value> = match self {
            Self::Http(core) => core.heard().into_iter().map(|heard| heard.event).collect(),
            Self::Grpc(core) => {
                let heard = core.heard().into_iter();
                heard.map(|heard| serde_json::to_value(&heard.event).unwrap()).collect()
            }
            Self::Pull(puller) => puller.heard.lock().unwrap().clone(),
        };
        let mut ids = HashSet::new();
        let mut once: Vec<Value> = events
            .into_iter()
            .filter(|event| ids.insert(event["id"].to_string()))
            .collect();
        for event in &mut once {
            event.as_object_mut().unwrap().remove("offer");
        }
        once
    }

    async fn hears(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} events"), async || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }
}

impl Puller {
    fn begins(&mut self, bridge: &Bridge) {
        let (http, token, heard) = (bridge.http.clone(), bridge.operator_token(), self.heard.clone());
        let urls = ["/v1/events", "/v1/messages", "/v1/events/ack"].map(|path| bridge.internal(path));
        self.pulls = Some(tokio::spawn(async move {
            let [events, messages, acks] = urls;
            let mut after = String::new();
            loop {
                let url = format!("{events}?core=main&wait=5s&after={after}");
                let asked = http.get(url).bearer_auth(&token).send().await;
                let Ok(page) = asked else { return };
                let page: Value = page.json().await.unwrap();
                let told = page["events"].as_array().cloned().unwrap_or_default();
                for event in &told {
                    heard.lock().unwrap().push(event.clone());
                    let text = event["message"]["summary"].as_str().unwrap_or_default();
                    if !text.is_empty() {
                        let reply = json!({
                            "conversationKey": event["conversation"]["key"], "text": format!("{text}!"), "inReplyTo": event["id"],
                        });
                        http.post(&messages)
                            .bearer_auth(&token)
                            .json(&reply)
                            .send()
                            .await
                            .unwrap();
                    }
                }
                page["next"].as_str().unwrap_or_default().clone_into(&mut after);
                if !told.is_empty() {
                    let ack = json!({ "core": "main", "cursor": after });
                    http.post(&acks).bearer_auth(&token).json(&ack).send().await.unwrap();
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

/// What customers said, in order, by conversation.
fn told(heard: &[Value]) -> BTreeMap<String, Vec<(u64, String)>> {
    let mut told = BTreeMap::<String, Vec<_>>::new();
    for event in heard {
        let key = event["conversation"]["key"].as_str().unwrap().to_owned();
        let text = event["message"]["summary"].as_str().unwrap_or_default().to_owned();
        told.entry(key)
            .or_default()
            .push((event["seq"].as_u64().unwrap(), text));
    }
    told
}

/// A reply in the open request, a platform's retry, a core that goes, a restart, and all that waited.
async fn story(way: Way) -> (BTreeMap<String, Vec<(u64, String)>>, String) {
    let mut ear = Ear::open(way).await;
    let mut bridge = Bridge::start(ear.setup()).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    ear.comes(&bridge).await;

    let first = shop.sealed(&shop.text("o1", msg_id(), "1"));
    let (status, body) = bridge.pushed(&shop, &first).await;
    assert_eq!(status, 200, "{way:?}");
    let shown = shop
        .open_reply(&body)
        .unwrap_or_else(|error| panic!("{way:?}: {error}"));
    let again = bridge.pushed(&shop, &first).await.1;
    let again = shop
        .open_reply(&again)
        .unwrap_or_else(|error| panic!("{way:?}: {error}"));
    assert_eq!(element(&again, "Content"), element(&shown, "Content"), "{way:?}");

    ear.goes().await;
    for (who, text) in [("o1", "2"), ("o2", "3"), ("o1", "4")] {
        assert_eq!(bridge.text(&shop, who, text).await.0, 200, "{way:?}");
    }
    bridge.restart().await;
    assert_eq!(bridge.text(&shop, "o2", "5").await.0, 200, "{way:?}");
    ear.comes(&bridge).await;
    let heard = ear.hears(5).await;
    assert_eq!(heard.len(), 5, "{way:?}: {heard:?}");
    (told(&heard), element(&shown, "Content").unwrap())
}

#[tokio::test]
async fn one_story_is_the_same_by_every_way() {
    let shop = Shop::new("shop");
    let said = |pairs: &[(u64, &str)]| pairs.iter().map(|(seq, text)| (*seq, (*text).to_owned())).collect();
    let wanted = BTreeMap::from([
        (shop.conversation("o1"), said(&[(1, "1"), (2, "2"), (3, "4")])),
        (shop.conversation("o2"), said(&[(1, "3"), (2, "5")])),
    ]);
    for way in WAYS {
        assert_eq!(story(way).await, (wanted.clone(), "1!".to_owned()), "{way:?}");
    }
}

/// A folder and what is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), &target).unwrap()),
        }
    }
}

/// What waits in a store that was stopped: texts of several, a click, a picture, and something that nobody knows.
async fn backlog() -> Bridge {
    let setup = Setup::new().and_core("main", "http://127.0.0.1:9", "reply_budget = \"0s\"\nraw = \"inline\"");
    let mut bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    for round in 0..4 {
        for who in ["o1", "o2", "o3"] {
            bridge.text(&shop, who, &format!("{who} <&> 😀 {round}")).await;
        }
    }
    let more = [
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[HELP]]></EventKey>"
            .to_owned(),
        "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[teleport]]></Event><Where>9007199254740993</Where>"
            .to_owned(),
        format!("<MsgType><![CDATA[hologram]]></MsgType><MsgId>{}</MsgId>", msg_id()),
        format!(
            "<MsgType><![CDATA[location]]></MsgType><Location_X>23.134521</Location_X><Location_Y>113.358803</Location_Y>\
             <Scale>20</Scale><Label><![CDATA[x]]></Label><MsgId>{}</MsgId>",
            msg_id()
        ),
    ];
    for rest in more {
        let document = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName>\
             <CreateTime>{}</CreateTime>{rest}</xml>",
            shop.original_id,
            support::now()
        );
        assert_eq!(bridge.pushed(&shop, &shop.sealed(&document)).await.0, 200);
    }
    assert_eq!(bridge.stop().await, 0, "{}", bridge.log());
    bridge
}

#[tokio::test]
async fn one_store_gives_equal_events_by_every_way() {
    const EVENTS: usize = 16;
    let kept = backlog().await;
    let mut all: Vec<(Way, BTreeMap<String, Value>)> = Vec::new();
    for way in WAYS {
        let mut ear = Ear::open(way).await;
        let mut setup = ear.setup();
        setup.inline_raw();
        let mut bridge = Bridge::prepare(setup);
        copy(&kept.state(), &bridge.state());
        bridge.spawn();
        bridge.ready().await;
        ear.comes(&bridge).await;
        let heard = ear.hears(EVENTS).await;
        for (key, told) in told(&heard) {
            let seqs: Vec<u64> = told.iter().map(|(seq, _)| *seq).collect();
            let wanted: Vec<u64> = (1..).take(seqs.len()).collect();
            assert_eq!(seqs, wanted, "{way:?}: {key}");
        }
        let by_id = heard.into_iter().map(|event| (event["id"].to_string(), event));
        all.push((way, by_id.collect()));
    }
    let (_, first) = &all[0];
    for (way, events) in &all[1..] {
        assert_eq!(events.len(), EVENTS, "{way:?}");
        for (id, event) in events {
            assert_eq!(event.to_string(), first[id].to_string(), "{way:?}");
        }
    }
}
