//! How does everything come up on one machine? Simulator, core, bridge and page, each the way anybody would run it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Core, PageOptions, Running, client,
    phones::{Phone, phones},
    start_core, start_page,
};
use crate::{
    api_tokens::OPERATOR_FILE,
    app::{self, StartFault},
    cli::client::Client,
    config::{Config, reader::read_text},
    ports::chance::{Chance as _, SystemChance},
    secret::Secret,
    sim::{self, Sim},
};

const ANYWHERE: &str = "127.0.0.1:0";
/// Everything is on this machine: what takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to start the demo.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the page is served; port 0 picks a free one.
    pub listen: String,
    /// The bridge's state folder; `None`: a temporary one.
    pub dir: Option<PathBuf>,
}

/// Why the demo did not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoFault {
    #[error("the bridge: {0}")]
    Bridge(StartFault),
    #[error("{what}: {why}")]
    Other { what: &'static str, why: String },
}

fn at<E: ToString>(what: &'static str) -> impl FnOnce(E) -> DemoFault {
    move |error| DemoFault::Other {
        what,
        why: error.to_string(),
    }
}

/// The demo, running. Dropping it stops everything at once.
pub struct Demo {
    page: Running,
    bridge: app::Running,
    core: Core,
    sim: Sim,
    dir: PathBuf,
    /// Removed when dropped, after the bridge has left it.
    _temporary: Option<TempDir>,
}

/// Starts all of it: in the order in which each needs the other's address.
pub async fn start(options: Options) -> Result<Demo, DemoFault> {
    let (dir, temporary) = folder(options.dir)?;
    let sim = Sim::start(sim::Options::default()).await.map_err(at("the simulator"))?;
    let webhook = webhook_secret();
    let core = start_core(ANYWHERE, &webhook).await.map_err(at("the core"))?;
    let config = configuration(&dir, &core.url(), &webhook)?;
    let bridge = app::start(&config, app::Options::default())
        .await
        .map_err(DemoFault::Bridge)?;
    let operator = operator(&dir, &bridge.internal_url())?;
    let phones = phones();
    for phone in &phones {
        bind(phone, &operator, &sim.url(), &bridge.public_url()).await?;
    }
    core.connect(&bridge.internal_url(), &token(&operator, "core").await?);
    let page = start_page(PageOptions {
        listen: options.listen,
        bridge_url: bridge.internal_url(),
        viewer_token: token(&operator, "viewer").await?,
        sim_url: sim.url(),
        phones,
    })
    .await
    .map_err(at("the page"))?;
    Ok(Demo {
        page,
        bridge,
        core,
        sim,
        dir,
        _temporary: temporary,
    })
}

impl Demo {
    /// The page.
    pub fn url(&self) -> String {
        self.page.url()
    }

    /// The simulator's root.
    pub fn sim_url(&self) -> String {
        self.sim.url()
    }

    /// What is where; the last line is the page's address.
    pub fn words(&self) -> String {
        format!(
            "simulated WeChat  {}\nbridge, callbacks {}\nconsole and API   {}\n\
             state folder      {} (its operator.token opens the console)\n{}\
             Open this page in a browser; Ctrl-C ends the demo. 用浏览器打开下面的地址，按 Ctrl-C 结束：\n{}\n",
            self.sim.url(),
            self.bridge.public_url(),
            self.bridge.internal_url(),
            self.dir.display(),
            self.page.warning(),
            self.url()
        )
    }

    /// Stops everything; what the bridge has under way is ended first.
    pub async fn stop(self) {
        self.page.stop().await;
        self.bridge.stop().await;
        self.core.stop().await;
        self.sim.stop().await;
    }
}

fn folder(dir: Option<PathBuf>) -> Result<(PathBuf, Option<TempDir>), DemoFault> {
    if let Some(dir) = dir {
        return Ok((dir, None));
    }
    let temporary = TempDir::with_prefix("wxbridge-demo-").map_err(at("a temporary folder"))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

fn webhook_secret() -> Secret {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    SystemChance::default().fill(&mut *key);
    Secret::new(format!("whsec_{}", STANDARD.encode(*key)))
}

/// What an operator would write into a file.
fn configuration(dir: &Path, core_url: &str, webhook: &Secret) -> Result<Config, DemoFault> {
    let listen = |section: &str| format!("[{section}]\nlisten = \"{ANYWHERE}\"\n");
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let text = format!(
        "{}{}{}{}[store]\ndir = {}\nreserve = \"64MiB\"\n[[core]]\nname = \"demo\"\nurl = {}\nsecrets = [{}]\n",
        listen("public"),
        listen("internal"),
        listen("grpc"),
        listen("health"),
        quoted(&dir.display().to_string()),
        quoted(core_url),
        quoted(webhook.expose())
    );
    Config::read(Some(("demo", &text)), &[]).map_err(at("the configuration"))
}

fn operator(dir: &Path, url: &str) -> Result<Client, DemoFault> {
    let file = dir.join(OPERATOR_FILE);
    let token = read_text(&file).map_err(at("the operator's token"))?;
    Client::to(url, Secret::new(token.expose().trim())).map_err(|failure| at("the bridge's API")(failure.message))
}

/// A token of `scope`; one that an earlier run left behind is replaced.
async fn token(operator: &Client, scope: &str) -> Result<Secret, DemoFault> {
    let name = format!("demo-{scope}");
    // There is none on the first run.
    let _ = operator.delete(&["admin", "v1", "tokens", &name]).await;
    let made = operator
        .post(
            &["admin", "v1", "tokens"],
            &[],
            &json!({ "name": name, "scope": scope }),
        )
        .await
        .map_err(|failure| at("a token")(failure.message))?;
    Ok(Secret::new(text(&made, "token")))
}

/// The account is made at the platform, entered at the bridge, and then the platform is told where its callbacks go: it
/// checks the address as the real one does.
async fn bind(phone: &Phone, operator: &Client, sim: &str, public: &str) -> Result<(), DemoFault> {
    let made = ask_sim(sim, "accounts", &phone.at_sim()).await?;
    if let Some(desk) = phone.desk() {
        ask_sim(sim, "desks", &desk).await?;
    }
    let entered = phone.at_bridge(&made, sim);
    operator
        .post(&["admin", "v1", "accounts"], &[], &json!({ "account": [entered] }))
        .await
        .map_err(|failure| at("the account")(failure.message))?;
    ask_sim(sim, "accounts", &phone.callback(public)).await?;
    ask_sim(sim, "customers", &phone.customer()).await.map(|_| ())
}

async fn ask_sim(sim: &str, what: &str, body: &Value) -> Result<Value, DemoFault> {
    let failed = at("the simulator");
    let http = client().map_err(at("an HTTP client"))?;
    let request = http.post(format!("{sim}/sim/v1/{what}")).json(body).timeout(PATIENCE);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return Err(failed(error.to_string())),
    };
    let status = answer.status();
    let told: Value = answer.json().await.unwrap_or_default();
    match status.is_success() {
        true => Ok(told),
        false => Err(failed(format!("{status} {told}"))),
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
