//! What becomes of a body that is authentic and cannot be read?

use super::{
    accept::{Body, Call, Post, Reply},
    cloud, query,
};
use crate::{
    accounts::Opened,
    channels::contract::Seal,
    error::Fault,
    ports::{chance::hex, store::Quarantined},
};

impl Call {
    /// Kept for the operator; the platform is content once it is durable.
    pub(super) async fn set_aside(self, post: Post<'_>, fault: Fault) -> Reply {
        let (id, observer) = (&self.opened.settings.id, &self.inbound.parts.observer);
        let kept = Quarantined {
            row: 0,
            account: id.clone(),
            // It is read again as of then, so by the clock that found it fresh.
            received: self.inbound.judged_at(&query::read(post.query), self.first),
            code: fault.code.name().to_owned(),
            detail: fault.detail.clone(),
            query: post.query.to_owned(),
            body: post.body.to_vec(),
            content_type: post.content_type.to_owned(),
            key_ids: match post.unsigned {
                true => cloud::UNSIGNED.to_owned(),
                false => key_ids(&self.opened),
            },
        };
        match self.in_time(self.inbound.parts.store.quarantine(kept)).await {
            Some(Ok(_)) => {
                self.durable(&Seal::Plain);
                observer.quarantined(id, &fault);
                if let Some(left_out) = observer.may_say("set aside", id) {
                    tracing::warn!(account = id, %fault, left_out, "a body of the platform's cannot be read and was set aside");
                }
                self.end("quarantined", Reply::ok(Body::Success), None)
            }
            Some(Err(error)) => self.uncommitted(&error),
            None => self.unavailable(),
        }
    }
}

/// Which keys were tried, told apart without telling them.
fn key_ids(opened: &Opened) -> String {
    let id = |name: &str, key: &crate::secret::Secret| {
        let digest = ring::digest::digest(&ring::digest::SHA256, key.expose().as_bytes());
        (!key.is_empty()).then(|| format!("{name}={}", &hex(digest.as_ref())[..8]))
    };
    let settings = &opened.settings;
    let previous = settings.previous.as_ref();
    let ids = [
        id("current", &settings.encoding_aes_key),
        previous.and_then(|previous| id("previous", &previous.encoding_aes_key)),
    ];
    ids.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
