//! What does an account's admin see? The authorisation page for computers and for telephones: who authorises, and back.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Query},
};

use super::{notices, state::all_sets};
use crate::sim::{platform::Platform, push::Control, weixin::Account, world::Channel};

pub fn routes(config: &mut web::ServiceConfig) {
    for path in [
        "/cgi-bin/componentloginpage",
        "/wxaopen/safe/bindcomponent",
        "/safe/bindcomponent",
    ] {
        config.route(path, web::get().to(page));
    }
}

/// What an authorisation page was opened with.
#[derive(Clone, Debug)]
pub struct Asked {
    pub component: String,
    pub pre_auth: String,
    pub back: String,
    pub only: Option<String>,
}

impl Asked {
    pub fn of(query: &[(String, String)]) -> Result<Self, String> {
        let given = |wanted: &str| {
            query
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.clone())
        };
        let need = |name: &str| {
            given(name)
                .filter(|it| !it.is_empty())
                .ok_or(format!("{name} is missing"))
        };
        need("auth_type")?;
        Ok(Self {
            component: need("component_appid")?,
            pre_auth: need("pre_auth_code")?,
            back: need("redirect_uri")?,
            only: given("biz_appid"),
        })
    }
}

/// `account`, as the driver or somebody at the page, confirms. Where the browser goes.
pub async fn confirm(
    platform: &Arc<Platform>,
    asked: &Asked,
    app_id: &str,
    sets: Option<Vec<u32>>,
    notice: bool,
) -> Result<String, String> {
    let (code, expires, again) = {
        let mut guard = platform.world();
        let world = &mut *guard;
        let now = world.now();
        let account = world.account(app_id).ok_or("no such account")?;
        let (app_id, usual) = (account.app_id.clone(), all_sets(account.channel));
        if asked.only.as_ref().is_some_and(|only| *only != app_id) {
            return Err("biz_appid names another account".to_owned());
        }
        let component = world.components.get_mut(&asked.component).ok_or("no such platform")?;
        let ends = component
            .pre_auth
            .remove(&asked.pre_auth)
            .ok_or("pre_auth_code is unknown or was used")?;
        if now > ends {
            return Err("pre_auth_code is over".to_owned());
        }
        let again = component.grants.contains_key(&app_id);
        let code = component.authorize(platform, &app_id, sets.unwrap_or(usual), now);
        (code, now / 1000 + 3600, again)
    };
    if notice {
        let kind = if again { "updateauthorized" } else { "authorized" };
        let more = [
            ("AuthorizerAppid", app_id.to_owned()),
            ("AuthorizationCode", code.clone()),
            ("AuthorizationCodeExpiredTime", expires.to_string()),
            ("PreAuthCode", asked.pre_auth.clone()),
        ];
        let (platform, component) = (platform.clone(), asked.component.clone());
        actix_web::rt::spawn(async move {
            // The driver sees in its calls whether it was taken.
            let _ = notices::tell(&platform, &component, kind, &more, &Control::default()).await;
        });
    }
    let mut back = reqwest::Url::parse(&asked.back).map_err(|error| format!("redirect_uri: {error}"))?;
    back.query_pairs_mut()
        .append_pair("auth_code", &code)
        .append_pair("expires_in", "600");
    Ok(back.to_string())
}

/// The page itself: one form for each account that may authorise. It must be come to from a page of the host that one returns to.
async fn page(request: HttpRequest, query: Query<Vec<(String, String)>>, platform: Data<Platform>) -> HttpResponse {
    let asked = match Asked::of(&query) {
        Ok(asked) => asked,
        Err(why) => return html(&format!("<p>{}</p>", escaped(&why))),
    };
    let host = |url: &str| {
        reqwest::Url::parse(url)
            .ok()
            .map(|url| (url.host_str().map(str::to_owned), url.port()))
    };
    let from = request
        .headers()
        .get(header::REFERER)
        .and_then(|value| value.to_str().ok());
    let own = platform.base();
    let from = from.filter(|from| host(from).is_some() && (host(from) == host(&asked.back) || host(from) == host(own)));
    if from.is_none() {
        return html("<p id=\"wrong-host\">请确认授权入口页所在域名，与授权后回调页所在域名相同</p>");
    }
    if let Some((_, account)) = query.iter().find(|(name, _)| name == "sim_account") {
        let ticks = query.iter().filter(|(name, _)| name == "sim_set");
        let ticked = ticks.filter_map(|(_, set)| set.parse().ok()).collect();
        return match confirm(&platform.into_inner(), &asked, account, Some(ticked), true).await {
            Ok(back) => HttpResponse::Found().insert_header((header::LOCATION, back)).finish(),
            Err(why) => html(&format!("<p>{}</p>", escaped(&why))),
        };
    }
    let again: String = query
        .iter()
        .map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let world = platform.world();
    let may = |account: &&Account| asked.only.as_ref().is_none_or(|only| *only == account.app_id);
    let forms: String = world
        .accounts
        .values()
        .filter(|account| matches!(account.channel, Channel::OfficialAccount | Channel::MiniProgram))
        .filter(may)
        .map(|account| form(account, &again))
        .collect();
    html(&format!("<h1>授权</h1>{forms}"))
}

/// What an account's admin confirms, each permission ticked until somebody takes the tick away.
fn form(account: &Account, again: &str) -> String {
    let (app_id, name) = (escaped(&account.app_id), escaped(&account.name));
    let ticks: String = all_sets(account.channel)
        .iter()
        .map(|set| {
            format!("<label><input type=\"checkbox\" name=\"sim_set\" value=\"{set}\" checked> 权限集 {set}</label> ")
        })
        .collect();
    format!(
        "<form id=\"{app_id}\"><h2>{name} <code>{app_id}</code></h2>{again}<p>{ticks}</p>\
         <button name=\"sim_account\" value=\"{app_id}\">授权</button></form>"
    )
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

fn html(body: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::REFERRER_POLICY, "strict-origin-when-cross-origin"))
        .body(format!(
            "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>授权</title><body>{body}"
        ))
}
