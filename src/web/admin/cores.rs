//! How are the cores, and how far behind? `/admin/v1/cores`.

use actix_web::{HttpRequest, web::Data};
use serde_json::json;

use super::paged;
use crate::{
    schema::Timestamp,
    web::{Answer, State, params::Params},
};

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?);
    query.done()?;
    let lag = state.delivery.lag();
    let now = state.clock.now();
    let all = state
        .cores
        .0
        .iter()
        .skip_while(|core| after.as_ref().is_some_and(|after| **after != *core.name));
    let rest = all.skip(usize::from(after.is_some()));
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |core| core.name.to_string(),
        |core| {
            let waiting = lag.get(&*core.name).copied().unwrap_or_default();
            let link = state.delivery.state(&core.name);
            json!({
                "name": &*core.name,
                "kind": core.kind,
                "url": core.url,
                "match": core.matches,
                "state": link.state,
                "lastError": link.last_error,
                "backlogEvents": waiting.events,
                "oldest": waiting.oldest.map(Timestamp::from_millis),
                "ageSeconds": waiting.oldest.map_or(0, |oldest| (now - oldest).max(0) / 1000),
            })
        },
    )
}
