//! How does the daemon come up, run and go down? Everything of the house, put together in one process.
//!
//! ```text
//! ground       what must stand before anything else: state folder, keys, store
//! switchboard  who hears of a commit?
//! orphans      may a core vanish from the configuration?
//! people       who may call, and which accounts are bound?
//! house        how are the parts put together?
//! doors        which listeners are open, at which address?
//! grpc         how is the gRPC listener opened, held and closed?
//! seats        who keeps a connection over gRPC when there are no more?
//! wire         when does a connection over gRPC end that nobody uses?
//! tls          how do they speak TLS?
//! housekeeping what happens every minute and every hour?
//! running      a daemon that runs, until it is told to stop
//! ```

mod aside;
mod assigner;
mod doors;
mod fault;
mod ground;
mod grpc;
mod house;
mod housekeeping;
pub mod orphans;
mod people;
mod running;
mod seats;
mod switchboard;
mod tls;
mod usable;
mod wire;

pub use fault::StartFault;
pub use orphans::Orphans;
pub use running::Running;
pub use usable::USABLE;

use crate::config::Config;

/// How to start.
#[derive(Clone, Copy)]
pub struct Options {
    /// What becomes of events whose core is configured no more.
    pub orphans: Orphans,
    /// Told what an operator must hear once: where the state folder was made, where the first token lies.
    pub announce: fn(&str),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            orphans: Orphans::Refuse,
            announce: |_| {},
        }
    }
}

/// Starts the daemon inside the runtime that this is called in. It serves when this returns: every listener is bound, and
/// what an earlier run left is under way. What goes wrong leaves nothing behind but what is on disk.
pub async fn start(config: &Config, options: Options) -> Result<Running, StartFault> {
    let ground = ground::prepare(config, options.announce).await?;
    let store = ground.store.clone();
    match running::start(config, ground, options).await {
        Ok(running) => Ok(running),
        Err(fault) => {
            // Whoever starts next on this folder, in this process too, must find it free.
            store.close().await;
            Err(fault)
        }
    }
}
