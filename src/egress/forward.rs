//! How does a batch of copies reach its receiver? One POST to an address of the operator's own choice, no redirects.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::{Limits, NoClient, client, dial, line::chain};
use crate::ports::forward::{Post, Posted, Receivers};

/// More of an answer than this is not read: the connection is given up instead.
const ANSWER_BYTES: usize = 64 << 10;

/// The way to receivers.
pub struct ReceiverClient(reqwest::Client);

impl ReceiverClient {
    pub fn new() -> Result<Arc<Self>, NoClient> {
        // A bare container has no certificates: plain HTTP must work all the same, and HTTPS fails by name.
        let trust = dial::trust().or_else(|_| dial::distrust());
        let trust = trust.map_err(|error| NoClient(error.to_string()))?;
        let client = client(&Limits::default(), trust);
        let client = client.map_err(|error| NoClient(error.without_url().to_string()))?;
        Ok(Arc::new(Self(client)))
    }
}

#[async_trait]
impl Receivers for ReceiverClient {
    async fn post(&self, post: Post, within: Duration) -> Posted {
        let mut request = self
            .0
            .post(&post.url)
            .timeout(within)
            .header(CONTENT_TYPE, post.content_type);
        for (name, value) in post.headers {
            request = request.header(name, value);
        }
        match request.body(post.body).send().await {
            Ok(response) => answered(response).await,
            Err(error) => Posted::Unreachable(chain(&error.without_url())),
        }
    }
}

/// The status decides; the body is read only so that the connection can be used again.
async fn answered(mut response: reqwest::Response) -> Posted {
    let status = response.status();
    let after = response.headers().get(RETRY_AFTER).and_then(|value| {
        let text = value.to_str().ok()?.trim();
        match text.parse::<u32>() {
            Ok(seconds) => Some(i64::from(seconds) * 1_000),
            Err(_) => {
                let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
                Some(at.timestamp_millis() - i64::try_from(now.as_millis()).ok()?)
            }
        }
    });
    let mut left = ANSWER_BYTES;
    while let Ok(Some(chunk)) = response.chunk().await {
        let Some(rest) = left.checked_sub(chunk.len()) else {
            break;
        };
        left = rest;
    }
    if status.is_success() {
        return Posted::Taken;
    }
    Posted::Refused {
        status: status.as_u16(),
        after,
    }
}
