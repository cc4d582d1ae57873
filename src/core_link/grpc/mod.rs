//! How is one attempt made over gRPC? One `Core.Deliver`, one stream of a connection that is kept, one bounded answer.
//!
//! ```text
//! connection  which connection does a call travel on, and whom do we trust at its other end?
//! tls         with which certificates?
//! answer      what do a status and a `DeliverResponse` mean?
//! ```

mod answer;
mod connection;
mod tls;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use tonic::{
    Request, Status,
    metadata::{AsciiMetadataValue, MetadataMap},
};

use super::{LinkError, answer::About, cloudevents};
use crate::{
    cores::{Core, Cores, Kind},
    ports::{
        clock::Millis,
        core::{CoreLink, Offer, Outcome},
    },
    schema::v1::{DeliverRequest, DeliverResponse, core_client::CoreClient},
    secret::Secret,
};
use connection::{Connection, Route};

/// A larger answer is a fault of the core's.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The way to every core of kind `grpc`.
pub struct GrpcLink {
    doors: HashMap<Arc<str>, Door>,
}

struct Door {
    route: Route,
    bearer: Option<AsciiMetadataValue>,
}

impl GrpcLink {
    pub fn new(cores: &Cores) -> Result<Self, LinkError> {
        let grpc = cores.0.iter().filter(|core| core.kind == Kind::Grpc);
        let doors = grpc.map(|core| Ok((core.name.clone(), Door::of(core)?)));
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
        let connection = door.route.connection();
        let limit = millis(core.timeout);
        let request = door.request(core, &offer, limit);
        match tokio::time::timeout(limit, deliver(&connection, request)).await {
            Ok(Ok(response)) => answer::taken(response, about(&offer)),
            Ok(Err(status)) => answer::refused(&status),
            Err(_) => {
                // Silence may be the connection's: what is in flight on it goes on, what comes next takes a new one.
                door.route.renew(&connection);
                Outcome::Failed {
                    after: None,
                    why: format!("no answer within {} ms", core.timeout),
                }
            }
        }
    }
}

impl Door {
    fn of(core: &Core) -> Result<Self, LinkError> {
        Ok(Self {
            route: Route::to(core)?,
            bearer: core
                .credentials
                .bearer
                .as_ref()
                .map(|it| bearer(core, it))
                .transpose()?,
        })
    }

    fn request(&self, core: &Core, offer: &Offer<'_>, limit: Duration) -> Request<DeliverRequest> {
        let event = cloudevents::attempt(offer, core.raw_inline);
        let mut request = Request::new(DeliverRequest { events: vec![event] });
        request.set_timeout(limit);
        let metadata = request.metadata_mut();
        if let Some(bearer) = &self.bearer {
            metadata.insert("authorization", bearer.clone());
        }
        trace(metadata, &offer.event.traceparent);
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

fn trace(metadata: &mut MetadataMap, traceparent: &str) {
    if let Ok(value) = AsciiMetadataValue::try_from(traceparent)
        && !traceparent.is_empty()
    {
        metadata.insert("traceparent", value);
    }
}

async fn deliver(connection: &Connection, request: Request<DeliverRequest>) -> Result<DeliverResponse, Status> {
    let client = CoreClient::with_origin(connection.wire.clone(), connection.origin.clone());
    let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
    Ok(client.deliver(request).await?.into_inner())
}

fn about<'a>(offer: &Offer<'a>) -> About<'a> {
    let conversation = offer.event.conversation.as_ref();
    About {
        key: conversation.map_or("", |conversation| &conversation.key),
        seq: offer.event.seq,
    }
}

fn millis(millis: Millis) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}

#[cfg(test)]
mod tests;
