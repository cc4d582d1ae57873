//! What follows from a channel's data, and from what every opened account holds, alone?
//!
//! A channel names its [`Kind`] and has [`Tables`] with it; its account lends what it holds ([`Holds`]) and has [`Basis`].

use super::{
    answers,
    codes::{self, Table},
    door, download,
    limits::Record,
    settings::Ready,
    tokens,
};
use crate::{
    channels::contract::{
        AccessToken, Admitted, Basis, CallbackQuery, Card, Downloaded, Lasts, MediaLimit, PlatformCode, Refusal, Seal,
        Side, Tables, Verdict,
    },
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1,
    settings::AccountSettings,
};

/// The data of a channel.
pub struct Kind {
    pub card: &'static Card,
    pub codes: Table,
    pub record: Record,
    /// How callbacks come. Weixin's console checks in the clear, and its bodies are XML or JSON, sealed where the account
    /// asks for it; at WeCom everything is sealed, the console's check too, and bodies are XML.
    pub side: Side,
    /// The request for an access token.
    pub token: fn(&AccountSettings) -> Call,
}

/// Names its data.
pub trait OfKind {
    fn kind(&self) -> &'static Kind;
}

impl<T: OfKind + Send + Sync> Tables for T {
    fn card(&self) -> &'static Card {
        self.kind().card
    }

    fn numbers(&self) -> Vec<i64> {
        codes::numbers(self.kind().codes)
    }

    fn explain(&self, number: i64) -> Option<PlatformCode> {
        codes::explain(self.kind().codes, number)
    }

    fn media(&self) -> &'static [MediaLimit] {
        self.kind().record.media
    }

    fn limits(&self) -> Vec<String> {
        self.kind().record.limits()
    }
}

/// What an opened account holds.
pub struct Common {
    kind: &'static Kind,
    /// `None`: its callbacks come in at the account that `via` names.
    ready: Option<Ready>,
    describe: v1::Account,
    settings: AccountSettings,
}

impl Common {
    /// An account whose place on the platform is `platform_id`, and `sub_id` where several share one.
    pub fn new(
        kind: &'static Kind,
        settings: &AccountSettings,
        ready: Option<Ready>,
        platform_id: &str,
        sub_id: &str,
    ) -> Self {
        Self {
            kind,
            ready,
            describe: v1::Account {
                id: settings.id.clone(),
                channel: kind.card.name.into(),
                platform_id: platform_id.into(),
                sub_id: sub_id.into(),
                via: settings.via.clone(),
                channel_code: kind.card.channel_code,
            },
            settings: settings.clone(),
        }
    }

    pub fn settings(&self) -> &AccountSettings {
        &self.settings
    }

    fn ready(&self) -> Result<&Ready, Refusal> {
        let elsewhere = "this account has no callback of its own: it is bound via another one";
        self.ready
            .as_ref()
            .ok_or_else(|| Refusal::reject(404, Code::AccountUnknown, elsewhere))
    }
}

/// Lends what it holds.
pub trait Holds {
    fn common(&self) -> &Common;
}

impl<T: Holds + Send + Sync> Basis for T {
    fn describe(&self) -> &v1::Account {
        &self.common().describe
    }

    fn settings(&self) -> &AccountSettings {
        &self.common().settings
    }

    fn side(&self) -> Side {
        self.common().kind.side
    }

    fn handshake(&self, query: &CallbackQuery, now: Millis) -> Result<Vec<u8>, Refusal> {
        let it = self.common();
        match it.kind.side {
            Side::Weixin => door::handshake(it.ready()?, query, now),
            Side::Wecom => door::sealed::handshake(it.ready()?, query, now),
        }
    }

    fn admit(&self, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
        let it = self.common();
        match it.kind.side {
            Side::Weixin => door::admit(it.ready()?, query, body, now),
            Side::Wecom => door::sealed::admit(it.ready()?, query, body, now),
        }
    }

    fn console_check(&self, now: Millis, random: [u8; 16]) -> Option<(String, Vec<u8>)> {
        let it = self.common();
        let ready = it.ready.as_ref()?;
        match it.kind.side {
            Side::Weixin => door::check::plain(ready, now, random),
            Side::Wecom => door::check::sealed(ready, now, random),
        }
    }

    fn admit_unsigned(&self, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
        match self.common().kind.side {
            Side::Weixin => door::unsigned(body, now),
            Side::Wecom => Err(Refusal::reject(
                403,
                Code::PlaintextRefused,
                "this channel has no unsigned pushes",
            )),
        }
    }

    fn seal(&self, seal: &Seal, plain: &[u8], now: Millis, random: [u8; 16]) -> Result<Vec<u8>, Fault> {
        Ok(door::seal(seal, plain, now, random))
    }

    fn uploaded(&self, answer: &Answer) -> Result<String, Verdict> {
        answers::uploaded(self.common().kind.codes, answer)
    }

    fn download(&self, media_id: &str, _kind: &str) -> Option<Call> {
        Some(download::call(media_id))
    }

    fn downloaded(&self, _call: &Call, answer: &Answer) -> Downloaded {
        download::read(self.common().kind.codes, answer)
    }

    fn lasts(&self, number: i64) -> Lasts {
        codes::lasts(self.common().kind.codes, number)
    }

    fn token_call(&self) -> Call {
        (self.common().kind.token)(&self.common().settings)
    }

    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        tokens::read(self.common().kind.codes, answer)
    }

    fn capabilities(&self) -> v1::Capabilities {
        let it = self.common();
        it.kind.record.of(&it.describe, &it.settings)
    }
}
