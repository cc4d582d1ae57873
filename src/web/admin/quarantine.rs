//! Which bodies could we not read, and can we now? `/admin/v1/quarantine`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    audit::{Note, note},
    paged, row, told,
};
use crate::{
    ports::store::Quarantined,
    schema::Timestamp,
    web::{
        Answer, Problem, State,
        auth::Caller,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[
    Call::get(
        "/admin/v1/quarantine",
        "Bodies of the platform that could not be read",
        || web::get().to(list),
    )
    .query(&[Query::limit(50), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("QuarantinedBody", described))))]),
    Call::post(
        "/admin/v1/quarantine/{id}/retry",
        "Decode it again with today's keys",
        || web::post().to(retry),
    )
    .more("What still cannot be read stays: 409. Without `eventId` its event was known already.")
    .gives(&[(
        200,
        Gives::Json(Shape::Own("ReadAgain", || {
            shapes::object([("eventId", shapes::or_null(shapes::text()))], [])
        })),
    )])
    .refuses(&[404, 409]),
    Call::post("/admin/v1/quarantine/{id}/discard", "Forget it for good", || {
        web::post().to(discard)
    })
    .gives(&[(204, Gives::Nothing)])
    .refuses(&[404]),
];

fn described() -> Value {
    shapes::object(
        [
            ("id", shapes::text()),
            ("account", shapes::text()),
            ("received", shapes::moment()),
            ("code", shapes::text()),
            ("detail", shapes::text()),
            ("query", shapes::text()),
            ("keyIds", shapes::text()),
            ("contentType", shapes::text()),
            ("body", shapes::told("base64")),
        ],
        [],
    )
}

fn shape(body: Quarantined) -> Value {
    json!({
        "id": body.row.to_string(),
        "account": body.account,
        "received": Timestamp::from_millis(body.received),
        "code": body.code,
        "detail": body.detail,
        "query": body.query,
        "keyIds": body.key_ids,
        "contentType": body.content_type,
        "body": STANDARD.encode(&body.body),
    })
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(50, 200)?, query.filled("after")?);
    query.done()?;
    let after = after.map(|after| row("after", &after)).transpose()?;
    let found = state.store.quarantined(after, limit + 1).await?;
    paged(found, limit, |body| body.row.to_string(), shape)
}

/// Decodes it again with today's keys. What still cannot be read stays where it is.
pub async fn retry(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let body = find(&state, &id).await?;
    let event_id = state.quarantine.reread(&body).await?;
    state.store.release_quarantined(body.row).await?;
    let after = json!({ "eventId": event_id });
    note(
        &state,
        &caller,
        Note {
            after: after.clone(),
            ..Note::new("quarantine.retry", &id)
        },
    )
    .await;
    told(StatusCode::OK, &after)
}

pub async fn discard(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let body = find(&state, &id).await?;
    state.store.release_quarantined(body.row).await?;
    let before =
        json!({ "account": body.account, "code": body.code, "received": Timestamp::from_millis(body.received) });
    note(
        &state,
        &caller,
        Note {
            before,
            ..Note::new("quarantine.discard", &id)
        },
    )
    .await;
    Ok(HttpResponse::NoContent().finish())
}

async fn find(state: &State, id: &str) -> Answer<Quarantined> {
    let row = row("id", id)?;
    let found = state.store.quarantined(Some(row - 1), 1).await?;
    let found = found.into_iter().find(|body| body.row == row);
    found.ok_or_else(|| Problem::not_found("no such quarantined body"))
}
