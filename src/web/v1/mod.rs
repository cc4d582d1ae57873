//! What may a core ask over HTTP? The contract's section 6: each call in a file of its own.

pub mod access_token;
pub mod accounts;
mod conversations;
mod entries;
mod events;
mod media;
mod messages;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web::{self, ServiceConfig},
};
use serde::Serialize;

use super::{Answer, internal::taking};
use crate::schema::json;

pub fn routes(app: &mut ServiceConfig) {
    app.service(
        taking("/messages", "GET, POST")
            .route(web::post().to(messages::send))
            .route(web::get().to(messages::by_client_id)),
    )
    .service(taking("/messages/{id}", "GET").route(web::get().to(messages::by_id)))
    .service(taking("/events", "GET").route(web::get().to(events::fetch)))
    .service(taking("/events/ack", "POST").route(web::post().to(events::ack)))
    .service(taking("/conversations/{key:.*}", "GET").route(web::get().to(conversations::look)))
    .service(taking("/media", "POST").route(web::post().to(media::put)))
    .service(
        taking("/media/{handle}", "GET, HEAD")
            .route(web::get().to(media::get))
            .route(web::head().to(media::get)),
    )
    .service(taking("/accounts", "GET").route(web::get().to(accounts::list)))
    .service(taking("/accounts/{id}", "GET").route(web::get().to(accounts::one)))
    .service(taking("/entries", "POST").route(web::post().to(entries::create)));
}

/// A message of the schema as the answer.
pub fn shown<T: Serialize>(status: StatusCode, message: &T) -> Answer {
    let body = json::to_vec(message)?;
    Ok(HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}
