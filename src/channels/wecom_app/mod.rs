//! The self-built application of WeCom (企业微信自建应用). How do the parts below fit together?
//!
//! A callback: [`admit`] verifies and opens it, [`normalise`] reads it by the table in [`events`], [`notices`] knows what
//! the notices mean. An answer: `render` makes pieces of it, `judge` reads what the platform said to them, [`cards`] names
//! template cards so that their clicks find back. Platform pages: <https://developer.work.weixin.qq.com/document/path/90226>.

pub mod admit;
pub mod cards;
pub mod codes;
pub mod degrade;
pub mod events;
pub mod judge;
pub mod limits;
pub mod normalise;
pub mod notices;
pub mod page;
pub mod render;
pub mod settings;
#[cfg(test)]
pub mod testing;
pub mod tokens;

use std::sync::Arc;

use super::{
    common::{answers, codes as tables, door, download, settings::Ready, tokens as token_answers},
    contract::{
        AccessToken, Account, Admitted, AllowanceRule, CallbackQuery, Card, Channel, Downloaded, Inbound, MediaLimit,
        Pace, PassiveTo, Piece, Pieces, Places, PlatformCode, Refusal, Roads, Say, Seal, SettingFault, Ticket, To,
        Upload, Verdict,
    },
};
use crate::{
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1,
    settings::AccountSettings,
};

pub struct WecomApp;
pub static CHANNEL: WecomApp = WecomApp;

static CARD: Card = Card {
    name: "wecom_app",
    title_en: "WeCom application",
    title_zh: "企业微信自建应用",
    doc_url: "https://developer.work.weixin.qq.com/document/path/90226",
    fields: settings::FIELDS,
    channel_code: 9,
};

impl Channel for WecomApp {
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
            callback: (
                "WeCom admin console: 应用管理 › the application › 接收消息 › 设置API接收",
                "企业微信管理后台：应用管理 › 应用详情 › 接收消息 › 设置API接收",
            ),
            credentials: (
                "WeCom admin console: 应用管理 › the application › Secret",
                "企业微信管理后台：应用管理 › 应用详情 › Secret",
            ),
            allow_list: (
                "WeCom admin console: 应用管理 › the application › 企业可信IP",
                "企业微信管理后台：应用管理 › 应用详情 › 企业可信IP",
            ),
            permissions: (
                "WeCom admin console: 应用管理 › the application",
                "企业微信管理后台：应用管理 › 应用详情",
            ),
        }
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
                platform_id: settings.corp_id.clone(),
                sub_id: settings.agent_id.clone(),
                via: String::new(),
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
        admit::handshake(&self.ready, query, now)
    }

    fn admit(&self, query: &CallbackQuery, body: &[u8], now: Millis) -> Result<Admitted, Refusal> {
        admit::admit(&self.ready, query, body, now)
    }

    fn read(&self, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
        normalise::read(&self.settings, admitted, now)
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
        render::call(&self.settings, piece, recipient)
    }

    fn recall(&self, platform_message_id: &str, _: &To<'_>) -> Option<Call> {
        render::recall(platform_message_id)
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

    /// `@all` is everybody, and a bar stands between several.
    fn reaches(&self, recipient: &str) -> Result<(), Fault> {
        let everybody = recipient.trim().eq_ignore_ascii_case("@all");
        if !everybody && !recipient.contains('|') {
            return Ok(());
        }
        let detail = "the conversation of one member has one userid: neither @all nor several with | between";
        Err(Fault::new(Code::InvalidRequest, detail))
    }

    fn wants_ticket(&self, say: &Say) -> Option<String> {
        Some(render::wants_ticket(say))
    }

    fn ticket(&self, call: &Call, answer: &Answer) -> Option<Ticket> {
        render::ticket(call, answer)
    }

    /// A token is given to every address; only a call shows whether ours is trusted (60020).
    fn probe(&self) -> Option<Call> {
        Some(tokens::probe())
    }

    fn pace(&self) -> &'static [Pace] {
        limits::PACE
    }

    fn download(&self, media_id: &str, _kind: &str) -> Option<Call> {
        Some(download::call(media_id))
    }

    fn downloaded(&self, _: &Call, answer: &Answer) -> Downloaded {
        download::read(codes::TABLE, answer)
    }

    fn download_range(&self) -> Option<u64> {
        Some(limits::DOWNLOAD_RANGE)
    }

    fn token_call(&self) -> Call {
        tokens::call(&self.settings)
    }

    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        token_answers::read(codes::TABLE, answer)
    }

    fn capabilities(&self) -> v1::Capabilities {
        limits::capabilities(&self.describe)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(trigger)
    }
}
