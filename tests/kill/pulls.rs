//! What is left of a pull when the process dies in it? WeChat customer service only rings; its items are read a page after
//! the other, and a cursor that moved without them would lose them for ever.

use std::time::Duration;

use crate::{
    DRAIN,
    kf::{Platform, count, told},
    support::{
        Dice,
        bridge::{Bridge, Setup},
        core::{Core, Said},
        until, until_within,
    },
};

const ITEMS: usize = 8_000;
const CUSTOMERS: usize = 40;
const PULL_KILLS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_platform_kept_for_us_is_told_once_and_in_order_however_often_a_pull_is_killed() {
    let mut dice = Dice::from_env();
    let core = Core::start(|_| Said::taken()).await;
    let platform = Platform::start(20).await;
    platform.backlog("message", ITEMS, CUSTOMERS).await;
    let mut bridge = Bridge::start(Setup::to_core(&core, "")).await;
    platform.bind(&bridge, &platform.sim.url()).await;

    let mut moments = Vec::new();
    let mut before = 0;
    for _ in 0..PULL_KILLS {
        until("a page is asked for", async || {
            (platform.pulls().await.len() > before).then_some(())
        })
        .await;
        // Before the answer, while it is read, while it is committed, or in the next one.
        tokio::time::sleep(Duration::from_millis(dice.below(120))).await;
        bridge.kill();
        // Every start asks once more, also when nothing is left.
        before = platform.pulls().await.len();
        moments.push(core.heard().len());
        bridge.spawn();
        bridge.ready().await;
    }
    println!("heard by the core at each kill: {moments:?}");
    assert!(
        moments.iter().any(|heard| (1..ITEMS).contains(heard)),
        "no kill met a pull that was under way: {moments:?}"
    );
    until_within(DRAIN, "every item at the core", async || {
        let heard = core.heard();
        (heard.len() >= ITEMS && count(&heard) >= ITEMS).then_some(())
    })
    .await;
    let heard = core.heard();
    for (key, texts) in told(&heard) {
        let first: usize = number(&texts[0]);
        let wanted: Vec<_> = (first..ITEMS)
            .step_by(CUSTOMERS)
            .map(|it| format!("message {it}"))
            .collect();
        assert_eq!(texts, wanted, "{key}");
    }
}

fn number(text: &str) -> usize {
    text.trim_start_matches("message ").parse().unwrap()
}
