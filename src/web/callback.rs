//! What is on the public listener? The platform's callbacks and nothing else, ever.
//!
//! A request that waits for its answer must end when the platform hangs up: then its handler is dropped, and the answer is
//! kept for the next attempt. actix does that only where half-closed connections are not allowed, so the server of this
//! listener is built with [`actix_web::HttpServer::h1_allow_half_closed`]`(false)`.

use std::{
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::pin,
    task::Poll,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::{self, Bytes, BytesMut, Data, ServiceConfig},
};
use futures_util::StreamExt as _;

use super::body::announced;
use crate::{
    error::{Code, Fault},
    inbound::{Body, Call, Inbound, Post, Reply},
    ports::old_url::MARK,
};

/// The platform's bodies have a few kilobytes.
const MAX_BODY: usize = 1024 * 1024;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const HANDED_ON: HeaderName = HeaderName::from_static(MARK);

/// Configures the public listener.
pub fn callback(inbound: Data<Inbound>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        // Told apart by hand: a router's patterns cost a callback more than opening its box.
        app.app_data(inbound.clone()).default_service(web::to(any));
    }
}

/// Configures the cloud listener: the same, for pushes that nobody signed.
pub fn cloud(inbound: Data<Inbound>) -> impl Fn(&mut ServiceConfig) + Clone {
    move |app| {
        app.app_data(inbound.clone()).default_service(web::to(unsigned));
    }
}

async fn unsigned(request: HttpRequest, payload: web::Payload, inbound: Data<Inbound>) -> HttpResponse {
    match (account(request.path()), request.method()) {
        (None, _) => HttpResponse::NotFound().finish(),
        (Some(account), &Method::POST) => push(account, &request, payload, inbound, true).await,
        _ => HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, "POST"))
            .finish(),
    }
}

async fn any(request: HttpRequest, payload: web::Payload, inbound: Data<Inbound>) -> HttpResponse {
    let Some(account) = account(request.path()) else {
        return HttpResponse::NotFound().finish();
    };
    match *request.method() {
        Method::POST => push(account, &request, payload, inbound, false).await,
        Method::GET => check(account, &request, inbound),
        _ => HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, "GET, POST"))
            .finish(),
    }
}

/// The account of `/callback/{account}`. Ids have no character that a URL would write otherwise.
fn account(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/callback/")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

fn check(account: &str, request: &HttpRequest, inbound: Data<Inbound>) -> HttpResponse {
    let call = begin(account, request, inbound);
    answer(call.map_or_else(|reply| reply, |call| call.handshake(request.query_string())))
}

async fn push(
    account: &str,
    request: &HttpRequest,
    payload: web::Payload,
    inbound: Data<Inbound>,
    unsigned: bool,
) -> HttpResponse {
    let call = match begin(account, request, inbound.clone()) {
        Ok(call) => call,
        Err(reply) => return answer(reply),
    };
    answer(match self::payload(request, payload, &inbound, call).await {
        Ok((call, body)) => call.post(post_of(request, &body, unsigned)).await,
        Err(reply) => reply,
    })
}

/// The body, in time and whole, or what is answered instead.
pub(super) async fn payload(
    request: &HttpRequest,
    payload: web::Payload,
    inbound: &Inbound,
    call: Call,
) -> Result<(Call, Bytes), Reply> {
    let mut whole = pin!(whole(request, payload));
    // Nearly every body has come with its head: no timer is set for it.
    let body = match poll_fn(|task| Poll::Ready(whole.as_mut().poll(task))).await {
        Poll::Ready(body) => body,
        Poll::Pending => tokio::select! {
            biased;
            body = whole => body,
            () = inbound.sleep_until(call.until()) => return Err(call.unavailable()),
        },
    };
    match body {
        Ok(body) => Ok((call, body)),
        Err((status, fault)) => Err(call.refuse(status, &fault)),
    }
}

pub(super) fn post_of<'a>(request: &'a HttpRequest, body: &'a [u8], unsigned: bool) -> Post<'a> {
    let text = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    Post {
        query: request.query_string(),
        body,
        content_type: text(&header::CONTENT_TYPE).unwrap_or_default(),
        traceparent: text(&TRACEPARENT),
        handed_on: text(&HANDED_ON).is_some(),
        unsigned,
    }
}

/// The clock is read first: what follows counts against the request.
fn begin(account: &str, request: &HttpRequest, inbound: Data<Inbound>) -> Result<Call, Reply> {
    let first = inbound.now();
    let from = sender(request, &inbound);
    inbound.into_inner().call(account, first, from)
}

/// Who asks; believed of proxies that we trust.
pub(super) fn sender(request: &HttpRequest, inbound: &Inbound) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let said = request.headers().get_all(header::X_FORWARDED_FOR);
    Some(origin(peer, said.filter_map(|value| value.to_str().ok()), |proxy| {
        inbound.trusts(proxy)
    }))
}

/// The peer, or behind proxies that we trust the last address that none of them has. What stands before that address was
/// said by whoever has it.
fn origin<'a>(peer: IpAddr, forwarded: impl Iterator<Item = &'a str>, trusts: impl Fn(IpAddr) -> bool) -> IpAddr {
    if !trusts(peer) {
        return peer;
    }
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev().map_while(address) {
        nearest = hop;
        if !trusts(hop) {
            break;
        }
    }
    nearest
}

/// Some proxies add the port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.parse().ok();
    let found: Option<IpAddr> = bare.or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    found.map(|ip| ip.to_canonical())
}

/// The whole body, or the status and the reason.
async fn whole(request: &HttpRequest, mut payload: web::Payload) -> Result<Bytes, (u16, Fault)> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        let detail = "the body is compressed (Content-Encoding), which the platform never does";
        return Err((415, Fault::new(Code::Undecodable, detail)));
    }
    let too_large = || {
        let detail = format!("the body is over {MAX_BODY} bytes");
        (413, Fault::new(Code::BodyTooLarge, detail))
    };
    if announced(request).is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let broken = |error| {
        (
            400,
            Fault::new(Code::Undecodable, format!("the body broke off: {error}")),
        )
    };
    // Nearly every body comes in one piece and is not copied.
    let mut body = payload.next().await.transpose().map_err(broken)?.unwrap_or_default();
    let mut more: Option<BytesMut> = None;
    while let Some(chunk) = payload.next().await.transpose().map_err(broken)? {
        let all = more.get_or_insert_with(|| BytesMut::from(std::mem::take(&mut body).as_ref()));
        if all.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        all.extend_from_slice(&chunk);
    }
    let body = more.map_or(body, BytesMut::freeze);
    if body.len() > MAX_BODY {
        Err(too_large())
    } else {
        Ok(body)
    }
}

pub(super) fn answer(reply: Reply) -> HttpResponse {
    // Only constants and the channels' own statuses come here.
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::FORBIDDEN);
    let mut answer = HttpResponse::build(status);
    let mut typed = |media_type: &'static str, body: Bytes| {
        answer
            .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(media_type)))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
            .body(body)
    };
    match reply.body {
        Body::Success => typed("text/plain", Bytes::from_static(b"success")),
        Body::Text(text) => typed("text/plain", text.into()),
        // In the language of the push.
        Body::Passive(json) if json.starts_with(b"{") => typed("application/json; charset=utf-8", json.into()),
        Body::Passive(xml) => typed("text/xml; charset=utf-8", xml.into()),
        Body::Empty => answer.finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let ours = |proxy: IpAddr| proxy == ip("10.0.0.1") || proxy == ip("10.0.0.2");
        for (peer, said, from) in [
            ("198.51.100.7", vec!["203.0.113.9"], "198.51.100.7"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", vec!["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.1", vec!["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", vec!["::ffff:203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["203.0.113.9, <script>"], "10.0.0.1"),
        ] {
            assert_eq!(
                origin(ip(peer), said.iter().copied(), ours),
                ip(from),
                "{peer} {said:?}"
            );
        }
    }
}
