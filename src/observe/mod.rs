//! What should an operator see? Numbers, the life of one message, and the proof that every callback was answered.

pub mod day;
pub mod handed;
pub mod ledger;
pub mod logging;
pub mod metrics;
pub mod refusals;
pub mod throttle;
pub mod timeline;

use std::sync::Arc;

pub use day::Day;
pub use handed::HandedOn;
pub use ledger::AnswerLedger;
pub use metrics::Metrics;
pub use refusals::Refusals;
pub use throttle::Throttle;
pub use timeline::Timeline;

use crate::{
    error::Fault,
    ports::{
        clock::{Clock, SystemClock},
        store::{Message, Stored},
    },
    schema::v1::send_result::{Road, Status},
    settings::PassMode,
};

/// Everything that is watched, told by those who do the work.
///
/// Cheap enough for every callback; never a customer's id in a label, never a body, token or key anywhere.
pub struct Observer {
    pub metrics: Metrics,
    pub answers: AnswerLedger,
    /// How cores answered what was offered to them, by core; of the last two hours.
    pub cores: AnswerLedger,
    pub refusals: Refusals,
    pub timeline: Timeline,
    pub day: Day,
    pub handed_on: HandedOn,
    /// By what is said, and of whom.
    said: Throttle<(&'static str, String)>,
    clock: Arc<dyn Clock>,
}

impl Observer {
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            metrics: Metrics::new(),
            answers: AnswerLedger::default(),
            cores: AnswerLedger::default(),
            refusals: Refusals::default(),
            timeline: Timeline::new(clock.now().unsigned_abs()),
            day: Day::default(),
            handed_on: HandedOn::default(),
            said: Throttle::default(),
            clock,
        }
    }

    /// Whether `what` may be logged of `whose` now: one line a second says it. How often it was left out since the last one.
    pub fn may_say(&self, what: &'static str, whose: &str) -> Option<u64> {
        self.said.permits((what, whose.to_owned()), self.clock.now())
    }

    /// A callback was answered: `answer` is `success`, `passive`, `echostr`, `duplicate`, `quarantined`, `refused`,
    /// `unavailable`, or `passthrough` for the answer of the system before us.
    pub fn callback_answered(
        &self,
        account: &str,
        channel: &str,
        answer: &'static str,
        millis: f64,
        event_id: Option<&str>,
    ) {
        self.metrics.callbacks.with_label_values(&[channel, answer]).inc();
        self.metrics.callback_seconds.observe(millis / 1000.0);
        // Whoever checks the address, the console or our own doctor, brings no customer's word.
        if answer != "echostr" {
            // 503 asks the platform to come again: it is not an answer that the customer has.
            let answered = answer != "unavailable";
            self.answers.ended(account, answer, answered, millis, self.clock.now());
        }
        if let Some(event_id) = event_id {
            self.timeline.answered(event_id, answer, millis);
        }
    }

    /// The platform closed the connection before our answer left.
    pub fn callback_unanswered(&self, account: &str, channel: &str, millis: f64) {
        self.metrics.callbacks.with_label_values(&[channel, "closed"]).inc();
        self.answers.ended(account, "closed", false, millis, self.clock.now());
    }

    /// A callback was refused; shown to the operator with the reason. An unknown account counts as `account=""`.
    pub fn callback_refused(&self, account: &str, fault: &Fault) {
        self.metrics
            .callbacks_refused
            .with_label_values(&[account, fault.code.name()])
            .inc();
        self.refusals.note(account, fault, self.clock.now());
    }

    pub fn quarantined(&self, account: &str, fault: &Fault) {
        self.metrics
            .quarantined
            .with_label_values(&[account, fault.code.name()])
            .inc();
    }

    /// A callback was handed to the system before us: `answered`, `unlawful` or `failed`.
    pub fn handed(&self, mode: PassMode, result: &'static str) {
        let mode = match mode {
            PassMode::Tee => "tee",
            PassMode::Answer => "answer",
        };
        self.metrics.handed_on.with_label_values(&[mode, result]).inc();
    }

    /// An event became durable. Called from the store's writer: never blocks.
    pub fn committed(&self, stored: &Stored) {
        self.timeline.committed(stored, self.clock.now());
    }

    /// A message entered the outbox or reached a new status. Never blocks.
    pub fn message(&self, message: &Message) {
        self.timeline.message(message, self.clock.now());
        if message.is_final() || message.status() == Status::Held {
            let channel = message.key.split(':').next().unwrap_or_default();
            let road = match message.result.road() {
                Road::Unspecified => "NONE",
                road => road.as_str_name(),
            };
            self.send_settled(channel, road, message.status().as_str_name());
        }
    }

    /// One offer of an event to its core ended: `taken`, `retry`, `parked`, `down`, `slow`.
    pub fn offered(&self, core: &str, event_id: &str, attempt: u32, result: &'static str, millis: f64) {
        self.metrics.deliveries.with_label_values(&[core, result]).inc();
        self.cores
            .ended(core, result, result == "taken", millis, self.clock.now());
        self.timeline
            .offered(core, event_id, attempt, result, millis, self.clock.now());
    }

    /// A message reached a status worth counting.
    pub fn send_settled(&self, channel: &str, road: &str, status: &str) {
        self.metrics.sends.with_label_values(&[channel, road, status]).inc();
    }

    /// What became of a file that a customer sent: a state of the schema's.
    pub fn media_fetched(&self, channel: &str, result: &str) {
        self.metrics.media_fetches.with_label_values(&[channel, result]).inc();
    }

    pub fn token_refreshed(&self, result: &'static str) {
        self.metrics.token_refreshes.with_label_values(&[result]).inc();
    }

    /// A page was asked for, and is not on disk: `uncommitted`, or why the platform gave none.
    pub fn pull_failed(&self, channel: &str, result: &'static str) {
        self.metrics.pulls.with_label_values(&[channel, result]).inc();
    }

    /// A page is on disk; `by` is `bell` where one rang lately, else `sweep`.
    pub fn pulled(&self, channel: &str, by: &'static str, items: usize, millis: i64) {
        self.metrics.pulls.with_label_values(&[channel, "committed"]).inc();
        let counter = self.metrics.pull_items.with_label_values(&[channel, by]);
        counter.inc_by(items as u64);
        self.metrics.pull_seconds.observe(millis as f64 / 1000.0);
    }

    /// So many turns wait for a free one.
    pub fn pulls_waiting(&self, turns: usize) {
        self.metrics.pulls_waiting.set(i64::try_from(turns).unwrap_or(i64::MAX));
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}
