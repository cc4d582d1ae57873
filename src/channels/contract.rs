//! What must a channel be able to do? Its traits, and the plain data that crosses them.
//!
//! A channel is asked, it never asks: nothing here awaits, opens a socket or looks at a clock. Time, random bytes and
//! settings are passed in; calls to the platform come out as values that others carry.
//!
//! # Adding a channel
//! One folder below `channels/` that implements [`Channel`] and [`Account`], one line in [`super::REGISTRY`], and a folder
//! of captured bodies in `fixtures/`. Routes, forms, metrics, docs tables and the conformance tests walk the registry. What
//! other channels do alike is in `channels/common`; the steps, one by one, are in `docs/adding-a-channel.md`.

mod authority;
mod basis;
mod faces;
mod inward;
mod media;
mod outward;
mod places;
mod pull;
mod sessions;

pub use authority::{
    About, Authority, Authorized, Grant, Listing, Notice, Pages, PermissionSet, Played, PreAuth, Renewal,
};
pub use basis::{Basis, Lasts, Side, Tables};
pub use faces::{Faces, Profile};
pub use inward::{Admitted, CallbackQuery, Dedupe, Effects, Inbound, PassiveTo, Refusal, Seal, SessionEffect, Who};
pub use media::{Downloaded, MediaLimit};
pub use outward::{Learned, Pace, Piece, Pieces, Roads, Say, Ticket, Upload, Verdict, What};
pub use places::{Place, Places};
pub use pull::{At, Bell, Item, Listed, NotDelivered, PullFault, PulledPage, Pulls};
pub use sessions::{CodeOf, CodeRule, Holder, Sessions, To};

use std::sync::Arc;

use crate::{
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1::{self, send_result::Road},
    settings::{AccountSettings, TRIGGERS},
};

/// One kind of account, e.g. the official account. What it says of itself by tables alone is its [`Tables`].
pub trait Channel: Tables {
    /// Opens one configured account, or says every fault of its settings at once.
    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>>;
    /// Where an operator finds things in the platform's console; findings name them.
    fn places(&self) -> Places {
        Places::default()
    }
    /// The channels that an account of this one may be bound via.
    fn via(&self) -> &'static [&'static str] {
        &[]
    }
}

/// An error number of the platform, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlatformCode {
    pub meaning_en: &'static str,
    pub meaning_zh: &'static str,
    /// The code of ours that it becomes.
    pub code: Code,
    /// What we do about it by ourselves.
    pub follows_en: &'static str,
    pub follows_zh: &'static str,
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
    /// The same, of a place that is served by nobody bound via the same account: none of the other's business either.
    fn takes_unserved(&self, _admitted: &Admitted) -> bool {
        false
    }
    /// The callback says nothing but that something waits to be pulled.
    fn bell(&self, _admitted: &Admitted) -> Option<Bell> {
        None
    }
    /// Others are bound via this account by a scan, and their callbacks come in at its addresses; `None` for every account
    /// that has customers of its own.
    fn authority(&self) -> Option<&dyn Authority> {
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
    /// What the piece says by the API and leaves unsaid in a passive answer.
    fn passive_loses(&self, _piece: &Piece) -> Vec<v1::Degradation> {
        Vec::new()
    }
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
    /// Whether this card has room for a picture here: one that it has not is not put on the platform.
    fn shows_picture(&self, _card: &v1::Card) -> bool {
        true
    }
    /// Whether the page of this card is shown here, so that the card's own picture can be the thumbnail which that lacks.
    fn lends_picture(&self, _card: &v1::Card) -> bool {
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
    /// What the code of an event may carry, and for how long; `None` where events bring none that a message goes by.
    fn code(&self, of: CodeOf) -> Option<CodeRule> {
        self.sessions().map(|sessions| sessions.code(of))
    }
    /// The code that the platform gave with its good answer to `call`, for a later message.
    fn ticket(&self, _call: &Call, _answer: &Answer) -> Option<Ticket> {
        None
    }
    /// How fast messages to one customer may follow each other, where the platform drops what comes faster without a word.
    fn pace(&self) -> &'static [Pace] {
        &[]
    }
    /// The platform shows a video with a thumbnail of its own: the account's `default_thumb` where a core gives none.
    fn video_has_thumb(&self) -> bool {
        false
    }
    /// A harmless call that shows whether the platform takes calls from our address; `None` where asking for a token shows it.
    fn probe(&self) -> Option<Call> {
        None
    }
    /// Asks whether the platform's own agents may take customers away from us; `None` where nothing can be asked.
    fn agents(&self) -> Option<Call> {
        None
    }
    /// A refusal of that question says that the customer-service API as a whole is shut, and an answer that it is open.
    fn agents_prove_api(&self) -> bool {
        false
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

    /// The most messages that any act of a customer allows; `None` where that is not counted.
    fn most_allowed(&self) -> Option<u32> {
        let counts = TRIGGERS.iter().filter_map(|trigger| self.allowance(trigger)?.count);
        counts.max()
    }
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
