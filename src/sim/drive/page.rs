//! What does a browser see at `/`? The phones alone, for people who develop a core.

use actix_web::{HttpResponse, http::header, web};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(|| html(include_str!("../page/index.html"))))
        .route("/sim.js", web::get().to(|| script(include_str!("../page/sim.js"))))
        .route("/phone.js", web::get().to(|| script(include_str!("../page/phone.js"))))
        .route("/sim.css", web::get().to(|| style(include_str!("../page/sim.css"))))
        .route("/phone.css", web::get().to(|| style(include_str!("../page/phone.css"))));
}

async fn html(text: &'static str) -> HttpResponse {
    file("text/html; charset=utf-8", text)
}

async fn script(text: &'static str) -> HttpResponse {
    file("text/javascript; charset=utf-8", text)
}

async fn style(text: &'static str) -> HttpResponse {
    file("text/css; charset=utf-8", text)
}

fn file(kind: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text)
}
