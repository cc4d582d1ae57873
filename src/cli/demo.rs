//! `wxbridge demo`: everything on this machine, until it is told to stop.

use std::path::{Path, PathBuf};

use super::{
    exit::{Failure, Outcome},
    say,
    serve::Orders,
};
use crate::{
    config::{Log, LogFormat},
    demo::{self, DemoFault, Options},
    observe::logging,
};

pub fn run(listen: Option<&str>, dir: Option<&Path>) -> Outcome {
    // What is well says nothing: the last line is the address.
    logging::start(&Log {
        format: LogFormat::Auto,
        level: "warn".into(),
    });
    let options = Options {
        listen: listen.unwrap_or("127.0.0.1:0").to_owned(),
        dir: dir.map(PathBuf::from),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut orders = Orders::listen()?;
        let demo = tokio::select! {
            demo = demo::start(options) => demo?,
            () = orders.next() => return Ok(()),
        };
        say(&demo.words())?;
        orders.next().await;
        tokio::select! {
            () = demo.stop() => {}
            () = orders.again() => {}
        }
        Ok(())
    })
}

impl From<DemoFault> for Failure {
    fn from(fault: DemoFault) -> Self {
        match fault {
            DemoFault::Bridge(fault) => Failure::from(fault),
            DemoFault::Other { .. } => Failure::failed(fault.to_string()),
        }
    }
}
