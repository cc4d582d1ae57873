//! How do the records of one type reach one receiver? Read by row, batched by number and time, sent one batch after another.
//!
//! A lane holds one page of rows and one batch at most, however slow its receiver is: what comes meanwhile waits in the store.
//! Its place is written after each batch that was taken, so that a crash repeats one batch and loses none.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    Shared, derive, places, seal,
    settings::{Forwarder, Kind},
};
use crate::{
    delivery::schedule,
    ports::{
        clock::Millis,
        forward::{Place, Posted},
        store::StoreError,
    },
};

/// Records in one batch at most.
pub const BATCH: usize = 20;
/// Bytes of records in one batch, unless one alone is longer.
pub const BATCH_BYTES: usize = 1 << 20;
/// A record waits this long for others.
pub const LINGER: Millis = 1_000;
/// Rows read in one go.
const PAGE: usize = 100;
/// A place that moved without anything to send is written after so many rows, or at the end.
const STRIDE: i64 = 1_000;
/// How long a receiver may take.
const POST: std::time::Duration = std::time::Duration::from_secs(10);
/// What a post under way may still take when the house goes down.
const PARTING: Millis = 3_000;
/// After an error of the store.
const AGAIN: Millis = 1_000;

/// What an operator sees of a lane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Records taken by the receiver, since the start.
    pub sent: u64,
    /// Records given up because they were past the retention.
    pub expired: u64,
    /// Rows forgotten before they were looked at.
    pub lost: u64,
    /// Failed attempts in a row.
    pub failures: u32,
    pub last_error: String,
    pub next_attempt: Option<Millis>,
    /// When the oldest record that waits here was made.
    pub waiting_since: Option<Millis>,
    pub place: Place,
}

/// A record, ready to travel.
struct Ready {
    at: Millis,
    json: String,
    /// Behind it.
    place: Place,
}

/// One type of one forwarder.
pub struct Lane {
    shared: Arc<Shared>,
    to: Arc<Forwarder>,
    kind: Kind,
    status: Arc<Mutex<Status>>,
    /// As on disk.
    saved: Place,
    /// Everything before it was looked at; what came of it is in `ready`.
    read: Place,
    ready: VecDeque<Ready>,
    tail: watch::Receiver<Place>,
    stopped: watch::Receiver<bool>,
}

/// The house goes down.
struct Stopped;

/// When the next batch may go.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    Now,
    At(Millis),
    Never,
}

impl Lane {
    pub fn new(
        shared: Arc<Shared>,
        to: Arc<Forwarder>,
        kind: Kind,
        from: Place,
        tail: watch::Receiver<Place>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let status = shared.status(&to.name, kind);
        let lane = Self {
            shared,
            to,
            kind,
            status,
            saved: from,
            read: from,
            ready: VecDeque::new(),
            tail,
            stopped,
        };
        lane.status().place = from;
        lane
    }

    /// Until the house goes down.
    pub async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Stopped> {
        if *self.stopped.borrow() {
            if self.ready.is_empty() {
                self.save(self.read).await;
            }
            return Err(Stopped);
        }
        if let Err(error) = self.fill().await {
            if let Some(left_out) = self.shared.observer.may_say("copies unread", "") {
                tracing::warn!(forwarder = %self.to.name, %error, left_out, "what is to be copied cannot be read");
            }
            return self.rest(AGAIN).await;
        }
        let now = self.shared.clock.now();
        match self.due(now) {
            Due::Now => self.deliver().await,
            Due::At(at) => {
                tokio::select! {
                    () = self.shared.clock.sleep_until(at) => Ok(()),
                    changed = self.tail.changed() => changed.map_err(|_| Stopped),
                    _ = stopped(&mut self.stopped) => Ok(()),
                }
            }
            Due::Never => {
                if passed(&self.saved, &self.read) >= STRIDE {
                    self.save(self.read).await;
                }
                tokio::select! {
                    changed = self.tail.changed() => changed.map_err(|_| Stopped),
                    _ = stopped(&mut self.stopped) => Ok(()),
                }
            }
        }
    }

    async fn rest(&mut self, millis: Millis) -> Result<(), Stopped> {
        let until = self.shared.clock.now() + millis;
        tokio::select! {
            () = self.shared.clock.sleep_until(until) => Ok(()),
            stopped = stopped(&mut self.stopped) => Err(stopped),
        }
    }

    /// Reads on until a batch is full or nothing more is there.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let tail = *self.tail.borrow_and_update();
        let streams = self.kind.streams();
        while self.ready.len() < BATCH && self.read.is_behind(&tail, streams) {
            let page = self.shared.archive.page(self.read, streams, PAGE).await?;
            if page.place == self.read {
                break;
            }
            self.read = page.place;
            self.count_lost(page.lost);
            for found in page.items {
                if let Some(json) = derive::record(self.kind, &found.item, self.shared.kf_code) {
                    let (at, place) = (found.at, found.place);
                    self.ready.push_back(Ready { at, json, place });
                }
            }
            if *self.stopped.borrow() {
                break;
            }
        }
        self.status().waiting_since = self.ready.front().map(|ready| ready.at);
        Ok(())
    }

    fn count_lost(&self, rows: u64) {
        if rows == 0 {
            return;
        }
        self.status().lost += rows;
        self.shared.count(&self.to.name, self.kind, "lost", rows);
        tracing::warn!(
            forwarder = %self.to.name,
            kind = self.kind.name(),
            rows,
            "forgotten by the retention before they could be looked at for copying"
        );
    }

    fn due(&self, now: Millis) -> Due {
        let Some(first) = self.ready.front() else {
            return Due::Never;
        };
        // A clock that was set back keeps nobody waiting for longer than a moment.
        if self.ready.len() >= BATCH || self.batch().1 || (now - first.at).abs() >= LINGER {
            Due::Now
        } else {
            Due::At(first.at + LINGER)
        }
    }

    /// How many of the ready ones travel together, and whether no more would fit.
    fn batch(&self) -> (usize, bool) {
        let mut bytes = 0;
        for (count, ready) in self.ready.iter().take(BATCH).enumerate() {
            bytes += ready.json.len();
            if bytes > BATCH_BYTES {
                return (count.max(1), true);
            }
        }
        let count = self.ready.len().min(BATCH);
        (count, count == BATCH)
    }

    /// Sends one batch, for as long as it takes.
    async fn deliver(&mut self) -> Result<(), Stopped> {
        let (count, _) = self.batch();
        let Some(place) = self.ready.get(count - 1).map(|last| last.place) else {
            return Ok(());
        };
        let mut batch: Vec<Ready> = self.ready.drain(..count).collect();
        let mut failures = self.status().failures;
        while !batch.is_empty() {
            let posted = self.attempt(&batch).await?;
            let Some((why, after)) = self.refusal(&posted) else {
                self.taken(batch.len());
                break;
            };
            failures = failures.saturating_add(1);
            let wait = schedule::wait(failures, after, self.shared.chance.fraction());
            self.refused(failures, why, wait);
            self.rest(wait).await?;
            // Never before it was tried: a clock that jumped must not throw away what would have been taken.
            self.expire(&mut batch);
        }
        // With nothing left, whatever was looked at is behind us too.
        let place = match self.ready.is_empty() {
            true => self.read,
            false => place,
        };
        self.save(place).await;
        Ok(())
    }

    async fn attempt(&mut self, batch: &[Ready]) -> Result<Posted, Stopped> {
        let records: Vec<&str> = batch.iter().map(|ready| ready.json.as_str()).collect();
        let now = self.shared.clock.now();
        let protect = self.shared.protects(&self.to.name, self.kind);
        let post = seal::post(&self.to, self.kind, &records, protect, now, &*self.shared.chance);
        let post = match post {
            Ok(post) => post,
            Err(error) => return Ok(Posted::Unreachable(error.to_string())),
        };
        let clock = self.shared.clock.clone();
        let parting = async {
            let stopped = stopped(&mut self.stopped).await;
            clock.sleep_until(clock.now() + PARTING).await;
            stopped
        };
        tokio::select! {
            posted = self.shared.receivers.post(post, POST) => Ok(posted),
            stopped = parting => Err(stopped),
        }
    }

    /// Why it was not taken, and how long the receiver asks to wait.
    fn refusal(&self, posted: &Posted) -> Option<(String, Option<Millis>)> {
        match posted {
            Posted::Taken => None,
            Posted::Refused { status, after } => {
                self.shared.count_post(&self.to.name, "refused");
                Some((format!("answered {status}"), *after))
            }
            Posted::Unreachable(why) => {
                self.shared.count_post(&self.to.name, "unreachable");
                Some((why.clone(), None))
            }
        }
    }

    fn taken(&self, records: usize) {
        self.shared.count_post(&self.to.name, "taken");
        self.shared.count(&self.to.name, self.kind, "sent", records as u64);
        let failures = {
            let mut status = self.status();
            status.sent += records as u64;
            status.last_error.clear();
            status.next_attempt = None;
            std::mem::take(&mut status.failures)
        };
        if failures > 0 {
            tracing::info!(forwarder = %self.to.name, kind = self.kind.name(), failures, "the receiver takes copies again");
        }
    }

    fn refused(&self, failures: u32, why: String, wait: Millis) {
        // The types of one forwarder fail together, for one cause.
        if let Some(left_out) = self.shared.observer.may_say("copies refused", &self.to.name) {
            let kind = self.kind.name();
            tracing::warn!(forwarder = %self.to.name, kind, failures, error = %why, left_out, "copies were not taken");
        }
        let mut status = self.status();
        status.failures = failures;
        status.last_error = why;
        status.next_attempt = Some(self.shared.clock.now() + wait);
    }

    /// What is past the retention is kept nowhere, also not here.
    fn expire(&self, batch: &mut Vec<Ready>) {
        let before = self.shared.clock.now() - self.shared.keep;
        let all = batch.len();
        batch.retain(|ready| ready.at >= before);
        let gone = (all - batch.len()) as u64;
        if gone > 0 {
            self.status().expired += gone;
            self.shared.count(&self.to.name, self.kind, "expired", gone);
            tracing::warn!(
                forwarder = %self.to.name,
                kind = self.kind.name(),
                records = gone,
                "given up: the receiver did not take them within the retention"
            );
        }
    }

    async fn save(&mut self, place: Place) {
        if place == self.saved {
            return;
        }
        let write = places::put(&self.to.name, self.kind, place);
        match self.shared.store.write_records(vec![write]).await {
            Ok(_) => {
                self.saved = place;
                self.status().place = place;
            }
            // Later ones will; a crash before that repeats a few batches.
            Err(error) => {
                if let Some(left_out) = self.shared.observer.may_say("copies unmarked", "") {
                    let forwarder = &self.to.name;
                    tracing::warn!(%forwarder, %error, left_out, "how far copies went could not be written");
                }
            }
        }
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn passed(from: &Place, to: &Place) -> i64 {
    (to.event - from.event) + (to.message - from.message) + (to.record - from.record)
}

async fn stopped(told: &mut watch::Receiver<bool>) -> Stopped {
    // Whoever dropped the other end wants no more work either.
    let _ = told.wait_for(|stop| *stop).await;
    Stopped
}
