//! The official account (公众号: 订阅号 and 服务号). How do the parts below fit together?
//!
//! A callback: [`admit`] verifies and opens it, [`normalise`] reads it by the table in [`events`]. An answer: `render`
//! makes pieces of it, `judge` reads what the platform said to them, `limits` and `tokens` hold the figures and the token
//! calls. Platform pages: <https://developers.weixin.qq.com/doc/subscription/guide/>.

pub mod admit;
pub mod codes;
pub mod degrade;
mod download;
pub mod events;
pub mod judge;
pub mod limits;
pub mod normalise;
pub mod page;
mod parts;
pub mod render;
pub mod settings;
mod signals;
pub mod tokens;
mod wire;

use std::sync::Arc;

use super::contract::{
    AccessToken, Account, Admitted, AllowanceRule, CallbackQuery, Card, Channel, Downloaded, Inbound, MediaLimit,
    PassiveTo, Piece, Pieces, PlatformCode, Refusal, Roads, Say, Seal, SettingFault, Upload, Verdict,
};
use crate::{
    envelope::outer,
    error::Fault,
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1,
    settings::{AccountSettings, PlatformAgents},
};

pub struct OfficialAccount;
pub static CHANNEL: OfficialAccount = OfficialAccount;

static CARD: Card = Card {
    name: "official_account",
    title_en: "Official account",
    title_zh: "公众号",
    doc_url: "https://developers.weixin.qq.com/doc/subscription/guide/",
    fields: settings::FIELDS,
    channel_code: 1,
};

impl Channel for OfficialAccount {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn explain(&self, number: i64) -> Option<PlatformCode> {
        codes::row(number).map(|row| PlatformCode {
            meaning: row.meaning,
            code: row.code,
            follows: row.class.name(),
            remedy_en: row.remedy_en,
            remedy_zh: row.remedy_zh,
        })
    }

    fn media(&self) -> &'static [MediaLimit] {
        limits::MEDIA
    }

    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        Ok(Arc::new(Opened {
            ready: settings::ready(settings)?,
            describe: v1::Account {
                id: settings.id.clone(),
                channel: CARD.name.into(),
                platform_id: settings.app_id.clone(),
                sub_id: String::new(),
                via: settings.via.clone(),
                channel_code: CARD.channel_code,
            },
            settings: settings.clone(),
        }))
    }
}

/// One opened account.
struct Opened {
    ready: settings::Ready,
    describe: v1::Account,
    settings: AccountSettings,
}

impl Account for Opened {
    fn describe(&self) -> &v1::Account {
        &self.describe
    }

    fn settings(&self) -> &AccountSettings {
        &self.settings
    }

    fn handshake(&self, query: &CallbackQuery, now: Millis) -> Result<Vec<u8>, Refusal> {
        admit::handshake(&self.ready, query, now)
    }

    fn admit(&self, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
        admit::admit(&self.ready, query, body, now)
    }

    fn read(&self, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
        normalise::read(&self.settings, admitted, now)
    }

    fn seal(&self, seal: &Seal, plain: &[u8], now: Millis, random: [u8; 16]) -> Result<Vec<u8>, Fault> {
        // The bare acknowledgement is never sealed, in no mode.
        if plain.is_empty() || plain == b"success" {
            return Ok(plain.to_vec());
        }
        Ok(match seal {
            Seal::Plain => plain.to_vec(),
            Seal::Encrypted { token, key, id, nonce } => {
                let with = outer::Closing {
                    token,
                    key,
                    id,
                    nonce,
                    timestamp: now.div_euclid(1000),
                    random,
                };
                outer::close(plain, &with)
            }
        })
    }

    fn pieces(&self, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
        render::pieces(&self.settings, say, roads)
    }

    fn passive(&self, piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
        render::passive(piece, to, now)
    }

    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        render::call(piece, recipient)
    }

    fn upload(&self, file: &Upload) -> Result<Call, Fault> {
        render::upload(file)
    }

    fn uploaded(&self, answer: &Answer) -> Result<String, Verdict> {
        judge::uploaded(answer)
    }

    fn judge(&self, call: &Call, answer: &Answer) -> Verdict {
        judge::judge(call, answer)
    }

    fn instead(&self, say: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
        render::instead(say, error)
    }

    /// Closes the session of 客服功能 (kfsession/close), where the operator lets us have a hand in it.
    fn release(&self, servicer: &str, recipient: &str) -> Option<Call> {
        let ours = self.settings.platform_agents == PlatformAgents::Allow;
        render::release(servicer, recipient).filter(|_| ours)
    }

    fn download(&self, media_id: &str, _kind: &str) -> Option<Call> {
        Some(download::call(media_id))
    }

    fn downloaded(&self, call: &Call, answer: &Answer) -> Downloaded {
        download::read(call, answer)
    }

    fn token_call(&self) -> Call {
        tokens::call(&self.settings)
    }

    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        tokens::read(answer)
    }

    fn capabilities(&self) -> v1::Capabilities {
        limits::capabilities(&self.describe)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(&self.settings, trigger)
    }
}
