//! How are the cores, and how far behind? `/admin/v1/cores`.

use actix_web::{
    HttpRequest,
    web::{self, Data},
};
use serde_json::{Value, json};

use super::paged;
use crate::{
    schema::Timestamp,
    secret::{masked, masked_query},
    web::{
        Answer, State,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/cores", "The cores, and how far behind they are", || {
        web::get().to(list)
    })
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("CoreStatus", shape))))]),
];

fn shape() -> Value {
    let texts = || shapes::list(shapes::text());
    shapes::object(
        [
            ("name", shapes::text()),
            ("kind", shapes::one_of(&["http", "grpc", "feed"])),
            ("url", shapes::text()),
            (
                "match",
                shapes::object([("channels", texts()), ("accounts", texts()), ("sub_ids", texts())], []),
            ),
            ("state", shapes::told("up, slow, down or unknown")),
            ("lastError", shapes::text()),
            ("lastFetch", shapes::or_null(shapes::moment())),
            ("lastAck", shapes::or_null(shapes::moment())),
            ("backlogEvents", shapes::count()),
            ("oldest", shapes::or_null(shapes::moment())),
            ("ageSeconds", shapes::count()),
        ],
        [],
    )
}

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
                "url": masked_query(&core.url, masked),
                "match": core.matches,
                "state": link.state,
                "lastError": link.last_error,
                "lastFetch": link.last_fetch,
                "lastAck": link.last_ack,
                "backlogEvents": waiting.events,
                "oldest": waiting.oldest.map(Timestamp::from_millis),
                "ageSeconds": waiting.oldest.map_or(0, |oldest| (now - oldest).max(0) / 1000),
            })
        },
    )
}
