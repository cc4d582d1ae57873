//! What does every channel say of itself, and every account do, the same way? Tables; door, files, tokens.

use super::{AccessToken, Admitted, CallbackQuery, Card, Downloaded, MediaLimit, PlatformCode, Refusal, Seal, Verdict};
use crate::{
    error::Fault,
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1,
    settings::AccountSettings,
};

/// The part of [`super::Channel`] that is read out of its tables.
pub trait Tables: Send + Sync {
    fn card(&self) -> &'static Card;
    /// The error numbers that this channel knows: [`Tables::explain`] explains and [`super::Account::judge`] judges each.
    fn numbers(&self) -> Vec<i64>;
    /// What an error number of the platform means on this channel; `None` where no page names it.
    fn explain(&self, number: i64) -> Option<PlatformCode>;
    /// What the platform takes as uploaded media, one line per kind (`thumb` too, where it has thumbnails): the table in
    /// `docs/media.md`, and what is looked at before a file is read. A kind without a line cannot be sent as a file.
    fn media(&self) -> &'static [MediaLimit];
    /// The names that `limits` of an account may have; none where nothing is sent.
    fn limits(&self) -> Vec<String>;
}

/// The two families of platforms, each with an API at a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Weixin,
    Wecom,
}

/// How long a refusal lasts, whatever is tried meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// No page says.
    Unknown,
    /// Until the platform's next minute begins.
    UntilNextMinute,
    /// A minute from the refusal on.
    Minute,
}

/// The part of [`super::Account`] that differs between channels by data alone. Whoever holds a `channels::common::account`
/// has it; a channel whose door is another one writes it itself.
pub trait Basis: Send + Sync {
    /// The account as the schema shows it.
    fn describe(&self) -> &v1::Account;
    fn settings(&self) -> &AccountSettings;
    /// Whose API it calls.
    fn side(&self) -> Side;

    // ---- is it really the platform?

    /// The console's GET check: the bytes to return, or the refusal.
    fn handshake(&self, query: &CallbackQuery, now: Millis) -> Result<Vec<u8>, Refusal>;
    /// Verifies and opens one POST.
    fn admit(&self, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal>;
    /// The same for a push that carries no signature, from the platform's own network (云托管).
    fn admit_unsigned(&self, body: &[u8], now: Millis) -> Result<Admitted, Refusal>;
    /// The console's own check of the callback address: its query, signed as the platform signs, and what must come back;
    /// `None` where this account has no address of its own, or nothing to sign with.
    fn console_check(&self, _now: Millis, _random: [u8; 16]) -> Option<(String, Vec<u8>)> {
        None
    }
    /// Closes a plain passive answer the way `seal` asks. `random` is 16 fresh bytes.
    fn seal(&self, seal: &Seal, plain: &[u8], now: Millis, random: [u8; 16]) -> Result<Vec<u8>, Fault>;

    // ---- files
    //
    // A message that brings one says `State::Pending` in its `Media`, with `platform_media_id` or `url`; a thumbnail that the
    // schema has no field for stands in the part's `ext_json` as `{channel}.thumb_media_id` or `{channel}.thumb_url`. Handles
    // are given by the house (`media::inbound::label`), and the bytes are fetched beside the event: a channel says no more
    // than these and `Account::download_range`. See `docs/media.md`.

    /// The platform's id of a file that went up with [`super::Account::upload`].
    fn uploaded(&self, answer: &Answer) -> Result<String, Verdict>;
    /// The call whose answer is the file `media_id` (without the token); `kind` is `image`, `voice`, `video`, `file` or
    /// `thumb`. `None`: this channel gives no files out. On all four platforms it is `GET /cgi-bin/media/get?media_id=`.
    fn download(&self, media_id: &str, kind: &str) -> Option<Call>;
    /// What it means that a download was answered with a short JSON object, or with another status than 200 and 206. JSON
    /// that is no refusal is the file itself.
    fn downloaded(&self, call: &Call, answer: &Answer) -> Downloaded;

    // ---- refusals

    /// How long what was refused with this number ([`super::Verdict::RetryLater`]) does not pass.
    fn lasts(&self, number: i64) -> Lasts;

    // ---- tokens

    /// The request for an access token.
    fn token_call(&self) -> Call;
    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict>;

    // ---- what is possible

    /// Static part of the capability record: part kinds, limits, roads this kind of account has.
    fn capabilities(&self) -> v1::Capabilities;
}
