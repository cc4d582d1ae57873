//! What is the state of one conversation, and what does an event do to it? Pure: no store, no clock.
//!
//! Both stores keep [`State`] and apply [`State::append`] inside their transactions, so that `seq`, session, entry
//! parameters and allowances mean the same everywhere.

mod arrival;
pub mod key;
pub mod ledger;
mod session;

use std::borrow::Cow;

use bytes::Bytes;

pub use arrival::{Arrival, Saying};
pub use ledger::{Grant, Ledger, Opening};

use crate::{
    entry::{self, Weight},
    ports::clock::Millis,
    schema::{
        Timestamp,
        composed::{Parts, Shown},
        v1::{self, conversation::SessionState},
    },
};

/// A push that comes behind a later one comes within so long: the platform's attempts end after seconds, a restart of ours too.
pub const OVERTAKEN_BY: Millis = 10 * 60_000;

/// What the installation's configuration says about conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// A session ends this long after the customer's last act.
    pub session_idle: Millis,
}

/// The durable state of one conversation.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct State {
    /// As the schema shows it; `session_state`, `servicer` and times included.
    #[prost(message, optional, tag = "1")]
    pub conversation: Option<v1::Conversation>,
    /// The last sequence number given out.
    #[prost(uint32, tag = "2")]
    pub seq: u32,
    /// The epoch that `seq` counts in.
    #[prost(uint32, tag = "3")]
    pub epoch: u32,
    #[prost(message, optional, tag = "4")]
    pub entry: Option<v1::Entry>,
    #[prost(message, optional, tag = "5")]
    pub ledger: Option<Ledger>,
    /// Newest time the platform claimed here.
    #[prost(int64, tag = "6")]
    pub last_platform_time: i64,
    /// The core that takes it; empty = nobody yet.
    #[prost(string, tag = "7")]
    pub core: String,
    /// When the customer last acted: idle sessions end by it.
    #[prost(int64, tag = "8")]
    pub last_act: i64,
    /// The customer said something in this session: from then on its entry parameters stand.
    #[prost(bool, tag = "9")]
    pub spoke: bool,
    /// When the platform's session last moved, on the platform's clock.
    #[prost(int64, tag = "10")]
    pub session_moved: i64,
    /// It was an order of ours that moved it then.
    #[prost(bool, tag = "11")]
    pub session_ordered: bool,
    /// Where a pause of its account left it with nobody: the core that had it, or was to have it.
    #[prost(string, tag = "12")]
    pub core_before_pause: String,
}

/// Whose a conversation is, of an encoded state of which nothing else is read.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Cores {
    #[prost(string, tag = "7")]
    pub core: String,
    #[prost(string, tag = "12")]
    pub core_before_pause: String,
}

/// What the store stamps on an event.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub now: Millis,
    pub epoch: u32,
    pub id: String,
}

impl Stamp {
    /// The trace (W3C Trace Context) of an event that begins one: nobody's request is behind it. It has the event's name, which
    /// no other trace has.
    pub fn trace(&self) -> String {
        let id = self.id.replace('-', "");
        match id.get(16..) {
            Some(span) if id.len() == 32 => format!("00-{id}-{span}-00"),
            _ => String::new(),
        }
    }
}

/// An event appended, and whether the change it made can be read back out of the event itself.
#[derive(Clone, Debug)]
pub struct Appended {
    /// As it is written down.
    pub event: Bytes,
    pub seq: u32,
    /// The state holds more than the event tells: it must be written with it.
    pub write_state: bool,
}

impl State {
    /// A conversation nobody has spoken in yet.
    pub fn begin(
        account: &v1::Account,
        key: &str,
        customer: v1::Identity,
        scope: v1::conversation::Scope,
        epoch: u32,
    ) -> Self {
        Self {
            conversation: Some(v1::Conversation {
                key: key.to_owned(),
                account: Some(account.clone()),
                customer: Some(customer),
                scope: scope as i32,
                session_state: SessionState::Assistant as i32,
                first_seq: 1,
                ..Default::default()
            }),
            epoch,
            ledger: Some(Ledger::default()),
            ..Default::default()
        }
    }

    pub fn view(&self) -> v1::Conversation {
        self.conversation.clone().unwrap_or_default()
    }

    pub fn key(&self) -> &str {
        self.conversation.as_ref().map_or("", |it| &it.key)
    }

    pub fn session_state(&self) -> SessionState {
        self.conversation
            .as_ref()
            .map_or(SessionState::Unspecified, |it| it.session_state())
    }

    pub fn ledger_mut(&mut self) -> &mut Ledger {
        self.ledger.get_or_insert_with(Ledger::default)
    }

    /// A message went by the API: a session that nobody had taken yet is the assistant's (kf state 0 becomes 1), and so is
    /// one that we believed to be somebody else's, whose end the platform did not tell.
    pub fn assistant_spoke(&mut self) {
        let state = self.session_state();
        if matches!(state, SessionState::New | SessionState::Queued | SessionState::Human) {
            let conversation = self.conversation_mut();
            conversation.session_state = SessionState::Assistant as i32;
            conversation.servicer = None;
        }
    }

    /// Who the customer is; what is not said stays as it was. `true` where that is news.
    pub fn know(&mut self, known: &v1::Identity) -> bool {
        let customer = self
            .conversation_mut()
            .customer
            .get_or_insert_with(v1::Identity::default);
        let before = customer.clone();
        customer.aliases.extend(known.aliases.clone());
        for (to, from) in [
            (&mut customer.display_name, &known.display_name),
            (&mut customer.avatar_url, &known.avatar_url),
        ] {
            if !from.is_empty() {
                to.clone_from(from);
            }
        }
        *customer != before
    }

    /// What is open at `now`.
    pub fn allowances(&self, now: Millis) -> Vec<v1::Allowance> {
        self.ledger
            .as_ref()
            .map(|ledger| ledger.allowances(now))
            .unwrap_or_default()
    }

    /// A store of a later epoch starts counting anew.
    pub fn enter_epoch(&mut self, epoch: u32) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.seq = 0;
            self.conversation_mut().first_seq = 1;
        }
    }

    /// Gives the conversation to a core; the first it gets is what waits, or else what comes next. One that had it before a
    /// pause has had the first already.
    pub fn give_to(&mut self, core: &str, first_waiting: Option<u32>) {
        let returns = self.core.is_empty() && self.core_before_pause == core;
        if self.core != core {
            core.clone_into(&mut self.core);
            if !returns {
                self.conversation_mut().first_seq = first_waiting.unwrap_or(self.seq + 1);
            }
        }
        self.core_before_pause.clear();
    }

    /// Its account is paused: it is nobody's; who has it, or else `wanted`, is remembered until it is given to a core.
    pub fn take_away(&mut self, wanted: &str, first_waiting: Option<u32>) {
        let named = [&*self.core, wanted].into_iter().find(|core| !core.is_empty());
        if let Some(core) = named {
            // Another than the one that had it: it begins with what waits.
            if self.core.is_empty() && !self.core_before_pause.is_empty() && self.core_before_pause != core {
                self.conversation.get_or_insert_default().first_seq = first_waiting.unwrap_or(self.seq + 1);
            }
            self.core_before_pause = core.to_owned();
        }
        self.core.clear();
    }

    /// The core that has it, or that had it before its account was paused: where our own events go when they are written.
    pub fn usual_core(&self) -> &str {
        if self.core.is_empty() {
            &self.core_before_pause
        } else {
            &self.core
        }
    }

    /// Appends one event. `same_account`: the state is known to hold the account of the arrival, so that the two need not be
    /// compared: the state of one customer among thousands is not in the processor's cache.
    pub fn append(&mut self, arrival: &Arrival, stamp: &Stamp, same_account: bool) -> Appended {
        let state_before = self.session_state();
        // What the platform says happened before something that we know already: what came since stands.
        let late = arrival.platform_time.is_some_and(|at| at < self.last_platform_time);
        let behind = late && self.is_behind(arrival, stamp.now);
        self.freshen_customer(arrival, same_account);
        self.note_previous_key(arrival);
        let mut write_state = self.turn_session(arrival, stamp);
        let overtaken = self.overtaken(arrival, behind);
        write_state |= !overtaken && self.apply_session_effect(arrival);
        if self.session_state() != state_before {
            self.ledger_mut().state_left();
        }
        write_state |= !behind && self.settle_entry(arrival);
        if arrival.unfollowed && !behind {
            self.ledger_mut().unfollow();
            write_state = true;
        }
        let came_back = !(behind && self.ledger_mut().unfollowed);
        let opening = arrival.grant.as_ref().filter(|_| came_back);
        let allowances = self.settle_allowances(opening, late, stamp.now, &mut write_state);
        if arrival.customer_spoke {
            self.spoke = true;
            self.customer_spoke_at(arrival.platform_time, stamp.now);
        }
        if arrival.customer_acted {
            self.last_act = stamp.now;
            // That a signal is an act of theirs does not show in its event.
            write_state |= !arrival.customer_spoke;
        }
        self.last_platform_time = self.last_platform_time.max(arrival.platform_time.unwrap_or(0));
        self.seq += 1;
        let traceparent = match arrival.traceparent.as_str() {
            "" => Cow::Owned(stamp.trace()),
            given => Cow::Borrowed(given),
        };
        let event = Parts {
            id: &stamp.id,
            // Made of what has just arrived, as far as that is the same.
            conversation: Shown {
                key: &arrival.key,
                account: &arrival.account,
                rest: self.conversation.get_or_insert_default(),
            },
            epoch: stamp.epoch,
            seq: self.seq,
            platform_time: arrival.platform_time.map(Timestamp::from_millis),
            accepted_time: Some(Timestamp::from_millis(stamp.now)),
            late: late || overtaken || !arrival.redelivery_of.is_empty(),
            history: arrival.history,
            dedupe_key: arrival.dedupe.as_ref().map_or("", |dedupe| &dedupe.text),
            redelivery_of: &arrival.redelivery_of,
            // One that comes later than it could count shows on its own event only.
            entry: telling(arrival).or(self.entry.as_ref()),
            allowances: &allowances,
            traceparent: &traceparent,
            body: &arrival.body.encoded(self.seq),
            raw: arrival.raw.as_ref(),
        };
        Appended {
            event: event.compose(),
            seq: self.seq,
            write_state,
        }
    }

    /// Repeats on the state what a lazily written event did to it. `true` if it was not known yet.
    pub fn replay(&mut self, event: &v1::Event) -> bool {
        if event.epoch != self.epoch || event.seq <= self.seq {
            return false;
        }
        self.seq = event.seq;
        self.conversation.clone_from(&event.conversation);
        let accepted = event.accepted_time.map_or(0, |at| at.millis());
        if let Some(at) = event.platform_time {
            self.last_platform_time = self.last_platform_time.max(at.millis());
        }
        let spoke = matches!(&event.body, Some(v1::event::Body::Message(message))
            if message.origin() == v1::message::Origin::CustomerSent);
        if spoke || matches!(event.body, Some(v1::event::Body::Interaction(_))) {
            self.last_act = accepted;
        }
        self.spoke |= spoke;
        self.ledger_mut().adopt(&event.allowances);
        true
    }

    /// Counts an event of this epoch that nobody can read any more, so that no other gets its number.
    pub fn passes(&mut self, epoch: u32, seq: u32) -> bool {
        let counts = epoch == self.epoch && seq > self.seq;
        if counts {
            self.seq = seq;
        }
        counts
    }

    fn conversation_mut(&mut self) -> &mut v1::Conversation {
        self.conversation.get_or_insert_with(v1::Conversation::default)
    }

    /// When the customer said the last of what they said: as the platform tells it, because what is pulled, or read again
    /// after it could not be opened, was said long before it came.
    fn customer_spoke_at(&mut self, platform_time: Option<Millis>, now: Millis) {
        let at = platform_time.map_or(now, |at| at.min(now));
        let last = &mut self.conversation_mut().last_customer_message_time;
        if last.is_none_or(|last| last.millis() <= at) {
            *last = Some(Timestamp::from_millis(at));
        }
    }

    /// Account names and aliases may change between events.
    fn freshen_customer(&mut self, arrival: &Arrival, same_account: bool) {
        let conversation = self.conversation_mut();
        if !same_account && conversation.account.as_ref() != Some(&*arrival.account) {
            conversation.account = Some((*arrival.account).clone());
        }
        let customer = conversation.customer.get_or_insert_with(v1::Identity::default);
        for (kind, id) in &arrival.customer.aliases {
            if customer.aliases.get(kind) != Some(id) {
                customer.aliases.insert(kind.clone(), id.clone());
            }
        }
    }

    /// The platform changed the customer's id: the conversation of the new one names the key of the old one.
    fn note_previous_key(&mut self, arrival: &Arrival) {
        let changed = |signal: &&v1::Signal| signal.r#type() == v1::signal::Type::IdentityChanged;
        let signal = arrival.body.signal().filter(changed);
        let Some(old) = signal.and_then(|signal| signal.subject.as_ref()) else {
            return;
        };
        let conversation = self.conversation_mut();
        let Some(mut key) = key::Key::parse(&conversation.key) else {
            return;
        };
        key.native_id.clone_from(&old.native_id);
        let key = key.render();
        if key != conversation.key && !conversation.previous_keys.contains(&key) {
            conversation.previous_keys.push(key);
        }
    }

    /// The entry parameters of the session: until the customer has spoken the latest win that say as much as those before them;
    /// after that they stand. One that says nothing fills an empty place alone. `true`: they are others now.
    fn settle_entry(&mut self, arrival: &Arrival) -> bool {
        let Some(comes) = &arrival.entry else {
            return false;
        };
        let counts = match &self.entry {
            None => true,
            Some(standing) => match (entry::weight(comes), entry::weight(standing)) {
                (Weight::Nothing, _) => false,
                (_, Weight::Nothing) => true,
                (comes, standing) => !self.spoke && comes >= standing,
            },
        };
        if counts {
            self.entry = Some(v1::Entry::clone(comes));
        }
        counts
    }

    /// What came since stands. Where the moments lie further apart, or ahead, one of the times says nothing: nobody checks what
    /// an official account's callbacks carry.
    fn is_behind(&self, arrival: &Arrival, now: Millis) -> bool {
        let near = |at: Millis| (now - at).abs() <= OVERTAKEN_BY;
        arrival.platform_time.is_some_and(near) && near(self.last_platform_time)
    }

    /// What is open with this event.
    fn settle_allowances<'a>(
        &mut self,
        opening: Option<&'a Opening>,
        late: bool,
        now: Millis,
        write_state: &mut bool,
    ) -> Cow<'a, [v1::Allowance]> {
        let Some(opening) = opening else {
            return self.allowances(now).into();
        };
        let ledger = self.ledger_mut();
        if late && !ledger.gains(opening, now) {
            return ledger.allowances(now).into();
        }
        let grants_before = ledger.grants.len();
        *write_state |= ledger.unfollowed;
        let open = ledger.opened(opening, now);
        // An expired grant of another trigger does not show in the event, and a new kind of grant is rare.
        *write_state |= ledger.grants.len() != grants_before.max(1);
        open
    }
}

/// How the customer came in, where this event says so.
fn telling(arrival: &Arrival) -> Option<&v1::Entry> {
    arrival.entry.as_deref().filter(|entry| !entry::says_nothing(entry))
}

#[cfg(test)]
mod append_tests;

#[cfg(test)]
mod replay_tests;

#[cfg(test)]
mod state_tests;
