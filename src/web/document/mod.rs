//! What is the contract of the internal listener, as a file? `/openapi.json`, a page to read at `/docs`, and what
//! `wxbridge openapi` prints: all from the table that the router is made from.

mod openapi;
mod page;

use std::sync::OnceLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};

pub use openapi::openapi;

use super::{Answer, internal::taking, params::Params};

/// Where the documents stand; they need no token, and say nothing of this installation.
pub fn documents(app: &mut ServiceConfig) {
    for (path, mime, text) in DOCUMENTS {
        let give = move |request: HttpRequest| async move { given(&request, mime, text()) };
        app.service(
            taking(path, "GET, HEAD")
                .route(web::get().to(give))
                .route(web::head().to(give)),
        );
    }
}

type Document = (&'static str, &'static str, fn() -> &'static str);

const DOCUMENTS: [Document; 3] = [
    ("/openapi.json", "application/json", text),
    ("/docs", "text/html; charset=utf-8", shown),
    ("/docs/style.css", "text/css; charset=utf-8", || page::STYLE),
];

fn given(request: &HttpRequest, mime: &'static str, text: &'static str) -> Answer {
    Params::of(request).done()?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, mime))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .body(text))
}

/// The document as it is served, printed and kept in `docs/openapi.json`.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| format!("{:#}\n", openapi()))
}

fn shown() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| page::page(&openapi()))
}
