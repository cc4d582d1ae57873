//! How is a request's body read? Up to a limit, in the notation it claims, never inflated.

use actix_web::{HttpMessage as _, HttpRequest, http::header, web};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use super::{Answer, Problem, quota::Ticket};
use crate::schema::json::{self, Unknown};

/// The largest JSON or TOML body.
pub const MAX_BODY: u64 = 4 * 1024 * 1024;

/// The whole body, at most `limit` bytes.
pub async fn whole(request: &HttpRequest, mut payload: web::Payload, limit: u64) -> Answer<web::BytesMut> {
    plain(request)?;
    if announced(request).is_some_and(|length| length > limit) {
        return Err(Problem::too_large(limit));
    }
    let ticket = ticket(request);
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::invalid(format!("the body broke off: {error}")))?;
        if body.len() as u64 + chunk.len() as u64 > limit {
            return Err(Problem::too_large(limit));
        }
        if let Some(ticket) = &ticket {
            ticket.holds(chunk.len() as u64)?;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What the call counts by; it ends when the last copy is dropped.
pub fn ticket(request: &HttpRequest) -> Option<Ticket> {
    request.extensions().get::<Ticket>().cloned()
}

/// A JSON body without strangers among its fields.
pub async fn strict<T: DeserializeOwned>(request: &HttpRequest, payload: web::Payload) -> Answer<T> {
    strict_within(request, payload, MAX_BODY).await
}

/// The same, of at most so many bytes.
pub async fn strict_within<T: DeserializeOwned>(request: &HttpRequest, payload: web::Payload, most: u64) -> Answer<T> {
    Ok(json::from_slice(
        &json_within(request, payload, most).await?,
        Unknown::Refuse,
    )?)
}

/// A body that says it is JSON, unread.
pub async fn json_within(request: &HttpRequest, payload: web::Payload, most: u64) -> Answer<web::BytesMut> {
    if !says_json(request) {
        return Err(Problem::media_type(&content_type(request), "application/json"));
    }
    let body = whole(request, payload, most).await?;
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::invalid("the body is empty, expected a JSON object"));
    }
    Ok(body)
}

/// The announced length, where there is one.
pub fn announced(request: &HttpRequest) -> Option<u64> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Refuses a body that would have to be inflated.
pub fn plain(request: &HttpRequest) -> Answer<()> {
    match request.headers().get(header::CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => Err(Problem::media_type(
            "compressed (Content-Encoding)",
            "an uncompressed body",
        )),
        _ => Ok(()),
    }
}

/// The media type without its parameters, lower-case; empty when none was said.
pub fn content_type(request: &HttpRequest) -> String {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// JSON, or nothing said.
pub fn says_json(request: &HttpRequest) -> bool {
    let found = content_type(request);
    found.is_empty() || found == "application/json" || (found.starts_with("application/") && found.ends_with("+json"))
}
