//! What does a core see of one conversation? `GET /v1/conversations/{key}`.

use actix_web::{HttpRequest, http::StatusCode, web::Data};

use super::shown;
use crate::web::{Answer, State, auth::Caller, calls::conversations, params::Params};

const PREFIX: &str = "/v1/conversations/";

pub async fn look(request: HttpRequest, caller: Caller, state: Data<State>) -> Answer {
    Params::of(&request).done()?;
    // The raw path: the key's own escapes are part of it and must not be decoded on the way.
    let key = request.uri().path().strip_prefix(PREFIX).unwrap_or_default();
    shown(StatusCode::OK, &conversations::look(&state, &caller, key).await?)
}
