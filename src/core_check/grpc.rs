//! How does the examination call a core over gRPC? `Core.Deliver` as the bridge calls it, with whatever bearer, and bytes
//! that a later version may send.

use std::time::Instant;

use async_trait::async_trait;
use prost::Message as _;
use tonic::Code;

use super::{
    door::{Door, Heard, Knock, Signing, Signs, Status},
    http::offer,
};
use crate::{
    core_link::{
        LinkError,
        answer::About,
        grpc::{
            bare::{Bare, Bearer, Told},
            shares,
        },
    },
    cores::Core,
    ports::core::{Outcome, shown},
    schema::{Written, json, v1},
};

/// A core behind an address.
pub struct GrpcDoor {
    line: Bare,
    signs: Signs,
}

impl GrpcDoor {
    /// As the bridge would be configured.
    pub fn new(core: &Core) -> Result<Self, LinkError> {
        let known = &core.credentials;
        let signs = match (&known.bearer, &known.cert_file) {
            (Some(_), _) => Signs::Bearer,
            (None, Some(_)) => Signs::Certificate,
            (None, None) => Signs::NoBearer,
        };
        Ok(Self {
            line: Bare::to(core)?,
            signs,
        })
    }

    async fn call(&self, knocks: &[Knock<'_>]) -> Vec<Heard> {
        let started = Instant::now();
        let events = knocks.iter().map(|knock| encoded(knock).into()).collect();
        let bearer = knocks.first().map_or(Bearer::Ours, |knock| bearer(knock.signing));
        let Told { code, said } = self.line.deliver(events, bearer).await;
        let (outcomes, body) = match said {
            Ok(response) => {
                let body = json::to_vec(&response).unwrap_or_default();
                let whose: Vec<About<'_>> = knocks.iter().map(|knock| about(knock.event)).collect();
                (shares(response, &whose), body)
            }
            Err(outcome) => (vec![outcome; knocks.len()], Vec::new()),
        };
        let heard = |outcome: Outcome| Heard {
            status: code.map(Status::Grpc),
            outcome,
            body: Some(body.clone()),
            took: started.elapsed(),
        };
        outcomes.into_iter().map(heard).collect()
    }
}

fn about(event: &v1::Event) -> About<'_> {
    About {
        key: event.conversation.as_ref().map_or("", |talk| &talk.key),
        seq: event.seq,
    }
}

fn encoded(knock: &Knock<'_>) -> Vec<u8> {
    let written = Written::from(knock.event.clone());
    let told = offer(knock, &written).told();
    let event = shown(knock.event.clone(), told, true);
    match knock.change {
        Some(change) => change.in_protobuf(event),
        None => event.encode_to_vec(),
    }
}

/// What a signature is over HTTP: here the bearer says who calls.
fn bearer(signing: Signing) -> Bearer {
    match signing {
        Signing::Missing => Bearer::Missing,
        Signing::OtherKey => Bearer::Another,
        _ => Bearer::Ours,
    }
}

#[async_trait]
impl Door for GrpcDoor {
    async fn knock(&self, knock: &Knock<'_>) -> Heard {
        let mut heard = self.call(std::slice::from_ref(knock)).await;
        heard.pop().unwrap_or_else(|| Heard {
            status: Some(Status::Grpc(Code::Unknown)),
            outcome: Outcome::Failed {
                after: None,
                why: "no answer".into(),
            },
            body: None,
            took: std::time::Duration::ZERO,
        })
    }

    async fn knock_together(&self, knocks: &[Knock<'_>]) -> Option<Vec<Heard>> {
        Some(self.call(knocks).await)
    }

    fn signs(&self) -> Signs {
        self.signs
    }
}
