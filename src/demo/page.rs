//! What does the demo's browser talk to? Static files, the simulator, and the bridge's own read API.
//!
//! The page never sees a token: this server puts the viewer's on GETs to `/bridge/…` and forwards nothing else there.
//! It answers only requests that name a loopback host, so that no web site can reach it through a rebound name.

use std::{io, net::IpAddr, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::{Method, StatusCode, header},
    web::{self, Bytes, Data},
};
use serde_json::json;

use super::{Phone, Running, client, core::first};
use crate::secret::Secret;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Longer than the longest poll.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the page needs to know.
#[derive(Clone, Debug)]
pub struct PageOptions {
    /// `127.0.0.1:0` picks a free port.
    pub listen: String,
    /// The bridge's internal listener, `http://…`.
    pub bridge_url: String,
    pub viewer_token: Secret,
    /// The simulator's root, `http://…`.
    pub sim_url: String,
    /// Whose phones are shown.
    pub phones: Vec<Phone>,
}

struct State {
    options: PageOptions,
    http: reqwest::Client,
    loopback: bool,
}

/// Serves the demo's page.
pub async fn start_page(options: PageOptions) -> io::Result<Running> {
    let listen = options.listen.clone();
    let bound = std::net::TcpListener::bind(&listen)?;
    bound.set_nonblocking(true)?;
    let data = Data::new(State {
        loopback: bound.local_addr()?.ip().is_loopback(),
        options,
        http: client()?,
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .app_data(web::PayloadConfig::new(32 * 1024 * 1024))
            .route("/", web::get().to(html))
            .route("/config.json", web::get().to(config))
            .route("/{file}", web::get().to(file))
            .route("/bridge/{path:.*}", web::get().to(bridge))
            .route("/sim/{path:.*}", web::route().to(sim))
    })
    .workers(1)
    .disable_signals()
    .listen(bound)?;
    let address = first(server.addrs())?;
    Ok(Running::spawn(address, server.run()))
}

impl State {
    /// Whether the request names this machine, and comes from this page if it comes from a page.
    fn trusts(&self, request: &HttpRequest) -> bool {
        let host = request.connection_info().host().to_owned();
        let here = !self.loopback || is_loopback(&host);
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|value| value.to_str().ok());
        let own = origin.is_none_or(|origin| origin.split_once("://").is_some_and(|(_, from)| from == host));
        here && own
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

async fn html(request: HttpRequest, state: Data<State>) -> HttpResponse {
    answer(
        &request,
        &state,
        "text/html; charset=utf-8",
        include_str!("page/index.html"),
    )
}

async fn file(request: HttpRequest, state: Data<State>, name: web::Path<String>) -> HttpResponse {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    const STYLE: &str = "text/css; charset=utf-8";
    match name.as_str() {
        "demo.js" => answer(&request, &state, SCRIPT, include_str!("page/demo.js")),
        "demo.css" => answer(&request, &state, STYLE, include_str!("page/demo.css")),
        "words.js" => answer(&request, &state, SCRIPT, include_str!("page/words.js")),
        "phone.js" => answer(&request, &state, SCRIPT, include_str!("../sim/page/phone.js")),
        "phone.css" => answer(&request, &state, STYLE, include_str!("../sim/page/phone.css")),
        _ => HttpResponse::NotFound().finish(),
    }
}

fn answer(request: &HttpRequest, state: &State, kind: &'static str, text: &'static str) -> HttpResponse {
    if !state.trusts(request) {
        return HttpResponse::Forbidden().finish();
    }
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(text)
}

async fn config(request: HttpRequest, state: Data<State>) -> HttpResponse {
    if !state.trusts(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let phones: Vec<_> = state
        .options
        .phones
        .iter()
        .map(|phone| {
            json!({
                "channel": phone.channel,
                "account": phone.account,
                "simAccount": phone.sim,
                "openid": phone.openid,
                "name": phone.name,
            })
        })
        .collect();
    HttpResponse::Ok().json(json!({ "phones": phones }))
}

async fn bridge(request: HttpRequest, state: Data<State>, path: web::Path<String>) -> HttpResponse {
    let token = state.options.viewer_token.expose();
    let base = format!("{}/{path}", state.options.bridge_url);
    let asked = url(&base, &request).map(|url| state.http.get(url).bearer_auth(token));
    forward(&request, &state, asked).await
}

async fn sim(request: HttpRequest, state: Data<State>, path: web::Path<String>, body: Bytes) -> HttpResponse {
    let base = format!("{}/sim/{path}", state.options.sim_url);
    let method = match *request.method() {
        Method::GET => reqwest::Method::GET,
        Method::POST => reqwest::Method::POST,
        Method::DELETE => reqwest::Method::DELETE,
        _ => return HttpResponse::MethodNotAllowed().finish(),
    };
    let asked = url(&base, &request).map(|url| state.http.request(method, url).body(body.to_vec()));
    forward(&request, &state, asked).await
}

fn url(base: &str, request: &HttpRequest) -> Option<reqwest::Url> {
    let mut url = reqwest::Url::parse(base).ok()?;
    let query = request.query_string();
    url.set_query(Some(query).filter(|query| !query.is_empty()));
    Some(url)
}

async fn forward(request: &HttpRequest, state: &State, asked: Option<reqwest::RequestBuilder>) -> HttpResponse {
    if !state.trusts(request) {
        return HttpResponse::Forbidden().finish();
    }
    let Some(asked) = asked else {
        return HttpResponse::BadRequest().finish();
    };
    let answer = match asked.timeout(PATIENCE).send().await {
        Ok(answer) => answer,
        Err(fault) => return HttpResponse::BadGateway().json(json!({ "error": fault.to_string() })),
    };
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("application/octet-stream").to_owned();
    match answer.bytes().await {
        Ok(bytes) => HttpResponse::build(status)
            .content_type(kind)
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
            .body(bytes),
        Err(fault) => HttpResponse::BadGateway().json(json!({ "error": fault.to_string() })),
    }
}
