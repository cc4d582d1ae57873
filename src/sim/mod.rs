//! What would WeChat do? A simulated platform: its API, its callbacks, its rules, and what the customer sees.
//!
//! It shares **no code** with the bridge (`tests/sim.rs` reads every `use` line here): sealing, parsing, limits and
//! codes are written a second time from the platform's documentation, so that a mistake of the bridge cannot be
//! cancelled out by the same mistake in its judge.
//!
//! Layout: `wire` is bytes (sealing, XML, multipart), `push` how callbacks travel, `door` who calls an API; `weixin` is
//! what `official_account` and `mini_program` share (api.weixin.qq.com), `wecom` what `wecom_app` and `wechat_kf` do
//! (qyapi.weixin.qq.com), `open_platform` is who authorised a third-party platform; `world` is what exists, `drive` the
//! `/sim/v1` doors that tests and pages use.

mod ask;
mod door;
mod drive;
mod faults;
mod mini_program;
mod official_account;
mod open_platform;
mod phone;
mod platform;
mod push;
mod refusal;
mod wechat_kf;
mod wecom;
mod wecom_app;
mod weixin;
mod wire;
mod world;

use std::{io, net::SocketAddr, sync::Arc};

use actix_web::{App, HttpServer, dev::ServerHandle, web};

use self::platform::Platform;

/// How to start a simulator.
#[derive(Clone, Debug)]
pub struct Options {
    /// `127.0.0.1:0` picks a free port; [`Sim::url`] tells which.
    pub listen: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
        }
    }
}

/// A running simulator. Dropping it stops the server.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    handle: ServerHandle,
    served: Option<tokio::task::JoinHandle<io::Result<()>>>,
}

impl Sim {
    /// Starts a simulator with an empty world.
    ///
    /// Call it inside any tokio runtime (`#[tokio::main]`, `#[tokio::test]`, `#[actix_web::main]`): the server is
    /// spawned there, and its one worker brings a thread and a runtime of its own, so a test on a current-thread runtime
    /// may block on what the simulator does without starving it.
    pub async fn start(options: Options) -> io::Result<Self> {
        let platform = Arc::new(Platform::new()?);
        let data = web::Data::from(platform.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(32 * 1024 * 1024))
                .configure(drive::routes)
                .configure(open_platform::page::routes)
                .configure(door::routes)
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .bind(&options.listen)?;
        let address = server
            .addrs()
            .first()
            .copied()
            .ok_or_else(|| io::Error::other("no address bound"))?;
        platform.set_base(format!("http://{address}"));
        let running = server.run();
        Ok(Self {
            address,
            handle: running.handle(),
            served: Some(tokio::spawn(running)),
        })
    }

    /// `http://127.0.0.1:port`: the `api_base` of simulated accounts, the page, and the root of `/sim/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops at once; connections in flight are closed.
    pub async fn stop(mut self) {
        self.handle.stop(false).await;
        if let Some(served) = self.served.take() {
            // The server's own result says nothing that its end does not.
            let _ = served.await;
        }
    }

    /// Returns when the server has ended.
    pub async fn wait(mut self) -> io::Result<()> {
        match self.served.take() {
            Some(served) => served.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // The order to stop is sent when the future is made; it need not be polled.
        drop(self.handle.stop(false));
    }
}

/// `wxbridge sim`: serves until the process is told to end, and prints where.
pub async fn run(options: Options) -> io::Result<()> {
    let sim = Sim::start(options).await?;
    println!("simulated WeChat platform: {}", sim.url());
    println!(
        "drive it with POST {}/sim/v1/... (docs/sim.md), look at it with a browser",
        sim.url()
    );
    println!("{}", sim.url());
    tokio::signal::ctrl_c().await?;
    sim.stop().await;
    Ok(())
}
