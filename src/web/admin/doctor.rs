//! Is everything well? `/admin/v1/doctor`, in English or Chinese.

use actix_web::{
    HttpRequest,
    web::{self, Data},
};
use serde_json::Value;

use super::paged;
use crate::{
    doctor::Lang,
    web::{
        Answer, Problem, State, lang,
        params::Params,
        shapes,
        table::{Call, Gives, Kind, Query, Shape},
    },
};

pub const CALLS: &[Call] = &[
    Call::get("/admin/v1/doctor", "Is everything well, the worst first", || {
        web::get().to(examine)
    })
    .query(&[
        Query::new(
            "lang",
            Kind::OneOf(&["en", "zh"]),
            "Without it `Accept-Language` decides",
        ),
        Query::new("account", Kind::Text, "Only this account"),
        Query::limit(1_000_000),
        Query::after(),
    ])
    .gives(&[(200, Gives::Json(Shape::Page(&Shape::Own("Finding", finding))))])
    .refuses(&[404]),
];

fn finding() -> Value {
    shapes::object(
        [
            ("id", shapes::told("What was looked at")),
            ("level", shapes::one_of(&["green", "yellow", "red"])),
            ("seen", shapes::text()),
        ],
        [
            ("account", shapes::text()),
            ("means", shapes::text()),
            ("do", shapes::text()),
            ("where", shapes::text()),
            ("code", shapes::text()),
        ],
    )
}

/// Every finding, unless fewer are asked for: each look asks the platform.
const MOST: usize = 1_000_000;

pub async fn examine(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (lang, account) = (query.filled("lang")?, query.filled("account")?);
    let (limit, after) = (query.limit(MOST, MOST)?, query.filled("after")?);
    let after = after.map(|after| super::row("after", &after)).transpose()?;
    query.done()?;
    let lang = match lang.as_deref() {
        None => lang::spoken(),
        Some("en") => Lang::En,
        Some("zh") => Lang::Zh,
        Some(other) => return Err(Problem::invalid(format!("lang is {other:?}, expected zh or en"))),
    };
    let broken = state.registry.broken();
    let known = |id: &str| state.registry.get(id).is_some() || broken.iter().any(|it| it.settings.id == id);
    if let Some(id) = account.as_deref().filter(|id| !known(id)) {
        return Err(Problem::not_found(format!("no account {id}")));
    }
    let findings = state.doctor.examine(account.as_deref(), lang).await;
    // Findings have no names: `after` counts them.
    let passed = usize::try_from(after.unwrap_or(0)).unwrap_or(0);
    let rest = findings.into_iter().enumerate().skip(passed);
    paged(
        rest.take(limit + 1).collect(),
        limit,
        |(at, _)| (at + 1).to_string(),
        |(_, finding)| finding,
    )
}
