//! Which code of the platform's may a message use up? One that came with the event it answers, or that the platform gave
//! for a message before it (a template card's response code) or for an order (a session's); codes die, and are kept no longer
//! than they live.

use super::Outbound;
use crate::{
    accounts::Opened,
    channels::contract::{Say, Ticket},
    ports::{
        clock::Millis,
        store::{Record, RecordWrite, Store, StoreError, Stored, forget},
    },
    schema::v1::{self, event::Body},
};

/// Where codes lie in the store, by account and what they are for.
const SPACE: &str = "ticket";

#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    code: String,
    until: Millis,
}

impl Outbound {
    /// Puts the code that `say` uses up beside it, where its channel wants one and there is one. `event` is the one that
    /// the request answers, where it is at hand.
    pub(super) async fn with_ticket(
        &self,
        opened: &Opened,
        request: &v1::SendRequest,
        event: Option<&Stored>,
        mut say: Say,
    ) -> Result<Say, StoreError> {
        let Some(about) = opened.account.wants_ticket(&say) else {
            return Ok(say);
        };
        let found = match (event, request.in_reply_to.as_str()) {
            (Some(event), _) => ticket_of(&event.event),
            (None, "") => None,
            (None, id) => self.parts.store.event(id).await?.and_then(|it| ticket_of(&it.event)),
        };
        let now = self.now();
        let fits = |ticket: &Ticket| about.is_empty() || ticket.about.eq_ignore_ascii_case(&about);
        let alive = |ticket: &Ticket| ticket.expires.is_none_or(|end| end > now);
        say.ticket = match found.filter(|ticket| fits(ticket) && alive(ticket)) {
            Some(ticket) => Some(ticket),
            None if about.is_empty() => None,
            None => self.kept_ticket(opened, about).await?,
        };
        Ok(say)
    }

    pub(super) async fn kept_ticket(&self, opened: &Opened, about: String) -> Result<Option<Ticket>, StoreError> {
        let record = self.parts.store.record(SPACE, &key(opened, &about)).await?;
        let kept = record.and_then(|record| serde_json::from_slice::<Kept>(&record).ok());
        Ok(kept.filter(|kept| kept.until > self.now()).map(|kept| Ticket {
            code: kept.code,
            about,
            expires: Some(kept.until),
            of_event: false,
        }))
    }

    /// Keeps the code that the platform gave with its good answer.
    pub(super) async fn keep_ticket(&self, opened: &Opened, ticket: Ticket) {
        let kept = Kept {
            code: ticket.code,
            until: ticket.expires.unwrap_or(Millis::MAX).min(self.now() + LONGEST),
        };
        let write = RecordWrite::Put {
            space: SPACE,
            key: key(opened, &ticket.about),
            value: serde_json::to_vec(&kept).unwrap_or_default(),
        };
        // The message arrived all the same; only a later change of it needs the code of a tap.
        if let Err(error) = self.parts.store.write_records(vec![write]).await {
            tracing::warn!(account = opened.settings.id, %error, "a code of the platform's is not kept");
        }
    }

    /// The platform takes a code once.
    pub(super) async fn spent(&self, opened: &Opened, ticket: &Ticket) {
        if ticket.of_event {
            return;
        }
        let write = RecordWrite::Delete {
            space: SPACE,
            key: key(opened, &ticket.about),
        };
        // Used again it is refused, and the refusal says so.
        if let Err(error) = self.parts.store.write_records(vec![write]).await {
            tracing::warn!(account = opened.settings.id, %error, "a spent code of the platform's is not forgotten");
        }
    }
}

/// No code lives longer: 72 hours (template cards).
const LONGEST: Millis = 72 * 3_600_000;

/// An account that was given other credentials starts anew.
fn key(opened: &Opened, about: &str) -> String {
    let it = &opened.describe;
    format!("{}/{}/{}/{about}", opened.settings.id, it.platform_id, it.sub_id)
}

/// The code that came with an event.
fn ticket_of(event: &v1::Event) -> Option<Ticket> {
    let ticket = match event.body.as_ref()? {
        Body::Interaction(tap) => Ticket {
            code: tap.response_code.clone(),
            about: tap.source_message_id.clone(),
            expires: event.accepted_time.map(|at| at.millis() + LONGEST),
            of_event: true,
        },
        Body::Signal(signal) => Ticket {
            code: signal.code.clone(),
            about: signal.platform_type.clone(),
            expires: signal.code_expires.map(|at| at.millis()),
            of_event: true,
        },
        _ => return None,
    };
    (!ticket.code.is_empty()).then_some(ticket)
}

/// Removes the codes that have died; says how many went.
pub async fn forget_old(store: &dyn Store, now: Millis) -> Result<usize, StoreError> {
    let lives = |record: &Record| serde_json::from_slice::<Kept>(&record.value).is_ok_and(|kept| kept.until > now);
    let records = store.records(SPACE).await?.into_iter();
    let dead = records.filter(|record| !lives(record)).map(|record| record.key);
    forget(store, SPACE, dead).await
}
