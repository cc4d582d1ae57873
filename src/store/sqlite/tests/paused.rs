//! Does a paused account's event stay with nobody, and does everything of it go to its core in order afterwards?

use super::*;

fn all() -> Vec<ConversationId> {
    vec![ConversationId(1)]
}

async fn cores(bench: &Bench) -> Vec<Option<String>> {
    let pending = bench.store.pending(ConversationId(1), 0, 100).await.expect("pending");
    let name = |stored: &Arc<Stored>| stored.core.as_deref().map(str::to_owned);
    pending.iter().map(name).collect()
}

fn moved(bench: &Bench) -> Vec<(Option<String>, u32, u32)> {
    let moved = bench.heard.moved.lock().expect("lock");
    let told = |it: &Waiting| (it.core.as_deref().map(str::to_owned), it.first_seq, it.count);
    moved.iter().map(told).collect()
}

#[tokio::test]
async fn an_event_of_a_paused_account_is_nobodys_whatever_its_core_was_to_be() {
    let bench = Bench::new();
    bench.store.pause("shop", Some(START)).await.expect("paused");
    // Its core was chosen before the pause.
    assert_eq!(bench.say("a", 1).await.core, None);
    // A core that speaks does not take what waits, and neither does one that something is given to.
    bench.store.enqueue(message("a", "m1")).await.expect("enqueued");
    bench.store.reassign(all(), "main".into()).await.expect("asked");
    assert_eq!(bench.say("a", 2).await.core, None);
    assert_eq!(cores(&bench).await, [None, None]);

    let crashed = bench.crashed().await;
    assert_eq!(crashed.say("a", 3).await.core, None, "it outlives a restart");
    crashed.store.pause("shop", None).await.expect("resumed");
    crashed.store.reassign(all(), "main".into()).await.expect("given");
    assert_eq!(
        cores(&crashed).await,
        [Some("main".to_owned()), Some("main".into()), Some("main".into())]
    );
    assert_eq!(moved(&crashed), [(Some("main".to_owned()), 1, 3)]);
    assert_eq!(crashed.say("a", 4).await.core.as_deref(), Some("main"));
    let again = crashed.crashed().await;
    assert_eq!(
        again.say("b", 5).await.core.as_deref(),
        Some("main"),
        "nothing of the pause is left"
    );
}

#[tokio::test]
async fn what_waited_for_a_core_when_the_account_was_paused_is_taken_from_it() {
    let bench = Bench::new();
    for number in 1..=3 {
        bench.say("a", number).await;
    }
    bench.store.pause("shop", Some(START)).await.expect("paused");
    bench.store.reassign(all(), "".into()).await.expect("taken away");
    assert_eq!(cores(&bench).await, [None, None, None]);
    assert_eq!(moved(&bench), [(None, 1, 3)]);
    assert_eq!(bench.waiting(ConversationId(1)).await, [1, 2, 3]);
}

#[tokio::test]
async fn the_first_event_after_a_pause_brings_what_waited_before_it() {
    let bench = Bench::new();
    bench.store.pause("shop", Some(START)).await.expect("paused");
    bench.say("a", 1).await;
    bench.store.pause("shop", None).await.expect("resumed");
    assert_eq!(bench.say("a", 2).await.core.as_deref(), Some("main"));
    assert_eq!(cores(&bench).await, [Some("main".to_owned()), Some("main".into())]);
    assert_eq!(
        moved(&bench),
        [(Some("main".to_owned()), 1, 1)],
        "told before the event"
    );
}
