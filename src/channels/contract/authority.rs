//! What can an account do that other accounts are bound via by a scan? Its notices, its calls, its pages: as values.

use serde::{Deserialize, Serialize};

use super::{AccessToken, Admitted, Refusal, Verdict};
use crate::{
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    secret::Secret,
};

/// An account that others authorise: an open platform. Calls go with its own token unless they say otherwise; whether an
/// answer is a refusal is told by [`super::Account::judge`] before one of the `read_…` looks into it.
pub trait Authority: Send + Sync {
    /// What a notice says. An error means quarantine.
    fn notice(&self, admitted: &Admitted) -> Result<Notice, Refusal>;

    // ---- its own token
    /// Asks for the component access token; made without a token.
    fn token_call(&self, ticket: &Secret) -> Call;
    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict>;
    /// Asks the platform to push tickets again; made without a token.
    fn start_tickets(&self) -> Call;

    // ---- one authorisation
    fn pre_auth(&self) -> Call;
    fn read_pre_auth(&self, answer: &Answer) -> Option<PreAuth>;
    /// Spends an authorisation code.
    fn exchange(&self, code: &Secret) -> Call;
    fn read_exchange(&self, answer: &Answer) -> Option<Grant>;
    /// A fresh token for one authorizer.
    fn renew(&self, app_id: &str, refresh: &Secret) -> Call;
    fn read_renewal(&self, answer: &Answer) -> Option<Renewal>;
    fn about(&self, app_id: &str) -> Call;
    fn read_about(&self, answer: &Answer) -> Option<About>;
    /// One page of all authorizers, from this place on.
    fn list(&self, offset: u64) -> Call;
    fn read_list(&self, answer: &Answer) -> Option<Listing>;
    /// Where an operator scans; `base` is where the platform's pages are, `only` the one account that may authorise.
    fn pages(&self, base: &str, pre_auth: &PreAuth, back: &str, only: Option<&str>) -> Pages;

    // ---- what may be done with it
    /// The set of this number, by name.
    fn set(&self, id: u32) -> PermissionSet;
    /// The sets without which an account of this channel is of no use to us.
    fn needs(&self, channel: &str) -> &'static [u32];

    // ---- the release test
    /// What one of the platform's own test accounts wants to hear; `None`: it is none of them.
    fn played(&self, app_id: &str, admitted: &Admitted, now: Millis) -> Option<Played>;
    /// The original id of a test account.
    fn test_account(&self, app_id: &str) -> Option<&'static str>;
    /// What the release test wants said by the API: made with the token that `code` gave.
    fn play(&self, code: &Secret, to: &str) -> Call;
}

/// What the platform tells an open platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Ticket {
        ticket: Secret,
        created: Millis,
    },
    Authorized(Authorized),
    Unauthorized {
        app_id: String,
        created: Millis,
    },
    /// Acknowledged and logged.
    Other {
        name: String,
    },
}

/// Somebody authorised, or changed what is authorised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorized {
    pub app_id: String,
    pub code: Secret,
    pub pre_auth: Secret,
    pub created: Millis,
    /// It was authorised before.
    pub again: bool,
}

/// A code that opens one authorisation page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreAuth {
    pub code: Secret,
    pub lives_for: Millis,
}

/// What an authorisation code gave.
#[derive(Clone)]
pub struct Grant {
    pub app_id: String,
    /// Absent where the account has no API permission at all.
    pub token: Option<AccessToken>,
    pub refresh: Secret,
    pub sets: Vec<u32>,
}

/// A fresh token of an authorizer, and the refresh token from now on.
#[derive(Clone)]
pub struct Renewal {
    pub token: AccessToken,
    pub refresh: Secret,
}

/// Who an authorizer is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    pub name: String,
    /// `gh_…`: what its callbacks are addressed to.
    pub original_id: String,
    /// Whom it belongs to.
    pub principal: String,
    /// The channel of ours that serves it.
    pub channel: String,
    /// The platform's number of its kind.
    pub service_type: i64,
    pub verified: bool,
    /// The platform's number: 1 is normal.
    pub status: i64,
    pub sets: Vec<u32>,
    /// The refresh token as the platform knows it; empty if no code was ever spent for the present authorisation.
    #[serde(skip)]
    pub refresh: Secret,
}

/// One page of authorizers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub total: u64,
    /// AppID and refresh token; the token may be empty.
    pub items: Vec<(String, Secret)>,
}

/// The platform's authorisation pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Shows a code to scan.
    pub pc: String,
    /// To be opened inside WeChat.
    pub phone: String,
}

/// What an account's admin ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermissionSet {
    pub id: u32,
    /// As the platform's pages name it; empty where none does.
    pub name_zh: &'static str,
    pub name_en: &'static str,
    /// Only one open platform at a time may hold it.
    pub exclusive: bool,
}

/// What becomes of a message of the release test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Played {
    /// Answered inside the request with this document.
    Passive(Vec<u8>),
    /// Answered by nothing at once, and by [`Authority::play`] right after.
    Api { code: Secret, to: String },
    /// Taken, and nothing is wanted.
    Nothing,
}
