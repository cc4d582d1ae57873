//! How is the simulator driven? `/sim/v1` (docs/sim.md lists it; it is stable) and the page at `/`.

mod accounts;
mod page;
mod phones;
mod watch;

use actix_web::{
    HttpResponse,
    guard::{self, GuardContext},
    http::{StatusCode, header},
    web,
};
use serde_json::{Value, json};

use super::open_platform::doors;

/// The doors for tests and pages.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("/sim/v1")
            .guard(guard::fn_guard(from_here))
            .route("/accounts", web::get().to(accounts::list))
            .route("/accounts", web::post().to(accounts::save))
            .route("/desks", web::post().to(accounts::save_desk))
            .route("/accounts/{account}", web::get().to(accounts::show))
            .route("/accounts/{account}", web::delete().to(accounts::remove))
            .route("/accounts/{account}/take-token", web::post().to(accounts::take_token))
            .route(
                "/accounts/{account}/revoke-secret",
                web::post().to(accounts::revoke_secret),
            )
            .route("/open", web::post().to(doors::save))
            .route("/open/scan", web::post().to(doors::scan))
            .route("/open/{app_id}", web::get().to(doors::show))
            .route("/open/{app_id}/ticket", web::post().to(doors::ticket))
            .route("/open/{app_id}/notice", web::post().to(doors::notice))
            .route("/open/{app_id}/revoke", web::post().to(doors::revoke))
            .route("/open/{app_id}/lose", web::post().to(doors::lose))
            .route("/open/{app_id}/release-test", web::post().to(doors::release_test))
            .route("/customers", web::get().to(phones::list))
            .route("/customers", web::post().to(phones::save))
            .route("/phones/{account}/{openid}", web::get().to(phones::show))
            .route("/phones/{account}/{openid}/{action}", web::post().to(phones::act))
            .route("/quota/{account}/{openid}", web::get().to(phones::quota))
            .route("/quota/{account}/{openid}", web::post().to(phones::set_quota))
            .route("/calls", web::get().to(watch::calls))
            .route("/calls", web::delete().to(watch::forget_calls))
            .route("/faults", web::get().to(watch::faults))
            .route("/faults", web::post().to(watch::add_fault))
            .route("/faults", web::delete().to(watch::clear_faults))
            .route("/clock", web::get().to(watch::clock))
            .route("/clock", web::post().to(watch::move_clock))
            .route("/media/{id}", web::get().to(watch::media)),
    );
    page::routes(config);
}

/// A web site in the developer's browser must not drive the simulator: a page's requests come from its own page only.
fn from_here(context: &GuardContext<'_>) -> bool {
    let header = |name| context.head().headers().get(name).and_then(|value| value.to_str().ok());
    header(header::ORIGIN).is_none_or(|origin| {
        let from = origin.split_once("://").map(|(_, host)| host);
        from.is_some() && from == header(header::HOST)
    })
}

pub fn ok(value: &Value) -> HttpResponse {
    HttpResponse::Ok().json(value)
}

pub fn failed(status: StatusCode, text: impl Into<String>) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": text.into() }))
}

fn unknown_account() -> HttpResponse {
    failed(StatusCode::NOT_FOUND, "no such account")
}

/// A driver's JSON; an empty body is an empty object.
#[expect(clippy::result_large_err, reason = "the answer is what the caller hands on")]
pub fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, HttpResponse> {
    let text = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| failed(StatusCode::BAD_REQUEST, error.to_string()))
}
