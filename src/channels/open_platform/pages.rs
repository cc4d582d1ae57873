//! Where does an operator scan? The platform's authorisation pages.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Authorization_Process_Technical_Description.html>

use super::settings::BOTH;
use crate::{
    channels::contract::{Pages, PreAuth},
    settings::AccountSettings,
};

/// Where the pages are unless the configuration says otherwise.
const USUAL: &str = "https://mp.weixin.qq.com";
/// The page for phones has a host of its own.
const PHONE: &str = "https://open.weixin.qq.com";

pub fn pages(settings: &AccountSettings, base: &str, pre_auth: &PreAuth, back: &str, only: Option<&str>) -> Pages {
    let base = base.trim_end_matches('/');
    let phone = if base == USUAL { PHONE } else { base };
    let kind = settings.auth_type.unwrap_or(BOTH).to_string();
    let query = |head: &[(&str, &str)]| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .extend_pairs(head)
            .append_pair("component_appid", &settings.app_id)
            .append_pair("pre_auth_code", pre_auth.code.expose())
            .append_pair("redirect_uri", back)
            .append_pair("auth_type", &kind);
        if let Some(only) = only {
            query.append_pair("biz_appid", only);
        }
        query.finish()
    };
    Pages {
        pc: format!("{base}/cgi-bin/componentloginpage?{}", query(&[])),
        phone: format!(
            "{phone}/wxaopen/safe/bindcomponent?{}#wechat_redirect",
            query(&[("action", "bindcomponent"), ("no_scan", "1")])
        ),
    }
}
