//! Which listeners are open, at which address? Public, internal, health, and cloud where it is on, each an HTTP server of its own.

use std::{io, net::SocketAddr, num::NonZero, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::{Server, ServerHandle},
    http::KeepAlive,
    web::Data,
};
use tokio::task::JoinHandle;

use super::{StartFault, house::House, tls};
use crate::{
    config::{Config, Tls},
    web,
};

/// Longer than proxies keep theirs: who closes first loses requests.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long open requests may take to end: longer than any callback is held.
const GRACE_SECONDS: u64 = 5;

/// A listener that is bound; it answers nobody before it is opened.
pub struct Door {
    pub address: SocketAddr,
    server: Server,
}

/// All of them.
pub struct Doors {
    pub public: Door,
    pub internal: Door,
    pub health: Door,
    /// Off, unless an address is given.
    pub cloud: Option<Door>,
}

/// Binds all of them, or none.
pub fn bind(config: &Config, house: &House) -> Result<Doors, StartFault> {
    let listen = |key, address| move |error| StartFault::Listen { key, address, error };
    let (public, internal, health) = (config.public.listen, config.internal.listen, config.health.listen);
    let tls = config.internal.tls.as_ref();
    Ok(Doors {
        public: bind_public(public, house).map_err(listen("public.listen", public))?,
        internal: bind_internal(internal, tls, house)?.map_err(listen("internal.listen", internal))?,
        health: bind_health(health, house).map_err(listen("health.listen", health))?,
        cloud: match config.cloud {
            Some(cloud) => Some(bind_cloud(cloud, house).map_err(listen("cloud.listen", cloud))?),
            None => None,
        },
    })
}

/// The callbacks: nothing stands between the socket and the handler.
fn bind_public(address: SocketAddr, house: &House) -> io::Result<Door> {
    let (inbound, files, open) = (
        Data::from(house.inbound.clone()),
        house.files.clone(),
        house.open.clone(),
    );
    let app = move || {
        App::new()
            .configure(web::links(files.clone()))
            .configure(web::open(open.clone()))
            .configure(web::callback(inbound.clone()))
    };
    let server = HttpServer::new(app)
        // One more than there are processors: a worker whose processor the store's writer has just then is not moved to an idle
        // one for half a millisecond, and its connections would wait with it.
        .workers(cpus() + 1)
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        // A connection that the platform closed ends its handler, so that the answer is kept for the next attempt.
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(GRACE_SECONDS)
        .bind(address)?;
    Door::of(server.addrs(), server.run())
}

/// Pushes of cloud hosting, which nobody signs: nothing else is here.
fn bind_cloud(address: SocketAddr, house: &House) -> io::Result<Door> {
    let inbound = Data::from(house.inbound.clone());
    let server = HttpServer::new(move || App::new().configure(web::cloud(inbound.clone())))
        .workers(cpus().min(2))
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .h1_allow_half_closed(false)
        .disable_signals()
        .shutdown_timeout(GRACE_SECONDS)
        .bind(address)?;
    Door::of(server.addrs(), server.run())
}

fn bind_internal(address: SocketAddr, tls: Option<&Tls>, house: &House) -> Result<io::Result<Door>, StartFault> {
    let tls = tls
        .map(|it| tls::server("internal.tls", it, house.clock.clone()))
        .transpose()?;
    let state = house.state.clone();
    let server = HttpServer::new(move || App::new().configure(web::internal(state.clone())))
        .workers(cpus().min(2))
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .disable_signals()
        .shutdown_timeout(1);
    let bound = match tls {
        Some(tls) => server.bind_rustls_0_23(address, tls),
        None => server.bind(address),
    };
    Ok(bound.and_then(|server| Door::of(server.addrs(), server.run())))
}

fn bind_health(address: SocketAddr, house: &House) -> io::Result<Door> {
    let state = house.state.clone();
    let server = HttpServer::new(move || App::new().configure(web::health(state.clone())))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .bind(address)?;
    Door::of(server.addrs(), server.run())
}

fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

impl Door {
    fn of(addresses: Vec<SocketAddr>, server: Server) -> io::Result<Self> {
        let address = addresses
            .first()
            .copied()
            .ok_or_else(|| io::Error::other("no address bound"))?;
        Ok(Self { address, server })
    }

    /// From now on it answers.
    pub fn open(self) -> OpenDoor {
        OpenDoor {
            handle: self.server.handle(),
            served: Some(tokio::spawn(self.server)),
        }
    }
}

/// A listener that answers, until it is closed or dropped.
pub struct OpenDoor {
    handle: ServerHandle,
    served: Option<JoinHandle<io::Result<()>>>,
}

impl OpenDoor {
    /// Takes no new requests and lets the open ones end.
    pub async fn close(mut self) {
        self.handle.stop(true).await;
        if let Some(served) = self.served.take() {
            // The server's own result says nothing that its end does not.
            let _ = served.await;
        }
    }

    /// Returns when the server has ended, which it does not do by itself.
    pub async fn ended(&mut self) {
        match &mut self.served {
            Some(served) => {
                let _ = served.await;
                self.served = None;
            }
            None => std::future::pending().await,
        }
    }
}

impl Drop for OpenDoor {
    fn drop(&mut self) {
        // The order to stop is sent when the future is made; it need not be polled.
        drop(self.handle.stop(false));
    }
}
