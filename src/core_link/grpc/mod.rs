//! How is one attempt made over gRPC? One `Core.Deliver`, one stream of a connection that is kept, one bounded answer.
//!
//! ```text
//! connection  which connection does a call travel on, and whom do we trust at its other end?
//! tls         with which certificates?
//! batch       may several events travel in one request?
//! answer      what do a status and a `DeliverResponse` mean?
//! codec       how is a call written, and its answer read?
//! mute        did the other side ever say a word?
//! bare        how is a core called that is examined?
//! ```

mod answer;
pub mod bare;
mod batch;
mod codec;
mod connection;
mod mute;
mod tls;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::{Request, Response, Status, metadata::AsciiMetadataValue};

use super::{LinkError, answer::About};
use crate::{
    cores::{Core, Cores, Kind},
    ports::{
        clock::Millis,
        core::{CoreLink, Offer, Outcome},
    },
    schema::{Written, v1::DeliverResponse},
    secret::Secret,
};
pub use answer::{Share, name, shares};
use batch::Batches;
use connection::{Connection, Route};

/// A larger answer is a fault of the core's.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The way to every core of kind `grpc`.
pub struct GrpcLink {
    doors: HashMap<Arc<str>, Arc<Door>>,
}

/// The call, as gRPC names it.
const DELIVER: &str = "/wxbridge.v1.Core/Deliver";

/// A `DeliverRequest` whose events are encoded already: the same on the wire.
#[derive(Clone, PartialEq, prost::Message)]
struct Carried {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
}

/// The way to one core.
struct Door {
    route: Route,
    bearer: Option<AsciiMetadataValue>,
    timeout: Millis,
    batches: Batches,
}

impl GrpcLink {
    pub fn new(cores: &Cores) -> Result<Self, LinkError> {
        let grpc = cores.0.iter().filter(|core| core.kind == Kind::Grpc);
        let doors = grpc.map(|core| Ok((core.name.clone(), Arc::new(Door::of(core)?))));
        Ok(Self {
            doors: doors.collect::<Result<_, _>>()?,
        })
    }
}

#[async_trait]
impl CoreLink for GrpcLink {
    async fn offer(&self, core: &Core, offer: Offer<'_>) -> Outcome {
        let said = self.offer_run(core, vec![offer]).await.pop();
        said.unwrap_or_else(|| batch::failed("it was not offered"))
    }

    /// All of them in one request, where that may hold several.
    async fn offer_run(&self, core: &Core, run: Vec<Offer<'_>>) -> Vec<Outcome> {
        let (Some(door), Some(first)) = (self.doors.get(&core.name), run.first()) else {
            return vec![Outcome::Down {
                after: None,
                why: "no such core over gRPC".into(),
            }];
        };
        if batch::may_travel(first) && door.batches.are_welcome() {
            let most = door.batches.of_a_run();
            let several = run.iter().take(most).take_while(|offer| batch::may_travel(offer));
            // What cannot be shown is offered alone, when its turn comes.
            let events: Vec<_> = several
                .map_while(|offer| Some((offer.event.number(), shown(core, offer).ok()?)))
                .collect();
            if !events.is_empty() {
                return batch::travel(door, first.event.head().key, events).await;
            }
        }
        vec![door.offer(core, first).await]
    }
}

/// Nobody can ever be offered an event that has no such form: it counts like a refusal, so that others can pass.
fn shown(core: &Core, offer: &Offer<'_>) -> Result<Bytes, Outcome> {
    let shown = offer.event.shown(&offer.told(), core.raw_inline);
    shown.map_err(|error| Outcome::Refused {
        after: None,
        why: format!("the event is not readable as it is stored: {error}"),
    })
}

impl Door {
    fn of(core: &Core) -> Result<Self, LinkError> {
        let bearer = core.credentials.bearer.as_ref();
        Ok(Self {
            route: Route::to(core)?,
            bearer: bearer.map(|it| self::bearer(core, it)).transpose()?,
            timeout: core.timeout,
            batches: Batches::default(),
        })
    }

    /// One event by itself.
    async fn offer(&self, core: &Core, offer: &Offer<'_>) -> Outcome {
        let bytes = match shown(core, offer) {
            Ok(bytes) => bytes,
            Err(outcome) => return outcome,
        };
        match self.deliver(vec![bytes]).await {
            Ok(response) => {
                self.batches.heard(&response);
                answer::taken(response, About::of(&offer.event.head()))
            }
            Err(outcome) => outcome,
        }
    }

    /// One call; what it came to where nothing was answered that can be read.
    async fn deliver(&self, events: Vec<Bytes>) -> Result<DeliverResponse, Outcome> {
        let limit = millis(self.timeout);
        let request = self.request(events, limit);
        let connection = self.route.connection();
        match tokio::time::timeout(limit, call(&connection, request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(answer::refused(&status)),
            Err(_) => {
                // Silence may be the connection's: what is in flight on it goes on, what comes next takes a new one.
                self.route.renew(&connection);
                Err(self.silent())
            }
        }
    }

    fn silent(&self) -> Outcome {
        Outcome::Failed {
            after: None,
            why: format!("no answer within {} ms", self.timeout),
        }
    }

    fn request(&self, events: Vec<Bytes>, limit: Duration) -> Request<Carried> {
        dressed(events, self.bearer.as_ref(), limit)
    }
}

/// With who we are, whose trace it is, and how long we wait.
fn dressed(events: Vec<Bytes>, bearer: Option<&AsciiMetadataValue>, limit: Duration) -> Request<Carried> {
    let first = events.first().and_then(|event| Written::unread(event.clone()).ok());
    let mut request = Request::new(Carried { events });
    request.set_timeout(limit);
    let metadata = request.metadata_mut();
    if let Some(bearer) = bearer {
        metadata.insert("authorization", bearer.clone());
    }
    let trace = first.as_ref().map_or("", |event| event.head().traceparent);
    if !trace.is_empty()
        && let Ok(trace) = AsciiMetadataValue::try_from(trace)
    {
        metadata.insert("traceparent", trace);
    }
    request
}

/// `Core.Deliver` with events that are encoded already.
async fn call(connection: &Connection, request: Request<Carried>) -> Result<Response<DeliverResponse>, Status> {
    let client = tonic::client::Grpc::with_origin(connection.wire.clone(), connection.origin.clone());
    let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
    let ready = client.ready().await;
    ready.map_err(|error| Status::unknown(format!("the connection is not ready: {error}")))?;
    let path = PathAndQuery::from_static(DELIVER);
    client.unary(request, path, codec::Deliver).await.map_err(codec::marked)
}

fn bearer(core: &Core, bearer: &Secret) -> Result<AsciiMetadataValue, LinkError> {
    let value = AsciiMetadataValue::try_from(format!("Bearer {}", bearer.expose()));
    let mut value = value.map_err(|_| LinkError::Credentials {
        core: core.name.clone(),
        fault: "bearer holds what no header can carry".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}

#[cfg(test)]
mod tests;
