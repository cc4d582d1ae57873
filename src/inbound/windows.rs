//! Which requests of the platform are open, by the event they became?
//!
//! A request enters here before its event is committed, known by account and dedupe text; the commit binds it to the
//! event before anybody hears of the event, so that no answer is faster than its window. The platform's further
//! attempts join the window that is open. One lock, held for a few lookups, never across an await.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{
    attempt::Attempt,
    window::{Next, Said, Waiting, Window},
};
use crate::{
    accounts::Opened,
    channels::contract::{PassiveTo, Seal},
    cores::Cores,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        store::Stored,
        turn::{Claim, Windows},
    },
    schema::v1,
};

/// What nobody waits for is looked for this often.
const SWEEP_EVERY: Millis = 1_000;

/// The open requests.
pub struct OpenRequests(Arc<Desk>);

/// What opens a window, or joins one.
pub(super) struct Request<'a> {
    pub opened: &'a Arc<Opened>,
    pub dedupe: &'a str,
    pub to: &'a PassiveTo,
    pub seal: &'a Seal,
    pub first: Millis,
    pub cores: &'a Arc<Cores>,
    /// The largest budget of any core.
    pub budget: Millis,
}

/// The table, and what is needed to close an answer.
pub(super) struct Desk {
    pub clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    windows: HashMap<u64, Window>,
    by_request: HashMap<Arc<str>, u64>,
    by_event: HashMap<String, u64>,
    last_number: u64,
    swept: Millis,
}

impl OpenRequests {
    pub fn new(clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Arc<Self> {
        Arc::new(Self(Arc::new(Desk {
            clock,
            chance,
            table: Mutex::default(),
        })))
    }

    /// A new event was committed. Called by the store's listener before delivery hears of it; harmless when repeated.
    pub fn bind(&self, stored: &Arc<Stored>) {
        // Its head alone: every event comes by here, and none is read for it.
        let event = stored.event.head();
        // What we bring back ourselves answers no request.
        if event.dedupe_key.is_empty() || event.is_redelivery {
            return;
        }
        let mut table = self.0.lock();
        if table.by_request.is_empty() {
            return;
        }
        let named = name(event.account, event.dedupe_key);
        let Some(&number) = table.by_request.get(named.as_str()) else {
            return;
        };
        let Some(window) = table.windows.get_mut(&number) else {
            return;
        };
        if window.event.is_some() {
            return;
        }
        if window.bind(stored) {
            table.by_event.insert(event.id.to_owned(), number);
        } else {
            table.end(number);
        }
    }

    /// Registers one attempt: with the window that is open, else with a new one.
    pub(super) fn open(&self, request: Request<'_>) -> Attempt {
        let now = self.0.clock.now();
        let named = name(&request.opened.settings.id, request.dedupe);
        let mut table = self.0.lock();
        table.sweep(now);
        let number = table.joinable(&named, now).unwrap_or_else(|| {
            let hold = request.opened.settings.hold;
            let (to, cores) = (request.to.clone(), request.cores.clone());
            table.add(Window::new(
                named.into(),
                to,
                hold,
                cores,
                request.first,
                request.budget,
            ))
        });
        table.last_number += 1;
        let id = table.last_number;
        let (say, said) = oneshot::channel();
        let mut nth = 1;
        if let Some(window) = table.windows.get_mut(&number) {
            window.seen += 1;
            nth = window.seen;
            window.attempts.push(Waiting {
                id,
                opened: request.opened.clone(),
                seal: request.seal.clone(),
                say,
            });
        }
        drop(table);
        Attempt::new(self.0.clone(), number, id, nth, request.first, said)
    }

    /// Windows in memory, for tests.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().windows.len()
    }
}

fn name(account: &str, dedupe: &str) -> String {
    // An account's id has no line end.
    [account, "\n", dedupe].concat()
}

impl Table {
    fn add(&mut self, window: Window) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        self.by_request.insert(window.named.clone(), number);
        self.windows.insert(number, window);
        number
    }

    /// The window that a further attempt belongs to; one that is over makes room.
    fn joinable(&mut self, named: &str, now: Millis) -> Option<u64> {
        let number = *self.by_request.get(named)?;
        if self.windows.get(&number)?.joinable(now) {
            return Some(number);
        }
        self.end(number);
        None
    }

    /// Takes a window away.
    fn remove(&mut self, number: u64) -> Option<Window> {
        let window = self.windows.remove(&number)?;
        if let Some(event) = &window.event {
            self.by_event.remove(event);
        }
        self.by_request.remove(&window.named);
        Some(window)
    }

    /// Takes a window away; whoever still waits is answered `success`.
    fn end(&mut self, number: u64) {
        for waiting in self.remove(number).into_iter().flat_map(|window| window.attempts) {
            // Whoever hung up does not hear it.
            let _ = waiting.say.send(Said::Success);
        }
    }

    fn sweep(&mut self, now: Millis) {
        if now.abs_diff(self.swept) < SWEEP_EVERY.unsigned_abs() {
            return;
        }
        self.swept = now;
        let over = self.windows.iter().filter(|(_, window)| window.forgotten(now));
        let over: Vec<u64> = over.map(|(number, _)| *number).collect();
        over.into_iter().for_each(|number| self.end(number));
    }

    fn of_event(&mut self, event_id: &str) -> Option<(u64, &mut Window)> {
        let number = *self.by_event.get(event_id)?;
        Some((number, self.windows.get_mut(&number)?))
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the attempt does next, for which it is `reached`; where it or its window is over, that is done here. `None`: it has
    /// been told, or will be at once.
    pub(super) fn next(&self, number: u64, id: u64, nth: u32, outer: Millis, reached: Millis) -> Option<Millis> {
        let now = self.clock.now();
        let mut table = self.lock();
        let window = table.windows.get_mut(&number)?;
        match window.next(nth, outer, reached) {
            Next::Wait(until) => return Some(until),
            Next::Leave => {
                window.ended(id, now);
                if window.attempts.is_empty() && !window.claimed {
                    table.end(number);
                }
            }
            Next::End => table.end(number),
        }
        None
    }

    /// Binds a window to an event that is known already; which of the platform's attempts this one is. `None`: nobody is waited
    /// for.
    pub(super) fn again(&self, number: u64, stored: &Stored) -> Option<u32> {
        let now = self.clock.now();
        let mut table = self.lock();
        let window = table.windows.get_mut(&number)?;
        if window.event.is_none() && !window.again(stored, now) {
            table.end(number);
            return None;
        }
        let seen = window.seen;
        table.by_event.insert(stored.event.id().to_owned(), number);
        Some(seen)
    }

    /// Whether the event of this window is committed. A window that is gone has told its attempts what they answer.
    pub(super) fn is_bound(&self, number: u64) -> bool {
        let table = self.lock();
        let window = table.windows.get(&number);
        window.is_none_or(|window| window.event.is_some())
    }

    /// An attempt is over. A window that no event will own goes with its last attempt.
    pub(super) fn left(&self, number: u64, id: u64, never_bound: bool) {
        let now = self.clock.now();
        let mut table = self.lock();
        let Some(window) = table.windows.get_mut(&number) else {
            return;
        };
        window.ended(id, now);
        let unowned = never_bound && window.event.is_none() && window.attempts.is_empty();
        if unowned || window.forgotten(now) {
            table.end(number);
        }
    }

    fn release(&self, number: u64) {
        let now = self.clock.now();
        let mut table = self.lock();
        let Some(window) = table.windows.get_mut(&number) else {
            return;
        };
        window.claimed = false;
        if window.closing || !window.possible(now) {
            table.end(number);
        }
    }

    /// The window is over; who waits in it is sent to the message.
    fn keep(&self, number: u64) {
        let window = self.lock().remove(number);
        for waiting in window.into_iter().flat_map(|window| window.attempts) {
            // Whoever hung up does not hear it.
            let _ = waiting.say.send(Said::Kept);
        }
    }

    /// `true`: at least one attempt got it.
    fn hand_over(&self, number: u64, plain: &[u8]) -> bool {
        let window = self.lock().remove(number);
        let mut reached = false;
        for waiting in window.into_iter().flat_map(|window| window.attempts) {
            let mut random = [0; 16];
            self.chance.fill(&mut random);
            let now = self.clock.now();
            match waiting.opened.account.seal(&waiting.seal, plain, now, random) {
                Ok(sealed) => reached |= waiting.say.send(Said::Passive(sealed)).is_ok(),
                Err(fault) => {
                    tracing::error!(account = waiting.opened.settings.id, %fault, "a passive answer cannot be sealed");
                    let _ = waiting.say.send(Said::Success);
                }
            }
        }
        reached
    }
}

impl Windows for OpenRequests {
    fn look(&self, event_id: &str) -> Option<v1::PassiveWindow> {
        let now = self.0.clock.now();
        let mut table = self.0.lock();
        table.of_event(event_id)?.1.shown(now)
    }

    fn claim(&self, event_id: &str) -> Option<Box<dyn Claim>> {
        let now = self.0.clock.now();
        let mut table = self.0.lock();
        let (number, window) = table.of_event(event_id)?;
        if window.claimed || window.closing || !window.possible(now) {
            return None;
        }
        window.claimed = true;
        Some(Box::new(Held {
            desk: self.0.clone(),
            number,
            to: window.to.clone(),
            deadline: window.deadline,
            used: false,
        }))
    }

    fn close(&self, event_id: &str) {
        let mut table = self.0.lock();
        let Some((number, window)) = table.of_event(event_id) else {
            return;
        };
        // Somebody is about to answer: it ends with that.
        if window.claimed {
            window.closing = true;
        } else {
            table.end(number);
        }
    }
}

/// The right to answer one window.
struct Held {
    desk: Arc<Desk>,
    number: u64,
    to: PassiveTo,
    deadline: Millis,
    used: bool,
}

impl Claim for Held {
    fn to(&self) -> &PassiveTo {
        &self.to
    }

    fn deadline(&self) -> Millis {
        self.deadline
    }

    fn left_at(&self) -> Option<Millis> {
        self.desk.lock().windows.get(&self.number)?.left_at()
    }

    fn hand_over(mut self: Box<Self>, plain: Vec<u8>) -> bool {
        self.used = true;
        self.desk.hand_over(self.number, &plain)
    }

    fn keep(mut self: Box<Self>) {
        self.used = true;
        self.desk.keep(self.number);
    }

    fn release(self: Box<Self>) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.used {
            self.desk.release(self.number);
        }
    }
}
