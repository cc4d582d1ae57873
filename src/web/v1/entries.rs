//! How is a set of entry parameters given a short name? `POST /v1/entries`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::shown;
use crate::{
    schema::v1::Entry,
    web::{
        Answer, State,
        auth::Caller,
        body,
        calls::entries,
        params::Params,
        table::{Call, Gives, Kind, Query, Shape, Takes},
    },
};

pub const CALLS: &[Call] = &[
    Call::post("/v1/entries", "Give a set of entry parameters a short name", || {
        web::post().to(create)
    })
    .more("The name is recognised as `p=<token>`, alone or as a query pair, wherever an entry is read.")
    .query(&[
        Query::new(
            "token",
            Kind::Pattern("^[0-9A-Za-z_-]{1,24}$"),
            "The name wished for; without it a random one",
        ),
        Query::new("expires", Kind::Moment, "When it ends; without it never"),
    ])
    .takes(Takes::Json(Shape::Message("Entry")))
    .gives(&[(201, Gives::Json(Shape::Message("CreateEntryResponse")))])
    .refuses(&[409]),
];

pub async fn create(request: HttpRequest, payload: web::Payload, _caller: Caller, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (wanted, expires) = (query.text("token")?, query.moment("expires")?);
    query.done()?;
    let entry: Entry = body::strict(&request, payload).await?;
    shown(
        StatusCode::CREATED,
        &entries::create(&state, &entry, wanted, expires).await?,
    )
}
