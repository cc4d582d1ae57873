//! Whose call is it, may it be made, and what does a refusal look like over gRPC?

use std::{sync::atomic::Ordering, time::Duration};

use http::{HeaderMap, Request, Response, header};
use tonic::{Code as Grpc, Status, body::Body};

use super::Peer;
use crate::{
    error::Code,
    schema::rpc,
    web::{
        Answer, Problem, State,
        auth::{self, Caller},
        quota::Ticket,
    },
};

/// The calls that change nothing: a viewer may make them.
const READS: [&str; 6] = [
    "GetMessage",
    "FetchEvents",
    "GetConversation",
    "ListAccounts",
    "GetAccount",
    "GetMedia",
];

/// So much before a caller's deadline it is told that it has come.
const EARLIER: Duration = Duration::from_millis(20);

/// Whether this call of the bridge only reads.
pub fn reads(method: &str) -> bool {
    READS.contains(&method)
}

/// `application/grpc`, with any encoding behind it.
pub fn speaks_grpc(request: &Request<Body>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Lets in whoever has a token whose scope reaches this call; the handler finds the [`Caller`] in the request. The call is
/// under way until the ticket is dropped.
pub fn admit(state: &State, reads: bool, request: &mut Request<Body>) -> Answer<Ticket> {
    let peer = request.extensions().get::<Peer>();
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default());
    let (caller, ticket) = auth::admit(state, authorization, peer.map(|peer| peer.address))?;
    if let Some(peer) = peer {
        peer.known.store(true, Ordering::Relaxed);
    }
    if !auth::core_opens(caller.0.scope, reads) {
        return Err(Problem::forbidden("the token's scope does not reach this"));
    }
    request.extensions_mut().insert(caller);
    Ok(ticket)
}

/// Who calls, and what they ask.
pub fn opened<T>(request: tonic::Request<T>) -> Result<(Caller, T), Status> {
    let (_, extensions, asked) = request.into_parts();
    let caller = extensions.get::<Caller>().cloned();
    let caller = caller.ok_or_else(|| status(&Problem::new(Code::Unauthenticated, "no token")))?;
    Ok((caller, asked))
}

/// A refusal: the status of the contract's table, the code in the details.
pub fn status(problem: &Problem) -> Status {
    let code = match problem.status.as_u16() {
        429 => Grpc::ResourceExhausted,
        500 => Grpc::Internal,
        _ => Grpc::from(problem.code.grpc()),
    };
    let more = rpc::More {
        retry_after: problem.retry_after,
        oldest_available: problem.oldest_available.as_deref(),
    };
    rpc::refusal_with(code, problem.code, &problem.detail, &more)
}

/// A service or a call that nobody here has.
pub fn nobody(why: &str) -> Status {
    unimplemented(Code::NotFound, why)
}

/// Tools know it by gRPC's own code.
fn unimplemented(code: Code, why: &str) -> Status {
    rpc::refusal_with(Grpc::Unimplemented, code, why, &rpc::More::default())
}

/// How long the caller waits, less what it takes to say so first: the library below ends a call at the very moment with
/// CANCELLED, which tells who polls that somebody gave up, and not that nothing came.
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
pub fn patience(headers: &HeaderMap) -> Option<Duration> {
    let said = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = said.split_at_checked(said.len().checked_sub(1)?)?;
    let plain = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: u32 = digits.parse().ok().filter(|_| plain)?;
    let unit = match unit {
        "H" => Duration::from_secs(3600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    let limit = unit.checked_mul(count)?;
    Some(limit.saturating_sub(EARLIER.min(limit / 4)))
}

/// The caller's own deadline has come.
pub fn too_late() -> Status {
    Status::deadline_exceeded("the deadline that came with the call")
}

/// What the library refused before any of ours saw it gets its code too.
pub fn explained(response: Response<Body>) -> Response<Body> {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return response;
    };
    let code = match status.code() {
        _ if !status.details().is_empty() => return response,
        Grpc::OutOfRange => Code::BodyTooLarge,
        Grpc::Internal => Code::InvalidRequest,
        // A compressed message says so itself, an unknown call says nothing.
        Grpc::Unimplemented if status.message().is_empty() => return nobody("there is no such call").into_http(),
        Grpc::Unimplemented => return unimplemented(Code::InvalidRequest, status.message()).into_http(),
        _ => return response,
    };
    self::status(&Problem::new(code, status.message())).into_http()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_read_as_grpc_writes_it_and_met_a_little_earlier() {
        for (said, millis) in [
            ("1S", Some(980)),
            ("700m", Some(680)),
            ("40m", Some(30)),
            ("2M", Some(119_980)),
            ("99999999H", Some(359_999_996_400_000 - 20)),
            ("4000000n", Some(3)),
            ("8000u", Some(6)),
            ("0S", Some(0)),
            ("100000000S", None),
            ("-1S", None),
            ("+1S", None),
            ("1s", None),
            ("1", None),
            ("S", None),
            ("", None),
            ("1\u{e9}", None),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = http::HeaderValue::from_bytes(said.as_bytes()) {
                headers.insert("grpc-timeout", value);
            }
            let found = patience(&headers).map(|within| within.as_millis());
            assert_eq!(found, millis, "{said}");
        }
        assert_eq!(patience(&HeaderMap::new()), None);
    }
}
