//! How does a core pull its events over HTTP? `GET /v1/events`, a long poll, and `POST /v1/events/ack`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::{shown, written};
use crate::{
    feed::{self, Refusal},
    schema::v1::{AckEventsRequest, FetchEventsRequest},
    web::{
        Answer, Problem, State,
        auth::Caller,
        body,
        params::Params,
        table::{Call, Gives, Kind, Query, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/v1/events", "Pull what waits for a core of kind feed", || {
        web::get().to(fetch)
    })
    .more(
        "A long poll. Nothing ever appears behind a cursor that was handed out. A cursor older than retention is 410, \
             with `oldestAvailable`. Two that read the same feed hear the same events; 32 calls of one token at once.",
    )
    .query(&[
        Query::new("core", Kind::Text, "The core; a core token names its own"),
        Query::new(
            "after",
            Kind::Text,
            "The `next` of the page before; without it what is not acknowledged",
        ),
        Query::new("limit", Kind::Limit(feed::PAGE), "How many events at most"),
        Query::new("wait", Kind::Wait, "How long to wait for the first event"),
    ])
    .gives(&[(200, Gives::Json(Shape::Message("FetchEventsResponse")))])
    .refuses(&[404, 410]),
    Call::post("/v1/events/ack", "Acknowledge everything up to a cursor", || {
        web::post().to(ack)
    })
    .more("It closes the windows of those events unless it says `keepWindow`.")
    .takes(Takes::Json(Shape::Message("AckEventsRequest")))
    .gives(&[(200, Gives::Json(Shape::Message("AckEventsResponse")))])
    .refuses(&[404, 410]),
];

pub async fn fetch(request: HttpRequest, caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let core = query.filled("core")?.unwrap_or_default();
    let after = query.filled("after")?.unwrap_or_default();
    let limit = u32::try_from(query.limit(0, usize::MAX)?).unwrap_or(u32::MAX);
    let wait = query.wait()?;
    query.done()?;
    let wish = FetchEventsRequest {
        core,
        after,
        limit,
        // Bounded by the parameter's own limit.
        wait: wait.map(|wait| pbjson_types::Duration {
            seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
        }),
    };
    Ok(written(StatusCode::OK, state.feeds.fetch_json(&caller.0, wish).await?))
}

pub async fn ack(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let wish: AckEventsRequest = body::strict(&request, payload).await?;
    // What is taken closes its windows, also where the caller has left.
    let acking = tokio::spawn(async move { state.feeds.ack(&caller.0, wish).await });
    shown(StatusCode::OK, &acking.await.map_err(|_| Problem::failed())??)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, detail) = (refusal.code(), refusal.to_string());
        match refusal {
            Refusal::TooMany { retry_after_seconds } => Problem::slow_down(detail, retry_after_seconds),
            Refusal::TooOld { oldest_available } => Problem {
                oldest_available: Some(oldest_available),
                ..Problem::new(code, detail)
            },
            Refusal::Store(error) => error.into(),
            _ => Problem::new(code, detail),
        }
    }
}
