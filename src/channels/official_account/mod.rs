//! The official account (公众号: 订阅号 and 服务号). How do the parts below fit together?
//!
//! A callback is opened and read by the rooms that channels share, by the table in [`events`]. An answer: `render` makes
//! pieces of it, `judge` reads what the platform said to them by the table in [`codes`], `limits` holds the figures.
//! Platform pages: <https://developers.weixin.qq.com/doc/subscription/guide/>.

mod agents;
pub mod codes;
pub mod degrade;
pub mod events;
pub mod judge;
pub mod limits;
pub mod page;
pub mod render;
pub mod settings;

use std::sync::Arc;

use super::{
    common::{
        answers, codes as tables, door, download,
        normalise::{self, Passive, Tongue},
        settings::{self as entered, Ready},
        tokens,
    },
    contract::{
        AccessToken, Account, Admitted, AllowanceRule, CallbackQuery, Card, Channel, Downloaded, Inbound, MediaLimit,
        PassiveTo, Piece, Pieces, Places, PlatformCode, Refusal, Roads, Say, Seal, SettingFault, Upload, Verdict,
    },
};
use crate::{
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

static TONGUE: Tongue = Tongue {
    channel: CARD.name,
    rows: events::ROWS,
    passive: Passive::Content,
    choice_opens: "menu",
};

impl Channel for OfficialAccount {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn numbers(&self) -> Vec<i64> {
        tables::numbers(codes::TABLE)
    }

    fn explain(&self, number: i64) -> Option<PlatformCode> {
        tables::explain(codes::TABLE, number)
    }

    fn places(&self) -> Places {
        Places {
            credentials: (
                "mp.weixin.qq.com: Settings and development › Basic configuration",
                "公众平台：设置与开发 › 基本配置",
            ),
            callback: (
                "mp.weixin.qq.com: Settings and development › Basic configuration › Server configuration",
                "公众平台：设置与开发 › 基本配置 › 服务器配置",
            ),
            allow_list: (
                "mp.weixin.qq.com: Settings and development › Basic configuration › IP allow-list",
                "公众平台：设置与开发 › 基本配置 › IP白名单",
            ),
            permissions: (
                "mp.weixin.qq.com: Settings and development › API permissions",
                "公众平台：设置与开发 › 接口权限",
            ),
        }
    }

    fn media(&self) -> &'static [MediaLimit] {
        limits::MEDIA
    }

    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        Ok(Arc::new(Opened {
            ready: entered::ready(settings, &settings::WANTS)?,
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
    ready: Ready,
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
        door::handshake(&self.ready, query, now)
    }

    fn admit(&self, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
        door::admit(&self.ready, query, body, now)
    }

    fn read(&self, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
        normalise::read(&TONGUE, &self.settings, admitted, now)
    }

    fn seal(&self, seal: &Seal, plain: &[u8], now: Millis, random: [u8; 16]) -> Result<Vec<u8>, Fault> {
        Ok(door::seal(seal, plain, now, random))
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
        answers::uploaded(codes::TABLE, answer)
    }

    fn judge(&self, call: &Call, answer: &Answer) -> Verdict {
        judge::judge(call, answer)
    }

    fn instead(&self, say: &Say, error: &v1::Error) -> Option<(Say, v1::Degradation)> {
        render::instead(say, error)
    }

    fn agents(&self) -> Option<Call> {
        Some(agents::call())
    }

    fn agents_at_work(&self, answer: &Answer) -> Option<String> {
        agents::at_work(answer)
    }

    /// Closes the session of 客服功能 (kfsession/close), where the operator lets us have a hand in it.
    fn release(&self, servicer: &str, recipient: &str) -> Option<Call> {
        let ours = self.settings.platform_agents == PlatformAgents::Allow;
        render::release(servicer, recipient).filter(|_| ours)
    }

    fn download(&self, media_id: &str, _kind: &str) -> Option<Call> {
        Some(download::call(media_id))
    }

    fn downloaded(&self, _call: &Call, answer: &Answer) -> Downloaded {
        download::read(codes::TABLE, answer)
    }

    fn token_call(&self) -> Call {
        tokens::call(&self.settings)
    }

    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        tokens::read(codes::TABLE, answer)
    }

    fn capabilities(&self) -> v1::Capabilities {
        limits::capabilities(&self.describe)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(&self.settings, trigger)
    }
}
