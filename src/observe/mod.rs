//! What should an operator see? Numbers, the life of one message, and the proof that every callback was answered.

pub mod metrics;

pub use metrics::Metrics;

/// Everything that is watched, told by those who do the work.
///
/// Cheap enough for every callback; never a customer's id in a label, never a body, token or key anywhere.
pub struct Observer {
    pub metrics: Metrics,
}

impl Observer {
    pub fn new() -> Self {
        Self {
            metrics: Metrics::new(),
        }
    }

    /// A callback was answered: `answer` is `success`, `passive`, `echostr`, `duplicate`, `quarantined`, `refused` or `unavailable`.
    pub fn callback_answered(
        &self,
        account: &str,
        channel: &str,
        answer: &'static str,
        millis: f64,
        event_id: Option<&str>,
    ) {
        let _ = (account, event_id);
        self.metrics.callbacks.with_label_values(&[channel, answer]).inc();
        self.metrics.callback_seconds.observe(millis / 1000.0);
    }

    /// A callback was refused; shown to the operator with the reason. An unknown account counts as `account=""`.
    pub fn callback_refused(&self, account: &str, fault: &crate::error::Fault) {
        self.metrics
            .callbacks_refused
            .with_label_values(&[account, fault.code.name()])
            .inc();
    }

    pub fn quarantined(&self, account: &str, fault: &crate::error::Fault) {
        self.metrics
            .quarantined
            .with_label_values(&[account, fault.code.name()])
            .inc();
    }

    /// One offer of an event to its core ended: `taken`, `retry`, `parked`, `down`, `slow`.
    pub fn offered(&self, core: &str, event_id: &str, attempt: u32, result: &'static str, millis: f64) {
        let _ = (event_id, attempt, millis);
        self.metrics.deliveries.with_label_values(&[core, result]).inc();
    }

    /// A message reached a status.
    pub fn send_settled(&self, channel: &str, road: &str, status: &str) {
        self.metrics.sends.with_label_values(&[channel, road, status]).inc();
    }

    pub fn token_refreshed(&self, result: &'static str) {
        self.metrics.token_refreshes.with_label_values(&[result]).inc();
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}
