//! How small can a core be? One endpoint that checks the signature, ignores what it had, and answers.

use std::{
    io,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes, Data},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lru::LruCache;
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    Running,
    answers::{Reply, reply_to},
    client,
    picture::png,
};
use crate::secret::Secret;

const CONVERSATIONS: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than none");
/// A signature older or younger than this is a replay.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Starts the demo's core. `webhook_secret` is a Standard Webhooks key, `whsec_…`.
///
/// The core is needed to configure the bridge, and the bridge to upload a picture: tell it by [`Core::connect`].
pub async fn start_core(listen: &str, webhook_secret: &Secret) -> io::Result<Core> {
    let state = Data::new(State {
        key: signing_key(webhook_secret)?,
        bridge: OnceLock::new(),
        http: client()?,
        seen: Mutex::new(LruCache::new(CONVERSATIONS)),
        picture: OnceCell::new(),
    });
    let data = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(16 * 1024 * 1024))
            .route("/", web::post().to(take))
    })
    .workers(1)
    .disable_signals()
    .bind(listen)?;
    let address = first(server.addrs())?;
    Ok(Core {
        running: Running::spawn(address, server.run()),
        state,
    })
}

pub(super) fn first(addresses: Vec<std::net::SocketAddr>) -> io::Result<std::net::SocketAddr> {
    addresses
        .into_iter()
        .next()
        .ok_or_else(|| io::Error::other("no address bound"))
}

/// The demo's core, running.
pub struct Core {
    running: Running,
    state: Data<State>,
}

impl Core {
    /// Where the bridge pushes events: `[[core]] url`.
    pub fn url(&self) -> String {
        format!("{}/", self.running.url())
    }

    /// Tells where the bridge's internal listener is, and the token (scope `core`) that opens it.
    pub fn connect(&self, bridge_url: &str, core_token: &Secret) {
        // A core has one bridge; the first one told stays.
        let _ = self.state.bridge.set((bridge_url.to_owned(), core_token.clone()));
    }

    pub async fn stop(self) {
        self.running.stop().await;
    }
}

struct State {
    key: hmac::Key,
    bridge: OnceLock<(String, Secret)>,
    http: reqwest::Client,
    /// Per conversation: the last (epoch, seq), and what was answered to it.
    seen: Mutex<LruCache<String, (u64, u64, Value)>>,
    picture: OnceCell<String>,
}

impl State {
    fn seen(&self) -> MutexGuard<'_, LruCache<String, (u64, u64, Value)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle of the picture; it is uploaded once.
    async fn picture(&self) -> Result<&str, String> {
        self.picture.get_or_try_init(|| self.upload()).await.map(String::as_str)
    }

    async fn upload(&self) -> Result<String, String> {
        let (url, token) = self.bridge.get().ok_or("the bridge is not known yet")?;
        let request = self
            .http
            .post(format!("{url}/v1/media?name=landscape.png"))
            .bearer_auth(token.expose())
            .header("content-type", "image/png")
            .body(png());
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let told: Value = answer.json().await.unwrap_or_default();
        let handle = told.get("handle").and_then(Value::as_str);
        handle
            .filter(|handle| status.is_success() && !handle.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| format!("the upload was answered {status} {told}"))
    }
}

fn signing_key(secret: &Secret) -> io::Result<hmac::Key> {
    let text = secret.expose();
    let bytes = STANDARD
        .decode(text.strip_prefix("whsec_").unwrap_or(text))
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the webhook secret is not base64"))?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

async fn take(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    if !signed(&request, &body, &state.key) {
        return HttpResponse::Unauthorized().finish();
    }
    let Ok(cloud_event) = serde_json::from_slice::<Value>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let event = cloud_event.get("data").unwrap_or(&Value::Null);
    if request.headers().contains_key("wxbridge-replay") {
        // Replayed events rebuild a state that this core does not keep.
        return HttpResponse::Ok().finish();
    }
    let (key, epoch, seq) = place(event);
    if let Some((last_epoch, last_seq, answer)) = state.seen().get(&key) {
        if (epoch, seq) == (*last_epoch, *last_seq) {
            return told(answer);
        }
        if (epoch, seq) < (*last_epoch, *last_seq) {
            return HttpResponse::Ok().finish();
        }
    }
    let answer = answer(&state, reply_to(event)).await;
    state.seen().put(key, (epoch, seq, answer.clone()));
    told(&answer)
}

/// Conversation key, epoch and seq. Numbers of 32 bits are JSON numbers.
fn place(event: &Value) -> (String, u64, u64) {
    let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
    let key = event.pointer("/conversation/key").and_then(Value::as_str);
    (key.unwrap_or_default().to_owned(), number("epoch"), number("seq"))
}

async fn answer(state: &State, reply: Reply) -> Value {
    let text = |text: String| json!({ "text": text });
    let replies = match reply {
        Reply::Nothing => return Value::Null,
        Reply::Text(said) => vec![text(said)],
        Reply::Several(said) => said.into_iter().map(text).collect(),
        Reply::Late(after, said) => {
            tokio::time::sleep(after).await;
            vec![text(said)]
        }
        Reply::Part(part) => vec![json!({ "message": { "parts": [part] } })],
        Reply::End(said) => {
            let closing = json!({ "parts": [{ "text": { "body": said } }] });
            vec![json!({ "session": { "verb": "END", "closing": closing } })]
        }
        Reply::Picture => match state.picture().await {
            Ok(handle) => vec![json!({ "message": { "parts": [{ "image": { "handle": handle } }] } })],
            Err(fault) => {
                tracing::warn!(fault, "the demo's picture could not be uploaded");
                vec![text("图片暂时发不出来。".to_owned())]
            }
        },
    };
    json!({ "replies": replies })
}

fn told(answer: &Value) -> HttpResponse {
    match answer {
        Value::Null => HttpResponse::Ok().finish(),
        answer => HttpResponse::Ok().json(answer),
    }
}

/// Standard Webhooks: `v1,` + base64(HMAC-SHA256(key, id.timestamp.body)), any one of several.
fn signed(request: &HttpRequest, body: &[u8], key: &hmac::Key) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(timestamp), Some(signatures)) = (
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
    ) else {
        return false;
    };
    let fresh = timestamp.parse().is_ok_and(|seconds: u64| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.abs_diff(Duration::from_secs(seconds)) <= TOLERANCE
    });
    let mut content = format!("{id}.{timestamp}.").into_bytes();
    content.extend_from_slice(body);
    fresh
        && signatures
            .split(' ')
            .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
            .any(|signature| hmac::verify(key, &content, &signature).is_ok())
}
