//! How does what waits on a platform come to us, so that nothing is lost and nothing is told twice?
//!
//! ```text
//! bell       the platform rings: a durable mark, and the walker is woken
//! record     what is remembered of each place: the cursor, and since when
//! desk       whose turn is it? one walker per place, a few places at a time, in the order they rang
//! inventory  which places does an account have?
//! walk       one page: asked for, read, committed with its cursor, and what follows from it
//! page       what one page means for the conversations
//! faces      who the customers are, where the platform tells
//! welcome    the words that greet a customer where the core leaves the code unused
//! ```
//! A page is one commit: items, identities, cursor. Whatever stops us between two steps, the next page is asked for from the
//! last cursor that is on disk, and what it brings again is known.

mod bell;
mod desk;
mod faces;
#[cfg(test)]
mod faces_tests;
mod inventory;
mod page;
#[cfg(test)]
mod places_tests;
mod record;
#[cfg(test)]
mod talk_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod walk;
mod welcome;

use std::sync::Arc;

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    accounts::{Opened, Registry},
    channels::contract::Pulls,
    conversation::Rules,
    cores::Cores,
    inbound::trace::Traces,
    observe::Observer,
    outbound::Outbound,
    ports::{
        chance::Chance,
        clock::{Clock, Millis},
        store::Store,
    },
    tokens::Keeper,
};
use desk::{Desk, Job};
use faces::Faces;

/// What pulling needs from the house.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub cores: Arc<Cores>,
    pub keeper: Arc<Keeper>,
    /// Says the welcome.
    pub outbound: Arc<Outbound>,
    pub observer: Arc<Observer>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub rules: Rules,
    /// Pulls at the same time.
    pub pulls: usize,
    /// A place at which no bell rang is looked at after this.
    pub sweep: Millis,
}

/// The pulling side.
pub struct Pull {
    parts: Parts,
    desk: Desk,
    faces: Faces,
    traces: Traces,
    woken: Notify,
}

/// Accounts come and go: looked for this often.
const LOOK: Millis = 2_000;

impl Pull {
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            desk: Desk::new(parts.pulls),
            faces: Faces::default(),
            traces: Traces::default(),
            woken: Notify::new(),
            parts,
        })
    }

    fn now(&self) -> Millis {
        self.parts.clock.now()
    }

    /// Pulls until `stop` says true; a page under way is ended first.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        running.spawn(self.clone().recognise(stop.clone()));
        let mut look = Millis::MIN;
        self.greet_again().await;
        while !*stop.borrow() {
            while running.try_join_next().is_some() {}
            let now = self.now();
            // Set back, the clock would leave what came meanwhile unseen until it has come again.
            if now >= look || look > now + LOOK {
                self.look_around().await;
                look = now + LOOK;
            }
            while let Some(job) = self.desk.next(self.now()) {
                let pull = self.clone();
                running.spawn(async move { pull.work(job).await });
            }
            self.parts.observer.pulls_waiting(self.desk.waiting());
            let at = self.desk.next_due().map_or(look, |due| due.min(look));
            tokio::select! {
                () = self.woken.notified() => {}
                () = self.parts.clock.sleep_until(at.max(now + 1)) => {}
                _ = running.join_next(), if !running.is_empty() => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        while running.join_next().await.is_some() {}
    }

    async fn work(self: Arc<Self>, job: Job) {
        // Where it does not come to its end, a fault in one place must not close it for ever.
        let turn = desk::Turn::new(&self.desk, &self.woken, job.clone(), self.now() + desk::AFTER_FAULT);
        let after = match &job {
            Job::List(account) => self.list(account).await,
            Job::Page(place) => self.walk(place).await,
        };
        turn.ends((after, self.now()));
    }

    /// Every account that is pulled has a seat at the desk, and those that went have none.
    async fn look_around(&self) {
        let all = self.parts.registry.all();
        let pulled: Vec<Arc<Opened>> = all.into_iter().filter(|it| it.account.pulls().is_some()).collect();
        let new: Vec<_> = (pulled.iter())
            .filter(|opened| !self.desk.seats(&record::account_key(opened)))
            .cloned()
            .collect();
        if !new.is_empty() {
            self.remember(&new).await;
        }
        for opened in &pulled {
            let named = opened.account.pulls().map_or(&[][..], Pulls::named);
            self.desk.names(&record::account_key(opened), named, self.now());
        }
        let keys = pulled.iter().map(|opened| record::account_key(opened)).collect();
        self.desk.leave_only(&keys);
    }
}
