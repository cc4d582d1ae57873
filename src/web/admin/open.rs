//! How is a scan asked for, and who scanned? `/admin/v1/open/{account}/…`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    audit::{Note, note},
    paged, told,
};
use crate::{
    component::links::LONGEST,
    schema::Timestamp,
    web::{
        Answer, State,
        auth::Caller,
        body,
        needs::AuthorizerView,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::post(
        "/admin/v1/open/{account}/bind-links",
        "Make a link by which an account is bound with a scan",
        || web::post().to(invite),
    )
    .more(
        "`account` is the id that the new account gets, or the id of one that is bound via this open platform and is to be \
         authorised anew. The link works once, and at most 24 h, which is also what it gets without `expires`.",
    )
    .takes(Takes::Json(Shape::Own("BindLinkWish", || {
        shapes::request([("account", shapes::text())], [("expires", shapes::moment())])
    })))
    .gives(&[(
        201,
        Gives::Json(Shape::Own("BindLink", || {
            shapes::object([("url", shapes::text()), ("expires", shapes::moment())], [])
        })),
    )])
    .refuses(&[404]),
    Call::get(
        "/admin/v1/open/{account}/authorizers",
        "Who authorised this open platform",
        || web::get().to(list),
    )
    .more(
        "`state` is `bound`, `unclaimed` (no account serves it yet: apply one with `via` and this `app_id`, or scan by a bind \
         link), `needs_reauth` or `revoked`.",
    )
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("Authorizer", described))))])
    .refuses(&[404]),
];

fn described() -> Value {
    let set = shapes::object(
        [
            ("id", shapes::count()),
            ("nameZh", shapes::text()),
            ("nameEn", shapes::text()),
            ("exclusive", shapes::flag()),
        ],
        [],
    );
    shapes::object(
        [
            ("appId", shapes::text()),
            (
                "state",
                shapes::one_of(&["bound", "unclaimed", "needs_reauth", "revoked"]),
            ),
            ("account", shapes::text()),
            ("name", shapes::text()),
            ("principal", shapes::text()),
            ("channel", shapes::text()),
            ("originalId", shapes::text()),
            ("verified", shapes::flag()),
            ("permissionSets", shapes::list(set)),
        ],
        [("since", shapes::moment())],
    )
}

#[derive(Deserialize)]
struct Wish {
    account: String,
    #[serde(default)]
    expires: Option<chrono::DateTime<chrono::Utc>>,
}

#[derive(Serialize)]
struct Given {
    url: String,
    expires: Timestamp,
}

pub async fn invite(
    request: HttpRequest,
    payload: web::Payload,
    platform: web::Path<String>,
    caller: Caller,
    state: Data<State>,
) -> Answer {
    Params::of(&request).done()?;
    let wish: Wish = body::strict(&request, payload).await?;
    let usual = state.clock.now() + LONGEST;
    let expires = wish.expires.map_or(usual, |at| at.timestamp_millis());
    let made = state.open.invite(&platform, &wish.account, expires).await?;
    let expires = Timestamp::from_millis(made.expires);
    let act = Note {
        // The link itself is a secret.
        after: json!({ "account": wish.account, "expires": expires.to_rfc3339_millis() }),
        ..Note::new("bind-link.create", &platform)
    };
    note(&state, &caller, act).await;
    let given = Given { url: made.url, expires };
    told(StatusCode::CREATED, &given)
}

pub async fn list(request: HttpRequest, platform: web::Path<String>, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?.unwrap_or_default());
    query.done()?;
    let mut all = state.open.authorizers(&platform)?;
    all.retain(|it| it.app_id > after);
    all.truncate(limit + 1);
    paged(all, limit, |it: &AuthorizerView| it.app_id.clone(), |it| it)
}
