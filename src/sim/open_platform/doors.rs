//! `/sim/v1/open/…`: third-party platforms made and changed, and what accounts' admins do with them.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Bytes, Data, Path},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Component, notices,
    page::{Asked, confirm},
    release,
    state::Change,
};
use crate::sim::{
    drive::{failed, ok, read},
    platform::Platform,
    push::Control,
};

fn unknown() -> HttpResponse {
    failed(StatusCode::NOT_FOUND, "no such platform")
}

/// Makes a platform, or changes what the body names of one. A ticket follows when it has an address.
pub async fn save(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let change: Change = match read(&body) {
        Ok(change) => change,
        Err(answer) => return answer,
    };
    let existing = change
        .app_id
        .as_ref()
        .and_then(|id| platform.world().components.get(id).cloned());
    let addressed = change.events_url.is_some();
    let component = match existing.unwrap_or_else(|| Component::new(&platform)).changed(change) {
        Ok(component) => component,
        Err(why) => return failed(StatusCode::BAD_REQUEST, why),
    };
    let id = component.app_id.clone();
    let told = json!(component);
    platform.world().components.insert(id.clone(), component);
    if addressed {
        keep_telling(platform.clone(), id);
    }
    ok(&told)
}

/// A ticket now, and one every ten minutes.
fn keep_telling(platform: Data<Platform>, id: String) {
    actix_web::rt::spawn(async move {
        loop {
            let wanted = platform.world().components.get(&id).map(|it| it.tickets);
            match wanted {
                None => return,
                Some(true) => {
                    // Who did not take it is told again.
                    let _ = notices::ticket(&platform, &id, &Control::default()).await;
                }
                Some(false) => {}
            }
            tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        }
    });
}

pub async fn show(platform: Data<Platform>, id: Path<String>) -> HttpResponse {
    platform
        .world()
        .components
        .get(id.as_str())
        .map_or_else(unknown, |component| ok(&json!(component)))
}

/// A ticket at once, with whatever the driver wants otherwise.
pub async fn ticket(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let control: Control = match read(&body) {
        Ok(control) => control,
        Err(answer) => return answer,
    };
    match notices::ticket(&platform, &id, &control).await {
        Ok(told) => ok(&json!(told)),
        Err(why) => failed(StatusCode::BAD_REQUEST, why),
    }
}

/// Any notice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    info_type: String,
    #[serde(default)]
    fields: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    push: Control,
}

pub async fn notice(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let wish: Notice = match read(&body) {
        Ok(wish) => wish,
        Err(answer) => return answer,
    };
    let fields: Vec<(&str, String)> = wish
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    match notices::tell(&platform, &id, &wish.info_type, &fields, &wish.push).await {
        Ok(told) => ok(&json!(told)),
        Err(why) => failed(StatusCode::BAD_REQUEST, why),
    }
}

/// An account's admin scans the page that `url` leads to, and confirms.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    url: String,
    account: String,
    sets: Option<Vec<u32>>,
    /// `false`: the platform does not tell of it, the browser alone does.
    #[serde(default = "yes")]
    notice: bool,
}

fn yes() -> bool {
    true
}

pub async fn scan(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let scan: Scan = match read(&body) {
        Ok(scan) => scan,
        Err(answer) => return answer,
    };
    let query: Vec<(String, String)> = match reqwest::Url::parse(&scan.url) {
        Ok(url) => url.query_pairs().into_owned().collect(),
        Err(error) => return failed(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let back = match Asked::of(&query) {
        Ok(asked) => confirm(&platform.into_inner(), &asked, &scan.account, scan.sets, scan.notice).await,
        Err(why) => Err(why),
    };
    match back {
        Ok(back) => ok(&json!({ "redirect": back })),
        Err(why) => failed(StatusCode::BAD_REQUEST, why),
    }
}

/// What is done to one authorisation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    account: String,
    #[serde(default = "yes")]
    notice: bool,
}

/// The account's admin withdraws: its tokens die.
pub async fn revoke(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let about: About = match read(&body) {
        Ok(about) => about,
        Err(answer) => return answer,
    };
    {
        let mut guard = platform.world();
        let world = &mut *guard;
        let now = world.now();
        let Some(component) = world.components.get_mut(id.as_str()) else {
            return unknown();
        };
        component.grants.remove(&about.account);
        if let Some(account) = world.accounts.get_mut(&about.account) {
            account.tokens.kill(now);
        }
    }
    if !about.notice {
        return ok(&json!({}));
    }
    let more = [("AuthorizerAppid", about.account)];
    match notices::tell(&platform, &id, "unauthorized", &more, &Control::default()).await {
        Ok(told) => ok(&json!(told)),
        Err(why) => failed(StatusCode::BAD_REQUEST, why),
    }
}

/// The refresh token that the platform holds is another one than before, and no token is good: ours is lost.
pub async fn lose(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let about: About = match read(&body) {
        Ok(about) => about,
        Err(answer) => return answer,
    };
    let fresh = format!("refreshtoken@@@{}", platform.letters(43));
    let mut guard = platform.world();
    let world = &mut *guard;
    let now = world.now();
    let grant = world
        .components
        .get_mut(id.as_str())
        .and_then(|it| it.grants.get_mut(&about.account));
    let Some(grant) = grant else { return unknown() };
    grant.refresh = fresh;
    if let Some(account) = world.accounts.get_mut(&about.account) {
        account.tokens.kill(now);
    }
    ok(&json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default = "one")]
    group: usize,
}

fn one() -> usize {
    1
}

/// 全网发布接入检测.
pub async fn release_test(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let wish: Group = match read(&body) {
        Ok(wish) => wish,
        Err(answer) => return answer,
    };
    match release::play(&platform.into_inner(), &id, wish.group).await {
        Ok(told) => ok(&told),
        Err(why) => failed(StatusCode::BAD_REQUEST, why),
    }
}
