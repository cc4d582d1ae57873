//! May several events travel in one request? Where nobody waits for an answer, to a core that has shown that it acknowledges
//! each conversation by itself, and only while it answers at once; those of one conversation in their order.
//!
//! A core that answers for a request as a whole gets one event at a time: it may not have looked for a second one. For the
//! same reason a core that does not say how far it took a conversation gets one event of it in a request. And
//! conversations do not wait for each other: a core that takes its time over one gets one at a time too.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{Door, Share, answer};
use crate::{
    ports::core::{Offer, Outcome},
    schema::v1::{DeliverResponse, ack::Outcome as Says},
};

/// Requests with several events in flight.
const FLIGHTS: usize = 4;
/// Events of one request, at first …
const EVENTS: usize = 32;
/// … and to a core that takes so many in a quarter of the time it has.
const EVENTS_MOST: usize = 256;
/// Their encoded bytes: peers take no message over 4 MiB unless told to.
const BYTES: usize = 1 << 20;
/// A core that takes longer for a request is not one that answers at once …
const AT_ONCE: Duration = Duration::from_millis(100);
/// … and gets single events for so long.
const REST: Duration = Duration::from_secs(10);

/// What waits for the next request.
#[derive(Default)]
pub struct Batches {
    /// It answers for each conversation …
    understood: AtomicBool,
    /// … and says how far: it has looked for a second event.
    counts: AtomicBool,
    state: Mutex<State>,
}

struct State {
    waiting: VecDeque<Waiting>,
    flights: usize,
    /// How many events a request holds now.
    most: usize,
    rests_until: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            flights: 0,
            most: EVENTS,
            rests_until: None,
        }
    }
}

/// A run of one conversation.
struct Waiting {
    events: Vec<Bytes>,
    ticket: Ticket,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.events.iter().map(Bytes::len).sum()
    }
}

impl Batches {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An Ack says that the core looks at each conversation, and its `through_seq` that it looks at each event.
    pub fn heard(&self, response: &DeliverResponse) {
        let acks = &response.results;
        // Replies beside the Acks are those of who looks at one event.
        let looks = !acks.is_empty() && response.replies.is_empty();
        self.understood.store(looks, Ordering::Relaxed);
        let mut taken = acks.iter().filter(|ack| ack.outcome() == Says::Ok).peekable();
        if taken.peek().is_some() {
            let counts = taken.all(|ack| ack.through_seq > 0);
            self.counts.store(counts, Ordering::Relaxed);
        }
    }

    /// How many events of one conversation may stand in a request.
    pub fn of_a_run(&self) -> usize {
        match self.counts.load(Ordering::Relaxed) {
            true => usize::MAX,
            false => 1,
        }
    }

    pub fn are_welcome(&self) -> bool {
        let rests = |until: Option<Instant>| until.is_some_and(|until| Instant::now() < until);
        self.understood.load(Ordering::Relaxed) && !rests(self.state().rests_until)
    }
}

/// Nobody waits for its answer, and nobody had trouble with it.
pub fn may_travel(offer: &Offer<'_>) -> bool {
    offer.passive.is_none() && offer.replay.is_none() && offer.attempt == 1
}

/// Takes seats in the next request for a run of one conversation; what became of each, up to the first that was not taken.
pub async fn travel(door: &Arc<Door>, key: &str, run: Vec<(u32, Bytes)>) -> Vec<Outcome> {
    let (tell, told) = oneshot::channel();
    let (seqs, events): (Vec<u32>, Vec<Bytes>) = run.into_iter().unzip();
    let ticket = Ticket {
        key: key.to_owned(),
        seqs,
        tell,
    };
    let starts = {
        let mut state = door.batches.state();
        state.waiting.push_back(Waiting { events, ticket });
        let starts = state.flights < FLIGHTS;
        state.flights += usize::from(starts);
        starts
    };
    if starts {
        // Others travel with it: it does not end with whoever began it.
        tokio::spawn(fly(door.clone()));
    }
    told.await.unwrap_or_else(|_| vec![failed("the request was cut off")])
}

/// One request after the other, until nobody waits.
async fn fly(door: Arc<Door>) {
    let mut flight = Flight {
        batches: &door.batches,
        landed: false,
    };
    loop {
        let seats = {
            let mut state = door.batches.state();
            let seats = state.board();
            if seats.is_empty() {
                // In the same breath: whoever comes next begins a flight.
                state.flights -= 1;
                flight.landed = true;
                return;
            }
            seats
        };
        let began = Instant::now();
        let (mut events, mut tickets) = (Vec::new(), Vec::with_capacity(seats.len()));
        for seat in seats {
            events.extend(seat.events);
            tickets.push(seat.ticket);
        }
        let count = events.len();
        let said = door.deliver(events).await;
        let answered = said.is_ok();
        match said {
            Ok(response) => land(&door, response, tickets),
            Err(outcome) if count == 1 => tickets
                .into_iter()
                .for_each(|ticket| ticket.told(vec![outcome.clone()])),
            // Whose fault it was is not known: each is asked for by itself.
            Err(outcome) => {
                door.batches.state().rests_until = Some(Instant::now() + REST);
                tickets
                    .into_iter()
                    .for_each(|ticket| ticket.told(vec![blameless(&outcome)]));
            }
        }
        door.batches.state().learn(count, began.elapsed(), answered);
    }
}

/// If it ends before its end (a fault in us), others may fly in its place.
struct Flight<'a> {
    batches: &'a Batches,
    landed: bool,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.landed {
            self.batches.state().flights -= 1;
        }
    }
}

impl State {
    fn board(&mut self) -> Vec<Waiting> {
        let (mut seats, mut count, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = self.waiting.front() {
            count += next.events.len();
            bytes += next.bytes();
            if !seats.is_empty() && (count > self.most || bytes > BYTES) {
                break;
            }
            seats.extend(self.waiting.pop_front());
        }
        seats
    }

    /// A request of so many took so long, and was answered or failed. A quick failure is no sign of a quick core.
    fn learn(&mut self, count: usize, took: Duration, answered: bool) {
        if took > AT_ONCE || !answered {
            if took > AT_ONCE && count <= EVENTS {
                self.rests_until = Some(Instant::now() + REST);
            }
            self.most = EVENTS;
        } else if took < AT_ONCE / 4 && count > self.most / 2 {
            self.most = (self.most * 2).min(EVENTS_MOST);
        }
    }
}

/// Whose answer goes where.
struct Ticket {
    key: String,
    seqs: Vec<u32>,
    tell: oneshot::Sender<Vec<Outcome>>,
}

impl Ticket {
    fn share(&self) -> Share<'_> {
        Share {
            key: &self.key,
            seqs: &self.seqs,
        }
    }

    fn told(self, outcomes: Vec<Outcome>) {
        // Whoever asked may be gone; the event is offered again then.
        let _ = self.tell.send(outcomes);
    }
}

/// Each hears what its own Acks say.
fn land(door: &Door, mut response: DeliverResponse, tickets: Vec<Ticket>) {
    door.batches.heard(&response);
    // Nobody in here waits for an answer.
    response.keep_window = false;
    let whose: Vec<Share<'_>> = tickets.iter().map(Ticket::share).collect();
    let outcomes = answer::shares(response, &whose);
    let both = tickets.into_iter().zip(outcomes);
    both.for_each(|(ticket, outcomes)| ticket.told(outcomes));
}

/// Nobody's own failure is what befell all: down and slow are the core's, everything else is tried again alone.
fn blameless(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Down { .. } | Outcome::Slow { .. } => outcome.clone(),
        other => Outcome::Again {
            after: Some(0),
            why: format!("in one request with others: {}", other.why()),
        },
    }
}

pub fn failed(why: &str) -> Outcome {
    Outcome::Failed {
        after: None,
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of this many events, each of so many bytes.
    fn waiting(runs: &[usize], bytes: usize) -> State {
        let run = |count: &usize| {
            let (tell, _) = oneshot::channel();
            let ticket = Ticket {
                key: "k".into(),
                seqs: (1..).take(*count).collect(),
                tell,
            };
            let events = vec![Bytes::from(vec![0; bytes]); *count];
            Waiting { events, ticket }
        };
        State {
            waiting: runs.iter().map(run).collect(),
            ..State::default()
        }
    }

    fn boards(state: &mut State) -> Vec<usize> {
        state.board().iter().map(|seat| seat.events.len()).collect()
    }

    #[test]
    fn a_run_is_not_split_and_a_request_is_not_too_large() {
        let mut state = waiting(&[16, 10, 6, 1], 100);
        assert_eq!(boards(&mut state), [16, 10, 6]);
        assert_eq!(boards(&mut state), [1]);
        assert_eq!(boards(&mut state), [0; 0]);
        let mut state = waiting(&[2, 2, 2], BYTES / 4);
        assert_eq!(boards(&mut state), [2, 2]);
        let mut state = waiting(&[40, 1], BYTES / 8);
        assert_eq!(boards(&mut state), [40], "one goes, whatever it is");
    }

    #[test]
    fn requests_grow_while_the_core_is_quick_and_end_when_it_is_not() {
        let (quick, slow) = (Duration::from_millis(5), AT_ONCE + Duration::from_millis(1));
        let mut state = State::default();
        state.learn(10, quick, true);
        assert_eq!(state.most, 32, "it was not asked for more");
        for most in [64, 128, 256, 256] {
            state.learn(state.most, quick, true);
            assert_eq!(state.most, most);
        }
        state.learn(256, AT_ONCE / 2, true);
        assert_eq!(state.most, 256);
        state.learn(200, slow, true);
        assert_eq!((state.most, state.rests_until), (32, None));
        state.learn(32, slow, true);
        assert!(state.rests_until.is_some());
    }

    #[test]
    fn a_request_that_failed_makes_the_next_one_no_larger() {
        let quick = Duration::from_millis(1);
        let mut state = State::default();
        state.learn(EVENTS, quick, false);
        assert_eq!(state.most, EVENTS, "how quickly it failed says nothing");
        for _ in 0..2 {
            state.learn(state.most, quick, true);
        }
        assert_eq!(state.most, 4 * EVENTS);
        state.learn(state.most, quick, false);
        assert_eq!(state.most, EVENTS);
    }
}
