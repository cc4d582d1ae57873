//! Who changed what, and when? `/admin/v1/audit`, its export, and whether it is whole; how the doors write acts down.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data},
};
use serde_json::Value;

use super::{paged, row, told};
pub use crate::secret::masked;
use crate::{
    audit::{Audit, Deed},
    forward::book::Change,
    web::{
        Answer, Problem, State,
        auth::Caller,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/audit", "Who changed what, newest first", || {
        web::get().to(list)
    })
    .more("Secrets show their last two characters at most.")
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("AuditRecord", record))))]),
    Call::get("/admin/v1/audit/export", "The whole audit log, oldest first", || {
        web::get().to(export)
    })
    .more("One JSON record a line. `wxbridge audit verify FILE` tells whether it is as it was written.")
    .gives(&[(200, Gives::Bytes)]),
    Call::get("/admin/v1/audit/verify", "Is the audit log as it was written?", || {
        web::get().to(verify)
    })
    .more("Each record is bound to the one before by its hash; whoever keeps `lastHash` elsewhere can show that none was made anew.")
    .gives(&[(200, Gives::Json(Shape::Own("AuditVerified", verified)))]),
];

fn record() -> Value {
    shapes::object(
        [
            ("number", shapes::count()),
            ("time", shapes::moment()),
            ("who", shapes::told("The token's name, configuration, or retention")),
            ("what", shapes::told("Such as account.create")),
            ("target", shapes::text()),
            ("hash", shapes::told("Over the record before and this one")),
        ],
        [("before", shapes::anything()), ("after", shapes::anything())],
    )
}

fn verified() -> Value {
    shapes::object(
        [
            ("whole", shapes::flag()),
            ("records", shapes::count()),
            ("first", shapes::count()),
            ("last", shapes::count()),
            ("lastHash", shapes::text()),
            ("fault", shapes::told("What is wrong; empty: nothing")),
        ],
        [],
    )
}

/// Who acted when the configuration file did.
const CONFIGURATION: &str = "configuration";

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
    let deed = |note: Note<'_>| Deed {
        who: caller.0.name.clone(),
        what: note.what.to_owned(),
        target: note.target.to_owned(),
        before: note.before,
        after: note.after,
    };
    state.audit.note(notes.into_iter().map(deed).collect()).await;
}

/// Writes down what a changed configuration did: its acts are nobody's whose token we know.
pub async fn note_configuration(audit: &Audit, changes: Vec<Change>) {
    let deed = |change: Change| Deed {
        who: CONFIGURATION.to_owned(),
        what: change.what.to_owned(),
        target: change.target,
        before: change.before,
        after: change.after,
    };
    audit.note(changes.into_iter().map(deed).collect()).await;
}

/// Newest first.
pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?);
    query.done()?;
    let behind = after.map(|after| row("after", &after)).transpose()?;
    let behind = behind.and_then(|number| u64::try_from(number).ok()).unwrap_or(u64::MAX);
    let all = state.audit.all().await?;
    let older = all.into_iter().rev().filter(|act| act.number < behind);
    paged(
        older.take(limit + 1).collect(),
        limit,
        |act| act.number.to_string(),
        |act| act,
    )
}

pub async fn export(request: HttpRequest, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let mut lines = Vec::new();
    for act in state.audit.all().await? {
        let line = serde_json::to_vec(&act).map_err(|error| Problem::invalid(error.to_string()))?;
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/x-ndjson"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"wxbridge-audit.ndjson\"",
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(lines))
}

pub async fn verify(request: HttpRequest, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    told(StatusCode::OK, &state.audit.verify().await?)
}
