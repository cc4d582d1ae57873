//! How is one attempt made over HTTP? One POST, one connection from the pool, no redirects, no proxy, one bounded answer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};

use super::{
    answer::{self, About},
    cloudevents,
    signing::{KeyError, Signer},
};
use crate::{
    cores::{Core, Cores, Kind},
    ports::{
        clock::Millis,
        core::{CoreLink, Offer, Outcome},
    },
};

/// An answer beyond this is not read: it takes the event (if 2xx) and says nothing.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A connection left idle longer is not used again: many servers close theirs after 5 s, and a request that meets the
/// close costs a retry.
const IDLE: Duration = Duration::from_secs(4);
/// Longest wait for a connection; less where the core's timeout is short, so that "nobody is there" stays apart from
/// "nobody answered".
const CONNECT: Duration = Duration::from_secs(10);

/// Why a core cannot be reached at all as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("core {core}: url is not an http or https address")]
    Url { core: Arc<str> },
    #[error("core {core}: {fault}")]
    Key { core: Arc<str>, fault: KeyError },
    #[error("core {core}: {fault}")]
    Credentials { core: Arc<str>, fault: String },
    #[error("core {core}: no HTTP client: {fault}")]
    Client { core: Arc<str>, fault: String },
}

/// The way to every core of kind `http`.
pub struct HttpLink {
    doors: HashMap<Arc<str>, Door>,
}

struct Door {
    client: reqwest::Client,
    url: url::Url,
    signer: Signer,
}

impl HttpLink {
    pub fn new(cores: &Cores) -> Result<Self, LinkError> {
        let http = cores.0.iter().filter(|core| core.kind == Kind::Http);
        let doors = http.map(|core| Ok((core.name.clone(), door(core)?)));
        Ok(Self {
            doors: doors.collect::<Result<_, _>>()?,
        })
    }
}

#[async_trait]
impl CoreLink for HttpLink {
    async fn offer(&self, core: &Core, offer: Offer<'_>) -> Outcome {
        let Some(door) = self.doors.get(&core.name) else {
            return Outcome::Down {
                after: None,
                why: "no such core over HTTP".into(),
            };
        };
        let body = match cloudevents::body(&offer, core.raw_inline) {
            Ok(body) => body,
            // Nobody can ever be offered such an event: it counts like a refusal, so that others can pass.
            Err(error) => {
                return Outcome::Refused {
                    why: format!("the event cannot be written as JSON: {error}"),
                };
            }
        };
        let sent = door
            .client
            .post(door.url.clone())
            .timeout(millis(core.timeout))
            .headers(headers(&offer, &door.signer, &body))
            .body(body)
            .send()
            .await;
        match sent {
            Ok(response) => answered(response, &offer, core.timeout).await,
            Err(error) => unanswered(&error, core.timeout),
        }
    }
}

fn door(core: &Core) -> Result<Door, LinkError> {
    let url = url::Url::parse(&core.url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| LinkError::Url {
            core: core.name.clone(),
        })?;
    let signer = Signer::new(&core.secrets).map_err(|fault| LinkError::Key {
        core: core.name.clone(),
        fault,
    })?;
    let client = client(core).map_err(|error| LinkError::Client {
        core: core.name.clone(),
        fault: chain(&error),
    })?;
    Ok(Door { client, url, signer })
}

fn client(core: &Core) -> Result<reqwest::Client, reqwest::Error> {
    // Fails only where the process has one already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("wxbridge/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A timeout must end the connection, not a stream inside it.
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT.min(millis(core.timeout) / 2))
            .pool_idle_timeout(IDLE)
    };
    builder().build().or_else(|error| {
        // A bare container has no certificates: plain HTTP must work all the same, and HTTPS fails by name.
        tracing::warn!(core = %core.name, error = %chain(&error), "no certificates of the system, trusting none");
        builder().tls_certs_only(Vec::new()).build()
    })
}

fn headers(offer: &Offer<'_>, signer: &Signer, body: &[u8]) -> HeaderMap {
    let event = offer.event;
    let mut headers = HeaderMap::with_capacity(8);
    let mut put = |name: &'static str, value: &str| {
        // Only a text with control characters is no header value; none of ours has any.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let seconds = offer.now.div_euclid(1000);
    put("webhook-id", &event.id);
    put("webhook-timestamp", &seconds.to_string());
    if let Some(signature) = signer.sign(&event.id, seconds, body) {
        put("webhook-signature", &signature);
    }
    put("wxbridge-attempt", &offer.attempt.to_string());
    if let Some(deadline) = offer.passive.as_ref().and_then(|window| window.deadline) {
        put("wxbridge-reply-deadline", &deadline.to_rfc3339_millis());
    }
    if let Some(replay) = offer.replay {
        put("wxbridge-replay", replay);
    }
    if !event.traceparent.is_empty() {
        put("traceparent", &event.traceparent);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json"));
    headers
}

async fn answered(mut response: reqwest::Response, offer: &Offer<'_>, timeout: Millis) -> Outcome {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| answer::retry_after(value.to_str().ok()?, offer.now));
    let body = match read_bounded(&mut response).await {
        Ok(body) => body,
        // What a failed attempt would have said does not matter; what a taken event was answered does.
        Err(error) if status.is_success() => return unanswered(&error, timeout),
        Err(_) => Vec::new(),
    };
    let about = About {
        key: offer
            .event
            .conversation
            .as_ref()
            .map_or("", |conversation| &conversation.key),
        seq: offer.event.seq,
    };
    answer::read(status.as_u16(), retry_after, &body, about)
}

/// The whole body, so that the connection can be used again; empty where it is longer than we read.
async fn read_bounded(response: &mut reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// No answer: nobody there is the core's fault, silence or a broken answer may be the event's.
fn unanswered(error: &reqwest::Error, timeout: Millis) -> Outcome {
    let after = None;
    if error.is_connect() || error.is_builder() {
        let why = format!("cannot connect: {}", chain(error));
        Outcome::Down { after, why }
    } else if error.is_timeout() {
        let why = format!("no answer within {timeout} ms");
        Outcome::Failed { after, why }
    } else {
        let why = format!("no complete answer: {}", chain(error));
        Outcome::Failed { after, why }
    }
}

/// The causes of an error, outermost left out: it only repeats the address, which may hold a secret.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() {
        "the request failed".to_owned()
    } else {
        causes.join(": ")
    }
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}

#[cfg(test)]
mod tests;
