//! Does a pull survive a SIGKILL between any two of its steps? The test, not chance, says where: a door before the platform
//! stops the pull at each step in turn.

use crate::{
    gate::{Gate, Step},
    kf::{Platform, count, told},
    support::{
        bridge::{Bridge, Setup},
        core::{Core, Said},
        until,
    },
};

/// What waits when the bell rings: so many pages.
const PAGES: usize = 3;
const ITEMS: usize = 4;
const CUSTOMERS: usize = 2;

struct World {
    platform: Platform,
    gate: Gate,
    core: Core,
    bridge: Bridge,
    rounds: usize,
}

impl World {
    async fn new() -> Self {
        let core = Core::start(|_| Said::taken()).await;
        let platform = Platform::start(0).await;
        let gate = Gate::before(&platform.sim.url());
        let bridge = Bridge::start(Setup::to_core(&core, "")).await;
        platform.open(&bridge, gate.url(), ITEMS).await;
        let world = Self {
            platform,
            gate,
            core,
            bridge,
            rounds: 0,
        };
        until("the first pull", async || {
            (!world.gate.given().is_empty()).then_some(())
        })
        .await;
        world
    }

    /// More waits, and the platform says so. Returns once the bell was answered, or nobody was there to answer it.
    async fn rings(&mut self) {
        let content = format!("round {}", self.rounds);
        self.rounds += 1;
        let answered = self.platform.rings(&content, PAGES * ITEMS, CUSTOMERS).await;
        assert_eq!(answered, 200);
    }

    /// Killed, started again and left alone until everything was told. What it asked for first, after the start.
    async fn again(&mut self) -> (String, String) {
        self.bridge.kill();
        self.gate.stops(None);
        let before = self.platform.pulls().await.len();
        self.core.behaves(|_| Said::taken());
        self.bridge.spawn();
        self.bridge.ready().await;
        let (core, all) = (&self.core, self.rounds * PAGES * ITEMS);
        until("every item at the core", async || {
            (count(&core.heard()) >= all).then_some(())
        })
        .await;
        let asked = until("the pull of the new start", async || {
            self.platform.pulls().await.get(before).cloned()
        })
        .await;
        let text = |name: &str| asked["request"][name].as_str().unwrap_or_default().to_owned();
        (text("cursor"), text("token"))
    }

    /// Everything that ever waited was told in order, each once.
    fn prove(&self) {
        let heard = self.core.heard();
        let told = told(&heard);
        assert_eq!(told.len(), CUSTOMERS);
        for (key, texts) in told {
            let first: usize = texts[0].trim_start_matches("round 0 ").parse().unwrap();
            let of_round = |round| {
                (first..PAGES * ITEMS)
                    .step_by(CUSTOMERS)
                    .map(move |it| format!("round {round} {it}"))
            };
            let wanted: Vec<_> = (0..self.rounds).flat_map(of_round).collect();
            assert_eq!(texts, wanted, "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_is_killed_at_a_step_of_a_page_loses_nothing_repeats_nothing_and_goes_on_from_its_cursor() {
    let mut world = World::new().await;
    for page in 0..PAGES {
        for step in [
            Step::Asked(page),
            Step::Known(page),
            Step::Half(page),
            Step::Whole(page),
        ] {
            world.gate.stops(Some(step));
            world.rings().await;
            world.gate.reached().await;
            let given = world.gate.given();
            let (cursor, token) = world.again().await;
            println!("{step:?}: went on from {cursor}");
            let last = match (step, &given[..]) {
                // Its items are on disk with it, or neither is.
                (Step::Whole(_), [.., before, last]) => [before, last].into_iter().find(|it| **it == cursor),
                // Behind every page that it has had, and no further.
                (_, [.., last]) => Some(last),
                (_, []) => None,
            };
            assert_eq!(Some(&cursor), last, "{step:?}: {given:?}");
            assert!(!token.is_empty(), "{step:?}: the bell was not durable");
            world.prove();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_right_behind_the_answer_to_the_bell_forgets_no_bell() {
    let mut world = World::new().await;
    for round in 0..5 {
        // Nothing reaches the platform before the kill.
        world.gate.stops(Some(Step::Asked(0)));
        world.rings().await;
        let last = world.gate.given().pop();
        let (cursor, token) = world.again().await;
        assert_eq!(Some(cursor), last, "round {round}");
        assert!(!token.is_empty(), "round {round}: the bell was not durable");
        world.prove();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_the_last_page_and_the_core_loses_and_repeats_nothing() {
    let mut world = World::new().await;
    for refused in [true, false] {
        // The core hears nothing for good: it refuses, or it never answers.
        world.core.behaves(move |_| match refused {
            true => Said::status(503),
            false => Said::taken().after(crate::support::LIMIT),
        });
        let before = world.gate.given().len();
        world.rings().await;
        let (gate, core) = (&world.gate, &world.core);
        until("every page, and an offer to the core", async || {
            let heard = core.heard();
            let round = format!("round {} ", world.rounds - 1);
            (gate.given().len() >= before + PAGES && heard.iter().any(|it| it.text().starts_with(&round))).then_some(())
        })
        .await;
        let (cursor, _) = world.again().await;
        println!("refused {refused}: went on from {cursor}");
        world.prove();
    }
}
