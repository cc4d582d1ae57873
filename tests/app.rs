//! Does the whole house work in one process? Bridge, simulated platform and a small core: a conversation, a restart.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use wxbridge::{
    app::{self, Options, Orphans, Running},
    channels::REGISTRY,
    cli::{client::Client, exit::Failure},
    config::Config,
    cores::Cores,
    demo::{self, Core},
    secret::Secret,
    sim::{self, Sim},
};

const APP_ID: &str = "wx1234567890abcdef";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const WEBHOOK: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const LIMIT: Duration = Duration::from_secs(20);

/// The configuration with free ports, and a core or none.
fn config(dir: &Path, core: Option<(&str, &str)>) -> Config {
    let any = "listen = \"127.0.0.1:0\"\n";
    let mut text = format!(
        "[public]\n{any}[internal]\n{any}[grpc]\n{any}[health]\n{any}[store]\nreserve = \"1MiB\"\ndir = {:?}\n",
        dir.join("state").display().to_string()
    );
    if let Some((name, url)) = core {
        text.push_str(&format!(
            "[[core]]\nname = {name:?}\nurl = {url:?}\nsecrets = [{WEBHOOK:?}]\n"
        ));
    }
    Config::read(Some(("test", &text)), &[]).expect("a lawful configuration")
}

async fn start(config: &Config) -> Running {
    app::start(config, Options::default()).await.expect("it starts")
}

fn operator(dir: &Path, running: &Running) -> Client {
    let token = std::fs::read_to_string(dir.join("state/operator.token")).expect("the first start wrote it");
    Client::to(&running.internal_url(), Secret::new(token.trim())).expect("a client")
}

fn http() -> reqwest::Client {
    // Fails only where one is in place already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

struct Platform {
    sim: Sim,
    http: reqwest::Client,
}

impl Platform {
    async fn start() -> Self {
        let sim = Sim::start(sim::Options::default()).await.expect("it starts");
        Self { sim, http: http() }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/sim/v1/{path}", self.sim.url());
        let answer = self.http.post(url).json(&body).send().await.expect("an answer");
        let status = answer.status();
        let told: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{status} {told}");
        told
    }

    /// Enters the account on both sides; the platform checks the callback's address.
    async fn bind(&self, operator: &Client, running: &Running) {
        let account = json!({
            "id": "shop", "channel": "official_account", "app_id": APP_ID, "app_secret": "0123456789abcdef",
            "token": "simtoken", "encoding_aes_key": KEY, "original_id": "gh_a1b2c3d4e5f6", "api_base": self.sim.url(),
        });
        operator
            .post(&["admin", "v1", "accounts"], &[], &json!({ "account": [account] }))
            .await
            .expect("applied");
        self.callbacks_go_to(running).await;
    }

    async fn callbacks_go_to(&self, running: &Running) {
        let account = json!({
            "app_id": APP_ID, "secret": "0123456789abcdef", "token": "simtoken", "encoding_aes_key": KEY,
            "original_id": "gh_a1b2c3d4e5f6", "callback_url": format!("{}/callback/shop", running.public_url()),
        });
        self.post("accounts", account).await;
    }

    /// What the customer is shown in answer.
    async fn say(&self, text: &str) -> Value {
        self.post(&format!("phones/{APP_ID}/oCustomer1/text"), json!({ "content": text }))
            .await
    }

    /// Says it, and waits until the answer is on the phone. It comes inside the request or, where this machine took longer
    /// than a request may be held, by the API.
    async fn talk(&self, text: &str, answer: &str) {
        let pushed = self.say(text).await;
        until(&format!("{answer:?} in answer to {pushed}"), || async {
            let url = format!("{}/sim/v1/phones/{APP_ID}/oCustomer1", self.sim.url());
            let phone: Value = self.http.get(url).send().await.ok()?.json().await.ok()?;
            let items = phone["items"].as_array()?;
            let asked = items.iter().rposition(|item| field(item, "from") == "customer")?;
            let said: Vec<&str> = items[asked..].iter().map(|item| field(item, "text")).collect();
            (said == [text, answer]).then_some(())
        })
        .await;
    }
}

async fn echo_core() -> Core {
    demo::start_core("127.0.0.1:0", &Secret::new(WEBHOOK))
        .await
        .expect("it starts")
}

/// Asks until the answer fits.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| panic!("{what} within {LIMIT:?}"))
}

fn field<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_after_a_restart_on_the_same_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let (platform, core) = (Platform::start().await, echo_core().await);
    let config = config(dir.path(), Some(("main", &core.url())));

    let running = start(&config).await;
    platform.bind(&operator(dir.path(), &running), &running).await;
    platform.talk("在吗", "在吗").await;
    running.stop().await;

    // The same process, the same folder: nothing of the first run holds it.
    let running = start(&config).await;
    platform.callbacks_go_to(&running).await;
    platform.talk("还在吗", "还在吗").await;
    let operator = operator(dir.path(), &running);
    let timeline = operator.get(&["admin", "v1", "timeline"], &[]).await.expect("a list");
    assert_eq!(timeline.pointer("/items/1/seq"), Some(&json!(2)), "{timeline}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_with_a_backlog_does_not_vanish_but_can_be_parked_and_the_next_one_takes_over() {
    let dir = tempfile::tempdir().expect("a folder");
    let platform = Platform::start().await;
    // Nobody is there: what comes waits.
    let running = start(&config(dir.path(), Some(("old", "http://127.0.0.1:9/")))).await;
    platform.bind(&operator(dir.path(), &running), &running).await;
    let pushed = platform.say("在吗").await;
    assert_eq!(pushed["outcome"], "success", "{pushed}");
    running.stop().await;

    let core = echo_core().await;
    let config = config(dir.path(), Some(("new", &core.url())));
    let refused = app::start(&config, Options::default())
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(
        refused.contains("\"old\"") && refused.contains("--orphan=park"),
        "{refused}"
    );
    let options = Options {
        orphans: Orphans::Park,
        ..Options::default()
    };
    let running = app::start(&config, options).await.expect("it starts");
    let operator = operator(dir.path(), &running);
    let parked = operator.list(&["admin", "v1", "parked"], &[]).await.expect("a list");
    assert_eq!(parked.pointer("/items/0/core"), Some(&json!("old")), "{parked}");

    // The Gap goes to the new core, and the conversation with it.
    platform.callbacks_go_to(&running).await;
    platform.talk("现在呢", "现在呢").await;
    until("nothing waits", || async {
        let cores = operator.list(&["admin", "v1", "cores"], &[]).await.expect("a list");
        (cores.pointer("/items/0/backlogEvents") == Some(&json!(0))).then_some(())
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_open_is_answered_before_the_daemon_ends() {
    let dir = tempfile::tempdir().expect("a folder");
    let (platform, core) = (Platform::start().await, echo_core().await);
    let mut config = config(dir.path(), Some(("main", &core.url())));
    let mut main = config.cores.0[0].clone();
    main.reply_budget = 1_000;
    config.cores = Cores([main].into());
    let running = start(&config).await;
    let operator = operator(dir.path(), &running);
    platform.bind(&operator, &running).await;
    // The core thinks for longer than a callback may wait before it answers this.
    let asking = platform.say("慢");
    let ending = async {
        until("the event is there", || async {
            let timeline = operator.get(&["admin", "v1", "timeline"], &[]).await.expect("a list");
            timeline.pointer("/items/0/seq").is_some().then_some(())
        })
        .await;
        running.stop().await;
    };
    let (pushed, ()) = tokio::join!(asking, ending);
    assert_eq!(pushed["attempts"][0]["status"], 200, "{pushed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_folder_is_turned_away_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = config(dir.path(), None);
    let running = start(&config).await;
    let refused = app::start(&config, Options::default()).await.err().expect("refused");
    assert!(matches!(refused, app::StartFault::Taken(_)), "{refused}");
    let accounts = operator(dir.path(), &running).list(&["v1", "accounts"], &[]).await;
    assert_eq!(accounts.expect("still there")["items"], json!([]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_whose_database_is_gone_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = config(dir.path(), None);
    start(&config).await.stop().await;
    let state = dir.path().join("state");
    let names = || {
        let names = std::fs::read_dir(&state).expect("read");
        let mut names: Vec<_> = names.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let token = std::fs::read(state.join("operator.token")).expect("there");
    for gone in ["wxbridge.db", "master.key"] {
        std::fs::remove_file(state.join(gone)).expect("removed");
        let before = names();
        let refused = app::start(&config, Options::default())
            .await
            .err()
            .expect("refused")
            .to_string();
        assert!(
            refused.contains("wxbridge.db is missing or empty, and operator.token"),
            "{refused}"
        );
        assert_eq!(names(), before, "nothing is made in the place of what is missed");
    }
    assert_eq!(std::fs::read(state.join("operator.token")).expect("there"), token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_accounts_is_told_in_the_language_of_whoever_asks() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = start(&config(dir.path(), None)).await;
    let token = std::fs::read_to_string(dir.path().join("state/operator.token")).expect("the first start wrote it");
    // One fault of the file, one of what it means.
    let field = json!({"account": [{"id": "shop", "channel": "official_account", "app_id": "wx 1", "app_secret": "s",
        "token": "abcdefgh", "encoding_aes_key": KEY}]});
    let via = json!({"account": [{"id": "shop", "channel": "official_account", "app_id": "wx1", "via": "nobody"}]});
    for (accounts, language, told) in [
        (&field, "en", "found wx 1; expected an AppID"),
        (&field, "zh-CN", "当前为 wx 1；应为 AppID：由字母、数字"),
        (
            &via,
            "en",
            "found nobody; expected the id of a bound open_platform account",
        ),
        (&via, "zh-CN", "当前为 nobody；应为 已绑定的open_platform账号的id"),
    ] {
        let asked = http()
            .post(format!("{}/admin/v1/accounts", running.internal_url()))
            .bearer_auth(token.trim())
            .header("accept-language", language)
            .json(accounts);
        let answer = asked.send().await.expect("answered");
        assert_eq!(answer.status(), 400);
        let problem: Value = answer.json().await.expect("problem details");
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(told), "{language}: {detail}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named_and_the_folder_is_free_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut config = config(dir.path(), None);
    config.health.listen = held.local_addr().expect("an address");
    let refused = app::start(&config, Options::default())
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(refused.starts_with("health.listen: cannot listen on"), "{refused}");
    drop(held);
    start(&config).await.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_talks_and_goes_on_in_a_folder_that_it_is_given() {
    let dir = tempfile::tempdir().expect("a folder");
    let http = http();
    for run in 1..=2 {
        let options = demo::Options {
            listen: "127.0.0.1:0".into(),
            dir: Some(dir.path().join("state")),
        };
        let demo = demo::start(options).await.expect("it starts");
        let words = demo.words();
        assert_eq!(words.lines().last(), Some(demo.url().as_str()));
        // Only what the page knows.
        let get = |path: &str| http.get(format!("{}{path}", demo.url())).send();
        let config: Value = get("/config.json")
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let shown = config["phones"].as_array().expect("phones");
        let channels: Vec<_> = shown.iter().map(|phone| field(phone, "channel")).collect();
        let known: Vec<_> = REGISTRY.iter().map(|channel| channel.card().name).collect();
        assert_eq!(channels, known, "a phone for each channel");
        let phone = format!(
            "/phones/{}/{}",
            field(&shown[0], "simAccount"),
            field(&shown[0], "openid")
        );
        let say = format!("{}/sim/v1{phone}/text", demo.sim_url());
        let pushed: Value = http
            .post(say)
            .json(&json!({ "content": "图片" }))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(
            pushed.pointer("/shown/1/type"),
            Some(&json!("image")),
            "{run}: {pushed}"
        );
        let timeline: Value = get("/bridge/admin/v1/timeline")
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let last = timeline["items"]
            .as_array()
            .and_then(|items| items.last())
            .expect("an event");
        assert_eq!(last["seq"], json!(run), "{timeline}");
        demo.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_start_with_a_newer_master_key_the_older_one_may_go_and_a_lost_one_is_missed() {
    const NEW: &str = "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";
    let dir = tempfile::tempdir().expect("a folder");
    let config = config(dir.path(), None);
    start(&config).await.stop().await;
    let ring = dir.path().join("state/master.key");
    let old = std::fs::read_to_string(&ring).expect("the first start wrote it");
    for keys in [old.clone() + NEW, NEW.to_owned()] {
        std::fs::write(&ring, keys).expect("written");
        start(&config).await.stop().await;
    }
    let refused = async || match app::start(&config, Options::default()).await {
        Ok(_) => panic!("it started"),
        Err(fault) => Failure::from(fault),
    };
    std::fs::write(&ring, old).expect("written");
    let unknown = refused().await;
    assert_eq!(unknown.exit, 78);
    assert!(unknown.message.contains("not in the key ring"), "{}", unknown.message);
    std::fs::remove_file(&ring).expect("removed");
    let lost = refused().await;
    assert_eq!(lost.exit, 78);
    assert!(lost.message.contains("state/master.key"), "{}", lost.message);
    assert!(!ring.exists(), "none that could be taken for it");
}
