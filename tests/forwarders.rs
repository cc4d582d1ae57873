//! Do copies of the traffic reach other systems, protected as they should be? The real binary and a receiver that writes
//! down what it hears, and checks signatures and bodies by itself.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes, Data},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};
use reqwest::Method;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest, hmac,
};
use serde_json::{Value, json};
use support::{
    bridge::{Bridge, Setup},
    core::{Core, Said},
    peer::Shop,
    until,
};

const KEY: &str = "0123456789ab";
const OTHER_KEY: &str = "fedcba98769f";
const TYPES: [&str; 6] = ["conversation", "evaluation", "user", "userinfo", "msg", "summary"];

/// One batch as it came.
#[derive(Clone, Debug)]
struct Post {
    path: String,
    /// Time, code and signature; empty = not protected.
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Post {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn is_protected(&self) -> bool {
        assert!(matches!(self.headers.len(), 0 | 3), "{:?}", self.headers);
        !self.headers.is_empty()
    }

    fn signed_by_md5(&self, company: &str, key: &str) -> bool {
        let [time, code, sign] = &self.headers[..] else {
            return false;
        };
        let sum = Md5::digest(format!("{company}{time}{code}{key}"));
        *sign == sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    }

    fn signed_by_hmac(&self, key: &str) -> bool {
        let [time, code, sign] = &self.headers[..] else {
            return false;
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signed = [format!("{time}.{code}.").as_bytes(), &self.body].concat();
        let sum = hmac::sign(&key, &signed);
        *sign
            == sum
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
    }

    fn decrypted(&self, key: &str) -> Value {
        serde_json::from_slice(&opened(&self.body, key)).unwrap()
    }
}

/// What was in an encrypted body.
fn opened(body: &[u8], key: &str) -> Vec<u8> {
    let whole = STANDARD.decode(body).unwrap();
    let (nonce, rest) = whole.split_at(12);
    let key = digest::digest(&digest::SHA256, key.as_bytes());
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap());
    let mut rest = rest.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    key.open_in_place(nonce, Aad::empty(), &mut rest).unwrap().to_vec()
}

#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<Post>>,
    /// 0 = 200.
    status: AtomicU16,
}

/// A running receiver.
struct Receiver {
    address: SocketAddr,
    ears: Arc<Ears>,
}

async fn hear(request: HttpRequest, body: Bytes, ears: Data<Ears>) -> HttpResponse {
    let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    let names = ["X-Log-TimeStamp", "X-Log-RandomCode", "X-Log-Sign"];
    ears.heard.lock().unwrap().push(Post {
        path: request.uri().to_string(),
        headers: names.into_iter().filter_map(header).collect(),
        body: body.to_vec(),
    });
    match ears.status.load(Ordering::SeqCst) {
        0 => HttpResponse::Ok().finish(),
        status => HttpResponse::build(status.try_into().unwrap()).finish(),
    }
}

impl Receiver {
    fn start() -> Self {
        let ears = Arc::new(Ears::default());
        let data = Data::from(ears.clone());
        let app = move || {
            let large = web::PayloadConfig::new(16 << 20);
            App::new()
                .app_data(data.clone())
                .app_data(large)
                .default_service(web::post().to(hear))
        };
        let server = HttpServer::new(app).workers(1).shutdown_timeout(0).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        tokio::spawn(server.run());
        Self { address, ears }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn answers(&self, status: u16) {
        self.ears.status.store(status, Ordering::SeqCst);
    }

    fn heard(&self) -> Vec<Post> {
        self.ears.heard.lock().unwrap().clone()
    }

    fn forget(&self) {
        self.ears.heard.lock().unwrap().clear();
    }

    /// The plain batches of a type, in order.
    fn batches(&self, kind: &str) -> Vec<Value> {
        let all = self.heard().into_iter().map(|post| post.json());
        all.filter(|body| body["type"] == kind).collect()
    }

    fn records(&self, kind: &str) -> Vec<Value> {
        let all = self.batches(kind).into_iter();
        all.flat_map(|body| body["content"].as_array().cloned().unwrap())
            .collect()
    }

    /// A batch of each type, once there is one.
    async fn one_of_each(&self) -> BTreeMap<String, Post> {
        until("a batch of each of six types", async || {
            let heard = self.heard().into_iter();
            let by_type: BTreeMap<_, _> = heard
                .map(|post| (post.json()["type"].as_str().unwrap().to_owned(), post))
                .collect();
            (by_type.len() == TYPES.len()).then_some(by_type)
        })
        .await
    }
}

fn forwarder(name: &str, url: &str, types: &[&str], lines: &str) -> String {
    format!("[[forwarder]]\nname = \"{name}\"\nurl = \"{url}\"\ntypes = {types:?}\n{lines}\n")
}

fn setup(core: &Core, forwarders: &[String]) -> Setup {
    let mut setup = Setup::to_core(core, "");
    setup.more = forwarders.concat();
    setup
}

async fn house(forwarders: &[String]) -> (Bridge, Core, Shop) {
    let core = Core::start(|_| Said::reply("reply")).await;
    let bridge = Bridge::start(setup(&core, forwarders)).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    (bridge, core, shop)
}

/// Something of each type.
async fn traffic(bridge: &Bridge, shop: &Shop, openid: &str) {
    let (status, _) = bridge.text(shop, openid, "hello").await;
    assert_eq!(status, 200);
    for kind in ["evaluation", "summary"] {
        let record = json!({ "type": kind, "content": { "text": kind }, "conversationKey": shop.conversation(openid) });
        let (status, told) = bridge.post("/v1/records", &record).await;
        assert_eq!(status, 202, "{told}");
    }
}

async fn audit(bridge: &Bridge) -> Vec<Value> {
    let all = bridge.get("/admin/v1/audit").await["items"]
        .as_array()
        .cloned()
        .unwrap();
    let about = |act: &Value| act["what"].as_str().unwrap().starts_with("forwarder.");
    all.into_iter().filter(about).collect()
}

#[tokio::test]
async fn six_types_of_one_conversation_arrive_signed_by_the_body() {
    let receiver = Receiver::start();
    let lines = format!("key = \"{KEY}\"\ncompany_id = \"C-7\"");
    let all = forwarder("archive", &receiver.url("/in?x=1"), &TYPES, &lines);
    let (bridge, _core, shop) = house(&[all]).await;
    traffic(&bridge, &shop, "oAnna").await;
    let each = receiver.one_of_each().await;
    for (kind, post) in &each {
        assert!(post.signed_by_hmac(KEY), "{kind}: {post:?}");
        assert!(!post.signed_by_hmac(OTHER_KEY));
        assert_eq!(post.path, "/in?x=1");
        let body = post.json();
        assert_eq!(body["sys_code"], "C-7");
        for record in body["content"].as_array().unwrap() {
            assert_eq!(record["conversationKey"], shop.conversation("oAnna"), "{kind}");
            assert!(record["id"].is_string() && record["time"].is_string(), "{record}");
        }
    }
    let record = |kind: &str| each[kind].json()["content"][0].clone();
    assert_eq!(record("user")["message"]["summary"], "hello");
    assert_eq!(record("conversation")["begins"], true);
    assert_eq!(record("userinfo")["customer"]["nativeId"], "oAnna");
    assert_eq!(
        (&record("summary")["text"], &record("evaluation")["text"]),
        (&json!("summary"), &json!("evaluation"))
    );
    let chat = until("both sides of the chat", async || {
        let chat = receiver.records("msg");
        (chat.len() >= 2).then_some(chat)
    })
    .await;
    assert_eq!(
        (&chat[0]["direction"], &chat[1]["direction"]),
        (&json!("in"), &json!("out"))
    );
    assert_eq!(chat[1]["message"]["summary"], "reply");
    assert_eq!(chat[0]["source"], 1, "an official account");
    let sent = bridge
        .metric("wxbridge_forwarded_total{forwarder=\"archive\",result=\"sent\",type=\"summary\"}")
        .await;
    assert!((sent - 1.0).abs() < f64::EPSILON, "{sent}");
}

#[tokio::test]
async fn encrypted_bodies_open_with_the_key_and_are_signed_as_sent() {
    let receiver = Receiver::start();
    let lines = format!("key = \"{KEY}\"\nencrypt = true");
    let (bridge, _core, shop) = house(&[forwarder("a", &receiver.url("/"), &["user"], &lines)]).await;
    bridge.text(&shop, "oAnna", "您好").await;
    let post = until("a batch", async || receiver.heard().first().cloned()).await;
    assert!(post.signed_by_hmac(KEY));
    let body = post.decrypted(KEY);
    assert_eq!((&body["type"], &body["sys_code"]), (&json!("user"), &json!("")));
    assert_eq!(body["content"][0]["message"]["summary"], "您好");
}

/// One that was plain before: signed by md5, of all types.
fn legacy(receiver: &Receiver, path: &str, key: &str) -> String {
    let lines = format!("key = \"{key}\"\nmode = \"sobot-md5\"\ncompany_id = \"C-7\"\nlegacy_plain = true");
    forwarder("archive", &receiver.url(path), &TYPES, &lines)
}

/// The types that came protected, all of them by this key.
async fn protected(receiver: &Receiver, bridge: &Bridge, shop: &Shop, openid: &str, key: &str) -> BTreeSet<String> {
    receiver.forget();
    traffic(bridge, shop, openid).await;
    let each = receiver.one_of_each().await;
    for post in each.values().filter(|post| post.is_protected()) {
        assert!(post.signed_by_md5("C-7", key), "{post:?}");
    }
    each.into_iter()
        .filter(|(_, post)| post.is_protected())
        .map(|(kind, _)| kind)
        .collect()
}

#[tokio::test]
async fn what_was_plain_stays_so_until_its_key_changes() {
    let receiver = Receiver::start();
    let (mut bridge, core, shop) = house(&[legacy(&receiver, "/one", KEY)]).await;
    let formerly = BTreeSet::from(["user", "userinfo"].map(str::to_owned));
    let all = BTreeSet::from(TYPES.map(str::to_owned));
    assert_eq!(
        protected(&receiver, &bridge, &shop, "o1", KEY).await,
        formerly,
        "case 1"
    );

    bridge.configure(setup(&core, &[legacy(&receiver, "/two", KEY)]));
    bridge.restart().await;
    assert_eq!(
        protected(&receiver, &bridge, &shop, "o2", KEY).await,
        formerly,
        "case 2: another address"
    );
    assert!(receiver.heard().iter().all(|post| post.path == "/two"));

    bridge.configure(setup(&core, &[legacy(&receiver, "/two", OTHER_KEY)]));
    bridge.restart().await;
    assert_eq!(
        protected(&receiver, &bridge, &shop, "o3", OTHER_KEY).await,
        all,
        "case 3: another key"
    );

    let acts = audit(&bridge).await;
    let said: Vec<_> = acts.iter().map(|act| act["what"].as_str().unwrap()).collect();
    assert_eq!(said, ["forwarder.rotate", "forwarder.update", "forwarder.create"]);
    assert_eq!(
        (&acts[0]["before"]["key"], &acts[0]["after"]["key"]),
        (&json!("****ab"), &json!("****9f"))
    );
    assert_eq!(acts[0]["who"], "configuration");
    assert!(!bridge.log().contains(OTHER_KEY));
}

#[tokio::test]
async fn off_and_on_again_protects_everything_and_the_audit_says_who_did_it() {
    let receiver = Receiver::start();
    let (mut bridge, _core, shop) = house(&[legacy(&receiver, "/", KEY)]).await;
    let switch =
        async |bridge: &Bridge, on: bool| bridge.post("/admin/v1/forwarders/switch", &json!({ "on": on })).await;
    let (status, told) = switch(&bridge, true).await;
    assert_eq!((status, &told["changed"]), (200, &json!(false)), "it starts on");
    assert_eq!(switch(&bridge, false).await.1["changed"], true);
    assert_eq!(protected(&receiver, &bridge, &shop, "o1", KEY).await, BTreeSet::new());
    bridge.restart().await;
    let shown = bridge.get("/admin/v1/forwarders").await;
    assert_eq!(shown["switch"]["on"], false, "it outlives a restart: {shown}");
    assert!(shown["switch"]["governs"].as_str().unwrap().contains("呼叫"));
    let (_, told) = switch(&bridge, true).await;
    assert_eq!(told["legacyPlainEnded"], json!(["archive"]), "case 4");
    let all = BTreeSet::from(TYPES.map(str::to_owned));
    assert_eq!(protected(&receiver, &bridge, &shop, "o2", KEY).await, all);
    let shown = bridge.get("/admin/v1/forwarders").await;
    assert_eq!(
        (&shown["items"][0]["name"], &shown["items"][0]["key"]),
        (&json!("archive"), &json!("****ab"))
    );
    assert_eq!(shown["items"][0]["legacyPlain"], false);
    let acts = audit(&bridge).await;
    assert_eq!(
        (&acts[0]["what"], &acts[0]["after"]["on"]),
        (&json!("forwarder.switch"), &json!(true))
    );
    assert_ne!(acts[0]["who"], "configuration");
    assert_eq!(acts.len(), 3, "{acts:?}");
}

#[tokio::test]
async fn a_receiver_that_is_away_costs_nobody_anything_and_gets_everything_in_order_after_a_crash() {
    let receiver = Receiver::start();
    receiver.answers(503);
    let lines = format!("key = \"{KEY}\"");
    let (mut bridge, core, shop) = house(&[forwarder("a", &receiver.url("/"), &["user"], &lines)]).await;
    for number in 0..30 {
        let (status, _) = bridge
            .text(&shop, &format!("o{}", number % 2), &number.to_string())
            .await;
        assert_eq!(status, 200);
    }
    core.hears_text("29").await;
    until("a refusal", async || (!receiver.heard().is_empty()).then_some(())).await;
    until("the refusal is shown", async || {
        let lane = bridge.get("/admin/v1/forwarders").await["items"][0]["types"][0].clone();
        (lane["failures"].as_u64() > Some(0) && lane["lastError"] == "answered 503").then_some(())
    })
    .await;
    bridge.kill();
    receiver.forget();
    receiver.answers(0);
    bridge.spawn();
    bridge.ready().await;
    let records = until("everything", async || {
        let records = receiver.records("user");
        (records.len() >= 30).then_some(records)
    })
    .await;
    let texts: Vec<_> = records
        .iter()
        .map(|record| record["message"]["summary"].as_str().unwrap())
        .collect();
    assert_eq!(texts, (0..30).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(receiver.batches("user")[0]["content"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn bad_records_and_strangers_are_refused_and_keys_are_shown_to_nobody() {
    let receiver = Receiver::start();
    let lines = format!("key = \"{KEY}\"");
    let (bridge, _core, shop) = house(&[forwarder("a", &receiver.url("/"), &["summary"], &lines)]).await;
    for (record, status) in [
        (json!({ "type": "gossip", "content": {} }), 400),
        (json!({ "type": "summary" }), 400),
        (json!({ "type": "summary", "content": "text" }), 400),
        (json!({ "type": "summary", "content": {}, "colour": 1 }), 400),
        (
            json!({ "type": "summary", "content": {}, "conversationKey": shop.conversation("oNobody") }),
            404,
        ),
        (
            json!({ "type": "summary", "content": { "text": "x".repeat(1 << 20) } }),
            413,
        ),
        (json!({ "type": "summary", "content": {} }), 202),
    ] {
        let (found, told) = bridge.post("/v1/records", &record).await;
        assert_eq!(found, status, "{told}");
    }
    let (_, told) = bridge
        .post("/v1/records", &json!({ "type": "msg", "content": {} }))
        .await;
    assert_eq!(told["forwarders"], json!([]), "nobody wants it");
    let (status, _) = bridge
        .post("/admin/v1/forwarders/switch", &json!({ "on": "yes" }))
        .await;
    assert_eq!(status, 400);
    let viewer = json!({ "name": "eye", "scope": "viewer" });
    let (_, made) = bridge.post("/admin/v1/tokens", &viewer).await;
    let turn = bridge
        .http
        .request(Method::POST, bridge.internal("/admin/v1/forwarders/switch"))
        .bearer_auth(made["token"].as_str().unwrap())
        .json(&json!({ "on": false }));
    assert_eq!(turn.send().await.unwrap().status(), 403);
    let shown = std::process::Command::new(env!("CARGO_BIN_EXE_wxbridge"))
        .args(["config", "show", "-c"])
        .arg(bridge.config())
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("[[forwarder]]") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn a_record_of_the_cores_own_travels_letter_by_letter_signed_and_encrypted() {
    let receiver = Receiver::start();
    let lines = format!("key = \"{KEY}\"");
    let sealed = format!("{lines}\nencrypt = true");
    let plain = forwarder("plain", &receiver.url("/plain"), &["summary"], &lines);
    let sealed = forwarder("sealed", &receiver.url("/sealed"), &["summary"], &sealed);
    let (bridge, _core, _shop) = house(&[plain, sealed]).await;
    let content = r#"{"order":12345678901234567890123,"price":1.10,"none":null,"z":[null,{"a":null}],"id":"own","text":"\u9000"}"#;
    let request = bridge.operator(Method::POST, "/v1/records");
    let request = request.header("content-type", "application/json");
    let body = format!("{{\"type\":\"summary\",\"content\":{content}}}");
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
    let posts = until("both copies", async || {
        let heard = receiver.heard();
        (heard.len() >= 2).then_some(heard)
    })
    .await;
    let begins = content.strip_suffix('}').unwrap();
    for post in posts {
        assert!(post.signed_by_hmac(KEY), "{}", post.path);
        let text = match post.path.as_str() {
            "/plain" => post.body,
            _ => opened(&post.body, KEY),
        };
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(&format!("[{begins},\"time\":")), "{text}");
    }
}

#[tokio::test]
async fn one_cause_is_logged_once_a_second_however_many_types_fail() {
    let receiver = Receiver::start();
    receiver.answers(503);
    let lines = format!("key = \"{KEY}\"");
    let (bridge, core, shop) = house(&[forwarder("a", &receiver.url("/"), &TYPES, &lines)]).await;
    traffic(&bridge, &shop, "o1").await;
    core.hears_text("hello").await;
    until("every type failed three times", async || {
        let item = bridge.get("/admin/v1/forwarders").await["items"][0].clone();
        let types = item["types"].as_array().unwrap();
        types
            .iter()
            .all(|one| one["failures"].as_u64() >= Some(3))
            .then_some(())
    })
    .await;
    let log = bridge.log();
    let said: Vec<chrono::DateTime<chrono::Utc>> = log
        .lines()
        .filter(|line| line.contains("copies were not taken"))
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["timestamp"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    assert!(!said.is_empty(), "{log}");
    for two in said.windows(2) {
        assert!((two[1] - two[0]).num_milliseconds() > 900, "{two:?}");
    }
}
