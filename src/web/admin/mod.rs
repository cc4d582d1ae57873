//! What may operators see and change over HTTP? The contract's `/admin/v1`, each list in a file of its own.

mod accounts;
mod audit;
mod backup;
mod cores;
mod doctor;
mod ledger;
mod parked;
mod quarantine;
mod replay;
mod timeline;
mod tokens;

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};
use serde::Serialize;

use super::{Answer, Problem, internal::taking};
pub use audit::masked;
pub(super) use audit::{Note, note};
pub use replay::Running;

pub fn routes(app: &mut ServiceConfig) {
    app.configure(changing).configure(looking);
}

fn changing(app: &mut ServiceConfig) {
    app.service(
        taking("/accounts", "GET, POST")
            .route(web::get().to(accounts::list))
            .route(web::post().to(accounts::apply)),
    )
    .service(
        taking("/accounts/{id}", "GET, DELETE")
            .route(web::get().to(accounts::one))
            .route(web::delete().to(accounts::remove)),
    )
    .service(taking("/accounts/{id}/rotate", "POST").route(web::post().to(accounts::rotate)))
    .service(
        taking("/tokens", "GET, POST")
            .route(web::get().to(tokens::list))
            .route(web::post().to(tokens::create)),
    )
    .service(taking("/tokens/{id}", "DELETE").route(web::delete().to(tokens::revoke)))
    .service(taking("/parked", "GET").route(web::get().to(parked::list)))
    .service(taking("/parked/{id}/retry", "POST").route(web::post().to(parked::retry)))
    .service(taking("/parked/{id}/discard", "POST").route(web::post().to(parked::discard)))
    .service(taking("/quarantine", "GET").route(web::get().to(quarantine::list)))
    .service(taking("/quarantine/{row}/retry", "POST").route(web::post().to(quarantine::retry)))
    .service(taking("/quarantine/{row}/discard", "POST").route(web::post().to(quarantine::discard)))
    .service(
        taking("/replay", "GET, POST")
            .route(web::get().to(replay::list))
            .route(web::post().to(replay::start)),
    )
    .service(taking("/replay/{id}", "GET").route(web::get().to(replay::one)))
    .service(taking("/backup", "POST").route(web::post().to(backup::take)));
}

fn looking(app: &mut ServiceConfig) {
    app.service(taking("/cores", "GET").route(web::get().to(cores::list)))
        .service(taking("/ledger", "GET").route(web::get().to(ledger::list)))
        .service(taking("/doctor", "GET").route(web::get().to(doctor::examine)))
        .service(taking("/audit", "GET").route(web::get().to(audit::list)))
        .service(taking("/timeline", "GET").route(web::get().to(timeline::list)));
}

/// JSON that nobody keeps.
pub(super) fn told<T: Serialize>(status: actix_web::http::StatusCode, body: &T) -> Answer {
    let body = serde_json::to_vec(body).map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}

/// One page of a list that was read with one item more than `limit`; `place` names an item for `after`.
pub(super) fn paged<T, U: Serialize>(
    mut items: Vec<T>,
    limit: usize,
    place: impl Fn(&T) -> String,
    show: impl Fn(T) -> U,
) -> Answer {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more {
        items.last().map(place).unwrap_or_default()
    } else {
        String::new()
    };
    let items = items.into_iter().map(show).collect();
    told(
        actix_web::http::StatusCode::OK,
        &super::calls::accounts::Page { items, next },
    )
}

/// A row number out of a path or a cursor.
pub(super) fn row(name: &str, text: &str) -> Answer<i64> {
    text.parse()
        .map_err(|_| Problem::invalid(format!("{name} is {text:?}, expected a number")))
}
