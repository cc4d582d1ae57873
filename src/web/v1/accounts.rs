//! What is known of each account? `GET /v1/accounts`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::shown;
use crate::web::{
    Answer, State,
    auth::Caller,
    calls::accounts,
    params::Params,
    table::{Call, Gives, Query, Shape},
};

pub const ACCOUNT: Gives = Gives::Json(Shape::Message("AccountView"));
pub const ACCOUNTS: Gives = Gives::Json(Shape::Page(&Shape::Message("AccountView")));

pub const CALLS: &[Call] = &[
    Call::get("/v1/accounts", "The accounts that this token may see", || {
        web::get().to(list)
    })
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, ACCOUNTS)]),
    Call::get(
        "/v1/accounts/{id}",
        "One account: state, capabilities, callback URLs, warnings",
        || web::get().to(one),
    )
    .gives(&[(200, ACCOUNT)])
    .refuses(&[404]),
];

pub async fn list(request: HttpRequest, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?.unwrap_or_default());
    query.done()?;
    shown(StatusCode::OK, &accounts::list(&state, &caller, limit, &after))
}

pub async fn one(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    shown(StatusCode::OK, &accounts::one(&state, &caller, &id)?)
}
