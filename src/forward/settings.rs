//! What may an operator say of a forwarder, and which records are there?

use crate::{ports::forward::Streams, secret::Secret};

/// A type of record. Names as receivers know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A session begins or changes hands.
    Conversation,
    /// Made by cores alone.
    Evaluation,
    /// What customers say and tap.
    User,
    /// What is learnt about customers.
    UserInfo,
    /// The chat, both sides of it.
    Msg,
    /// Made by cores alone.
    Summary,
}

impl Kind {
    pub const ALL: [Kind; 6] = [
        Kind::Conversation,
        Kind::Evaluation,
        Kind::User,
        Kind::UserInfo,
        Kind::Msg,
        Kind::Summary,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Conversation => "conversation",
            Kind::Evaluation => "evaluation",
            Kind::User => "user",
            Kind::UserInfo => "userinfo",
            Kind::Msg => "msg",
            Kind::Summary => "summary",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Could be protected before the others could: the switch alone decides, whatever else a forwarder was before.
    pub const fn always_protectable(self) -> bool {
        matches!(self, Kind::User | Kind::UserInfo)
    }

    /// Where its records come from, beside those that cores make.
    pub const fn streams(self) -> Streams {
        match self {
            Kind::Evaluation | Kind::Summary => Streams {
                events: false,
                messages: false,
            },
            Kind::User | Kind::UserInfo => Streams {
                events: true,
                messages: false,
            },
            Kind::Conversation | Kind::Msg => Streams {
                events: true,
                messages: true,
            },
        }
    }
}

/// How a batch is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Signs company, time and nonce: not the body.
    SobotMd5,
    /// Signs time, nonce and body.
    #[default]
    HmacSha256,
}

impl Mode {
    pub const fn name(self) -> &'static str {
        match self {
            Mode::SobotMd5 => "sobot-md5",
            Mode::HmacSha256 => "hmac-sha256",
        }
    }
}

/// One `[[forwarder]]`, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Forwarder {
    pub name: String,
    pub url: String,
    /// Sorted, each once, at least one.
    pub types: Vec<Kind>,
    pub key: Secret,
    pub mode: Mode,
    pub company_id: String,
    /// Only with [`Mode::HmacSha256`].
    pub encrypt: bool,
    /// Read when the name is first seen, and never again.
    pub legacy_plain: bool,
}
