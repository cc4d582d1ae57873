//! May we say this now, and by which road? The core's answer on its way to the customer.
//!
//! ```text
//! check    is the request lawful by itself? malformed: parts that no channel would send
//! plan     passive, API, later or not at all?           pure
//! quote    what does a message that it quotes say, and may it be quoted?
//! files    which files does it carry, and what if the platform does not take one?
//! resolve  which platform ids stand for them?
//! pictures those inside a text: messages of their own, or links?
//! source   where do their bytes come from?
//! submit   a request from outside: durable, then ACCEPTED
//! replies  a core's answer to an event: committed with the event's acceptance
//! ride     the way into an open request, and what happens when it closed first
//! lanes    whose turn is it?
//! shares   how many lanes of one account run at a time?
//! dispatch one lane: in order, each step durable before the next
//! send     one message by the API; outcome: what follows where it did not go
//! pace     how fast messages to one customer may follow each other
//! orders   session orders; platform_orders: where the platform keeps sessions; platform_session: who has the customer there;
//!          closing: the words that end an order
//! by_code  one message by a code that came with an event
//! recall   taking a message back
//! tickets  codes of the platform's that a message uses up
//! told     what the core hears of its accounts
//! ```
//! How a message stands in the store: ACCEPTED waits (with `passive` and no piece done: kept for the platform's next
//! attempt); SENDING means that a call may be under way, so that one found after a crash is ambiguous; HELD waits for the
//! customer, `next_attempt` being their last act that was known then. Everything else is final.

mod by_code;
mod card_info;
mod check;
mod closing;
mod dispatch;
mod facts;
mod faults;
mod files;
mod lanes;
mod malformed;
mod orders;
mod outcome;
mod pace;
mod pictures;
pub mod plan;
mod platform_orders;
mod platform_session;
mod quote;
mod recall;
mod replies;
mod resolve;
mod ride;
mod send;
mod shares;
mod source;
mod submit;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod tickets;
mod told;

/// Whether a request is lawful by itself: what window, quota, session and platform say is asked elsewhere.
pub use check::shape as lawful_by_itself;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::oneshot;

pub use by_code::forget_old as forget_old_codes;
pub use facts::capabilities;
pub use lanes::Handle;
pub use resolve::{LinkMaker, forget_old as forget_old_media};
pub use submit::Caller;
pub use tickets::forget_old as forget_old_tickets;

use crate::ports::fetch::Fetch;
use crate::{
    accounts::{Opened, Registry},
    conversation::{Rules, key::Key},
    cores::Cores,
    media::Library,
    observe::Observer,
    ports::{
        clock::{Clock, Millis},
        store::{Arrival, Message, Row, Settle, Store, StoreError},
        turn::Windows,
    },
    schema::v1::{self, send_result::Status},
    tokens::Keeper,
};

/// Lanes at the same time, over all accounts; of one account see [`shares`].
const IN_FLIGHT: usize = 256;
/// Messages of one conversation that are not done yet, those that are held among them. What comes beyond is refused, so that
/// a platform that is away costs no queue without end.
const OPEN_MAX: u32 = 1_000;
/// Who met that bound may come again after so many seconds.
const OPEN_AGAIN: u32 = 5;
/// A message without `notAfter` is held this long.
const HELD_FOR: Millis = 48 * 3_600_000;

/// What the outbound side needs from the house.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub registry: Arc<Registry>,
    pub windows: Arc<dyn Windows>,
    pub cores: Cores,
    pub clock: Arc<dyn Clock>,
    pub observer: Arc<Observer>,
    pub keeper: Arc<Keeper>,
    pub library: Arc<Library>,
    pub fetch: Arc<dyn Fetch>,
    pub links: Option<LinkMaker>,
    pub rules: Rules,
    /// The one that the store's listener calls.
    pub lanes: Handle,
}

/// The outbound side. Made before [`Outbound::run`] starts its dispatcher.
pub struct Outbound {
    parts: Parts,
    resolver: Arc<resolve::Resolver>,
    probes: facts::Probes,
    paces: pace::Paces,
    shares: Arc<shares::Shares>,
    /// Messages whose road is being decided: a kept passive answer goes once, into a request or by the API.
    deciding: Mutex<HashSet<Row>>,
    decided: tokio::sync::Notify,
    /// Held by who tells the core of a change of an account.
    telling: tokio::sync::Mutex<()>,
    /// Accounts whose news the store refused; somebody waits to tell them.
    untold: Mutex<HashSet<String>>,
    waiting: Mutex<HashMap<String, Vec<oneshot::Sender<()>>>>,
    /// For work that goes on beside its caller.
    this: Weak<Outbound>,
}

impl Outbound {
    pub fn new(parts: Parts) -> Arc<Self> {
        let resolver = Arc::new(resolve::Resolver {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            keeper: parts.keeper.clone(),
            library: parts.library.clone(),
            fetch: parts.fetch.clone(),
            links: parts.links.clone(),
            flights: Mutex::default(),
            room: source::room(),
        });
        Arc::new_cyclic(|this| Self {
            parts,
            resolver,
            probes: facts::Probes::default(),
            paces: pace::Paces::default(),
            shares: Arc::default(),
            deciding: Mutex::default(),
            decided: tokio::sync::Notify::new(),
            telling: tokio::sync::Mutex::default(),
            untold: Mutex::default(),
            waiting: Mutex::default(),
            this: this.clone(),
        })
    }

    fn now(&self) -> Millis {
        self.parts.clock.now()
    }

    /// The core that hears of this account's messages, and whether it wants to hear of good news too.
    fn tells_all(&self, account: &v1::Account) -> bool {
        self.parts
            .cores
            .for_account(account)
            .is_some_and(|core| core.all_delivery_updates)
    }

    /// Bad news always come as events, good news only where asked for; steps on the way never.
    fn tell(&self, account: &v1::Account, status: Status) -> bool {
        match status {
            Status::Failed | Status::Unknown | Status::Expired | Status::Held | Status::Recalled => true,
            Status::Sent | Status::HandedOver => self.tells_all(account),
            Status::Unspecified | Status::Accepted | Status::Sending => false,
        }
    }

    /// The same of a message whose account may have gone since: its conversation says what it was.
    fn tells(&self, message: &Message, status: Status) -> bool {
        if let Some(opened) = self.opened(&message.account) {
            return self.tell(&opened.describe, status);
        }
        let mut gone = v1::Account {
            id: message.account.clone(),
            ..Default::default()
        };
        if let Some(key) = Key::parse(&message.key) {
            (gone.channel, gone.platform_id, gone.sub_id) = (key.channel, key.platform_id, key.sub_id);
        }
        self.tell(&gone, status)
    }

    /// Commits one step; a store that is busy is asked again for a while, because what the platform did is lost otherwise.
    async fn settle(&self, mut settle: Settle) -> Result<Arc<Message>, StoreError> {
        settle.result.error = settle.result.error.map(faults::explained);
        let message = self.patiently(|| self.parts.store.settle(settle.clone())).await?;
        match message.status() == settle.result.status() {
            true => self.reached(&message),
            // It had failed for good meanwhile, which was told then.
            false => self.wake(&message),
        }
        Ok(message)
    }

    /// Commits an event of our own making in the same way.
    async fn append(&self, arrival: Arrival) -> Result<(), StoreError> {
        let accept = || self.parts.store.accept(Box::new(arrival.clone()));
        self.patiently(accept).await.map(|_| ())
    }

    /// Tries for a dozen seconds.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut pause = 50;
        loop {
            match attempt().await {
                Err(error) if pause <= 6_400 => {
                    tracing::warn!(%error, "a step was not committed yet");
                    self.parts.clock.sleep_until(self.now() + pause).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
    }

    /// Shows the message, counts a status worth counting and wakes whoever waits for it.
    fn reached(&self, message: &Message) {
        self.parts.observer.message(message);
        if message.is_final() || message.status() == Status::Held {
            self.wake(message);
        }
    }

    /// Wakes whoever waits for it.
    fn wake(&self, message: &Message) {
        let waiting = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&message.id);
        for waiter in waiting.into_iter().flatten() {
            // Whoever gave up waiting has dropped the other end.
            let _ = waiter.send(());
        }
    }

    /// Wins the one right to decide a message's road; `None` while somebody else decides.
    fn decide(self: &Arc<Self>, row: Row) -> Option<Deciding> {
        let mut deciding = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        deciding.insert(row).then(|| Deciding {
            outbound: self.clone(),
            row,
        })
    }

    /// The account with this id, whichever place on the platform it has now.
    fn opened(&self, account: &str) -> Option<Arc<Opened>> {
        self.parts.registry.get(account)
    }

    /// The account with this id, while this conversation is its own. An id may come to stand for another place, where the same
    /// name is another person: nothing may be called for the conversations that it had before.
    fn owner(&self, account: &str, key: &str) -> Option<Arc<Opened>> {
        self.opened(account).filter(|opened| opened.has(key))
    }

    /// Why there is no owner.
    fn without_owner(&self, account: &str) -> &'static str {
        match self.opened(account) {
            Some(_) => "the account has another platform id now, at which this conversation is not",
            None => "the account is not bound any more",
        }
    }
}

/// The right to decide one message's road, until dropped.
struct Deciding {
    outbound: Arc<Outbound>,
    row: Row,
}

impl Drop for Deciding {
    fn drop(&mut self) {
        let mut deciding = self.outbound.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        deciding.remove(&self.row);
        drop(deciding);
        self.outbound.decided.notify_waiters();
    }
}

/// A step that changes nothing yet: what stands, to be changed by the caller.
fn step(message: &Message) -> Settle {
    Settle {
        message: message.row,
        result: message.result.clone(),
        passive: message.passive.clone(),
        pieces_done: message.pieces_done,
        attempts: message.attempts,
        next_attempt: message.next_attempt,
        ledger: Vec::new(),
        tell: false,
    }
}
