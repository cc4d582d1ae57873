//! Who calls the platform's API, and what do they get? One door: faults, credentials, quotas, then the call itself.

use std::{net::IpAddr, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{StatusCode, header},
    web::{Bytes, Data, Query},
};
use serde_json::{Value, json};

use super::{media, refusal::Refusal, send, service};
use crate::sim::{
    faults::{self, Fault, Kind},
    platform::Platform,
    world::{Call, World, rfc3339, system_time},
};

/// What a call is made of.
pub struct Request<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub query: &'a [(String, String)],
    pub content_type: &'a str,
    pub body: &'a Bytes,
    pub peer: Option<IpAddr>,
    pub platform: &'a Platform,
}

impl Request<'_> {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The JSON object in the body, by the platform's rules.
    pub fn json(&self) -> Result<Value, Refusal> {
        if self.method != "POST" {
            return Err(Refusal::code(43002));
        }
        if self.body.is_empty() {
            return Err(Refusal::code(44002));
        }
        let text = std::str::from_utf8(self.body).map_err(|_| Refusal::code(47002))?;
        serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Refusal::code(47001))
    }
}

/// What a call is answered with.
pub enum Answer {
    Json(Value),
    File { name: String, mime: String, bytes: Bytes },
}

/// Serves `/cgi-bin/…` and `/customservice/…`.
pub async fn serve(
    request: HttpRequest,
    query: Query<Vec<(String, String)>>,
    body: Bytes,
    platform: Data<Platform>,
) -> HttpResponse {
    let began = tokio::time::Instant::now();
    let header = request.headers().get(header::CONTENT_TYPE);
    let call = Request {
        path: request.path(),
        method: request.method().as_str(),
        query: &query,
        content_type: header.and_then(|value| value.to_str().ok()).unwrap_or_default(),
        body: &body,
        peer: request.peer_addr().map(|peer| peer.ip()),
        platform: &platform,
    };
    let (account, fault) = {
        let mut world = platform.world();
        let account = who(&world, &call);
        let fault = faults::take(&mut world.faults, &account, call.path);
        (account, fault)
    };
    if let Some(fault) = &fault {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    let answer = play(fault.as_ref()).unwrap_or_else(|| Played::Answer(dispatch(&call, &account)));
    let lost = fault.as_ref().is_some_and(|fault| fault.kind == Kind::LostAnswer);
    finish(&call, account, fault.as_ref(), answer, lost, began.elapsed())
}

/// What became of a call.
enum Played {
    Answer(Result<Answer, Refusal>),
    Status500,
    Page,
    Closed,
}

fn play(fault: Option<&Fault>) -> Option<Played> {
    let fault = fault?;
    match fault.kind {
        Kind::Slow | Kind::LostAnswer => None,
        Kind::Http500 => Some(Played::Status500),
        Kind::Errcode => Some(Played::Answer(Err(Refusal::code(fault.errcode.unwrap_or(-1))))),
        Kind::Refuse => Some(Played::Closed),
        Kind::Garbage => Some(Played::Page),
    }
}

fn finish(
    call: &Request<'_>,
    account: String,
    fault: Option<&Fault>,
    played: Played,
    lost: bool,
    took: Duration,
) -> HttpResponse {
    let rid = format!("{}-{}", call.platform.digits(8), call.platform.digits(8));
    let (status, errcode, errmsg, answer) = match played {
        Played::Answer(Ok(answer)) => (200, 0, "ok".to_owned(), Some(answer)),
        Played::Answer(Err(no)) => (200, no.code, no.text.clone(), Some(Answer::Json(no.to_json(&rid)))),
        Played::Status500 => (500, 0, String::new(), None),
        Played::Page => (200, 0, String::new(), Some(page())),
        Played::Closed => (0, 0, String::new(), None),
    };
    let mut world = call.platform.world();
    let now = world.now();
    world.record(Call {
        seq: 0,
        time: rfc3339(now),
        account,
        api: call.path.to_owned(),
        method: call.method.to_owned(),
        request: told(call),
        status: if lost { 0 } else { status },
        errcode,
        errmsg,
        fault: fault.map(Fault::name),
        ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    drop(world);
    call.platform.touch();
    if lost || status == 0 {
        return closed();
    }
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
    // Receivers may correct their clock by it, so it tells the simulated time.
    response.insert_header((header::DATE, header::HttpDate::from(system_time(now))));
    match answer {
        Some(Answer::Json(value)) => response.json(value),
        Some(Answer::File { name, mime, bytes }) => response
            .content_type(mime)
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
            .body(bytes),
        None => response.finish(),
    }
}

fn page() -> Answer {
    Answer::File {
        name: "error.html".to_owned(),
        mime: "text/html".to_owned(),
        bytes: Bytes::from_static(b"<html><body>Bad gateway</body></html>"),
    }
}

/// A response whose body breaks before the head is flushed: the caller sees the connection close.
fn closed() -> HttpResponse {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("closed on request")) });
    HttpResponse::Ok().body(BoxBody::new(actix_web::body::BodyStream::new(broken)))
}

fn told(call: &Request<'_>) -> Value {
    let is_token_call = call.path.ends_with("token");
    match serde_json::from_slice(call.body) {
        Ok(Value::Object(mut map)) => {
            if is_token_call {
                map.remove("secret");
            }
            Value::Object(map)
        }
        _ if call.body.is_empty() => Value::Null,
        _ => json!({ "bytes": call.body.len() }),
    }
}

/// The account a call is about, by its token or the AppID it names; empty when it names none.
fn who(world: &World, call: &Request<'_>) -> String {
    let by_token = call.param("access_token").and_then(|token| {
        let mut accounts = world.accounts.values();
        accounts.find(|account| account.tokens.knows(token))
    });
    let named = || {
        let body: Option<Value> = serde_json::from_slice(call.body).ok();
        let in_body = body.and_then(|body| body.get("appid").and_then(Value::as_str).map(str::to_owned));
        in_body.or_else(|| call.param("appid").map(str::to_owned))
    };
    by_token
        .map(|account| account.app_id.clone())
        .or_else(named)
        .unwrap_or_default()
}

fn dispatch(call: &Request<'_>, app_id: &str) -> Result<Answer, Refusal> {
    let mut guard = call.platform.world();
    let world = &mut *guard;
    match call.path {
        "/cgi-bin/token" => return service::classic_token(world, call).map(Answer::Json),
        "/cgi-bin/stable_token" => return service::stable_token(world, call).map(Answer::Json),
        "/cgi-bin/clear_quota/v2" => return service::clear_quota_by_secret(world, call).map(Answer::Json),
        _ => {}
    }
    authorise(world, call, app_id)?;
    service::count(world, app_id, call.path)?;
    let answer = match call.path {
        "/cgi-bin/message/custom/send" => send::send(world, app_id, call)?,
        "/cgi-bin/message/custom/typing" => send::typing(world, app_id, call)?,
        "/cgi-bin/media/upload" => media::upload(world, app_id, call)?,
        "/cgi-bin/media/get" => return media::download(world, app_id, call),
        path => service::other(world, app_id, path, call)?,
    };
    Ok(Answer::Json(answer))
}

fn authorise(world: &World, call: &Request<'_>, app_id: &str) -> Result<(), Refusal> {
    let token = call.param("access_token").ok_or_else(|| Refusal::code(41001))?;
    let account = world.accounts.get(app_id).ok_or_else(|| Refusal::code(40001))?;
    account.tokens.check(token, world.now())
}
