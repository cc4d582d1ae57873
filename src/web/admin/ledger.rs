//! Was every callback answered? `/admin/v1/ledger`: per account and minute, the last 24 hours, newest first.

use actix_web::{HttpRequest, web::Data};

use super::{paged, row};
use crate::web::{Answer, State, params::Params};

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
    let behind = after
        .as_deref()
        .and_then(|after| after.split_once('/'))
        .map(|(minute, account)| Ok::<_, crate::web::Problem>((row("after", minute)?, account.to_owned())));
    let behind = behind.transpose()?;
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
