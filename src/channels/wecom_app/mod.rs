//! The self-built application of WeCom (企业微信自建应用). How do the parts below fit together?
//!
//! A callback: [`normalise`] reads it by the table in [`events`], [`notices`] knows what
//! the notices mean. An answer: `render` makes pieces of it, `judge` reads what the platform said to them, [`cards`] names
//! template cards so that their clicks find back. Platform pages: <https://developer.work.weixin.qq.com/document/path/90226>.

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

use std::sync::Arc;

use super::{
    common::{
        account::{Common, Holds, Kind, OfKind},
        tokens,
    },
    contract::{
        Account, Admitted, AllowanceRule, Card, Channel, CodeOf, CodeRule, Inbound, Pace, PassiveTo, Piece, Pieces,
        Places, Refusal, Roads, Say, SettingFault, Side, Ticket, To, Upload, Verdict,
    },
};
use crate::{
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1::{self, send_result::Road},
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

static KIND: Kind = Kind {
    card: &CARD,
    codes: codes::TABLE,
    record: limits::RECORD,
    side: Side::Wecom,
    token: tokens::call_of_corp,
};

impl OfKind for WecomApp {
    fn kind(&self) -> &'static Kind {
        &KIND
    }
}

impl Channel for WecomApp {
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
            ..Places::default()
        }
    }

    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        let ready = Some(settings::ready(settings)?);
        Ok(Arc::new(Opened(Common::new(
            &KIND,
            settings,
            ready,
            &settings.corp_id,
            &settings.agent_id,
        ))))
    }
}

/// One opened account.
struct Opened(Common);

impl Holds for Opened {
    fn common(&self) -> &Common {
        &self.0
    }
}

impl Account for Opened {
    fn read(&self, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
        normalise::read(self.0.settings(), admitted, now)
    }

    fn pieces(&self, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
        render::pieces(self.0.settings(), say, roads)
    }

    fn passive(&self, piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
        render::passive(piece, to, now)
    }

    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        render::call(self.0.settings(), piece, recipient)
    }

    fn usual_road(&self) -> Road {
        Road::App
    }

    fn road(&self, piece: &Piece) -> Road {
        match render::is_welcome(piece) {
            true => Road::Welcome,
            false => self.usual_road(),
        }
    }

    fn recall(&self, platform_message_id: &str, _: &To<'_>) -> Option<Call> {
        render::recall(platform_message_id)
    }

    fn upload(&self, file: &Upload) -> Result<Call, Fault> {
        render::upload(file)
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

    fn code(&self, of: CodeOf) -> Option<CodeRule> {
        (of == CodeOf::Welcome).then_some(render::WELCOME)
    }

    fn ticket(&self, call: &Call, answer: &Answer) -> Option<Ticket> {
        render::ticket(call, answer)
    }

    /// A token is given to every address; only a call shows whether ours is trusted (60020).
    fn probe(&self) -> Option<Call> {
        Some(render::probe())
    }

    fn pace(&self) -> &'static [Pace] {
        limits::PACE
    }

    fn download_range(&self) -> Option<u64> {
        Some(limits::DOWNLOAD_RANGE)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(trigger)
    }
}
