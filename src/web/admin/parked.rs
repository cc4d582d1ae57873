//! Which events were set aside, and what becomes of them? `/admin/v1/parked`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data},
};
use serde_json::{Value, json};

use super::{
    audit::{Note, note},
    paged, row, told,
};
use crate::{
    ports::store::{Parked, Row, StoreError},
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
    Call::get("/admin/v1/parked", "Events that were set aside", || web::get().to(list))
        .query(&[Query::limit(100), Query::after()])
        .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("ParkedEvent", described))))]),
    Call::post(
        "/admin/v1/parked/{id}/retry",
        "Offer it again, with a new id and seq",
        || web::post().to(retry),
    )
    .more("`id` is that of the list, or the event's.")
    .gives(&[(
        200,
        Gives::Json(Shape::Own("BroughtBack", || {
            shapes::object([("eventId", shapes::text()), ("seq", shapes::count())], [])
        })),
    )])
    .refuses(&[404]),
    Call::post("/admin/v1/parked/{id}/discard", "Forget it for good", || {
        web::post().to(discard)
    })
    .gives(&[(204, Gives::Nothing)])
    .refuses(&[404]),
];

fn described() -> Value {
    shapes::object(
        [
            ("id", shapes::text()),
            ("eventId", shapes::text()),
            ("conversationKey", shapes::text()),
            ("seq", shapes::count()),
            ("core", shapes::text()),
            ("parkedAt", shapes::moment()),
            ("reason", shapes::text()),
            ("event", shapes::or_null(shapes::message("Event"))),
        ],
        [],
    )
}

fn shape(parked: Parked) -> Value {
    json!({
        "id": parked.row.to_string(),
        "eventId": parked.event_id,
        "conversationKey": parked.key,
        "seq": parked.seq,
        "core": parked.core,
        "parkedAt": Timestamp::from_millis(parked.parked_at),
        "reason": parked.reason,
        "event": parked.event,
    })
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 500)?, query.filled("after")?);
    query.done()?;
    let after = after.map(|after| row("after", &after)).transpose()?;
    let found = state.store.parked(after, limit + 1).await?;
    paged(found, limit, |parked| parked.row.to_string(), shape)
}

pub async fn retry(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let row = find(&state, &id).await?;
    let back = state.store.unpark(row).await.map_err(unreadable)?.ok_or_else(none)?;
    let after = json!({ "eventId": back.event.id, "seq": back.event.seq });
    note(
        &state,
        &caller,
        Note {
            after: after.clone(),
            ..Note::new("parked.retry", &id)
        },
    )
    .await;
    told(StatusCode::OK, &after)
}

pub async fn discard(request: HttpRequest, id: web::Path<String>, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let row = find(&state, &id).await?;
    if !state.store.discard(row).await? {
        return Err(none());
    }
    note(&state, &caller, Note::new("parked.discard", &id)).await;
    Ok(HttpResponse::NoContent().finish())
}

/// A record that is damaged is that event's own trouble.
fn unreadable(error: StoreError) -> Problem {
    match error {
        StoreError::Broken(why) => Problem {
            status: StatusCode::CONFLICT,
            ..Problem::invalid(format!(
                "the record of this event cannot be read and cannot come back, discard lets go of it: {why}"
            ))
        },
        other => other.into(),
    }
}

fn none() -> Problem {
    Problem::not_found("no such parked event")
}

/// The row of a parked event, named by row or event id.
async fn find(state: &State, id: &str) -> Answer<Row> {
    if let Ok(row) = id.parse() {
        return Ok(row);
    }
    let mut after = None;
    loop {
        let page = state.store.parked(after, 500).await?;
        if let Some(found) = page.iter().find(|parked| parked.event_id == id) {
            return Ok(found.row);
        }
        after = Some(page.last().ok_or_else(none)?.row);
    }
}
