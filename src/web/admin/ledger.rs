//! Was every callback answered? `/admin/v1/ledger`: per account and minute, the last 24 hours, newest first.

use actix_web::{
    HttpRequest,
    web::{self, Data},
};
use serde_json::Value;

use super::{paged, row};
use crate::web::{
    Answer, Problem, State,
    params::Params,
    shapes,
    table::{Call, Gives, Kind, Query, Shape},
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/ledger", "How callbacks were answered, newest first", || {
        web::get().to(list)
    })
    .more("Per account and minute, for 24 hours.")
    .query(&[
        Query::limit(500),
        Query::after(),
        Query::new("account", Kind::Text, "Only this account"),
    ])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("LedgerLine", line))))]),
];

fn line() -> Value {
    shapes::object(
        [
            ("account", shapes::text()),
            ("minute", shapes::moment()),
            ("received", shapes::count()),
            ("answered", shapes::count()),
            ("slowestMs", shapes::number()),
            ("answers", shapes::map(shapes::count())),
        ],
        [],
    )
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after, account) = (
        query.limit(500, 10_000)?,
        query.filled("after")?,
        query.filled("account")?,
    );
    query.done()?;
    let lines = state
        .observer
        .answers
        .lines(state.store.as_ref(), account.as_deref(), state.clock.now())
        .await?;
    // The cursor is a minute and an account, as the list is ordered.
    let behind = after.as_deref().map(place).transpose()?;
    let rest = lines.into_iter().filter(|line| {
        let place = (line.minute.millis(), line.account.as_str());
        behind
            .as_ref()
            .is_none_or(|(minute, account)| place < (*minute, account.as_str()))
    });
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |line| format!("{}/{}", line.minute.millis(), line.account),
        |line| line,
    )
}

/// Where a page ended.
fn place(after: &str) -> Answer<(i64, String)> {
    let (minute, account) = after
        .split_once('/')
        .ok_or_else(|| Problem::invalid(format!("after is {after:?}, expected the next of the page before")))?;
    Ok((row("after", minute)?, account.to_owned()))
}
