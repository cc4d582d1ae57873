//! How is a push handed to the system that had the account before? As the platform would: one POST, no redirects, and only to
//! addresses that any URL may lead to.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
};

use super::{
    Egress,
    dial::Place,
    fetch::parse,
    line::{Ask, Line},
};
use crate::ports::old_url::{Answered, MARK, OldUrl, Push};

/// No passive answer is larger.
const ANSWER_BYTES: usize = 64 << 10;

#[async_trait]
impl OldUrl for Egress {
    async fn hand(&self, push: &Push, within: Duration) -> Result<Answered, String> {
        let handed = tokio::time::timeout(within, self.hand_now(push));
        let late = |_| Err(format!("no whole answer within {} ms", within.as_millis()));
        handed.await.unwrap_or_else(late)
    }
}

impl Egress {
    async fn hand_now(&self, push: &Push) -> Result<Answered, String> {
        let mut url = parse(&push.url).map_err(|fault| fault.to_string())?;
        if !push.query.is_empty() {
            let query = match url.query() {
                Some(own) if !own.is_empty() => format!("{own}&{}", push.query),
                _ => push.query.clone(),
            };
            url.set_query(Some(&query));
        }
        let place = Place::of(&url).ok_or("it is no address of the web")?;
        let addresses = self.vetted(&url).await.map_err(|fault| fault.to_string())?;
        let socket = self.dialer.open_at(&place.peer, addresses).await;
        let line = Line::over(socket.map_err(|fault| fault.to_string())?).await;
        let answer = line.map_err(|fault| fault.to_string())?.ask(request(place, push)).await;
        let mut answer = answer.map_err(|fault| fault.to_string())?;
        let mut body = Vec::new();
        while let Some(piece) = answer.piece().await {
            body.extend_from_slice(&piece.map_err(|fault| fault.to_string())?);
            if body.len() > ANSWER_BYTES {
                return Err(format!("its answer is over {ANSWER_BYTES} bytes"));
            }
        }
        let status = answer.head.status.as_u16();
        Ok(Answered { status, body })
    }
}

fn request(place: Place, push: &Push) -> Ask {
    let mut request = Ask::new(Full::new(Bytes::copy_from_slice(&push.body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = place.path;
    let headers = request.headers_mut();
    *headers = place.headers;
    if let Ok(kind) = HeaderValue::from_str(&push.content_type) {
        headers.insert(CONTENT_TYPE, kind);
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(push.body.len()));
    headers.insert(MARK, HeaderValue::from_static("1"));
    request
}

#[cfg(test)]
#[path = "old_url_tests.rs"]
mod tests;
