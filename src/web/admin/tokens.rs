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
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/tokens", "All tokens, without their texts", || {
        web::get().to(list)
    })
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("Token", || described([])))))]),
    Call::post("/admin/v1/tokens", "Make a token; its text is shown this once", || {
        web::post().to(create)
    })
    .more("A core token without `core` is for the only core, and refused where there are several.")
    .takes(Takes::Json(Shape::Own("NewToken", || {
        shapes::request(
            [("name", shapes::text()), ("scope", scope())],
            [
                ("core", shapes::told("The core it speaks for")),
                (
                    "accounts",
                    shapes::list(shapes::told("An account's id; * stands for any run of characters")),
                ),
            ],
        )
    })))
    .gives(&[(
        201,
        Gives::Json(Shape::Own("CreatedToken", || described([("token", shapes::text())]))),
    )])
    .refuses(&[409]),
    Call::delete("/admin/v1/tokens/{id}", "Revoke a token, named by id or name", || {
        web::delete().to(revoke)
    })
    .gives(&[(204, Gives::Nothing)])
    .refuses(&[404]),
];

fn scope() -> Value {
    shapes::one_of(&["core", "token", "operator", "viewer"])
}

/// A token, with `more` of it.
fn described<const N: usize>(more: [(&str, Value); N]) -> Value {
    let mut shape = shapes::object(
        [
            ("id", shapes::text()),
            ("name", shapes::text()),
            ("scope", scope()),
            ("core", shapes::or_null(shapes::text())),
            ("accounts", shapes::list(shapes::text())),
            ("created", shapes::moment()),
        ],
        [],
    );
    for (name, value) in more {
        shape["properties"][name] = value;
        if let Some(required) = shape["required"].as_array_mut() {
            required.push(name.into());
        }
    }
    shape
}

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
            TokenError::Refused(fault) if fault.code == Code::IdempotencyConflict => taken(fault.into()),
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

/// The code's page speaks of messages.
fn taken(refusal: Problem) -> Problem {
    refusal.helped(
        "Take another name, or revoke the token that has this one: wxbridge token list, wxbridge token revoke NAME.",
        "请换一个名称，或先吊销使用此名称的令牌：wxbridge token list、wxbridge token revoke 名称。",
    )
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
