//! What happens on a bad day? A full disk, a folder that cannot be written, a store that is taken or broken, clocks that
//! disagree, a core that never answers: a clear error, in time, and nothing acknowledged is lost.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::json;
use support::{
    bridge::{Bridge, Setup, root_of},
    core::{Core, Said},
    now,
    peer::Shop,
    until,
    world::World,
};

/// The platform closes after this.
const PLATFORM_CLOSES: Duration = Duration::from_secs(5);

/// Callbacks that wait for the same silent core.
const HELD: usize = 100;

async fn alive(bridge: &Bridge) {
    until("the bridge alive", async || {
        let answer = bridge.http.get(bridge.health("/livez")).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
}

fn ok() -> (u16, String) {
    (200, "success".into())
}

// ───────────── disks ─────────────

#[tokio::test]
async fn below_the_reserve_nothing_is_acknowledged_and_nothing_is_lost() {
    let core = Core::start(|_| Said::taken()).await;
    let roomy = Setup::to_core(&core, "");
    let mut bridge = Bridge::start(roomy.clone()).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    assert_eq!(bridge.text(&shop, "oAnna", "before").await, ok());
    core.hears(1).await;

    bridge.stop().await;
    bridge.configure(roomy.clone().store("reserve = \"1EiB\""));
    bridge.spawn();
    alive(&bridge).await;
    assert_eq!(bridge.text(&shop, "oAnna", "no room").await, (503, String::new()));
    assert_eq!(bridge.readyz().await, Some(503), "we cannot append");

    bridge.stop().await;
    bridge.configure(roomy);
    bridge.spawn();
    bridge.ready().await;
    assert_eq!(bridge.text(&shop, "oAnna", "after").await, ok());
    assert_eq!(core.hears_text("after").await, ["before", "after"]);
    assert_eq!(core.heard().last().unwrap().seq, 2, "what was refused left no hole");
}

#[tokio::test]
async fn writes_that_fail_are_answered_503_until_they_succeed_again() {
    let core = Core::start(|_| Said::taken()).await;
    // The kernel's signal for a file too large is ignored, so that the write itself fails.
    let setup =
        Setup::to_core(&core, "reply_budget = \"0ms\"").before(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let bridge = Bridge::start(setup).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    assert_eq!(bridge.text(&shop, "oAnna", "before").await, ok());
    bridge.settles(&shop, "oAnna").await;

    let pid = Pid::from_raw(i32::try_from(bridge.pid()).unwrap()).unwrap();
    let limit = |bytes: Option<u64>| {
        let maximum = getrlimit(Resource::Fsize).maximum;
        prlimit(
            Some(pid),
            Resource::Fsize,
            Rlimit {
                current: bytes,
                maximum,
            },
        )
        .unwrap();
    };
    limit(Some(0));
    for number in 0..5 {
        assert_eq!(
            bridge.text(&shop, "oAnna", &format!("lost {number}")).await,
            (503, String::new())
        );
    }
    until("not ready", async || (bridge.readyz().await == Some(503)).then_some(())).await;
    limit(None);
    until("ready again", async || {
        (bridge.readyz().await == Some(200)).then_some(())
    })
    .await;
    assert_eq!(bridge.text(&shop, "oAnna", "after").await, ok());
    assert_eq!(core.hears_text("after").await, ["before", "after"]);
    assert_eq!(core.heard().last().unwrap().seq, 2, "what was refused left no hole");
}

#[tokio::test]
async fn a_terminal_that_is_closed_ends_it_in_order_unless_whoever_started_it_said_otherwise() {
    let core = Core::start(|_| Said::taken()).await;
    let mut bridge = Bridge::start(Setup::to_core(&core, "")).await;
    assert_eq!(bridge.stop_by(Signal::HUP).await, 0);

    let ignored = Setup::to_core(&core, "").before(&["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]);
    let mut bridge = Bridge::start(ignored).await;
    kill_process(
        Pid::from_raw(i32::try_from(bridge.pid()).unwrap()).unwrap(),
        Signal::HUP,
    )
    .unwrap();
    alive(&bridge).await;
    assert_eq!(bridge.stop().await, 0);
}

/// Words that run a command in a world of its own where `folder` is a small disk; `None` where the kernel forbids it.
fn small_disk(bridge: &Bridge, options: &str) -> Option<Vec<String>> {
    let state = bridge.state();
    let script = format!("mount -t tmpfs -o {options} tmpfs {} && exec \"$@\"", state.display());
    let words = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &script,
        "sh",
    ];
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    fs::create_dir_all(&state).unwrap();
    let tried = std::process::Command::new(&words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    let allowed = tried.is_ok_and(|output| output.status.success());
    if !allowed {
        println!("this kernel gives us no disk of our own; the full disk is not tried");
    }
    allowed.then_some(words)
}

#[tokio::test]
async fn a_full_disk_is_answered_503_until_there_is_room_again() {
    let core = Core::start(|_| Said::taken()).await;
    let mut bridge = Bridge::prepare(Setup::to_core(&core, "reply_budget = \"0ms\""));
    let Some(words) = small_disk(&bridge, "size=8m") else {
        return;
    };
    let mut setup = Setup::to_core(&core, "reply_budget = \"0ms\"").store("reserve = \"0B\"");
    setup.before = words;
    bridge.configure(setup);
    bridge.spawn();
    bridge.ready().await;
    let inside = root_of(bridge.pid(), &bridge.state());
    bridge.operator_token_at(&inside);
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    assert_eq!(bridge.text(&shop, "oAnna", "before").await, ok());

    let filler = inside.join("filler");
    let written = fs::write(&filler, vec![0; 16 << 20]);
    assert!(written.is_err(), "the disk is full now");
    let mut acknowledged = 2;
    let refused = until("503", async || {
        // What the log's file still holds in reserve is used up first.
        let answer = bridge.text(&shop, "oAnna", &"filling ".repeat(200)).await;
        acknowledged += u64::from(answer == ok());
        (answer != ok()).then_some(answer)
    })
    .await;
    assert_eq!(refused, (503, String::new()));
    fs::remove_file(&filler).unwrap();
    until("ready again", async || {
        (bridge.readyz().await == Some(200)).then_some(())
    })
    .await;
    assert_eq!(bridge.text(&shop, "oAnna", "after").await, ok());
    let texts = core.hears_text("after").await;
    assert_eq!(texts.first().map(String::as_str), Some("before"));
    let mut heard: Vec<(u64, String)> = core.heard().into_iter().map(|heard| (heard.seq, heard.id)).collect();
    // Where the full disk kept us from writing down that the core has it, the same event comes again.
    heard.dedup();
    let seqs: Vec<u64> = heard.iter().map(|(seq, _)| *seq).collect();
    let all = (1..=acknowledged).collect::<Vec<_>>();
    assert_eq!(
        seqs, all,
        "what was acknowledged, without a hole, in order, and nothing else"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_at_the_start() {
    let mut bridge = Bridge::prepare(Setup::new());
    let Some(words) = small_disk(&bridge, "ro") else { return };
    let mut setup = Setup::new();
    setup.before = words;
    bridge.configure(setup);
    bridge.spawn();
    let status = bridge.ended().await;
    assert!(!status.success());
    let log = bridge.log();
    assert!(log.contains(bridge.state().to_str().unwrap()), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_second_process_on_the_same_store_ends_with_75_and_the_first_goes_on() {
    let core = Core::start(|_| Said::taken()).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    let second = Bridge::prepare(Setup::new());
    let mut command = second.command();
    command.env("WXBRIDGE__STORE__DIR", bridge.state());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(75), "{told}");
    assert!(
        told.contains(bridge.state().to_str().unwrap()),
        "the store is named: {told}"
    );
    assert_eq!(bridge.text(&shop, "oAnna", "still here").await, ok());
    core.hears_text("still here").await;
}

#[tokio::test]
async fn a_demo_on_the_folder_of_another_process_ends_with_75() {
    let core = Core::start(|_| Said::taken()).await;
    let bridge = Bridge::start(Setup::to_core(&core, "")).await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wxbridge"));
    command.args(["demo", "--listen", "127.0.0.1:0", "--dir"]);
    command.arg(bridge.state()).stdin(std::process::Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{told}");
    assert!(told.contains(bridge.state().to_str().unwrap()), "{told}");
}

#[tokio::test]
async fn a_store_that_is_no_store_and_a_port_that_is_taken_are_clear_errors() {
    let mut bridge = Bridge::start(Setup::new()).await;
    let taken = Bridge::prepare(Setup::new());
    let mut command = taken.command();
    command.env(
        "WXBRIDGE__PUBLIC__LISTEN",
        format!("127.0.0.1:{}", bridge.public_port()),
    );
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && told.contains(&bridge.public_port().to_string()),
        "{told}"
    );
    assert!(!told.contains("panicked"), "{told}");

    bridge.stop().await;
    let databases: Vec<_> = fs::read_dir(bridge.state())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3")))
        .collect();
    assert_eq!(databases.len(), 1, "{databases:?}");
    let whole = fs::read(&databases[0]).unwrap();
    fs::write(
        &databases[0],
        "this is no database, and it is long enough to be read as one".repeat(100),
    )
    .unwrap();
    bridge.spawn();
    let status = bridge.ended().await;
    let log = bridge.log();
    assert!(!status.success() && !log.contains("panicked"), "{status} {log}");
    assert!(
        log.contains(bridge.state().to_str().unwrap()) || log.contains("not a database"),
        "{log}"
    );
    fs::write(&databases[0], whole).unwrap();
    bridge.spawn();
    bridge.ready().await;
}

// ───────────── clocks ─────────────

#[tokio::test]
async fn a_clock_that_is_hours_off_is_corrected_by_the_platforms_answers() {
    let world = World::new("reply_budget = \"0ms\"", |_| Said::taken()).await;
    assert_eq!(world.says("oAnna", "in time").await["outcome"], "success");
    world.core.hears(1).await;
    // The platform is seven hours ahead of us, or we are behind.
    world.sim_post("/sim/v1/clock", &json!({ "advance": "7h" })).await;
    let stale = world
        .does(
            "oAnna",
            "text",
            json!({ "content": "stale", "push": { "attempts": 1 } }),
        )
        .await;
    assert_eq!(stale["attempts"][0]["status"], 403, "{stale}");
    let (_, sent) = world
        .send(
            "?wait=10s",
            json!({ "conversationKey": world.key("oAnna"), "text": "what time is it?" }),
        )
        .await;
    assert_eq!(sent["status"], "SENT", "{sent}");
    assert_eq!(world.says("oAnna", "in time again").await["outcome"], "success");
    assert_eq!(
        world.core.hears_text("in time again").await,
        ["in time", "in time again"]
    );
}

// ───────────── time limits ─────────────

#[tokio::test]
async fn a_core_that_never_answers_costs_the_platform_less_than_five_seconds() {
    let world = World::new("", |_| Said::taken().after(Duration::from_secs(60))).await;
    let (shop, bridge) = (&world.shop, &world.bridge);
    let started = Instant::now();
    // Many at once: the slowest of them counts.
    let held = join_all((0..HELD).map(|number| async move {
        let answer = bridge.text(shop, &format!("o{number}"), "anybody there?").await;
        (answer, started.elapsed())
    }));
    let checked = async {
        world.core.hears(1).await;
        let asked = Instant::now();
        let query = shop.handshake("4375120948345356249", &now().to_string());
        let answer = bridge
            .http
            .get(bridge.public(&format!("/callback/shop?{query}")))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), "4375120948345356249");
        asked.elapsed()
    };
    let (answers, echo) = tokio::join!(held, checked);
    for (answer, held) in answers {
        assert_eq!(answer, ok());
        assert!(
            held > Duration::from_millis(3_500) && held < PLATFORM_CLOSES,
            "{held:?}"
        );
    }
    assert!(
        echo < Duration::from_secs(1),
        "the console's check is answered at once: {echo:?}"
    );
}

#[tokio::test]
async fn an_api_that_hangs_holds_up_no_callback() {
    let world = World::new("", |heard| match heard.seq {
        1 => Said {
            body: json!({ "replies": [{ "text": "one" }, { "text": "two, by the API" }] }),
            ..Said::taken()
        },
        _ => Said::taken(),
    })
    .await;
    let slow = json!({ "api": "*", "kind": "slow", "delay_ms": 8_000, "times": 2 });
    world.sim_post("/sim/v1/faults", &slow).await;
    let started = Instant::now();
    assert_eq!(world.says("oAnna", "hello").await["outcome"], "reply");
    assert_eq!(world.says("oAnna", "and again").await["outcome"], "success");
    assert_eq!(world.says("oBert", "me too").await["outcome"], "reply");
    assert!(started.elapsed() < PLATFORM_CLOSES, "{:?}", started.elapsed());
}
