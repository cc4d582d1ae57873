//! What must a channel be able to do? Its traits, and the plain data that crosses them.
//!
//! A channel is asked, it never asks: nothing here awaits, opens a socket or looks at a clock. Time, random bytes and
//! settings are passed in; calls to the platform come out as values that others carry.
//!
//! # Adding a channel
//! One folder below `channels/` that implements [`Channel`] and [`Account`], one line in [`super::REGISTRY`], and a folder
//! of captured bodies in `fixtures/`. Routes, forms, metrics, docs tables and the conformance tests walk the registry. What
//! other channels do alike is in `channels/common`; the steps, one by one, are in `docs/adding-a-channel.md`.

mod basis;
mod faces;
mod media;
mod places;
mod pull;
mod sessions;

pub use basis::{Basis, Side, Tables};
pub use faces::{Faces, Profile};
pub use media::{Downloaded, MediaLimit};
pub use places::{Place, Places};
pub use pull::{At, Bell, Item, Listed, NotDelivered, PullFault, PulledPage, Pulls};
pub use sessions::{CodeOf, CodeRule, Holder, Sessions, To};

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1::{self, send_result::Road},
    settings::AccountSettings,
};

/// One kind of account, e.g. the official account. What it says of itself by tables alone is its [`Tables`].
pub trait Channel: Tables {
    /// Opens one configured account, or says every fault of its settings at once.
    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>>;
    /// Where an operator finds things in the platform's console; findings name them.
    fn places(&self) -> Places {
        Places::default()
    }
}

/// An error number of the platform, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformCode {
    pub meaning: &'static str,
    /// The code of ours that it becomes.
    pub code: Code,
    /// What we do about it by ourselves.
    pub follows: &'static str,
    pub remedy_en: &'static str,
    pub remedy_zh: &'static str,
}

/// What a channel says about itself; forms, docs and tables come from it.
pub struct Card {
    /// Name in the contract: `official_account`.
    pub name: &'static str,
    pub title_en: &'static str,
    pub title_zh: &'static str,
    /// The platform's page.
    pub doc_url: &'static str,
    /// The settings an operator must enter.
    pub fields: &'static [Field],
    /// Sobot dictionary, see `Account.channel_code` in the schema.
    pub channel_code: u32,
}

pub struct Field {
    pub name: &'static str,
    pub secret: bool,
    pub required: bool,
    pub help_en: &'static str,
    pub help_zh: &'static str,
}

/// One mistake in an account's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The key as the operator wrote it.
    pub key: String,
    /// What was found; `***` for secrets.
    pub found: String,
    pub expected: String,
}

/// One account, opened: keys decoded, limits known. What all channels do the same way is its [`Basis`].
pub trait Account: Basis {
    /// The places on the platform that only one account may have, as `platform_id` and `sub_id`.
    fn claims(&self) -> Vec<(String, String)> {
        let it = self.describe();
        vec![(it.platform_id.clone(), it.sub_id.clone())]
    }
    /// The conversations of this place are its own.
    fn owns(&self, platform_id: &str, sub_id: &str) -> bool {
        let it = self.describe();
        it.platform_id == platform_id && it.sub_id == sub_id
    }

    // ---- in: what did the platform say?

    /// Reads what was opened. An error means quarantine: it was the platform, but we do not understand it.
    fn read(&self, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal>;
    /// What the platform wants to read in place of `success` once this callback is durable, before it is sealed; `None`:
    /// the bare acknowledgement.
    fn thanks(&self, _admitted: &Admitted) -> Option<Vec<u8>> {
        None
    }
    /// For an account bound `via` another one: this callback came in there, and is ours.
    fn takes(&self, _admitted: &Admitted) -> bool {
        false
    }
    /// The callback says nothing but that something waits to be pulled.
    fn bell(&self, _admitted: &Admitted) -> Option<Bell> {
        None
    }
    /// How what waits is pulled; `None` where the platform pushes everything.
    fn pulls(&self) -> Option<&dyn Pulls> {
        None
    }
    /// How customers are asked about; `None` where nothing more is told of them than comes with what they say.
    fn faces(&self) -> Option<&dyn Faces> {
        None
    }

    // ---- out: how do we say this here?

    /// What one message becomes on this channel: platform messages in order, and what was lost on the way.
    fn pieces(&self, say: &Say, roads: Roads) -> Result<Pieces, Fault>;
    /// One piece as a passive answer, before sealing; `None` where the piece cannot ride in one.
    fn passive(&self, piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>>;
    /// One piece as an API call to `recipient`.
    fn call(&self, piece: &Piece, recipient: &str) -> Call;
    /// The same, where a call says more than whom it is for.
    fn call_to(&self, piece: &Piece, to: &To<'_>) -> Call {
        self.call(piece, to.recipient)
    }
    /// The road that messages take by the API.
    fn usual_road(&self) -> Road {
        Road::CustomerService
    }
    /// The road of this piece by the API.
    fn road(&self, _piece: &Piece) -> Road {
        self.usual_road()
    }
    /// A link's picture must be on the platform: `image_handle` of links and cards then holds the platform's id.
    fn links_need_pictures(&self) -> bool {
        false
    }
    /// After a try whose answer was lost: this refusal of the next one may say that the first arrived.
    fn perhaps_known(&self, _error: &v1::Error) -> bool {
        false
    }
    /// The platform's own sessions; `None` where it has none.
    fn sessions(&self) -> Option<&dyn Sessions> {
        None
    }
    /// The call that takes back what [`Account::call_to`] sent under this id; `None` where nothing can be taken back.
    fn recall(&self, _platform_message_id: &str, _to: &To<'_>) -> Option<Call> {
        None
    }
    /// The upload of one file, whose answer [`Basis::uploaded`] reads.
    fn upload(&self, file: &Upload) -> Result<Call, Fault>;
    /// What an answer to `call` means. Looks into the body: the platform puts failures inside HTTP 200.
    fn judge(&self, call: &Call, answer: &Answer) -> Verdict;
    /// What to say in place of a message that the platform refused with `error`, and what that loses; `None` where
    /// there is nothing else to say.
    fn instead(&self, _say: &Say, _error: &v1::Error) -> Option<(Say, v1::Degradation)> {
        None
    }
    /// Whether one customer stands behind this id: an id that the platform reads as several, or as everybody, does not.
    fn reaches(&self, _recipient: &str) -> Result<(), Fault> {
        Ok(())
    }
    /// Whether the message uses up a code of the platform's: the name under which codes of messages before it are kept
    /// (the card that it changes); empty = only the code of the event that it answers counts.
    fn wants_ticket(&self, _say: &Say) -> Option<String> {
        None
    }
    /// The code that the platform gave with its good answer to `call`, for a later message.
    fn ticket(&self, _call: &Call, _answer: &Answer) -> Option<Ticket> {
        None
    }
    /// How fast messages to one customer may follow each other, where the platform drops what comes faster without a word.
    fn pace(&self) -> &'static [Pace] {
        &[]
    }
    /// A harmless call that shows whether the platform takes calls from our address; `None` where asking for a token shows it.
    fn probe(&self) -> Option<Call> {
        None
    }
    /// Asks whether the platform's own agents may take customers away from us; `None` where nothing can be asked.
    fn agents(&self) -> Option<Call> {
        None
    }
    /// What a good answer to [`Account::agents`] tells the operator; `None`: nobody is there.
    fn agents_at_work(&self, _answer: &Answer) -> Option<String> {
        None
    }
    /// The call that takes `recipient` back from the platform's own agent; `None` where there is none.
    fn release(&self, _servicer: &str, _recipient: &str) -> Option<Call> {
        None
    }

    /// The most bytes that one download gives: larger files are read range by range. `None`: whole, in one answer.
    fn download_range(&self) -> Option<u64> {
        None
    }

    // ---- what is possible

    /// What `trigger` opens on this account.
    fn allowance(&self, trigger: &str) -> Option<AllowanceRule>;
}

// ───────────── in ─────────────

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
    /// The allowance it opens: `message`, `menu`, `scan`, `follow`.
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

// ───────────── out ─────────────

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
    /// The code that it uses up, where [`Account::wants_ticket`] asked for one and there is one.
    pub ticket: Option<Ticket>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roads {
    pub passive: bool,
    pub api: bool,
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

#[derive(Clone)]
pub struct AccessToken {
    pub value: String,
    pub lives_for: Millis,
}

/// What one trigger opens, with today's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceRule {
    /// `None`: the platform sets no count.
    pub count: Option<u32>,
    pub window: Millis,
    pub part_types: &'static [&'static str],
}
