//! Who changed what, and when? One record for each act of an operator; secrets show their last two characters at most.

use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::{
    HttpRequest,
    web::{self, Data},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::paged;
pub use crate::secret::masked;
use crate::{
    forward::book::Change,
    ports::{
        clock::Millis,
        store::{RecordWrite, Store},
    },
    schema::Timestamp,
    web::{
        Answer, State,
        auth::Caller,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[Call::get("/admin/v1/audit", "Who changed what, newest first", || {
    web::get().to(list)
})
.more("Secrets show their last two characters at most.")
.query(&[Query::limit(100), Query::after()])
.gives(&[(
    200,
    Gives::Json(Shape::Page(&Shape::Own("AuditRecord", || {
        shapes::object(
            [
                ("time", shapes::moment()),
                ("who", shapes::told("The token's name")),
                ("what", shapes::told("Such as account.create")),
                ("target", shapes::text()),
            ],
            [("before", shapes::anything()), ("after", shapes::anything())],
        )
    }))),
)])];

const SPACE: &str = "audit";
/// Who acted when the configuration file did.
const CONFIGURATION: &str = "configuration";
/// Records in one commit: callbacks wait behind it.
const AT_ONCE: usize = 500;

/// One act.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Act {
    time: Timestamp,
    /// The token's name.
    who: String,
    /// `account.apply`, `token.create` …
    what: String,
    target: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    before: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    after: Value,
}

/// What is written down about an act.
pub struct Note<'a> {
    pub what: &'static str,
    pub target: &'a str,
    pub before: Value,
    pub after: Value,
}

impl<'a> Note<'a> {
    pub fn new(what: &'static str, target: &'a str) -> Self {
        Self {
            what,
            target,
            before: Value::Null,
            after: Value::Null,
        }
    }
}

/// Writes an act down. It already happened: where that fails the log has it.
pub async fn note(state: &State, caller: &Caller, note: Note<'_>) {
    notes(state, caller, vec![note]).await;
}

/// Writes acts down that happened together: a thousand of them in few commits.
pub async fn notes(state: &State, caller: &Caller, notes: Vec<Note<'_>>) {
    let mut writes = Vec::with_capacity(notes.len());
    for note in notes {
        let now = state.clock.now();
        let act = Act {
            time: Timestamp::from_millis(now),
            who: caller.0.name.clone(),
            what: note.what.to_owned(),
            target: note.target.to_owned(),
            before: note.before,
            after: note.after,
        };
        tracing::info!(who = %act.who, what = %act.what, on = %act.target, "an operator acted");
        match record(now, &act) {
            Ok(write) => writes.push(write),
            Err(error) => {
                tracing::error!(%error, what = %act.what, on = %act.target, "an audit record cannot be written");
            }
        }
    }
    for some in writes.chunks(AT_ONCE) {
        if let Err(error) = state.store.write_records(some.to_vec()).await {
            let records = some.len();
            tracing::error!(%error, who = %caller.0.name, records, "audit records could not be written");
        }
    }
}

/// Writes down what a changed configuration did: its acts are nobody's whose token we know.
pub async fn note_configuration(store: &dyn Store, now: Millis, changes: Vec<Change>) {
    if changes.is_empty() {
        return;
    }
    let mut writes = Vec::with_capacity(changes.len());
    for change in changes {
        let act = Act {
            time: Timestamp::from_millis(now),
            who: CONFIGURATION.to_owned(),
            what: change.what.to_owned(),
            target: change.target,
            before: change.before,
            after: change.after,
        };
        tracing::info!(who = %act.who, what = %act.what, on = %act.target, "the configuration changed");
        match record(now, &act) {
            Ok(write) => writes.push(write),
            Err(error) => tracing::error!(%error, what = %act.what, "an audit record cannot be written"),
        }
    }
    if let Err(error) = store.write_records(writes).await {
        tracing::error!(%error, "audit records could not be written");
    }
}

fn record(now: Millis, act: &Act) -> Result<RecordWrite, serde_json::Error> {
    // Several acts within one millisecond keep their order.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    Ok(RecordWrite::Put {
        space: SPACE,
        key: format!("{now:013}-{:010}", COUNT.fetch_add(1, Ordering::Relaxed)),
        value: serde_json::to_vec(act)?,
    })
}

/// Newest first.
pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?);
    query.done()?;
    let mut records = state.store.records(SPACE).await?;
    records.sort_by(|a, b| b.key.cmp(&a.key));
    let records = records
        .into_iter()
        .filter(|record| after.as_ref().is_none_or(|after| record.key < *after));
    paged(
        records.take(limit + 1).collect(),
        limit,
        |record| record.key.clone(),
        |record| serde_json::from_slice::<Value>(&record.value).unwrap_or_default(),
    )
}
