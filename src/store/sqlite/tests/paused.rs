//! Does a paused account's event stay with nobody, and does everything of it go to its core in order afterwards?

use super::*;

fn all() -> Vec<ConversationId> {
    vec![ConversationId(1)]
}

async fn cores(bench: &Bench) -> Vec<Option<String>> {
    let pending = bench
        .store
        .pending(ConversationId(1), 0, 100)
        .await
        .expect("pending")
        .events;
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
async fn who_had_a_conversation_or_was_to_have_it_is_known_when_its_account_is_gone() {
    let bench = Bench::new();
    bench.say("a", 1).await;
    bench.store.pause("shop", Some(START)).await.expect("paused");
    bench.store.reassign(all(), "".into()).await.expect("taken away");
    // Begun in the pause: nobody had it.
    bench.say("b", 2).await;
    let bench = bench.crashed().await;
    let backlog = bench.store.backlog().await.expect("read");
    let before: Vec<_> = backlog
        .iter()
        .map(|it| (it.core.as_deref(), it.core_before_pause.as_deref()))
        .collect();
    assert_eq!(before, [(None, Some("main")), (None, Some("main"))]);
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

#[tokio::test]
async fn who_has_a_conversation_again_after_a_pause_has_had_its_first_event() {
    let first_seq = |stored: Arc<Stored>| stored.event.conversation().map(|it| it.first_seq);
    let bench = Bench::new();
    let first = bench.say("a", 1).await;
    bench.take(&first, Vec::new()).await;
    bench.store.pause("shop", Some(START)).await.expect("paused");
    let second = bench.say("a", 2).await;
    assert_eq!(first_seq(second.clone()), Some(1));
    bench.store.pause("shop", None).await.expect("resumed");
    bench.store.reassign(all(), "main".into()).await.expect("given");
    assert_eq!(first_seq(bench.say("a", 3).await), Some(1));
    // Somebody else begins with what waits, also where it was told so in a pause.
    bench.store.reassign(all(), "other".into()).await.expect("given");
    assert_eq!(first_seq(bench.say("a", 4).await), Some(2));
    bench.take(&second, Vec::new()).await;
    assert_eq!(bench.waiting(ConversationId(1)).await, [3, 4]);
    bench.store.pause("shop", Some(START)).await.expect("paused");
    for core in ["", "third"] {
        bench.store.reassign(all(), core.into()).await.expect("taken away");
    }
    bench.store.pause("shop", None).await.expect("resumed");
    bench.store.reassign(all(), "third".into()).await.expect("given");
    assert_eq!(first_seq(bench.say("a", 5).await), Some(3));
}

async fn told(bench: &Bench, message: &Message) -> Option<String> {
    let failed = Settle {
        tell: true,
        ..settle(message, Status::Failed)
    };
    bench.store.settle(failed).await.expect("settled");
    let heard = bench.heard();
    let last = heard.last().expect("told");
    assert!(matches!(last.event.body, Some(Body::Delivery(_))));
    last.core.as_deref().map(str::to_owned)
}

#[tokio::test]
async fn what_we_tell_of_a_conversation_that_began_in_a_pause_goes_to_the_core_that_spoke() {
    let bench = Bench::new();
    bench.store.pause("shop", Some(START)).await.expect("paused");
    let first = enqueued(&bench, message("a", "m1")).await;
    let second = enqueued(&bench, message("b", "m2")).await;
    assert_eq!(told(&bench, &second).await, None);
    let bench = bench.crashed().await;
    bench.store.pause("shop", None).await.expect("resumed");
    let backlog = bench.store.backlog().await.expect("read");
    assert_eq!(backlog.len(), 1, "of the other one nothing waits that could be given");
    assert_eq!(told(&bench, &first).await.as_deref(), Some("main"));
}

#[tokio::test]
async fn a_core_that_took_the_last_event_in_a_pause_has_the_conversation_afterwards() {
    let bench = Bench::new();
    let event = bench.say("a", 1).await;
    let parked = bench.say("a", 2).await;
    let gap = bench.store.park(&parked, "set aside".into()).await.expect("parked");
    let message = enqueued(&bench, message("a", "m1")).await;
    bench.store.pause("shop", Some(START)).await.expect("paused");
    bench.store.reassign(all(), "".into()).await.expect("taken away");
    // What was in flight goes to its end.
    bench.take(&event, Vec::new()).await;
    bench.take(&gap, Vec::new()).await;
    assert!(bench.waiting(event.conversation).await.is_empty());
    let of_main = EventQuery {
        core: Some("main".into()),
        limit: 9,
        ..Default::default()
    };
    assert_eq!(bench.store.events(of_main).await.expect("read").len(), 3);
    bench.store.pause("shop", None).await.expect("resumed");
    let again = bench.store.unpark(parked.row).await.expect("asked").expect("it was");
    assert_eq!(again.core.as_deref(), Some("main"));
    assert_eq!(told(&bench, &message).await.as_deref(), Some("main"));
}
