//! How is one attempt made over gRPC? One `Core.Deliver`, one stream of a connection that is kept, one bounded answer.
//!
//! ```text
//! connection  which connection does a call travel on, and whom do we trust at its other end?
//! tls         with which certificates?
//! batch       may several events travel in one request?
//! answer      what do a status and a `DeliverResponse` mean?
//! ```

mod answer;
mod batch;
mod connection;
mod tls;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use tonic::{Request, metadata::AsciiMetadataValue};

use super::{LinkError, answer::About, cloudevents};
use crate::{
    cores::{Core, Cores, Kind},
    ports::{
        clock::Millis,
        core::{CoreLink, Offer, Outcome},
    },
    schema::v1::{DeliverRequest, DeliverResponse, Event, core_client::CoreClient},
    secret::Secret,
};
use batch::Batches;
use connection::Route;

/// A larger answer is a fault of the core's.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The way to every core of kind `grpc`.
pub struct GrpcLink {
    doors: HashMap<Arc<str>, Arc<Door>>,
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
        let Some(door) = self.doors.get(&core.name) else {
            return Outcome::Down {
                after: None,
                why: "no such core over gRPC".into(),
            };
        };
        let event = cloudevents::attempt(&offer, core.raw_inline);
        if batch::may_travel(&offer) && door.batches.are_welcome() {
            return batch::travel(door, event).await;
        }
        let (key, seq) = (key(offer.event), offer.event.seq);
        match door.deliver(vec![event]).await {
            Ok(response) => {
                door.batches.heard(&response);
                answer::taken(response, About { key, seq })
            }
            Err(outcome) => outcome,
        }
    }
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

    /// One call; what it came to where nothing was answered that can be read.
    async fn deliver(&self, events: Vec<Event>) -> Result<DeliverResponse, Outcome> {
        let limit = millis(self.timeout);
        let request = self.request(events, limit);
        let connection = self.route.connection();
        let client = CoreClient::with_origin(connection.wire.clone(), connection.origin.clone());
        let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
        match tokio::time::timeout(limit, client.deliver(request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(answer::refused(&status)),
            Err(_) => {
                // Silence may be the connection's: what is in flight on it goes on, what comes next takes a new one.
                self.route.renew(&connection);
                Err(Outcome::Failed {
                    after: None,
                    why: format!("no answer within {} ms", self.timeout),
                })
            }
        }
    }

    fn request(&self, events: Vec<Event>, limit: Duration) -> Request<DeliverRequest> {
        let trace = events.first().map(|event| event.traceparent.clone());
        let mut request = Request::new(DeliverRequest { events });
        request.set_timeout(limit);
        let metadata = request.metadata_mut();
        if let Some(bearer) = &self.bearer {
            metadata.insert("authorization", bearer.clone());
        }
        if let Some(trace) = trace.filter(|trace| !trace.is_empty())
            && let Ok(trace) = AsciiMetadataValue::try_from(trace)
        {
            metadata.insert("traceparent", trace);
        }
        request
    }
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

fn key(event: &Event) -> &str {
    let conversation = event.conversation.as_ref();
    conversation.map_or("", |conversation| &conversation.key)
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}

#[cfg(test)]
mod tests;
