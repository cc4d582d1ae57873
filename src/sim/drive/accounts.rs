//! Which accounts are there? Made, changed, taken over and revoked by the driver.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Bytes, Data, Path},
};
use serde::Deserialize;
use serde_json::json;

use super::{failed, ok, read, unknown_account};
use crate::sim::{
    official_account::{Account, Change, check_url},
    platform::Platform,
};

pub async fn list(platform: Data<Platform>) -> HttpResponse {
    let world = platform.world();
    let items: Vec<_> = world.accounts.values().collect();
    ok(&json!({ "items": items }))
}

pub async fn show(platform: Data<Platform>, id: Path<String>) -> HttpResponse {
    match platform.world().account(&id) {
        Some(account) => HttpResponse::Ok().json(account),
        None => unknown_account(),
    }
}

/// Creates an account, or changes what the body names of an existing one. A URL is checked before it is saved.
pub async fn save(platform: Data<Platform>, body: Bytes) -> HttpResponse {
    let change: Change = match read(&body) {
        Ok(change) => change,
        Err(answer) => return answer,
    };
    let wants_check = change.check.unwrap_or(change.callback_url.is_some());
    let existing = {
        let world = platform.world();
        change.app_id.as_deref().and_then(|id| world.account(id)).cloned()
    };
    let before = existing.unwrap_or_else(|| Account::new(&platform));
    let account = match before.changed(change) {
        Ok(account) => account,
        Err(fault) => return failed(StatusCode::BAD_REQUEST, fault),
    };
    if wants_check
        && !account.callback_url.is_empty()
        && let Err(fault) = check_url(&platform, &account).await
    {
        return failed(StatusCode::UNPROCESSABLE_ENTITY, fault);
    }
    let mut world = platform.world();
    world.accounts.insert(account.app_id.clone(), account.clone());
    drop(world);
    platform.touch();
    HttpResponse::Ok().json(account)
}

pub async fn remove(platform: Data<Platform>, id: Path<String>) -> HttpResponse {
    let mut world = platform.world();
    let Some(app_id) = world.account(&id).map(|account| account.app_id.clone()) else {
        return unknown_account();
    };
    world.accounts.remove(&app_id);
    world.customers.retain(|(account, _), _| *account != app_id);
    ok(&json!({}))
}

/// How another system of the company takes the token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Take {
    /// `classic` or `stable`.
    #[serde(default = "classic")]
    kind: String,
    /// `false`: without the five minutes in which both work.
    #[serde(default)]
    overlap: bool,
}

fn classic() -> String {
    "classic".to_owned()
}

/// Another system fetches a token, and ours dies.
pub async fn take_token(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let take: Take = match read(&body) {
        Ok(take) => take,
        Err(answer) => return answer,
    };
    let fresh = platform.letters(136);
    let mut world = platform.world();
    let now = world.now();
    let Some(app_id) = world.account(&id).map(|account| account.app_id.clone()) else {
        return unknown_account();
    };
    let Some(account) = world.account_mut(&app_id) else {
        return unknown_account();
    };
    if !take.overlap {
        account.tokens.kill(now);
    }
    let life = account.token_seconds * 1000;
    let token = match take.kind.as_str() {
        "classic" => account.tokens.classic(fresh, life, now).0,
        "stable" => match account.tokens.stable(fresh, life, false, now) {
            Ok((token, _)) => token,
            Err(no) => return failed(StatusCode::CONFLICT, no.text),
        },
        other => {
            return failed(
                StatusCode::BAD_REQUEST,
                format!("kind {other:?} is neither classic nor stable"),
            );
        }
    };
    ok(&json!({ "access_token": token }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// Freeze (40243) instead of a new secret (40125).
    #[serde(default)]
    freeze: bool,
}

/// The secret is reset or frozen; every token dies with it.
pub async fn revoke_secret(platform: Data<Platform>, id: Path<String>, body: Bytes) -> HttpResponse {
    let revoke: Revoke = match read(&body) {
        Ok(revoke) => revoke,
        Err(answer) => return answer,
    };
    let fresh = platform.letters(32);
    let mut world = platform.world();
    let now = world.now();
    let Some(app_id) = world.account(&id).map(|account| account.app_id.clone()) else {
        return unknown_account();
    };
    let Some(account) = world.account_mut(&app_id) else {
        return unknown_account();
    };
    account.tokens.kill(now);
    if revoke.freeze {
        account.frozen = true;
    } else {
        account.secret = fresh;
    }
    ok(&json!({ "secret": account.secret, "frozen": account.frozen }))
}
