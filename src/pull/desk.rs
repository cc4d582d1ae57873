//! Whose turn is it? One walker per place and a few at a time, in the order they asked; after each page a place stands in
//! line again behind the others, so that one with a long backlog keeps none waiting. Nor does an account whose platform hangs.

mod seats;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::record::{Mark, Place, PlaceKey};
use crate::ports::clock::{Looked, Millis};

/// Something went wrong that is nobody's doing: again after 1 s, 2, 4 … 60 s.
const PAUSE: Millis = 1_000;
const PAUSE_MOST: Millis = 60_000;
/// What will not work before somebody changes something is tried this often.
pub const SHUT: Millis = 5 * 60_000;
/// A turn that did not come to its end.
pub const AFTER_FAULT: Millis = 60_000;
/// Before a bell rings, or the platform lists it again.
const NEVER: Millis = Millis::MAX;
/// Too many at a time: fewer, until this long after the last complaint.
const FEWER_FOR: Millis = 60_000;

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Which places has this account?
    List(String),
    Page(PlaceKey),
}

impl Job {
    fn account(&self) -> &str {
        match self {
            Self::List(account) => account,
            Self::Page(key) => &key.account,
        }
    }
}

/// What follows a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// There is more.
    Again,
    /// Caught up: when the sweep comes, or the next bell.
    At(Millis),
    /// Again after a pause that grows.
    Fault,
    /// Again at this moment, whatever rings.
    NotBefore(Millis),
    /// The platform says that too many ask at a time.
    TooMany,
    Gone,
}

pub struct Desk(Mutex<Inner>);

struct Inner {
    /// Turns at the same time.
    most: usize,
    /// What the platform bears, while it complained lately.
    fewer: Option<(usize, Millis)>,
    busy: usize,
    /// How many of them are of this account; who has none is not here.
    busy_by: BTreeMap<String, usize>,
    looked: Looked,
    accounts: BTreeMap<String, Seat>,
    places: BTreeMap<PlaceKey, Lane>,
    line: VecDeque<Job>,
}

/// An account.
struct Seat {
    account: String,
    listed: bool,
    /// Its places may have changed since the turn under way began.
    asked: bool,
    /// The places that the operator named, when last looked at.
    named: Option<Vec<String>>,
    state: Standing,
}

/// A place.
#[derive(Default)]
struct Lane {
    place: Place,
    mark: Mark,
    /// Bells heard, and how many of them the turn under way knows of.
    rung: u64,
    known: u64,
    /// Pages in a row that said that there is more, and gave no cursor to it.
    still: u32,
    state: Standing,
}

#[derive(Default)]
struct Standing {
    in_line: bool,
    running: bool,
    due: Millis,
    faults: u32,
    /// Until then not even a bell gives a turn.
    not_before: Millis,
}

impl Desk {
    pub fn new(most: usize) -> Self {
        Self(Mutex::new(Inner {
            most: most.max(1),
            fewer: None,
            busy: 0,
            busy_by: BTreeMap::new(),
            looked: Looked::default(),
            accounts: BTreeMap::new(),
            places: BTreeMap::new(),
            line: VecDeque::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bell, whose mark is on disk.
    pub fn rang(&self, key: &PlaceKey, mark: Mark, now: Millis) {
        if let Some(lane) = self.lock().places.get_mut(key) {
            lane.rung += 1;
            lane.mark = mark;
            lane.state.due = now;
        }
    }

    /// The next turn, if one is free.
    pub fn next(&self, now: Millis) -> Option<Job> {
        let mut inner = self.lock();
        inner.follow(now);
        inner.queue_up(now);
        if inner.busy >= inner.allowed(now) {
            return None;
        }
        while let Some(job) = inner.first_in_line() {
            if let Job::List(account) = &job {
                let mut seats = inner.accounts.values_mut();
                if let Some(seat) = seats.find(|seat| seat.account == *account) {
                    seat.asked = false;
                }
            }
            if let Some(state) = inner.state(&job) {
                state.in_line = false;
                state.running = true;
                inner.busy += 1;
                *inner.busy_by.entry(job.account().to_owned()).or_default() += 1;
                return Some(job);
            }
        }
        None
    }

    /// Who is due and waits for a free turn.
    pub fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    /// When time alone gives a turn.
    pub fn next_due(&self) -> Option<Millis> {
        let inner = self.lock();
        if inner.busy >= inner.most {
            // Whoever is due waits for a free turn, which wakes by itself.
            return None;
        }
        let states = inner
            .accounts
            .values()
            .map(|seat| &seat.state)
            .chain(inner.places.values().map(|lane| &lane.state));
        states
            .filter(|it| !it.running && !it.in_line)
            .map(|it| it.due.max(it.not_before))
            .min()
    }

    /// Where a place stands, for one page; the bells heard so far count as answered by it.
    pub fn look(&self, key: &PlaceKey) -> Option<(Place, Mark)> {
        let mut inner = self.lock();
        let lane = inner.places.get_mut(key)?;
        lane.known = lane.rung;
        Some((lane.place.clone(), lane.mark.clone()))
    }

    /// A page is on disk.
    pub fn moved(&self, key: &PlaceKey, place: Place) {
        if let Some(lane) = self.lock().places.get_mut(key) {
            if lane.place.cursor != place.cursor {
                lane.still = 0;
            }
            lane.place = place;
        }
    }

    /// A page says that there is more, and gives no cursor to it; how many in a row.
    pub fn stands_still(&self, key: &PlaceKey) -> u32 {
        let mut inner = self.lock();
        inner.places.get_mut(key).map_or(0, |lane| {
            lane.still += 1;
            lane.still
        })
    }

    /// The bell's token is of no use; a newer one stays.
    pub fn drop_token(&self, key: &PlaceKey, token: &str) {
        if let Some(lane) = self.lock().places.get_mut(key)
            && lane.mark.token == token
        {
            lane.mark.token.clear();
        }
    }

    fn ends(&self, job: &Job, after: After, now: Millis) {
        self.lock().ends(job, after, now);
    }
}

impl Inner {
    /// A clock that was set back would hold up all that waits until it has come again: their times go with it.
    fn follow(&mut self, now: Millis) {
        let Some(back) = self.looked.set_back(now) else { return };
        let seats = self.accounts.values_mut().map(|seat| &mut seat.state);
        let lanes = self.places.values_mut().map(|lane| &mut lane.state);
        for state in seats.chain(lanes) {
            if state.due != NEVER {
                state.due = state.due.saturating_sub(back);
            }
            state.not_before = state.not_before.saturating_sub(back);
        }
        self.fewer = self.fewer.map(|(fewer, until)| (fewer, until.saturating_sub(back)));
    }

    /// The first whose account may have one more turn.
    fn first_in_line(&mut self) -> Option<Job> {
        let has_its_share = |(account, busy): &(&String, &usize)| **busy >= self.share(account);
        let full: Vec<&str> = (self.busy_by.iter().filter(has_its_share))
            .map(|(account, _)| account.as_str())
            .collect();
        let at = self.line.iter().position(|job| !full.contains(&job.account()))?;
        self.line.remove(at)
    }

    /// Turns that one account may have at a time: one is left for the others, and where the last turn at one of its places came
    /// to nothing, all but one are.
    fn share(&self, account: &str) -> usize {
        let seats = self.accounts.values().map(|seat| (&seat.account, &seat.state));
        let places = self.places.iter().map(|(key, lane)| (&key.account, &lane.state));
        let (own, others): (Vec<_>, Vec<_>) = seats.chain(places).partition(|(of, _)| *of == account);
        if others.is_empty() {
            return self.most;
        }
        match own.iter().any(|(_, state)| state.faults > 0) {
            true => 1,
            false => self.most.saturating_sub(1).max(1),
        }
    }

    /// Who is due stands in line.
    fn queue_up(&mut self, now: Millis) {
        let ready = |state: &Standing| !state.running && !state.in_line && state.due.max(state.not_before) <= now;
        for seat in self.accounts.values_mut().filter(|seat| ready(&seat.state)) {
            seat.state.in_line = true;
            self.line.push_back(Job::List(seat.account.clone()));
        }
        let mut due: Vec<(Millis, &PlaceKey, &mut Lane)> = (self.places.iter_mut())
            .filter(|(_, lane)| ready(&lane.state))
            .map(|(key, lane)| (lane.state.due, key, lane))
            .collect();
        due.sort_by_key(|(due, ..)| *due);
        for (_, key, lane) in due {
            lane.state.in_line = true;
            self.line.push_back(Job::Page(key.clone()));
        }
    }

    fn allowed(&mut self, now: Millis) -> usize {
        match self.fewer {
            Some((fewer, until)) if now < until => fewer,
            _ => {
                self.fewer = None;
                self.most
            }
        }
    }

    fn state(&mut self, job: &Job) -> Option<&mut Standing> {
        match job {
            Job::List(account) => {
                let seat = self.accounts.values_mut().find(|seat| seat.account == *account);
                seat.map(|seat| &mut seat.state)
            }
            Job::Page(key) => self.places.get_mut(key).map(|lane| &mut lane.state),
        }
    }

    fn ends(&mut self, job: &Job, after: After, now: Millis) {
        self.busy = self.busy.saturating_sub(1);
        if let Some(busy) = self.busy_by.get_mut(job.account()) {
            *busy -= 1;
            if *busy == 0 {
                self.busy_by.remove(job.account());
            }
        }
        if after == After::TooMany {
            let allowed = self.allowed(now);
            self.fewer = Some(((allowed / 2).max(1), now + FEWER_FOR));
        }
        if let (Job::Page(key), After::Gone) = (job, after) {
            self.places.remove(key);
            return;
        }
        let again = match job {
            Job::Page(key) => self.places.get(key).is_some_and(|lane| lane.rung > lane.known),
            Job::List(account) => self
                .accounts
                .values()
                .any(|seat| seat.asked && seat.account == *account),
        };
        let Some(state) = self.state(job) else { return };
        state.running = false;
        state.not_before = 0;
        match after {
            After::Again => {
                state.faults = 0;
                state.due = now;
            }
            After::At(at) => {
                state.faults = 0;
                state.due = if again { now } else { at };
            }
            After::NotBefore(at) => {
                state.faults = 0;
                state.not_before = at;
                state.due = at;
            }
            After::Fault | After::TooMany => {
                let pause = (PAUSE << state.faults.min(6)).min(PAUSE_MOST);
                state.faults = state.faults.saturating_add(1);
                state.not_before = now + pause;
                state.due = now + pause;
            }
            After::Gone => state.due = Millis::MAX,
        }
    }
}

/// One turn, ended when dropped.
pub struct Turn<'a> {
    desk: &'a Desk,
    woken: &'a Notify,
    job: Job,
    after: After,
    now: Millis,
}

impl<'a> Turn<'a> {
    pub fn new(desk: &'a Desk, woken: &'a Notify, job: Job, otherwise: Millis) -> Self {
        Self {
            desk,
            woken,
            job,
            after: After::NotBefore(otherwise),
            now: otherwise - AFTER_FAULT,
        }
    }

    pub fn ends(mut self, after: (After, Millis)) {
        (self.after, self.now) = after;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.desk.ends(&self.job, self.after, self.now);
        self.woken.notify_one();
    }
}

#[cfg(test)]
mod tests;
