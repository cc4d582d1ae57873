//! How is one attempt made over HTTP? One POST, one connection from the pool, no redirects, no proxy, one bounded answer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hyper::{
    Method, Request,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use rustls::ClientConfig;
use tokio::time::timeout;

use super::{
    answer::{self, About},
    cloudevents,
    signing::{KeyError, Signer},
};
use crate::{
    cores::{Core, Cores, Kind},
    egress::{
        dial::{self, Dialer, Place},
        line::{self, Ask, Fault},
        pool::Pool,
    },
    ports::{
        clock::Millis,
        core::{CoreLink, Offer, Outcome},
    },
    schema::Head,
};

/// An answer beyond this is not read: it takes the event (if 2xx) and says nothing.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A connection left idle longer is not used again: many servers close theirs after 5 s, and a request that meets the
/// close costs a retry.
const IDLE: Duration = Duration::from_secs(4);
/// Longest wait for a connection; less where the core's timeout is short, so that "nobody is there" stays apart from
/// "nobody answered".
const CONNECT: Duration = Duration::from_secs(10);

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const ATTEMPT: HeaderName = HeaderName::from_static("wxbridge-attempt");
const REPLY_DEADLINE: HeaderName = HeaderName::from_static("wxbridge-reply-deadline");
const REPLAY: HeaderName = HeaderName::from_static("wxbridge-replay");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Why a core cannot be reached at all as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("core {core}: url is not an http or https address")]
    Url { core: Arc<str> },
    #[error("core {core}: {fault}")]
    Key { core: Arc<str>, fault: KeyError },
    #[error("core {core}: {fault}")]
    Credentials { core: Arc<str>, fault: String },
    #[error("no TLS: {0}")]
    Tls(rustls::Error),
}

/// The way to every core of kind `http`.
pub struct HttpLink {
    doors: HashMap<Arc<str>, Door>,
}

/// What is the same on every attempt for one core.
struct Door {
    place: Place,
    signer: Signer,
    pool: Arc<Pool>,
}

impl HttpLink {
    pub fn new(cores: &Cores) -> Result<Self, LinkError> {
        let tls = Arc::new(trust().map_err(LinkError::Tls)?);
        let http = cores.0.iter().filter(|core| core.kind == Kind::Http);
        let doors = http.map(|core| Ok((core.name.clone(), door(core, &tls)?)));
        Ok(Self {
            doors: doors.collect::<Result<_, LinkError>>()?,
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
        let event = offer.event.head();
        let body = match cloudevents::body(&offer, &event, core.raw_inline) {
            Ok(body) => Bytes::from(body),
            // Nobody can ever be offered such an event: it counts like a refusal, so that others can pass.
            Err(error) => {
                return Outcome::Refused {
                    after: None,
                    why: format!("the event cannot be written as JSON: {error}"),
                };
            }
        };
        // Who runs out of time drops the connection with the attempt: the event is never on two of them.
        match timeout(millis(core.timeout), door.attempt(&offer, &event, body)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed {
                after: None,
                why: format!("no answer within {} ms", core.timeout),
            },
        }
    }
}

fn door(core: &Core, tls: &Arc<ClientConfig>) -> Result<Door, LinkError> {
    let url = url::Url::parse(&core.url).ok().filter(url::Url::has_host);
    let place = url.as_ref().and_then(Place::of).ok_or_else(|| LinkError::Url {
        core: core.name.clone(),
    })?;
    let signer = Signer::new(&core.secrets).map_err(|fault| LinkError::Key {
        core: core.name.clone(),
        fault,
    })?;
    let dialer = Dialer::new(tls.clone(), CONNECT.min(millis(core.timeout) / 2));
    Ok(Door {
        place,
        signer,
        pool: Pool::new(dialer, IDLE),
    })
}

fn trust() -> Result<ClientConfig, rustls::Error> {
    dial::trust().or_else(|error| {
        // A bare container has no certificates: plain HTTP must work all the same, and HTTPS fails by name.
        tracing::warn!(%error, "no certificates of the system, trusting none");
        dial::distrust()
    })
}

impl Door {
    async fn attempt(&self, offer: &Offer<'_>, event: &Head<'_>, body: Bytes) -> Outcome {
        let request = self.request(offer, event, body);
        match self.pool.ask(&self.place.peer, request).await {
            Ok(answer) => answered(answer, About::of(event), offer.now).await,
            Err(fault) => unanswered(&fault),
        }
    }

    fn request(&self, offer: &Offer<'_>, event: &Head<'_>, body: Bytes) -> Ask {
        let mut headers = self.place.headers.clone();
        sign(&mut headers, offer, event, &self.signer, &body);
        let mut request = Request::new(body.into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.place.path.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// What this attempt is, and that it is ours.
pub(crate) fn sign(headers: &mut HeaderMap, offer: &Offer<'_>, event: &Head<'_>, signer: &Signer, body: &[u8]) {
    let mut put = |name: HeaderName, value: &str| {
        // Only a text with control characters is no header value; none of ours has any.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let seconds = offer.now.div_euclid(1000);
    put(WEBHOOK_ID, event.id);
    if let Some(deadline) = offer.passive.as_ref().and_then(|window| window.deadline) {
        put(REPLY_DEADLINE, &deadline.to_rfc3339_millis());
    }
    if let Some(replay) = offer.replay {
        put(REPLAY, replay);
    }
    if !event.traceparent.is_empty() {
        put(TRACEPARENT, event.traceparent);
    }
    let signature = signer.sign(event.id, seconds, body);
    if let Some(signature) = signature.and_then(|it| HeaderValue::try_from(it).ok()) {
        headers.insert(WEBHOOK_SIGNATURE, signature);
    }
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
    headers.insert(ATTEMPT, HeaderValue::from(offer.attempt));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cloudevents+json"));
}

async fn answered(mut answer: line::Answer, about: About<'_>, now: Millis) -> Outcome {
    let status = answer.head.status;
    let retry_after = answer
        .head
        .headers
        .get(RETRY_AFTER)
        .and_then(|value| answer::retry_after(value.to_str().ok()?, now));
    let body = match read_bounded(&mut answer).await {
        Ok(body) => body,
        // What a failed attempt would have said does not matter; what a taken event was answered does.
        Err(fault) if status.is_success() => return unanswered(&fault),
        Err(_) => Vec::new(),
    };
    answer.done();
    answer::read(status.as_u16(), retry_after, &body, about)
}

/// The whole body, so that the connection can be used again; empty where it is longer than we read.
async fn read_bounded(answer: &mut line::Answer) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(piece) = answer.piece().await {
        let piece = piece?;
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// No answer: nobody there is the core's fault, silence or a broken answer may be the event's.
fn unanswered(fault: &Fault) -> Outcome {
    let after = None;
    match fault {
        Fault::Connect(why) => Outcome::Down {
            after,
            why: format!("cannot connect: {why}"),
        },
        Fault::Broken(why) => Outcome::Failed {
            after,
            why: format!("no complete answer: {why}"),
        },
    }
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}

#[cfg(test)]
mod tests;
