//! What happens when an event is not taken.

use super::*;

/// Moves time in small steps until core `main` has seen `count` attempts; says when the last one came.
async fn until_seen(rig: &Rig, count: usize, step: Millis) -> Millis {
    for _ in 0..2_000 {
        if rig.seen().len() >= count {
            break;
        }
        rig.advance(step).await;
    }
    rig.seen()[count - 1].at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_event_is_offered_again_by_the_schedule() {
    let rig = Rig::running(|_| failed()).await;
    rig.event(1);
    rig.sees(1).await;
    for (index, wait) in [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000]
        .into_iter()
        .enumerate()
    {
        rig.advance(wait - 1).await;
        rig.sees(index + 1).await;
        rig.advance(1).await;
        rig.sees(index + 2).await;
    }
    rig.advance(47_999).await;
    rig.sees(9).await;
    rig.advance(24_002).await;
    rig.sees(10).await;
    let attempts: Vec<u32> = rig.seen().iter().map(|it| it.attempt).collect();
    assert_eq!(attempts, (1..=10).collect::<Vec<_>>());
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_does_not_hold_up_what_waits() {
    let rig = Rig::running(|seen| if seen.conversation == "c1" { failed() } else { taken() }).await;
    rig.event(1);
    rig.sees(1).await;
    rig.advance(200).await;
    rig.sees(2).await;
    rig.clock.set(rig.clock.now() - 10 * 3_600_000);
    // Whoever is next makes the clock looked at; without anybody the machine's clock does.
    rig.event(2);
    rig.sees(3).await;
    rig.advance(500).await;
    rig.sees(4).await;
    assert_eq!(rig.seen()[3].attempt, 3);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_conversation_holds_up_no_other() {
    let rig = Rig::running(|seen| if seen.conversation == "c1" { failed() } else { taken() }).await;
    rig.event(1);
    rig.sees(1).await;
    for conversation in 2..=20 {
        rig.event(conversation);
    }
    rig.sees(20).await;
    eventually(|| rig.ledger.undelivered() == 1).await;
    rig.stopped().await;
}

/// The first event is refused as often as it may be, and stands apart then.
async fn parked_after_three(rig: &Rig) {
    rig.sees(1).await;
    rig.advance(200).await;
    rig.advance(500).await;
    rig.drained().await;
    assert_eq!(rig.ledger.parked(), [(1, "refused 3 times: no".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_refusals_park_and_a_gap_takes_the_place() {
    let rig = Rig::running(|seen| if seen.seq == 1 && !seen.gap { refused() } else { taken() }).await;
    rig.event(1);
    rig.event(1);
    parked_after_three(&rig).await;
    let seen: Vec<(u32, bool, u32)> = rig.seen().iter().map(|it| (it.seq, it.gap, it.attempt)).collect();
    assert_eq!(
        seen,
        [(1, false, 1), (1, false, 2), (1, false, 3), (1, true, 1), (2, false, 1)]
    );
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_may_say_when_to_come_back() {
    let rig = Rig::running(|seen| match seen.attempt {
        1 => Outcome::Refused {
            after: Some(7_000),
            why: "no".into(),
        },
        _ => taken(),
    })
    .await;
    rig.event(1);
    rig.sees(1).await;
    rig.advance(6_999).await;
    rig.sees(1).await;
    rig.advance(1).await;
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_parked_in_its_own_place() {
    let rig = Rig::running(|seen| if seen.seq == 1 && !seen.gap { refused() } else { taken() }).await;
    rig.spoilt(1);
    rig.event(1);
    parked_after_three(&rig).await;
    let seen: Vec<(u32, bool)> = rig.seen().iter().map(|it| (it.seq, it.gap)).collect();
    assert_eq!(seen, [(1, false), (1, false), (1, false), (1, true), (2, false)]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_refused_three_times_counts_as_taken() {
    let rig = Rig::running(|seen| if seen.seq == 1 { refused() } else { taken() }).await;
    rig.event(1);
    rig.event(1);
    for count in [1, 2, 4, 5] {
        rig.sees(count).await;
        rig.advance(500).await;
    }
    rig.drained().await;
    assert_eq!(rig.ledger.parked().len(), 1, "the gap was not parked");
    assert_eq!(rig.seen().last().map(|it| it.seq), Some(2));
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ack_can_park_at_once_and_ask_for_a_pause() {
    let rig = Rig::running(|seen| match (seen.conversation.as_str(), seen.gap, seen.attempt) {
        ("c1", false, _) => Outcome::Park {
            why: "PARK".into(),
            replies: Vec::new(),
        },
        ("c2", _, 1) => Outcome::Again {
            after: Some(7_000),
            why: "RETRY".into(),
        },
        _ => taken(),
    })
    .await;
    rig.event(1);
    rig.event(2);
    rig.sees(3).await;
    assert_eq!(rig.ledger.parked().len(), 1);
    rig.advance(6_999).await;
    rig.sees(3).await;
    rig.advance(1).await;
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_days_of_own_failures_park() {
    let rig = Rig::running(|seen| if seen.gap { taken() } else { failed() }).await;
    rig.event(1);
    rig.sees(1).await;
    // As a machine would see that sleeps a lot: still inside what counts.
    fails_for(&rig, 72 * 6).await;
    rig.drained().await;
    assert_eq!(rig.ledger.parked().len(), 1);
    assert!(rig.ledger.parked()[0].1.contains("72 h"));
    rig.stopped().await;
}

/// Ten minutes between attempts, so many times.
async fn fails_for(rig: &Rig, times: usize) {
    for _ in 0..times {
        let before = rig.seen().len();
        rig.clock.advance(Duration::from_secs(600));
        eventually(|| rig.seen().len() > before).await;
        rig.fence().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_days_of_own_failures_are_counted_across_restarts_and_what_lies_between_is_not() {
    let script = |seen: &Seen| if seen.gap { taken() } else { failed() };
    let mut rig = Rig::running(script).await;
    rig.event(1);
    rig.sees(1).await;
    for _ in 0..3 {
        fails_for(&rig, 24 * 6 - 1).await;
        assert!(rig.ledger.parked().is_empty());
        rig = rig.restarted(Duration::from_secs(20 * 3_600), script).await;
        rig.sees(1).await;
    }
    // Three times ten minutes are left.
    fails_for(&rig, 2).await;
    assert!(rig.ledger.parked().is_empty());
    rig.clock.advance(Duration::from_secs(600));
    rig.drained().await;
    assert!(rig.ledger.parked()[0].1.contains("72 h"));
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_that_is_down_for_days_parks_nothing_and_drains_when_it_is_back() {
    let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_up = up.clone();
    let rig = Rig::running(move |_| {
        if is_up.load(std::sync::atomic::Ordering::SeqCst) {
            taken()
        } else {
            down()
        }
    })
    .await;
    for conversation in 1..=100 {
        rig.event(conversation);
        rig.event(conversation);
    }
    eventually(|| {
        rig.handle
            .core_state("main")
            .is_some_and(|state| !state.up && state.in_flight == 0)
    })
    .await;
    for _ in 0..100 {
        rig.clock.advance(Duration::from_secs(3_600));
        rig.fence().await;
    }
    assert!(rig.ledger.parked().is_empty());
    up.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.advance(72_000).await;
    rig.drained().await;
    let state = rig.handle.core_state("main").expect("a core");
    assert!(state.up && state.slow_until.is_none() && state.last_error == "cannot connect");
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_down_core_gets_one_probe_at_a_time_from_changing_conversations() {
    let rig = Rig::running(|_| down()).await;
    rig.event(1);
    rig.sees(1).await;
    for conversation in 2..=30 {
        rig.event(conversation);
    }
    rig.sees(1).await;
    for (count, wait) in [(2, 200), (3, 500), (4, 1_000), (5, 2_000)] {
        rig.advance(wait - 1).await;
        rig.sees(count - 1).await;
        rig.advance(1).await;
        rig.sees(count).await;
    }
    let who: HashSet<String> = rig.seen().into_iter().map(|it| it.conversation).collect();
    assert!(who.len() >= 4, "{who:?}");
    assert_eq!(rig.link.most.lock().expect("lock").1, 1);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_many_conversations_open_the_breaker_and_a_success_closes_it() {
    let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_up = up.clone();
    let rig = Rig::running(move |_| {
        if is_up.load(std::sync::atomic::Ordering::SeqCst) {
            taken()
        } else {
            failed()
        }
    })
    .await;
    for conversation in 1..=5 {
        rig.event(conversation);
        rig.sees(usize::try_from(conversation).expect("small")).await;
    }
    assert!(rig.handle.core_state("main").is_some_and(|state| !state.up));
    for conversation in 6..=50 {
        rig.event(conversation);
    }
    rig.sees(5).await;
    rig.advance(200).await;
    rig.sees(6).await;
    up.store(true, std::sync::atomic::Ordering::SeqCst);
    rig.advance(500).await;
    rig.drained().await;
    assert!(rig.handle.core_state("main").is_some_and(|state| state.up));
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_core_is_left_alone_as_long_as_it_asks_but_ten_minutes_at_most() {
    let rig = Rig::running(|seen| match seen.attempt {
        1 if seen.conversation == "c1" => Outcome::Slow {
            after: Some(3_600_000),
            why: "the core answered 503".into(),
        },
        _ => taken(),
    })
    .await;
    rig.event(1);
    rig.sees(1).await;
    for conversation in 2..=10 {
        rig.event(conversation);
    }
    rig.handle.expedite(ConversationId(1));
    rig.advance(599_999).await;
    rig.sees(1).await;
    let state = rig.handle.core_state("main").expect("a core");
    assert!(state.up && state.slow_until == Some(START + 600_000));
    rig.advance(1).await;
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_event_with_a_window_ends_the_back_off_before_it() {
    let rig = Rig::running(|seen| {
        if seen.seq == 1 && seen.attempt < 7 {
            failed()
        } else {
            taken()
        }
    })
    .await;
    rig.event(1);
    until_seen(&rig, 6, 100).await;
    rig.event(1);
    rig.advance(1).await;
    rig.sees(6).await;
    let stored = rig.ledger.append(1, Some("main"));
    rig.turn.open.lock().expect("lock").insert(stored.event.id.clone());
    rig.handle.event(stored);
    rig.drained().await;
    let seqs: Vec<(u32, bool)> = rig.seen().iter().skip(6).map(|it| (it.seq, it.passive)).collect();
    assert_eq!(seqs, [(1, false), (2, false), (3, true)]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_waits_is_the_next_probe_of_a_down_core() {
    let rig = Rig::running(|_| down()).await;
    for conversation in 1..=3 {
        rig.event(conversation);
    }
    eventually(|| {
        rig.handle
            .core_state("main")
            .is_some_and(|state| !state.up && state.in_flight == 0)
    })
    .await;
    let at = rig.seen().len();
    until_seen(&rig, at + 5, 100).await;
    let at = rig.seen().len();
    rig.advance(300).await;
    rig.sees(at).await;
    let stored = rig.ledger.append(9, Some("main"));
    rig.turn.open.lock().expect("lock").insert(stored.event.id.clone());
    rig.handle.event(stored);
    rig.sees(at + 1).await;
    assert_eq!(rig.seen().last().map(|it| it.conversation.clone()), Some("c9".into()));
    assert!(rig.handle.wake_core("main"));
    rig.sees(at + 2).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_one_attempt_counts_and_pauses_as_a_failed_one() {
    let rig = Rig::running(|seen| {
        if seen.conversation == "c1" && seen.attempt < 4 {
            panic!("a bug")
        } else {
            taken()
        }
    })
    .await;
    rig.event(1);
    rig.event(2);
    eventually(|| rig.ledger.undelivered() == 1).await;
    rig.sees(2).await;
    assert_eq!(rig.handle.core_state("main").map(|state| state.in_flight), Some(0));
    for (before, wait) in [(2, 200), (3, 500), (4, 1_000)] {
        rig.advance(wait - 1).await;
        rig.sees(before).await;
        rig.advance(1).await;
        rig.sees(before + 1).await;
    }
    rig.drained().await;
    let attempts = rig.seen().into_iter().filter(|seen| seen.conversation == "c1");
    assert_eq!(attempts.map(|seen| seen.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    rig.stopped().await;
}

/// A core that is not there for `c1`, and there for everybody else.
async fn shunned(outcome: fn() -> Outcome) {
    let rig = Rig::running(move |seen| if seen.conversation == "c1" { outcome() } else { taken() }).await;
    rig.event(1);
    rig.sees(1).await;
    rig.event(2);
    rig.advance(200).await;
    rig.sees(2).await;
    rig.advance(500).await;
    // Somebody else is taken, so it is tried again, and is alone with its trouble from now on.
    rig.sees(4).await;
    let mut seen = 4;
    for wait in [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] {
        rig.event(seen as i64);
        rig.sees(seen + 1).await;
        rig.advance(wait - 1).await;
        rig.sees(seen + 1).await;
        rig.advance(1).await;
        rig.sees(seen + 2).await;
        seen += 2;
    }
    assert!(rig.ledger.parked().is_empty());
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_the_core_shuns_waits_alone_and_holds_up_no_other() {
    shunned(down).await;
    shunned(|| Outcome::Slow {
        after: None,
        why: "503".into(),
    })
    .await;
}
