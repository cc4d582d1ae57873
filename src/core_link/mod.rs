//! How does an event travel to a core and what does the answer mean? HTTP push (CloudEvents, Standard Webhooks) and its
//! twin in gRPC.
//!
//! One attempt only; when to make it and what follows from it is [`crate::delivery`]'s.

pub mod answer;
pub mod cloudevents;
pub mod grpc;
pub mod http;
pub mod signing;
#[cfg(test)]
mod testing;

use async_trait::async_trait;

pub use grpc::GrpcLink;
pub use http::{HttpLink, LinkError};

use crate::{
    cores::{Core, Cores, Kind},
    ports::core::{CoreLink, Offer, Outcome},
};

/// The way to every core that is called, each by its kind.
pub struct Links {
    http: HttpLink,
    grpc: GrpcLink,
}

impl Links {
    pub fn new(cores: &Cores) -> Result<Self, LinkError> {
        Ok(Self {
            http: HttpLink::new(cores)?,
            grpc: GrpcLink::new(cores)?,
        })
    }
}

#[async_trait]
impl CoreLink for Links {
    async fn offer(&self, core: &Core, offer: Offer<'_>) -> Outcome {
        match core.kind {
            Kind::Http => self.http.offer(core, offer).await,
            Kind::Grpc => self.grpc.offer(core, offer).await,
            Kind::Feed => pulls(),
        }
    }

    async fn offer_run(&self, core: &Core, run: Vec<Offer<'_>>) -> Vec<Outcome> {
        match core.kind {
            Kind::Grpc => self.grpc.offer_run(core, run).await,
            // One event travels at a time.
            Kind::Http => match run.into_iter().next() {
                Some(first) => vec![self.http.offer(core, first).await],
                None => Vec::new(),
            },
            Kind::Feed => vec![pulls()],
        }
    }
}

fn pulls() -> Outcome {
    Outcome::Down {
        after: None,
        why: "this core pulls".into(),
    }
}
