//! What did the system say that had an account before, beside what we said? `/admin/v1/passthrough`, newest first.

use actix_web::{
    HttpRequest,
    web::{self, Data},
};
use serde_json::Value;

use super::{paged, row};
use crate::web::{
    Answer, State,
    params::Params,
    shapes,
    table::{Call, Gives, Kind, Query, Shape},
};

pub const CALLS: &[Call] = &[Call::get(
    "/admin/v1/passthrough",
    "What the system before answered, beside our answers, newest first",
    || web::get().to(list),
)
.more("The last 200 callbacks of each account with `passthrough`, since the start.")
.query(&[
    Query::limit(100),
    Query::after(),
    Query::new("account", Kind::Text, "Only this account"),
])
.gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("HandedOn", handed))))])];

fn handed() -> Value {
    let answer = || shapes::object([("kind", shapes::text())], [("text", shapes::text())]);
    shapes::object(
        [
            ("time", shapes::moment()),
            ("account", shapes::text()),
            ("eventId", shapes::told("Empty where it became no event")),
            ("mode", shapes::one_of(&["tee", "answer"])),
            ("ours", answer()),
            ("old", answer()),
            ("oldStatus", shapes::count()),
            ("oldMs", shapes::count()),
            ("same", shapes::flag()),
            ("returned", shapes::one_of(&["ours", "old", "none"])),
        ],
        [("fault", shapes::told("Why the old answer is none, or not lawful"))],
    )
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after, account) = (
        query.limit(100, 1000)?,
        query.filled("after")?,
        query.filled("account")?,
    );
    query.done()?;
    let behind = after.map(|after| row("after", &after)).transpose()?;
    let behind = behind.and_then(|row| u64::try_from(row).ok()).unwrap_or(u64::MAX);
    let all = state.observer.handed_on.list(account.as_deref());
    let rest = all.into_iter().filter(|handed| handed.number < behind);
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |handed| handed.number.to_string(),
        |handed| handed,
    )
}
