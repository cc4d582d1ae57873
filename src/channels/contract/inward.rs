//! What comes in through a channel? A callback, opened and verified or refused, and what it says in our words.

use std::{collections::BTreeMap, sync::Arc};

use super::Millis;
use crate::{
    error::{Code, Fault},
    schema::v1,
};

/// The query of a callback, decoded once, as the signature wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackQuery {
    pub signature: String,
    pub msg_signature: String,
    pub timestamp: String,
    pub nonce: String,
    pub echostr: String,
    pub encrypt_type: String,
    /// The query as it came, for the quarantine.
    pub raw: String,
}

/// A verified and opened body.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// What the platform said, byte for byte: XML or JSON.
    pub plain: Vec<u8>,
    pub seal: Seal,
    /// The authenticated timestamp of the query, in milliseconds.
    pub stamped: Millis,
    /// Things to tell the operator: `CLOCK_SKEW`, `OLD_KEY_STILL_USED`.
    pub notes: Vec<Code>,
}

/// How an answer on this request must be closed: with what verified it.
#[derive(Clone)]
pub enum Seal {
    /// Plain mode: the answer goes as it is.
    Plain,
    /// Sealed with these, for this receiver.
    Encrypted {
        token: Arc<str>,
        key: Arc<[u8; 32]>,
        id: Arc<str>,
        nonce: String,
    },
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Seal::Plain => f.write_str("Plain"),
            Seal::Encrypted { id, .. } => write!(f, "Encrypted {{ id: {id}, key: *** }}"),
        }
    }
}

/// Why a callback is not taken as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not from the platform, or not fit to be looked at: this status, empty body.
    Reject { status: u16, fault: Fault },
    /// From the platform, but not understood: 200 `success`, and the body is kept for the operator.
    Quarantine { fault: Fault },
}

impl Refusal {
    pub fn reject(status: u16, code: Code, detail: impl Into<String>) -> Self {
        Refusal::Reject {
            status,
            fault: Fault::new(code, detail),
        }
    }
    pub fn quarantine(code: Code, detail: impl Into<String>) -> Self {
        Refusal::Quarantine {
            fault: Fault::new(code, detail),
        }
    }
    pub fn fault(&self) -> &Fault {
        match self {
            Refusal::Reject { fault, .. } | Refusal::Quarantine { fault } => fault,
        }
    }
}

/// One thing that happened on the platform, in our words.
#[derive(Clone, Debug)]
pub struct Inbound {
    pub who: Who,
    /// Other ids of the customer: `unionid` …
    pub aliases: BTreeMap<String, String>,
    /// What the platform claims; `None` where it claims nonsense.
    pub platform_time: Option<Millis>,
    pub dedupe: Dedupe,
    /// Message, interaction or signal.
    pub body: v1::event::Body,
    /// How the customer came in, where this very event says so. Its `params` may carry `p=<entry token>`.
    pub entry: Option<v1::Entry>,
    pub effects: Effects,
    /// Where a passive answer would go; `None` where none is possible.
    pub passive: Option<PassiveTo>,
    /// The raw body must travel along: an unsupported part or `OTHER`.
    pub raw_always: bool,
}

/// Whose conversation it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A customer, by the platform's id, verbatim.
    Customer(String),
    /// The account itself (`a:-`).
    Account,
}

/// The identity that the platform's retries share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dedupe {
    /// As the core sees it: `wx…:24812345678901234`.
    pub text: String,
    /// Grows with time (MsgId, or CreateTime): keeps the index of the store appending at its end.
    pub order: u64,
    /// The rest of the identity where `order` alone does not tell: sender, event, key.
    pub rest: String,
}

/// What an inbound does to its conversation beside being said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The allowance it opens, one of [`TRIGGERS`](crate::settings::TRIGGERS) where messages are counted.
    pub opens: Option<&'static str>,
    /// The customer left: nothing may be sent.
    pub unfollowed: bool,
    /// The customer acted (a message, a tap, a scan): keeps the session alive.
    pub customer_acted: bool,
    /// The customer said something (sets `last_customer_message_time`).
    pub customer_spoke: bool,
    pub session: Option<SessionEffect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEffect {
    /// The platform's own agent took the customer.
    Captured { servicer: String },
    /// The platform's own agent let go, or the core took over.
    Released,
    /// The core ended the session.
    Ended,
    /// The platform keeps sessions, and this one is now so; `servicer` where a colleague holds it.
    Moved {
        state: v1::conversation::SessionState,
        servicer: String,
    },
    /// The platform keeps sessions: what the customer says leaves one as it is, and begins a new one where it had ended.
    Kept,
}

/// Where a passive answer goes, and what it may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassiveTo {
    pub to: String,
    pub from: String,
    /// Part names a passive answer can carry here.
    pub part_types: &'static [&'static str],
    /// An answer to a message (as opposed to an event): `transfer` is lawful, news has one article.
    pub to_message: bool,
    /// The push was JSON, so its answer is.
    pub json: bool,
}
