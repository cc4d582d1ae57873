//! Order, one in flight, memory, and what an answer commits.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_event_goes_out_from_memory_without_a_read() {
    let rig = Rig::running(|_| taken()).await;
    let reads = rig.ledger.reads();
    for conversation in 1..=50 {
        rig.event(conversation);
    }
    rig.drained().await;
    rig.sees(50).await;
    assert_eq!(rig.ledger.reads(), reads);
    eventually(|| rig.handle.0.lock().sizes() == (0, (0, 0))).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_conversation_is_in_order_with_one_in_flight() {
    let rig = Rig::running(|_| taken()).await;
    for _ in 0..20 {
        for conversation in 1..=30 {
            rig.event(conversation);
        }
    }
    rig.drained().await;
    for conversation in 1..=30 {
        let key = format!("c{conversation}");
        let seqs: Vec<u32> = rig
            .seen()
            .iter()
            .filter(|it| it.conversation == key)
            .map(|it| it.seq)
            .collect();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(rig.link.most.lock().expect("lock").0, 1);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_and_what_comes_meanwhile_drain_in_order() {
    let rig = Rig::new(|_| taken());
    for _ in 0..40 {
        rig.ledger.append(1, Some("main"));
        rig.ledger.append(2, Some("main"));
    }
    rig.event(1);
    let rig = rig.run();
    for _ in 0..40 {
        rig.event(1);
    }
    rig.drained().await;
    let of = |key: &str| -> Vec<u32> {
        let seen = rig.seen();
        seen.iter()
            .filter(|it| it.conversation == key)
            .map(|it| it.seq)
            .collect()
    };
    assert_eq!(of("c1"), (1..=81).collect::<Vec<_>>());
    assert_eq!(of("c2"), (1..=40).collect::<Vec<_>>());
    eventually(|| rig.handle.0.lock().sizes() == (0, (0, 0))).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_limit_is_in_flight_and_a_slow_conversation_holds_up_no_other() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    for conversation in 1..=500 {
        rig.event(conversation);
    }
    rig.sees(256).await;
    assert_eq!(rig.handle.core_state("main").map(|state| state.in_flight), Some(256));
    hold.add_permits(100);
    rig.sees(356).await;
    hold.add_permits(400);
    rig.drained().await;
    rig.stopped().await;
}

/// A core that holds every answer back, and finds two events of each of so many conversations that waited for it.
async fn with_a_backlog(conversations: i64) -> (Rig, Arc<Semaphore>) {
    let rig = Rig::new(|_| taken());
    for conversation in (1..=conversations).chain(1..=conversations) {
        rig.ledger.append(conversation, Some("main"));
    }
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    (rig.run(), hold)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_keeps_nobody_who_speaks_now() {
    let (rig, hold) = with_a_backlog(200).await;
    rig.sees(64).await;
    rig.event(1_000);
    rig.sees(65).await;
    assert_eq!(rig.seen()[64].conversation, "c1000");
    hold.add_permits(1_000);
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_answer_is_taken_out_of_the_backlog() {
    let (rig, hold) = with_a_backlog(200).await;
    rig.sees(64).await;
    let waiting: HashSet<String> = rig.seen().into_iter().map(|seen| seen.conversation).collect();
    let patient = (1..=200).find(|id| !waiting.contains(&format!("c{id}"))).expect("most");
    // Without a window it would not matter when.
    rig.event(patient);
    rig.sees(64).await;
    let stored = rig.ledger.append(patient, Some("main"));
    rig.turn.open.lock().expect("lock").insert(stored.event.id.clone());
    rig.handle.event(stored);
    rig.sees(65).await;
    let of = |seen: Vec<Seen>| -> Vec<u32> {
        let key = format!("c{patient}");
        seen.iter()
            .filter(|it| it.conversation == key)
            .map(|it| it.seq)
            .collect()
    };
    assert_eq!(of(rig.seen()), [1]);
    // Nor does it go back there before its own turn has come: as many of the backlog are in flight as may be.
    for seq in 2..=4 {
        hold.add_permits(65);
        eventually(|| of(rig.seen()).len() == seq).await;
        assert!(rig.seen().len() <= 65 * seq, "{}", rig.seen().len());
    }
    hold.add_permits(1_000);
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_waited_for_while_the_core_was_away_is_backlog_when_it_is_back() {
    let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_up = up.clone();
    let rig = Rig::running(move |_| match is_up.load(std::sync::atomic::Ordering::SeqCst) {
        true => taken(),
        false => down(),
    })
    .await;
    for conversation in 1..=200 {
        let stored = rig.ledger.append(conversation, Some("main"));
        rig.turn.open.lock().expect("lock").insert(stored.event.id.clone());
        rig.handle.event(stored);
    }
    rig.fence().await;
    rig.advance(10_000).await;
    let hold = Arc::new(Semaphore::new(1));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    up.store(true, std::sync::atomic::Ordering::SeqCst);
    let before = rig.seen().len();
    rig.advance(120_000).await;
    rig.sees(before + 1 + 64).await;
    rig.event(1_000);
    rig.sees(before + 1 + 65).await;
    assert_eq!(
        rig.seen().last().map(|it| it.conversation.clone()),
        Some("c1000".into())
    );
    hold.add_permits(1_000);
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_bounded_while_a_hundred_thousand_conversations_wait() {
    let rig = Rig::running(|_| down()).await;
    rig.event(1);
    eventually(|| rig.handle.core_state("main").is_some_and(|state| !state.up)).await;
    for _ in 0..3 {
        for conversation in 1..=100_000 {
            rig.event(conversation);
        }
    }
    rig.fence().await;
    let (lanes, (events, _)) = rig.handle.0.lock().sizes();
    assert_eq!(lanes, 100_000);
    assert!(events <= 16, "{events} events in memory");
    let backlog = rig.handle.backlog();
    let main = backlog
        .iter()
        .find(|of| of.core.as_deref() == Some("main"))
        .expect("main");
    assert_eq!((main.count, main.conversations), (300_001, 100_000));
    assert_eq!(main.oldest.map(|at| at < START + 100), Some(true));
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_of_fresh_events_is_bounded_while_the_core_is_slow() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    for conversation in 1..=6_000 {
        rig.event(conversation);
    }
    let (_, (events, bytes)) = rig.handle.0.lock().sizes();
    assert!(
        (1..=4_096).contains(&events) && bytes <= 8 << 20,
        "{events} events, {bytes} bytes"
    );
    hold.add_permits(10_000);
    rig.drained().await;
    assert!(rig.ledger.reads() > 0, "the rest was read");
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_committed_with_the_event_and_handed_over_before_its_window_closes() {
    let rig = Rig::running(|_| says("hi")).await;
    let stored = rig.event(1);
    rig.drained().await;
    assert_eq!(
        rig.ledger.takes().last(),
        Some(&(1, vec![format!("{}/0", stored.event.id)]))
    );
    eventually(|| *rig.turn.ended.lock().expect("lock") == [("committed", 1)]).await;
    eventually(|| rig.turn.closed.lock().expect("lock").contains(&stored.event.id)).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_answer_closes_the_window_unless_it_keeps_it() {
    let rig = Rig::running(|seen| {
        Outcome::Taken(Answer {
            replies: Vec::new(),
            keep_window: seen.conversation == "c2",
        })
    })
    .await;
    let (silent, kept) = (rig.event(1), rig.event(2));
    rig.drained().await;
    let closed = || rig.turn.closed.lock().expect("lock").clone();
    eventually(|| closed().contains(&silent.event.id)).await;
    rig.fence().await;
    assert!(!closed().contains(&kept.event.id));
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_committed_answer_wins() {
    let rig = Rig::running(|_| says("second")).await;
    let stored = rig.ledger.append(1, Some("main"));
    rig.ledger.answered_before(&stored);
    rig.handle.event(stored);
    eventually(|| *rig.turn.ended.lock().expect("lock") == [("before", 1)]).await;
    rig.drained().await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_store_is_waited_for_and_the_core_is_not_asked_again() {
    let rig = Rig::running(|_| says("hi")).await;
    rig.ledger.fail_takes(2);
    let hold = Arc::new(Semaphore::new(1));
    *rig.link.hold.lock().expect("lock") = Some(hold);
    rig.event(1);
    eventually(|| {
        rig.clock.advance(Duration::from_millis(20));
        rig.ledger.takes().iter().any(|(_, replies)| replies.len() == 1)
    })
    .await;
    assert_eq!(rig.seen().len(), 1);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_outlives_a_store_that_stays_broken_and_is_planned_anew() {
    // A core that keeps to the contract says nothing to an event that it has seen.
    let rig = Rig::running(|seen| if seen.attempt == 1 { says("hi") } else { taken() }).await;
    let hold = Arc::new(Semaphore::new(100));
    *rig.link.hold.lock().expect("lock") = Some(hold);
    rig.ledger.fail_takes(12);
    rig.event(1);
    eventually(|| {
        rig.clock.advance(Duration::from_millis(100));
        rig.ledger.undelivered() == 0
    })
    .await;
    assert_eq!(rig.seen().len(), 1, "it is not offered again");
    let replies: usize = rig.ledger.takes().iter().map(|(_, replies)| replies.len()).sum();
    assert_eq!(replies, 1);
    let ended = || rig.turn.ended.lock().expect("lock").clone();
    eventually(|| ended() == [("abandoned", 1), ("abandoned", 1), ("committed", 1)]).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_broken_for_ten_minutes_leads_to_another_offer() {
    let rig = Rig::running(|_| says("hi")).await;
    let hold = Arc::new(Semaphore::new(100));
    *rig.link.hold.lock().expect("lock") = Some(hold);
    rig.ledger.fail_takes(usize::MAX);
    rig.event(1);
    eventually(|| {
        rig.clock.advance(Duration::from_secs(1));
        rig.seen().len() == 2
    })
    .await;
    assert!(rig.seen()[1].at - rig.seen()[0].at >= 10 * 60_000);
    rig.ledger.fail_takes(0);
    eventually(|| {
        rig.clock.advance(Duration::from_millis(100));
        rig.ledger.undelivered() == 0
    })
    .await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_pushing_core_waits_untouched() {
    let rig = Rig::running(|_| taken()).await;
    for core in [None, Some("gone"), Some("pulls")] {
        let stored = rig.ledger.append(7, core);
        rig.handle.event(stored);
    }
    rig.fence().await;
    assert_eq!(rig.seen().len(), 0);
    assert_eq!(rig.ledger.undelivered(), 3);
    rig.stopped().await;
}

#[tokio::test]
async fn waiting_conversations_get_the_core_whose_rule_fits() {
    let rig = Rig::new(|_| taken());
    for (conversation, core) in [(1, None), (2, Some("gone")), (3, Some("main")), (4, None)] {
        rig.ledger.append(conversation, core);
    }
    let (parts, _) = rig.parts.as_ref().expect("not running");
    let count = assign(&*rig.ledger, &parts.cores, &Shops(&["c5"])).await;
    assert_eq!(count.expect("assigned"), 2);
    let mut given = rig.ledger.reassigned();
    given.sort();
    assert_eq!(given, [1, 2].map(|id| (ConversationId(id), "main".to_owned())));
}

/// Each conversation is of an account of its own, those that end in 4 of none; these are paused.
struct Shops(&'static [&'static str]);

impl Owners for Shops {
    fn account(&self, key: &str) -> Option<v1::Account> {
        (!key.ends_with('4')).then(|| v1::Account {
            id: key.to_owned(),
            ..Default::default()
        })
    }
    fn is_paused(&self, account: &str) -> bool {
        self.0.contains(&account)
    }
}

#[tokio::test]
async fn what_waits_of_a_paused_account_is_taken_from_its_core_and_given_to_none() {
    let rig = Rig::new(|_| taken());
    for (conversation, core) in [(1, None), (2, Some("main")), (3, Some("main"))] {
        rig.ledger.append(conversation, core);
    }
    let (parts, _) = rig.parts.as_ref().expect("not running");
    let count = assign(&*rig.ledger, &parts.cores, &Shops(&["c1", "c2"])).await;
    assert_eq!(count.expect("assigned"), 1);
    assert_eq!(rig.ledger.reassigned(), [(ConversationId(2), String::new())]);
}

#[tokio::test]
async fn what_waited_in_a_pause_goes_where_it_would_have_gone_when_its_account_is_removed() {
    let rig = Rig::new(|_| taken());
    for (conversation, before) in [(4, None), (14, Some("main")), (24, Some("gone")), (5, Some("main"))] {
        rig.ledger.append(conversation, None);
        let id = ConversationId(conversation);
        rig.ledger.data().before_pause.extend(before.map(|core| (id, core)));
    }
    let (parts, _) = rig.parts.as_ref().expect("not running");
    let count = assign(&*rig.ledger, &parts.cores, &Shops(&["c5"])).await;
    assert_eq!(count.expect("assigned"), 1);
    assert_eq!(rig.ledger.reassigned(), [(ConversationId(14), "main".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_tells_of_an_open_window_and_its_commit_hurries() {
    let rig = Rig::running(|_| taken()).await;
    let stored = rig.ledger.append(1, Some("main"));
    rig.turn.open.lock().expect("lock").insert(stored.event.id.clone());
    rig.handle.event(stored);
    rig.event(2);
    rig.sees(2).await;
    let passive = |key: &str| rig.seen().iter().any(|it| it.conversation == key && it.passive);
    assert!(passive("c1") && !passive("c2"));
    rig.drained().await;
    assert_eq!(rig.ledger.hurried(), [ConversationId(1)].into());
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_changes_its_core_is_not_offered_to_the_old_one() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    rig.event(1);
    rig.sees(1).await;
    // Committed for another core while we still hold the lane of the first.
    let moved = rig.ledger.append(1, Some("other"));
    rig.handle.event(moved);
    hold.add_permits(10);
    rig.drained().await;
    rig.sees(1).await;
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_put_in_place_is_read_again() {
    let rig = Rig::running(|seen| if seen.gap { taken() } else { failed() }).await;
    rig.event(1);
    rig.event(1);
    rig.sees(1).await;
    let gap = rig.ledger.sweep(1, 2);
    rig.handle.event(gap);
    rig.advance(200).await;
    rig.drained().await;
    let seen: Vec<(u32, bool)> = rig.seen().iter().map(|it| (it.seq, it.gap)).collect();
    assert_eq!(seen, [(1, false), (2, true)]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_backlog_is_read_once() {
    let rig = Rig::new(|_| taken());
    for _ in 0..10 {
        for conversation in 1..=1_000 {
            rig.ledger.append(conversation, Some("main"));
        }
    }
    let rig = rig.run();
    rig.drained().await;
    rig.fence().await;
    assert!(rig.ledger.reads() < 1_100, "{} reads", rig.ledger.reads());
    rig.stopped().await;
}

// On one thread: another's pause between taking a turn and using it would look like a turn that did not come.
#[tokio::test]
async fn talkative_conversations_let_others_in_between() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    for conversation in 1..=400 {
        for _ in 0..40 {
            rig.event(conversation);
        }
    }
    rig.sees(256).await;
    hold.add_permits(100_000);
    rig.drained().await;
    let seen = rig.seen();
    let last_began = seen.iter().position(|it| it.conversation == "c400").expect("offered");
    assert!(
        last_began <= 399 * state::BATCH,
        "the last one had to wait for {last_began} others"
    );
    rig.stopped().await;
}

#[tokio::test]
async fn what_was_forgotten_while_it_was_read_lets_nothing_later_pass_what_waits() {
    let ledger = FakeLedger::default();
    let mut state = State::default();
    state.configure(&Cores([core("main", Kind::Http)].into()), START);
    for _ in 0..20 {
        ledger.append(1, Some("main"));
    }
    state.load(Ledger::backlog(&ledger).await.expect("read"), HashMap::new());
    let (mut jobs, _) = state.due(START);
    let mut job = jobs.pop().expect("one to read");
    let mut read = Ledger::pending(&ledger, ConversationId(1), state::BATCH)
        .await
        .expect("read");
    read.events.drain(..3);
    assert!(state.filled(&mut job, read));
    let later = ledger.append(1, Some("main"));
    state.arrived(&later, lanes::cost(&later));
    let mut seqs = Vec::new();
    while !job.run.is_empty() {
        seqs.extend(job.run.iter().map(|stored| stored.event.seq));
        let rows = job.run.iter().map(|stored| stored.row).collect();
        state.settle(&mut job, state::Settled::Taken { rows });
        job = state.due(START).0.pop().expect("there is more");
    }
    assert_eq!(
        seqs,
        (4..=16).collect::<Vec<_>>(),
        "then the store is asked for what is behind"
    );
}
