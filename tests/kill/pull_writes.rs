//! Does a pull survive a SIGKILL before any write of it? No door stands between two writes to the log, so here the kernel
//! stops the real binary: at the first write behind the bell, at the second, and so on until a pull comes to its end.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use crate::{
    kf::{Platform, count, told},
    support::{
        bridge::{Bridge, Setup},
        core::{Core, Said},
        until,
    },
};

const PAGES: usize = 2;
const ITEMS: usize = 3;

struct World {
    platform: Platform,
    core: Core,
    bridge: Bridge,
    rounds: usize,
}

/// What was to be seen when the process died, or everything was told.
#[derive(Clone, Copy, Debug)]
struct Run {
    died: bool,
    bell_answered: bool,
    pages_asked: usize,
}

impl World {
    async fn new() -> Self {
        let core = Core::start(|_| Said::taken()).await;
        let platform = Platform::start(0).await;
        let bridge = Bridge::start(Setup::to_core(&core, "")).await;
        platform.open(&bridge, &platform.sim.url(), ITEMS).await;
        let world = Self {
            platform,
            core,
            bridge,
            rounds: 0,
        };
        world.pulled(0).await;
        world
    }

    /// Waits for the pull that every start makes.
    async fn pulled(&self, before: usize) {
        until("a pull", async || {
            (self.platform.pulls().await.len() > before).then_some(())
        })
        .await;
    }

    fn all_told(&self) -> bool {
        count(&self.core.heard()) >= self.rounds * PAGES * ITEMS
    }

    /// A bell is rung and pulled for, while the kernel kills at the call of this name and number.
    async fn run(&mut self, call: &str, number: usize) -> Run {
        let before = self.platform.pulls().await.len();
        let mut tracer = self.killed_at(call, number).await;
        let content = format!("round {}", self.rounds);
        self.rounds += 1;
        let answered = self.platform.rings(&content, PAGES * ITEMS, 1).await;
        let died = until("the kill, or the end of the pull", async || {
            if self.bridge.is_dead() {
                return Some(true);
            }
            self.all_told().then_some(false)
        })
        .await;
        let _ = tracer.kill();
        tracer.wait().unwrap();
        Run {
            died,
            bell_answered: answered == 200,
            pages_asked: self.platform.pulls().await.len() - before,
        }
    }

    /// From now on the process dies when it enters this call on the log for the so-manieth time.
    async fn killed_at(&self, call: &str, number: usize) -> Child {
        let said = self.bridge.dir.path().join("strace.log");
        let log = self.bridge.state().join("wxbridge.db-wal");
        let tracer = Command::new("strace")
            .args(["-f", "-p", &self.bridge.pid().to_string()])
            .arg("-P")
            .arg(log)
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=KILL:when={number}")])
            .arg("-o")
            .arg(self.bridge.dir.path().join("trace"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .expect("strace is not installed; tests/run installs what the tests need");
        until("the tracer", async || {
            let said = std::fs::read_to_string(&said).unwrap_or_default();
            said.contains(" attached").then_some(())
        })
        .await;
        tracer
    }

    /// Started again and left alone until everything was told, in order, each item once.
    async fn again(&mut self) {
        let before = self.platform.pulls().await.len();
        self.bridge.kill();
        self.bridge.spawn();
        self.bridge.ready().await;
        self.pulled(before).await;
        until("every item at the core", async || self.all_told().then_some(())).await;
        let heard = self.core.heard();
        let told = told(&heard);
        let texts: Vec<_> = told.into_values().flatten().collect();
        let wanted: Vec<_> = (0..self.rounds)
            .flat_map(|round| (0..PAGES * ITEMS).map(move |it| format!("round {round} {it}")))
            .collect();
        assert_eq!(texts, wanted);
    }

    /// Kills at one call after the other until a pull comes to its end.
    async fn walk(&mut self, call: &str) -> Vec<Run> {
        let mut runs = Vec::new();
        for number in 1.. {
            let run = self.run(call, number).await;
            println!("{call} {number}: {run:?}");
            self.again().await;
            if !run.died {
                break;
            }
            runs.push(run);
        }
        runs
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_is_killed_before_any_of_its_writes_loses_nothing_and_repeats_nothing() {
    let mut world = World::new().await;
    let syncs = world.walk("fdatasync").await;
    assert!(!syncs[0].bell_answered, "the bell was answered before it was durable");
    for page in 1..=PAGES {
        // The pull does not wait for the bell's answer to leave.
        let met = syncs.iter().any(|run| run.pages_asked == page);
        assert!(met, "no kill met the commit of page {page}: {syncs:?}");
    }
    let writes = world.walk("pwrite64").await;
    assert!(writes.len() > syncs.len(), "{writes:?}");
}
