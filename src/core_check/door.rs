//! How is one event brought to the core that is examined? A way in, told to do it rightly or wrongly.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    ports::{
        clock::Millis,
        core::{Answer, Outcome},
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
    /// What a later version of the bridge might write otherwise; gets the CloudEvent.
    pub change: Option<fn(&mut Value)>,
    pub now: Millis,
}

/// How it is signed.
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
    pub status: Option<u16>,
    pub outcome: Outcome,
    /// The answer as it was; `None` where it was too long to be read.
    pub body: Option<Vec<u8>>,
    pub took: Duration,
}

impl Heard {
    /// What was said while the event was taken.
    pub fn taken(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Taken(answer) => Some(answer),
            _ => None,
        }
    }

    pub fn replies(&self) -> &[Result<v1::SendRequest, String>] {
        self.taken().map_or(&[], |answer| &answer.replies)
    }
}

/// A way to the core.
#[async_trait]
pub trait Door: Send + Sync {
    async fn knock(&self, knock: &Knock<'_>) -> Heard;
    /// Whether events are signed on this way at all.
    fn signs(&self) -> Signs;
}

/// What may be expected of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    /// We have the core's key.
    Yes,
    /// They could be, but nobody gave us the key.
    NoKey,
    /// Who calls is known otherwise.
    Never,
}
