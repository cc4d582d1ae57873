//! Which numbers does Prometheus read? The contract's names; labels never name a customer.

use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The contract's metrics.
pub struct Metrics {
    registry: Registry,
    pub callbacks: IntCounterVec,
    pub callback_seconds: Histogram,
    pub callbacks_refused: IntCounterVec,
    pub quarantined: IntCounterVec,
    pub backlog_events: IntGaugeVec,
    pub backlog_age_seconds: GaugeVec,
    pub deliveries: IntCounterVec,
    pub sends: IntCounterVec,
    pub token_refreshes: IntCounterVec,
}

impl Metrics {
    #[expect(clippy::expect_used, reason = "names and labels are constants; a test builds this")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels).expect("a lawful metric");
            registry.register(Box::new(made.clone())).expect("registered once");
            made
        };
        let callbacks = counter(
            "wxbridge_callbacks_total",
            "Callbacks answered, by channel and kind of answer",
            &["channel", "answer"],
        );
        let callbacks_refused = counter(
            "wxbridge_callbacks_refused_total",
            "Callbacks refused, by account and code",
            &["account", "code"],
        );
        let quarantined = counter(
            "wxbridge_quarantined_total",
            "Bodies kept because they could not be read",
            &["account", "reason"],
        );
        let deliveries = counter(
            "wxbridge_deliveries_total",
            "Offers of events to cores, by result",
            &["core", "result"],
        );
        let sends = counter(
            "wxbridge_sends_total",
            "Messages, by road and status reached",
            &["channel", "road", "status"],
        );
        let token_refreshes = counter(
            "wxbridge_token_refreshes_total",
            "Access token refreshes, by result",
            &["result"],
        );
        let callback_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "wxbridge_callback_seconds",
                "From a callback's first byte to its answer",
            )
            .buckets(vec![
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5, 5.0,
            ]),
        )
        .expect("a lawful metric");
        registry
            .register(Box::new(callback_seconds.clone()))
            .expect("registered once");
        let backlog_events = IntGaugeVec::new(
            Opts::new("wxbridge_backlog_events", "Events that wait for a core"),
            &["core"],
        )
        .expect("a lawful metric");
        registry
            .register(Box::new(backlog_events.clone()))
            .expect("registered once");
        let backlog_age_seconds = GaugeVec::new(
            Opts::new(
                "wxbridge_backlog_age_seconds",
                "Age of the oldest event that waits for a core",
            ),
            &["core"],
        )
        .expect("a lawful metric");
        registry
            .register(Box::new(backlog_age_seconds.clone()))
            .expect("registered once");
        Self {
            registry,
            callbacks,
            callback_seconds,
            callbacks_refused,
            quarantined,
            backlog_events,
            backlog_age_seconds,
            deliveries,
            sends,
            token_refreshes,
        }
    }

    /// The text format that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
