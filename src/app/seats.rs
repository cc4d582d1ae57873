//! Who keeps a connection over gRPC when there are no more? Whoever has shown a token; of the others the one that came
//! first goes, so that many who only sit there keep nobody out.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::sync::oneshot;

/// The listener's seats.
pub struct Seats {
    most: usize,
    taken: Arc<AtomicUsize>,
    /// Those who may have to go, in the order they came.
    guests: VecDeque<Guest>,
}

struct Guest {
    known: Arc<AtomicBool>,
    leave: oneshot::Sender<()>,
}

/// One connection's; free again when it is dropped.
pub struct Seat {
    /// Set by whoever sees a token that holds.
    pub known: Arc<AtomicBool>,
    taken: Arc<AtomicUsize>,
    leave: Option<oneshot::Receiver<()>>,
}

impl Seats {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
            guests: VecDeque::new(),
        }
    }

    /// A seat for one who comes; `None` where all are taken by those we know.
    pub fn take(&mut self) -> Option<Seat> {
        if self.guests.len() > self.most * 2 {
            self.guests.retain(Guest::is_there);
        }
        if self.taken.load(Ordering::Relaxed) >= self.most && !self.send_one_away() {
            return None;
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        let (leave, told) = oneshot::channel();
        let known = Arc::new(AtomicBool::new(false));
        self.guests.push_back(Guest {
            known: known.clone(),
            leave,
        });
        Some(Seat {
            known,
            taken: self.taken.clone(),
            leave: Some(told),
        })
    }

    fn send_one_away(&mut self) -> bool {
        while let Some(guest) = self.guests.pop_front() {
            if guest.is_there() && guest.leave.send(()).is_ok() {
                return true;
            }
        }
        false
    }
}

impl Guest {
    /// Still here, and still a stranger.
    fn is_there(&self) -> bool {
        !self.leave.is_closed() && !self.known.load(Ordering::Relaxed)
    }
}

impl Seat {
    /// Ready when somebody else needs it more.
    pub fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(leave) = &mut self.leave else {
            return Poll::Pending;
        };
        match std::pin::Pin::new(leave).poll(context) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            // We are known by now: nobody sends us away.
            Poll::Ready(Err(_)) => {
                self.leave = None;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn must_go(seat: &mut Seat) -> bool {
        seat.poll_leave(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn strangers_make_room_in_the_order_they_came_and_those_we_know_stay() {
        let mut seats = Seats::new(3);
        let mut first = seats.take().expect("room");
        let mut known = seats.take().expect("room");
        known.known.store(true, Ordering::Relaxed);
        let mut third = seats.take().expect("room");
        let fourth = seats.take().expect("somebody goes");
        assert!(must_go(&mut first));
        assert!(!must_go(&mut third));
        drop(first);
        let fifth = seats.take().expect("somebody goes");
        assert!(must_go(&mut third));
        assert!(!must_go(&mut known));
        drop(third);
        for seat in [&fourth, &fifth] {
            seat.known.store(true, Ordering::Relaxed);
        }
        assert!(seats.take().is_none(), "all are known");
        drop(fourth);
        assert!(seats.take().is_some());
    }
}
