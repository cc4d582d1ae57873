//! How does a test run the real binary? In a folder of its own, on ports of its own, and it dies with the test.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    client,
    core::{Core, SECRET},
    peer::{Push, Shop},
    until, until_within,
};

/// What one test wants otherwise than the defaults.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    cores: String,
    /// Lines of `[store]`.
    pub store: String,
    /// Further sections.
    pub more: String,
    /// Words before the binary, such as a tracer.
    pub before: Vec<String>,
}

impl Setup {
    pub fn new() -> Self {
        Self {
            store: "reserve = \"1MiB\"".into(),
            ..Self::default()
        }
    }

    pub fn to_core(core: &Core, lines: &str) -> Self {
        Self::new().and_core("main", &core.url(), lines)
    }

    pub fn and_core(mut self, name: &str, url: &str, lines: &str) -> Self {
        self.cores += &format!("[[core]]\nname = \"{name}\"\nurl = \"{url}\"\nsecrets = [\"{SECRET}\"]\n{lines}\n");
        self
    }

    /// The platform's body rides on every event of its one core.
    pub fn inline_raw(&mut self) {
        let lines = if self.cores.is_empty() {
            &mut self.more
        } else {
            &mut self.cores
        };
        lines.push_str("raw = \"inline\"\n");
    }

    pub fn store(mut self, lines: &str) -> Self {
        self.store = lines.to_owned();
        self
    }

    pub fn before(mut self, words: &[&str]) -> Self {
        self.before = words.iter().map(ToString::to_string).collect();
        self
    }
}

/// Where the doors are.
#[derive(Clone, Copy, Debug)]
struct Ports {
    public: u16,
    internal: u16,
    grpc: u16,
    health: u16,
}

/// The binary, running, and its folder.
pub struct Bridge {
    pub dir: tempfile::TempDir,
    pub http: reqwest::Client,
    ports: Ports,
    setup: Setup,
    /// Where the state folder is seen from here.
    seen_state: Option<PathBuf>,
    child: Option<Child>,
    started: u32,
}

const BINARY: &str = env!("CARGO_BIN_EXE_wxbridge");
/// A debug build under load takes its time.
const START: Duration = Duration::from_secs(40);

impl Bridge {
    /// Starts it and waits until it can append.
    pub async fn start(setup: Setup) -> Self {
        let mut bridge = Self::prepare(setup);
        bridge.spawn();
        bridge.ready().await;
        bridge
    }

    /// The folder and the configuration, without a process.
    pub fn prepare(setup: Setup) -> Self {
        let bridge = Self {
            dir: tempfile::tempdir().unwrap(),
            http: client(),
            ports: Ports {
                public: free(),
                internal: free(),
                grpc: free(),
                health: free(),
            },
            setup,
            seen_state: None,
            child: None,
            started: 0,
        };
        bridge.write_config();
        bridge
    }

    fn write_config(&self) {
        let Ports {
            public,
            internal,
            grpc,
            health,
        } = self.ports;
        let Setup { cores, store, more, .. } = &self.setup;
        let config = format!(
            "[public]\nlisten = \"127.0.0.1:{public}\"\nurls = [\"http://127.0.0.1:{public}\"]\n\
             [internal]\nlisten = \"127.0.0.1:{internal}\"\n[grpc]\nlisten = \"127.0.0.1:{grpc}\"\n\
             [health]\nlisten = \"127.0.0.1:{health}\"\n[store]\ndir = \"{}\"\n{store}\n\
             [log]\nformat = \"json\"\n{more}\n{cores}",
            self.state().display()
        );
        fs::write(self.config(), config).unwrap();
    }

    /// Changes the configuration; the next start reads it.
    pub fn configure(&mut self, setup: Setup) {
        self.setup = setup;
        self.write_config();
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("wxbridge.toml")
    }

    /// The command line, on this bridge; what it printed.
    pub fn cli(&self, words: &[&str]) -> String {
        let output = Command::new(BINARY)
            .args(words)
            .env("WXBRIDGE_CONFIG", self.config())
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The command that `serve`s this folder.
    pub fn command(&self) -> Command {
        let config = self.config();
        let mut words = self.setup.before.iter().map(String::as_str).chain([BINARY]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg("serve")
            .arg("-c")
            .arg(config)
            .current_dir(self.dir.path());
        command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::null());
        command
    }

    pub fn spawn(&mut self) {
        self.started += 1;
        let log = File::create(self.log_file()).unwrap();
        let mut command = self.command();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join(format!("run{}.log", self.started))
    }

    /// What the running process has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    pub async fn ready(&mut self) {
        let asked = Instant::now();
        while self.readyz().await != Some(200) {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                panic!("the bridge ended with {status}:\n{}", self.log());
            }
            assert!(asked.elapsed() < START, "the bridge is not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The status of `/readyz`, if anybody answers.
    pub async fn readyz(&self) -> Option<u16> {
        let answer = self.http.get(self.health("/readyz")).send().await;
        answer.ok().map(|answer| answer.status().as_u16())
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Whether it ended without being told to.
    pub fn is_dead(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| child.try_wait().unwrap().is_some())
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM, as a service manager does it; the exit code, or 128 + the signal.
    pub async fn stop(&mut self) -> i32 {
        self.stop_by(Signal::TERM).await
    }

    pub async fn stop_by(&mut self, signal: Signal) -> i32 {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let status = self.ended().await;
        status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        until_within(START, "the bridge's end", async || child.try_wait().unwrap()).await
    }

    pub async fn restart(&mut self) {
        assert_eq!(self.stop().await, 0, "{}", self.log());
        self.spawn();
        self.ready().await;
    }

    // ───────────── its doors ─────────────

    pub fn public_port(&self) -> u16 {
        self.ports.public
    }

    pub fn internal_port(&self) -> u16 {
        self.ports.internal
    }

    pub fn grpc_port(&self) -> u16 {
        self.ports.grpc
    }

    pub fn public(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.public)
    }

    pub fn internal(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.internal)
    }

    pub fn health(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports.health)
    }

    /// The process has a file system of its own: this is where we see its state folder.
    pub fn operator_token_at(&mut self, state: &Path) {
        self.seen_state = Some(state.to_owned());
    }

    pub fn operator_token(&self) -> String {
        let path = self
            .seen_state
            .clone()
            .unwrap_or_else(|| self.state())
            .join("operator.token");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.trim().to_owned()
    }

    /// A request of the operator's.
    pub fn operator(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, self.internal(path))
            .bearer_auth(self.operator_token())
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.operator(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// Status and JSON of a POST by the operator.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.operator(Method::POST, path).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub async fn apply(&self, shops: &[&Shop], api_base: &str) {
        let file: String = shops.iter().map(|shop| shop.toml(api_base)).collect();
        let request = self
            .operator(Method::POST, "/admin/v1/accounts")
            .header("content-type", "application/toml");
        let answer = request.body(file).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap());
    }

    /// A callback's answer: status and body.
    pub async fn pushed(&self, shop: &Shop, push: &Push) -> (u16, String) {
        self.try_push(shop, push).await.unwrap()
    }

    pub async fn try_push(&self, shop: &Shop, push: &Push) -> Result<(u16, String), reqwest::Error> {
        let url = self.public(&format!("/callback/{}?{}", shop.id, push.query));
        let answer = self
            .http
            .post(url)
            .header("content-type", "text/xml")
            .body(push.body.clone())
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// A customer's text, sealed; status and body of the answer.
    pub async fn text(&self, shop: &Shop, openid: &str, content: &str) -> (u16, String) {
        self.pushed(shop, &shop.sealed(&shop.text(openid, super::peer::msg_id(), content)))
            .await
    }

    /// Waits until it is committed that the core has all that this customer said: only then does none of it come again.
    pub async fn settles(&self, shop: &Shop, openid: &str) {
        let path = format!("/v1/conversations/{}", shop.conversation(openid));
        until("all taken", async || {
            let view = self.get(&path).await;
            (view["lastSeq"] == view["takenSeq"]).then_some(())
        })
        .await;
    }

    /// The value of a metric whose line begins like this; 0 where it is not there.
    pub async fn metric(&self, start: &str) -> f64 {
        let text = self
            .http
            .get(self.health("/metrics"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let line = text.lines().find(|line| line.starts_with(start));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_default()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!(
                "the bridge's last words:\n{}",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
    }
}

/// A port that nobody listens on, from below the range that outgoing connections take theirs from.
pub fn free() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 199).unwrap() * 100;
    loop {
        let port = 11_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Reads a file that only the process itself sees.
pub fn root_of(pid: u32, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").unwrap();
    Path::new("/proc").join(pid.to_string()).join("root").join(inside)
}
