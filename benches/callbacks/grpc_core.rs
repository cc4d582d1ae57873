//! What does a core hear that speaks gRPC? The smallest one there is, on tonic: like the one that speaks HTTP it reads of
//! an event where it stands, and leaves the rest as it came.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, UnaryService},
    transport::Server,
};
use tonic_prost::ProstCodec;
use tower_service::Service;
use wxbridge::schema::{
    Written,
    v1::{Ack, DeliverResponse},
};

use crate::core::Heard;

/// A `DeliverRequest` whose events nobody has read.
#[derive(Clone, PartialEq, prost::Message)]
struct Carried {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
}

#[derive(Clone)]
struct Desk {
    heard: Arc<Heard>,
    pause: Duration,
}

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Desk {
    fn ack(&self, event: Bytes) -> Result<Ack, Status> {
        let event = Written::unread(event).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let head = event.head();
        self.heard.event(head.key.as_bytes(), head.seq);
        Ok(Ack {
            conversation_key: head.key.to_owned(),
            through_seq: head.seq,
            ..Default::default()
        })
    }
}

impl UnaryService<Carried> for Desk {
    type Response = DeliverResponse;
    type Future = Later<Result<Response<DeliverResponse>, Status>>;

    fn call(&mut self, request: Request<Carried>) -> Self::Future {
        let desk = self.clone();
        Box::pin(async move {
            let events = request.into_inner().events.into_iter();
            let results = events.map(|event| desk.ack(event)).collect::<Result<_, _>>()?;
            if !desk.pause.is_zero() {
                tokio::time::sleep(desk.pause).await;
            }
            Ok(Response::new(DeliverResponse {
                results,
                ..Default::default()
            }))
        })
    }
}

impl NamedService for Desk {
    const NAME: &'static str = "wxbridge.v1.Core";
}

/// There is one call.
impl Service<http::Request<Body>> for Desk {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Later<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let desk = self.clone();
        let codec = ProstCodec::<DeliverResponse, Carried>::default();
        Box::pin(async move { Ok(Grpc::new(codec).unary(desk, request).await) })
    }
}

/// Serves until it is to stop.
pub async fn listen(listener: TcpListener, heard: Arc<Heard>, pause: Duration) -> io::Result<()> {
    let connections = stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.and_then(|(stream, _)| {
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        Some((accepted, listener))
    });
    let stop = heard.clone();
    Server::builder()
        .serve_with_incoming_shutdown(Desk { heard, pause }, connections, async move { stop.stopped().await })
        .await
        .map_err(io::Error::other)
}
