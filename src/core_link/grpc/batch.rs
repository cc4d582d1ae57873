//! May several events travel in one request? Of different conversations, where nobody waits for an answer, to a core that
//! has shown that it acknowledges each conversation by itself, and only while it answers at once.
//!
//! A core that answers for a request as a whole gets one event at a time: it may not have looked for a second one. And
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

use super::{Door, answer};
use crate::{
    core_link::answer::About,
    ports::core::{Offer, Outcome},
    schema::v1::DeliverResponse,
};

/// Requests with several events in flight.
const FLIGHTS: usize = 4;
/// Events of one request.
const EVENTS: usize = 32;
/// Their encoded bytes: peers take no message over 4 MiB unless told to.
const BYTES: usize = 1 << 20;
/// A core that takes longer for a request is not one that answers at once …
const AT_ONCE: Duration = Duration::from_millis(100);
/// … and gets single events for so long.
const REST: Duration = Duration::from_secs(10);

/// What waits for the next request.
#[derive(Default)]
pub struct Batches {
    understood: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    flights: usize,
    rests_until: Option<Instant>,
}

struct Waiting {
    event: Bytes,
    ticket: Ticket,
}

impl Batches {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An Ack says that the core looks at each conversation.
    pub fn heard(&self, response: &DeliverResponse) {
        self.understood.store(!response.results.is_empty(), Ordering::Relaxed);
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

/// Takes a seat in the next request.
pub async fn travel(door: &Arc<Door>, event: Bytes, about: About<'_>) -> Outcome {
    let (tell, told) = oneshot::channel();
    let ticket = Ticket {
        key: about.key.to_owned(),
        seq: about.seq,
        tell,
    };
    let starts = {
        let mut state = door.batches.state();
        state.waiting.push_back(Waiting { event, ticket });
        let starts = state.flights < FLIGHTS;
        state.flights += usize::from(starts);
        starts
    };
    if starts {
        // Others travel with it: it does not end with whoever began it.
        tokio::spawn(fly(door.clone()));
    }
    told.await.unwrap_or_else(|_| failed("the request was cut off"))
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
        let (events, tickets): (Vec<_>, Vec<_>) = seats.into_iter().map(|seat| (seat.event, seat.ticket)).unzip();
        let alone = events.len() == 1;
        match door.deliver(events).await {
            Ok(response) => land(&door, response, tickets),
            Err(outcome) if alone => tickets.into_iter().for_each(|ticket| ticket.told(outcome.clone())),
            // Whose fault it was is not known: each is asked for by itself.
            Err(outcome) => {
                door.batches.state().rests_until = Some(Instant::now() + REST);
                tickets.into_iter().for_each(|ticket| ticket.told(blameless(&outcome)));
            }
        }
        if began.elapsed() > AT_ONCE {
            door.batches.state().rests_until = Some(Instant::now() + REST);
        }
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
        let (mut seats, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.waiting.front() {
            bytes += next.event.len();
            if seats.len() == EVENTS || (bytes > BYTES && !seats.is_empty()) {
                break;
            }
            seats.extend(self.waiting.pop_front());
        }
        seats
    }
}

/// Whose answer goes where.
struct Ticket {
    key: String,
    seq: u32,
    tell: oneshot::Sender<Outcome>,
}

impl Ticket {
    fn about(&self) -> About<'_> {
        About {
            key: &self.key,
            seq: self.seq,
        }
    }

    fn told(self, outcome: Outcome) {
        // Whoever asked may be gone; the event is offered again then.
        let _ = self.tell.send(outcome);
    }
}

/// Each hears what its own Ack says.
fn land(door: &Door, mut response: DeliverResponse, tickets: Vec<Ticket>) {
    door.batches.heard(&response);
    // Nobody in here waits for an answer.
    response.keep_window = false;
    let whose: Vec<About<'_>> = tickets.iter().map(Ticket::about).collect();
    let outcomes = answer::shares(response, &whose);
    let both = tickets.into_iter().zip(outcomes);
    both.for_each(|(ticket, outcome)| ticket.told(outcome));
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

fn failed(why: &str) -> Outcome {
    Outcome::Failed {
        after: None,
        why: why.to_owned(),
    }
}
