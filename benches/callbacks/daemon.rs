//! How is the real thing started? The release binary, with a configuration and a store of its own, in a folder that goes
//! away with it.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Outcome, http,
    process::{Bytes, Process},
    sealing::Account,
};

/// How long the daemon may take to start or to count what it has: a full store takes a while.
const PATIENCE: Duration = Duration::from_secs(120);
pub const CORE: &str = "bench";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

/// How events reach a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Http,
    Grpc,
    /// The core pulls.
    Feed,
}

/// The core that the daemon is told of.
#[derive(Clone, Copy, Debug)]
pub struct CoreAt {
    pub way: Way,
    pub address: SocketAddr,
    /// How long a callback may wait for it.
    pub reply_budget: &'static str,
}

/// A running daemon and its folder.
pub struct Daemon {
    process: Process,
    folder: tempfile::TempDir,
    core: Option<CoreAt>,
    public: SocketAddr,
    internal: SocketAddr,
    health: SocketAddr,
}

impl Daemon {
    /// Starts it on a fresh store below `dir` and enters the accounts.
    pub fn start(dir: &Path, core: Option<CoreAt>, accounts: &[Account]) -> Outcome<Self> {
        fs::create_dir_all(dir)?;
        let folder = tempfile::tempdir_in(dir)?;
        let [public, internal, grpc, health] = free_addresses()?;
        let listens = [
            ("public", public),
            ("internal", internal),
            ("grpc", grpc),
            ("health", health),
        ];
        let mut config = String::new();
        for (section, address) in listens {
            config.push_str(&format!("[{section}]\nlisten = \"{address}\"\n"));
        }
        // Nobody is there: what the benchmark asks for never needs the platform.
        config.push_str("[platform]\nweixin_api = \"http://127.0.0.1:9\"\n[store]\ndir = \"state\"\n");
        if let Some(core) = core {
            config.push_str(&entry(core));
        }
        fs::write(folder.path().join("wxbridge.toml"), config)?;
        let process = spawn(folder.path())?;
        let mut daemon = Self {
            process,
            folder,
            core,
            public,
            internal,
            health,
        };
        daemon.wait_ready()?;
        daemon.enter(accounts)?;
        Ok(daemon)
    }

    /// Where callbacks go.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where the core's calls go, and the token for them.
    pub fn internal(&self) -> Outcome<(SocketAddr, String)> {
        let token = fs::read_to_string(self.folder.path().join("state/operator.token"))?;
        Ok((self.internal, token.trim().to_owned()))
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    /// SIGKILL, then a start on the same store.
    pub fn kill_and_start(&mut self) -> Outcome<()> {
        self.process.kill();
        self.process = spawn(self.folder.path())?;
        self.wait_ready()
    }

    /// Events that wait for their core, or for any where none is configured.
    pub fn waiting(&self) -> Outcome<u64> {
        let core = self.core.map_or("", |_| CORE);
        let (status, text) = http::ask(self.health, "GET", "/metrics", "", b"")?;
        if status != 200 {
            return Err(format!("/metrics answered {status}").into());
        }
        let name = format!("wxbridge_backlog_events{{core=\"{core}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        Ok(value.map_or(Ok(0), str::parse)?)
    }

    /// Waits until exactly so many events wait.
    pub fn wait_for(&self, events: u64) -> Outcome<()> {
        let began = Instant::now();
        loop {
            let waiting = self.waiting()?;
            if waiting == events {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(self.fault(&format!("{waiting} events wait, not {events}")).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What its state folder takes on the disk.
    pub fn stored(&self) -> Outcome<Bytes> {
        let mut bytes = 0;
        for entry in fs::read_dir(self.folder.path().join("state"))? {
            bytes += entry?.metadata()?.len();
        }
        Ok(Bytes(bytes))
    }

    fn wait_ready(&mut self) -> Outcome<()> {
        let began = Instant::now();
        loop {
            if matches!(http::ask(self.health, "GET", "/readyz", "", b""), Ok((200, _))) {
                return Ok(());
            }
            if let Some(status) = self.process.child().try_wait()? {
                return Err(self.fault(&format!("it ended with {status}")).into());
            }
            if began.elapsed() > PATIENCE {
                return Err(self.fault("it does not become ready").into());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn enter(&self, accounts: &[Account]) -> Outcome<()> {
        let list: Vec<_> = accounts.iter().map(Account::settings).collect();
        self.apply(&json!({ "account": list }))
    }

    /// Tells it of accounts, as a file of an operator would.
    pub fn apply(&self, accounts: &Value) -> Outcome<()> {
        let (internal, token) = self.internal()?;
        let body = accounts.to_string();
        let path = "/admin/v1/accounts";
        let (status, answer) = http::ask(internal, "POST", path, &token, body.as_bytes())?;
        if status != 200 {
            return Err(self
                .fault(&format!("the accounts were answered {status}: {answer}"))
                .into());
        }
        Ok(())
    }

    /// What is wrong, with the end of its log.
    fn fault(&self, what: &str) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(10)..].join("\n");
        format!("the daemon: {what}\n{last}")
    }
}

fn entry(core: CoreAt) -> String {
    let CoreAt {
        way,
        address,
        reply_budget,
    } = core;
    let reached = match way {
        Way::Http => format!("url = \"http://{address}/\"\nsecrets = [\"{SECRET}\"]"),
        Way::Grpc => format!("kind = \"grpc\"\nurl = \"http://{address}\""),
        Way::Feed => "kind = \"feed\"".to_owned(),
    };
    format!("[[core]]\nname = \"{CORE}\"\nreply_budget = \"{reply_budget}\"\n{reached}\n")
}

/// The daemon with its defaults for everything that is not an address; its log goes where a service's would, to a file.
fn spawn(folder: &Path) -> Outcome<Process> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxbridge"));
    command
        .args(["serve", "-c", "wxbridge.toml"])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(Process::start(&mut command)?)
}

/// Addresses that were free a moment ago, all different.
fn free_addresses() -> Outcome<[SocketAddr; 4]> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [free()?, free()?, free()?, free()?];
    let [public, internal, grpc, health] = held.each_ref().map(TcpListener::local_addr);
    Ok([public?, internal?, grpc?, health?])
}
