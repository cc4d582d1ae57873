//! What does a core hear that speaks gRPC? The smallest one there is, on tonic.

use std::{io, sync::Arc, time::Duration};

use futures_util::stream;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};
use wxbridge::schema::v1::{
    Ack, DeliverRequest, DeliverResponse,
    core_server::{self, CoreServer},
};

use crate::core::Heard;

struct Desk {
    heard: Arc<Heard>,
    pause: Duration,
}

#[tonic::async_trait]
impl core_server::Core for Desk {
    async fn deliver(&self, request: Request<DeliverRequest>) -> Result<Response<DeliverResponse>, Status> {
        let results = request.into_inner().events.into_iter().map(|event| {
            let conversation_key = event.conversation.map(|it| it.key).unwrap_or_default();
            self.heard.event(conversation_key.as_bytes(), event.seq);
            Ack {
                conversation_key,
                through_seq: event.seq,
                ..Default::default()
            }
        });
        let results = results.collect();
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        Ok(Response::new(DeliverResponse {
            results,
            ..Default::default()
        }))
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
        .serve_with_incoming_shutdown(CoreServer::new(Desk { heard, pause }), connections, async move {
            stop.stopped().await
        })
        .await
        .map_err(io::Error::other)
}
