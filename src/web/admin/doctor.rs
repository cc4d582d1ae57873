//! Is everything well? `/admin/v1/doctor`, in English or Chinese.

use actix_web::{HttpRequest, http::StatusCode, web::Data};
use serde_json::json;

use super::told;
use crate::{
    doctor::Lang,
    web::{Answer, Problem, State, lang, params::Params},
};

pub async fn examine(request: HttpRequest, state: Data<State>) -> Answer {
    let mut query = Params::of(&request);
    let (lang, account) = (query.filled("lang")?, query.filled("account")?);
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
    told(StatusCode::OK, &json!({ "items": findings, "next": "" }))
}
