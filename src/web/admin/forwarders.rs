//! Which copies go where, and are they protected? `/admin/v1/forwarders`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    audit::{Note, note},
    page, told,
};
use crate::{
    doctor::Lang,
    forward::settings::{Kind, Mode},
    web::{
        Answer, State,
        auth::Caller,
        body,
        calls::accounts::Page,
        lang,
        params::Params,
        shapes,
        table::{Call, Gives, Query, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::get(
        "/admin/v1/forwarders",
        "Which copies go where, and how far they are behind",
        || web::get().to(list),
    )
    .query(&[Query::limit(100), Query::after()])
    .gives(&[(200, Gives::Json(Shape::Own("Forwarders", described)))]),
    Call::post(
        "/admin/v1/forwarders/switch",
        "Say whether copies are protected",
        || web::post().to(switch),
    )
    .more("One switch for all forwarders. Going on ends the exemption of those that were plain before.")
    .takes(Takes::Json(Shape::Own("ForwarderSwitch", wished)))
    .gives(&[(200, Gives::Json(Shape::Own("ForwarderSwitched", switched)))]),
];

fn described() -> Value {
    let lane = shapes::object(
        [
            ("type", shapes::one_of(&Kind::ALL.map(Kind::name))),
            ("protected", shapes::flag()),
            ("sent", shapes::count()),
            ("expired", shapes::count()),
            ("lost", shapes::count()),
            ("failures", shapes::count()),
            ("lastError", shapes::text()),
            ("nextAttempt", shapes::or_null(shapes::moment())),
            ("waitingSince", shapes::or_null(shapes::moment())),
        ],
        [],
    );
    let forwarder = shapes::object(
        [
            ("name", shapes::text()),
            ("url", shapes::text()),
            (
                "mode",
                shapes::one_of(&[Mode::SobotMd5.name(), Mode::HmacSha256.name()]),
            ),
            ("encrypt", shapes::flag()),
            ("companyId", shapes::text()),
            ("key", shapes::told("Masked")),
            ("legacyPlain", shapes::flag()),
            ("types", shapes::list(lane)),
        ],
        [],
    );
    let switch = shapes::object([("on", shapes::flag()), ("governs", shapes::text())], []);
    shapes::object(
        [
            ("items", shapes::list(forwarder)),
            ("next", shapes::text()),
            ("switch", switch),
        ],
        [],
    )
}

fn wished() -> Value {
    shapes::request([("on", shapes::flag())], [])
}

fn switched() -> Value {
    shapes::object(
        [
            ("on", shapes::flag()),
            ("changed", shapes::flag()),
            ("governs", shapes::text()),
        ],
        [("legacyPlainEnded", shapes::list(shapes::text()))],
    )
}

/// It is one for all: whoever turns it must know.
const GOVERNS_EN: &str = "All forwarders at once, those of other services such as calls (呼叫) included. Turning it off and on again ends \
     the exemption of forwarders that were plain before.";
const GOVERNS_ZH: &str =
    "对所有转发同时生效，包括呼叫等其他业务的转发。关闭后再开启，此前为明文的转发也不再例外，一并受保护。";

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    page: Page<Value>,
    switch: Value,
}

fn governs() -> &'static str {
    match lang::spoken() {
        Lang::Zh => GOVERNS_ZH,
        Lang::En => GOVERNS_EN,
    }
}

pub async fn list(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (limit, after) = (query.limit(100, 1000)?, query.filled("after")?);
    query.done()?;
    let mut all = state.forwarding.shown();
    all.retain(|(name, _)| after.as_ref().is_none_or(|after| name > after));
    all.truncate(limit + 1);
    let shown = Shown {
        page: page(all, limit, |(name, _)| name.clone(), |(_, shown)| shown),
        switch: json!({ "on": state.forwarding.is_on(), "governs": governs() }),
    };
    told(StatusCode::OK, &shown)
}

#[derive(Deserialize)]
struct Wish {
    on: bool,
}

pub async fn switch(request: HttpRequest, payload: web::Payload, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    let wish: Wish = body::strict(&request, payload).await?;
    let change = state.forwarding.switch(wish.on).await?;
    let ended = change.as_ref().map(|it| it.after["legacyPlainEnded"].clone());
    let changed = change.is_some();
    if let Some(change) = change {
        let act = Note {
            what: change.what,
            target: &change.target,
            before: change.before,
            after: change.after,
        };
        note(&state, &caller, act).await;
    }
    let mut answer = json!({ "on": wish.on, "changed": changed, "governs": governs() });
    if let Some(ended) = ended.filter(|ended| !ended.is_null()) {
        answer["legacyPlainEnded"] = ended;
    }
    told(StatusCode::OK, &answer)
}
