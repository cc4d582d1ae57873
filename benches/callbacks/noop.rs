//! How fast could it be at most? A handler that reads the body and answers `success`, in a process of its own.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Command, Stdio},
    thread,
};

use actix_web::{App, HttpServer, web};

use crate::{Outcome, process::Process};

/// The handler, running.
pub struct Noop {
    pub process: Process,
    pub address: SocketAddr,
}

impl Noop {
    /// Starts this very program once more, as the handler.
    pub fn start() -> Outcome<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("--serve-noop").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let output = process.child().stdout.take().ok_or("no output of the handler")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self {
            process,
            address: line.trim().parse()?,
        })
    }
}

/// Serves until whoever started it goes away.
pub fn serve() -> Outcome<()> {
    thread::spawn(|| {
        // The other end is held by the benchmark: it closes with it, however that ends.
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().default_service(web::to(success)))
            .backlog(1024)
            .bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("{address}");
        }
        server.run().await
    })?;
    Ok(())
}

async fn success(body: web::Bytes) -> &'static str {
    // Read, and looked at, so that nothing is left out.
    if body.is_empty() { "" } else { "success" }
}
