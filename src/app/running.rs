//! A daemon that runs: what is started in which order, and ended in which?

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::timeout,
};

use super::{
    Options, StartFault,
    doors::{self, Door, OpenDoor},
    ground::Ground,
    grpc::{self, OpenGrpcDoor},
    house, housekeeping,
};
use crate::{
    accounts::observed::Observed,
    config::Config,
    feed::Feeds,
    observe::Observer,
    ports::{clock::Clock, store::Store},
};

/// How long sends and deliveries under way may take to end; what is cut off then is ambiguous at the next start.
const GRACE: Duration = Duration::from_secs(15);

/// The daemon, serving. Dropped without [`Running::stop`] it ends at once, as a crash would: nothing durable is lost.
pub struct Running {
    pub public_addr: SocketAddr,
    pub internal_addr: SocketAddr,
    pub grpc_addr: SocketAddr,
    pub health_addr: SocketAddr,
    /// Where cloud hosting pushes to, if it may.
    pub cloud_addr: Option<SocketAddr>,
    internal_tls: bool,
    doors: [OpenDoor; 3],
    cloud: Option<OpenDoor>,
    grpc: OpenGrpcDoor,
    stop: watch::Sender<bool>,
    work: JoinSet<()>,
    housekeeping: JoinSet<()>,
    store: Arc<dyn Store>,
    feeds: Arc<Feeds>,
    clock: Arc<dyn Clock>,
    observer: Arc<Observer>,
    observed: Arc<Observed>,
}

/// Binds every listener, then lets the work begin, then opens the doors.
pub(super) async fn start(config: &Config, ground: Ground, options: Options) -> Result<Running, StartFault> {
    let house = house::build(config, ground, options).await?;
    let doors = doors::bind(config, &house)?;
    let grpc = grpc::bind(&config.grpc, &house).await?;
    let (stop, stopped) = watch::channel(false);
    let housekeeping = housekeeping::start(config, &house);
    let mut work = JoinSet::new();
    let mut ordered = stopped.clone();
    let until = async move {
        // Whoever dropped the other end wants no more work either.
        let _ = ordered.wait_for(|stop| *stop).await;
    };
    work.spawn(house.deliverer.run(until));
    work.spawn(house.pull.run(stopped.clone()));
    // What was refused before still stands, until the open platform's book says otherwise.
    house.outbound.remember_accounts().await?;
    work.spawn(house.component.run(stopped.clone()));
    work.spawn(house.forward.run(stopped.clone()));
    work.spawn(house.outbound.run(stopped));
    Ok(Running {
        public_addr: doors.public.address,
        internal_addr: doors.internal.address,
        grpc_addr: grpc.address,
        health_addr: doors.health.address,
        cloud_addr: doors.cloud.as_ref().map(|door| door.address),
        internal_tls: config.internal.tls.is_some(),
        doors: [doors.public.open(), doors.internal.open(), doors.health.open()],
        cloud: doors.cloud.map(Door::open),
        grpc: grpc.open()?,
        stop,
        work,
        housekeeping,
        store: house.store,
        feeds: house.feeds,
        clock: house.clock,
        observer: house.observer,
        observed: house.observed,
    })
}

impl Running {
    /// Where the callbacks go.
    pub fn public_url(&self) -> String {
        format!("http://{}", self.public_addr)
    }

    /// Where the core's and the operators' API is.
    pub fn internal_url(&self) -> String {
        let scheme = if self.internal_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.internal_addr)
    }

    pub fn health_url(&self) -> String {
        format!("http://{}", self.health_addr)
    }

    /// Returns only when something ended that must not end by itself; says what.
    pub async fn broken(&mut self) -> String {
        let [public, internal, health] = &mut self.doors;
        let cloud = ended(self.cloud.as_mut());
        tokio::select! {
            () = public.ended() => "the public listener ended".to_owned(),
            () = internal.ended() => "the internal listener ended".to_owned(),
            () = health.ended() => "the health listener ended".to_owned(),
            () = cloud => "the cloud listener ended".to_owned(),
            () = self.grpc.ended() => "the gRPC listener ended".to_owned(),
            Some(ended) = self.work.join_next() => told(ended),
        }
    }

    /// Answers what is open, ends what is under way, closes the store. Takes a few seconds at most where nobody hangs.
    pub async fn stop(mut self) {
        let [public, internal, health] = self.doors;
        // The platform first: while its requests are open, replies still ride in them.
        let cloud = self.cloud;
        let close_cloud = async {
            if let Some(cloud) = cloud {
                cloud.close().await;
            }
        };
        tokio::join!(public.close(), close_cloud);
        // Whoever stopped already has no need to hear it.
        let _ = self.stop.send(true);
        self.feeds.close();
        let ended = async { while self.work.join_next().await.is_some() {} };
        if timeout(GRACE, ended).await.is_err() {
            tracing::warn!("sends under way were cut off; what became of them is not known");
        }
        tokio::join!(internal.close(), health.close(), self.grpc.close());
        self.housekeeping.shutdown().await;
        let flushed = self.observer.answers.flush(&*self.store, self.clock.now()).await;
        if let Err(error) = flushed {
            tracing::warn!(%error, "the last minute of the answer ledger was not written");
        }
        if let Err(error) = self.observer.day.flush(&*self.store, self.clock.now()).await {
            tracing::warn!(%error, "the last minutes of the charts were not written");
        }
        if let Err(error) = self.observed.flush().await {
            tracing::warn!(%error, "what was observed of accounts in the last minute was not written");
        }
        self.store.close().await;
    }
}

async fn ended(door: Option<&mut OpenDoor>) {
    match door {
        Some(door) => door.ended().await,
        None => std::future::pending().await,
    }
}

fn told(ended: Result<(), JoinError>) -> String {
    match ended {
        Ok(()) => "the work ended by itself".to_owned(),
        Err(error) => format!("the work failed: {error}"),
    }
}
