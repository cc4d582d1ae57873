//! How is the gRPC listener opened, held and closed? Over HTTP/2 alone, inside TLS where a certificate is configured, and
//! with an end to everything that a peer may leave undone.

use std::{future::poll_fn, io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::stream;
use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tonic::{body::Body, transport::Server};
use tower_service::Service;

use super::{
    StartFault,
    house::House,
    seats::{Seat, Seats},
    tls,
    wire::{Patience, Wire},
};
use crate::{config::Grpc, web};

/// Connections at a time: a core needs one.
const CONNECTIONS: usize = 1024;
/// Calls under way on one connection.
const STREAMS: u32 = 128;
const HEADERS_BYTES: u32 = 16 * 1024;
/// Who does not end the TLS handshake by then is let go.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A peer that says nothing is asked whether it is there; one that does not answer is let go.
const ASK: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(20);
/// Who says nothing at all is let go, and who answers no ping.
const PATIENCE: Patience = Patience {
    first: Duration::from_secs(10),
    silence: Duration::from_secs(75),
};
/// How long calls under way may take to end.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait when the system has no more sockets for us.
const REST: Duration = Duration::from_millis(100);

/// The listener, bound; it answers nobody before it is opened.
pub struct GrpcDoor {
    pub address: SocketAddr,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    state: Arc<web::State>,
}

/// The listener, answering, until it is closed or dropped.
pub struct OpenGrpcDoor {
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    accepting: JoinHandle<()>,
}

/// Binds it: faults of address and certificate are told apart.
pub async fn bind(config: &Grpc, house: &House) -> Result<GrpcDoor, StartFault> {
    let listen = |error| StartFault::Listen {
        key: "grpc.listen",
        address: config.listen,
        error,
    };
    let acceptor = config
        .tls
        .as_ref()
        .map(|tls| tls::server("grpc.tls", tls, house.clock.clone()))
        .transpose()?;
    let acceptor = acceptor.map(|mut tls| {
        tls.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(tls))
    });
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    Ok(GrpcDoor {
        address: listener.local_addr().map_err(listen)?,
        listener,
        tls: acceptor,
        state: house.state.clone().into_inner(),
    })
}

impl GrpcDoor {
    /// From now on it answers.
    pub fn open(self) -> Result<OpenGrpcDoor, StartFault> {
        let services = web::grpc::services(self.state).map_err(|error| StartFault::Grpc(error.to_string()))?;
        let (stop, stopped) = watch::channel(false);
        let (give, take) = mpsc::channel(16);
        let accepting = tokio::spawn(accept(self.listener, self.tls, give, stopped.clone()));
        Ok(OpenGrpcDoor {
            served: tokio::spawn(serve(services, take, stopped)),
            stop,
            accepting,
        })
    }
}

impl OpenGrpcDoor {
    /// Takes no new calls and lets those under way end.
    pub async fn close(mut self) {
        // Nobody listens only where it has ended already.
        let _ = self.stop.send(true);
        if timeout(GRACE, &mut self.served).await.is_err() {
            tracing::info!("calls over gRPC were cut off");
        }
    }

    /// Returns when the listener has ended, which it does not do by itself.
    pub async fn ended(&mut self) {
        tokio::select! {
            _ = &mut self.accepting => {}
            _ = &mut self.served => {}
        }
    }
}

impl Drop for OpenGrpcDoor {
    fn drop(&mut self) {
        self.accepting.abort();
        self.served.abort();
    }
}

/// Takes connections until it is told to stop. Handshakes wait for nobody but themselves.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    give: mpsc::Sender<Wire>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut seats = Seats::new(CONNECTIONS);
    let mut turned_away = 0;
    let mut handshakes = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            Some(_) = handshakes.join_next(), if !handshakes.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // One connection that broke before it was taken is no news; no more sockets is, and passes.
                tracing::debug!(%error, "a connection over gRPC was not taken");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let Some(seat) = seats.take() else {
            told(&mut turned_away);
            continue;
        };
        // Only a socket that is gone already refuses.
        let _ = stream.set_nodelay(true);
        handshakes.spawn(admitted(stream, peer, tls.clone(), seat, give.clone()));
    }
}

/// Once for every thousand: one cause, one line.
fn told(turned_away: &mut u64) {
    if turned_away.is_multiple_of(1000) {
        let turned_away = *turned_away + 1;
        tracing::warn!(
            turned_away,
            "{CONNECTIONS} connections over gRPC with tokens: new ones are closed"
        );
    }
    *turned_away += 1;
}

async fn admitted(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    mut seat: Seat,
    give: mpsc::Sender<Wire>,
) {
    let wire = match tls {
        None => Wire::new(stream, peer, PATIENCE, seat),
        Some(tls) => {
            let handshake = timeout(HANDSHAKE, tls.accept(stream));
            let shaken = tokio::select! {
                () = poll_fn(|context| seat.poll_leave(context)) => return,
                shaken = handshake => shaken,
            };
            match shaken {
                Ok(Ok(stream)) => Wire::new(stream, peer, PATIENCE, seat),
                Ok(Err(error)) => return tracing::debug!(%peer, %error, "no TLS over gRPC"),
                Err(_) => return,
            }
        }
    };
    // The server is gone only when everything goes.
    let _ = give.send(wire).await;
}

async fn serve<S>(services: S, wires: mpsc::Receiver<Wire>, mut stopped: watch::Receiver<bool>)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let incoming = stream::unfold(wires, |mut wires| async move {
        wires.recv().await.map(|wire| (io::Result::Ok(wire), wires))
    });
    let stop = async move {
        // Whoever dropped the other end wants no more calls either.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let served = Server::builder()
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADERS_BYTES)
        .http2_keepalive_interval(Some(ASK))
        .http2_keepalive_timeout(Some(ANSWER))
        .serve_with_incoming_shutdown(services, incoming, stop);
    if let Err(error) = served.await {
        tracing::error!(%error, "the gRPC listener failed");
    }
}
