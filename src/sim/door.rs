//! Who calls the platform's API, and what do they get? One door: faults, credentials, quotas, then the call itself.

use std::{net::IpAddr, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{StatusCode, header},
    web::{self, Bytes, Data, Query},
};
use serde_json::{Value, json};

use super::{
    faults::{self, Fault, Kind},
    open_platform,
    platform::Platform,
    refusal::Refusal,
    wecom, weixin,
    world::{Call, World, rfc3339, system_time},
};

/// The platforms' own paths.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/cgi-bin/{path:.*}", web::route().to(serve))
        .route("/customservice/{path:.*}", web::route().to(serve));
}

/// What a call is made of.
pub struct Request<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub query: &'a [(String, String)],
    pub content_type: &'a str,
    pub body: &'a Bytes,
    pub peer: Option<IpAddr>,
    pub platform: &'a Arc<Platform>,
}

impl Request<'_> {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The `open_kfid` that the body names; faults may be for one account of customer service.
    fn desk(&self) -> String {
        let body: Option<Value> = serde_json::from_slice(self.body).ok();
        let named = body.and_then(|body| body.get("open_kfid").and_then(Value::as_str).map(str::to_owned));
        named
            .or_else(|| self.param("open_kfid").map(str::to_owned))
            .unwrap_or_default()
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
    /// JSON that is written already.
    Text(String),
    File {
        name: String,
        mime: String,
        bytes: Bytes,
    },
}

/// Whose API is called: api.weixin.qq.com or qyapi.weixin.qq.com share paths, so the token decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A third-party platform, by its AppID.
    Component(String),
    /// An AppID, or nothing known.
    Weixin(String),
    /// An application of a company, or nothing known.
    Wecom(String),
}

impl Caller {
    pub fn name(&self) -> &str {
        match self {
            Self::Component(name) | Self::Weixin(name) | Self::Wecom(name) => name,
        }
    }

    fn of(world: &World, call: &Request<'_>) -> Self {
        if open_platform::owns(call.path) {
            return Self::Component(open_platform::who(call).unwrap_or_default());
        }
        if let Some(id) = wecom::who(world, call) {
            return Self::Wecom(id);
        }
        if wecom::owns(call.path) {
            return Self::Wecom(String::new());
        }
        Self::Weixin(weixin::who(world, call).unwrap_or_default())
    }
}

/// Serves `/cgi-bin/…` and `/customservice/…`.
async fn serve(
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
    let (caller, fault, pace) = {
        let mut world = platform.world();
        let caller = Caller::of(&world, &call);
        let fault = faults::take(&mut world.faults, &[caller.name(), call.desk().as_str()], call.path);
        let pace = wecom::arrive(&mut world, &caller, call.path);
        (caller, fault, pace)
    };
    let late = fault.as_ref().map_or(0, |fault| fault.delay_ms) + pace.answer_ms;
    if late > 0 {
        tokio::time::sleep(Duration::from_millis(late)).await;
    }
    let played = match (play(fault.as_ref()), pace.crowded) {
        (Some(played), _) => played,
        (None, true) => Played::Answer(Err(Refusal::code(45033))),
        (None, false) => Played::Answer(dispatch(&call, &caller, fault.as_ref())),
    };
    wecom::leave(&mut platform.world(), &caller, call.path);
    finish(&call, &caller, fault.as_ref(), played, (began.elapsed(), pace.at_once))
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
        Kind::Slow
        | Kind::LostAnswer
        | Kind::SendFail
        | Kind::EmptyPage
        | Kind::StuckPage
        | Kind::LeftOut
        | Kind::Lost
        | Kind::Duplicate => None,
        Kind::Http500 => Some(Played::Status500),
        Kind::Errcode => Some(Played::Answer(Err(Refusal::code(fault.errcode.unwrap_or(-1))))),
        Kind::Refuse => Some(Played::Closed),
        Kind::Garbage => Some(Played::Page),
    }
}

fn finish(
    call: &Request<'_>,
    caller: &Caller,
    fault: Option<&Fault>,
    played: Played,
    (took, at_once): (Duration, u32),
) -> HttpResponse {
    let lost = fault.is_some_and(|fault| fault.kind == Kind::LostAnswer);
    let rid = format!("{}-{}", call.platform.digits(8), call.platform.digits(8));
    let (status, errcode, errmsg, answer) = match played {
        Played::Answer(Ok(answer)) => (200, 0, "ok".to_owned(), Some(answer)),
        Played::Answer(Err(no)) => (
            200,
            no.code,
            no.text.clone(),
            Some(Answer::Json(refused(caller, call, &no, &rid))),
        ),
        Played::Status500 => (500, 0, String::new(), None),
        Played::Page => (200, 0, String::new(), Some(page())),
        Played::Closed => (0, 0, String::new(), None),
    };
    let mut world = call.platform.world();
    let now = world.now();
    world.record(Call {
        seq: 0,
        time: rfc3339(now),
        account: caller.name().to_owned(),
        api: call.path.to_owned(),
        method: call.method.to_owned(),
        request: told(call),
        status: if lost { 0 } else { status },
        errcode,
        errmsg,
        fault: fault.map(Fault::name),
        ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        at_once,
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
        Some(Answer::Text(text)) => response.content_type("application/json").body(text),
        Some(Answer::File { name, mime, bytes }) => response
            .content_type(mime)
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
            .body(bytes),
        None => response.finish(),
    }
}

/// The no in the words of the host that says it.
fn refused(caller: &Caller, call: &Request<'_>, no: &Refusal, rid: &str) -> Value {
    match caller {
        Caller::Component(_) | Caller::Weixin(_) => no.to_json(rid),
        Caller::Wecom(_) => no.to_wecom(rid, call.peer),
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
            for name in ["component_appsecret", "component_secret"] {
                map.remove(name);
            }
            if is_token_call {
                map.remove("secret");
            }
            Value::Object(map)
        }
        _ if call.body.is_empty() => Value::Null,
        _ => json!({ "bytes": call.body.len() }),
    }
}

fn dispatch(call: &Request<'_>, caller: &Caller, fault: Option<&Fault>) -> Result<Answer, Refusal> {
    let mut guard = call.platform.world();
    match caller {
        Caller::Component(_) => open_platform::call(&mut guard, call, fault),
        Caller::Weixin(app_id) => weixin::call(&mut guard, app_id, call),
        Caller::Wecom(id) => wecom::call(&mut guard, id, call, fault),
    }
}
