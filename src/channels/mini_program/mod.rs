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
pub mod thanks;

use std::sync::Arc;

use super::{
    common::{
        account::{Common, Holds, Kind, OfKind},
        normalise::{self, Passive, Tongue},
        settings as entered, tokens,
    },
    contract::{
        Account, Admitted, AllowanceRule, Card, Channel, Inbound, PassiveTo, Piece, Pieces, Places, Refusal, Roads,
        Say, SettingFault, Side, Upload, Verdict,
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

static KIND: Kind = Kind {
    card: &CARD,
    codes: codes::TABLE,
    record: limits::RECORD,
    side: Side::Weixin,
    token: tokens::call,
};

impl OfKind for MiniProgram {
    fn kind(&self) -> &'static Kind {
        &KIND
    }
}

impl Channel for MiniProgram {
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
            grants: (
                "mp.weixin.qq.com, logged in as the mini-program: Settings › Third-party services (第三方服务)",
                "小程序后台：设置 › 第三方服务 › 授权管理",
            ),
            agents: (
                "mp.weixin.qq.com, logged in as the mini-program: Functions › Customer service",
                "小程序后台：功能 › 客服",
            ),
        }
    }

    fn via(&self) -> &'static [&'static str] {
        &["open_platform"]
    }

    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        let ready = entered::ready(settings, &settings::WANTS)?;
        Ok(Arc::new(Opened(Common::new(
            &KIND,
            settings,
            ready,
            &settings.app_id,
            "",
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
        normalise::read(&TONGUE, self.0.settings(), admitted, now)
    }

    fn thanks(&self, admitted: &Admitted) -> Option<Vec<u8>> {
        thanks::thanks(&admitted.plain)
    }

    fn pieces(&self, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
        render::pieces(self.0.settings(), say, roads)
    }

    fn passive(&self, piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
        render::passive(piece, to, now)
    }

    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        render::call(piece, recipient)
    }

    fn lends_picture(&self, card: &v1::Card) -> bool {
        let own = |mini| render::is_own(self.0.settings(), mini);
        card.mini_program.as_ref().is_some_and(own)
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

    fn agents(&self) -> Option<Call> {
        Some(binding::call())
    }

    fn agents_at_work(&self, answer: &Answer) -> Option<String> {
        binding::bound(answer)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(self.0.settings(), trigger)
    }
}
