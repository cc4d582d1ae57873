//! What waits changes hands while its lane is in memory, in flight or being read: an account is paused and resumed.

use super::*;
use crate::ports::store::Waiting;

impl Rig {
    /// Everything that waits of the conversation is this core's now.
    fn moves(&self, conversation: i64, core: Option<&str>) {
        let waiting = self.ledger.give(conversation, core);
        self.handle.moved(&waiting);
    }

    fn offered_to(&self, core: &str, conversation: &str) -> bool {
        let seen = self.link.seen.lock().expect("lock");
        seen.iter()
            .any(|seen| seen.core == core && seen.conversation == conversation)
    }

    fn seqs(&self) -> Vec<u32> {
        self.seen().iter().map(|seen| seen.seq).collect()
    }
}

fn moved(waiting: &Waiting) -> (Option<&str>, u32) {
    (waiting.core.as_deref(), waiting.count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_from_a_core_is_not_offered_until_it_is_given_back_and_then_in_order() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    for _ in 0..3 {
        rig.event(1);
    }
    rig.sees(1).await;
    // One is in flight: it goes to its end. The others are in memory.
    rig.moves(1, None);
    hold.add_permits(100);
    let later = rig.ledger.append(1, None);
    rig.handle.event(later);
    eventually(|| rig.ledger.undelivered() == 3).await;
    rig.fence().await;
    assert_eq!(rig.seqs(), [1], "nothing but what was in flight");
    let waits: Vec<_> = rig
        .handle
        .backlog()
        .into_iter()
        .filter(|it| it.core.is_none())
        .collect();
    assert_eq!(waits[0].count, 3);
    rig.moves(1, Some("main"));
    rig.drained().await;
    let seqs: Vec<u32> = rig
        .seen()
        .iter()
        .filter(|it| it.conversation == "c1")
        .map(|it| it.seq)
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_heard_to_the_end_after_a_pause_began_is_heard_again_when_it_is_over() {
    let rig = Rig::running(|_| taken()).await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    rig.event(1);
    rig.sees(1).await;
    // The account is paused while it is in flight; by the end of the pause nothing waits, so that nothing changes hands.
    rig.moves(1, None);
    hold.add_permits(100);
    rig.drained().await;
    rig.event(1);
    rig.drained().await;
    assert_eq!(rig.seqs(), [1, 2]);
    rig.stopped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_in_back_off_stays_when_its_core_loses_it() {
    let rig = Rig::running(|_| failed()).await;
    rig.event(1);
    rig.sees(1).await;
    rig.moves(1, None);
    rig.advance(120_000).await;
    rig.fence().await;
    assert_eq!(rig.seqs().len(), 1);
    rig.moves(1, Some("main"));
    rig.sees(2).await;
    assert_eq!(
        rig.seen()[1].attempt,
        1,
        "it is offered at once, as if it had just come"
    );
    rig.stopped().await;
}

#[tokio::test]
async fn what_was_being_read_when_it_changed_hands_is_read_again() {
    let ledger = FakeLedger::default();
    let mut state = State::default();
    let cores = Cores([core("main", Kind::Http)].into());
    state.configure(&cores, START);
    for _ in 0..3 {
        ledger.append(1, Some("main"));
    }
    state.load(Ledger::backlog(&ledger).await.expect("read"), HashMap::new());
    let (mut jobs, _) = state.due(START);
    let mut job = jobs.pop().expect("one to read");
    let old = Ledger::pending(&ledger, ConversationId(1), 16).await.expect("read");
    let waiting = ledger.give(1, None);
    assert_eq!(moved(&waiting), (None, 3));
    state.moved(&waiting);
    assert!(!state.filled(&mut job, old), "it is of before");
    assert!(state.due(START).0.is_empty());
    state.moved(&ledger.give(1, Some("main")));
    assert_eq!(state.due(START).0.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_to_another_cores_line_begins_while_its_worker_goes_on() {
    let rig = Rig::running(|seen| match seen.conversation.as_str() {
        "c1" => Outcome::Again {
            after: None,
            why: "not now".into(),
        },
        _ => taken(),
    })
    .await;
    let hold = Arc::new(Semaphore::new(0));
    *rig.link.hold.lock().expect("lock") = Some(hold.clone());
    rig.event(1);
    eventually(|| rig.seen().len() == 1).await;
    // As many as may be in flight, and one more.
    for conversation in 2..=257 {
        rig.event(conversation);
    }
    eventually(|| rig.seen().len() == 256).await;
    rig.moves(1, Some("other"));
    // Let the deliverer see all of that, so that nothing else wakes it.
    let stored = rig.ledger.append(-1, Some("other"));
    rig.handle.event(stored.clone());
    eventually(|| rig.ledger.data().answered.contains(&stored.row)).await;
    // Who waits longest for it is the first: that of conversation 1, whose worker takes up the one that is too many.
    hold.add_permits(1);
    eventually(|| rig.seen().len() == 257).await;
    for _ in 0..100 {
        rig.clock.advance(Duration::from_millis(1_000));
        tokio::time::sleep(Duration::from_millis(2)).await;
        if rig.offered_to("other", "c1") {
            break;
        }
    }
    assert!(rig.offered_to("other", "c1"), "its new core is there");
    hold.add_permits(1_000);
    rig.drained().await;
    rig.stopped().await;
}
