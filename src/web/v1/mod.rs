//! What may a core ask over HTTP? The contract's section 6: each call in a file of its own.

pub mod access_token;
pub mod accounts;
mod conversations;
mod entries;
mod events;
mod media;
mod messages;
mod records;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use serde::Serialize;

use super::{Answer, table::Call};
use crate::schema::json;

pub fn calls() -> impl Iterator<Item = &'static Call> {
    [
        messages::CALLS,
        events::CALLS,
        conversations::CALLS,
        media::CALLS,
        accounts::CALLS,
        access_token::CALLS,
        entries::CALLS,
        records::CALLS,
    ]
    .into_iter()
    .flatten()
}

/// A message of the schema as the answer.
pub fn shown<T: Serialize>(status: StatusCode, message: &T) -> Answer {
    Ok(written(status, json::to_vec(message)?))
}

/// JSON as the answer.
fn written(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}
