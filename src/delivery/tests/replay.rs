//! Replays.

use std::sync::atomic::Ordering;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_offers_everything_again_in_order_and_moves_nothing() {
    let rig = Rig::running(|_| says("hi")).await;
    for _ in 0..3 {
        rig.event(1);
        rig.event(2);
    }
    rig.drained().await;
    let takes = rig.ledger.takes().len();
    let progress = Arc::new(Progress::default());
    let replay = rig.replay.clone().expect("running");
    replay
        .run("main", "r1", &Selection::default(), &progress)
        .await
        .expect("replayed");
    let seen: Vec<(String, u32)> = rig
        .seen()
        .into_iter()
        .filter(|it| it.replay.as_deref() == Some("r1"))
        .map(|it| (it.conversation, it.seq))
        .collect();
    assert_eq!(seen.len(), 6);
    for key in ["c1", "c2"] {
        let seqs: Vec<u32> = seen.iter().filter(|it| it.0 == key).map(|it| it.1).collect();
        assert_eq!(seqs, [1, 2, 3]);
    }
    assert_eq!(rig.ledger.takes().len(), takes);
    assert_eq!(progress.taken.load(Ordering::Relaxed), 6);
    assert_eq!(progress.replies_refused.load(Ordering::Relaxed), 6);
    assert!(rig.ledger.enqueued().is_empty());
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowed_replies_get_keys_of_their_own() {
    let rig = Rig::running(|_| says("hi")).await;
    let stored = rig.event(1);
    rig.drained().await;
    let progress = Arc::new(Progress::default());
    let selection = Selection {
        allow_replies: true,
        ..Selection::default()
    };
    let replay = rig.replay.clone().expect("running");
    replay.run("main", "r1", &selection, &progress).await.expect("replayed");
    assert_eq!(rig.ledger.enqueued(), [format!("{}/r1/0", stored.event.id)]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_waits_for_what_is_in_flight_and_lets_it_go_on() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    rig.event(1);
    rig.event(1);
    rig.sees(1).await;
    let replay = rig.replay.clone().expect("running");
    let replaying = tokio::spawn(async move { replay.run("main", "r1", &Selection::default(), &Arc::default()).await });
    hold.add_permits(100);
    eventually(|| {
        rig.clock.advance(Duration::from_millis(20));
        replaying.is_finished()
    })
    .await;
    replaying.await.expect("no panic").expect("replayed");
    rig.drained().await;
    assert_eq!(rig.link.most.lock().expect("lock").0, 1);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_passes_over_what_is_refused_and_ends_where_nobody_answers() {
    let rig = Rig::running(|seen| match (&seen.replay, seen.seq) {
        (None, _) => taken(),
        (_, 1) => refused(),
        _ => down(),
    })
    .await;
    rig.event(1);
    rig.event(1);
    rig.drained().await;
    let replay = rig.replay.clone().expect("running");
    let progress = Arc::new(Progress::default());
    let shown = progress.clone();
    let replaying = tokio::spawn(async move { replay.run("main", "r1", &Selection::default(), &shown).await });
    eventually(|| {
        rig.clock.advance(Duration::from_secs(60));
        replaying.is_finished()
    })
    .await;
    let ended = replaying.await.expect("no panic");
    assert!(matches!(ended, Err(ReplayError::NotTaken { .. })), "{ended:?}");
    assert_eq!(progress.passed_over.load(Ordering::Relaxed), 1);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_over_the_api_to_a_replay_is_refused_until_long_after_it() {
    let rig = Rig::running(|_| taken()).await;
    let stored = rig.event(1);
    rig.drained().await;
    let replay = rig.replay.clone().expect("running");
    let refused = || replay.refuses_reply("main", stored.event.id());
    assert!(!refused(), "the event itself");
    let progress = Arc::new(Progress::default());
    let allowed = Selection {
        allow_replies: true,
        ..Selection::default()
    };
    for (selection, refuses) in [
        (allowed.clone(), false),
        (Selection::default(), true),
        (allowed, false),
        (Selection::default(), true),
    ] {
        replay.run("main", "r1", &selection, &progress).await.expect("replayed");
        assert_eq!(refused(), refuses, "{selection:?}");
    }
    assert!(
        !replay.refuses_reply("other", stored.event.id()),
        "no affair of this core"
    );
    rig.clock.advance(Duration::from_secs(599));
    assert!(refused());
    rig.clock.advance(Duration::from_secs(1));
    assert!(!refused());
    assert_eq!(progress.replies_refused.load(Ordering::Relaxed), 3);
    rig.stopped().await;
}
