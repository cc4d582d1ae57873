//! Several events of one conversation in one go, where the way to the core knows that.

use super::*;

/// A rig whose way knows runs, with a backlog of this many events in conversation 1.
async fn backlog(events: usize, script: impl FnMut(&Seen) -> Outcome + Send + 'static) -> Rig {
    let rig = Rig::new(script).with_runs();
    for _ in 0..events {
        rig.ledger.append(1, Some("main"));
    }
    rig.run()
}

/// Numbers and attempts, as the core saw them.
fn seen(rig: &Rig) -> Vec<(u32, u32)> {
    rig.seen().iter().map(|it| (it.seq, it.attempt)).collect()
}

fn runs(rig: &Rig) -> Vec<usize> {
    rig.link.runs.lock().expect("lock").clone().unwrap_or_default()
}

fn again() -> Outcome {
    Outcome::Again {
        after: None,
        why: "not now".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_out_in_order_and_is_one_commit() {
    let rig = backlog(40, |_| taken()).await;
    rig.drained().await;
    assert_eq!(seen(&rig), (1..=40).map(|seq| (seq, 1)).collect::<Vec<_>>());
    let main = runs(&rig).into_iter().filter(|run| *run > 1);
    assert_eq!(main.collect::<Vec<_>>(), [16, 16, 8]);
    assert_eq!(rig.ledger.commits(), 3);
    assert_eq!(rig.ledger.takes().len(), 40);
    let closed = rig.turn.closed.lock().expect("lock").clone();
    assert_eq!(closed.len(), 40, "whoever waits for one of them is told");
    eventually(|| rig.handle.0.lock().sizes() == (0, (0, 0))).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_behind_a_failure_counts_as_not_offered() {
    let mut fails = 1;
    let rig = backlog(5, move |seen| match seen.seq {
        3 if fails > 0 => {
            fails -= 1;
            again()
        }
        _ => taken(),
    })
    .await;
    rig.sees(3).await;
    assert_eq!(seen(&rig), [(1, 1), (2, 1), (3, 1)]);
    assert_eq!(rig.ledger.undelivered(), 3, "what was taken before it is committed");
    rig.advance(199).await;
    rig.sees(3).await;
    rig.advance(1).await;
    rig.drained().await;
    assert_eq!(seen(&rig)[3..], [(3, 2), (4, 1), (5, 1)]);
    eventually(|| rig.handle.0.lock().sizes() == (0, (0, 0))).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_in_the_middle_of_a_run_is_set_aside_by_itself() {
    let rig = backlog(5, |seen| match (seen.seq, seen.gap) {
        (3, false) => Outcome::Park {
            why: "no".into(),
            replies: vec![Ok(v1::SendRequest::default())],
        },
        _ => taken(),
    })
    .await;
    rig.drained().await;
    assert_eq!(rig.ledger.parked(), [(3, "no".to_owned())]);
    assert_eq!(rig.ledger.enqueued(), ["e3/0"], "what it replied is said all the same");
    eventually(|| *rig.turn.ended.lock().expect("lock") == [("committed", 1)]).await;
    let seen: Vec<(u32, bool)> = rig.seen().iter().map(|it| (it.seq, it.gap)).collect();
    assert_eq!(
        seen,
        [(1, false), (2, false), (3, false), (3, true), (4, false), (5, false)]
    );
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_in_the_middle_of_a_run_are_committed_with_their_own_event() {
    let rig = backlog(4, |seen| if seen.seq == 2 { says("hi") } else { taken() }).await;
    rig.drained().await;
    let reply = vec!["e2/0".to_owned()];
    let none = Vec::new;
    assert_eq!(rig.ledger.takes(), [(1, none()), (2, reply), (3, none()), (4, none())]);
    assert_eq!(rig.ledger.commits(), 2, "one up to the reply, one behind it");
    eventually(|| *rig.turn.ended.lock().expect("lock") == [("committed", 1)]).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_could_not_be_committed_is_offered_again_from_its_first() {
    let rig = Rig::new(|_| taken()).with_runs();
    for _ in 0..3 {
        rig.ledger.append(1, Some("main"));
    }
    // The first time, when nobody waited, and each time it is tried again.
    rig.ledger.fail_takes(6);
    let rig = rig.run();
    eventually(|| rig.seen().len() == 3).await;
    assert_eq!(rig.ledger.undelivered(), 3);
    for _ in 0..100 {
        rig.clock.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
        if rig.seen().len() > 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    rig.drained().await;
    assert_eq!(seen(&rig), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 1), (3, 1)]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_answer_somebody_waits_for_begins_a_run_and_is_alone_in_it() {
    let rig = Rig::new(|_| taken()).with_runs();
    let stored: Vec<_> = (0..5).map(|_| rig.ledger.append(1, Some("main"))).collect();
    let waited = stored[2].event.id.clone();
    rig.turn.open.lock().expect("lock").insert(waited);
    let rig = rig.run();
    rig.drained().await;
    let seen: Vec<(u32, bool)> = rig.seen().iter().map(|it| (it.seq, it.passive)).collect();
    assert_eq!(seen, [(1, false), (2, false), (3, true), (4, false), (5, false)]);
    assert_eq!(runs(&rig)[..3], [2, 1, 2]);
    assert_eq!(rig.ledger.hurried(), [ConversationId(1)].into());
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_that_may_be_back_is_asked_with_one_event() {
    let mut down_for = 1;
    let rig = backlog(5, move |_| {
        down_for -= 1;
        if down_for >= 0 { down() } else { taken() }
    })
    .await;
    rig.sees(1).await;
    rig.advance(60_000).await;
    rig.drained().await;
    assert_eq!(seen(&rig), [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 1)]);
    assert_eq!(runs(&rig).iter().filter(|run| **run > 1).count(), 2, "{:?}", runs(&rig));
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_each_goes_alone() {
    let rig = Rig::new(|_| taken());
    *rig.link.runs.lock().expect("lock") = Some(Vec::new());
    for _ in 0..3 {
        rig.ledger.append(1, Some("main"));
    }
    let rig = rig.run();
    rig.drained().await;
    assert_eq!(runs(&rig), [1, 1, 1]);
    rig.stopped().await;
}
