//! The mini-program (小程序): its customer-service messages. How do the parts below fit together?
//!
//! As on the official account, from whose platform it is: the rooms that channels share open and read a callback by the
//! table in [`events`]; `render` makes pieces of an answer, `judge` reads what the platform said to them by the table in
//! [`codes`], `limits` holds the figures. What differs: nothing but a hand-over rides in a request, four kinds can be sent,
//! pages are its own only, and a customer who enters the chat says with what the button was marked. Platform pages:
//! <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/customer-message.html>.

mod binding;
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
    settings::AccountSettings,
};

pub struct MiniProgram;
pub static CHANNEL: MiniProgram = MiniProgram;

static CARD: Card = Card {
    name: "mini_program",
    title_en: "Mini-program",
    title_zh: "小程序",
    doc_url: "https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/customer-message.html",
    fields: settings::FIELDS,
    channel_code: 10,
};

static TONGUE: Tongue = Tongue {
    channel: CARD.name,
    rows: events::ROWS,
    passive: Passive::TransferOnly,
    choice_opens: "message",
};

impl Channel for MiniProgram {
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
                "mp.weixin.qq.com, logged in as the mini-program: Development › Development settings",
                "小程序后台：开发管理 › 开发设置",
            ),
            callback: (
                "mp.weixin.qq.com, logged in as the mini-program: Development › Development settings › Message push",
                "小程序后台：开发管理 › 开发设置 › 消息推送",
            ),
            allow_list: (
                "mp.weixin.qq.com, logged in as the mini-program: Development › Development settings › IP allow-list",
                "小程序后台：开发管理 › 开发设置 › IP白名单",
            ),
            permissions: (
                "mp.weixin.qq.com, logged in as the mini-program: Functions › Customer service",
                "小程序后台：功能 › 客服",
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

    fn download(&self, media_id: &str, _kind: &str) -> Option<Call> {
        Some(download::call(media_id))
    }

    fn downloaded(&self, _call: &Call, answer: &Answer) -> Downloaded {
        download::read(codes::TABLE, answer)
    }

    fn agents(&self) -> Option<Call> {
        Some(binding::call())
    }

    fn agents_at_work(&self, answer: &Answer) -> Option<String> {
        binding::bound(answer)
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
