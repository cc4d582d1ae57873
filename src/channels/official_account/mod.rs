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
        account::{Common, Holds, Kind, OfKind},
        normalise::{self, Passive, Tongue},
        render::out,
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

static KIND: Kind = Kind {
    card: &CARD,
    codes: codes::TABLE,
    record: limits::RECORD,
    side: Side::Weixin,
    token: tokens::call,
};

impl OfKind for OfficialAccount {
    fn kind(&self) -> &'static Kind {
        &KIND
    }
}

impl Channel for OfficialAccount {
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
            grants: (
                "mp.weixin.qq.com: Settings and development › Account settings › Authorisations (授权管理)",
                "公众平台：设置与开发 › 公众号设置 › 授权管理",
            ),
            agents: (
                "mp.weixin.qq.com: Functions › Customer service (客服功能)",
                "公众平台：功能 › 客服功能 › 客服账号管理",
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

    fn pieces(&self, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
        render::pieces(self.0.settings(), say, roads)
    }

    fn passive(&self, piece: &Piece, to: &PassiveTo, now: Millis) -> Option<Vec<u8>> {
        render::passive(piece, to, now)
    }

    fn passive_loses(&self, piece: &Piece) -> Vec<v1::Degradation> {
        out::lost_marks(piece)
    }

    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        render::call(piece, recipient)
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
        Some(agents::call())
    }

    fn video_has_thumb(&self) -> bool {
        true
    }

    /// Both belong to the one permission 客服接口.
    fn agents_prove_api(&self) -> bool {
        true
    }

    fn agents_at_work(&self, answer: &Answer) -> Option<String> {
        agents::at_work(answer)
    }

    /// Closes the session of 客服功能 (kfsession/close), where the operator lets us have a hand in it.
    fn release(&self, servicer: &str, recipient: &str) -> Option<Call> {
        let ours = self.0.settings().platform_agents == PlatformAgents::Allow;
        render::release(servicer, recipient).filter(|_| ours)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(self.0.settings(), trigger)
    }
}
