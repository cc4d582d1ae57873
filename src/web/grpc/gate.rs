//! Whose call is it, may it be made, and what does a refusal look like over gRPC?

use std::sync::atomic::Ordering;

use http::{Request, Response, header};
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
