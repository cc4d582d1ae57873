//! How is a request's body read? Up to a limit, in the notation it claims, never inflated.

use std::{io, time::Duration};

use actix_web::{HttpMessage as _, HttpRequest, http::header, web};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{Answer, Problem, quota::Ticket};
use crate::schema::json::{self, Unknown};

/// The largest JSON or TOML body.
pub const MAX_BODY: u64 = 4 * 1024 * 1024;
/// Somebody from whom, or to whom, no piece goes for so long holds nothing of ours open.
pub const STALLED: Duration = Duration::from_secs(60);

/// The whole body, at most `limit` bytes.
pub async fn whole(request: &HttpRequest, mut payload: web::Payload, limit: u64) -> Answer<web::BytesMut> {
    plain(request)?;
    if announced(request).is_some_and(|length| length > limit) {
        return Err(Problem::too_large(limit));
    }
    let ticket = ticket(request);
    let mut body = web::BytesMut::new();
    while let Some(chunk) = piece(&mut payload, STALLED).await {
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

/// The next piece of a body; where none comes in time, an error that says so.
pub async fn piece(payload: &mut web::Payload, within: Duration) -> Option<io::Result<web::Bytes>> {
    match timeout(within, payload.next()).await {
        Ok(piece) => piece.map(|bytes| bytes.map_err(io::Error::other)),
        Err(_) => Some(Err(stalled(within))),
    }
}

pub fn stalled(within: Duration) -> io::Error {
    let why = format!("nothing more of it came for {} s", within.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, why)
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

#[cfg(test)]
mod tests {
    use actix_web::{FromRequest as _, dev, error::PayloadError, test::TestRequest};
    use futures_util::{FutureExt as _, Stream, stream};

    use super::*;

    async fn payload(pieces: impl Stream<Item = Result<web::Bytes, PayloadError>> + 'static) -> web::Payload {
        let mut stream = dev::Payload::from(Box::pin(pieces) as std::pin::Pin<Box<dyn Stream<Item = _>>>);
        let request = TestRequest::default().to_http_request();
        web::Payload::from_request(&request, &mut stream)
            .await
            .expect("a payload")
    }

    #[actix_web::test]
    async fn a_body_that_stops_coming_ends_and_one_that_comes_is_read() {
        let within = Duration::from_millis(20);
        let begun = || stream::iter([Ok(web::Bytes::from_static(b"{"))]);
        let mut stops = payload(begun().chain(stream::pending())).await;
        assert_eq!(piece(&mut stops, within).await.expect("a piece").expect("whole"), "{");
        let ended = piece(&mut stops, within).await.expect("an end").expect_err("in time");
        assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        let mut comes = payload(begun()).await;
        assert_eq!(
            piece(&mut comes, STALLED)
                .now_or_never()
                .expect("at once")
                .expect("a piece")
                .expect("whole"),
            "{"
        );
        assert!(piece(&mut comes, STALLED).await.is_none());
    }
}
