//! What goes out through a channel? What the core wants said, what it becomes there, and what the platform answered.

use serde_json::Value;

use super::Millis;
use crate::{error::Code, schema::v1};

/// What the core wants said, media already resolved to platform media ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Say {
    pub what: What,
    pub degrade: v1::send_request::Degrade,
    pub ai_generated: bool,
    /// The agent's name or account, shown where the platform can.
    pub speaker: String,
    /// Our id of the message; empty where none is fixed yet (a preview, an answer that may ride in the open request).
    pub id: String,
    /// The code that it uses up, where [`Account::wants_ticket`](super::Account::wants_ticket) asked for one and there is one.
    pub ticket: Option<Ticket>,
    /// The pictures inside its texts stand behind them, as parts of their own.
    pub pictures_apart: bool,
}

/// At most so many messages within such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub count: u32,
    pub window: Millis,
}

/// A code of the platform's that one message may use up: a card's response code, a code that came with an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticket {
    pub code: String,
    /// What it is for: the task id of a card, or the name of the event.
    pub about: String,
    /// Absent: the platform names no end.
    pub expires: Option<Millis>,
    /// It came with the very event that the message answers.
    pub of_event: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Parts {
        parts: Vec<v1::Part>,
        quote: Option<v1::Quote>,
    },
    /// The platform's own body; recipient, account, codes and ids are still ours.
    Native(Value),
    Typing,
}

impl Default for What {
    fn default() -> Self {
        What::Parts {
            parts: Vec::new(),
            quote: None,
        }
    }
}

/// Which roads are open to this message; a renderer may have to degrade to stay on one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roads {
    pub passive: bool,
    pub api: bool,
    /// The open request tells an event, in answer to which a platform may take more than in answer to a message.
    pub after_event: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pieces {
    pub pieces: Vec<Piece>,
    pub degradations: Vec<v1::Degradation>,
}

/// One platform message, rendered but not addressed.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The part it shows: a name of the schema's `Part` (`text`, `image`, `menu` …).
    pub part_type: &'static str,
    /// The platform's body without recipient.
    pub native: Value,
    /// It can only ride in a passive answer (`transfer`).
    pub passive_only: bool,
}

/// One file to put on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Part name: `image`, `voice`, `video`, or `thumb`.
    pub kind: &'static str,
    pub name: String,
    pub mime: String,
    pub bytes: Vec<u8>,
}

/// What an answer of the platform means for the message that caused it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Done; `message_id` where the platform gives one.
    Done { message_id: Option<String> },
    /// The token is not valid any more: refresh once, retry once.
    RefreshToken(v1::Error),
    /// Try the same again after a while (a plain refusal: nothing was sent).
    RetryLater(v1::Error),
    /// The media id is dead: upload again once, then retry.
    UploadAgain(v1::Error),
    /// Final.
    Failed { error: v1::Error, learned: Option<Learned> },
    /// It may or may not have arrived.
    Unknown(v1::Error),
}

/// What a refusal teaches about customer or account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// 45015: the customer's window is over.
    WindowClosed,
    /// 45047: the count is used up.
    QuotaExhausted,
    /// 43004 and kin: the customer left.
    Unfollowed,
    /// 48001, 61007 …: the account may not use this API.
    NoApi(Code),
}
