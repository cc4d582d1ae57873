//! The open platform (微信开放平台 第三方平台): accounts that authorised it by a scan. How do the parts below fit together?
//!
//! It has no customers. [`notices`] reads what comes to its event address, [`calls`] makes its calls and [`answers`] reads
//! what they gave, by the table in [`codes`]; [`sets`] names what an account's admin ticks, [`pages`] is where one scans,
//! [`release`] knows the platform's test accounts. Platform pages:
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/getting_started/how_to_read.html>.

mod answers;
mod calls;
pub mod codes;
mod notices;
mod pages;
mod release;
pub mod sets;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{
    common::{
        account::{Common, Holds, Kind, OfKind},
        answers as common_answers,
        limits::Record,
        settings as entered,
    },
    contract::{
        About, AccessToken, Account, Admitted, AllowanceRule, Authority, Card, Channel, Grant, Inbound, Listing,
        Notice, Pages, PassiveTo, PermissionSet, Piece, Pieces, Places, Played, PreAuth, Refusal, Renewal, Roads, Say,
        SettingFault, Side, Upload, Verdict,
    },
};
use crate::{
    error::{Code, Fault},
    ports::{
        clock::Millis,
        platform::{Answer, Call},
    },
    secret::Secret,
    settings::AccountSettings,
};

pub struct OpenPlatform;
pub static CHANNEL: OpenPlatform = OpenPlatform;

static CARD: Card = Card {
    name: "open_platform",
    title_en: "Open platform",
    title_zh: "开放平台（第三方平台）",
    doc_url: "https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/getting_started/how_to_read.html",
    fields: settings::FIELDS,
    channel_code: 0,
};

/// Nothing is sent or received by it itself.
const RECORD: Record = Record {
    passive: false,
    recall: false,
    typing: false,
    idempotent_send: false,
    late_failures_reported: false,
    parts: &[],
    media: &[],
    articles: 0,
    inbound: &[],
};

static KIND: Kind = Kind {
    card: &CARD,
    codes: codes::TABLE,
    record: RECORD,
    side: Side::Weixin,
    token: |settings| calls::token(settings, &Secret::default()),
};

impl OfKind for OpenPlatform {
    fn kind(&self) -> &'static Kind {
        &KIND
    }
}

impl Channel for OpenPlatform {
    fn places(&self) -> Places {
        Places {
            credentials: (
                "open.weixin.qq.com: Management › Third-party platform › Development data",
                "微信开放平台：管理中心 › 第三方平台 › 开发配置 › 开发资料",
            ),
            callback: (
                "open.weixin.qq.com: Management › Third-party platform › Development data › authorisation events (授权事件接收配置)",
                "微信开放平台：管理中心 › 第三方平台 › 开发资料 › 授权事件接收配置",
            ),
            allow_list: (
                "open.weixin.qq.com: Management › Third-party platform › Development data › IP allow-list",
                "微信开放平台：管理中心 › 第三方平台 › 开发资料 › 白名单IP地址列表",
            ),
            permissions: (
                "open.weixin.qq.com: Management › Third-party platform › permission sets",
                "微信开放平台：管理中心 › 第三方平台 › 公众号/小程序权限集",
            ),
            ..Places::default()
        }
    }

    fn open(&self, settings: &AccountSettings) -> Result<Arc<dyn Account>, Vec<SettingFault>> {
        settings::check(settings)?;
        let ready = entered::ready(settings, &settings::WANTS)?;
        let common = Common::new(&KIND, settings, ready, &settings.app_id, "");
        Ok(Arc::new(Opened(common)))
    }
}

/// One opened platform.
struct Opened(Common);

impl Holds for Opened {
    fn common(&self) -> &Common {
        &self.0
    }
}

/// Whoever asks for a message here asks the wrong account.
fn mute() -> Fault {
    let detail = "an open platform has no customers: the accounts that authorised it have";
    Fault::new(Code::UnsupportedPart, detail)
}

impl Account for Opened {
    fn authority(&self) -> Option<&dyn Authority> {
        Some(self)
    }

    fn read(&self, _: &Admitted, _: Millis) -> Result<Inbound, Refusal> {
        let detail = "a message for an account that did not authorise this platform";
        Err(Refusal::quarantine(Code::AccountUnknown, detail))
    }

    fn pieces(&self, _: &Say, _: Roads) -> Result<Pieces, Fault> {
        Err(mute())
    }

    fn passive(&self, _: &Piece, _: &PassiveTo, _: Millis) -> Option<Vec<u8>> {
        None
    }

    /// There are no pieces, so this is never asked for.
    fn call(&self, _: &Piece, _: &str) -> Call {
        calls::list(self.0.settings(), 0)
    }

    fn upload(&self, _: &Upload) -> Result<Call, Fault> {
        Err(mute())
    }

    fn judge(&self, _: &Call, answer: &Answer) -> Verdict {
        common_answers::judge(codes::TABLE, false, answer)
    }

    fn allowance(&self, _: &str) -> Option<AllowanceRule> {
        None
    }
}

impl Authority for Opened {
    fn notice(&self, admitted: &Admitted) -> Result<Notice, Refusal> {
        notices::read(&self.0.settings().app_id, &admitted.plain)
    }

    fn token_call(&self, ticket: &Secret) -> Call {
        calls::token(self.0.settings(), ticket)
    }

    fn read_token(&self, answer: &Answer) -> Result<AccessToken, Verdict> {
        answers::token(answer)
    }

    fn start_tickets(&self) -> Call {
        calls::start_tickets(self.0.settings())
    }

    fn pre_auth(&self) -> Call {
        calls::pre_auth(self.0.settings())
    }

    fn read_pre_auth(&self, answer: &Answer) -> Option<PreAuth> {
        answers::pre_auth(answer)
    }

    fn exchange(&self, code: &Secret) -> Call {
        calls::exchange(self.0.settings(), code)
    }

    fn read_exchange(&self, answer: &Answer) -> Option<Grant> {
        answers::grant(answer)
    }

    fn renew(&self, app_id: &str, refresh: &Secret) -> Call {
        calls::renew(self.0.settings(), app_id, refresh)
    }

    fn read_renewal(&self, answer: &Answer) -> Option<Renewal> {
        answers::renewal(answer)
    }

    fn about(&self, app_id: &str) -> Call {
        calls::about(self.0.settings(), app_id)
    }

    fn read_about(&self, answer: &Answer) -> Option<About> {
        answers::about(answer)
    }

    fn list(&self, offset: u64) -> Call {
        calls::list(self.0.settings(), offset)
    }

    fn read_list(&self, answer: &Answer) -> Option<Listing> {
        answers::listing(answer)
    }

    fn pages(&self, base: &str, pre_auth: &PreAuth, back: &str, only: Option<&str>) -> Pages {
        pages::pages(self.0.settings(), base, pre_auth, back, only)
    }

    fn set(&self, id: u32) -> PermissionSet {
        sets::named(id)
    }

    fn needs(&self, channel: &str) -> &'static [u32] {
        sets::needed(channel)
    }

    fn played(&self, app_id: &str, admitted: &Admitted, now: Millis) -> Option<Played> {
        release::played(app_id, &admitted.plain, now)
    }

    fn test_account(&self, app_id: &str) -> Option<&'static str> {
        release::original_id(app_id)
    }

    fn play(&self, code: &Secret, to: &str) -> Call {
        release::call(code, to)
    }
}
