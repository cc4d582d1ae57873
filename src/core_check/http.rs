//! How does the examination push over HTTP? As the bridge does, with its own words, headers and client.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::door::{Door, Heard, Knock, Signing, Signs, Status};
use crate::{
    core_link::{
        answer::{self, About},
        cloudevents,
        http::sign,
        signing::{KeyError, Signer},
    },
    ports::{
        clock::Millis,
        core::{Offer, Outcome},
    },
    schema::{Timestamp, Written, v1},
    secret::Secret,
};

/// A key that no core has.
const STRANGER: &str = "whsec_d3hicmlkZ2UgY29yZS1jaGVjayBzdHJhbmdlcg==";

/// Why a core cannot be examined as it was named.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("{0:?} is not an http or https address")]
    Url(String),
    #[error("the secret: {0}")]
    Key(#[from] KeyError),
    #[error("no HTTP client: {0}")]
    Client(String),
}

/// A core behind a URL.
pub struct HttpDoor {
    client: reqwest::Client,
    url: url::Url,
    signer: Signer,
    stranger: Signer,
    /// With the stranger's key first.
    both: Signer,
    signs: Signs,
    timeout: Millis,
}

impl HttpDoor {
    pub fn new(url: &str, secrets: &[Secret], timeout: Millis) -> Result<Self, Unfit> {
        let parsed = url::Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Unfit::Url(url.to_owned()))?;
        let stranger = Secret::new(STRANGER);
        let both: Vec<Secret> = std::iter::once(&stranger).chain(secrets).cloned().collect();
        Ok(Self {
            client: client(timeout).map_err(|error| Unfit::Client(chain(&error)))?,
            url: parsed,
            signer: Signer::new(secrets)?,
            both: Signer::new(&both)?,
            stranger: Signer::new(&[stranger])?,
            signs: if secrets.is_empty() { Signs::NoKey } else { Signs::Yes },
            timeout,
        })
    }

    /// The signature that this knock is to bear; `None`: none.
    fn signature(&self, how: Signing, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
        match how {
            Signing::Right | Signing::Aged(_) => self.signer.sign(id, seconds, body),
            Signing::Missing => None,
            Signing::OtherKey => self.stranger.sign(id, seconds, body),
            Signing::OtherBody => self.signer.sign(id, seconds, &[body, b" "].concat()),
            Signing::OtherId => self.signer.sign(&format!("{id}0"), seconds, body),
            Signing::OtherTime => self.signer.sign(id, seconds - 1, body),
            Signing::Rotation => self.both.sign(id, seconds, body),
        }
    }

    fn request(&self, knock: &Knock<'_>) -> Result<(HeaderMap, Vec<u8>), String> {
        let event = Written::from(knock.event.clone());
        let offer = offer(knock, &event);
        let head = event.head();
        let mut body = cloudevents::body(&offer, &head, true).map_err(|error| error.to_string())?;
        if let Some(change) = knock.change {
            let mut event: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
            change.in_json(&mut event);
            body = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
        }
        let mut headers = HeaderMap::new();
        sign(&mut headers, &offer, &head, &Signer::default(), &body);
        let signature = self.signature(knock.signing, &knock.event.id, offer.now.div_euclid(1000), &body);
        if let Some(signature) = signature {
            let value = HeaderValue::from_str(&signature).map_err(|error| error.to_string())?;
            headers.insert(HeaderName::from_static("webhook-signature"), value);
        }
        Ok((headers, body))
    }

    async fn answered(&self, mut response: reqwest::Response, event: &v1::Event, now: Millis) -> Answered {
        let status = response.status();
        let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| answer::retry_after(value.to_str().ok()?, now));
        let body = match read_bounded(&mut response).await {
            Ok(body) => body,
            Err(error) if status.is_success() => return Err(unanswered(&error, self.timeout)),
            Err(_) => Some(Vec::new()),
        };
        let about = About {
            key: event.conversation.as_ref().map_or("", |talk| &talk.key),
            seq: event.seq,
        };
        let said = body.as_deref().unwrap_or_default();
        let outcome = answer::read(status.as_u16(), retry_after, said, about);
        Ok((status.as_u16(), outcome, body))
    }
}

/// As the bridge reads it: an answer beyond this takes the event and says nothing.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// No redirects, no proxy, as the bridge calls.
fn client(timeout: Millis) -> Result<reqwest::Client, reqwest::Error> {
    // Fails only where the process has one already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("wxbridge/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(10).min(millis(timeout)))
            .pool_idle_timeout(Duration::from_secs(4))
    };
    // A bare container has no certificates: plain HTTP must work all the same.
    builder()
        .build()
        .or_else(|_| builder().tls_certs_only(Vec::new()).build())
}

/// The whole body; `None` where it is longer than the bridge reads.
async fn read_bounded(response: &mut reqwest::Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

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

/// The innermost cause: the outer ones repeat the address.
fn chain(error: &reqwest::Error) -> String {
    let mut said = "the request failed".to_owned();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        said = cause.to_string();
        next = cause.source();
    }
    said
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}

type Answered = Result<(u16, Outcome, Option<Vec<u8>>), Outcome>;

/// The attempt, as the bridge makes one.
pub(super) fn offer<'a>(knock: &Knock<'a>, event: &'a Written) -> Offer<'a> {
    let aged = match knock.signing {
        Signing::Aged(by) => by,
        _ => 0,
    };
    Offer {
        event,
        attempt: knock.attempt,
        passive: knock.deadline.map(|deadline| v1::PassiveWindow {
            deadline: Some(Timestamp::from_millis(deadline)),
            part_types: ["text", "image", "voice", "video", "music", "articles"]
                .map(str::to_owned)
                .to_vec(),
            platform_attempt: 1,
        }),
        replay: knock.replay,
        now: knock.now + aged,
    }
}

#[async_trait]
impl Door for HttpDoor {
    async fn knock(&self, knock: &Knock<'_>) -> Heard {
        let started = Instant::now();
        let nothing = |outcome| Heard {
            status: None,
            outcome,
            body: Some(Vec::new()),
            took: started.elapsed(),
            late: false,
        };
        let (headers, body) = match self.request(knock) {
            Ok(request) => request,
            Err(why) => return nothing(Outcome::Refused { after: None, why }),
        };
        let request = self.client.post(self.url.clone()).timeout(millis(self.timeout));
        let answered = match request.headers(headers).body(body).send().await {
            Ok(response) => self.answered(response, knock.event, knock.now).await,
            Err(error) => Err(unanswered(&error, self.timeout)),
        };
        match answered {
            Ok((status, outcome, body)) => Heard {
                status: Some(Status::Http(status)),
                outcome,
                body,
                took: started.elapsed(),
                late: false,
            },
            Err(outcome) => nothing(outcome),
        }
    }

    fn signs(&self) -> Signs {
        self.signs
    }
}
