//! What may operators see and change over HTTP? The contract's `/admin/v1`, each list in a file of its own.

mod accounts;
mod audit;
mod backup;
mod charts;
mod cores;
mod doctor;
mod forwarders;
mod ledger;
mod masks;
mod open;
mod parked;
mod passthrough;
mod quarantine;
mod replay;
mod search;
mod timeline;
mod tokens;

use actix_web::{HttpResponse, http::header};
use serde::Serialize;

use super::{Answer, Problem, table::Call};
pub(super) use audit::{Note, note};
pub use audit::{masked, note_configuration};
pub use charts::sample_day;
pub use replay::Running;

pub fn calls() -> impl Iterator<Item = &'static Call> {
    [
        accounts::CALLS,
        tokens::CALLS,
        parked::CALLS,
        quarantine::CALLS,
        replay::CALLS,
        backup::CALLS,
        cores::CALLS,
        forwarders::CALLS,
        ledger::CALLS,
        passthrough::CALLS,
        open::CALLS,
        doctor::CALLS,
        audit::CALLS,
        timeline::CALLS,
        search::CALLS,
        charts::CALLS,
    ]
    .into_iter()
    .flatten()
}

/// JSON that nobody keeps.
pub(in crate::web) fn told<T: Serialize>(status: actix_web::http::StatusCode, body: &T) -> Answer {
    let body = serde_json::to_vec(body).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}

/// One page of a list that was read with one item more than `limit`; `place` names an item for `after`.
pub(super) fn paged<T, U: Serialize>(
    items: Vec<T>,
    limit: usize,
    place: impl Fn(&T) -> String,
    show: impl Fn(T) -> U,
) -> Answer {
    told(actix_web::http::StatusCode::OK, &page(items, limit, place, show))
}

/// [`paged`], not yet told.
fn page<T, U: Serialize>(
    mut items: Vec<T>,
    limit: usize,
    place: impl Fn(&T) -> String,
    show: impl Fn(T) -> U,
) -> super::calls::accounts::Page<U> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more {
        items.last().map(place).unwrap_or_default()
    } else {
        String::new()
    };
    let items = items.into_iter().map(show).collect();
    super::calls::accounts::Page { items, next }
}

/// A row number out of a path or a cursor.
pub(super) fn row(name: &str, text: &str) -> Answer<i64> {
    text.parse()
        .map_err(|_| Problem::invalid(format!("{name} is {text:?}, expected a number")))
}
