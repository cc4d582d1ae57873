//! What is served over gRPC? `wxbridge.v1.Bridge`, the twin of `/v1`, behind the same tokens; health and reflection beside
//! it, which tell nothing but whether we can append and what the schema is, and ask for none.
//!
//! ```text
//! gate       whose call is it, and what does a refusal look like?
//! bridge     which function of `calls` answers each rpc?
//! media      how do files travel in pieces?
//! health     can we append?
//! ```

mod bridge;
mod gate;
mod health;
mod media;
mod weight;

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tonic::{body::Body, server::NamedService};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;
pub use tonic_reflection::server::Error as ReflectionError;
use tower_service::Service;

use super::{State, quota::Ticket};
use crate::schema::{DESCRIPTORS, v1::bridge_server::BridgeServer};
use weight::Weighed;

/// The largest request, and the largest piece of a file.
const MESSAGE_MAX: usize = 4 * 1024 * 1024;

/// Who is at the other end of a connection; the listener knows.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// A call with a token that holds came from there.
    pub known: Arc<AtomicBool>,
}

type Answered = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Every service of the listener as one.
#[derive(Clone)]
struct Services<R, O> {
    state: Arc<State>,
    bridge: BridgeServer<bridge::Desk>,
    health: HealthServer<health::Desk>,
    reflection: R,
    /// What many tools still ask by.
    old_reflection: O,
}

/// What the listener serves. Fails only where the schema of this very build cannot be described.
pub fn services(
    state: Arc<State>,
) -> Result<
    impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answered> + Clone + Send + 'static,
    ReflectionError,
> {
    Ok(Services {
        bridge: BridgeServer::new(bridge::Desk(state.clone())).max_decoding_message_size(MESSAGE_MAX),
        health: HealthServer::new(health::Desk(state.clone())),
        reflection: described().build_v1()?,
        old_reflection: described().build_v1alpha()?,
        state,
    })
}

/// The schema, and which of its services are here: a core serves the other one.
fn described() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(BRIDGE)
        .with_service_name(HEALTH)
        .with_service_name(REFLECTION)
}

const BRIDGE: &str = <BridgeServer<bridge::Desk> as NamedService>::NAME;
const HEALTH: &str = <HealthServer<health::Desk> as NamedService>::NAME;
const REFLECTION: &str = "grpc.reflection.v1.ServerReflection";
const OLD_REFLECTION: &str = "grpc.reflection.v1alpha.ServerReflection";

impl<R, O> Service<Request<Body>> for Services<R, O>
where
    R: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answered>,
    O: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Answered>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Answered {
        if !gate::speaks_grpc(&request) {
            return now(not_grpc());
        }
        let mut path = request.uri().path().split('/');
        let (service, method) = (path.nth(1).unwrap_or_default(), path.next().unwrap_or_default());
        match service {
            BRIDGE => {
                let reads = gate::reads(method);
                // A file, piece by piece; everything else is in memory whole.
                let passes_by = method == "PutMedia";
                let ticket = match gate::admit(&self.state, reads, &mut request) {
                    Ok(ticket) => ticket,
                    Err(problem) => return now(gate::status(&problem).into_http()),
                };
                if !passes_by {
                    request = request.map(|body| Body::new(Weighed::new(body, ticket.clone())));
                }
                let within = gate::patience(request.headers());
                let answered = self.bridge.call(request);
                Box::pin(async move {
                    let answer = match within {
                        None => answered.await,
                        Some(within) => match tokio::time::timeout(within, answered).await {
                            Ok(answer) => answer,
                            Err(_) => return Ok(gate::too_late().into_http()),
                        },
                    };
                    let answer = answer.map(gate::explained);
                    // Under way until the last of the answer is taken.
                    answer.map(|answer| answer.map(|body| during(ticket, body)))
                })
            }
            HEALTH => self.health.call(request),
            REFLECTION => self.reflection.call(request),
            OLD_REFLECTION => self.old_reflection.call(request),
            other => now(gate::nobody(&format!("there is no service {other:?}")).into_http()),
        }
    }
}

/// A body whose call ends with it.
fn during(ticket: Ticket, body: Body) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _held = &ticket;
        frame
    }))
}

fn now(response: Response<Body>) -> Answered {
    Box::pin(std::future::ready(Ok(response)))
}

/// Whoever speaks something else has come to the wrong door.
fn not_grpc() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}
