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
        grpc::{
            Share,
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
                (outcomes(response, knocks), body)
            }
            Err(outcome) => (vec![outcome; knocks.len()], Vec::new()),
        };
        let heard = |outcome: Outcome| Heard {
            status: code.map(Status::Grpc),
            outcome,
            body: Some(body.clone()),
            took: started.elapsed(),
            late: false,
        };
        outcomes.into_iter().map(heard).collect()
    }
}

/// One for each event; the events of one conversation stand together.
fn outcomes(response: v1::DeliverResponse, knocks: &[Knock<'_>]) -> Vec<Outcome> {
    let runs: Vec<(&str, Vec<u32>)> = knocks
        .chunk_by(|one, next| key(one) == key(next))
        .map(|run| (key(&run[0]), run.iter().map(|knock| knock.event.seq).collect()))
        .collect();
    let whose: Vec<Share<'_>> = runs.iter().map(|(key, seqs)| Share { key, seqs }).collect();
    let said = shares(response, &whose).into_iter().zip(&runs);
    let each = said.flat_map(|(mut said, (_, seqs))| {
        said.resize_with(seqs.len(), || Outcome::Again {
            after: None,
            why: "an event before it was not taken".into(),
        });
        said
    });
    each.collect()
}

fn key<'a>(knock: &Knock<'a>) -> &'a str {
    knock.event.conversation.as_ref().map_or("", |talk| &talk.key)
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
            late: false,
        })
    }

    async fn knock_together(&self, knocks: &[Knock<'_>]) -> Option<Vec<Heard>> {
        Some(self.call(knocks).await)
    }

    fn signs(&self) -> Signs {
        self.signs
    }
}
