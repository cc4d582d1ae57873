//! How is the platform asked? One call each; the component's own token is added by whoever sends it.
//!
//! <https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getcomponentaccesstoken.html> and the pages
//! beside it. The older pages name the query parameter `component_access_token`, the newer ones `access_token`.

use serde_json::json;

use crate::{ports::platform::Call, secret::Secret, settings::AccountSettings};

/// Authorizers on one page of the list; more are refused with 40170.
pub const PAGE: u64 = 500;

pub fn token(settings: &AccountSettings, ticket: &Secret) -> Call {
    let body = json!({
        "component_appid": settings.app_id,
        "component_appsecret": settings.app_secret.expose(),
        "component_verify_ticket": ticket.expose(),
    });
    Call::post("/cgi-bin/component/api_component_token", &body)
}

/// Here alone the secret is called `component_secret`.
pub fn start_tickets(settings: &AccountSettings) -> Call {
    let body = json!({ "component_appid": settings.app_id, "component_secret": settings.app_secret.expose() });
    Call::post("/cgi-bin/component/api_start_push_ticket", &body)
}

pub fn pre_auth(settings: &AccountSettings) -> Call {
    Call::post(
        "/cgi-bin/component/api_create_preauthcode",
        json!({ "component_appid": settings.app_id }),
    )
}

pub fn exchange(settings: &AccountSettings, code: &Secret) -> Call {
    let body = json!({ "component_appid": settings.app_id, "authorization_code": code.expose() });
    Call::post("/cgi-bin/component/api_query_auth", &body)
}

pub fn renew(settings: &AccountSettings, app_id: &str, refresh: &Secret) -> Call {
    let body = json!({
        "component_appid": settings.app_id,
        "authorizer_appid": app_id,
        "authorizer_refresh_token": refresh.expose(),
    });
    Call::post("/cgi-bin/component/api_authorizer_token", &body)
}

pub fn about(settings: &AccountSettings, app_id: &str) -> Call {
    let body = json!({ "component_appid": settings.app_id, "authorizer_appid": app_id });
    Call::post("/cgi-bin/component/api_get_authorizer_info", &body)
}

pub fn list(settings: &AccountSettings, offset: u64) -> Call {
    let body = json!({ "component_appid": settings.app_id, "offset": offset, "count": PAGE });
    Call::post("/cgi-bin/component/api_get_authorizer_list", &body)
}
