//! How are API tokens made and revoked? `/admin/v1/tokens`; a token's text is shown this once.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data},
};
use serde_json::{Value, json};

use super::{
    audit::{Note, note},
    paged, told,
};
use crate::{
    api_tokens::{ApiToken, NewToken, TokenError},
    error::Code,
    schema::Timestamp,
    web::{Answer, Problem, State, auth::Caller, body, params::Params},
};

fn shape(token: &ApiToken) -> Value {
    json!({
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "core": token.core,
        "accounts": token.accounts,
        "created": Timestamp::from_millis(token.created),
    })
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?);
    query.done()?;
    let all = state.tokens.list().into_iter();
    let rest = all.filter(|token| after.as_ref().is_none_or(|after| token.name > *after));
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |token| token.name.clone(),
        |token| shape(&token),
    )
}

pub async fn create(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let wish: NewToken = body::strict(&request, payload).await?;
    let (token, text) = state
        .tokens
        .create(wish, &state.cores)
        .await
        .map_err(|error| match error {
            TokenError::Refused(fault) => fault.into(),
            TokenError::Store(error) => error.into(),
            TokenError::File(..) => Problem::new(Code::Overloaded, "the token's file could not be written"),
        })?;
    let after = shape(&token);
    note(
        &state,
        &caller,
        Note {
            after: after.clone(),
            ..Note::new("token.create", &token.name)
        },
    )
    .await;
    let mut shown = after;
    shown["token"] = Value::from(text.expose());
    told(StatusCode::CREATED, &shown)
}

pub async fn revoke(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    if *id == caller.0.id || *id == caller.0.name {
        return Err(Problem::invalid(
            "a token does not revoke itself; use another operator token",
        ));
    }
    let token = state.tokens.revoke(&id).await?;
    let token = token.ok_or_else(|| Problem::not_found(format!("no token {id}")))?;
    note(
        &state,
        &caller,
        Note {
            before: shape(&token),
            ..Note::new("token.revoke", &token.name)
        },
    )
    .await;
    Ok(HttpResponse::NoContent().finish())
}
