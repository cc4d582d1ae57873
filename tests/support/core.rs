//! Which events reach a core? A core that writes down everything it hears, checks each signature, and answers as told.

use std::{
    fs::File,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::until;

/// The Standard Webhooks key of every core here.
pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// One attempt to hand us an event.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Instant,
    pub id: String,
    pub key: String,
    pub epoch: u64,
    pub seq: u64,
    pub kind: String,
    pub attempt: u64,
    /// `wxbridge-reply-deadline`.
    pub deadline: Option<String>,
    pub event: Value,
    /// What is wrong with signature or envelope; empty = nothing.
    pub faults: Vec<String>,
}

impl Heard {
    pub fn text(&self) -> &str {
        self.event["message"]["parts"][0]["text"]["body"]
            .as_str()
            .unwrap_or_default()
    }

    pub fn msg_id(&self) -> &str {
        self.event["message"]["platformMessageId"].as_str().unwrap_or_default()
    }
}

/// What the core answers, and when.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: u16,
    pub body: Value,
    pub after: Duration,
    /// `Retry-After`, in seconds.
    pub come_again_in: Option<u64>,
}

impl Said {
    /// Takes the event and says nothing.
    pub fn taken() -> Self {
        Self {
            status: 200,
            body: Value::Null,
            after: Duration::ZERO,
            come_again_in: None,
        }
    }

    pub fn reply(text: &str) -> Self {
        Self {
            body: json!({ "replies": [{ "text": text }] }),
            ..Self::taken()
        }
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::taken()
        }
    }

    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

/// One attempt that was answered, in the order of the answers.
#[derive(Clone, Debug)]
pub struct Answered {
    pub id: String,
    /// The platform's id of the message; empty where the event is none.
    pub msg_id: String,
    pub status: u16,
}

type Behaviour = Box<dyn FnMut(&Heard) -> Said + Send>;

struct Inner {
    heard: Mutex<Vec<Heard>>,
    answered: Mutex<Vec<Answered>>,
    file: Mutex<Option<File>>,
    behaviour: Mutex<Behaviour>,
}

/// A running core.
pub struct Core {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    handle: Option<ServerHandle>,
    /// Its port, while it is away.
    place: Option<TcpSocket>,
}

impl Core {
    pub async fn start(behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        Self::on("127.0.0.1:0", None, behaviour)
    }

    /// A core that also writes its record to a file, one line per attempt.
    pub fn on(listen: &str, record: Option<&Path>, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) -> Self {
        let inner = Arc::new(Inner {
            heard: Mutex::default(),
            answered: Mutex::default(),
            file: Mutex::new(record.map(|path| File::create(path).unwrap())),
            behaviour: Mutex::new(Box::new(behaviour)),
        });
        let (address, handle) = serve(TcpListener::bind(listen).unwrap(), inner.clone());
        Self {
            address,
            inner,
            handle: Some(handle),
            place: None,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/wxbridge", self.address)
    }

    pub fn behaves(&self, behaviour: impl FnMut(&Heard) -> Said + Send + 'static) {
        *self.inner.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    /// Nobody is there any more: connections are refused.
    pub async fn goes(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop(false).await;
            // Nobody listens there, and no other core gets its port meanwhile.
            let place = TcpSocket::new_v4().unwrap();
            place.set_reuseaddr(true).unwrap();
            place.bind(self.address).unwrap();
            self.place = Some(place);
        }
    }

    pub fn is_there(&self) -> bool {
        self.handle.is_some()
    }

    /// It is back, at the same address, with its record.
    pub fn comes_back(&mut self) {
        let place = self.place.take().expect("it went");
        let listener = place.listen(BACKLOG).unwrap().into_std().unwrap();
        let (address, handle) = serve(listener, self.inner.clone());
        assert_eq!(address, self.address);
        self.handle = Some(handle);
    }

    /// Every attempt so far.
    pub fn heard(&self) -> Vec<Heard> {
        let heard = self.inner.heard.lock().unwrap().clone();
        for one in &heard {
            assert!(one.faults.is_empty(), "{}: {:?}", one.id, one.faults);
        }
        heard
    }

    /// The answers given since there were so many.
    pub fn answered_since(&self, known: usize) -> Vec<Answered> {
        self.inner.answered.lock().unwrap()[known..].to_vec()
    }

    /// The attempts once there are at least so many.
    pub async fn hears(&self, count: usize) -> Vec<Heard> {
        until(&format!("{count} attempts at the core"), async || {
            let heard = self.heard();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }

    /// The texts of customers, each event once, in the order of its first attempt.
    pub fn texts(&self) -> Vec<String> {
        let mut ids = std::collections::HashSet::new();
        let first = self.heard().into_iter().filter(|heard| ids.insert(heard.id.clone()));
        first
            .filter(|heard| heard.kind == "wxbridge.message.v1")
            .map(|heard| heard.text().to_owned())
            .collect()
    }

    /// The texts once the last one is this.
    pub async fn hears_text(&self, text: &str) -> Vec<String> {
        until(&format!("{text:?} at the core"), async || {
            let texts = self.texts();
            texts.iter().any(|heard| heard == text).then_some(texts)
        })
        .await
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // The order to stop is sent when the future is made.
            drop(handle.stop(false));
        }
    }
}

fn serve(listener: TcpListener, inner: Arc<Inner>) -> (SocketAddr, ServerHandle) {
    let data = Data::from(inner);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(16 << 20))
            .route("/wxbridge", web::post().to(take))
    })
    .workers(1)
    .shutdown_timeout(0)
    .disable_signals()
    .listen(listener)
    .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    (address, handle)
}

async fn take(request: HttpRequest, body: Bytes, core: Data<Inner>) -> HttpResponse {
    let heard = listen(&request, &body);
    if let Some(file) = core.file.lock().unwrap().as_mut() {
        let line = json!({
            "id": heard.id, "key": heard.key, "epoch": heard.epoch, "seq": heard.seq, "attempt": heard.attempt,
        });
        writeln!(file, "{line}").unwrap();
    }
    core.heard.lock().unwrap().push(heard.clone());
    let said = (core.behaviour.lock().unwrap())(&heard);
    tokio::time::sleep(said.after).await;
    let msg_id = heard.msg_id().to_owned();
    core.answered.lock().unwrap().push(Answered {
        id: heard.id,
        msg_id,
        status: said.status,
    });
    let mut answer = HttpResponse::build(said.status.try_into().unwrap());
    if let Some(seconds) = said.come_again_in {
        answer.insert_header(("retry-after", seconds.to_string()));
    }
    match said.body {
        Value::Null => answer.finish(),
        body => answer.json(body),
    }
}

/// Reads one attempt and notes whatever is not as promised.
fn listen(request: &HttpRequest, body: &[u8]) -> Heard {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let cloud: Value = serde_json::from_slice(body).unwrap_or_default();
    let event = cloud["data"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let heard = Heard {
        at: Instant::now(),
        id: text(&cloud["id"]),
        key: text(&event["conversation"]["key"]),
        epoch: event["epoch"].as_u64().unwrap_or_default(),
        seq: event["seq"].as_u64().unwrap_or_default(),
        kind: text(&cloud["type"]),
        attempt: header("wxbridge-attempt").parse().unwrap_or_default(),
        deadline: Some(header("wxbridge-reply-deadline").to_owned()).filter(|deadline| !deadline.is_empty()),
        faults: Vec::new(),
        event,
    };
    let account = text(&heard.event["conversation"]["account"]["id"]);
    let promised = [
        (
            "content-type",
            header("content-type").to_owned(),
            "application/cloudevents+json".to_owned(),
        ),
        ("specversion", text(&cloud["specversion"]), "1.0".to_owned()),
        ("webhook-id", header("webhook-id").to_owned(), heard.id.clone()),
        ("event id", text(&heard.event["id"]), heard.id.clone()),
        (
            "source",
            text(&cloud["source"]),
            format!("/accounts/{account}/conversations/{}", heard.key),
        ),
        ("subject", text(&cloud["subject"]), heard.key.clone()),
        ("partitionkey", text(&cloud["partitionkey"]), heard.key.clone()),
        (
            "sequence",
            text(&cloud["sequence"]),
            format!("{:010}.{:010}", heard.epoch, heard.seq),
        ),
        (
            "signature",
            signature(header("webhook-timestamp"), &heard.id, body),
            header("webhook-signature").to_owned(),
        ),
    ];
    let faults = promised.into_iter().filter(|(_, found, wanted)| found != wanted);
    let faults = faults
        .map(|(name, found, wanted)| format!("{name}: {found:?}, not {wanted:?}"))
        .collect();
    Heard { faults, ..heard }
}

/// Standard Webhooks: HMAC-SHA256 over id, timestamp and body.
fn signature(timestamp: &str, id: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let mut signer = ring::hmac::Context::with_key(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key));
    signer.update(format!("{id}.{timestamp}.").as_bytes());
    signer.update(body);
    format!("v1,{}", STANDARD.encode(signer.sign()))
}
