//! Is everything told in the order of the commits, whoever tells it?

use std::sync::{
    Condvar,
    atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::store::sqlite::{
    announce::{Announcer, News},
    writer::Publish,
};

/// Writes down what it is told, and is not done with the first before it may go on.
#[derive(Default)]
struct Slow {
    told: Mutex<Vec<i64>>,
    at_the_first: AtomicBool,
    open: Mutex<bool>,
    changed: Condvar,
}

impl Slow {
    fn go_on(&self) {
        *self.open.lock().expect("lock") = true;
        self.changed.notify_all();
    }

    fn told(&self) -> Vec<i64> {
        self.told.lock().expect("lock").clone()
    }
}

impl Listener for Slow {
    fn event(&self, _: &Arc<Stored>) {}
    fn message(&self, conversation: ConversationId) {
        if conversation == ConversationId(1) {
            self.at_the_first.store(true, Ordering::SeqCst);
            let open = self.open.lock().expect("lock");
            drop(self.changed.wait_while(open, |open| !*open).expect("lock"));
        }
        self.told.lock().expect("lock").push(conversation.0);
    }
}

/// Gives way until it holds.
fn until(holds: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never holds");
        std::thread::yield_now();
    }
}

/// The news of one batch, whose callers are told behind its listener.
fn news(batch: i64, answered: &Arc<Mutex<Vec<i64>>>) -> News {
    let answered = answered.clone();
    News {
        committed: Ok(()),
        published: vec![Publish::Outbox(ConversationId(batch))],
        afters: vec![Box::new(move |_| answered.lock().expect("lock").push(batch))],
    }
}

#[test]
fn a_batch_that_nothing_waits_behind_does_not_overtake_one_that_is_still_being_told() {
    let (slow, answered) = (Arc::new(Slow::default()), Arc::default());
    let mut announcer = Announcer::new(slow.clone());
    announcer.say(news(1, &answered), true);
    until(|| slow.at_the_first.load(Ordering::SeqCst));
    // Nothing waits for the writer now: it would have the time to tell these itself.
    for batch in 2..=5 {
        announcer.say(news(batch, &answered), false);
    }
    slow.go_on();
    announcer.end();
    assert_eq!(slow.told(), [1, 2, 3, 4, 5]);
    assert_eq!(*answered.lock().expect("lock"), [1, 2, 3, 4, 5]);
}

#[test]
fn under_load_every_batch_is_told_behind_the_one_that_was_committed_before() {
    const BATCHES: i64 = 20_000;
    let (slow, answered) = (Arc::new(Slow::default()), Arc::default());
    slow.go_on();
    let mut announcer = Announcer::new(slow.clone());
    let mut dice = 0x9e37_79b9_u32;
    for batch in 1..=BATCHES {
        // The writer is sometimes waited for and sometimes not, in no order.
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        announcer.say(news(batch, &answered), dice >> 31 == 0);
    }
    announcer.end();
    let all: Vec<i64> = (1..=BATCHES).collect();
    assert!(slow.told() == all, "the listener hears them in order");
    assert!(*answered.lock().expect("lock") == all, "and so do the callers");
}
