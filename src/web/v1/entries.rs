//! How is a set of entry parameters given a short name? `POST /v1/entries`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::shown;
use crate::{
    schema::v1::Entry,
    web::{Answer, State, auth::Caller, body, calls::entries, params::Params},
};

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
