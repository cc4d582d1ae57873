//! How does the core hear what became of a file? By a signal in the conversation of its message.

use std::collections::BTreeMap;

use super::{Fetcher, job::Job};
use crate::{
    channels::contract::Dedupe,
    media::inbound,
    ports::store::{Arrival, StoreError},
    schema::v1::{self, event::Body, signal::Type},
};

impl Fetcher {
    /// Tells of the file with this handle; told once, however often it is tried. `media` says what is known now.
    pub(super) async fn tell(&self, handle: &str, job: &Job, media: v1::Media, why: &str) -> Result<(), StoreError> {
        // Events live longer than files: one that is gone was forgotten with its whole conversation.
        let Some(stored) = self.parts.store.event(&job.event).await? else {
            return Ok(());
        };
        let event = &stored.event;
        let Some(conversation) = event.conversation.clone() else {
            return Ok(());
        };
        let account = conversation.account.clone().unwrap_or_default();
        let core = self.parts.cores.for_account(&account).map(|core| core.name.clone());
        let signal = v1::Signal {
            r#type: Type::MediaChanged as i32,
            fields: fields(event, &job.kind, why),
            media: Some(merged(inbound::shown(event, handle), media)),
            ..Default::default()
        };
        let result = signal.media.as_ref().map_or("", |media| media.state().as_str_name());
        self.parts.observer.media_fetched(&account.channel, result);
        let arrival = Arrival {
            dedupe: Some(Dedupe {
                text: format!("{}:media:{handle}", account.platform_id),
                order: event.accepted_time.map_or(0, |at| at.millis().unsigned_abs()),
                rest: format!("media:{handle}"),
            }),
            rules: self.parts.rules,
            traceparent: event.traceparent.clone(),
            ..Arrival::of_ours(conversation, core, Body::Signal(signal))
        };
        self.parts.store.accept(arrival.into()).await.map(|_| ())
    }
}

fn fields(event: &v1::Event, kind: &str, why: &str) -> BTreeMap<String, String> {
    let message_id = match &event.body {
        Some(Body::Message(message)) => message.platform_message_id.as_str(),
        _ => "",
    };
    [
        ("event_id", event.id.as_str()),
        ("message_id", message_id),
        ("kind", kind),
        ("reason", why),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// What the message says of it, and over that what is known now.
fn merged(said: v1::Media, known: v1::Media) -> v1::Media {
    let text = |known: String, said: String| if known.is_empty() { said } else { known };
    v1::Media {
        mime: text(known.mime, said.mime),
        size: if known.size == 0 { said.size } else { known.size },
        sha256: known.sha256,
        name: text(known.name, said.name),
        state: known.state,
        ..said
    }
}
