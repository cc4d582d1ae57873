//! Is an answer inside this request still possible? The rules of one window; pure, the time is passed in.
//!
//! A window is one callback of the platform with all its attempts. With `hold = "three"` the platform's attempts one
//! and two are left unanswered on purpose, so that its three tries of five seconds make one long window.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    accounts::Opened,
    channels::contract::{PassiveTo, Seal},
    cores::Cores,
    ports::{clock::Millis, store::Stored},
    schema::{Timestamp, v1},
    settings::Hold,
};

/// No callback is answered later than this after its head was read: the platform gives up after five seconds.
pub const OUTER: Millis = 4_500;
/// Two tries of the platform, five seconds each, before the one that is answered.
const BEFORE_THIRD: Millis = 10_000;
/// One try of the platform.
const TRY: Millis = 5_000;
/// The platform's next attempt comes within this time, or not at all.
const NEXT_ATTEMPT: Millis = 8_000;
/// How long after the deadline an answer that is being committed may still ride in a request that has no bound of its own.
const GRACE: Millis = 300;

/// What an attempt is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The passive answer, sealed for this attempt.
    Passive(Vec<u8>),
    /// The answer stands in its message.
    Kept,
    Success,
}

/// One connection of the platform that waits.
pub struct Waiting {
    pub id: u64,
    pub opened: Arc<Opened>,
    pub seal: Seal,
    pub say: oneshot::Sender<Said>,
}

/// What an attempt does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Look again at this moment.
    Wait(Millis),
    /// This attempt alone is over.
    Leave,
    /// The whole window is over.
    End,
}

/// One callback that is open, or may be open again in a moment.
pub struct Window {
    /// Account and dedupe text.
    pub named: Arc<str>,
    pub event: Option<String>,
    pub to: PassiveTo,
    hold: Hold,
    cores: Arc<Cores>,
    first: Millis,
    pub deadline: Millis,
    pub claimed: bool,
    /// Nobody else will answer: it ends with the claim that is out.
    pub closing: bool,
    pub attempts: Vec<Waiting>,
    /// Attempts so far.
    pub seen: u32,
    last_ended: Millis,
}

impl Window {
    /// `budget` is the largest that any core has: which core it is comes out with the commit.
    pub fn new(named: Arc<str>, to: PassiveTo, hold: Hold, cores: Arc<Cores>, first: Millis, budget: Millis) -> Self {
        let mut window = Self {
            named,
            event: None,
            to,
            hold,
            cores,
            first,
            deadline: first,
            claimed: false,
            closing: false,
            attempts: Vec::with_capacity(1),
            seen: 0,
            last_ended: first,
        };
        window.lasts(budget);
        window
    }

    fn lasts(&mut self, budget: Millis) {
        let tries = match self.hold {
            Hold::One => 0,
            Hold::Three => BEFORE_THIRD,
        };
        self.deadline = self.first + tries + budget;
    }

    /// The commit says which core takes it. `false`: that core is never waited for.
    pub fn bind(&mut self, stored: &Stored) -> bool {
        let core = stored.core.as_deref().and_then(|name| self.cores.named(name));
        let budget = core.map_or(0, |core| core.reply_budget);
        self.event = Some(stored.event.id().to_owned());
        self.lasts(budget);
        budget > 0
    }

    /// Its event is known, and no core has taken it: whoever opened its window is gone. `now` one of the platform's further
    /// attempts came; which one, its distance from the first tells. `false`: that core is never waited for.
    pub fn again(&mut self, stored: &Stored, now: Millis) -> bool {
        let accepted = stored.event.accepted().map_or(now, |at| at.millis());
        let tries = ((now - accepted).max(0) + TRY / 2) / TRY;
        self.seen += u32::try_from(tries.clamp(1, 2)).unwrap_or(1);
        if self.hold == Hold::Three {
            self.first = accepted;
        }
        self.bind(stored)
    }

    /// An answer can still ride, be it in an attempt that is yet to come.
    pub fn possible(&self, now: Millis) -> bool {
        now < self.deadline && !self.lost(now)
    }

    /// The platform does not come again.
    fn lost(&self, now: Millis) -> bool {
        self.hold == Hold::Three && self.attempts.is_empty() && now >= self.last_ended + NEXT_ATTEMPT
    }

    /// When the last attempt ended, where none is open.
    pub fn left_at(&self) -> Option<Millis> {
        self.attempts.is_empty().then_some(self.last_ended)
    }

    /// A further attempt belongs here.
    pub fn joinable(&self, now: Millis) -> bool {
        self.claimed || self.possible(now)
    }

    /// Nobody needs it any more.
    pub fn forgotten(&self, now: Millis) -> bool {
        self.attempts.is_empty() && !self.claimed && !self.possible(now)
    }

    /// What the core is told.
    pub fn shown(&self, now: Millis) -> Option<v1::PassiveWindow> {
        let open = !self.attempts.is_empty() || self.hold == Hold::Three;
        (open && !self.closing && self.possible(now)).then(|| v1::PassiveWindow {
            deadline: Some(Timestamp::from_millis(self.deadline)),
            part_types: self.to.part_types.iter().map(|part| (*part).to_owned()).collect(),
            platform_attempt: self.seen,
        })
    }

    /// What the attempt `number` (from 1), whose bound is `outer`, does next.
    pub fn next(&self, number: u32, outer: Millis, now: Millis) -> Next {
        let unanswered = self.hold == Hold::Three && number < 3;
        let bound = if unanswered { self.deadline + GRACE } else { outer };
        if now >= bound {
            // After its third attempt the platform does not come again.
            let last = self.hold == Hold::Three && !unanswered && !self.claimed;
            return if last { Next::End } else { Next::Leave };
        }
        if now < self.deadline {
            return Next::Wait(self.deadline.min(bound));
        }
        if self.claimed { Next::Wait(bound) } else { Next::End }
    }

    /// An attempt is over, by its own end or the platform's.
    pub fn ended(&mut self, id: u64, now: Millis) {
        let before = self.attempts.len();
        self.attempts.retain(|waiting| waiting.id != id);
        if self.attempts.len() < before {
            self.last_ended = now;
        }
    }
}
