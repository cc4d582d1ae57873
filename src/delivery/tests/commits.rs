//! What is held up while the store commits what a core has taken, and what where it never says how that went.

use super::*;

/// Core `main` takes everything, and no commit comes to its end by itself.
async fn slow_store() -> Rig {
    let rig = Rig::running(|_| taken()).await;
    rig.ledger.keeps_waiting();
    rig
}

fn seen(rig: &Rig) -> Vec<(String, u32)> {
    let mut seen: Vec<(String, u32)> = rig.seen().into_iter().map(|it| (it.conversation, it.seq)).collect();
    seen.sort_unstable();
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_holds_up_its_own_conversation_alone() {
    let rig = slow_store().await;
    for conversation in [1, 1, 2] {
        rig.event(conversation);
    }
    eventually(|| seen(&rig).len() >= 2).await;
    rig.passes().await;
    assert_eq!(seen(&rig), [("c1".into(), 1), ("c2".into(), 1)]);
    // What the core has seen may not have come to its commit yet.
    let commits = || {
        rig.ledger.commits_now();
        seen(&rig).len()
    };
    eventually(|| commits() >= 3).await;
    assert_eq!(seen(&rig), [("c1".into(), 1), ("c1".into(), 2), ("c2".into(), 1)]);
    eventually(|| commits() == 3 && rig.ledger.undelivered() == 0).await;
    eventually(|| rig.handle.0.lock().sizes() == (0, (0, 0))).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_says_how_a_commit_went_the_event_comes_again() {
    let rig = slow_store().await;
    rig.event(1);
    eventually(|| rig.seen().len() == 1).await;
    eventually(|| rig.ledger.forgets_takes() == 1).await;
    rig.advance(999).await;
    rig.sees(1).await;
    rig.clock.advance(Duration::from_millis(1));
    eventually(|| rig.seen().len() == 2).await;
    eventually(|| rig.ledger.commits_now() == 1).await;
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_waits_for_the_commit() {
    let rig = slow_store().await;
    rig.event(1);
    eventually(|| rig.seen().len() == 1).await;
    let ledger = rig.ledger.clone();
    let ended = tokio::spawn(rig.stopped());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!ended.is_finished());
    eventually(|| ledger.commits_now() == 1).await;
    ended.await.expect("no panic");
    assert_eq!(ledger.undelivered(), 0);
}
