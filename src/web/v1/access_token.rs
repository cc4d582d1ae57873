//! Which access token may another system of the company use? `POST /v1/accounts/{id}/access-token`, so that nobody fetches
//! one of its own and kills ours.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data},
};
use lru::LruCache;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    api_tokens::ApiToken,
    error::Code,
    ports::clock::Millis,
    schema::{
        Timestamp,
        json::{self, Unknown},
        v1,
    },
    tokens::{Token, sha256_hex},
    web::{
        Answer, Problem, State,
        admin::{Note, note},
        auth::Caller,
        body,
        params::Params,
        shapes,
        table::{Call, Gives, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[Call::post(
    "/v1/accounts/{id}/access-token",
    "The platform's access token that holds now",
    || web::post().to(lend),
)
.more(
    "For other systems of the company, so that nobody fetches one of their own and ends ours. `rejected` says \
             which token failed; it is renewed only if that one is still current. Scope `token`.",
)
.takes(Takes::MaybeJson(Shape::Own("RejectedToken", || {
    let digest = json!({
        "type": "string", "pattern": "^([0-9A-Fa-f]{64})?$",
        "description": "SHA-256, in hex, of the token that failed",
    });
    shapes::request([], [("rejected", digest)])
})))
.gives(&[(
    200,
    Gives::Json(Shape::Own("LentToken", || {
        shapes::object([("accessToken", shapes::text()), ("expiresAt", shapes::moment())], [])
    })),
)])
.refuses(&[404, 409, 502])];

#[derive(Default, Deserialize)]
struct Wish {
    /// SHA-256, in hex, of the token that failed.
    #[serde(default)]
    rejected: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lent<'a> {
    access_token: &'a str,
    expires_at: Timestamp,
}

pub async fn lend(
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
    caller: Caller,
    state: Data<State>,
) -> Answer {
    Params::of(&request).done()?;
    let rejected = rejected(&request, payload).await?;
    caller.must_see(&id)?;
    state.lent.may_ask(&caller.0, state.clock.now())?;
    let opened = state.registry.get(&id);
    let opened = opened.ok_or_else(|| Problem::not_found(format!("no account {id}, or one that cannot be opened")))?;
    let token = state
        .lending
        .lend(&opened, rejected.as_deref())
        .await
        .map_err(refused)?;
    if state.lent.is_news(&caller.0, &id, &token) {
        let after = json!({ "expiresAt": Timestamp::from_millis(token.expires) });
        let told = Note {
            after,
            ..Note::new("access-token.lend", &id)
        };
        note(&state, &caller, told).await;
    }
    let lent = Lent {
        access_token: token.value.expose(),
        expires_at: Timestamp::from_millis(token.expires),
    };
    let bytes = serde_json::to_vec(&lent).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(bytes))
}

/// The digest of a token that failed. No body asks for the token that holds.
async fn rejected(request: &HttpRequest, payload: web::Payload) -> Answer<Option<String>> {
    if !body::says_json(request) {
        return Err(Problem::media_type(&body::content_type(request), "application/json"));
    }
    let bytes = body::whole(request, payload, body::MAX_BODY).await?;
    let wish: Wish = match bytes.iter().all(u8::is_ascii_whitespace) {
        true => Wish::default(),
        false => json::from_slice(&bytes, Unknown::Refuse)?,
    };
    let digest = wish.rejected;
    if !digest.is_empty() && (digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Problem::invalid(
            "rejected is not the SHA-256 of a token, expected 64 hex digits",
        ));
    }
    Ok(Some(digest).filter(|digest| !digest.is_empty()))
}

fn refused(error: v1::Error) -> Problem {
    let code = Code::parse(&error.code).unwrap_or(Code::PlatformDown);
    let number = match error.platform_code {
        0 => String::new(),
        number => format!(" ({number})"),
    };
    Problem::new(code, format!("no access token{number}: {}", error.platform_message))
}

/// Calls of one client within a minute: enough for one that asks before each of its own calls.
const A_MINUTE: u32 = 600;

/// Which token each client was given last: a client that asks before each of its calls is written down once for each token.
/// And how often each asks.
pub struct LentTokens {
    last: Mutex<LruCache<(String, String), String>>,
    /// By client: the minute, and the calls in it.
    calls: Mutex<LruCache<String, (i64, u32)>>,
}

impl Default for LentTokens {
    fn default() -> Self {
        const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
        Self {
            last: Mutex::new(LruCache::new(KEPT)),
            calls: Mutex::new(LruCache::new(KEPT)),
        }
    }
}

impl LentTokens {
    /// Counts a call; refused over the client's own limit.
    fn may_ask(&self, client: &ApiToken, now: Millis) -> Answer<()> {
        let (minute, into) = (now.div_euclid(60_000), now.rem_euclid(60_000));
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match calls.get(&client.id) {
            Some((of, count)) if *of == minute => count + 1,
            _ => 1,
        };
        if count > A_MINUTE {
            let left = u32::try_from((60_000 - into) / 1_000 + 1).unwrap_or(60);
            return Err(Problem::slow_down(
                format!("over {A_MINUTE} calls for access tokens in a minute"),
                left,
            ));
        }
        calls.put(client.id.clone(), (minute, count));
        Ok(())
    }

    fn is_news(&self, client: &ApiToken, account: &str, token: &Token) -> bool {
        let digest = sha256_hex(token.value.expose());
        let mut known = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.put((client.id.clone(), account.to_owned()), digest.clone());
        before.as_ref() != Some(&digest)
    }
}
