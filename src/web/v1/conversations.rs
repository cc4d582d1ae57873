//! What does a core see of one conversation? `GET /v1/conversations/{key}`.

use actix_web::{
    HttpRequest,
    http::StatusCode,
    web::{self, Data},
};

use super::shown;
use crate::web::{
    Answer, State,
    auth::Caller,
    calls::conversations,
    params::Params,
    table::{Call, Gives, Shape},
};

pub const CALLS: &[Call] = &[Call::get("/v1/conversations/{key:.*}", "One conversation", || {
    web::get().to(look)
})
.more("The key stands as one segment of the path and is not decoded again; encoded once more it is understood too.")
.gives(&[(200, Gives::Json(Shape::Message("ConversationView")))])
.refuses(&[404])];

const PREFIX: &str = "/v1/conversations/";

pub async fn look(request: HttpRequest, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    // The raw path: the key's own escapes are part of it and must not be decoded on the way.
    let key = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    shown(StatusCode::OK, &conversations::look(&state, &caller, key).await?)
}
