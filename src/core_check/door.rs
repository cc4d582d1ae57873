//! How is one event brought to the core that is examined? A way in, told to do it rightly or wrongly.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use tonic::Code;

use super::later::Change;
use crate::{
    core_link::grpc,
    ports::{
        clock::Millis,
        core::{Answer, Outcome, Reply},
    },
    schema::v1,
};

/// One attempt, right or wrong.
#[derive(Clone)]
pub struct Knock<'a> {
    pub event: &'a v1::Event,
    /// From 1.
    pub attempt: u32,
    /// When the platform's request ends, where one is open.
    pub deadline: Option<Millis>,
    pub replay: Option<&'a str>,
    pub signing: Signing,
    /// What a later version of the bridge might write otherwise.
    pub change: Option<Change>,
    pub now: Millis,
}

/// How it is signed; over gRPC with the bearer, or without, or with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Right,
    Missing,
    /// With a key that is not the core's.
    OtherKey,
    /// Of another body than the one that is sent.
    OtherBody,
    /// Of another event's id.
    OtherId,
    /// Of another time than the one that is sent.
    OtherTime,
    /// With two keys, as during a rotation; the core knows the second.
    Rotation,
    /// Rightly, at a time so far from now.
    Aged(Millis),
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `None`: no complete answer.
    pub status: Option<Status>,
    pub outcome: Outcome,
    /// The answer as it was, over gRPC in JSON; `None` where it was too long to be read.
    pub body: Option<Vec<u8>>,
    pub took: Duration,
    /// The request before it was closed at the deadline: whatever it was answered is lost.
    pub late: bool,
}

/// How the core began its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Http(u16),
    Grpc(Code),
}

impl Status {
    /// It says that we are not its bridge.
    pub fn refuses_us(self) -> bool {
        matches!(
            self,
            Self::Http(401 | 403) | Self::Grpc(Code::Unauthenticated | Code::PermissionDenied)
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(to, "{status}"),
            Self::Grpc(code) => to.write_str(grpc::name(*code)),
        }
    }
}

impl Heard {
    /// What was said while the event was taken.
    pub fn taken(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Taken(answer) => Some(answer),
            _ => None,
        }
    }

    pub fn replies(&self) -> &[Reply] {
        self.taken().map_or(&[], |answer| &answer.replies)
    }
}

/// A way to the core.
#[async_trait]
pub trait Door: Send + Sync {
    async fn knock(&self, knock: &Knock<'_>) -> Heard;
    /// Events of different conversations in one request; `None` where this way knows no such thing.
    async fn knock_together(&self, _: &[Knock<'_>]) -> Option<Vec<Heard>> {
        None
    }
    /// How the core may know on this way that it is us.
    fn signs(&self) -> Signs;
}

/// What the core may know us by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// Events are signed: we have the core's key.
    Yes,
    /// They could be, but nobody gave us the key.
    NoKey,
    /// Calls bear a secret (gRPC): we have it.
    Bearer,
    /// They could, but nobody gave it to us.
    NoBearer,
    /// Who calls is known by its certificate.
    Certificate,
}
