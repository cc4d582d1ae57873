//! WeChat customer service (微信客服), inside WeCom and stand-alone. How do the parts below fit together?
//!
//! The callback is a bell: [`callback`] reads it. What it rang for is pulled: [`sync`] asks and takes the
//! answer apart ([`split`]), [`item`] reads each item by the table in [`kinds`] ([`parts`], [`forwarded`], [`events`]);
//! `customers` asks who somebody is. An answer goes out by
//! `render` under an id of `ids`, [`sessions`] moves the platform's sessions, `judge` reads what the platform said by the
//! table in [`codes`]. Platform pages: <https://developer.work.weixin.qq.com/document/path/94638>.

pub mod callback;
mod cards;
pub mod codes;
mod customers;
pub mod degrade;
pub mod events;
mod forwarded;
mod ids;
pub mod item;
pub mod judge;
pub mod kinds;
pub mod limits;
pub mod page;
pub mod parts;
mod render;
mod said;
pub mod sessions;
pub mod settings;
pub mod split;
pub mod sync;

use std::sync::Arc;

use super::{
    common::{
        account::{Common, Holds, Kind, OfKind},
        codes as tables, tokens,
    },
    contract::{
        Account, Admitted, AllowanceRule, At, Bell, Card, Channel, CodeOf, CodeRule, Faces, Holder, Inbound, Listed,
        PassiveTo, Piece, Pieces, Places, Profile, PullFault, PulledPage, Pulls, Refusal, Roads, Say, Sessions,
        SettingFault, Side, To, Upload, Verdict,
    },
};
use crate::{
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    schema::v1::{self, conversation::SessionState, send_result::Road},
    settings::AccountSettings,
};

pub struct WechatKf;
pub static CHANNEL: WechatKf = WechatKf;

static CARD: Card = Card {
    name: "wechat_kf",
    title_en: "WeChat customer service",
    title_zh: "微信客服",
    doc_url: "https://developer.work.weixin.qq.com/document/path/94638",
    fields: settings::FIELDS,
    channel_code: 17,
};

static KIND: Kind = Kind {
    card: &CARD,
    codes: codes::TABLE,
    record: limits::RECORD,
    side: Side::Wecom,
    token: tokens::call_of_corp,
};

impl OfKind for WechatKf {
    fn kind(&self) -> &'static Kind {
        &KIND
    }
}

impl Channel for WechatKf {
    fn places(&self) -> Places {
        let api = (
            "kf.weixin.qq.com: Developer settings, or 应用管理 › 微信客服 › API of the WeCom console",
            "微信客服后台：开发配置，或企业微信管理后台：应用管理 › 微信客服 › API",
        );
        Places {
            credentials: api,
            callback: api,
            allow_list: (
                "the trusted IPs of the application (or of 微信客服 › API) in the WeCom console",
                "企业微信管理后台：该应用（或 微信客服 › API）的企业可信IP",
            ),
            permissions: (
                "the WeCom console: 应用管理 › 微信客服 › API › applications that may call it, and the customer-service accounts it may manage",
                "企业微信管理后台：应用管理 › 微信客服 › API › 可调用接口的应用，及其可管理的客服账号",
            ),
            grants: api,
            agents: (
                "the WeCom console: 应用管理 › 微信客服 › the account › 接待人员",
                "企业微信管理后台：应用管理 › 微信客服 › 客服账号 › 接待人员",
            ),
        }
    }

    fn via(&self) -> &'static [&'static str] {
        &["wecom_app", "wechat_kf"]
    }

    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        let ready = settings::ready(settings)?;
        // Each kf account of the credential is a place of its own.
        Ok(Arc::new(Opened(Common::new(
            &KIND,
            settings,
            ready,
            &settings.corp_id,
            "",
        ))))
    }
}

/// One opened credential.
struct Opened(Common);

impl Holds for Opened {
    fn common(&self) -> &Common {
        &self.0
    }
}

impl Opened {
    fn serves(&self, open_kfid: &str) -> bool {
        let named = &self.0.settings().open_kfids;
        named.is_empty() || named.iter().any(|id| id == open_kfid)
    }
}

impl Account for Opened {
    fn claims(&self) -> Vec<(String, String)> {
        let corp = &self.0.settings().corp_id;
        match &self.0.settings().open_kfids[..] {
            [] => vec![(corp.clone(), String::new())],
            named => named.iter().map(|id| (corp.clone(), id.clone())).collect(),
        }
    }

    fn owns(&self, platform_id: &str, sub_id: &str) -> bool {
        platform_id == self.0.settings().corp_id && self.serves(sub_id)
    }

    fn read(&self, admitted: &Admitted, now: Millis) -> Result<Inbound, Refusal> {
        callback::read(self.0.settings(), admitted, now)
    }

    fn takes(&self, admitted: &Admitted) -> bool {
        callback::is_ours(&admitted.plain, |open_kfid| self.serves(open_kfid))
    }

    fn takes_unserved(&self, admitted: &Admitted) -> bool {
        callback::is_ours(&admitted.plain, |_| true)
    }

    fn bell(&self, admitted: &Admitted) -> Option<Bell> {
        callback::bell(&admitted.plain)
    }

    fn probe(&self) -> Option<Call> {
        Some(sync::probe())
    }

    fn pulls(&self) -> Option<&dyn Pulls> {
        Some(self)
    }

    fn faces(&self) -> Option<&dyn Faces> {
        Some(self)
    }

    fn pieces(&self, say: &Say, roads: Roads) -> Result<Pieces, Fault> {
        render::pieces(self.0.settings(), say, roads)
    }

    fn passive(&self, _piece: &Piece, _to: &PassiveTo, _now: Millis) -> Option<Vec<u8>> {
        None
    }

    fn call(&self, piece: &Piece, recipient: &str) -> Call {
        let to = To {
            recipient,
            ..To::default()
        };
        render::call(piece, &to)
    }

    fn call_to(&self, piece: &Piece, to: &To<'_>) -> Call {
        render::call(piece, to)
    }

    fn usual_road(&self) -> Road {
        Road::Kf
    }

    fn recall(&self, platform_message_id: &str, to: &To<'_>) -> Option<Call> {
        let body = serde_json::json!({ "msgid": platform_message_id, "open_kfid": to.sub_id });
        Some(Call::post(judge::RECALL, &body))
    }

    fn links_need_pictures(&self) -> bool {
        true
    }

    /// With buttons it is a menu.
    fn shows_picture(&self, card: &v1::Card) -> bool {
        card.actions.is_empty()
    }

    fn lends_picture(&self, card: &v1::Card) -> bool {
        card.mini_program
            .as_ref()
            .is_some_and(|mini| !mini.appid.trim().is_empty())
    }

    fn perhaps_known(&self, error: &v1::Error) -> bool {
        // No page names the code of an id that was used before.
        error.platform_code != 0
            && (error.code == Code::InvalidRequest.name()
                || tables::row(codes::TABLE, error.platform_code.into()).is_none())
    }

    fn sessions(&self) -> Option<&dyn Sessions> {
        Some(self)
    }

    fn upload(&self, file: &Upload) -> Result<Call, Fault> {
        render::upload(file)
    }

    fn judge(&self, call: &Call, answer: &Answer) -> Verdict {
        judge::judge(call, answer)
    }

    fn allowance(&self, trigger: &str) -> Option<AllowanceRule> {
        limits::allowance(self.0.settings(), trigger)
    }
}

impl Pulls for Opened {
    fn named(&self) -> &[String] {
        &self.0.settings().open_kfids
    }

    fn only_latest(&self) -> bool {
        self.0.settings().start.as_deref() != Some("earliest")
    }

    fn list(&self, from: usize) -> Call {
        sync::list(from)
    }

    fn listed(&self, from: usize, answer: &Answer) -> Result<Listed, PullFault> {
        sync::listed(from, answer)
    }

    fn page(&self, at: &At<'_>) -> Call {
        sync::page(at)
    }

    fn read_page(&self, at: &At<'_>, answer: &Answer, now: Millis) -> Result<PulledPage, PullFault> {
        sync::read(self.0.settings(), at, answer, now)
    }
}

impl Faces for Opened {
    fn at_once(&self) -> usize {
        customers::AT_ONCE
    }

    fn who(&self, ids: &[&str]) -> Call {
        customers::ask(ids)
    }

    fn read_who(&self, answer: &Answer) -> Result<Vec<Profile>, PullFault> {
        customers::read(answer)
    }
}

impl Sessions for Opened {
    fn state(&self, to: &To<'_>) -> Call {
        sessions::state(to)
    }

    fn read_state(&self, answer: &Answer) -> Result<Holder, Verdict> {
        sessions::read_state(answer)
    }

    fn change(&self, to: &To<'_>, into: SessionState, servicer: &str) -> Call {
        sessions::change(to, into, servicer)
    }

    fn changed(&self, answer: &Answer) -> Result<Option<String>, Verdict> {
        sessions::changed(answer)
    }

    fn no_such_move(&self, error: &v1::Error) -> bool {
        sessions::no_such_move(error)
    }

    fn asks_state(&self, error: &v1::Error) -> bool {
        sessions::asks_state(error)
    }

    fn refused_in(&self, error: v1::Error, holder: &Holder) -> v1::Error {
        sessions::refused_in(error, holder)
    }

    fn code(&self, of: CodeOf) -> CodeRule {
        sessions::code(of)
    }
}
