//! What does an open platform have on the public listener? Two addresses for the platform, and the pages that an operator
//! passes through on the way to a scan and back: `/open/{id}/events`, `…/message/{appid}`, `…/bind`, `…/bound`.

mod page;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, ServiceConfig},
};

use super::callback::{answer, payload, post_of, sender};
use crate::{
    component::{
        Component,
        links::{Browser, Refused, Return},
    },
    inbound::{Call, Inbound, Reply},
};

/// What stands behind these addresses.
pub struct Door {
    pub component: Arc<Component>,
    pub inbound: Arc<Inbound>,
}

/// Ties the way out to the way back.
const COOKIE: &str = "wxbridge_bind";

/// Configures the public listener for `/open/…`.
pub fn open(door: Data<Door>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        let only = |allow: &'static str| {
            web::to(move || async move {
                HttpResponse::MethodNotAllowed()
                    .insert_header((header::ALLOW, allow))
                    .finish()
            })
        };
        let platform = web::scope("/{platform}")
            .app_data(door.clone())
            .service(
                web::resource("/events")
                    .route(web::get().to(check))
                    .route(web::post().to(notice))
                    .default_service(only("GET, POST")),
            )
            .service(
                web::resource("/message/{app_id}")
                    .route(web::get().to(check))
                    .route(web::post().to(message))
                    .default_service(only("GET, POST")),
            )
            .service(
                web::resource("/bind")
                    .route(web::get().to(bind))
                    .default_service(only("GET")),
            )
            .service(
                web::resource("/bound")
                    .route(web::get().to(bound))
                    .default_service(only("GET")),
            );
        // What has no pattern is told apart first: a pattern costs every callback something.
        app.service(web::scope("/open").service(platform));
    }
}

/// The clock is read first: what follows counts against the request.
fn begin(request: &HttpRequest, door: &Door) -> Result<Call, Reply> {
    let first = door.inbound.now();
    let from = sender(request, &door.inbound);
    let id = request.match_info().get("platform").unwrap_or_default();
    door.inbound.open_platform(id, first, from)
}

async fn check(request: HttpRequest, door: Data<Door>) -> HttpResponse {
    let call = begin(&request, &door);
    answer(call.map_or_else(|reply| reply, |call| call.handshake(request.query_string())))
}

async fn notice(request: HttpRequest, body: web::Payload, door: Data<Door>) -> HttpResponse {
    let call = match begin(&request, &door) {
        Ok(call) => call,
        Err(reply) => return answer(reply),
    };
    answer(match payload(&request, body, &door.inbound, call).await {
        Ok((call, body)) => call.notice(post_of(&request, &body, false)).await,
        Err(reply) => reply,
    })
}

async fn message(request: HttpRequest, body: web::Payload, door: Data<Door>) -> HttpResponse {
    let call = match begin(&request, &door) {
        Ok(call) => call,
        Err(reply) => return answer(reply),
    };
    let app_id = request.match_info().get("app_id").unwrap_or_default().to_owned();
    answer(match payload(&request, body, &door.inbound, call).await {
        Ok((call, body)) => call.message(&app_id, post_of(&request, &body, false)).await,
        Err(reply) => reply,
    })
}

/// The page with the ways to the platform's.
async fn bind(request: HttpRequest, platform: web::Path<String>, door: Data<Door>) -> HttpResponse {
    let Some(link) = given(&request, "link") else {
        return HttpResponse::NotFound().finish();
    };
    let session = session(&request).unwrap_or_else(|| door.component.session());
    let host = host(&request, &door);
    let browser = Browser {
        host: &host,
        session: &session,
    };
    match door.component.open(&platform, &link, browser).await {
        Ok(page) => {
            // Lax: the way back begins at the platform.
            let secure = if page.secure { "; Secure" } else { "" };
            let cookie =
                format!("{COOKIE}={session}; Path=/open/{platform}; Max-Age=86400; HttpOnly; SameSite=Lax{secure}");
            shown(StatusCode::OK, page::bind(&page), Some(cookie))
        }
        Err(refused) => refusal(&refused),
    }
}

/// The way back from the platform's page.
async fn bound(request: HttpRequest, platform: web::Path<String>, door: Data<Door>) -> HttpResponse {
    let (Some(bind), state) = (given(&request, "bind"), given(&request, "state").unwrap_or_default()) else {
        return HttpResponse::NotFound().finish();
    };
    let code = given(&request, "auth_code").unwrap_or_default();
    let (host, session) = (host(&request, &door), session(&request).unwrap_or_default());
    let browser = Browser {
        host: &host,
        session: &session,
    };
    let back = Return {
        bind: &bind,
        state: &state,
        code: &code,
    };
    match door.component.came_back(&platform, back, browser).await {
        Ok(bound) => shown(StatusCode::OK, page::bound(&bound), None),
        Err(refused) => {
            tracing::warn!(platform = %platform, code = %refused.code, why = refused.en, "a scan did not bind an account");
            refusal(&refused)
        }
    }
}

fn given(request: &HttpRequest, wanted: &str) -> Option<String> {
    let found = url::form_urlencoded::parse(request.query_string().as_bytes()).find(|(name, _)| name == wanted);
    found
        .map(|(_, value)| value.into_owned())
        .filter(|value| !value.is_empty())
}

fn session(request: &HttpRequest) -> Option<String> {
    let all = request.headers().get_all(header::COOKIE);
    let mut pairs = all
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let text = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    let ours = text.len() == 48 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| text.to_owned())
}

/// The address that the browser asked; a proxy that we trust may say it.
fn host(request: &HttpRequest, door: &Door) -> String {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let trusted = request.peer_addr().is_some_and(|peer| door.inbound.trusts(peer.ip()));
    let said = text("x-forwarded-host").filter(|_| trusted);
    said.or_else(|| text("host")).unwrap_or_default().trim().to_owned()
}

fn refusal(refused: &Refused) -> HttpResponse {
    let status = StatusCode::from_u16(refused.code.http()).unwrap_or(StatusCode::CONFLICT);
    let status = if status.is_success() {
        StatusCode::CONFLICT
    } else {
        status
    };
    shown(status, page::refused(refused), None)
}

fn shown(status: StatusCode, page: String, cookie: Option<String>) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
        // The platform looks at the host that a visitor comes from; nobody needs the link's secret.
        .insert_header((header::REFERRER_POLICY, "strict-origin-when-cross-origin"))
        .insert_header(("x-robots-tag", "noindex"));
    if let Some(cookie) = cookie {
        answer.insert_header((header::SET_COOKIE, cookie));
    }
    answer.body(page)
}
